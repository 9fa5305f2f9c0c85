"""What the rules and the mode say of a plan: allow, ask or deny, and why.

The first of these that speaks decides: a rule that denies, what was refused in this session, plan mode, the mode that
allows everything, what was allowed in this session, a rule that asks, a rule that allows, the mode. Knows no front end;
tools refuse by themselves what nobody may allow: paths outside of the repository, secrets, the files of git and of
MegaContext.
"""

import threading
from collections.abc import Iterable
from typing import Literal

from megacontext.configs.loading import explain
from megacontext.configs.settings import Settings

from ..tools.base import Plan
from .asking import Decision, PermissionRequest, Rule, Verdict
from .rules import fits, names_path, offered, read_rule

Mode = Literal["ask", "accept-edits", "plan", "allow"]
MODES: tuple[Mode, ...] = ("ask", "accept-edits", "plan", "allow")
ASKED = {"edit": "edit", "run": "command", "call": "tool of another server"}
CHECK = "check"
"""Name under which the project's own checks run."""


class Permissions:
    """The rules of one session. Threads may share it; `mode` may be changed at any time."""

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        mode: Mode = "ask",
        guarded: Iterable[str] = (),
        *,
        checks_allowed: bool = False,
    ) -> None:
        """`guarded` are paths that are asked about in accept-edits; `checks_allowed` lets the project's checks run."""
        self.mode: Mode = mode
        self.rules = tuple(rules)
        self.guarded = tuple(guarded)
        self.checks_allowed = checks_allowed
        self._session: tuple[Rule, ...] = ()
        self._refused: tuple[Rule, ...] = ()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, settings: Settings, *, trusted: bool, mode: Mode | None = None) -> "Permissions":
        """The rules that settings hold; `mode` takes the place of theirs. Raises SettingsError for a rule that is none.

        Checks that the repository's own file names are allowed only where its folder is `trusted`.
        """
        wanted = settings.permissions
        decisions: tuple[tuple[Decision, tuple[str, ...]], ...] = (
            ("deny", wanted.deny),
            ("ask", wanted.ask),
            ("allow", wanted.allow),
        )
        rules = [
            read_rule(text, decision, f"permissions.{decision}")
            for decision, texts in decisions
            for text in texts
        ]
        layers = {item.key: item.layer for item in explain(settings)}
        own = layers.get("tools.checks") != "repository"
        return cls(rules, mode or wanted.mode, wanted.guarded, checks_allowed=trusted or own)

    @property
    def session(self) -> tuple[Rule, ...]:
        """What was allowed for this session."""
        return self._session

    def allow(self, rule: Rule) -> None:
        """Do not ask any more in this session where the rule fits."""
        with self._lock:
            self._session = (*self._session, Rule(rule.tool, rule.pattern, "allow"))

    def refuse(self, rule: Rule) -> None:
        """Refuse without asking, in this session, where the rule fits."""
        with self._lock:
            self._refused = (*self._refused, Rule(rule.tool, rule.pattern, "deny"))

    def decide(self, plan: Plan) -> Verdict:
        """What may happen to a plan."""
        return (
            self._by_rules(plan, "deny", (*self.rules, *self._refused))
            or self._by_mode(plan)
            or self._by_rules(plan, "allow", self._session)
            or self._by_rules(plan, "ask", self.rules)
            or self._by_rules(plan, "allow", self.rules)
            or self._otherwise(plan)
        )

    def request(self, call_id: str, plan: Plan, verdict: Verdict) -> PermissionRequest:
        """What to ask a person, with the rules that would spare them the next question."""
        return PermissionRequest(call_id, plan, verdict.why, offered(plan))

    def _by_rules(self, plan: Plan, decision: Decision, rules: Iterable[Rule]) -> Verdict | None:
        words = {"allow": "allowed by", "ask": "asked about because of", "deny": "refused by"}
        for rule in rules:
            if rule.decision == decision and fits(rule, plan):
                return Verdict(decision, f"{words[decision]} the rule {rule}")
        return None

    def _by_mode(self, plan: Plan) -> Verdict | None:
        if self.mode == "plan" and plan.action != "read":
            return Verdict(
                "deny", "plan mode: nothing is written or run; describe the change instead"
            )
        if self.mode == "allow":
            return Verdict("allow", "everything is allowed in this run")
        return None

    def _otherwise(self, plan: Plan) -> Verdict:
        if plan.action == "read":
            return Verdict("allow", "reading is always allowed")
        if plan.tool == CHECK and self.checks_allowed:
            return Verdict("allow", "a check of your settings, or of a trusted folder's")
        if plan.action == "edit" and self.mode == "accept-edits":
            guarded = [change.path for change in plan.changes if self._is_guarded(change.path)]
            if guarded:
                return Verdict("ask", f"other programs act upon {guarded[0]} by themselves")
            return Verdict("allow", "edits are accepted")
        return Verdict("ask", f"every {ASKED[plan.action]} is asked about")

    def _is_guarded(self, path: str) -> bool:
        folded = path.casefold()
        return any(names_path(pattern.casefold(), folded) for pattern in self.guarded)
