"""A model behind an OpenAI-compatible server (vLLM, Ollama, llama.cpp) as a `BaseModel`.

It takes text only, so it works with the text codec. Knows how prompts become requests and events
become pieces; the connection is `server_stream`'s matter.
"""

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from megacontext.configs.errors import RemoteModelError
from megacontext.configs.settings import RemoteSettings

from ..base import (
    CallPiece,
    Cancel,
    Chat,
    Fill,
    GenerationEvent,
    Piece,
    Prompt,
    Sampling,
    Segments,
    Special,
    Specials,
    StopReason,
    Text,
    TextCounter,
    Usage,
    refuse,
)
from .server_calls import CallDeltas, message_data
from .server_stream import Server, stream_events
from .streaming import StopFilter
from .tokenizing import EstimatedCounter, TextTokenizer
from .tool_calls import json_text, with_calls
from .tools_in_words import as_function, told_in_words

_MESSAGE_POSITIONS = 8  # what a chat format adds around one message, at most
_SERVER_STOPS = 4  # as many as the protocol allows; all of them are looked for here
_TOKEN_SIZE = 8  # characters, more than a token has on average in any text worth reading
_SPECIAL_WORD = re.compile(
    r"<\|(fim_prefix|fim_suffix|fim_middle|fim_pad|repo_name|file_sep|endoftext|im_start|im_end)\|>"
)
_SPELLED = {"end_of_text": "<|endoftext|>"}


class RemoteModel:
    """A model that a server runs.

    `settings.fill` says how it completes in the middle: not at all, with Qwen's own tokens in a
    prompt (vLLM, llama.cpp), or through the `suffix` parameter (Ollama).
    """

    supports_chat = True
    supports_embeddings = False
    hidden_size = None
    specials = Specials()

    def __init__(self, settings: RemoteSettings) -> None:
        """Read the API key from the environment; nothing is sent yet.

        Raises `RemoteModelError` if the named variable is not set, `ModelFilesError` for a
        tokenizer that cannot be read.
        """
        self.name = settings.model
        self.context_length = settings.context_length
        self.counter: TextCounter = (
            TextTokenizer.load(settings.tokenizer) if settings.tokenizer else EstimatedCounter()
        )
        self.supports_fim = settings.fill != "none"
        self.supports_tools = settings.tools == "server"
        self._fill = settings.fill
        self._server = Server(settings.base_url, settings.timeout_s, _key(settings))

    def __repr__(self) -> str:
        return f"RemoteModel({self.name!r} on {self._server.shown()})"

    def encode(self, text: str) -> list[int]:
        """Token ids, if settings name a tokenizer; else a `RemoteModelError`."""
        return self._tokenizer().encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids, if settings name a tokenizer; else a `RemoteModelError`."""
        return self._tokenizer().decode(ids)

    def count(self, prompt: Prompt) -> int:
        """Positions of the prompt: with a tokenizer exact but for a chat's format, else estimated."""
        if isinstance(prompt, Chat):
            chat = self._told(prompt)
            texts = [self._text(message.content) for message in chat.messages]
            calls = [call for message in chat.messages for call in message.calls]
            texts += [f"{call.name} {call.arguments}" for call in calls]
            texts += [json_text(as_function(tool)) for tool in chat.tools]
            return sum(map(self.counter.count, texts)) + _MESSAGE_POSITIONS * (len(texts) + 1)
        if isinstance(prompt, Fill):
            return self.counter.count(self._text(prompt.segments()))
        return self.counter.count(self._text(prompt))

    def generate(
        self, prompt: Prompt, sampling: Sampling | None = None, cancel: Cancel | None = None
    ) -> Iterator[GenerationEvent]:
        """Stream the server's answer; see `BaseModel.generate`. Cancelling closes the connection.

        Raises `RemoteModelError` naming the server and the mend.
        """
        tools = prompt.tools if isinstance(prompt, Chat) else ()
        wanted = sampling or Sampling()
        yield from with_calls(lambda until: self._answer(prompt, wanted, until), tools, cancel)

    def _answer(
        self, prompt: Prompt, sampling: Sampling, cancel: Cancel | None
    ) -> Iterator[GenerationEvent]:
        path, request = self._request(prompt, sampling)
        filter_ = StopFilter(sampling.stop)
        answer = _Answer()
        events = stream_events(self._server, path, request, cancel)
        try:
            for event in events:
                text = filter_.push(answer.read(event))
                if text:
                    yield Piece(text)
                if answer.call_text:
                    yield CallPiece(answer.call_text)
                if filter_.stopped:
                    break
                if answer.goes_beyond(sampling.max_new_tokens):
                    answer.finish = "length"
                    break
        finally:
            events.close()  # type: ignore[attr-defined]
        cancelled = cancel is not None and cancel.is_set() and answer.finish is None
        if not (cancelled or filter_.stopped or answer.finish):
            raise RemoteModelError(
                f"the model server of {self.name} cut its answer short; ask again"
            )
        if rest := filter_.flush():
            yield Piece(rest)
        if not cancelled:
            yield from answer.calls.finish(cut=answer.finish == "length")
        yield self._usage(prompt, answer, filter_.stopped, cancelled)

    def _usage(self, prompt: Prompt, answer: "_Answer", stopped: bool, cancelled: bool) -> Usage:
        reason: StopReason = "length" if answer.finish == "length" else "stop"
        if cancelled:
            reason = "cancelled"
        elif stopped:
            reason = "stop"
        return Usage(
            positions=answer.positions or self.count(prompt),
            reused=answer.reused,
            generated=answer.generated or self.counter.count(answer.text),
            stop_reason=reason,
        )

    def _request(self, prompt: Prompt, sampling: Sampling) -> tuple[str, dict[str, Any]]:
        request: dict[str, Any] = {
            "model": self.name,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
        }
        if sampling.top_k:
            request["top_k"] = sampling.top_k
        if sampling.stop:
            request["stop"] = list(sampling.stop[:_SERVER_STOPS])
        if isinstance(prompt, Chat):
            chat = self._told(prompt)
            request["messages"] = [
                message_data(message, self._text(message.content)) for message in chat.messages
            ]
            if chat.tools:
                request["tools"] = [as_function(tool) for tool in chat.tools]
            return "/chat/completions", request
        return "/completions", request | self._completion(prompt)

    def _told(self, chat: Chat) -> Chat:
        return chat if self.supports_tools else told_in_words(chat)

    def _completion(self, prompt: str | Segments | Fill) -> dict[str, str]:
        if not isinstance(prompt, Fill):
            return {"prompt": self._text(prompt)}
        match self._fill:
            case "tokens":
                return {"prompt": self._text(prompt.segments(), guarded=True)}
            case "suffix":
                before = self._text([*prompt.context, Text(prompt.prefix)])
                return {"prompt": before, "suffix": prompt.suffix}
            case _:
                raise refuse(self.name, "a text to fill in: nothing says how its server does that")

    def _text(self, prompt: str | Segments, guarded: bool = False) -> str:
        """Plain text of a prompt; `guarded` breaks up special tokens that text spells itself.

        A server parses special tokens wherever they stand, so a file that mentions them would be
        read as structure.
        """
        parts = []
        for segment in [Text(prompt)] if isinstance(prompt, str) else prompt:
            match segment:
                case Text(text):
                    parts.append(_SPECIAL_WORD.sub(r"<| \1 |>", text) if guarded else text)
                case Special(name):
                    parts.append(_SPELLED.get(name, f"<|{name}|>"))
                case _:
                    raise refuse(self.name, "token ids or vectors: its server reads text")
        return "".join(parts)

    def _tokenizer(self) -> TextTokenizer:
        if isinstance(self.counter, TextTokenizer):
            return self.counter
        raise RemoteModelError(
            f"the tokens of {self.name} are known to its server only; "
            "set model.remote.tokenizer to a tokenizer.json of that model"
        )


class _Answer:
    """What the events of one answer add up to."""

    def __init__(self) -> None:
        self.text = ""
        self.finish: str | None = None
        self.calls = CallDeltas()
        self.call_text = ""
        """What the last event added to calls."""
        self.positions = self.reused = self.generated = 0
        self._parts = self._size = 0

    def goes_beyond(self, tokens: int) -> bool:
        """Whether the server has sent more than so many tokens can be, thoughts and calls included.

        A part is a token or more with most servers, and a piece of one with some.
        """
        return self._parts > tokens and self._size > tokens * _TOKEN_SIZE

    def read(self, event: dict[str, Any]) -> str:
        """Take one event in; returns the text it adds. Nonsense adds nothing."""
        usage = _object(event.get("usage"))
        self.positions = _number(usage.get("prompt_tokens")) or self.positions
        self.generated = _number(usage.get("completion_tokens")) or self.generated
        details = _object(usage.get("prompt_tokens_details"))
        self.reused = _number(details.get("cached_tokens")) or self.reused
        choices = event.get("choices")
        choice = _object(choices[0] if isinstance(choices, list) and choices else None)
        finish = choice.get("finish_reason")
        self.finish = finish if isinstance(finish, str) else self.finish
        delta = _object(choice.get("delta"))
        self.call_text = self.calls.read(delta.get("tool_calls"))
        text = delta.get("content") or choice.get("text")
        added = text if isinstance(text, str) else ""
        self.text += added
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        size = len(added) + len(self.call_text) + len(thought if isinstance(thought, str) else "")
        self._size += size
        self._parts += size > 0
        return added


def _key(settings: RemoteSettings) -> str | None:
    if settings.api_key_env is None:
        return None
    key = os.environ.get(settings.api_key_env)
    if not key:
        raise RemoteModelError(
            f"the environment variable {settings.api_key_env} is not set; "
            "put the API key into it, or set model.remote.api_key_env to null"
        )
    return key


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
