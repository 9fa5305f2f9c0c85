"""Passages as part of a prompt, as many as fit: the best file last, nearest to the cursor. Knows no score."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from megacontext.memory.focus.text_codec import GAP
from megacontext.models.base import Segment, Special, Text
from megacontext.models.language.transformers_model import TransformersModel

from .arm import Chosen
from .passages import Passage

MISSES = 16
"""Passages in a row that do not fit, after which none are tried."""


class Packer:
    """Packs for one model; what a text costs is counted once."""

    def __init__(self, model: TransformersModel, *, gaps: bool = True) -> None:
        """`gaps`: a sign stands where lines are left out."""
        self._model = model
        self._gaps = gaps
        self._counts: dict[str, int] = {}

    def pack(self, ranked: Iterable[Passage], budget: int) -> Chosen:
        """The first passages, and those after them that still fit."""
        taken: list[Passage] = []
        misses = 0
        for passage in ranked:
            if self.cost(self._laid([*taken, passage])) <= budget:
                taken.append(passage)
                misses = 0
            elif (misses := misses + 1) == MISSES:
                break
        segments = self._laid(taken)
        return segments, shown(segments)

    def cost(self, segments: Sequence[Segment]) -> int:
        """Positions of segments without vectors."""
        return sum(self._count(part.text) if isinstance(part, Text) else 1 for part in segments)

    def _laid(self, ranked: Sequence[Passage]) -> list[Segment]:
        """Passages file by file, the file of the best one last; in a file in order."""
        files = list(dict.fromkeys(passage.path for passage in ranked))
        parts: list[Segment] = []
        for path in reversed(files):
            parts += header(self._model, path)
            own = sorted((each for each in ranked if each.path == path), key=_place)
            parts.append(Text(own[0].text))
            for before, passage in pairwise(own):
                apart = self._gaps and passage.first > before.last + 1
                parts += [Text(f"{GAP}\n")] * apart + [Text(passage.text)]
        return parts

    def _count(self, text: str) -> int:
        if text not in self._counts:
            self._counts[text] = self._model.counter.count(text)
        return self._counts[text]


def header(model: TransformersModel, path: str) -> list[Segment]:
    """What stands before the text of a file."""
    if model.specials.file_sep is not None:
        return [Special("file_sep"), Text(f"{path}\n")]
    return [Text(f"\n### {path}\n")]


def shown(segments: Sequence[Segment]) -> str:
    """The text of segments for people, without special tokens."""
    return "".join(part.text for part in segments if isinstance(part, Text))


def _place(passage: Passage) -> int:
    return passage.first
