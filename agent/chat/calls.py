"""The calls of an answer, carried out: planned, permitted, done, told to the model. Knows no model and no prompt."""

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from megacontext.configs.errors import SandboxError, ToolError
from megacontext.models.base import Cancel, ToolCall
from megacontext.models.language.tool_calls import object_in

from ..events import Event, Notice
from ..permissions.asking import Always, Answer, Approver, Never, No, Part, PermissionRequest, Stop
from ..permissions.permissions import Permissions
from ..tools.base import Edit, Plan, Shop, Tool, ToolResult
from ..tools.checks import planned_checks, run_check
from .events import (
    CallRefused,
    CheckFinished,
    Edited,
    PermissionAsked,
    PermissionGiven,
    ToolFinished,
    ToolStarted,
)
from .limits import EndedError, Meter


class Nobody:
    """The approver of a run without a person: refuses, and remembers what would have had to be allowed."""

    def __init__(self) -> None:
        self.refused: list[Plan] = []

    def ask(self, request: PermissionRequest) -> Answer:
        """Say no."""
        self.refused.append(request.plan)
        return No("nobody is there to be asked")


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one call."""

    call: ToolCall
    text: str
    """For the model."""
    made: bool = True
    """False for a call that cannot be made at all."""
    edited: tuple[Edit, ...] = ()
    touched: tuple[str, ...] = ()
    """Paths that it looked at or changed."""
    ran: bool = False
    """Whether a program ran, which may have changed any file."""


class _NotAllowedError(Exception):
    """A plan may not be carried out; says why."""


class Calls:
    """Carries out calls for one session."""

    def __init__(
        self, tools: Iterable[Tool], shop: Shop, permissions: Permissions, approver: Approver
    ) -> None:
        self.tools = {tool.spec.name: tool for tool in tools}
        self.shop = shop
        self.permissions = permissions
        self.approver = approver
        self._protection_told = False

    def begin(self, turn: int) -> None:
        """Edits belong to this turn of the conversation from now on."""
        self.shop.journal.turn = turn
        if isinstance(self.approver, Nobody):
            self.approver.refused.clear()

    @property
    def unasked(self) -> list[Plan]:
        """What was not allowed in this turn because nobody is there to be asked."""
        return self.approver.refused if isinstance(self.approver, Nobody) else []

    def carry_out(
        self, call: ToolCall, cancel: Cancel | None, meter: Meter
    ) -> Generator[Event, None, Answered]:
        """One call from its start to its end. Raises EndedError when the person wants the turn to end."""
        tool, arguments = self.tools.get(call.name), object_in(call.arguments)
        if tool is None or arguments is None:
            reason = f"the arguments of {call.name} are no JSON object"
            if tool is None:
                reason = f"there is no tool {call.name}; there are {', '.join(self.tools)}"
            yield CallRefused(reason, f"{call.name} {call.arguments}")
            return Answered(call, f"Not called: {reason}.", made=False)
        yield ToolStarted(call.id, call.name, tool.subject(arguments), arguments)
        started, asked = time.perf_counter(), meter.asked
        plan: Plan | None = None
        try:
            planned = tool.plan(arguments, self.shop)
            plan = yield from self._permitted(call, planned, meter)
            yield from self._protection(plan)
            result = tool.execute(plan, self.shop, cancel)
            if plan is not planned:
                told = f"The user accepted only a part of it:\n{plan.preview}\n{result.text}"
                result = replace(result, text=told)
        except _NotAllowedError as exc:
            text = f"This was not allowed: {exc}. Do not try it in another way."
            result = ToolResult(text=text, summary=f"not allowed: {exc}", ok=False)
        except ToolError as exc:
            result = ToolResult(text=str(exc), summary=str(exc).partition("\n")[0], ok=False)
        except EndedError as exc:
            yield self._finished(call, ToolResult(text="", summary=exc.detail, ok=False), 0.0)
            raise
        seconds = time.perf_counter() - started - (meter.asked - asked)
        meter.tool(seconds)
        for edit in result.edited:
            yield Edited(call.id, edit.path, edit.diff, edit.step)
        yield self._finished(call, result, seconds)
        return Answered(
            call,
            result.text,
            edited=result.edited,
            touched=self._paths(plan) if plan else (),
            ran=plan is not None and plan.action in {"run", "call"},
        )

    def _protection(self, plan: Plan) -> Iterator[Event]:
        """Before the first program of a session: which protection is active."""
        if plan.action == "run" and not self._protection_told:
            self._protection_told = True
            with suppress(SandboxError):
                yield Notice(f"programs run in a sandbox: {self.shop.sandbox.description}")

    def check(
        self, call_id: str, cancel: Cancel | None, meter: Meter
    ) -> Generator[Event, None, str]:
        """Run the project's checks, for an edit that was made by this call; gives what went wrong, for the model."""
        failures = []
        for planned in planned_checks(self.shop):
            verdict = self.permissions.decide(planned)
            if verdict.decision == "ask" and isinstance(self.approver, Nobody):
                yield Notice(f"{planned.subject} was not run: {verdict.why}")
                continue
            started, asked = time.perf_counter(), meter.asked
            call = ToolCall(call_id, planned.tool, "{}")
            try:
                plan = yield from self._permitted(call, planned, meter)
            except _NotAllowedError:
                continue
            checked = run_check(plan, self.shop, cancel)
            meter.tool(time.perf_counter() - started - (meter.asked - asked))
            yield CheckFinished(call_id, checked.command, checked.ok, checked.text)
            if not checked.ok:
                failures.append(f"The check `{checked.command}` fails now:\n{checked.text}")
        return "\n\n".join(failures)

    def _permitted(self, call: ToolCall, plan: Plan, meter: Meter) -> Generator[Event, None, Plan]:
        """The plan, or the part of it, that may be carried out; raises _NotAllowedError or EndedError."""
        verdict = self.permissions.decide(plan)
        if verdict.decision == "allow":
            return plan
        if verdict.decision == "deny":
            yield PermissionGiven(call.id, False, verdict.why)
            raise _NotAllowedError(verdict.why)
        yield PermissionAsked(
            call.id, call.name, plan.action, plan.subject, verdict.why, plan.preview
        )
        with meter.asking():
            answer = self.approver.ask(self.permissions.request(call.id, plan, verdict))
        match answer:
            case No(reason):
                why = reason or "the user said no"
            case Never(rule):
                why = f"the user said no, and no to every {rule} in this session"
                self.permissions.refuse(rule)
            case Stop():
                yield PermissionGiven(call.id, False, "the user ended the turn")
                raise EndedError("refused", f"you ended the turn at: {plan.summary}")
            case Part(part) if not part.changes:
                why = "the user accepted no part of it"
            case _:
                why = ""
        yield PermissionGiven(call.id, not why, why or "the user said yes")
        if why:
            raise _NotAllowedError(why)
        if isinstance(answer, Always):
            self.permissions.allow(answer.rule)
        return answer.plan if isinstance(answer, Part) else plan

    def _finished(self, call: ToolCall, result: ToolResult, seconds: float) -> ToolFinished:
        took = round(seconds * 1000, 1)
        return ToolFinished(call.id, call.name, result.ok, result.summary, result.text, took)

    def _paths(self, plan: Plan) -> tuple[str, ...]:
        """The files that a plan is about."""
        if plan.changes:
            return tuple(change.path for change in plan.changes)
        if plan.action == "call":
            return ()
        with self.shop.memory.reading():
            known = self.shop.memory.catalogue.file(plan.subject)
        return (plan.subject,) if known else ()
