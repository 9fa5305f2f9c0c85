"""The agent's questions as permission requests of the protocol. Knows no rule of its own."""

from acp.exceptions import RequestError
from acp.schema import AllowedOutcome, PermissionOption, ToolCallUpdate

from ...permissions.asking import Always, Answer, Never, No, PermissionRequest, Stop, Yes
from ..calls import CallTeller
from .waiting import ClientLine, StoppedError

ONCE, NOT_ONCE, NEVER = "allow", "reject", "reject-always"


class Asker:
    """The `Approver` of a person before an editor."""

    def __init__(self, line: ClientLine, calls: CallTeller) -> None:
        self._line = line
        self._calls = calls

    def ask(self, request: PermissionRequest) -> Answer:
        """Ask, and wait; a turn that is cancelled meanwhile, or an editor that has left, ends it."""
        answers, options = _offered(request)
        asked = self._line.client.request_permission(
            session_id=self._line.session_id, tool_call=self._update(request), options=options
        )
        try:
            outcome = self._line.wait(asked).outcome
        except (StoppedError, OSError):
            return Stop()
        except RequestError as exc:
            return No(f"the editor could not ask: {exc}")
        if not isinstance(outcome, AllowedOutcome):
            return Stop()
        return answers.get(outcome.option_id, No("the editor gave no answer that was offered"))

    def _update(self, request: PermissionRequest) -> ToolCallUpdate:
        plan = request.plan
        return ToolCallUpdate(
            tool_call_id=request.call_id,
            title=plan.summary,
            kind=self._calls.kind(plan.tool),
            status="pending",
            content=self._calls.planned(plan),
            locations=self._calls.locations(plan),
            raw_input={"command": plan.subject} if plan.action == "run" else None,
        )


def _offered(request: PermissionRequest) -> tuple[dict[str, Answer], list[PermissionOption]]:
    """What may be answered, by the id of its option."""
    answers: dict[str, Answer] = {ONCE: Yes()}
    options = [PermissionOption(option_id=ONCE, name="Allow once", kind="allow_once")]
    for number, rule in enumerate(request.always):
        option = f"allow-{number}"
        answers[option] = Always(rule)
        name = f"Always allow {rule} in this session"
        options.append(PermissionOption(option_id=option, name=name, kind="allow_always"))
    answers[NOT_ONCE] = No()
    options.append(PermissionOption(option_id=NOT_ONCE, name="Reject", kind="reject_once"))
    if request.always:
        narrowest = request.always[0]
        answers[NEVER] = Never(narrowest)
        name = f"Always reject {narrowest} in this session"
        options.append(PermissionOption(option_id=NEVER, name=name, kind="reject_always"))
    return answers, options
