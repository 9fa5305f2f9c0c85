"""What was typed before: order, the draft, and a file that may be damaged, shared or missing."""

import json

from megacontext.tui.desk.history import KEPT, MAX_LENGTH, History


def test_going_back_and_forth_keeps_the_draft():
    history = History()
    history.add("one")
    history.add("two")
    assert [history.older("draft"), history.older("two"), history.older("one")] == [
        "two",
        "one",
        None,
    ]
    assert [history.newer(), history.newer(), history.newer()] == ["two", "draft", None]


def test_it_is_kept_and_shared(tmp_path):
    path = tmp_path / "history.jsonl"
    first, second = History(path), History(path)
    first.add("one\nwith a second line")
    second.add("two")
    assert History(path).entries == ["one\nwith a second line", "two"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_twice_nothing_empty_nothing_huge(tmp_path):
    history = History(tmp_path / "history.jsonl")
    for text in ("one", "one", "  ", "", "x" * (MAX_LENGTH + 1)):
        history.add(text)
    assert history.entries == ["one"]


def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_bytes(b'"one"\n{"no": "text"}\n\xff\xfe\n"two"\n"torn')
    assert History(path).entries == ["one", "two"]


def test_a_folder_that_is_not_there_is_no_error(tmp_path):
    history = History(tmp_path / "missing" / "history.jsonl")
    history.add("one")
    assert history.entries == ["one"]


def test_a_long_file_is_cut_back(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text("".join(f"{json.dumps(str(n))}\n" for n in range(2 * KEPT)))
    history = History(path)
    history.add("last")
    kept = History(path).entries
    assert len(kept) == KEPT and kept[-1] == "last"
    assert list(tmp_path.iterdir()) == [path]
