"""What tools are compared by: what they answer, how it is judged, and what becomes of one that cannot be had."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.evals.repository.arms.passages import Passage
from tests.benchmarks.rivals.aider_map import lines_of
from tests.benchmarks.rivals.answering import Answer
from tests.benchmarks.rivals.entrants import ENTRANTS, Entrant
from tests.benchmarks.rivals.full_text import FullText
from tests.benchmarks.rivals.grep import Grep
from tests.benchmarks.rivals.passages import Packer
from tests.benchmarks.rivals.process import Asked, RivalError
from tests.benchmarks.rivals.tasks import Task, edit
from tests.benchmarks.rivals_bench import MEASURES, Run, bars_of

MAP = """
boats/harbour.py:
⋮
│class Harbour:
│    def moorings(self, tide):
⋮

boats/empty.py

boats/quay.py:
│def is_flooded(tide):
⋮
"""
TASK = Task(
    "boats",
    "boats/harbour.py",
    "Where boats lie at a tide.",
    "def moorings(self, tide):",
    frozenset({"def moorings(self, tide):", "found = self.at(tide)", "return found"}),
)


def words(text: str) -> int:
    return len(text.split())


# Judging


def test_a_map_is_read_file_by_file() -> None:
    assert lines_of(MAP) == {
        "boats/harbour.py": ["class Harbour:", "    def moorings(self, tide):"],
        "boats/quay.py": ["def is_flooded(tide):"],
    }


def test_a_definition_is_named_where_its_head_stands_in_its_file() -> None:
    assert TASK.named(Answer(MAP, lines_of(MAP)))
    assert not TASK.named(Answer("", {"boats/quay.py": ["def moorings(self, tide):"]}))
    assert not TASK.named(Answer("", {"boats/harbour.py": ["def moorings_of(self):"]}))


def test_the_share_of_its_lines_that_is_shown_counts_no_other_file() -> None:
    lines = {
        "boats/harbour.py": ["    return found", "    pass"],
        "x.py": ["found = self.at(tide)"],
    }
    assert TASK.shown(Answer("", lines)) == pytest.approx(1 / 3)


# Packing


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40))), st.integers(0, 60))
def test_what_is_packed_is_never_over_the_budget(
    wanted: Sequence[tuple[str, int]], budget: int
) -> None:
    passages = [
        Passage(path, 1 + 10 * at, 10 + 10 * at, "word " * length + "\n")
        for at, (path, length) in enumerate(wanted)
    ]
    answer = Packer(words, budget).pack(passages)
    assert words(answer.text) <= budget
    assert all(text in answer.text for lines in answer.lines.values() for text in lines)


def test_the_file_of_the_best_comes_first_and_its_lines_in_order() -> None:
    later, other, sooner = (
        Passage("b.py", 11, 20, "later\n"),
        Passage("a.py", 1, 10, "other\n"),
        Passage("b.py", 1, 10, "sooner\n"),
    )
    answer = Packer(words, 100).pack([later, other, sooner])
    assert answer.text == "### b.py\nsooner\nlater\n### a.py\nother\n"


# Tools


@pytest.fixture
def harbour(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for name in ("quay", "buoy", "tide"):
        file = root / "boats" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"def {name}_depth(chart):\n    return chart.soundings['{name}']\n")
    return root


def test_full_text_finds_an_edit_at_once_and_goes_on_with_what_it_kept(
    harbour: Path, tmp_path: Path
) -> None:
    full_text = FullText(harbour, tmp_path, Packer(words, 100))
    assert next(iter(full_text.answer("the depth of a buoy").lines)) == "boats/buoy.py"
    task = edit(harbour, "boats/tide.py", 7)
    assert task.named(full_text.answer(task.question))
    again = FullText(harbour, tmp_path, Packer(words, 100))
    assert again.answer(task.question) == full_text.answer(task.question)
    (harbour / "boats" / "tide.py").unlink()
    assert "boats/tide.py" not in again.answer(task.question).lines


def test_full_text_has_no_answer_to_a_question_without_words(harbour: Path, tmp_path: Path) -> None:
    assert FullText(harbour, tmp_path, Packer(words, 100)).answer("?!").lines == {}


@pytest.mark.skipif(shutil.which("rg") is None, reason="ripgrep is not here")
def test_ripgrep_reads_where_the_rarest_words_stand(harbour: Path) -> None:
    grep = Grep(harbour, Packer(words, 100), "rg")
    assert next(iter(grep.answer("the depth of a buoy").lines)) == "boats/buoy.py"
    assert grep.answer("nowhere to be found").lines == {}


def test_a_search_that_fails_is_no_empty_answer(harbour: Path) -> None:
    with pytest.raises(RuntimeError, match="failed"):
        Grep(harbour, Packer(words, 100), _program(harbour, "exit 2")).answer("depth")


def _program(folder: Path, text: str) -> str:
    file = folder / "program"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


# Processes


def test_a_tool_answers_line_by_line_and_waits_when_it_is_told_to(
    harbour: Path, tmp_path: Path
) -> None:
    module = [sys.executable, "-m", "tests.benchmarks.rivals.serve"]
    asked = Asked([*module, "full_text", harbour, tmp_path, "100"], tmp_path)
    try:
        assert asked.ask(None)[0] == Answer("", {})
        answer, seconds = asked.ask("the depth of a buoy")
        assert "buoy_depth" in answer.text
        assert seconds > 0
        assert asked.largest() > 1
    finally:
        asked.close()


def test_a_tool_that_ends_says_why(tmp_path: Path) -> None:
    asked = Asked(["sh", "-c", "echo no such model >&2; exit 3"], tmp_path)
    try:
        with pytest.raises(RivalError, match="status 3: no such model"):
            asked.ask("depth")
    finally:
        asked.close()


def test_a_tool_that_could_not_be_had_has_no_figure_and_its_rows_say_why(tmp_path: Path) -> None:
    absent = Entrant("absent", "", lambda root, home: [])
    bars = bars_of(Run(absent, tmp_path, tmp_path, failed="pip could not install it"))
    assert [bar.name for bar in bars] == [name for name, _ in MEASURES]
    assert {(bar.verdict, bar.note) for bar in bars} == {
        ("not measured", "pip could not install it")
    }


def test_an_edit_that_was_never_found_is_not_a_time(tmp_path: Path) -> None:
    run = Run(ENTRANTS[0], tmp_path, tmp_path, edits_s=[None, None])
    run.answers = [(TASK, Answer(MAP, lines_of(MAP)), 0.02)]
    found = {bar.name: bar for bar in bars_of(run)}
    assert found["an edit is in an answer, p50"].verdict == "not measured"
    assert found["edits that were in an answer"].measured == 0
    assert found["answers that name the definition"].measured == 100


def test_tools_have_different_names() -> None:
    assert len({entrant.name for entrant in ENTRANTS}) == len(ENTRANTS)


def test_an_edit_keeps_the_rest_of_the_file(harbour: Path) -> None:
    before = (harbour / "boats" / "quay.py").read_text()
    task = edit(harbour, "boats/quay.py", 1)
    text = (harbour / "boats" / "quay.py").read_text()
    assert text.endswith(before)
    assert task.head in text
    assert os.linesep not in task.head
