"""Any bytes give chunks that tile the file, none over the limit, in sensible time."""

import random
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megacontext.memory.chunking import chunk_file

from .tiling import NAMES, SOURCES, check


@settings(deadline=None, max_examples=60)
@given(name=st.sampled_from(NAMES), data=st.binary(max_size=4000))
def test_any_bytes_tile(name: str, data: bytes) -> None:
    check(name, data)


@settings(deadline=None, max_examples=60)
@given(name=st.sampled_from(NAMES), text=st.text(max_size=2000))
def test_any_text_tiles(name: str, text: str) -> None:
    check(name, text.encode("utf-8", "surrogatepass"))


@settings(deadline=None, max_examples=150)
@given(
    source=st.sampled_from(SOURCES),
    cut=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    noise=st.sampled_from([b"", b"{", b"(((", b'"', b"\n\n", b"\r\n", b"\0", b"\xff\xfe", b"/*"]),
    copies=st.integers(1, 12),
)
def test_damaged_sources_tile(
    source: tuple[str, bytes], cut: tuple[float, float], noise: bytes, copies: int
) -> None:
    name, data = source
    first, last = sorted(int(part * len(data)) for part in cut)
    check(name, (data[:first] + noise + data[last:]) * copies)


@pytest.mark.parametrize("name", NAMES)
def test_characters_of_high_planes_end_no_process(name: str) -> None:
    signs = [chr(code) for code in range(0x10000, 0x110000, 0x3FF7)]
    for before in ("{", "${", "$(", "<<", "@", "<?php $", "#"):
        check(name, "".join(f"{before}{sign}\n" for sign in signs).encode())


def test_names_beyond_ascii_are_kept() -> None:
    chunked = check("a.sh", "größe() {\n  echo '…'\n}\n".encode())
    assert [symbol.name for symbol in chunked.symbols] == ["größe"]


def test_an_empty_file_has_no_chunks() -> None:
    assert chunk_file("a.py", b"").chunks == ()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "data",
    [b"(" * 100_000, b"[" * 50_000 + b"]" * 50_000, b"f(" * 30_000, b"a" + b".b" * 100_000],
    ids=["open", "balanced", "calls", "chain"],
)
def test_deep_nesting_is_no_trouble(name: str, data: bytes) -> None:
    prefix = b"<?php " if name.endswith(".php") else b""
    check(name, prefix + data)


@pytest.mark.parametrize("name", ["a.py", "a.json", "a.txt", "a.md"])
def test_one_huge_line(name: str) -> None:
    check(name, b"word " * 400_000)


@pytest.mark.parametrize(
    "data",
    [
        "\ufeffdef f():\r\n    pass\r\n".encode(),
        b"\0" * 5000,
        b"x = 1\r" * 2000,
        "# ü\n".encode("latin-1") * 2000,
        ("漢字" * 3000).encode(),
        b"\n" * 9000,
        b" " * 9000,
        b"\x80" * 9000,
    ],
    ids=["bom", "nul", "cr", "latin", "han", "newlines", "spaces", "continuations"],
)
@pytest.mark.parametrize("name", ["a.py", "a.c", "a.md", "a.txt"])
def test_odd_bytes(name: str, data: bytes) -> None:
    check(name, data)


def test_a_long_line_is_cut_between_characters() -> None:
    data = ("漢字" * 3000).encode()
    for chunk in check("a.txt", data).chunks:
        data[chunk.start : chunk.end].decode("utf-8")


def _python_files() -> Iterator[Path]:
    roots = [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))]
    suffixes = {".py", ".pyi", ".h", ".c", ".cpp", ".hpp", ".js", ".json", ".md", ".rst", ".txt"}
    suffixes |= {".html", ".css", ".sh", ".ts"}
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path


def test_a_sample_of_installed_files_tiles() -> None:
    stdlib = Path(sysconfig.get_path("stdlib"))
    files = sorted(path for path in stdlib.glob("*.py") if path.stat().st_size < 60_000)
    for path in random.Random(0).sample(files, min(40, len(files))):
        assert check(str(path), path.read_bytes()).symbols or path.stat().st_size < 3000


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_installed_file_tiles() -> None:
    count = 0
    for path in _python_files():
        try:
            check(str(path), path.read_bytes())
        except AssertionError:
            sys.stderr.write(f"{path}\n")
            raise
        count += 1
    assert count > 1000
