"""The person's editor: which one, at which line, and what becomes of a text."""

from pathlib import Path

import pytest

from megacontext.configs.errors import MegaContextError
from megacontext.tui.desk import editor


@pytest.mark.parametrize(
    ("wish", "line"),
    [
        ("vim", ["vim", "+7", "a.py"]),
        ("nano -w", ["nano", "-w", "+7", "a.py"]),
        ("/usr/bin/emacs -nw", ["/usr/bin/emacs", "-nw", "+7", "a.py"]),
        ("code", ["code", "--wait", "--goto", "a.py:7"]),
        ("hx", ["hx", "a.py:7"]),
        ("'/opt/my editor/vi'", ["/opt/my editor/vi", "+7", "a.py"]),
    ],
)
def test_the_command_line(wish, line):
    assert editor.at_line(editor.command({"EDITOR": wish}), Path("a.py"), 7) == line


def test_visual_goes_before_editor():
    assert editor.command({"VISUAL": "one", "EDITOR": "two"}) == ["one"]


def test_without_any_editor_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(editor, "FALLBACKS", ())
    with pytest.raises(MegaContextError, match="set the variable EDITOR"):
        editor.command({})
    with pytest.raises(MegaContextError, match="is no command line"):
        editor.command({"EDITOR": "vi 'open"})


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_text_comes_back_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("EDITOR", script(tmp_path / "ed", 'printf more >> "$1"'))
    assert editor.edit_text("text and ", ".py") == "text and more"


@pytest.mark.parametrize(
    ("text", "told"), [("exit 3", "ended with status 3"), ('rm "$1"', "left no text")]
)
def test_an_editor_that_fails_changes_nothing(tmp_path, monkeypatch, text, told):
    monkeypatch.setenv("EDITOR", script(tmp_path / "ed", text))
    with pytest.raises(MegaContextError, match=told):
        editor.edit_text("text")


def test_an_editor_that_is_not_there(monkeypatch):
    monkeypatch.setenv("EDITOR", "no-such-editor-anywhere")
    with pytest.raises(MegaContextError, match="cannot be started"):
        editor.edit_file(Path("a.py"))
