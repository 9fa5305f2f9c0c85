"""Gists are made once for each text, and again wherever they were lost."""

import shutil
from pathlib import Path

import pytest

from megacontext.memory.memory import Memory

from ..workbench import ByteTokens, SumGister, commit_all, git, module, open_memory, write_files


def index(memory: Memory) -> tuple[int, int]:
    """Make everything fresh; how many texts were tokenized and how many rows made."""
    tokenizer, gister = memory.writer.tokenizer, SumGister()
    before = tokenizer.texts  # type: ignore[attr-defined]
    memory.writer.reconcile()
    report = memory.gisting(gister).run()
    assert report.finished
    assert memory.gisting(gister).pending() == 0
    assert memory.has_all_gists()
    return tokenizer.texts - before, gister.rows  # type: ignore[attr-defined]


def test_a_second_run_makes_nothing(root: Path, memory: Memory) -> None:
    write_files(root, {f"p{n}/m{n}.py": module(f"name{n}") for n in range(40)})
    texts, rows = index(memory)
    assert texts
    assert rows
    assert index(memory) == (0, 0)


@pytest.mark.parametrize("way", ["rename", "copy", "move folder", "delete and restore"])
def test_known_text_elsewhere_is_neither_tokenized_nor_gisted(
    root: Path, memory: Memory, way: str
) -> None:
    write_files(root, {f"p/m{n}.py": module(f"name{n}") for n in range(5)} | {"q.py": "x = 1\n"})
    index(memory)
    match way:
        case "rename":
            (root / "p/m1.py").rename(root / "p/other.py")
        case "copy":
            shutil.copy(root / "p/m1.py", root / "copy.py")
        case "move folder":
            (root / "p").rename(root / "r")
        case _:
            text = (root / "p/m1.py").read_bytes()
            (root / "p/m1.py").unlink()
            index(memory)
            (root / "p/m1.py").write_bytes(text)
    texts, rows = index(memory)
    # Only folders are new, never a block, a chunk or a file.
    assert texts == 0
    assert rows <= 2
    assert memory.verifier().run().errors == []


def test_switching_branches_back_costs_nothing(root: Path, memory: Memory) -> None:
    git(root, "init", "-q")
    write_files(root, {f"p{n % 3}/m{n}.py": module(f"name{n}") for n in range(60)})
    commit_all(root)
    index(memory)
    first = memory.root_key
    git(root, "checkout", "-q", "-b", "other")
    write_files(root, {f"p{n % 3}/m{n}.py": module(f"other{n}") for n in range(0, 60, 2)})
    (root / "p1/m1.py").unlink()
    commit_all(root)
    texts, rows = index(memory)
    assert texts
    assert rows
    git(root, "checkout", "-q", "-")
    assert index(memory) == (0, 0)
    assert memory.root_key == first
    git(root, "checkout", "-q", "other")
    assert index(memory) == (0, 0)


def test_a_long_chunk_has_several_rows_in_level_two(root: Path) -> None:
    write_files(root, {"long.py": "x = '" + "y" * 700 + "'\n"})
    with open_memory(root, tokenizer=ByteTokens(per_byte=3)) as memory:
        index(memory)
        (chunk,) = memory.catalogue.chunks_of(memory.catalogue.file("long.py").id)  # type: ignore[union-attr]
        rows = memory.chunk_rows([chunk])[chunk.digest]
        assert rows.tokens == 3 * 707
        assert (rows.blocks, rows.gists) == (67, 3)
        assert memory.store.block_gists(rows).shape == (67, 16)  # type: ignore[union-attr]
        assert memory.store.chunk_gists(rows).shape == (3, 16)  # type: ignore[union-attr]
        assert memory.verifier().run().errors == []


def test_gisting_may_stop_anywhere_and_go_on_later(root: Path) -> None:
    write_files(root, {f"m{n}.py": module(f"name{n}", 60) for n in range(24)})
    gister = SumGister()
    with open_memory(root) as memory:
        memory.writer.reconcile()
        stops = iter([False, True])
        report = memory.gisting(gister).run(stopped=lambda: next(stops))
        assert not report.finished
        assert 0 < report.chunks < memory.catalogue.counts()["chunks"]
        left = memory.gisting(gister).pending()
    with open_memory(root) as memory:
        assert memory.gisting(gister).pending() == left
        assert memory.gisting(gister).run().finished
        total = gister.rows
        everything = memory.gisting(SumGister())
        assert everything.run().blocks == 0
        assert memory.verifier().run().errors == []
    once = SumGister()
    other = root.parent / "other"
    shutil.copytree(root, other, ignore=shutil.ignore_patterns(".megacontext"))
    with open_memory(other, tokenizer=ByteTokens()) as memory:
        memory.writer.reconcile()
        memory.gisting(once).run()
    assert total == once.rows


def test_an_empty_repository_and_empty_files_have_gists(root: Path, memory: Memory) -> None:
    index(memory)
    write_files(root, {"empty.py": "", "a/b/c/empty.md": ""})
    index(memory)
    assert memory.tokens == 0
    assert memory.verifier().run().errors == []
