"""The prompt of a conversation: system, tools, then turns from old to new, with memory where it was focused for.

Everything that stands early stays as it is for as long as it can, so that a model computes it once. What no longer
fits goes from the oldest end, much at a time, so that this is seldom. Knows no repository and no tool.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from megacontext.configs.errors import ModelError
from megacontext.models.base import BaseModel, Chat, Message, Segment, Text, ToolSpec
from megacontext.models.language.tool_calls import RESULT_CLOSING, RESULT_OPENING
from megacontext.models.language.tools_in_words import written

from .conversation import Turn
from .limits import EndedError
from .page import Page
from .prompts import ELIDED

MESSAGE_POSITIONS = 12
"""What a chat format adds around one message, at most."""
RESULT_FRAME = f"{RESULT_OPENING}\n\n{RESULT_CLOSING}\n"
"""What most formats put around a result."""
LEAST_ROOM = 256
"""Positions for memory and conversation below which a chat makes no sense."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How the positions of the next prompt are shared."""

    context: int
    """All that the model reads, its answer included."""
    answer: int
    """Kept free for the answer."""
    fixed: int
    """System message and tools."""
    memory: int
    conversation: int
    turns: int
    """Turns that stand in the prompt as they were."""

    @property
    def free(self) -> int:
        """What is left."""
        return self.context - self.answer - self.fixed - self.memory - self.conversation


class Layout:
    """Puts prompts together within what one model reads."""

    def __init__(
        self, model: BaseModel, system: str, tools: Sequence[ToolSpec], answer: int
    ) -> None:
        """`answer` positions are kept free. Raises ModelError when that leaves no room."""
        self.system = Message("system", system)
        self.tools = tuple(tools)
        self.answer = answer
        self.first = 1
        """Number of the first turn that stands in the prompt."""
        self._model = model
        self._elided: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        bare = Chat((self.system, Message("user", "")), tools=self.tools)
        self.fixed = model.count(bare)
        self.room = model.context_length - answer - self.fixed
        if self.room < LEAST_ROOM:
            raise ModelError(
                f"{model.name} reads {model.context_length:,} positions with its answer; {answer:,} for that "
                f"(chat.max_new_tokens) and {self.fixed:,} for what it is told of its work leave no room to work in; "
                "lower chat.max_new_tokens, or choose a model that reads more"
            )

    def prompt(self, turns: Sequence[Turn], page: Page, *, thinking: bool = False) -> Chat:
        """The conversation as the model reads it."""
        messages = [
            self._laid(message, page.at((turn.number, index)))
            for turn in self.standing(turns)
            for index, message in enumerate(turn.messages)
        ]
        return Chat((self.system, *messages), thinking, self.tools)

    def _laid(self, message: Message, memory: Sequence[Segment]) -> Message:
        content = self._content(message)
        if not memory:
            return Message(message.role, content, message.calls, message.call_id)
        parts = (
            [Text(f"{content}\n\n"), *memory]
            if message.role == "tool"
            else [*memory, Text(content)]
        )
        return Message(message.role, parts, message.calls, message.call_id)

    def _content(self, message: Message) -> str:
        count = self._elided.get(message.call_id or "")
        return ELIDED.format(count=count) if count else str(message.content)

    def standing(self, turns: Sequence[Turn]) -> list[Turn]:
        """The turns that stand in the prompt."""
        return [turn for turn in turns if turn.number >= self.first]

    def sizes(self, turns: Sequence[Turn], page: Page) -> Sizes:
        """How the positions of the prompt are shared now."""
        standing = self.standing(turns)
        return Sizes(
            context=self._model.context_length,
            answer=self.answer,
            fixed=self.fixed,
            memory=page.cost,
            conversation=sum(map(self._cost, standing)),
            turns=len(standing),
        )

    def fit(self, turns: Sequence[Turn], page: Page) -> list[Turn]:
        """Make the prompt fit; gives the turns that no longer stand in it.

        First the oldest turns go, then old results of the present turn, then memory. Raises EndedError when nothing
        is left to go.
        """
        if self._left(turns, page) >= 0:
            return []
        gone = self._fold(turns, page)
        if self._left(turns, page) < 0:
            self._elide(turns[-1], page)
        if self._left(turns, page) < 0:
            page.clear()
        if self._left(turns, page) < 0:
            raise EndedError("limit", f"this turn no longer fits what {self._model.name} reads")
        return gone

    def _left(self, turns: Sequence[Turn], page: Page) -> int:
        return self.room - page.cost - sum(map(self._cost, self.standing(turns)))

    def _fold(self, turns: Sequence[Turn], page: Page) -> list[Turn]:
        """Let the oldest turns go until the others take half of what memory leaves."""
        standing = self.standing(turns)
        most = max(0, self.room - page.cost) // 2
        gone = []
        while len(standing) > 1 and sum(map(self._cost, standing)) > most:
            gone.append(standing.pop(0))
        self.keep_turns(standing[0].number, standing[-1].number, page)
        return gone

    def keep_turns(self, first: int, last: int, page: Page) -> None:
        """Let turns stand in the prompt from `first` on, and nothing of turns behind `last`."""
        self.first = first
        page.keep_turns(first, last)

    def _elide(self, turn: Turn, page: Page) -> None:
        """Leave results of tools out, the oldest first, until a quarter of the room is free again."""
        for message in turn.messages:
            if message.role != "tool" or message.call_id is None:
                continue
            if self._left([turn], page) >= self.room // 4:
                return
            self._elided.setdefault(message.call_id, self._count(str(message.content)))

    def _cost(self, turn: Turn) -> int:
        return sum(map(self._message_cost, turn.messages))

    def _message_cost(self, message: Message) -> int:
        calls = [self._count(written(call)) + 1 for call in message.calls]
        frame = self._count(RESULT_FRAME) if message.role == "tool" else 0
        return self._count(self._content(message)) + sum(calls) + frame + MESSAGE_POSITIONS

    def _count(self, text: str) -> int:
        if text not in self._counts:
            self._counts[text] = self._model.counter.count(text)
        return self._counts[text]
