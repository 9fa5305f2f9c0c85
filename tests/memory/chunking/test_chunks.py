"""Where files are cut, what chunks are called, and that edits stay local."""

import statistics
import sysconfig
from pathlib import Path

import pytest

from megacontext.memory.chunking import Chunk, ChunkedFile, chunk_file


def function(name: str, lines: int) -> str:
    body = "".join(f"    value_{name} = compute({i}, value)\n" for i in range(lines))
    return f"def {name}(value):\n{body}    return value\n\n\n"


def texts(chunked: ChunkedFile, data: bytes) -> list[str]:
    return [data[chunk.start : chunk.end].decode() for chunk in chunked.chunks]


def chunk_of(chunked: ChunkedFile, symbol: str) -> list[Chunk]:
    return [chunk for chunk in chunked.chunks if chunk.symbol == symbol]


def test_a_definition_of_some_size_stands_alone_with_its_comment_and_decorator() -> None:
    first, second = function("first", 20), function("second", 20)
    source = first + "# About the second.\n@cached\n" + second + function("third", 20)
    data = source.encode()
    chunked = chunk_file("a.py", data)
    assert [chunk.symbol for chunk in chunked.chunks] == ["first", "second", "third"]
    assert texts(chunked, data)[1].startswith("# About the second.\n@cached\ndef second")
    assert [chunk.kind for chunk in chunked.chunks] == ["function"] * 3


def test_small_neighbours_share_a_chunk() -> None:
    data = "".join(function(f"small_{i}", 1) for i in range(10)).encode()
    sizes = [chunk.end - chunk.start for chunk in chunk_file("a.py", data).chunks]
    assert len(sizes) < 5


def test_a_big_class_is_split_into_its_head_and_its_methods() -> None:
    methods = "".join(
        "    " + line + "\n" if line else "\n"
        for name in ("one", "two", "three")
        for line in function(name, 25).splitlines()
    )
    data = f'class Big(Base):\n    """A big one."""\n\n    size: int = 3\n\n{methods}'.encode()
    chunked = chunk_file("a.py", data)
    symbols = [chunk.symbol for chunk in chunked.chunks]
    assert symbols[-3:] == ["Big.one", "Big.two", "Big.three"]
    assert "class Big(Base) …" in chunked.chunks[-1].outline
    assert "def three(value)" in chunked.chunks[-1].outline


def test_a_long_function_is_split_at_its_statements() -> None:
    data = function("long", 200).encode()
    chunked = chunk_file("a.py", data)
    assert len(chunked.chunks) > 3
    assert {chunk.symbol for chunk in chunked.chunks} == {"long"}
    assert all("def long(value)" in chunk.outline for chunk in chunked.chunks)


def test_imports_at_the_head_share_a_chunk() -> None:
    imports = "".join(f"from package_{i} import name_{i}\n" for i in range(12))
    data = (imports + "\n\n" + function("main", 20)).encode()
    chunked = chunk_file("a.py", data)
    assert [chunk.kind for chunk in chunked.chunks] == ["imports", "function"]
    assert "package_3" in chunked.references[0]


def test_references_belong_to_the_chunk_that_uses_them() -> None:
    first, second = function("first", 20), function("second", 20).replace("compute", "other")
    chunked = chunk_file("a.py", (first + second).encode())
    assert chunked.references == (("compute",), ("other",))


def test_the_outline_has_signatures_and_first_doc_lines() -> None:
    data = b'class A:\n    """What A is."""\n\n    def go(self, x: int) -> str:\n        "Goes."\n'
    assert chunk_file("a.py", data).chunks[0].outline == (
        "class A  # What A is.\n  def go(self, x: int) -> str  # Goes."
    )


def test_the_only_method_of_a_class_keeps_its_signature() -> None:
    chunked = chunk_file("a.py", b"class A(B):\n    def go(self, x):\n        return x\n")
    assert [each.signature for each in chunked.symbols] == ["class A(B)", "def go(self, x)"]


def test_documents_are_cut_at_headings_and_long_sections_at_paragraphs() -> None:
    paragraph = "Some words about this. " * 20 + "\n\n"
    source = f"# One\n\n{paragraph * 2}## Two\n\n{paragraph * 12}# Three\n\n{paragraph * 2}"
    data = source.encode()
    chunked = chunk_file("a.md", data)
    parts = texts(chunked, data)
    assert parts[0].startswith("# One")
    assert [part[:6] for part in parts].count("## Two") == 1
    assert parts[-1].startswith("# Three")
    assert chunked.chunks[1].symbol == "One.Two"
    assert chunked.chunks[2].symbol == "One.Two"
    assert all(part.endswith("\n\n") for part in parts)


def test_underlined_headings_of_restructured_text() -> None:
    data = (
        b"=====\nTitle\n=====\n\nText.\n\nPart\n----\n\nMore.\n\nSub\n~~~\n\nEnd.\n\nLast\n----\n"
    )
    names = [symbol.qualified for symbol in chunk_file("a.rst", data).symbols]
    assert names == ["Title", "Title.Part", "Title.Part.Sub", "Title.Last"]


def test_a_file_that_does_not_parse_is_cut_at_blank_lines() -> None:
    block = "%% ]] ) } ((( :: nonsense ~~ ??? 'unclosed\n" * 8 + "\n"
    data = (block * 20).encode()
    chunked = chunk_file("a.py", data)
    assert chunked.broken
    assert all(text.endswith("\n\n") for text in texts(chunked, data))


def test_an_edit_in_one_function_leaves_the_others_alone() -> None:
    functions = [function(f"f{i}", 3 + i % 30) for i in range(60)]
    before = chunk_file("a.py", "".join(functions).encode())
    functions[30] = functions[30].replace("return value", "return value + 1\n    # more")
    after = chunk_file("a.py", "".join(functions).encode())
    old, new = [{chunk.digest for chunk in file.chunks} for file in (before, after)]
    assert len(new - old) <= 2


@pytest.mark.parametrize("suffix", ["py", "txt"])
def test_a_one_line_edit_changes_few_chunks_of_real_files(suffix: str) -> None:
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[::8]
    changed = []
    for path in files:
        lines = path.read_bytes().splitlines(keepends=True)
        before = {chunk.digest for chunk in chunk_file(f"a.{suffix}", b"".join(lines)).chunks}
        middle = len(lines) // 2
        indent = lines[middle][: len(lines[middle]) - len(lines[middle].lstrip())]
        lines.insert(middle, indent.rstrip(b"\n") + b"# an inserted line\n")
        after = {chunk.digest for chunk in chunk_file(f"a.{suffix}", b"".join(lines)).chunks}
        changed.append(len(after - before))
    assert statistics.median(changed) <= 1
    assert statistics.mean(changed) <= 2
