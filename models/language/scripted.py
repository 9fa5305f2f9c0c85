"""A model that answers from a script: tests and demos run the whole program on it.

It counts, streams, stops, calls tools, reuses prefixes and can be cancelled as a real one does, one token per UTF-8
byte. It understands nothing.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from megacontext.configs.errors import ModelError

from ..base import (
    Cancel,
    Chat,
    Fill,
    GenerationEvent,
    Prompt,
    Sampling,
    Segment,
    Special,
    Specials,
    StopReason,
    Text,
    Tokens,
    ToolCall,
    Usage,
    Vectors,
    common_prefix,
    refuse,
)
from .streaming import PieceMaker
from .tool_calls import json_text, with_calls
from .tools_in_words import as_function, told_in_words, written

if TYPE_CHECKING:
    import torch

Reply = str | Iterable[str]
"""What the model says: at once, or in parts, each when it comes. One that is empty only passes the time."""

_NAMES = ("fim_prefix", "fim_suffix", "fim_middle", "repo_name", "file_sep", "end_of_text")
_SPECIALS = Specials(**{name: 256 + index for index, name in enumerate(_NAMES)})


class ByteTokenizer:
    """One token per UTF-8 byte, and six special tokens after the 256 bytes."""

    vocab_size = 256 + len(_NAMES)

    def encode(self, text: str) -> list[int]:
        """The bytes of `text`."""
        return list(text.encode("utf-8", errors="replace"))

    def decode(self, ids: Sequence[int]) -> str:
        """Text of bytes, special tokens as `<|name|>`; broken UTF-8 becomes U+FFFD."""
        words = [bytes([i]) if i < 256 else f"<|{_NAMES[i - 256]}|>".encode() for i in ids]
        return b"".join(words).decode("utf-8", errors="replace")

    def count(self, text: str) -> int:
        """Number of bytes."""
        return len(self.encode(text))


def call(name: str, **arguments: Any) -> str:
    """A reply, or a part of one, that calls a tool."""
    return written(ToolCall("", name, json_text(arguments)))


class ScriptedModel:
    """Gives prepared replies, in order or by a function of the prompt's text; `call` writes one that calls a tool.

    `prompts` records what it was asked, `texts` the same as plain text.
    """

    supports_embeddings = True
    specials = _SPECIALS

    def __init__(
        self,
        replies: Sequence[Reply] | Callable[[str], Reply],
        *,
        name: str = "scripted",
        context_length: int = 1 << 20,
        hidden_size: int = 8,
        chat: bool = True,
        fim: bool = True,
        tools: bool = True,
    ) -> None:
        self.name = name
        self.context_length = context_length
        self.hidden_size = hidden_size
        self.supports_chat = chat
        self.supports_fim = fim
        self.supports_tools = chat and tools
        self.counter = ByteTokenizer()
        self.prompts: list[Prompt] = []
        self.texts: list[str] = []
        self._replies = replies
        self._held: list[int | bytes] = []
        self._lock = threading.Lock()

    def encode(self, text: str) -> list[int]:
        """The bytes of `text`."""
        return self.counter.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of bytes."""
        return self.counter.decode(ids)

    def embed(self, ids: Sequence[int]) -> "torch.Tensor":
        """Embeddings `[n, d]`: each token's number, repeated."""
        import torch

        return torch.tensor(ids, dtype=torch.float32)[:, None].repeat(1, self.hidden_size)

    def count(self, prompt: Prompt) -> int:
        """Positions of `prompt`: bytes of text, one per token or vector."""
        return len(self._keys(prompt))

    def generate(
        self, prompt: Prompt, sampling: Sampling | None = None, cancel: Cancel | None = None
    ) -> Iterator[GenerationEvent]:
        """Stream the next reply; see `BaseModel.generate`."""
        keys = self._keys(prompt)
        if not keys:
            raise ModelError("the prompt is empty; give the model at least one token")
        if len(keys) >= self.context_length:
            raise ModelError(
                f"the prompt takes {len(keys)} positions and {self.name} reads "
                f"{self.context_length} with the answer; lower the budget"
            )
        with self._lock:
            reply, wanted = self._reply(prompt), sampling or Sampling()
            tools = prompt.tools if isinstance(prompt, Chat) else ()
            yield from with_calls(
                lambda until: self._stream(keys, reply, wanted, until), tools, cancel
            )

    def _reply(self, prompt: Prompt) -> Reply:
        text = plain_text(self._told(prompt))
        asked = len(self.prompts)
        self.prompts.append(prompt)
        self.texts.append(text)
        if callable(self._replies):
            return self._replies(text)
        if asked >= len(self._replies):
            raise ModelError(f"{self.name} has {len(self._replies)} replies and was asked for more")
        return self._replies[asked]

    def _stream(
        self, keys: list[int | bytes], reply: Reply, sampling: Sampling, cancel: Cancel | None
    ) -> Iterator[GenerationEvent]:
        reused = min(common_prefix(self._held, keys), len(keys) - 1)
        self._held = list(keys)
        pieces = PieceMaker(self.decode, sampling.stop)
        room = min(sampling.max_new_tokens, self.context_length - len(keys))
        reason: StopReason = "stop"
        generated = 0
        for token in self._spoken(reply):
            if cancel is not None and cancel.is_set():
                reason = "cancelled"
                break
            if token is None:
                continue
            if token in sampling.stop_token_ids or pieces.stopped:
                break
            if generated == room:
                reason = "length"
                break
            generated += 1
            self._held.append(token)
            if piece := pieces.push(token, 0.0):
                yield piece
        if piece := pieces.flush():
            yield piece
        yield Usage(len(keys), reused, generated, reason)

    def _spoken(self, reply: Reply) -> Iterator[int | None]:
        """The tokens of a reply; None when there is nothing to say yet."""
        for part in [reply] if isinstance(reply, str) else reply:
            yield from self.encode(part) or (None,)

    def _keys(self, prompt: Prompt) -> list[int | bytes]:
        if isinstance(prompt, Chat) and not self.supports_chat:
            raise refuse(self.name, "a conversation")
        if isinstance(prompt, Fill) and not self.supports_fim:
            raise refuse(self.name, "a text to fill in")
        keys: list[int | bytes] = []
        for segment in _segments(self._told(prompt)):
            match segment:
                case Text(text):
                    keys += self.encode(text)
                case Tokens(ids):
                    keys += ids
                case Special(name):
                    keys.append(getattr(_SPECIALS, name))
                case Vectors():
                    keys += segment.keys
        return keys

    def _told(self, prompt: Prompt) -> Prompt:
        if isinstance(prompt, Chat) and not self.supports_tools:
            return told_in_words(prompt)
        return prompt


def plain_text(prompt: Prompt) -> str:
    """A prompt as one string: special tokens by name, vectors as their number."""
    parts = []
    for segment in _segments(prompt):
        match segment:
            case Text(text):
                parts.append(text)
            case Tokens(ids):
                parts.append(ByteTokenizer().decode(ids))
            case Special(name):
                parts.append(f"<|{name}|>")
            case Vectors():
                parts.append(f"[{len(segment.keys)} vectors]")
    return "".join(parts)


def _segments(prompt: Prompt) -> list[Segment]:
    match prompt:
        case str():
            return [Text(prompt)]
        case Fill():
            return prompt.segments()
        case Chat():
            laid_out: list[Segment] = [
                Text(f"tool {json_text(as_function(tool)['function'])}\n") for tool in prompt.tools
            ]
            for message in prompt.messages:
                content = _segments(message.content) if message.content else []
                parts = [content] * bool(content) + [
                    [Text(written(call))] for call in message.calls
                ]
                told = [segment for part in parts for segment in (Text("\n"), *part)][1:]
                laid_out += [Text(f"{message.role}: "), *told, Text("\n")]
            return [*laid_out, Text("assistant: ")]
    return list(prompt)
