"""edit_symbol, edit_text and write: planned without effect, carried out exactly, undone exactly."""

import errno
import os
import stat
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.agent.edits.parsing import syntax_fault
from megacontext.agent.tools.base import Plan, ToolError
from megacontext.configs.errors import StoreError

from .conftest import TOOLS

NEW_GREET = "def greet(self, name):\n    return name"
EDITS = [
    ("edit_symbol", {"symbol": "Greeter.greet", "code": NEW_GREET}, "greeter/greet.py"),
    (
        "edit_text",
        {"path": "greeter/greet.py", "old": "Greetings.", "new": "G."},
        "greeter/greet.py",
    ),
    ("write", {"path": "greeter/greet.py", "content": "x = 1\n"}, "greeter/greet.py"),
    ("write", {"path": "new/deep/file.py", "content": "x = 1\n"}, "new/deep/file.py"),
]
each_edit = pytest.mark.parametrize(("tool", "arguments", "path"), EDITS)


def plan(shop, tool: str, **arguments) -> Plan:
    return TOOLS[tool].plan(arguments, shop)


def content(shop, path: str) -> bytes | None:
    file = shop.root / path
    return file.read_bytes() if file.exists() else None


@each_edit
def test_a_plan_has_no_effect_and_says_what_would_happen(shop, tool, arguments, path):
    before = content(shop, path)
    planned = plan(shop, tool, **arguments)
    assert (planned.tool, planned.action, planned.subject) == (tool, "edit", path)
    assert planned.preview.startswith("--- ")
    assert planned.changes[0].before == before
    assert content(shop, path) == before
    assert not shop.journal.history.done


@each_edit
def test_what_was_planned_is_done_told_and_known(shop, tool, arguments, path):
    planned = plan(shop, tool, **arguments)
    result = TOOLS[tool].execute(planned, shop)
    assert content(shop, path) == planned.changes[0].after
    assert [(edit.path, edit.step) for edit in result.edited] == [(path, 1)]
    assert result.edited[0].diff == planned.preview
    assert planned.preview.strip() in result.text
    data = content(shop, path)
    assert shop.memory.read(path) == data
    assert shop.memory.catalogue.file(path).size == len(data)
    shop.journal.undo()
    assert content(shop, path) == planned.changes[0].before
    assert not (shop.root / "new").exists()


@each_edit
def test_nothing_is_written_over_what_somebody_changed_meanwhile(shop, tool, arguments, path):
    planned = plan(shop, tool, **arguments)
    (shop.root / path).parent.mkdir(parents=True, exist_ok=True)
    (shop.root / path).write_bytes(b"somebody's\n")
    with pytest.raises(ToolError, match="changed in the meantime"):
        TOOLS[tool].execute(planned, shop)
    assert content(shop, path) == b"somebody's\n"


@each_edit
def test_nothing_is_written_through_a_link_put_there_meanwhile(
    shop, tool, arguments, path, tmp_path
):
    planned = plan(shop, tool, **arguments)
    folder = (shop.root / path).parent
    outside = tmp_path / "outside"
    if folder.exists():
        folder.rename(outside)
    else:
        outside.mkdir()
        folder.parent.mkdir(exist_ok=True)
    folder.symlink_to(outside)
    before = {file.name: file.read_bytes() for file in outside.iterdir()}
    with pytest.raises(ToolError, match="link"):
        TOOLS[tool].execute(planned, shop)
    assert {file.name: file.read_bytes() for file in outside.iterdir()} == before


def test_a_full_disk_is_an_answer_and_the_edit_is_not_made(shop, call, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ToolError, match="the disk is full, so the edit was not made"):
        call("write", path="a.txt", content="x")
    assert not (shop.root / "a.txt").exists()


@each_edit
def test_a_cancelled_edit_is_not_made(shop, tool, arguments, path):
    cancel = threading.Event()
    cancel.set()
    before = content(shop, path)
    with pytest.raises(ToolError, match="cancelled"):
        TOOLS[tool].execute(plan(shop, tool, **arguments), shop, cancel)
    assert content(shop, path) == before


def test_a_person_may_take_some_hunks_alone(shop):
    lines = [f"line {n}\n" for n in range(40)]
    (shop.root / "many.txt").write_text("".join(lines))
    changed = [*lines]
    changed[2], changed[30] = "two\n", "thirty\n"
    planned = plan(shop, "write", path="many.txt", content="".join(changed))
    part = planned.with_hunks({"many.txt": [1]})
    TOOLS["write"].execute(part, shop)
    lines[30] = "thirty\n"
    assert content(shop, "many.txt") == "".join(lines).encode()
    assert planned.with_hunks({}).changes == ()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("final", [True, False])
def test_line_ends_byte_order_mark_and_last_line_stay(shop, call, end, bom, final):
    text = "def a():\n    return 1\n\n\ndef b():\n    return 2" + "\n" * final
    data = bom + text.replace("\n", end).encode()
    (shop.root / "f.py").write_bytes(data)
    call("edit_text", path="f.py", old="def a():\n    return 1\n", new="def a():\n    return 'é'\n")
    call("edit_symbol", path="f.py", symbol="b", code="def b():\n    return 3")
    expected = text.replace("return 1", "return 'é'").replace("return 2", "return 3")
    assert content(shop, "f.py") == bom + expected.replace("\n", end).encode()
    call("write", path="f.py", content="x = 1\ny = 2")
    expected = "x = 1\ny = 2" + "\n" * final
    assert content(shop, "f.py") == bom + expected.replace("\n", end).encode()


def test_a_new_file_ends_its_last_line_and_an_empty_one_stays_empty(shop, call):
    call("write", path="a.txt", content="no end")
    call("write", path="b/__init__.py", content="")
    assert content(shop, "a.txt") == b"no end\n"
    assert content(shop, "b/__init__.py") == b""


def test_a_file_that_is_not_utf8_keeps_its_bytes(shop, call):
    (shop.root / "f.txt").write_bytes("größe\nalt\n".encode("latin-1"))
    call("edit_text", path="f.txt", old="alt", new="neu")
    assert content(shop, "f.txt") == "größe\nneu\n".encode("latin-1")
    with pytest.raises(ToolError, match="not UTF-8"):
        call("edit_text", path="f.txt", old="neu", new="größer")


def test_permissions_of_a_file_stay_and_those_of_read_only_ones_are_respected(shop, call):
    file = shop.root / "greeter" / "words.py"
    file.chmod(0o755)
    call("edit_text", path="words.py", old="Hallo", new="Moin")
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    file.chmod(0o444)
    for tool, arguments in (
        ("edit_text", {"old": "Moin", "new": "x"}),
        ("edit_symbol", {"symbol": "word_for", "code": "def word_for(language):\n    return 1"}),
        ("write", {"content": "x"}),
    ):
        with pytest.raises(ToolError, match="read-only"):
            call(tool, path="greeter/words.py", **arguments)


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("edit_text", {"path": "words.py", "old": "return WORDS", "new": "return (WORDS"}, "no longer parse"),
        ("edit_text", {"path": "words.py", "old": "word", "new": "x"}, "times in the file"),
        ("edit_text", {"path": "words.py", "old": "Hallo", "new": "Hallo"}, "nothing would change"),
        ("edit_text", {"path": "words.py", "old": "Hallo", "new": "AKIA" + "ABCDEFGHIJKLMNOP"}, "AWS access key"),
        ("edit_text", {"path": "words.py", "old": "def word_for(language):", "new": "# ... existing code ..."},
         "leaves something out"),
        ("edit_symbol", {"symbol": "word_for", "code": "def word_for(:\n  pass"}, "no longer parse"),
        ("edit_symbol", {"symbol": "nothing", "code": "def nothing(): pass"}, "nothing called"),
        ("edit_symbol", {"symbol": "greet", "path": "words.py", "code": "def greet(): pass"}, "defines no 'greet'"),
        ("write", {"path": "greeter/words.py", "content": "def f(:\n"}, "no longer parse"),
        ("write", {"path": "readme.md", "content": "x"}, "same file"),
        ("write", {"path": "greeter", "content": "x"}, "folder"),
        ("write", {"path": "README.md/x", "content": "x"}, "not a folder"),
        ("write", {"path": "link-loop/x", "content": "x"}, "link"),
        ("write", {"path": "../out", "content": "x"}, "outside"),
        ("write", {"path": "keys/.env", "content": "x"}, "secrets"),
        ("write", {"path": ".git/hooks/post-commit", "content": "x"}, "git's own"),
        ("write", {"path": "words2.py", "content": "half \ud800"}, "half a character"),
        ("write", {"path": "greeter/words.py", "content": "x = 1\n# ... rest of the code unchanged ..."},
         "leaves something out"),
        ("write", {"path": "big", "content": "é" * 999_999 + "x" * 2}, "at most 1,000,000"),
    ],
)  # fmt: skip
def test_what_would_do_harm_is_refused_without_effect(shop, call, tool, arguments, why):
    (shop.root / "link-loop").symlink_to("link-loop")
    before = {path: path.read_bytes() for path in shop.root.rglob("*.py")}
    with pytest.raises(ToolError, match=why):
        call(tool, **arguments)
    assert {path: path.read_bytes() for path in shop.root.rglob("*.py")} == before
    assert not shop.journal.history.done


def test_what_was_put_right_is_said(call):
    result = call("edit_symbol", symbol="greeter/greet.py::greet", code=f"```\n{NEW_GREET}\n```")
    assert "``` fence" in result.text
    assert "indentation" in result.text


def test_a_name_of_several_files_needs_a_path(shop, call):
    call("write", path="other.py", content="def word_for():\n    pass\n")
    with pytest.raises(ToolError, match=r"greeter/words\.py:6.*other\.py:1.*`path`"):
        call("edit_symbol", symbol="word_for", code="def word_for():\n    return 1")


def test_a_new_file_that_does_not_parse_is_written_and_said_to_be_so(call):
    assert "does not parse" in call("write", path="broken.py", content="def f(:\n").text


def test_everywhere_is_everywhere(shop, call):
    result = call("edit_text", path="words.py", old="language", new="tongue", all=True)
    assert b"language" not in content(shop, "greeter/words.py")
    assert "3 times" in result.summary


def test_an_index_that_cannot_be_written_is_said_and_the_edit_stands(shop, call, monkeypatch):
    def fail(*_: object) -> None:
        raise StoreError("no")

    monkeypatch.setattr(shop.memory.ingest, "apply", fail)
    result = call("write", path="a.txt", content="x")
    assert "index could not be brought up to date" in result.text
    assert content(shop, "a.txt") == b"x\n"


steps = st.lists(
    st.sampled_from(
        [
            ("edit_symbol", {"symbol": "Greeter.greet", "code": NEW_GREET}),
            ("edit_symbol", {"symbol": "Greeter.greet", "code": "def greet(self, name):\n    pass"}),
            ("edit_symbol", {"symbol": "word_for", "code": "def word_for(x):\n\treturn 'ü'"}),
            ("edit_symbol", {"symbol": "word_for", "code": "def more():\n    pass", "place": "after"}),
            ("edit_text", {"path": "greeter/words.py", "old": "Hallo", "new": "Moin\\n"}),
            ("edit_text", {"path": "greeter/words.py", "old": "Moin\\n", "new": "Hallo"}),
            ("edit_text", {"path": "README.md", "old": "e", "new": "ee", "all": True}),
            ("write", {"path": "new/a.py", "content": "x = 1"}),
            ("write", {"path": "new/a.py", "content": "x = 2"}),
            ("write", {"path": "greeter/__init__.py", "content": ""}),
            ("write", {"path": "README.md", "content": "\ufeffodd\r\nfile"}),
        ]
    ),
    max_size=6,
)  # fmt: skip


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps)
def test_whatever_is_edited_parses_and_is_undone_exactly(shop, call, steps):
    def files() -> dict[str, bytes]:
        return {
            path.relative_to(shop.root).as_posix(): path.read_bytes()
            for path in shop.root.rglob("*")
            if path.is_file() and ".megacontext" not in path.parts
        }

    before = files()
    made = 0
    for tool, arguments in steps:
        try:
            call(tool, **arguments)
            made += 1
        except ToolError:
            continue
        assert all(syntax_fault(path, data) is None for path, data in files().items())
    if made:
        shop.journal.undo()
    assert files() == before
