"""Three-way merging of trees: what each side did is in the result, and what cannot be chosen is there twice."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.memory.versions.cutting import cuts
from megacontext.memory.versions.merging import Labels, Merged, Merger, Side
from megacontext.memory.versions.objects import Objects
from megacontext.memory.versions.trees import Trees

PATHS = st.sampled_from(["a.py", "b.py", "d", "d/a.py", "d/e/a.py", "d/e", "long/way/down.py"])
TEXTS = st.lists(st.sampled_from(["x = 1", "y = 2", "def f():", "    return 3", ""]), max_size=6)
FILES = st.dictionaries(
    PATHS, TEXTS.map(lambda lines: "".join(f"{x}\n" for x in lines)), max_size=5
).map(
    lambda files: {p: t for p, t in files.items() if not any(o.startswith(f"{p}/") for o in files)}
)
KEPT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
LABELS = Labels("ours", "theirs")


def tree(objects: Objects, files: dict[str, str]) -> bytes:
    keys = {}
    for path, text in files.items():
        data = text.encode()
        keys[path] = objects.put_file(data, cuts(path, data))
    return Trees(objects).write(keys)


def files_of(objects: Objects, root: bytes) -> dict[str, str]:
    return {path: objects.file(key).decode() for path, key in Trees(objects).files(root)}


def merged(
    objects: Objects,
    base: dict[str, str],
    a: dict[str, str],
    b: dict[str, str],
    prefer: Side | None = None,
) -> tuple[Merged, dict[str, str]]:
    roots = [tree(objects, files) for files in (base, a, b)]
    found = Merger(objects, LABELS, prefer=prefer).merge(*roots)
    return found, files_of(objects, found.root)


@KEPT
@given(FILES, FILES)
def test_a_side_that_changed_nothing_gives_way(
    objects: Objects, base: dict[str, str], other: dict[str, str]
) -> None:
    for a, b in ((base, other), (other, base), (other, other)):
        found, files = merged(objects, base, a, b)
        assert files == other
        assert not found.conflicts


@KEPT
@given(FILES, FILES, FILES)
def test_every_line_that_a_side_has_added_is_in_the_result(
    objects: Objects, base: dict[str, str], a: dict[str, str], b: dict[str, str]
) -> None:
    _, files = merged(objects, base, a, b)
    lines = Counter(line for text in files.values() for line in text.splitlines())
    old = {line for text in base.values() for line in text.splitlines()}
    for side in (a, b):
        for text in side.values():
            assert set(text.splitlines()) - old <= lines.keys()


@KEPT
@given(FILES, FILES, FILES)
def test_a_text_that_one_side_changed_is_nowhere_lost(
    objects: Objects, base: dict[str, str], a: dict[str, str], b: dict[str, str]
) -> None:
    """A file that only one side changed, or that the other deleted, is in the result as that side has it."""
    found, files = merged(objects, base, a, b)
    disputed = {conflict.path for conflict in found.conflicts}
    for side, other in ((a, b), (b, a)):
        for path, text in side.items():
            if base.get(path) == text or (path in other and other[path] != base.get(path)):
                continue
            assert text in files.values() or path in disputed


@KEPT
@given(FILES, FILES, FILES)
def test_with_a_side_preferred_nothing_is_left_to_settle_in_texts(
    objects: Objects, base: dict[str, str], a: dict[str, str], b: dict[str, str]
) -> None:
    for prefer in ("a", "b"):
        found, files = merged(objects, base, a, b, prefer)
        assert all(conflict.line == 0 for conflict in found.conflicts)
        assert not any("<<<<<<<" in text for text in files.values())


def test_changes_to_different_definitions_are_both_taken(objects: Objects) -> None:
    base = {"a.py": "def one():\n    return 1\n\n\ndef two():\n    return 2\n"}
    a = {"a.py": base["a.py"].replace("return 1", "return 10")}
    b = {"a.py": base["a.py"].replace("return 2", "return 20"), "new.py": "x = 1\n"}
    found, files = merged(objects, base, a, b)
    assert files["a.py"] == a["a.py"].replace("return 2", "return 20")
    assert files["new.py"] == "x = 1\n"
    assert (found.conflicts, found.both, found.from_b) == ([], 1, 1)


def test_a_dispute_names_its_definition_and_holds_both_sides(objects: Objects) -> None:
    base = {"a.py": "def one():\n    return 1\n"}
    a = {"a.py": "def one():\n    return 10\n"}
    b = {"a.py": "def one():\n    return 11\n"}
    found, files = merged(objects, base, a, b)
    [conflict] = found.conflicts
    assert (conflict.symbol, conflict.line) == ("one", 2)
    sides = (conflict.base, conflict.a, conflict.b)
    assert sides == ("    return 1\n", "    return 10\n", "    return 11\n")
    assert files["a.py"] == (
        "def one():\n<<<<<<< ours\n    return 10\n||||||| base\n    return 1\n=======\n"
        "    return 11\n>>>>>>> theirs\n"
    )


def test_what_one_side_moved_and_the_other_changed_is_changed_where_it_is_now(
    objects: Objects,
) -> None:
    base, changed = {"old.py": "x = 1\n"}, {"old.py": "x = 2\n"}
    moved = {"new/place.py": "x = 1\n"}
    for a, b in ((moved, changed), (changed, moved)):
        found, files = merged(objects, base, a, b)
        assert files == {"new/place.py": "x = 2\n"}
        assert not found.conflicts


def test_what_one_side_changed_and_the_other_deleted_stays_and_is_told(objects: Objects) -> None:
    base, changed = {"a.py": "x = 1\n"}, {"a.py": "x = 2\n"}
    for a, b in (({}, changed), (changed, {})):
        found, files = merged(objects, base, a, b)
        assert files == changed
        assert ["deleted in" in conflict.reason for conflict in found.conflicts] == [True]


def test_a_file_where_the_other_side_has_a_folder_is_kept_aside(objects: Objects) -> None:
    a, b = {"x/y.py": "a = 1\n"}, {"x": "b = 1\n"}
    found, files = merged(objects, {}, a, b)
    assert files == {"x/y.py": "a = 1\n", "x~theirs": "b = 1\n"}
    found, files = merged(objects, {}, b, a)
    assert files == {"x": "b = 1\n", "x~theirs/y.py": "a = 1\n"}
    assert len(found.conflicts) == 1


@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_line_ends_and_bytes_that_are_no_text_survive(objects: Objects, ends: str) -> None:
    base = f"a{ends}b{ends}c".encode() + b"\xff\xfe"
    keys = [
        objects.put_file(data, cuts("f.txt", data))
        for data in (base, base.replace(b"a", b"A"), base.replace(b"c\xff", b"C\xff"))
    ]
    roots = [Trees(objects).write({"f.txt": key}) for key in keys]
    found = Merger(objects, LABELS).merge(*roots)
    [(_, key)] = Trees(objects).files(found.root)
    assert objects.file(key) == f"A{ends}b{ends}C".encode() + b"\xff\xfe"
