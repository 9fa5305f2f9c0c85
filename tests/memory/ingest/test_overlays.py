"""Unsaved editor buffers stand in for their files, and are judged like them."""

from pathlib import Path

from megacontext.memory.memory import Memory

from ..workbench import git, module, said, scratch, write_files


def test_a_buffer_is_indexed_instead_of_its_file_and_taken_back(root: Path, memory: Memory) -> None:
    write_files(root, {"a.py": module("saved"), "b.py": "x = 1\n"})
    memory.writer.reconcile()
    before = said(memory)
    memory.writer.overlays["a.py"] = module("unsaved").encode()
    memory.writer.apply(["a.py"])
    assert [found.name for found in memory.catalogue.symbols_like("unsaved")]
    assert not memory.catalogue.symbols_like("saved")
    assert memory.read("a.py") == module("unsaved").encode()
    chunk = memory.catalogue.chunks_of(memory.catalogue.file("a.py").id)[0]  # type: ignore[union-attr]
    assert memory.text_of(chunk) is not None
    memory.writer.reconcile()
    assert memory.catalogue.symbols_like("unsaved")
    del memory.writer.overlays["a.py"]
    # The file's time stamp never changed, and yet its text comes back: by name, or by comparing everything.
    memory.writer.reconcile()
    assert said(memory) == before == scratch(root, root.parent / "state")


def test_a_buffer_equal_to_its_file_changes_nothing(root: Path, memory: Memory) -> None:
    write_files(root, {"a.py": module("same")})
    memory.writer.reconcile()
    before = said(memory)
    memory.writer.overlays["a.py"] = module("same").encode()
    assert memory.writer.apply(["a.py"]).touched == 0
    assert said(memory) == before


def test_a_buffer_without_a_file(root: Path, memory: Memory) -> None:
    memory.writer.overlays["new/n.py"] = b"x = 1\n"
    memory.writer.apply(["new/n.py"])
    assert memory.catalogue.file("new/n.py")
    memory.writer.reconcile()
    assert memory.catalogue.file("new/n.py")
    del memory.writer.overlays["new/n.py"]
    memory.writer.apply(["new/n.py"])
    assert said(memory) == scratch(root, root.parent / "state") | {"root": memory.root_key}


def test_a_buffer_with_a_secret_stays_out(root: Path, memory: Memory) -> None:
    write_files(root, {"a.py": "x = 1\n"})
    memory.writer.reconcile()
    memory.writer.overlays[".env"] = b"A=1\n"
    memory.writer.overlays["a.py"] = b"key = '" + b"AK" + b"IA" + b"ABCDEFGH12345678'\n"
    memory.writer.apply([".env", "a.py"])
    assert memory.catalogue.counts()["files"] == 0
    assert {item.path for item in memory.catalogue.left_out()} == {".env", "a.py"}
    assert memory.read("a.py") is None
    memory.writer.overlays.clear()
    memory.writer.apply([".env", "a.py"])
    assert memory.catalogue.file("a.py")


def test_a_buffer_of_an_ignored_file_stays_out(root: Path, memory: Memory) -> None:
    git(root, "init", "-q")
    write_files(root, {".gitignore": "build/\n", "build/o.py": "x = 1\n"})
    memory.writer.overlays["build/o.py"] = b"x = 2\n"
    memory.writer.reconcile()
    assert memory.catalogue.file("build/o.py") is None
