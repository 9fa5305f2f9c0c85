"""How a model's positions are shared: the answer first, then the text or the question, then memory."""

from dataclasses import dataclass

from megacontext.configs.errors import ModelError
from megacontext.configs.settings import CompleteSettings
from megacontext.memory.focus import Position
from megacontext.models.base import BaseModel

from .cursor import Cursor, cursor_at
from .prompts import ask_prompt, completion_prompt

SPARE = 64
"""Positions left over in a small model for what is typed next."""
LEAST_TEXT = 16
"""Positions of text around a cursor below which a completion makes no sense."""


@dataclass(frozen=True)
class Plan:
    """What a completion reads."""

    cursor: Cursor
    budget: int
    """Positions left for memory."""
    memory: int
    """What to choose memory for: less, so that it fits still when somebody has typed a little further."""


def plan_completion(
    model: BaseModel, wanted: CompleteSettings, name: str, text: str, at: Position
) -> Plan:
    """The text around the cursor and the budget of memory that fit the model together with its answer.

    Memory gives way first, then the text. Raises FocusError for a place that is not there, ModelError for a
    model that is too small.
    """
    room = _room(model, wanted.max_new_tokens, "complete.max_new_tokens")
    count = model.counter.count
    cursor = cursor_at(text, at, wanted.prefix_tokens, wanted.suffix_tokens, count)
    bare = model.count(completion_prompt(model, name, (), cursor))
    if bare > room:
        read = count(cursor.prefix) + (count(cursor.suffix) if model.supports_fim else 0)
        left = room - (bare - read)
        if left < LEAST_TEXT:
            raise _too_small(model, wanted.max_new_tokens, "complete.max_new_tokens")
        share = wanted.prefix_tokens / (wanted.prefix_tokens + wanted.suffix_tokens)
        prefix = int(left * share) if model.supports_fim else left
        cursor = cursor_at(text, at, prefix, left - prefix, count)
        bare = model.count(completion_prompt(model, name, (), cursor))
    left = max(0, room - bare)
    spare = min(SPARE, left // 4)
    return Plan(cursor, min(wanted.budget, left), min(wanted.budget, left - spare))


def memory_for_question(
    model: BaseModel, max_new_tokens: int, budget: int, name: str, question: str
) -> int:
    """Positions of memory that fit the model with a question and its answer, at most `budget`.

    Raises ModelError when not even the question fits.
    """
    room = _room(model, max_new_tokens, "ask.max_new_tokens")
    left = room - model.count(ask_prompt(name, (), question))
    if left < 0:
        raise _too_small(model, max_new_tokens, "ask.max_new_tokens")
    return min(budget, left)


def _room(model: BaseModel, answer: int, setting: str) -> int:
    room = model.context_length - answer
    if room <= 0:
        raise _too_small(model, answer, setting)
    return room


def _too_small(model: BaseModel, answer: int, setting: str) -> ModelError:
    return ModelError(
        f"{model.name} reads {model.context_length:,} positions with its answer, which may take {answer:,} "
        f"({setting}), so its prompt does not fit; lower {setting}, or choose another model"
    )
