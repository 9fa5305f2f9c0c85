"""Text to token ids and back, over the `tokenizers` library alone.

Indexing turns millions of tokens through this file, so it loads neither torch nor transformers.
It knows tokens; it knows no model, and special tokens only as numbers that text never yields.
"""

import hashlib
import json
import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from megacontext.configs.errors import ModelFilesError

from .guiding import TokenTexts

# Half a surrogate pair is no text and no tokenizer takes it; such strings come from file names.
BROKEN = "\ufffd"
"""Stands for bytes that are no whole character."""
_SURROGATES = re.compile("[\ud800-\udfff]")


class TextTokenizer:
    """A model's tokenizer that reads every special token spelled in a text as plain text.

    Without that, a file that mentions `<|fim_middle|>` would put the token itself into a prompt.
    """

    def __init__(self, definition: bytes) -> None:
        """Read the bytes of a `tokenizer.json`. Raises `ValueError` if they are none."""
        content = json.loads(definition)
        if not isinstance(content, dict):
            raise ValueError("no object")  # noqa: TRY004  a wrong file, not a wrong argument
        added = content.get("added_tokens") or []
        if not all(token["special"] for token in added):
            # Only tokens marked special can be left unparsed, and Qwen coders mark theirs as plain.
            content["added_tokens"] = [{**token, "special": True} for token in added]
            definition_to_build = json.dumps(content)
        else:
            definition_to_build = definition.decode()
        self.fingerprint: str = hashlib.blake2b(definition, digest_size=16).hexdigest()
        """Hex digest of the file: equal fingerprints give equal ids."""
        self.added_tokens: dict[str, int] = {token["content"]: token["id"] for token in added}
        """Spelling → id of every token that is not made from text."""
        self._inner: Any = _build(definition_to_build)
        self._inner.no_truncation()
        self._inner.no_padding()
        self._inner.encode_special_tokens = True

    @classmethod
    def load(cls, path: Path) -> "TextTokenizer":
        """Load a `tokenizer.json`, or the one in a model folder.

        Raises `ModelFilesError` if it is missing or no tokenizer.
        """
        file = path / "tokenizer.json" if path.is_dir() else path
        try:
            return cls(file.read_bytes())
        except OSError as exc:
            raise ModelFilesError(
                f"{file} cannot be read ({exc.strerror}); download the model's tokenizer.json again"
            ) from exc
        except (ValueError, TypeError, KeyError) as exc:
            raise ModelFilesError(
                f"{file} is no tokenizer of the tokenizers library; "
                "download the model's tokenizer.json again"
            ) from exc

    @property
    def vocab_size(self) -> int:
        """One more than the highest token id, added tokens included."""
        return self._highest_id + 1

    @cached_property
    def _highest_id(self) -> int:
        return max(self._inner.get_vocab(with_added_tokens=True).values(), default=-1)

    def encode(self, text: str) -> list[int]:
        """Token ids of one text, without any token the text does not hold."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of many texts, in parallel where the library was told so."""
        try:
            encodings = self._inner.encode_batch_fast(list(texts), add_special_tokens=False)
        except (TypeError, UnicodeEncodeError):
            whole = [_SURROGATES.sub("\ufffd", text) for text in texts]
            encodings = self._inner.encode_batch_fast(whole, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def encode_markup(self, text: str) -> list[int]:
        """Token ids of text this program wrote itself: special tokens spelled in it are parsed."""
        ids: list[int] = []
        for part in self.split_markup(text):
            ids += [self.added_tokens[part]] if part in self.added_tokens else self.encode(part)
        return ids

    def split_markup(self, text: str) -> list[str]:
        """Special tokens spelled in a text, and what stands between them."""
        return [part for part in self._markup.split(text) if part]

    @cached_property
    def _markup(self) -> re.Pattern[str]:
        longest_first = sorted(self.added_tokens, key=len, reverse=True)
        return re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids, special tokens spelled out. Broken UTF-8 becomes U+FFFD."""
        text: str = self._inner.decode(list(ids), skip_special_tokens=False)
        return text

    def count(self, text: str) -> int:
        """Number of tokens of a text."""
        return len(self.encode(text))

    def beginning_like(self, token: int) -> list[int]:
        """Tokens of text whose text begins with that of `token`, itself among them; none for a special token."""
        spelling = self._inner.id_to_token(token)
        if spelling is None or spelling in self.added_tokens:
            return []
        start = bisect_left(self._spellings, (spelling, -1))
        text, found = self.decode([token]), []
        for other, id_ in islice(self._spellings, start, None):
            if not other.startswith(spelling):
                break
            whole = self.decode([id_])
            if whole.startswith(text) and BROKEN not in whole:
                found.append(id_)
        return found

    @cached_property
    def token_texts(self) -> TokenTexts:
        """All tokens by their texts; made when it is first asked for."""
        texts = {token: self.decode([token]) for _, token in self._spellings}
        return TokenTexts(texts, [*self.added_tokens.values()])

    @cached_property
    def _spellings(self) -> list[tuple[str, int]]:
        """Every token that is made from text, as the vocabulary spells it, in order."""
        return sorted(self._inner.get_vocab(with_added_tokens=False).items())


class EstimatedCounter:
    """Counts for a model whose tokenizer is not at hand: an estimate that is rarely too low.

    Byte-level tokenizers of code models average 3 to 4.5 bytes a token on source text; dividing
    the UTF-8 length by 2.5 leaves room for dense text: a budget holds, at the price of some of it.
    """

    bytes_per_token = 2.5

    def count(self, text: str) -> int:
        """Estimated number of tokens of a text."""
        size = len(text.encode("utf-8", errors="replace"))
        return -int(-size // self.bytes_per_token)


def _build(definition: str) -> Any:
    try:
        return Tokenizer.from_str(definition)
    except Exception as exc:  # the library raises plain Exception
        raise ValueError(str(exc)) from exc
