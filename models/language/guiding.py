"""Names that an answer may begin with: draws are held to tokens that lead to one of them, and past its end.

The idea is that of monitor-guided decoding (Agrawal et al. 2023, "Guiding Language Models of Code with Global Context
using Monitors"): what is known of a program says which names may stand at a place, and the model chooses among them.
Knows tokens as texts, no model and no program.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice


class TokenTexts:
    """The tokens of a vocabulary by their texts."""

    def __init__(self, texts: Mapping[int, str], others: Sequence[int]) -> None:
        """`texts` by token; `others` are tokens that stand for no text, such as the end of one."""
        self._ordered = sorted((text, token) for token, text in texts.items() if text)
        self.text_of = dict(texts)
        self._exact: dict[str, list[int]] = {}
        for text, token in self._ordered:
            self._exact.setdefault(text, []).append(token)
        self.borders = [token for text, token in self._ordered if not _is_of_name(text[0])]
        """Tokens that end a name which stands before them."""
        self.borders += others

    def leading_to(self, target: str) -> Iterator[int]:
        """Tokens that are the beginning of `target`, or all of it and something that is no part of a name."""
        for end in range(1, len(target) + 1):
            yield from self._exact.get(target[:end], ())
        start = bisect_left(self._ordered, (target, -1)) if target else len(self._ordered)
        for text, token in islice(self._ordered, start, None):
            if not text.startswith(target):
                return
            if len(text) > len(target) and not _is_of_name(text[len(target)]):
                yield token


class NameGuide:
    """How far an answer is on the way to one of some names."""

    def __init__(self, tokens: TokenTexts, names: Sequence[str], before: str = "") -> None:
        """`names` as they go on from the prompt, and `before` is the end of the prompt that the answer says again."""
        self._tokens = tokens
        self._targets = [before + name for name in names]

    def allowed(self) -> list[int]:
        """The tokens that may come next; none where any may."""
        found: dict[int, None] = {}
        for target in self._targets:
            if not target:
                found.update(dict.fromkeys(self._tokens.borders))
            found.update(dict.fromkeys(self._tokens.leading_to(target)))
        if not found:
            self._targets = []
        return list(found)

    def take(self, token: int) -> None:
        """Note the token that came."""
        text = self._tokens.text_of.get(token, "")
        # Whatever went past the end of a name is free from then on.
        self._targets = [
            target.removeprefix(text)
            for target in self._targets
            if text and target.startswith(text)
        ]


def _is_of_name(char: str) -> bool:
    return char.isalnum() or char == "_"
