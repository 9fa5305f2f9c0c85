"""Events of a turn as updates of the protocol, and old turns as the same. Knows no connection."""

from collections.abc import Callable, Collection, Iterator
from urllib.parse import quote

from acp.helpers import update_agent_message_text, update_user_message_text
from acp.schema import (
    AgentMessageChunk,
    SessionInfoUpdate,
    ToolCallProgress,
    ToolCallStart,
    UsageUpdate,
    UserMessageChunk,
)

from megacontext.models.language.tool_calls import object_in

from ..chat.conversation import Turn
from ..chat.events import (
    CallRefused,
    CheckFinished,
    Edited,
    ToolFinished,
    ToolStarted,
    TurnEnded,
)
from ..edits.change import Change
from ..events import Citation, Cited, Event, Notice, Token, Usage
from ..tools.base import Tool
from .calls import CallTeller, text_content

Update = (
    AgentMessageChunk
    | UserMessageChunk
    | ToolCallStart
    | ToolCallProgress
    | UsageUpdate
    | SessionInfoUpdate
)


class Teller:
    """Tells the events of one session."""

    def __init__(
        self,
        calls: CallTeller,
        changes: Callable[[int], tuple[Change, ...]],
        context_length: Callable[[], int],
        in_terminals: Collection[str] = (),
    ) -> None:
        """`changes` are those of a step of the undo journal; `context_length` is the model's.

        The output of calls `in_terminals` is shown already.
        """
        self._calls = calls
        self._changes = changes
        self._context_length = context_length
        self._in_terminals = in_terminals
        self._made = 0

    def tell(self, event: Event) -> Iterator[Update]:
        """What an event is to an editor; most are one update, some none."""
        match event:
            case Token(text=text):
                yield update_agent_message_text(text)
            case Notice(text=text):
                yield update_agent_message_text(aside(text))
            case Cited():
                yield update_agent_message_text(self._cited(event))
            case Citation(standing="invented", path=path, start_line=line):
                yield update_agent_message_text(aside(f"there is no {path}:{line}"))
            case Usage(positions=positions, generated=generated):
                used = positions + generated
                size = self._context_length()
                yield UsageUpdate(session_update="usage_update", used=used, size=max(size, used))
            case ToolStarted():
                yield self._started(event)
            case Edited(call_id=call_id, path=path, step=step):
                yield self._edited(call_id, path, step)
            case ToolFinished():
                yield self._finished(event)
            case CallRefused(reason=reason, text=text):
                yield self._own_call(
                    "other", "a call that cannot be made", False, f"{reason}\n\n{text}"
                )
            case CheckFinished(command=command, ok=ok, text=text):
                yield self._own_call("execute", f"check {command}", ok, text)
            case TurnEnded(reason="limit", detail=detail):
                yield update_agent_message_text(aside(f"stopped at a limit: {detail}"))

    def _started(self, event: ToolStarted) -> ToolCallStart:
        return ToolCallStart(
            session_update="tool_call",
            tool_call_id=event.call_id,
            title=f"{event.name} {event.subject}".strip(),
            kind=self._calls.kind(event.name),
            status="in_progress",
            locations=self._calls.about(event.subject, event.arguments),
            raw_input=event.arguments,
        )

    def _edited(self, call_id: str, path: str, step: int) -> ToolCallProgress:
        changes = [each for each in self._changes(step) if each.path == path]
        return ToolCallProgress(
            session_update="tool_call_update",
            tool_call_id=call_id,
            content=self._calls.changes(changes),
            locations=[self._calls.location(path, _line_of(changes))],
        )

    def _finished(self, event: ToolFinished) -> ToolCallProgress:
        update = ToolCallProgress(
            session_update="tool_call_update",
            tool_call_id=event.call_id,
            title=event.summary,
            status="completed" if event.ok else "failed",
        )
        is_shown = event.call_id in self._in_terminals
        if not is_shown and not (event.ok and self._calls.kind(event.name) == "edit"):
            # An edit shows its diff.
            update.content = [text_content(event.text or event.summary)]
        return update

    def _own_call(self, kind: str, title: str, ok: bool, text: str) -> ToolCallStart:
        self._made += 1
        return ToolCallStart.model_validate(
            {
                "session_update": "tool_call",
                "tool_call_id": f"own-{self._made}",
                "title": title,
                "kind": kind,
                "status": "completed" if ok else "failed",
                "content": [text_content(text)] if text else [],
            }
        )

    def _cited(self, event: Cited) -> str:
        place = f"{event.path}:{event.start_line}-{event.end_line}"
        target = quote(str(self._calls.root / event.path))
        return f"\n- [{place}](file://{target}#L{event.start_line})"

    # Old turns

    def retell(self, turn: Turn, tools: dict[str, Tool]) -> Iterator[Update]:
        """A turn that was, as far as the conversation tells."""
        yield update_user_message_text(turn.text)
        for message in turn.messages[1:]:
            text = str(message.content)
            if message.role == "assistant" and text:
                yield update_agent_message_text(text)
            for call in message.calls:
                arguments = object_in(call.arguments) or {}
                tool = tools.get(call.name)
                subject = tool.subject(arguments) if tool else ""
                yield self._started(ToolStarted(call.id, call.name, subject, arguments))
            if message.role == "tool" and message.call_id:
                yield ToolCallProgress(
                    session_update="tool_call_update",
                    tool_call_id=message.call_id,
                    status="completed",
                    content=[text_content(text)],
                )


def aside(text: str) -> str:
    """A line for the person that is no part of the answer, as Markdown."""
    bare = " ".join(text.replace("*", "\\*").split())
    return f"\n\n*{bare}*\n\n"


def _line_of(changes: list[Change]) -> int | None:
    hunks = [hunk for each in changes for hunk in each.hunks]
    return hunks[0].new_start if hunks else None
