"""What a benchmark is run with. Knows the shape of three YAML files, and reads no problem."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from megacontext.models.training.corpus.settings import Strict

Arm = Literal[
    "auto",
    "complete",
    "chat",
    "infill-line",
    "infill-lines",
    "infill-span",
    "without-memory",
    "with-memory",
]
ARMS: tuple[Arm, ...] = get_args(Arm)
Count = Annotated[int, Field(ge=1)]


class DataSettings(Strict):
    """Where the problems are."""

    folder: str
    """From where the command runs."""
    file: str
    hub: str
    """The data set's name on the hub."""
    split: str = "test"


class LimitSettings(Strict):
    """What each program may take."""

    call_s: Count = 10
    """Of the processor's time, for one call of its function."""
    cpu_s: Count = 120
    """For all calls together."""
    wall_s: Annotated[float, Field(gt=0)] = 600.0
    memory_mb: Annotated[int, Field(ge=64)] = 1_000
    output_mb: Count = 1


class CodeSettings(Strict):
    """A benchmark of functions to be written."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    data: DataSettings
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)] = ("auto",)
    """`auto` is `chat` for a model that chats, else `complete`."""
    samples: Count = 1
    """For each problem."""
    k: Annotated[tuple[Count, ...], Field(min_length=1)] = (1,)
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_new_tokens: Count = 512
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Where a continuation of the prompt ends."""
    seed: Annotated[int, Field(ge=0)] = 0
    batch: Count = 16
    """Problems that are written, run and kept together."""
    together: Count = 8
    """Completions that a local model writes at once."""
    memory_budget: Count = 512
    """Positions that a repository's memory may take before a problem."""
    limits: LimitSettings = LimitSettings()

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if max(self.k) > self.samples:
            raise ValueError(
                f"pass@{max(self.k)} needs {max(self.k)} samples or more, and samples is {self.samples}"
            )
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(
                "at temperature 0 all samples are the same; set temperature, or samples to 1"
            )
        return self
