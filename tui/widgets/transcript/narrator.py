"""From events to items of the transcript, in the order in which they come. Knows no widget and no thread."""

import json
from dataclasses import dataclass, field
from typing import Any

from megacontext.agent.chat.events import (
    CallRefused,
    CheckFinished,
    Edited,
    PermissionGiven,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from megacontext.agent.events import (
    Citation,
    Cited,
    Event,
    FocusChange,
    FocusedEntry,
    Notice,
    Token,
    Usage,
)

from .items import Answer, Cite, Code, Item, Note, Place, Said
from .work import Focused, ToolCall

STANDINGS = {
    "read": ("ok", "cited, and read by the model"),
    "unread": ("warn", "cited, but not among what the model has read"),
    "invented": ("bad", "cited, but there is no such place"),
}
SHOWN_PLACES = 5
"""Places that answer, shown with their text; of the others only the place is told."""


@dataclass
class Told:
    """What an event changed: items to add at the end, and items that look different."""

    added: list[Item] = field(default_factory=list)
    changed: list[Item] = field(default_factory=list)


class Narrator:
    """Remembers which item is still being written."""

    def __init__(self) -> None:
        self._answer: Answer | Code | None = None
        self._expected: Code | None = None
        self._tools: dict[str, ToolCall] = {}
        self._places = 0

    def begin(self, said: str) -> Told:
        """The person has said something."""
        self._forget()
        self._places = 0
        return Told([Said(said)])

    def expect(self, answer: Code) -> None:
        """The next text goes into this item."""
        self._expected = answer

    @property
    def answered_with_places(self) -> bool:
        """Whether the last question was answered with places instead of words."""
        return self._places > 0

    def _forget(self) -> None:
        self._answer = self._expected = None
        self._tools.clear()

    def tell(self, event: Event) -> Told:
        """What an event means for the transcript."""
        match event:
            case Token(text=text):
                return self._token(text)
            case FocusChange():
                return Told([focus_item(event)])
            case Cited():
                return self._place(event)
            case Citation():
                return Told([_cite(event)])
            case Notice(text=text):
                return Told([Note(text)])
            case CallRefused(reason=reason):
                self._answer = None
                return Told([Note(f"the model wrote a call that cannot be made: {reason}", "warn")])
            case TurnEnded():
                return self._end(event)
            case TurnStarted() | Usage():
                return Told()
        return self._tool(event)

    def _token(self, text: str) -> Told:
        if self._answer is None:
            if self._expected is not None:
                self._answer, self._expected = self._expected, None
                self._answer.add(text)
            elif text.strip():
                self._answer = Answer(text)
            else:
                return Told()
            return Told([self._answer])
        self._answer.add(text)
        return Told(changed=[self._answer])

    def _place(self, event: Cited) -> Told:
        self._places += 1
        lines = event.start_line, event.end_line
        if self._places > SHOWN_PLACES:
            why = f"  {'; '.join(event.reasons)}"
            return Told([Note(f"{event.path}:{lines[0]}-{lines[1]}{why}")])
        return Told([Place(event.path, *lines, event.text, event.reasons)])

    def _end(self, event: TurnEnded) -> Told:
        roles = {"error": "bad", "limit": "warn", "refused": "warn", "cancelled": "warn"}
        words = {"cancelled": "stopped", "limit": "a limit was reached", "refused": "not allowed"}
        changed: list[Item] = []
        for tool in self._tools.values():
            if tool.state == "running":
                tool.state = "bad"
                tool.touch()
                changed.append(tool)
        self._forget()
        if event.reason == "done":
            return Told(changed=changed)
        said = ": ".join(filter(None, [words.get(event.reason, ""), event.detail]))
        return Told([Note(said or event.reason, roles[event.reason])], changed)

    # Tools

    def _tool(self, event: Event) -> Told:
        if isinstance(event, ToolStarted):
            self._answer = None
            item = ToolCall(event.call_id, event.name, event.subject, _arguments(event.arguments))
            self._tools[event.call_id] = item
            return Told([item])
        item_or_none = self._tools.get(getattr(event, "call_id", ""))
        if item_or_none is None:
            return Told()
        _put(item_or_none, event)
        item_or_none.touch()
        return Told(changed=[item_or_none])


def _cite(event: Citation) -> Cite:
    role, words = STANDINGS[event.standing]
    first, last = event.start_line, event.end_line
    lines = f"{first}-{last}" if last != first else f"{first}"
    place = None if event.standing == "invented" else (event.path, first)
    return Cite(f"{event.path}:{lines}  {words}", role, place)


def _put(item: ToolCall, event: Event) -> None:
    match event:
        case ToolFinished():
            if item.state == "running":
                item.state = "ok" if event.ok else "bad"
            item.summary, item.output, item.ms = event.summary, event.text, event.ms
        case PermissionGiven(allowed=False, why=why):
            item.state = "refused"
            item.notes.append((f"not allowed: {why}", "warn"))
        case Edited(diff=diff):
            item.diffs.append(diff)
        case CheckFinished(command=command, ok=ok, text=text):
            item.notes.append((f"{command}: {'ok' if ok else 'failed'}", "ok" if ok else "bad"))
            if not ok:
                item.output = f"{item.output}\n{text}".strip()


def _arguments(arguments: dict[str, Any]) -> str:
    """Arguments in a few lines: long ones are shown by what came of them."""
    shown = {
        name: value if len(str(value)) <= 200 else f"{str(value)[:200]}…"
        for name, value in arguments.items()
    }
    return json.dumps(shown, ensure_ascii=False) if shown else ""


def focus_item(event: FocusChange) -> Focused:
    """A focus as an item."""
    return Focused(
        tuple((_where(entry), entry.level, entry.score, entry.reasons) for entry in event.entries),
        event.expanded,
        event.collapsed,
        event.total_cost,
        event.budget,
        event.ms,
    )


def _where(entry: FocusedEntry) -> str:
    if not entry.start_line:
        return f"{entry.path}/" if entry.path else "./"
    return f"{entry.path}:{entry.start_line}-{entry.end_line}"
