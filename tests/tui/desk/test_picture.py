"""One focus as rows of marks: nothing lost, folders before what lies in them, changes told."""

from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.events import FocusChange, FocusedEntry
from megacontext.tui.desk.picture import Mark, Picture, rows_of
from megacontext.tui.glyphs import ASCII, UNICODE
from megacontext.tui.widgets.focus.gauge import bar
from megacontext.tui.widgets.focus.layout import Layout

names = st.sampled_from(["a", "b", "core", "z.py"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


def mark(path: str, start: int = 0, level: int = 3, silent: bool = False) -> Mark:
    return Mark(path, start, start + 9 if start else 0, level, 5, 0.5, (), silent)


def labels(*marks: Mark) -> list[str]:
    return [row.label for row in rows_of(marks)]


def test_opened_files_have_rows_of_their_own_and_whole_ones_stand_in_their_folder():
    marks = [
        mark("README.md", 1),
        mark("src/app.py", 1, 0),
        mark("src/app.py", 11, 2),
        mark("src/lib", 0, 4),
        mark("src/main.py", 1),
        mark("tests", 0, 4),
    ]
    rows = rows_of(marks)
    assert [row.label for row in rows] == ["./", "src/", "src/app.py"]
    assert [len(row.marks) for row in rows] == [2, 2, 2]


def test_a_folder_of_many_children_has_its_inner_nodes_in_its_own_row():
    assert labels(mark("big", 0, 4), mark("big", 0, 4)) == ["big/"]


def test_the_root_alone():
    assert labels(mark("", 0, 4)) == ["./"]


@given(st.lists(st.tuples(paths, st.integers(0, 3), st.booleans()), max_size=30))
def test_every_mark_stands_in_exactly_one_row(found):
    marks = [mark(path, 1 + 10 * n, level, silent) for n, (path, level, silent) in enumerate(found)]
    marks.sort(key=lambda each: each.path.split("/"))
    rows = rows_of(marks)
    assert sorted(m.start_line for row in rows for m in row.marks) == sorted(
        m.start_line for m in marks
    )


def change(*entries: tuple[str, int, int]) -> FocusChange:
    found = tuple(
        FocusedEntry(path, start, start + 9, level, 10, 1.0, ()) for path, start, level in entries
    )
    return FocusChange(100, 10 * len(entries), found, 1, 0, 1.0)


def test_what_changed_is_told_from_the_second_focus_on():
    first = Picture.recorded(change(("a.py", 1, 2), ("b.py", 1, 0)))
    assert not first.changed
    second = Picture.recorded(change(("a.py", 1, 0), ("b.py", 1, 0), ("c.py", 1, 2)), first)
    assert second.changed == {("a.py", 1, 10), ("c.py", 1, 10)}
    assert second.level_of(("a.py", 1, 10)) == 0
    assert first.level_of(("c.py", 1, 10)) is None


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=12),
    st.integers(20, 120),
    st.data(),
)
def test_every_entry_stands_somewhere_on_the_map_and_is_reached(sizes, width, data):
    marks = [mark(f"{n:03}.py", 1 + k, 0) for n, size in enumerate(sizes) for k in range(size + 1)]
    rows = rows_of(marks)
    layout = Layout.of(rows, width)
    total = sum(len(row.marks) for row in rows)
    assert sum(line.count for line in layout.lines) == total
    assert all(line.count <= layout.glyph_width for line in layout.lines)
    entry = data.draw(st.integers(0, total - 1))
    line = layout.lines[layout.line_of(entry)]
    assert line.first <= entry < line.first + line.count
    assert 0 <= layout.moved(entry, data.draw(st.integers(-20, 20))) < total


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 40))
def test_the_bar_is_as_long_as_wanted(used, budget, cells):
    for glyphs in (UNICODE, ASCII):
        assert len(bar(used, budget, cells, glyphs)) == cells
