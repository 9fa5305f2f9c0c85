"""Changes of one file: diffs for eyes, hunks to choose from, bytes that are exact."""

import subprocess
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.edits.change import MAX_COMPARED, Change, visible

lines = st.lists(st.sampled_from([b"a", b"b", b"c\r", b"", b"\xff", "é".encode()]), max_size=30)
texts = st.builds(lambda parts, end: b"\n".join(parts) + end, lines, st.sampled_from([b"", b"\n"]))


@given(before=st.none() | texts, after=st.none() | texts)
def test_all_hunks_are_the_change_and_none_is_no_change(before, after):
    change = Change("a", before, after)
    assert change.with_hunks(range(len(change.hunks))).after == after
    if change.hunks:
        assert change.with_hunks([]).after == before
    assert bool(change.diff) == (before != after)


@given(before=texts, after=texts)
def test_any_choice_of_hunks_takes_those_lines_and_no_others(before, after):
    change = Change("a", before, after)
    for count in range(len(change.hunks) + 1):
        for chosen in combinations(range(len(change.hunks)), count):
            part = change.with_hunks(chosen)
            rest = Change("a", part.after, after)
            added = part.counts[0] + rest.counts[0]
            assert added <= change.counts[0]


@given(
    before=st.lists(st.sampled_from("abcdefgh"), max_size=40),
    after=st.lists(st.sampled_from("abcdefgh"), max_size=40),
    ended=st.booleans(),
)
def test_diffs_are_what_difftools_read(before, after, ended):
    old = "".join(f"{line}\n" for line in before).encode()
    new = "\n".join(after).encode() + b"\n" * (ended and bool(after))
    change = Change("a", old, new)
    heads = [hunk.text.splitlines()[0] for hunk in change.hunks]
    assert all(head.startswith("@@ -") for head in heads)
    removed = [line[1:] for line in change.diff.splitlines()[2:] if line.startswith("-")]
    assert len(removed) == change.counts[1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a\nb\nc\n", b"a\nB\nc\n"),
        (b"a\nb\nc", b"a\nb\nc\nd\n"),
        (b"".join(b"%d\n" % n for n in range(60)), b"".join(b"%d\n" % n for n in range(60) if n not in (5, 50))),
        (None, b"new\nfile\n"),
        (b"old\n", None),
    ],
)  # fmt: skip
def test_git_applies_a_diff(tmp_path, before, after):
    if before is not None:
        (tmp_path / "f").write_bytes(before)
    diff = Change("f", before, after).diff
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff.encode(), check=True)
    assert (tmp_path / "f").exists() == (after is not None)
    assert after is None or (tmp_path / "f").read_bytes() == after


def test_the_way_back_is_the_same_change_turned_around():
    change = Change("f", b"a\n", b"b\n")
    assert change.reversed == Change("f", b"b\n", b"a\n")


def test_files_too_different_to_compare_line_by_line_are_one_hunk():
    before = b"".join(b"a%d\n" % n for n in range(MAX_COMPARED + 1))
    after = b"".join(b"b%d\n" % n for n in range(MAX_COMPARED + 1))
    change = Change("f", before, after)
    assert len(change.hunks) == 1
    assert change.counts == (MAX_COMPARED + 1, MAX_COMPARED + 1)


def test_no_file_writes_to_a_terminal_by_its_diff():
    diff = Change("f", b"", b"\x1b[2J\x9b1m\x07 \xe2\x80\xae evil\n").diff
    assert "\x1b" not in diff
    assert "\x9b" not in diff
    assert "\u202e" not in diff
    assert "␛" in diff


def test_windows_lines_show_their_line_ends_only_where_they_differ():
    assert "␍" not in Change("f", b"a\r\nb\r\n", b"a\r\nc\r\n").diff
    assert "␍" in Change("f", b"a\r\n", b"a\n").diff


def test_what_is_visible_stays():
    assert visible("tab\tline\nünïcode 漢字") == "tab\tline\nünïcode 漢字"
