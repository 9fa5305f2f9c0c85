"""A conversation: turns of messages, what they edited, and how they ended. Knows no model, no tool and no file.

It is the sum of its records, plain JSON data: whoever keeps them can make it again. Memory is no part of it; what a
model reads of the repository is chosen anew.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from megacontext.models.base import Message, ToolCall

from .events import Ending, Measures

Record = dict[str, Any]
BROKEN_OFF = "the program ended in the middle of this turn"
NO_RESULT = "There is no result: the turn ended before."
ENDED = "(The turn ended here: {detail}.)"
TITLE_LENGTH = 72


@dataclass
class Turn:
    """What a person asked, and all that came of it."""

    number: int
    """From 1."""
    text: str
    started: float
    """Seconds since the epoch."""
    messages: list[Message] = field(default_factory=list)
    """From the person's own on; contents are text."""
    steps: list[int] = field(default_factory=list)
    """Steps of the undo journal that it made."""
    ending: Ending | None = None
    """None while it goes on."""
    detail: str = ""
    measures: Measures = field(default_factory=Measures)

    @property
    def answer(self) -> str:
        """What the assistant said last; "" when it said nothing."""
        said = (message for message in reversed(self.said) if message.role == "assistant")
        return next((str(message.content) for message in said if message.content), "")

    @property
    def said(self) -> list[Message]:
        """The messages, without the one that only says how the turn ended."""
        closed = self.messages[-1] == self.closing
        return self.messages[: len(self.messages) - closed]

    @property
    def closing(self) -> Message:
        """What stands in the place of an answer where a turn has none: models and servers want one."""
        return Message("assistant", ENDED.format(detail=self.detail or self.ending))

    @property
    def calls(self) -> list[ToolCall]:
        """Every call of the turn, in order."""
        return [call for message in self.messages for call in message.calls]


class Conversation:
    """Turns in order; every change is a record that `keep` is given."""

    def __init__(
        self,
        own_id: str,
        keep: Callable[[Record], None] | None = None,
    ) -> None:
        self.id = own_id
        self.turns: list[Turn] = []
        self.facts: Record = {}
        """What was noted at its start: model, when, what it was forked from."""
        self._keep = keep or (lambda _: None)
        self._withdrawn: list[list[Turn]] = []
        self._calls = 0

    @classmethod
    def replayed(
        cls, records: Iterable[Record], keep: Callable[[Record], None] | None = None
    ) -> "Conversation":
        """The conversation that these records make; those it does not know are passed over.

        Raises ValueError when there is no start among them, or one that makes no sense.
        """
        conversation = cls("")
        for record in records:
            conversation._apply(record)
        if not conversation.id:
            raise ValueError("there is no start of a conversation")
        if conversation.turns and conversation.turns[-1].ending is None:
            conversation._end({"reason": "error", "detail": BROKEN_OFF, "measures": {}})
        conversation._keep = keep or conversation._keep
        return conversation

    @property
    def title(self) -> str:
        """The beginning of what was asked first."""
        line = next(iter(self.turns[0].text.split("\n")), "") if self.turns else ""
        return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1]}…"

    @property
    def current(self) -> Turn:
        """The last turn."""
        return self.turns[-1]

    @property
    def undone(self) -> int:
        """How many withdrawals can be taken back."""
        return len(self._withdrawn)

    def start(self, **facts: Any) -> None:
        """Note what the conversation starts with; the first record."""
        self._record("session", id=self.id, **facts)

    def begin(self, text: str, told: str = "") -> Turn:
        """A new turn of a person; `told` is what the model is told before their words."""
        self._record("turn", text=text, told=told, at=round(time.time(), 3))
        return self.current

    def add(self, message: Message) -> None:
        """A message of the assistant or of a tool."""
        data: Record = {"role": message.role, "content": message.content}
        if message.calls:
            data["calls"] = [asdict(call) for call in message.calls]
        if message.call_id is not None:
            data["call_id"] = message.call_id
        self._record("message", **data)

    def edited(self, step: int, path: str) -> None:
        """A file was changed, as this step of the undo journal."""
        self._record("edit", step=step, path=path)

    def end(self, reason: Ending, detail: str, measures: Measures) -> None:
        """The current turn is over."""
        self._record("end", reason=reason, detail=detail, measures=asdict(measures))

    def copy(self, turn: Turn) -> None:
        """A turn of another conversation as the next one of this; its edits stay with the other."""
        told = str(turn.messages[0].content).removesuffix(turn.text)
        self._record("turn", text=turn.text, told=told, at=turn.started)
        for message in turn.messages[1:]:
            self.add(message)
        self.end(turn.ending or "done", turn.detail, turn.measures)

    def withdraw(self, count: int) -> list[Turn]:
        """Take the last turns out, as if they had never been; `restore` brings them back."""
        count = min(count, len(self.turns))
        if count:
            self._record("withdraw", turns=count)
            return self._withdrawn[-1]
        return []

    def restore(self) -> list[Turn]:
        """Bring back what the last withdrawal took, unless there has been a turn since."""
        if not self._withdrawn:
            return []
        count = len(self._withdrawn[-1])
        self._record("restore")
        return self.turns[-count:]

    def numbered(self, calls: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
        """Calls of the next message with ids that no other has had: nine letters and digits, as every server takes."""
        return tuple(
            replace(call, id=f"call{number:05d}")
            for number, call in enumerate(calls, start=self._calls + 1)
        )

    def _record(self, kind: str, **data: Any) -> None:
        record = {"kind": kind, **data}
        self._apply(record)
        self._keep(record)

    def _apply(self, record: Mapping[str, Any]) -> None:
        match record.get("kind"):
            case "session":
                self.id = str(record["id"])
                self.facts = {
                    key: value for key, value in record.items() if key not in ("kind", "id")
                }
            case "turn":
                self._withdrawn.clear()
                text = str(record["text"])
                turn = Turn(len(self.turns) + 1, text, float(record["at"]))
                turn.messages.append(Message("user", str(record.get("told", "")) + text))
                self.turns.append(turn)
            case "message" if self.turns:
                message = _message(record)
                self._calls += len(message.calls)
                self.current.messages.append(message)
            case "edit" if self.turns:
                self.current.steps.append(int(record["step"]))
            case "end" if self.turns:
                self._end(record)
            case "withdraw":
                at = len(self.turns) - int(record["turns"])
                self._withdrawn.append(self.turns[at:])
                del self.turns[at:]
            case "restore" if self._withdrawn:
                self.turns += self._withdrawn.pop()

    def _end(self, record: Mapping[str, Any]) -> None:
        turn = self.current
        turn.ending, turn.detail = record["reason"], str(record["detail"])
        turn.measures = _measures(record["measures"])
        # Models and servers want a result for every call, and an answer behind them.
        answered = {message.call_id for message in turn.messages}
        turn.messages += [
            Message("tool", NO_RESULT, call_id=call.id)
            for call in turn.calls
            if call.id not in answered
        ]
        if turn.messages[-1].role != "assistant":
            turn.messages.append(turn.closing)


def _message(record: Mapping[str, Any]) -> Message:
    calls = tuple(ToolCall(**call) for call in record.get("calls", ()))
    return Message(record["role"], str(record["content"]), calls, record.get("call_id"))


def _measures(data: Mapping[str, Any]) -> Measures:
    known = {item.name for item in fields(Measures)}
    kept = {key: value for key, value in data.items() if key in known}
    levels = {int(level): cost for level, cost in kept.pop("by_level", {}).items()}
    return Measures(**kept, by_level=levels)
