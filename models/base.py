"""The border every front end and codec uses: what is asked of a base LM, and what it answers.

A prompt is a sequence of segments (text, token ids, special tokens, vectors in the input-embedding
space), or a whole `Fill` or `Chat` that the model lays out in its own format. Importing this file
loads no torch: it knows shapes and names, no way of computing anything.

A `BaseModel` from a folder is `language.transformers_model.TransformersModel.from_pretrained(folder)`, which also
has `forward(inputs_embeds, attention_mask, position_ids=None)`; one behind a server is
`language.remote.RemoteModel`, one that answers from a script `language.scripted.ScriptedModel`.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Protocol

from megacontext.configs.errors import ModelError

if TYPE_CHECKING:
    import torch

StopReason = Literal["stop", "length", "cancelled"]
Role = Literal["system", "user", "assistant", "tool"]
SpecialName = Literal[
    "fim_prefix", "fim_suffix", "fim_middle", "repo_name", "file_sep", "end_of_text"
]


@dataclass(frozen=True)
class Text:
    """Text as the model's own tokenizer reads it; special tokens spelled in it stay plain text."""

    text: str


@dataclass(frozen=True)
class Tokens:
    """Token ids of the model's own vocabulary."""

    ids: tuple[int, ...]


@dataclass(frozen=True)
class Special:
    """One special token by name; asking a model that lacks it is a `ModelError`."""

    name: SpecialName


@dataclass(frozen=True, eq=False)
class Vectors:
    """Rows `[k, d]` in the input-embedding space, one position each (the gists of the gist codec).

    `keys` identifies each row by a digest of its type and bytes, so that a KV cache can tell an
    equal row from another one. Do not write into `rows` afterwards.
    """

    rows: "torch.Tensor"
    keys: tuple[bytes, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.rows.ndim != 2:
            raise ValueError(f"vectors need the shape [k, d], not {list(self.rows.shape)}")
        object.__setattr__(self, "keys", _row_keys(self.rows))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vectors) and self.keys == other.keys

    def __hash__(self) -> int:
        return hash(self.keys)


Segment = Text | Tokens | Special | Vectors
Segments = Sequence[Segment]


@dataclass(frozen=True)
class Fill:
    """Fill in the middle: what stands between `prefix` and `suffix`, with `context` before both."""

    prefix: str
    suffix: str
    context: Segments = ()

    def segments(self) -> list[Segment]:
        """Prefix, suffix, middle, in the order and with the tokens of Qwen coders."""
        return [
            *self.context,
            Special("fim_prefix"),
            Text(self.prefix),
            Special("fim_suffix"),
            Text(self.suffix),
            Special("fim_middle"),
        ]


@dataclass(frozen=True)
class ToolSpec:
    """What a model is told of a tool that it may call."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of the arguments, an object."""


@dataclass(frozen=True)
class ToolCall:
    """A tool that the model wants called. Whether there is such a tool is for the caller to find out."""

    id: str
    """Distinct within one answer; the caller may give another one that is distinct in its conversation."""
    name: str
    arguments: str
    """JSON text of an object, as the model wrote it."""


@dataclass(frozen=True)
class MalformedCall:
    """What looks like a tool call and cannot be read as one."""

    text: str
    """As the model wrote it, marks included."""
    reason: str
    """What is wrong with it, in words for the model."""


@dataclass(frozen=True)
class Message:
    """One message of a chat. `content` may hold segments, so that it can carry gists."""

    role: Role
    content: str | Segments
    calls: tuple[ToolCall, ...] = ()
    """The tools that this message of the assistant calls, behind its content."""
    call_id: str | None = None
    """The call that this message of a tool answers."""


@dataclass(frozen=True)
class Chat:
    """A conversation that the assistant is to go on with.

    `thinking` lets a model that can, reason aloud before it answers. A model without a format of its own for `tools`
    is told in words.
    """

    messages: tuple[Message, ...]
    thinking: bool = False
    tools: tuple[ToolSpec, ...] = ()


Prompt = str | Segments | Fill | Chat


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How tokens are drawn. `temperature` 0 is greedy; `top_k` 0 and `top_p` 1 do not restrict.

    `stop` strings and `stop_token_ids` end the answer and are not part of it. The ends that the
    model itself knows (end of text, end of turn) always count. With `heal`, a prompt that ends in text may be read
    without its last token, and the answer begins with one that begins like it: a model that has only seen `):` followed
    by a line end and blanks in one token has nothing to say behind the line end alone. Remote models decide that
    themselves. With `names`, the answer begins with one of them, as they go on from the prompt, and what stands behind
    is no part of a name; remote models take no notice.
    """

    max_new_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    heal: bool = False
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(self.max_new_tokens >= 1, "max_new_tokens", self.max_new_tokens, "at least 1")
        _require(0 <= self.temperature <= 2, "temperature", self.temperature, "between 0 and 2")
        _require(0 < self.top_p <= 1, "top_p", self.top_p, "above 0 and at most 1")
        _require(self.top_k >= 0, "top_k", self.top_k, "0 (off) or more")
        _require(all(self.stop), "stop", self.stop, "strings that are not empty")
        named = all(not name or f"_{name}".isidentifier() for name in self.names)
        _require(named, "names", self.names, "names, or what is left of them")


@dataclass(frozen=True)
class Piece:
    """A streamed part of the answer: whole characters only, and the tokens that were read for it.

    `logprobs` holds the natural log-probability of each token under the model at temperature 1
    (empty where the model does not tell).
    """

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()

    @property
    def mean_logprob(self) -> float | None:
        """Mean of `logprobs`: the confidence of this piece, or None where it is not known."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else None


@dataclass(frozen=True)
class CallPiece:
    """A streamed part of a call that is still being written, for whoever watches; the whole one follows."""

    text: str


@dataclass(frozen=True)
class Usage:
    """The last event of a generation.

    `positions` is the prompt's length, `reused` how many of them came from the KV cache, and
    `generated` the number of sampled tokens, the stop token left out.
    """

    positions: int
    reused: int
    generated: int
    stop_reason: StopReason


GenerationEvent = Piece | CallPiece | ToolCall | MalformedCall | Usage


class Cancel(Protocol):
    """What a `threading.Event` offers: another thread sets it, the model looks at every step."""

    def is_set(self) -> bool:
        """Whether the answer is no longer wanted."""
        ...


class TextCounter(Protocol):
    """Counts positions of a text, exactly or (see `tokenizing.EstimatedCounter`) from above."""

    def count(self, text: str) -> int:
        """Positions that `text` takes in a prompt."""
        ...


@dataclass(frozen=True)
class Specials:
    """Ids of the special tokens a code model may have; None for each one it lacks."""

    fim_prefix: int | None = None
    fim_suffix: int | None = None
    fim_middle: int | None = None
    repo_name: int | None = None
    file_sep: int | None = None
    end_of_text: int | None = None

    @property
    def can_fill(self) -> bool:
        """Whether all three fill-in-the-middle tokens are there."""
        return None not in (self.fim_prefix, self.fim_suffix, self.fim_middle)

    def known(self) -> frozenset[int]:
        """Every id that is there."""
        ids = (getattr(self, item.name) for item in fields(self))
        return frozenset(i for i in ids if i is not None)


class BaseModel(Protocol):
    """A frozen base LM, local, remote or scripted. Safe to share between threads."""

    @property
    def name(self) -> str:
        """What to call it in messages and in the names of trees."""
        ...

    @property
    def context_length(self) -> int:
        """Positions that prompt and answer may take together."""
        ...

    @property
    def hidden_size(self) -> int | None:
        """Width d of the input embeddings; None where they are out of reach."""
        ...

    @property
    def counter(self) -> TextCounter:
        """Counts text for budgets."""
        ...

    @property
    def specials(self) -> Specials:
        """Ids of the special tokens."""
        ...

    @property
    def supports_fim(self) -> bool:
        """Whether a `Fill` can be asked."""
        ...

    @property
    def supports_chat(self) -> bool:
        """Whether a `Chat` can be asked."""
        ...

    @property
    def supports_tools(self) -> bool:
        """Whether tools have a format of the model's own; any model that chats takes them in words."""
        ...

    @property
    def supports_embeddings(self) -> bool:
        """Whether a prompt may hold `Vectors`."""
        ...

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`; special tokens spelled in it are not parsed."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids, special tokens spelled out."""
        ...

    def count(self, prompt: Prompt) -> int:
        """Positions that `prompt` takes, or an upper estimate where only the server knows."""
        ...

    def generate(
        self, prompt: Prompt, sampling: Sampling | None = None, cancel: Cancel | None = None
    ) -> Iterator[GenerationEvent]:
        """Stream the answer: any number of `Piece`, then one `Usage`.

        Where a `Chat` has tools, `ToolCall` and `MalformedCall` come among the pieces, in the order they were written,
        each behind any number of `CallPiece`.

        One generation runs at a time: a second one waits until the first is read to its end or
        closed. Raises `ModelError` for a prompt this model cannot take.
        """
        ...


def common_prefix(left: Sequence[int | bytes], right: Sequence[int | bytes]) -> int:
    """How many positions at the start of two prompts have equal keys."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(left), len(right)))


def refuse(model: str, what: str) -> ModelError:
    """The error for a prompt that the model has no format for."""
    return ModelError(f"{model} cannot take {what}; choose another model for this")


def _require(holds: bool, key: str, value: object, allowed: str) -> None:
    if not holds:
        raise ValueError(f"sampling.{key} is {value!r}; it must be {allowed}")


def _row_keys(rows: "torch.Tensor") -> tuple[bytes, ...]:
    import torch

    kind = str(rows.dtype).encode()
    plain = rows.detach().contiguous().cpu().view(torch.uint8).numpy()
    return tuple(hashlib.blake2b(kind + row.tobytes(), digest_size=16).digest() for row in plain)
