"""Trees of files: written, read, changed and compared, always as plain dictionaries would be."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.memory.packs.contents import text_root
from megacontext.memory.tree.keys import digest
from megacontext.memory.versions.objects import Objects
from megacontext.memory.versions.trees import EMPTY, Change, Trees

NAMES = st.sampled_from([f"n{number}" for number in range(80)] + ["a.py", "ä", "z"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
KEYS = st.sampled_from([digest(bytes([number])) for number in range(4)])
FILES = st.dictionaries(PATHS, KEYS, max_size=150).map(
    lambda files: {
        path: key
        for path, key in files.items()
        if not any(other.startswith(f"{path}/") for other in files)
    }
)
KEPT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@KEPT
@given(FILES)
def test_what_is_written_is_read_and_the_root_is_that_of_packs(
    objects: Objects, files: dict[str, bytes]
) -> None:
    trees = Trees(objects)
    root = trees.write(files)
    assert dict(trees.files(root)) == files
    assert root == (text_root(sorted(files.items())) or EMPTY.key)


@KEPT
@given(FILES, FILES)
def test_changes_lead_from_one_tree_to_the_other(
    objects: Objects, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    trees = Trees(objects)
    old, new = trees.write(before), trees.write(after)
    changes = list(trees.changes(old, new))
    wanted = [
        Change(path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]
    assert changes == wanted
    assert trees.changed(old, {change.path: change.after for change in changes}) == new


@KEPT
@given(FILES)
def test_every_file_is_found_by_its_path(objects: Objects, files: dict[str, bytes]) -> None:
    trees = Trees(objects)
    root = trees.write(files)
    for path, key in files.items():
        found = trees.find(root, path)
        assert found is not None
        assert found.key == key
        assert trees.find(root, f"{path}/below") is None
    assert trees.find(root, "n0/not there") is None


def test_comparing_reads_what_differs_and_not_the_rest(objects: Objects) -> None:
    trees = Trees(objects)
    files = {f"d{i // 100}/f{i}.py": digest(str(i).encode()) for i in range(20_000)}
    old = trees.write(files)
    new = trees.changed(old, {"d17/f1777.py": digest(b"new")})
    read: list[bytes] = []
    get = objects.get
    objects.get = lambda kind, key: read.append(key) or get(kind, key)  # type: ignore[method-assign,func-returns-value]
    assert [change.path for change in trees.changes(old, new)] == ["d17/f1777.py"]
    assert len(read) <= 12
