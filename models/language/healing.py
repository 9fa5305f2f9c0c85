"""Token healing: the end of a prompt may be the beginning of a longer token that a model would have read there.

Text is cut into tokens as it stands, and a cursor may cut it where the model never saw a border: behind a line end and
before the blanks that are one token with it, or inside a word. The last token is taken back, and the answer begins with
any token that begins like it. Knows tokens, no model. The idea is that of guidance (github.com/guidance-ai/guidance).
"""

from collections.abc import MutableSequence
from dataclasses import dataclass

from ..base import Chat, Fill, Prompt, Text
from .kv_cache import PositionKey
from .tokenizing import TextTokenizer


@dataclass(frozen=True)
class Healing:
    """What became of the end of a prompt."""

    tokens: int = 0
    """That were taken back, 0 or 1."""
    allowed: tuple[int, ...] = ()
    """What may stand in their place; anything where nothing was taken back."""
    text: str = ""
    """The end of the prompt that the answer says again."""

    @property
    def skip(self) -> int:
        """Characters of the answer that the prompt has already."""
        return len(self.text)


def take_back(
    prompt: Prompt, keys: MutableSequence[PositionKey], tokenizer: TextTokenizer
) -> Healing:
    """Take the last of the positions of a prompt that ends in text, where other tokens begin like it.

    Conversations, and texts to be filled in, do not end where their answer begins.
    """
    if len(keys) < 2 or not _ends_in_text(prompt) or not isinstance(last := keys[-1], int):
        return Healing()
    allowed = tokenizer.beginning_like(last)
    if set(allowed) <= {last}:
        return Healing()
    keys.pop()
    return Healing(1, tuple(allowed), tokenizer.decode([last]))


def _ends_in_text(prompt: Prompt) -> bool:
    if isinstance(prompt, Fill | Chat):
        return False
    return isinstance(prompt, str) or isinstance(prompt[-1], Text)
