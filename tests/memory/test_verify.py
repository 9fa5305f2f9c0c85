"""Damage of every kind is found, never served, and mended from the text."""

import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from megacontext.configs.errors import StoreError
from megacontext.memory.memory import Memory

from .workbench import ByteTokens, SumGister, module, open_memory, said, write_files

LEVELS = ["L0", "L1", "L2", "L3", "L4", "L5"]
FILES = {f"p{n % 2}/m{n}.py": module(f"name{n}", 4) for n in range(10)} | {
    "long.py": module("long", 120)
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "repository"
    write_files(root, FILES)
    with open_memory(root) as memory:
        bring_up(memory)
        assert set(memory.store.rows_per_level()) >= set(range(6))
        assert memory.verifier().run().errors == []
    return root


@pytest.fixture
def indexed(template: Path, root: Path) -> Path:
    """A repository with facts, tokens and gists."""
    return Path(shutil.copytree(template, root, dirs_exist_ok=True))


def bring_up(memory: Memory) -> None:
    memory.writer.reconcile()
    assert memory.gisting(SumGister()).run().finished


def level_file(root: Path, level: str) -> Path:
    (path,) = (root / ".megacontext/trees").glob(f"*/{level}.ctx")
    return path


def flip(path: Path, at: int, bit: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


def served(memory: Memory) -> int:
    """Read every row there is, as the focus does; how many are refused."""
    refused = 0
    store = memory.store
    for file in memory.catalogue.files():
        for chunk in memory.catalogue.chunks_of(file.id):
            text = memory.text_of(chunk)
            assert text is not None
            rows = memory.chunk_rows([chunk]).get(chunk.digest)
            assert memory.token_ids(text, rows).tolist() == list(text.encode())
            if rows:
                refused += _refused(lambda rows=rows: store.block_gists(rows))
                refused += _refused(lambda rows=rows: store.chunk_gists(rows))
    return refused


def _refused(read: object) -> bool:
    try:
        read()  # type: ignore[operator]
    except StoreError as exc:
        assert "damaged" in str(exc) or "shorter" in str(exc)
        return True
    return False


def mend(root: Path, expected: dict[str, object]) -> None:
    """`verify`, `repair` and gisting, then nothing is wrong and all is as before."""
    with open_memory(root) as memory:
        memory.repair(memory.verifier().run())
        bring_up(memory)
        assert memory.has_all_gists()
        assert memory.verifier().run().errors == []
        assert said(memory) == expected
        assert served(memory) == 0
        no_more = SumGister()
        memory.gisting(no_more).run()
        assert no_more.rows == 0


@pytest.mark.parametrize("level", LEVELS)
def test_flipped_bits_are_found_and_mended(indexed: Path, level: str) -> None:
    path = level_file(indexed, level)
    with open_memory(indexed, write=False) as reader:
        expected = said(reader)
        chance = random.Random(level)
        flip(path, chance.randrange(64, path.stat().st_size), chance.randrange(8))
        refused = served(reader)
        verdict = reader.verifier().run()
        assert not verdict.ok
        assert any(level in error for error in verdict.errors), verdict.errors
        assert bool(refused) == (level in {"L1", "L2"})
        damage = verdict.damage
        assert bool(damage.chunks) == (level == "L0")
        assert bool(damage.gists) == (level in {"L1", "L2"})
        assert bool(damage.nodes) == (level not in {"L0", "L1", "L2"})
    mend(indexed, expected)


@pytest.mark.parametrize(
    ("level", "how"),
    [(level, "cut") for level in LEVELS]
    + [("L0", "cut to the header"), ("L0", "deleted"), ("L0", "header"), ("L1", "header")]
    + [("L2", "deleted"), ("L3", "emptied"), ("L4", "header")],
)
def test_a_shortened_or_strange_level_file_is_mended_at_open(
    indexed: Path, level: str, how: str
) -> None:
    path = level_file(indexed, level)
    with open_memory(indexed, write=False) as reader:
        expected = said(reader)
    match how:
        case "cut":
            os.truncate(path, (path.stat().st_size + 64) // 2)
        case "cut to the header":
            os.truncate(path, 64)
        case "emptied":
            os.truncate(path, 0)
        case "deleted":
            path.unlink()
        case _:
            flip(path, 9)
    with open_memory(indexed, write=False) as reader:
        for file in reader.catalogue.files():
            for chunk in reader.catalogue.chunks_of(file.id):
                rows = reader.chunk_rows([chunk])[chunk.digest]
                assert reader.token_ids("x", rows).tolist() in (
                    reader.tokenizer.encode_batch([reader.text_of(chunk) or ""])[0],
                    [ord("x")],
                )
        assert not reader.verifier().run().ok
    tokenizer = ByteTokens()
    with open_memory(indexed, tokenizer=tokenizer) as memory:
        bring_up(memory)
        assert memory.verifier().run().errors == []
        assert said(memory) == expected
        assert bool(tokenizer.texts) == (level == "L0")
    mend(indexed, expected)


def test_a_level_file_that_cannot_be_opened_just_now_is_left_alone(indexed: Path) -> None:
    path = level_file(indexed, "L1")
    kept = path.rename(path.with_suffix(".kept"))
    path.symlink_to(path.name)
    with pytest.raises(StoreError, match=r"cannot open .*L1\.ctx"):
        open_memory(indexed)
    assert path.is_symlink()
    kept.rename(path)
    with open_memory(indexed) as memory:
        assert memory.has_all_gists()
        assert memory.verifier().run().errors == []


def test_a_torn_tail_is_cut_at_open(indexed: Path) -> None:
    sizes = {}
    for level in LEVELS:
        path = level_file(indexed, level)
        sizes[path] = path.stat().st_size
        with path.open("ab") as file:
            file.write(b"torn" * 1_001)
    stray = path.with_name("L9.ctx")
    stray.write_bytes(b"\0" * 5_000)
    with open_memory(indexed, write=False) as reader:
        assert reader.verifier().run().errors == []
    with open_memory(indexed) as memory:
        assert {path: path.stat().st_size for path in sizes} == sizes
        assert memory.verifier().run().errors == []
        assert stray.stat().st_size == 64


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ('UPDATE chunks SET "end" = "end" - 1 WHERE ordinal = 1', "do not tile"),
        ("DELETE FROM chunks WHERE ordinal = 1", "do not tile"),
        ("UPDATE chunks SET digest = randomblob(16) WHERE ordinal = 1", "not its text"),
        ("DELETE FROM chunk_text WHERE rowid = 3", "full text lacks 1"),
        ("DELETE FROM tree_paths WHERE path = 'p1'", "p1: its key is missing"),
        ("UPDATE tree_paths SET key = x'00' WHERE path = 'p1/m1.py'", "its key is wrong"),
        ("DELETE FROM tree_nodes WHERE level = 3", "a node of it is missing"),
        ("DELETE FROM tree_nodes WHERE level > 4", "the root: a node of it is missing"),
        ("DELETE FROM tree_chunks WHERE l0 = 0", "no tokens"),
    ],
)
def test_facts_that_contradict_each_other_are_found_and_mended(
    indexed: Path, damage: str, told: str
) -> None:
    with open_memory(indexed, write=False) as reader:
        expected = said(reader)
    db = sqlite3.connect(indexed / ".megacontext/catalogue.db")
    with db:
        db.execute(damage)
    db.close()
    with open_memory(indexed, write=False) as reader:
        verdict = reader.verifier().run()
    assert any(told in error for error in verdict.errors), verdict.errors
    mend(indexed, expected)


def test_files_changed_since_are_named_and_repair_reads_them(indexed: Path) -> None:
    (indexed / "p0/m0.py").write_text("changed = True\n")
    (indexed / "p1/m1.py").unlink()
    with open_memory(indexed) as memory:
        verdict = memory.verifier().run()
        assert verdict.damage.paths == {"p0/m0.py", "p1/m1.py"}
        assert any("p0/m0.py: changed since" in error for error in verdict.errors)
        assert any("p1/m1.py: indexed, but gone" in error for error in verdict.errors)
        memory.repair(verdict)
        bring_up(memory)
        assert memory.verifier().run().errors == []
        assert memory.catalogue.file("p1/m1.py") is None


def test_progress_and_counts(indexed: Path) -> None:
    seen: list[tuple[int, int]] = []
    with open_memory(indexed, write=False) as reader:
        verdict = reader.verifier().run(lambda done, total: seen.append((done, total)))
        counts = reader.catalogue.counts()
    assert seen == [(n, 11) for n in range(1, 12)]
    assert verdict.checked["files"] == 11
    assert verdict.checked["chunks"] == counts["chunks"]
