"""The memory of some repository before a problem that has nothing to do with it: what must do no harm.

A repository's memory is focused on the problem as on a new file at whose end one writes. Knows no test and no answer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from megacontext.configs.errors import ModelError
from megacontext.memory.focus import FocusQuery, Position, Span
from megacontext.models.base import BaseModel, Chat, Fill, Message, Prompt, Segment, Text

from ...cursor import Cursor
from ...engine import WINDOW_BEFORE, Engine
from ...opening import Workplace
from ...prompts import completion_prompt
from .problems import Problem
from .prompting import question

WITHOUT, WITH = "without-memory", "with-memory"
ARMS = (WITHOUT, WITH)
"""The same prompt, as the product lays it out, but for the memory in it."""
FILE = "solution.py"
"""Where a problem's program stands in the repository, as far as the prompt tells."""


@dataclass(frozen=True)
class Remembering:
    """A repository whose memory stands before problems, with a model that reads it."""

    engine: Engine
    budget: int
    """Positions that memory may take."""

    @property
    def identity(self) -> Mapping[str, str]:
        """The repository's name, and the root of its memory."""
        root = self.engine.memory.root_key
        return {f"memory of {self.engine.name}": root.hex() if root else ""}

    def prompt(self, arm: str, problem: Problem) -> Prompt:
        """A problem as the product would ask a model: in a chat where it chats, else at the end of a file."""
        memory = self._memory(problem) if arm == WITH else []
        model = self.engine.model
        if model.supports_chat:
            asked: list[Segment] = [*memory, Text(question(problem))]
            return Chat((Message("user", asked),))
        return completion_prompt(model, self.engine.name, memory, _cursor(problem))

    def _memory(self, problem: Problem) -> Sequence[Segment]:
        cursor = _cursor(problem)
        if self.engine.model.supports_chat:
            query = FocusQuery(text=problem.prompt, budget=self.budget)
        else:
            window = problem.prompt[-WINDOW_BEFORE:]
            query = FocusQuery(at=cursor.at, window=window, budget=self.budget)
        # Problems follow each other in any order, and a prompt must not depend on it.
        self.engine.forget_focus()
        return self.engine.focus_and_read(query)[1].segments


def _cursor(problem: Problem) -> Cursor:
    lines = problem.prompt.split("\n")
    at = Position(FILE, len(lines), len(lines[-1]) + 1)
    return Cursor(at, problem.prompt, "", Span(FILE))


@contextmanager
def remembering(
    repository: Path, model: BaseModel, name: str, budget: int
) -> Iterator[Remembering]:
    """The memory of a repository, made equal to its files, for the model that goes by `name`.

    Raises RepositoryError for no repository, StoreBusyError while another process writes its index, ModelError where
    nothing fits besides the memory.
    """
    if budget >= model.context_length:
        raise ModelError(
            f"{budget} positions of memory leave no room in the {model.context_length} of {model.name}; "
            "set a smaller --budget"
        )
    overrides = {} if name == "remote" else {"model.name": name}
    workplace = Workplace.at(repository, overrides)
    with workplace.open_memory(write=True) as memory:
        engine = Engine(workplace, memory, model)
        engine.refresh()
        yield Remembering(engine, budget)


@contextmanager
def solutions_nats(
    model: BaseModel, about: Mapping[str, Any], losses: Path
) -> Iterator[Callable[[Prompt, str], float | None] | None]:
    """What a local model that does not chat loses on a text behind a prompt; None for any other model.

    `about` tells which model it is; what was measured is kept in the file `losses`.
    """
    from megacontext.models.language.transformers_model import TransformersModel

    if not isinstance(model, TransformersModel) or model.supports_chat:
        yield None
        return
    from ..measuring import LossCache, Measurer

    with LossCache(losses) as cache:
        measurer = Measurer(model, str(about["base"]), cache)

        def nats(prompt: Prompt, text: str) -> float | None:
            segments = prompt.segments() if isinstance(prompt, Fill) else prompt
            assert not isinstance(segments, str | Chat), "a completion is made of segments"
            targets = model.encode(text)
            room = model.context_length - measurer.length(segments) - len(targets)
            return (
                float(measurer.losses([segments], targets)[0]) / len(targets) if room > 0 else None
            )

        yield nats
