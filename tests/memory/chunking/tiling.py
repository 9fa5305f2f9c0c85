"""What holds of the chunks of any file, and small files in every language to try it on."""

from hashlib import blake2b
from pathlib import Path

from megacontext.memory.chunking import ChunkedFile, chunk_file
from megacontext.memory.chunking.weight import LIMIT, weigh

SAMPLES = sorted((Path(__file__).parent / "samples").iterdir())
SOURCES = [(path.name.removesuffix(".sample"), path.read_bytes()) for path in SAMPLES]
NAMES = [name for name, _ in SOURCES]


def check(path: str, data: bytes) -> ChunkedFile:
    """Chunk a file and check all that must hold for any file."""
    chunked = chunk_file(path, data)
    position, line = 0, 1
    weights = weigh(data)
    for chunk in chunked.chunks:
        assert chunk.start == position < chunk.end
        position = chunk.end
        assert weights[chunk.end] - weights[chunk.start] <= LIMIT
        assert chunk.start_line == line
        assert chunk.end_line == line + data.count(b"\n", chunk.start, chunk.end - 1)
        line += data.count(b"\n", chunk.start, chunk.end)
        text = data[chunk.start : chunk.end]
        assert chunk.digest == blake2b(text, digest_size=16).digest()
        assert len(chunk.outline) <= 400
        assert not _cuts_a_short_line(data, chunk.start)
    assert position == len(data)
    assert len(chunked.references) == len(chunked.chunks)
    for symbol in chunked.symbols:
        assert 0 <= symbol.start < symbol.end <= len(data)
        assert symbol.name
        assert "\n" not in symbol.signature + symbol.doc
    return chunked


def _cuts_a_short_line(data: bytes, start: int) -> bool:
    if start == 0 or data[start - 1 : start] == b"\n":
        return False
    nearest = max(0, start - LIMIT)  # no line that starts before is short
    first = data.rfind(b"\n", nearest, start) + 1 or nearest
    newline = data.find(b"\n", start, start + LIMIT)
    last = newline + 1 if newline >= 0 else min(len(data), start + LIMIT)
    return weigh(data[first:last])[-1] <= LIMIT
