"""Tool calls as models write them, read while they stream.

Most models write `<tool_call>{"name": …, "arguments": {…}}</tool_call>`. Read as well: the same object in a fence or as
the whole answer, which small models fall back to, and `<function=name><parameter=key>value`, which Qwen3-Coder writes.
Knows text and JSON; whether a tool exists and what its arguments mean is for others.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..base import (
    CallPiece,
    Cancel,
    GenerationEvent,
    MalformedCall,
    Piece,
    ToolCall,
    ToolSpec,
    Usage,
)

OPENING, CLOSING = "<tool_call>", "</tool_call>"
RESULT_OPENING, RESULT_CLOSING = "<tool_response>", "</tool_response>"
CUT = "the answer reached its limit of tokens inside the call; write less at a time"
_NAMED = ("{", r"\s*", *'"name"')
_PARAMETER = re.compile(
    r"<parameter=([^>\s]+)>\n?(.*?)\n?</parameter>(?=\s*(?:<parameter=|</function>|\Z))", re.DOTALL
)


@dataclass(frozen=True)
class _Form:
    """One way to write a call: what it begins with, piece by piece as patterns, and what ends it."""

    pieces: tuple[str, ...]
    closing: str | None
    """None: the end of the answer."""
    sure: bool
    """Whether nothing but a call is written so; the others are text unless they name a tool."""

    @property
    def begun(self) -> str:
        """Pattern of a beginning that the text has got to, however far."""
        first, *rest = self.pieces
        return first + "".join(f"(?:{piece}" for piece in rest) + ")?" * len(rest)


_FORMS = {
    "tag": _Form(tuple(OPENING), CLOSING, True),
    "function": _Form(tuple("<function="), "</function>", True),
    "fence": _Form(
        (*"```", r"[a-z_]*", r"\s*", *map(re.escape, _NAMED[:1]), *_NAMED[1:]), "\n```", False
    ),
    "result": _Form(tuple(RESULT_OPENING), None, False),
    "bare": _Form((r"\A\s*", r"\{", *_NAMED[1:]), None, False),
}
_WHOLE = re.compile(
    "|".join(f"(?P<{name}>{''.join(form.pieces)})" for name, form in _FORMS.items())
)
_BEGUN = re.compile(rf"(?:{'|'.join(form.begun for form in _FORMS.values())})\Z")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


_DECODER = json.JSONDecoder(strict=False, parse_constant=_refuse_constant)


class _NoCallError(ValueError):
    """Why a text is no call, in words for the model; `open` where it may go on behind what looks like its end."""

    def __init__(self, reason: str, *, open: bool = False) -> None:  # noqa: A002
        super().__init__(reason)
        self.open = open


class CallReader:
    """Takes the text of one answer piece by piece, and gives it back as text and calls, in order.

    `over` is set where a model that has called tools goes on to make up their results.
    """

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._held = ""
        self._form: _Form | None = None
        self._searched = 0
        self._calls = 0
        self._begun = False
        self.over = False

    @property
    def is_inside(self) -> bool:
        """Whether a call is being written."""
        return self._form is not None

    def push(self, text: str) -> list[str | ToolCall | MalformedCall]:
        """What is certain after `text`; the rest is held back."""
        self._held += "" if self.over else text
        given: list[str | ToolCall | MalformedCall] = []
        while (more := self._take()) is not None:
            given += more
        return given

    def flush(self, cut: bool = False) -> list[str | ToolCall | MalformedCall]:
        """What is left at the end of the answer; `cut` says that a limit ended it."""
        held, form, self._held, self._form = self._held, self._form, "", None
        if form is None:
            return [held] if held else []
        try:
            return list(self._read(held, form))
        except _NoCallError as exc:
            return [MalformedCall(held, CUT if cut else str(exc))] if form.sure else [held]

    def _take(self) -> list[str | ToolCall | MalformedCall] | None:
        """One step: up to the next call, or a whole call; None when more text is needed."""
        if self._form is None:
            return self._text()
        closing = self._form.closing
        at = self._held.find(closing, self._searched) if closing else -1
        if closing is None or at < 0:
            self._searched = max(0, len(self._held) - len(closing or "") + 1)
            return None
        end = at + len(closing)
        written, form = self._held[:end], self._form
        try:
            calls: list[str | ToolCall | MalformedCall] = list(self._read(written, form))
        except _NoCallError as exc:
            if exc.open:
                self._searched = end
                return []
            calls = [MalformedCall(written, str(exc)) if form.sure else written]
        self._held, self._form, self._searched = self._held[end:], None, 0
        return calls

    def _text(self) -> list[str | ToolCall | MalformedCall] | None:
        if not self._held:
            return None
        # A beginning that is only one at the start of the answer is none later on.
        start = "\x00" if self._begun else ""
        held = start + self._held
        if found := _WHOLE.search(held):
            at = found.start() - len(start)
            if found.lastgroup == "result":
                return self._result(at)
            self._form = _FORMS[str(found.lastgroup)]
        else:
            begun = _BEGUN.search(held)
            at = begun.start() - len(start) if begun else len(self._held)
        text, self._held = self._held[:at], self._held[at:]
        self._begun = self._begun or bool(text) or self._form is not None
        if found:
            return [text] if text else []
        return [text] if text else None

    def _result(self, at: int) -> list[str | ToolCall | MalformedCall]:
        """A result where the assistant speaks: made up behind a call, else only mentioned."""
        self.over = self._calls > 0
        end = at if self.over else at + len(RESULT_OPENING)
        text, self._held = self._held[:end], "" if self.over else self._held[end:]
        self._begun = True
        return [text] if text else []

    def _read(self, written: str, form: _Form) -> Iterator[ToolCall]:
        """The calls in a written one; raises _NoCallError."""
        body = _body(written)
        read = _function if body.startswith("<function=") else _objects
        for name, arguments in read(body, self._tools):
            if not form.sure and name not in self._tools:
                raise _NoCallError(f"there is no tool {name}")
            self._calls += 1
            yield ToolCall(f"call-{self._calls}", name, arguments)


class _Until:
    """Set when the one who asked no longer wants the answer, or its reader has enough of it."""

    def __init__(self, asked: Cancel | None, reader: CallReader) -> None:
        self._asked = asked
        self._reader = reader

    def is_set(self) -> bool:
        return self._reader.over or self.asked

    @property
    def asked(self) -> bool:
        return self._asked is not None and self._asked.is_set()


def with_calls(
    generate: Callable[[Cancel | None], Iterable[GenerationEvent]],
    tools: Sequence[ToolSpec],
    cancel: Cancel | None = None,
) -> Iterator[GenerationEvent]:
    """The events of an answer, with the calls in its text read as such; without tools they pass as they are."""
    if not tools:
        yield from generate(cancel)
        return
    reader = CallReader(tools)
    until = _Until(cancel, reader)
    pending = Piece("")
    for event in generate(until):
        if isinstance(event, Piece):
            pending = _joined(pending, event)
            given = reader.push(event.text)
            if reader.is_inside:
                yield CallPiece(event.text)
        elif isinstance(event, CallPiece):
            given = []
        else:
            cancelled = (
                isinstance(event, Usage) and event.stop_reason == "cancelled" and until.asked
            )
            cut = isinstance(event, Usage) and event.stop_reason == "length"
            given = [] if cancelled else reader.flush(cut)
        for item in given:
            yield replace(pending, text=item) if isinstance(item, str) else item
            pending = Piece("")
        if isinstance(event, Usage) and reader.over and not until.asked:
            yield replace(event, stop_reason="stop")
        elif not isinstance(event, Piece):
            yield event


def object_in(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is, or None; raw line breaks in strings are let pass."""
    try:
        value = _DECODER.decode(text.strip() or "{}")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _joined(first: Piece, second: Piece) -> Piece:
    return Piece("", first.token_ids + second.token_ids, first.logprobs + second.logprobs)


def _body(written: str) -> str:
    """What stands inside the marks, however they are nested."""
    body = written.strip().removeprefix(OPENING).removesuffix(CLOSING).strip()
    if body.startswith("```"):
        body = re.sub(r"\A```[a-z_]*\s*|\s*```\Z", "", body)
    return body


Read = Callable[[str, dict[str, ToolSpec]], Iterator[tuple[str, str]]]


def _objects(body: str, _: dict[str, ToolSpec]) -> Iterator[tuple[str, str]]:
    """Names and arguments of one object, several behind each other, or a list of them."""
    at = 0
    if not body:
        raise _NoCallError("the call is empty")
    while at < len(body):
        try:
            value, at = _DECODER.raw_decode(body, at)
        except (ValueError, RecursionError) as exc:
            raise _NoCallError(
                f"the call is no JSON: {exc}", open="Unterminated" in str(exc)
            ) from exc
        for item in value if isinstance(value, list) else [value]:
            yield _named(item)
        at += len(body[at:]) - len(body[at:].lstrip(" \t\r\n,"))


def _named(item: Any) -> tuple[str, str]:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str) or not item["name"]:
        raise _NoCallError('the call is no object with "name" and "arguments"')
    arguments = item.get("arguments", item.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = object_in(arguments)
    if not isinstance(arguments, dict):
        raise _NoCallError(f'the "arguments" of {item["name"]} are no JSON object')
    return item["name"], json_text(arguments)


def _function(body: str, tools: dict[str, ToolSpec]) -> Iterator[tuple[str, str]]:
    for part in re.split(r"(?=<function=)", body)[1:]:
        head = re.match(r"<function=([^>\s]+)>", part)
        if head is None or "</function>" not in part:
            raise _NoCallError("the call is not <function=name> … </function>", open=True)
        name = head[1]
        tool = tools.get(name)
        kinds = tool.parameters.get("properties", {}) if tool else {}
        values = {key: _typed(value, kinds.get(key, {})) for key, value in _PARAMETER.findall(part)}
        if len(values) < part.count("<parameter="):
            raise _NoCallError(f"a <parameter=…> of {name} is not closed, or stands there twice")
        yield name, json_text(values)


def _typed(value: str, schema: Any) -> Any:
    """A parameter written as text, as the schema has it."""
    if isinstance(schema, dict) and schema.get("type") == "string":
        return value
    try:
        return _DECODER.decode(value)
    except (ValueError, RecursionError):
        return value


def json_text(value: Any) -> str:
    """JSON as models write it; half a surrogate pair, which is no text, becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8")
