"""read, search, focus and git: what a model gets to see, and what it does not."""

import pytest

from megacontext.agent.tools.base import ToolError
from megacontext.memory.focus import FocusQuery, Span
from tests.memory.workbench import commit_all, git, write_files

from .conftest import TOOLS

# read


def test_lines_are_numbered(call):
    result = call("read", path="greeter/words.py", start=3, end=4)
    assert result.text == (
        'greeter/words.py, lines 3-4 of 8:\n    3| WORDS = {"en": "Hello", "de": "Hallo"}\n    4| '
    )
    assert result.summary == "read greeter/words.py lines 3-4 of 8"


@pytest.mark.parametrize(
    ("arguments", "first", "last"),
    [
        ({"path": "words.py"}, "    1|", "    8|"),
        ({"path": "words.py:6"}, "    6|", "    8|"),
        ({"path": "words.py:3-4"}, "    3|", "    4|"),
        ({"path": "words.py", "start": "7", "end": 99}, "    7|", "    8|"),
        ({"file_path": "words.py", "offset": 8}, "    8|", "    8|"),
        ({"path": "words.py", "symbol": "word_for"}, "    6|", "    8|"),
    ],
)
def test_the_lines_that_are_meant_are_read(call, arguments, first, last):
    lines = call("read", **arguments).text.splitlines()
    numbered = [line for line in lines if line[5:6] == "|"]
    assert numbered[0].startswith(first)
    assert numbered[-1].startswith(last)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"path": "words.py", "start": 99}, "has 8 lines"),
        ({"path": "words.py", "start": 5, "end": 2}, "before `start`"),
        ({"path": "words.py", "symbol": "nothing"}, "word_for"),
        ({"path": "keys/.env"}, "file of secrets"),
        ({"path": "nowhere.py"}, "no file"),
        ({"path": "keys"}, "nothing in keys is indexed"),
    ],
)
def test_what_cannot_be_read_is_refused(call, arguments, why):
    with pytest.raises(ToolError, match=why):
        call("read", **arguments)


def test_long_files_are_read_in_parts(open_tools):
    shop = open_tools(tools__read_lines=10)
    (shop.root / "long.txt").write_text("".join(f"line {n}\n" for n in range(1, 31)))
    read = TOOLS["read"]
    text = read.execute(read.plan({"path": "long.txt"}, shop), shop).text
    assert "lines 1-10 of 30" in text
    assert text.endswith("[go on with start=11]")
    text = read.execute(read.plan({"path": "long.txt", "start": 28, "end": 30}, shop), shop).text
    assert "go on" not in text


def test_a_file_of_one_endless_line_is_cut(open_tools):
    shop = open_tools(tools__output_chars=5000)
    (shop.root / "line.txt").write_text("x" * 1_000_000)
    read = TOOLS["read"]
    assert len(read.execute(read.plan({"path": "line.txt"}, shop), shop).text) < 5000


def test_odd_files_are_shown(call, shop):
    (shop.root / "odd.txt").write_bytes(b"\xef\xbb\xbfa\r\nb\xff\x1b[2J\r\nend")
    text = call("read", path="odd.txt").text
    assert text.endswith("    1| a\n    2| b�␛[2J\n    3| end")
    (shop.root / "empty.txt").write_bytes(b"")
    assert "is empty" in call("read", path="empty.txt").text


def test_a_folder_gives_its_names(call):
    assert call("read", path=".").text.splitlines() == ["README.md", "greeter/", "tests/"]
    assert "greeter/words.py" in call("read", path="greeter").text


# search


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("word_for", "greeter/words.py:6: def word_for(language)"),
        ("Greeter.greet", "greeter/greet.py:12: def greet(self, name)"),
        ("words.py", "Files:\ngreeter/words.py"),
        ("self.language = language", "   10|         self.language = language"),
        ("ord_fo", "    6| def word_for(language):"),
        ('("Ada") ==', '    5|     assert Greeter("en").greet("Ada") == "Hello, Ada!"'),
        ("several languages", "README.md\n    3| Greets people in several languages."),
        ("the first word of a greeting", "    7|     "),
    ],
)
def test_definitions_files_and_lines_are_found(call, query, found):
    result = call("search", query=query)
    assert found in result.text
    assert result.ok


def test_secrets_are_not_found(call):
    assert not call("search", query="hunter2-hunter2").ok
    assert "env" not in call("search", query="PASSWORD").text


def test_a_search_stays_in_its_folder_and_its_limit(call):
    assert "tests/" not in call("search", query="Greeter", path="./greeter/").text
    text = call("search", query="e", limit=2).text
    assert sum(line[5:6] == "|" for line in text.splitlines()) == 2


def test_what_has_changed_since_is_not_shown_from_memory(call, shop):
    (shop.root / "greeter" / "words.py").write_text("nothing\n")
    assert "Hallo" not in call("search", query="Hallo").text.replace("'Hallo'", "")


def test_an_empty_query_is_refused(call):
    with pytest.raises(ToolError, match="empty"):
        call("search", query="  ")


# focus


@pytest.mark.parametrize(
    ("target", "span"),
    [
        ("greeter/words.py", Span("greeter/words.py")),
        ("words.py", Span("greeter/words.py")),
        ("words.py:3-8", Span("greeter/words.py", 3, 8)),
        ("words.py:3", Span("greeter/words.py", 3, 3)),
        ("word_for", Span("greeter/words.py", 6, 8)),
        ("Greeter.greet", Span("greeter/greet.py", 12, 14)),
        ("Greeter.greet()", Span("greeter/greet.py", 12, 14)),
    ],
)
def test_what_is_pinned_is_pinned_in_the_next_query(call, shop, target, span):
    call("focus", action="pin", target=target)
    assert shop.focus.applied(FocusQuery(text="x")).pins == (span,)


def test_the_last_wish_for_some_lines_holds(call, shop):
    call("focus", action="pin", target="words.py:1-4")
    call("focus", action="collapse", target="words.py:3-8")
    query = shop.focus.applied(FocusQuery())
    assert (query.pins, query.exclude) == ((), (Span("greeter/words.py", 3, 8),))
    call("focus", action="expand", target="words.py")
    query = shop.focus.applied(FocusQuery(pins=(Span("x"),)))
    assert (query.pins, query.exclude) == ((Span("greeter/words.py"), Span("x")), ())
    call("focus", action="release", target="words.py")
    assert shop.focus.applied(FocusQuery()) == FocusQuery()


@pytest.mark.parametrize(
    ("target", "why"),
    [("nothing", "no file"), ("greeter", "folder"), ("keys/.env", "secrets"), ("../x", "outside")],
)
def test_what_cannot_be_focused_is_refused(call, target, why):
    with pytest.raises(ToolError, match=why):
        call("focus", action="pin", target=target)


def test_a_definition_of_several_files_is_refused_with_their_names(call, shop):
    write_files(shop.root, {"other.py": "def word_for():\n    pass\n"})
    shop.memory.writer.reconcile()
    with pytest.raises(ToolError, match=r"greeter/words\.py:6-8.*other\.py:1-2"):
        call("focus", action="pin", target="word_for")


# git


@pytest.fixture
def versioned(shop):
    write_files(shop.root, {".gitignore": ".megacontext\n"})
    git(shop.root, "init", "-q", "-b", "main")
    commit_all(shop.root, "First")
    return shop


def test_git_tells_state_changes_and_history(call, versioned):
    write_files(versioned.root, {"greeter/words.py": "WORDS = {}\n", "new.py": "x = 1\n"})
    status = call("git", what="status").text
    assert " M greeter/words.py" in status
    assert "?? new.py" in status
    assert "-def word_for(language):" in call("git", what="git diff").text
    assert "README" not in call("git", what="diff", path="greeter").text
    assert "First" in call("git", what="log", count="5").text
    assert "greeter/greet.py" in call("git", what="show", revision="HEAD").text


def test_secrets_are_left_out_of_diffs(call, versioned):
    write_files(versioned.root, {"keys/.env": "PASSWORD=hunter4-hunter4\n", "README.md": "new\n"})
    for arguments in ({"what": "diff"}, {"what": "show"}):
        text = call("git", **arguments).text
        assert "hunter" not in text
        assert "the diff of keys/.env is not shown" in text
        assert "README.md" in text


@pytest.mark.parametrize(
    "revision", ["--output=x", "-x", "HEAD; rm x", "$(x)", "HEAD --ext-diff", "a\nb", ":/x"]
)  # fmt: skip
def test_a_revision_is_no_flag(versioned, revision):
    with pytest.raises(ToolError, match="no commit, branch or range"):
        TOOLS["git"].plan({"what": "diff", "revision": revision}, versioned)


@pytest.mark.parametrize("what", ["push", "commit -m x", "config", "diff --output=x", ""])
def test_nothing_but_looking_is_offered(versioned, what):
    with pytest.raises(ToolError):
        TOOLS["git"].plan({"what": what}, versioned)


def test_no_program_that_the_repository_names_is_run(call, versioned, tmp_path):
    witness = tmp_path / "witness"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {witness}\n")
    program.chmod(0o755)
    for key in (
        "diff.external",
        "core.pager",
        "core.fsmonitor",
        "diff.bad.command",
        "diff.bad.textconv",
    ):
        git(versioned.root, "config", key, str(program))
    write_files(
        versioned.root, {".gitattributes": "*.py diff=bad\n", "greeter/words.py": "x = 1\n"}
    )
    for what in ("status", "diff", "log", "show"):
        call("git", what=what)
    assert not witness.exists()


def test_without_a_repository_git_says_so(call):
    with pytest.raises(ToolError, match="not a git repository"):
        call("git", what="status")
