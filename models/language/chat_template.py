"""A conversation in the model's own chat format, as segments.

The template is the model's (Jinja, run in the sandbox of transformers). Message contents and what the model wrote into
its calls never go through it: they are put into its output afterwards, so that nothing a message says can pose as a
special token, and so that a message can hold vectors.
"""

import json
import re
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from megacontext.configs.errors import ModelError

from ..base import Chat, Message, Segment, Text, Tokens, ToolCall, ToolSpec
from .model_files import read_json
from .tokenizing import TextTokenizer
from .tool_calls import object_in
from .tools_in_words import as_function, told_in_words

_PROBE = Chat(
    (
        Message("user", "x"),
        Message("assistant", "", (ToolCall("000000001", "probed_tool", "{}"),)),
        Message("tool", "x", call_id="000000001"),
    ),
    tools=(ToolSpec("probed_tool", "x", {"type": "object", "properties": {}}),),
)


class ChatTemplate:
    """Lays a `Chat` out in the format a model was trained on."""

    def __init__(self, source: str, special_words: Mapping[str, str]) -> None:
        """`source` is Jinja; `special_words` holds names such as `bos_token` used in it."""
        self._source = source
        self._words = dict(special_words)

    @classmethod
    def of_folder(cls, folder: Path) -> "ChatTemplate | None":
        """The template in a model folder, or None for a model that does not chat."""
        settings = read_json(folder / "tokenizer_config.json")
        file = folder / "chat_template.jinja"
        source = file.read_text("utf-8") if file.is_file() else settings.get("chat_template")
        if not isinstance(source, str):
            return None
        words = {
            key: value["content"] if isinstance(value, dict) else value
            for key, value in settings.items()
            if key.endswith("_token") and isinstance(value, str | dict)
        }
        return cls(source, words)

    @cached_property
    def takes_tools(self) -> bool:
        """Whether it has a place for tools, calls and results."""
        marks = _Marks()
        try:
            markup = self._render(_PROBE, marks)
        except ModelError:
            return False
        told, _, rest = markup.partition(marks.content(0))
        return (
            "probed_tool" in told
            and marks.inline("probed_tool") in rest
            and marks.content(2) in rest
        )

    def lay_out(self, chat: Chat, tokenizer: TextTokenizer) -> list[Segment]:
        """The prompt up to the point where the assistant speaks; tools in words where it has no place for them.

        Raises `ModelError` if the template refuses the conversation.
        """
        if not self.takes_tools:
            chat = told_in_words(chat)
        marks = _Marks()
        parts = marks.split(self._render(chat, marks))
        # Some templates leave an empty content away beside calls.
        left = [
            at for at, message in enumerate(chat.messages) if message.content or not message.calls
        ]
        laid_out = [int(at) for at in parts[1::2]]
        if [at for at in laid_out if at in left] != left or laid_out != sorted(set(laid_out)):
            raise ModelError(
                "the model's chat template drops or reorders messages of this conversation; "
                "send system first, then user and assistant in turn"
            )
        segments: list[Segment] = []
        for index, part in enumerate(parts):
            if index % 2:
                content = chat.messages[int(part)].content
                segments += [Text(content)] if isinstance(content, str) else content
            elif part:
                segments.append(Tokens(_encoded(part, marks, tokenizer)))
        return segments

    def _render(self, chat: Chat, marks: "_Marks") -> str:
        from jinja2 import TemplateError
        from transformers.utils.chat_template_utils import render_jinja_template

        messages = [_as_data(message, marks, at) for at, message in enumerate(chat.messages)]
        try:
            rendered, _ = render_jinja_template(
                conversations=[messages],
                chat_template=self._source,
                tools=[as_function(tool) for tool in chat.tools] or None,
                add_generation_prompt=True,
                enable_thinking=chat.thinking,
                **self._words,
            )
        except (TemplateError, TypeError, ValueError) as exc:
            raise ModelError(f"the model's chat template refused the conversation: {exc}") from exc
        text: str = rendered[0]
        return text


class _Marks:
    """What stands in a rendered template for text that must not be read as markup."""

    def __init__(self) -> None:
        self._seed = secrets.token_hex(8)
        self._texts: dict[str, str] = {}

    def content(self, at: int) -> str:
        """The mark of the content of message `at`."""
        return f"content-{self._seed}-{at}-"

    def inline(self, text: str) -> str:
        """The mark of a text inside a call."""
        return self._texts.setdefault(text, f"inline-{self._seed}-{len(self._texts)}-")

    def split(self, markup: str) -> list[str]:
        """Markup, number of a message, markup, …"""
        return re.split(f"content-{self._seed}-([0-9]+)-", markup)

    def filled(self, markup: str) -> str:
        """`markup` with the texts of calls: as JSON has them where they stand in quotes, else as they are."""
        texts = {mark: text for text, mark in self._texts.items()}

        def text_of(found: re.Match[str]) -> str:
            text = texts[found[2]]
            return f'"{json.dumps(text, ensure_ascii=False)[1:-1]}' if found[1] else text

        return re.sub(f'("?)(inline-{self._seed}-[0-9]+-)', text_of, markup)


def _as_data(message: Message, marks: _Marks, at: int) -> dict[str, Any]:
    data: dict[str, Any] = {"role": message.role, "content": marks.content(at)}
    if message.calls:
        data["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": marks.inline(call.name),
                    "arguments": _marked(object_in(call.arguments) or {}, marks),
                },
            }
            for call in message.calls
        ]
        if not message.content:
            data["content"] = ""
    if message.call_id is not None:
        data["tool_call_id"] = message.call_id
    return data


def _marked(value: Any, marks: _Marks) -> Any:
    """JSON data with a mark in place of every text in it."""
    match value:
        case str():
            return marks.inline(value)
        case dict():
            return {marks.inline(key): _marked(item, marks) for key, item in value.items()}
        case list():
            return [_marked(item, marks) for item in value]
    return value


def _encoded(markup: str, marks: _Marks, tokenizer: TextTokenizer) -> tuple[int, ...]:
    """Token ids of markup; what a call says is text, also where it spells a special token."""
    ids: list[int] = []
    for part in tokenizer.split_markup(markup):
        if part in tokenizer.added_tokens:
            ids.append(tokenizer.added_tokens[part])
        else:
            ids += tokenizer.encode(marks.filled(part))
    return tuple(ids)
