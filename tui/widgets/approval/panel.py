"""The panel that asks whether a call may be made: what it would do, and the answers. One question at a time."""

from dataclasses import dataclass, replace
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from megacontext.agent.edits.change import Change, visible
from megacontext.agent.permissions.asking import (
    Always,
    Answer,
    No,
    Part,
    PermissionRequest,
    Rule,
    Stop,
    Yes,
)

from ... import keys
from ..line_input import LineInput
from .diff_view import DiffView

ACTIONS = {"read": "read", "edit": "change files", "run": "run a program"}


class ApprovalPanel(Vertical, can_focus=True):
    """Shows a request; says what the person answered with `Answered`."""

    BINDINGS: ClassVar[list[BindingType]] = keys.APPROVAL

    @dataclass
    class Answered(Message):
        """The person has decided."""

        answer: Answer

    @dataclass
    class RuleAsked(Message):
        """Several rules could be meant by "always"; answer with `answer_always`."""

        rules: tuple[Rule, ...]

    @dataclass
    class EditAsked(Message):
        """The person wants to write the change themselves; answer with `edited`."""

        change: Change

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.request: PermissionRequest | None = None
        self._edited = False

    def compose(self) -> ComposeResult:
        """The parts, from top to bottom."""
        yield Static(id="approval-title", markup=False)
        yield DiffView(choosing=True, id="approval-diff")
        yield Static(id="approval-why", markup=False)
        yield LineInput(id="approval-reason", placeholder="why not? Enter sends it", compact=True)

    @property
    def diff(self) -> DiffView:
        """What would happen."""
        return self.query_one(DiffView)

    def show(self, request: PermissionRequest) -> None:
        """Ask."""
        plan = request.plan
        self.request, self._edited = request, False
        what = ACTIONS.get(plan.action, plan.action)
        self.query_one("#approval-title", Static).update(
            visible(f"Allow {plan.tool} to {what}?  {plan.summary}")
        )
        self._show_plan()
        self.query_one("#approval-why", Static).display = False
        self.query_one(Input).display = False
        self.display = True
        self.focus()

    def close(self) -> None:
        """Ask nothing any more."""
        self.request = None
        self.display = False

    def _show_plan(self) -> None:
        assert self.request is not None
        plan = self.request.plan
        if plan.changes:
            self.diff.show(plan.changes)
        else:
            self.diff.show_text(f"$ {plan.subject}" if plan.action == "run" else plan.subject)
        self.diff.styles.height = min(self.diff.line_count, max(4, self.screen.size.height // 2))

    def _answer(self, answer: Answer) -> None:
        if self.request is not None:
            self.request = None
            self.display = False
            self.post_message(self.Answered(answer))

    # Answers

    def action_yes(self) -> None:
        """What is shown may happen."""
        if self.request is None:
            return
        plan = self.request.plan
        if not self.diff.is_whole:
            self._answer(Part(plan.with_hunks(self.diff.chosen)))
        else:
            self._answer(Part(plan) if self._edited else Yes())

    def action_always(self) -> None:
        """It may happen, and whatever is like it."""
        rules = self.request.always if self.request else ()
        if len(rules) == 1:
            self.answer_always(rules[0])
        elif rules:
            self.post_message(self.RuleAsked(rules))
        else:
            self.app.notify("there is no rule for this: it is asked about each time")

    def answer_always(self, rule: Rule) -> None:
        """It may happen, and whatever fits the rule."""
        self._answer(Always(rule))

    def action_no(self) -> None:
        """It may not happen; the person may say why."""
        reason = self.query_one(Input)
        reason.value = ""
        reason.display = True
        reason.focus()

    @on(Input.Submitted, "#approval-reason")
    def _refuse(self, event: Input.Submitted) -> None:
        event.stop()
        self._answer(No(event.value.strip()))

    def action_stop(self) -> None:
        """It may not happen, and the turn ends; from the reason, go back to the question."""
        if self.query_one(Input).has_focus:
            self.query_one(Input).display = False
            self.focus()
        else:
            self._answer(Stop())

    def action_why(self) -> None:
        """Tell why it is asked, and what "always" would allow."""
        if self.request is None:
            return
        rules = ", ".join(map(str, self.request.always)) or "nothing"
        why = self.query_one("#approval-why", Static)
        why.update(visible(f"{self.request.why}; always would allow {rules}"))
        why.display = not why.display

    def action_edit(self) -> None:
        """Write the change of the current hunk's file oneself."""
        if self.request is None or not self.request.plan.changes:
            return
        changes = {change.path: change for change in self.request.plan.changes}
        hunks = self.diff.hunks
        path = hunks[self.diff.current][0] if hunks else next(iter(changes))
        if changes[path].after is not None:
            self.post_message(self.EditAsked(changes[path]))

    def edited(self, change: Change) -> None:
        """The person has written a change of one file."""
        if self.request is None:
            return
        plan = self.request.plan
        changes = tuple(change if each.path == change.path else each for each in plan.changes)
        plan = replace(plan, changes=tuple(each for each in changes if not each.is_empty))
        self.request, self._edited = replace(self.request, plan=plan), True
        self._show_plan()

    # Moving

    def action_hunk(self, step: int) -> None:
        """Go to another hunk."""
        self.diff.move(step)

    def action_toggle_hunk(self) -> None:
        """Leave a hunk out, or take it in again."""
        self.diff.toggle()

    def action_page(self, step: int) -> None:
        """Scroll."""
        self.diff.page(step)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean nothing for this request are not shown."""
        changes = self.request.plan.changes if self.request else ()
        if action == "edit":
            return bool(changes)
        if action in ("toggle_hunk", "hunk"):
            return bool(changes)
        if action == "always":
            return bool(self.request and self.request.always)
        return True

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Keys must not go astray while a question is open."""
        if self.request is not None and self.app.focused is None:
            self.focus()
