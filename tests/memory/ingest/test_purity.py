"""However the edits came, memory is the same as one made from the final files."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from megacontext.memory.left_out import LeftOutRules

from ..workbench import open_memory, said, scratch

IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Hundreds of small repositories, each written durably: minutes on a disk that is busy, seconds without one."""
RULES = LeftOutRules(max_file_bytes=4_000)
FOLDERS = st.sampled_from(["", "a/", "a/b/", "c/", "c.d/"])
NAMES = st.sampled_from(["one.py", "two.py", "three.md", "four", "a", ".env", "five.min.js"])
NAMED = ["alpha", "beta", "gamma"]
CODE = st.lists(
    st.sampled_from(
        [
            *(f"def {name}(x):\n    return x + {name}.field\n\n" for name in NAMED),
            *(f'class {name}:\n    """Doc of {name}."""\n    size = 1\n\n' for name in NAMED),
            "    def inner(self):\n        return alpha(self)\n\n",
            "import os\n",
            "# Heading\n\nwords about alphaBeta\n\n",
            "(broken\n",
            "x" * 500 + "\n",
            "\n",
        ]
    ),
    max_size=12,
).map("".join)
CONTENT = st.one_of(
    CODE.map(str.encode), st.binary(max_size=200), st.just(b"\0"), st.just(b"y\n" * 3_000)
)


class Edits(RuleBasedStateMachine):
    """Edits of all kinds, taken in one by one or many at once."""

    @initialize()
    def begin(self) -> None:
        self.top = Path(tempfile.mkdtemp(dir=IN_MEMORY))
        self.root = self.top / "repository"
        self.root.mkdir()
        self.now = 1_000_000_000
        self.memory = open_memory(self.root, rules=RULES)
        self.memory.writer.reconcile()
        self.touched: list[str] = []

    def teardown(self) -> None:
        if hasattr(self, "memory"):
            self.same_as_from_scratch()
            self.memory.close()
            shutil.rmtree(self.top)

    def _stamp(self, file: Path) -> None:
        # Every write has a time stamp of its own, long ago: what may be trusted is trusted.
        self.now += 1
        os.utime(file, (self.now, self.now))

    @rule(folder=FOLDERS, name=NAMES, content=CONTENT)
    def write(self, folder: str, name: str, content: bytes) -> None:
        file = self.root / folder / name
        for part in (*reversed(file.relative_to(self.root).parents), file.relative_to(self.root)):
            here = self.root / part
            if here.is_file() and here != file:
                here.unlink()
                self.touched.append(part.as_posix())
        if file.is_dir():
            shutil.rmtree(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self._stamp(file)
        self.touched.append(folder + name)

    @rule(folder=FOLDERS, name=NAMES)
    def delete(self, folder: str, name: str) -> None:
        file = self.root / folder / name
        if file.is_file():
            file.unlink()
            self.touched.append(folder + name)

    @rule(folder=FOLDERS)
    def delete_folder(self, folder: str) -> None:
        if folder and (self.root / folder).is_dir():
            shutil.rmtree(self.root / folder)
            self.touched.append(folder.rstrip("/"))

    @rule(old=st.tuples(FOLDERS, NAMES), new=st.tuples(FOLDERS, NAMES), link=st.booleans())
    def move(self, old: tuple[str, str], new: tuple[str, str], link: bool) -> None:
        source, target = self.root / "".join(old), self.root / "".join(new)
        if source.is_file() and target.parent.is_dir() and not target.exists():
            source.rename(target)
            if link:
                source.symlink_to(target)
            self.touched += ["".join(old), "".join(new)]

    @rule(old=FOLDERS, new=st.sampled_from(["moved", "a", "c", "a/deep"]))
    def move_folder(self, old: str, new: str) -> None:
        source, target = self.root / old, self.root / new
        if old and source.is_dir() and not target.exists() and target.parent.is_dir():
            if target.is_relative_to(source):
                return
            source.rename(target)
            inner = [file for file in target.rglob("*") if not file.is_dir()]
            self.touched += [old.rstrip("/"), *(str(file.relative_to(self.root)) for file in inner)]

    @rule()
    def take_in(self) -> None:
        self.memory.writer.apply(self.touched)
        self.touched = []

    @rule()
    def reconcile(self) -> None:
        self.memory.writer.reconcile()
        self.touched = []

    @rule()
    def open_again(self) -> None:
        self.memory.close()
        self.memory = open_memory(self.root, rules=RULES)

    @rule()
    def same_as_from_scratch(self) -> None:
        self.memory.writer.apply(self.touched)
        self.touched = []
        with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
            expected = scratch(self.root, Path(folder) / "state", rules=RULES)
        assert said(self.memory) == expected
        report = self.memory.writer.reconcile()
        assert (report.touched, report.tokenized) == (0, 0)
        assert said(self.memory) == expected
        assert self.memory.verifier().run().errors == []


def settings_of(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def test_any_edits_end_where_a_new_index_does() -> None:
    run_state_machine_as_test(Edits, settings=settings_of(20, 12))


def test_a_folder_that_goes_and_comes_back_takes_with_it_what_was_left_out() -> None:
    state = Edits()
    state.begin()
    state.write(content=b"\0", folder="a/", name="two.py")
    state.reconcile()
    state.delete_folder(folder="a/")
    state.write(content=b"", folder="a/", name="one.py")
    state.teardown()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_more_edits_end_where_a_new_index_does() -> None:
    run_state_machine_as_test(Edits, settings=settings_of(500, 30))
