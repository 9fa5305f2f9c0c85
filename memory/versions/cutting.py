"""Where a text is cut into spans: at its chunks; records that are only ever appended to, at runs of lines."""

from ..chunking import chunk_file

RECORDS = ".jsonl"
RUN = 2_048
"""Bytes after which a run of records ends, so that what is appended leaves all runs before as they are."""


def cuts(path: str, data: bytes) -> list[int]:
    """Byte offsets at which the spans of a text end, the last one its length; none for an empty text."""
    if not path.endswith(RECORDS):
        return [chunk.end for chunk in chunk_file(path, data).chunks]
    ends: list[int] = []
    start = at = 0
    for line in data.splitlines(keepends=True):
        at += len(line)
        if at - start >= RUN:
            ends.append(at)
            start = at
    return [*ends, at] if at > start else ends
