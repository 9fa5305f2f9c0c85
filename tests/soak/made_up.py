"""Files that nobody would write, each from its seed alone: mutated sources, broken text, nesting without end."""

import random
from collections.abc import Callable
from pathlib import PurePosixPath

from tests.benchmarks.machine import ROOT
from tests.memory.chunking.tiling import SOURCES as SAMPLES

Chance = random.Random
OWN = (
    *("memory/ingest/ingest.py", "agent/engine.py", "tests/memory/workbench.py", "tests/lsp/node/scene.mjs"),
    *("docs/architecture.md", "README.md", "pyproject.toml", "Makefile"),
)  # fmt: skip
SOURCES = [*SAMPLES, *((path, (ROOT / path).read_bytes()) for path in OWN)]
"""A small file in each language, and longer ones of this project."""

NOISE = (
    *(b"{", b"}", b"(((", b")]}", b'"', b"'", b"`", b'"""', b"/*", b"*/", b"<!--", b"#", b"//", b"<?php ", b"?>"),
    *(b"\n\n", b"\r\n", b"\r", b"\n\r", b"\t", b"\x0b\x0c", b"\x1b[31m", b"\\", b"\\\n", b"<<EOF\n", b"${", b"%("),
    *(b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"),
    *("\u2028".encode(), "\u202e".encode(), "e\u0301".encode(), "\U0001f9d1\u200d\U0001f4bb".encode(), "ﷺ".encode()),
    *(b"<|file_sep|>", b"<|endoftext|>", b"<|fim_prefix|>", b"<<<<<<< HEAD\n"),
    *(b"=======\n", b"\x7fELF", b"async ", b":="),
)  # fmt: skip
PAIRS = (
    *((b"(", b")"), (b"[", b"]"), (b"{", b"}"), (b"<div>", b"</div>"), (b"f(", b")"), (b'"a" + (', b")")),
    *((b"if (a) {", b"}"), (b"/* ", b" */"), (b"not ", b""), (b"a.", b""), (b"**", b""), (b"<", b">")),
    *((b'{"a": ', b"}"), (b"!", b""), (b"> ", b"")),
)  # fmt: skip
ENDS = (b"\n", b"\r\n", b"\r", b"\n\r", b"\x0b", b"\x0c", "\x85".encode(), "\u2028".encode())
FOLDERS = ("src", "src/inner", "docs", "a b", "größe", "-x", "deep/" * 12 + "end")
MOST = 400_000
"""Bytes of a file, so that ten thousand take minutes."""


def made_up(seed: int) -> tuple[str, bytes]:
    """`(path, bytes)` of a file; paths of different seeds are different."""
    chance = random.Random(seed)
    name, source = chance.choice(SOURCES)
    make = chance.choices(list(KINDS), list(KINDS.values()))[0]
    data = make(chance, source)[:MOST]
    if name.endswith(".php") and chance.random() < 0.5:
        data = b"<?php " + data
    return _path(chance, name, seed), data


def _path(chance: Chance, name: str, seed: int) -> str:
    path = PurePosixPath(name)
    stem = path.stem
    if chance.random() < 0.1:
        stem = chance.choice(
            ["a b", "ünï", "new\nline", "-", "~", "%2F", "a" * 180, "'", '"', "\u202e", "*"]
        )
    return f"{chance.choice(FOLDERS)}/{stem}{seed}{path.suffix}"  # fmt: skip


def mutated(chance: Chance, source: bytes) -> bytes:
    """A source after a few accidents."""
    data = source
    for _ in range(chance.randint(1, 10)):
        data = chance.choice(ACCIDENTS)(chance, data)
    return data


def spliced(chance: Chance, source: bytes) -> bytes:
    """Parts of sources in several languages."""
    parts = [source, *(chance.choice(SOURCES)[1] for _ in range(chance.randint(1, 6)))]
    return b"".join(_part(chance, part) for part in parts)


def repeated(chance: Chance, source: bytes) -> bytes:
    """A source again and again, damaged here and there."""
    return b"".join(
        mutated(chance, source) if chance.random() < 0.1 else source
        for _ in range(chance.randint(2, 30))
    )


def noise(chance: Chance, _: bytes) -> bytes:
    """Any bytes, or such that mean something to somebody."""
    if chance.random() < 0.5:
        return chance.randbytes(chance.randrange(5_000))
    return b"".join(chance.choices(NOISE, k=chance.randrange(2_000)))


def broken_text(chance: Chance, source: bytes) -> bytes:
    """Text in another encoding, or whose characters are cut in the middle."""
    text = source.decode("utf-8", "replace") + "äöü漢字🙂" * chance.randrange(50)
    encoding = chance.choice(
        ["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-7", "cp1252", "utf-8"]
    )
    data = bytearray(text.encode(encoding, "ignore"))
    for _ in range(chance.randrange(20)):
        del data[chance.randrange(len(data))]
    return bytes(data)


def nested(chance: Chance, source: bytes) -> bytes:
    """Nesting without end, closed or not, alone or inside a source."""
    opening, closing = chance.choice(PAIRS)
    depth = int(10 ** chance.uniform(1, 4.5))
    closed = chance.choice([0, depth, depth // 2, depth + 1])
    deep = opening * depth + closing * closed
    if chance.random() < 0.2:
        deep = b"".join(b" " * n + b"if x:\n" for n in range(min(depth, 800)))
    return deep if chance.random() < 0.5 else _inserted(chance, source, deep)


def long_line(chance: Chance, source: bytes) -> bytes:
    """One line of up to hundreds of thousands of bytes, alone or inside a source."""
    word = chance.choice(
        [b"x", b"word ", b"a,", b"0x1f, ", "漢".encode(), b"\t", b'"', b"\\", b"=", b"ab1+/"]
    )
    line = word * (int(10 ** chance.uniform(3, 5.5)) // len(word))
    return line if chance.random() < 0.5 else _inserted(chance, source, line)


def blank(chance: Chance, _: bytes) -> bytes:
    """Nothing but white space, in some order."""
    return b"".join(chance.choices((*ENDS, b" ", b"\t", b"    "), k=chance.randrange(5_000)))


def many_lines(chance: Chance, source: bytes) -> bytes:
    """Lines that end in many ways, and a last one that may not."""
    lines = source.splitlines() * chance.randint(1, 5)
    chance.shuffle(lines)
    ends = chance.sample(ENDS, chance.randint(1, len(ENDS)))
    return b"".join(line + chance.choice(ends) for line in lines) + chance.choice(lines or [b""])


KINDS: dict[Callable[[Chance, bytes], bytes], int] = {
    mutated: 45, spliced: 10, repeated: 8, noise: 10, broken_text: 7, nested: 7, long_line: 3, blank: 3, many_lines: 7,
}  # fmt: skip
"""How often each."""


def _place(chance: Chance, data: bytes) -> slice:
    start = chance.randrange(len(data) + 1)
    return slice(start, min(len(data), start + int(10 ** chance.uniform(0, 3))))


def _part(chance: Chance, data: bytes) -> bytes:
    first, last = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[first:last]


def _inserted(chance: Chance, data: bytes, what: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + what + data[at:]


def _cut(chance: Chance, data: bytes) -> bytes:
    place = _place(chance, data)
    return data[: place.start] + data[place.stop :]


def _double(chance: Chance, data: bytes) -> bytes:
    return _inserted(chance, data, data[_place(chance, data)])


def _disturb(chance: Chance, data: bytes) -> bytes:
    return _inserted(chance, data, chance.choice(NOISE))


def _flip(chance: Chance, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(min(len(data), 5)):
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _end(chance: Chance, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _other_ends(chance: Chance, data: bytes) -> bytes:
    return data.replace(b"\n", chance.choice(ENDS))


def _other_words(chance: Chance, data: bytes) -> bytes:
    words = data.split()
    return data.replace(chance.choice(words), chance.choice(words)) if words else data


def _other_indent(chance: Chance, data: bytes) -> bytes:
    return data.replace(b"    ", chance.choice([b"\t", b"", b"  ", b"   \t"]))


ACCIDENTS = (_cut, _double, _disturb, _disturb, _flip, _end, _other_ends, _other_words, _other_indent)  # fmt: skip
