"""A conversation in the model's own chat format, as segments.

The template is the model's (Jinja, run in the sandbox of transformers). Message contents never go
through it: they are put into its output afterwards, so that nothing a message says can pose as a
special token, and so that a message can hold vectors.
"""

import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from megacontext.configs.errors import ModelError

from ..base import Chat, Segment, Text, Tokens
from .model_files import read_json
from .tokenizing import TextTokenizer


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

    def lay_out(self, chat: Chat, tokenizer: TextTokenizer) -> list[Segment]:
        """The prompt up to the point where the assistant speaks.

        Raises `ModelError` if the template refuses the conversation.
        """
        seed = secrets.token_hex(8)
        marks = [f"content-{seed}-{index}-" for index in range(len(chat.messages))]
        markup = self._render(chat, marks)
        parts = re.split(f"content-{seed}-([0-9]+)-", markup)
        if list(map(int, parts[1::2])) != list(range(len(marks))):
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
                segments.append(Tokens(tuple(tokenizer.encode_markup(part))))
        return segments

    def _render(self, chat: Chat, contents: list[str]) -> str:
        from jinja2 import TemplateError
        from transformers.utils.chat_template_utils import render_jinja_template

        messages = [
            {"role": message.role, "content": content}
            for message, content in zip(chat.messages, contents, strict=True)
        ]
        try:
            rendered, _ = render_jinja_template(
                conversations=[messages],
                chat_template=self._source,
                add_generation_prompt=True,
                enable_thinking=chat.thinking,
                **self._words,
            )
        except (TemplateError, TypeError, ValueError) as exc:
            raise ModelError(f"the model's chat template refused the conversation: {exc}") from exc
        text: str = rendered[0]
        return text
