"""Files that an editor has open: read as it shows them, written through it, and undone there."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.edits.change import Change
from megacontext.agent.edits.editor import shown
from megacontext.agent.edits.journal import Journal
from megacontext.configs.errors import ToolError


class Buffers:
    """An editor that saves what it is given, and shows files with `\\n` alone."""

    def __init__(self, root: Path, **texts: str) -> None:
        self.root = root
        self.texts = {name.replace("_", "."): text for name, text in texts.items()}
        self.saved: list[str] = []

    def text(self, path: str) -> str | None:
        return self.texts.get(path)

    def put(self, path: str, text: str) -> bool:
        self.texts[path] = text
        (self.root / path).write_text(text, newline="")
        self.saved.append(path)
        return True


@pytest.fixture
def root(tmp_path):
    folder = tmp_path.resolve() / "root"
    folder.mkdir()
    return folder


def test_an_unsaved_buffer_is_what_a_change_starts_from_and_what_undoing_it_leads_back_to(root):
    (root / "a.py").write_text("saved\n")
    editor = Buffers(root, a_py="unsaved\n")
    journal = Journal(root, root / "undo", editor)
    with pytest.raises(ToolError, match="has changed"):
        journal.apply([Change("a.py", b"saved\n", b"new\n")], "edit")
    journal.apply([Change("a.py", b"unsaved\n", b"new\n")], "edit")
    assert editor.texts["a.py"] == (root / "a.py").read_text() == "new\n"
    journal.undo()
    assert editor.texts["a.py"] == "unsaved\n"


def test_new_files_are_made_by_the_editor_and_what_is_no_utf8_on_disk(root):
    editor = Buffers(root)
    journal = Journal(root, root / "undo", editor)
    journal.apply([Change("new.py", None, b"x\n"), Change("old.txt", None, b"caf\xe9\n")], "make")
    assert editor.saved == ["new.py"]
    assert (root / "old.txt").read_bytes() == b"caf\xe9\n"
    journal.undo()
    assert not (root / "new.py").exists()


@given(st.text(alphabet="ab\n\u00e9\U0001f600", max_size=40), st.booleans(), st.booleans())
def test_a_buffer_that_differs_in_line_ends_alone_is_the_file_itself(text, windows, bom):
    data = text.replace("\n", "\r\n" if windows else "\n").encode()
    disk = b"\xef\xbb\xbf" * bom + data
    assert shown(Buffers(Path(), a=text), "a", disk) == disk


def test_a_changed_buffer_has_the_line_ends_and_the_mark_of_its_file():
    editor = Buffers(Path(), a="one\nthree\n")
    assert shown(editor, "a", b"\xef\xbb\xbfone\r\ntwo\r\n") == b"\xef\xbb\xbfone\r\nthree\r\n"
    assert shown(editor, "b", b"two\n") == b"two\n"
    assert shown(editor, "a", None) == b"one\nthree\n"
