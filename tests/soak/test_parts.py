"""That every part says yes to the product, and no to one with a defect."""

import json
from pathlib import Path

import pytest

from . import edits_soak, files_soak, load_soak, messages_soak
from .__main__ import _recorded
from .conftest import named
from .made_up import made_up
from .made_up_messages import made_up_message
from .project import History, path_of, text_of
from .report import is_met, page
from .task import Task

SHORT = 0.05
"""Minutes."""
NOT_READ = "files not tiled, not read as they are, or not as from scratch"
NOT_ANSWERED = "messages behind which a proper request was not answered as before"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_soak, "FILES", 60)
    monkeypatch.setattr(messages_soak, "MESSAGES", 60)
    monkeypatch.setattr(messages_soak, "SESSION", 60)
    monkeypatch.setattr(load_soak, "LEAST_S", 3.0)
    monkeypatch.setattr(edits_soak, "CHECKS", 2)


@pytest.mark.slow  # `make soak ARGS=--quick` does the same
@pytest.mark.parametrize("part", [files_soak, messages_soak, load_soak, edits_soak])
def test_the_product_misses_no_bar(part) -> None:
    bars = part.measure(Task(minutes=SHORT * 4, seed=60))
    assert [bar for bar in bars if bar.verdict == "missed"] == []


def test_chunks_that_do_not_tile_are_found_out() -> None:
    bars = named(files_soak.measure(Task(defect="loses_the_last_chunk")))
    assert bars[NOT_READ].measured > 10
    assert "python -m tests.soak files --only --seed" in bars[NOT_READ].note


def test_files_that_end_the_process_are_named_and_the_rest_goes_on(monkeypatch) -> None:
    monkeypatch.setattr(files_soak, "FILES", 120)
    bars = named(files_soak.measure(Task(defect="ends_the_process_at_a_strange_sign")))
    ended = bars["processes that a file ended or hung"].measured
    deadly = [seed for seed in range(120) if b"\xf4\x90\x80\x80" in made_up(seed)[1]]
    assert ended == len(deadly) > 0
    assert f"--seed {deadly[0]}`" in bars[NOT_READ].note


@pytest.mark.parametrize(
    "defect", ["leaves_at_an_unknown_method", "has_faults_of_its_own_at_far_positions"]
)
def test_a_server_with_a_defect_is_found_out(defect: str) -> None:
    bars = named(messages_soak.measure(Task(defect=defect)))
    assert bars[NOT_ANSWERED].verdict == "missed"


def test_readers_that_show_old_text_are_found_out() -> None:
    task = Task(minutes=SHORT * 4, defect="shows_what_it_has_read_before")
    assert named(load_soak.measure(task))["verbatim texts that were no longer so"].measured > 0


def test_memory_and_handles_that_grow_are_found_out() -> None:
    task = Task(minutes=SHORT * 4, defect="keeps_files_open_and_their_text")
    bars = named(edits_soak.measure(task))
    assert bars["growth of file handles"].verdict == "missed"
    assert bars["growth of memory"].measured > 1


def test_what_is_made_up_is_the_same_from_its_seed() -> None:
    assert [made_up(seed) for seed in range(50)] == [made_up(seed) for seed in range(50)]
    assert len({made_up(seed)[0] for seed in range(500)}) == 500
    uris = ["file:///a.py"]
    assert [made_up_message(n, uris) for n in range(50)] == [
        made_up_message(n, uris) for n in range(50)
    ]


def test_a_text_is_right_as_long_as_its_file_may_have_held_it(tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    lines = (
        "begin 3 0 10",
        "end 3 0 12",
        "begin 3 8 20",
        "end 3 8 25",
        "begin 3 -9 30",
        "end 3 -9 32",
        "begin 3 11 40",
    )
    history.path.write_text("\n".join(lines) + "\nbegin 3 1", encoding="ascii")
    held = {
        (since, until): set(history.versions(3, since, until))
        for since, until in [(13, 19), (13, 20), (24, 24), (26, 29), (33, 39), (33, 41), (50, 60)]
        if history.follow() is None
    }
    assert held == {
        (13, 19): {0},
        (13, 20): {0, 8},
        (24, 24): {0, 8},
        (26, 29): {8},
        (33, 39): {-9},
        (33, 41): {-9, 11},
        (50, 60): {-9, 11},
    }
    piece = text_of(3, 8)[-200:]
    assert history.held(3, text_of(3, 8), 26, 29)
    assert not history.held(3, text_of(3, 8), 26 + 20, 60)
    assert piece in text_of(3, 8)
    assert path_of(3) == path_of(3)


def test_the_page_tells_each_bar_and_a_missed_one_ends_the_run(tmp_path: Path) -> None:
    kept = tmp_path / "run.json"
    bar = {
        "name": "things lost",
        "measured": 1,
        "unit": "",
        "at_most": 0,
        "at_least": None,
        "note": "why",
        "verdict": "missed",
    }
    result = {"name": "kill", "commit": "abc", "load": [1, 2], "seconds": 3.0, "bars": [bar]}
    machine = dict.fromkeys(
        ("date", "processor", "cores", "memory_gb", "system", "python", "sqlite"), "x"
    )
    kept.write_text(json.dumps({"machine": machine, "quick": False, "results": [result]}))
    run = _recorded([kept])
    assert not is_met(run)
    assert "| things lost | ≤ 0 | 1 | **missed** | why |" in page(run)
    assert "python -m tests.soak kill" in page(run)
