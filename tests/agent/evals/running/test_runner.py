"""A run that is stopped anywhere goes on there, and ends as if it had never been stopped."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megacontext.agent.evals.running.run_folder import (
    FIGURES,
    SAMPLES,
    RunFolder,
    fingerprint,
    read_run,
)
from megacontext.agent.evals.running.runner import run_suite
from megacontext.configs.errors import SettingsError

from .counting import Counting

DAY = date(2026, 1, 31)


def folder_of(suite, out, **given):
    return RunFolder.of(
        out, suite.name, suite.identity, "megacontext eval counting", day=DAY, **given
    )


def run(suite, out, **given):
    shown = []
    with folder_of(suite, out, **given) as folder:
        results = run_suite(suite, folder, lambda done, of: shown.append((done, of)))
    return folder.path, results, shown


def test_every_task_is_sampled_under_every_arm_and_lies_in_the_folder(tmp_path):
    path, results, shown = run(Counting(), tmp_path)
    assert (
        path == tmp_path / "2026-01-31" / f"counting-{fingerprint('counting', Counting().identity)}"
    )
    assert shown[0] == (0, 20)
    assert shown[-1] == (20, 20)
    lines = [json.loads(line) for line in (path / SAMPLES).read_text().splitlines()]
    assert len(lines) == len(results.samples) == 20
    about = read_run(path).about
    assert about["suite"] == "counting"
    assert about["settings"] == {"seed": 0}
    assert about["finished"]
    assert {"commit", "uncommitted", "machine", "torch", "started"} <= about["starts"][0].keys()


@settings(max_examples=20, deadline=None)
@given(stop=st.integers(0, 19), batch=st.integers(1, 7))
def test_a_run_that_was_stopped_goes_on_and_ends_the_same(tmp_path_factory, stop, batch):
    out = tmp_path_factory.mktemp("runs")
    with pytest.raises(KeyboardInterrupt):
        run(Counting(batch=batch, stop_after=stop), out)
    again = Counting(batch=3)
    path, results, shown = run(again, out)
    assert shown[0][0] + len(again.asked) == 20
    whole = run(Counting(), tmp_path_factory.mktemp("whole"))[1]
    assert results == whole
    starts = read_run(path).about["starts"]
    assert [each["samples"] for each in starts] == [20 - len(again.asked), len(again.asked)]


@pytest.mark.parametrize("torn", [b'{"arm": "pl', b'{"arm": "plain", "task": "n/3", "record": {}}'])
def test_a_torn_last_line_is_done_again(tmp_path, torn):
    with pytest.raises(KeyboardInterrupt):
        run(Counting(stop_after=7), tmp_path)
    file = next(tmp_path.rglob(SAMPLES))
    file.write_bytes(file.read_bytes() + torn)
    _, results, _ = run(Counting(), tmp_path)
    assert results == run(Counting(), tmp_path / "whole")[1]


def test_a_line_that_is_no_sample_is_told_with_its_number(tmp_path):
    path, _, _ = run(Counting(), tmp_path)
    lines = (path / SAMPLES).read_text().splitlines()
    (path / SAMPLES).write_text("\n".join([lines[0], "what?", *lines[1:]]) + "\n")
    with pytest.raises(SettingsError, match="line 2 of"):
        run(Counting(), tmp_path)


def test_a_finished_run_asks_nothing_again_even_on_another_day(tmp_path):
    first = run(Counting(), tmp_path)
    suite = Counting()
    with RunFolder.of(tmp_path, suite.name, suite.identity, "", day=date(2026, 2, 1)) as folder:
        results = run_suite(suite, folder, lambda *_: None)
    assert folder.path == first[0]
    assert results == first[1]
    assert not suite.asked


def test_fresh_begins_anew_beside_what_is_there(tmp_path):
    old, _, _ = run(Counting(), tmp_path)
    suite = Counting()
    new, _, _ = run(suite, tmp_path, fresh=True)
    assert new.name == f"{old.name}-2"
    assert len(suite.asked) == 20
    assert run(Counting(), tmp_path)[0] == new


@pytest.mark.parametrize("other", [{"seed": 1}, {"data": "e"}])
def test_other_settings_or_data_are_another_run(tmp_path, other):
    assert run(Counting(), tmp_path)[0] != run(replace(Counting(), **other), tmp_path)[0]


def test_a_part_of_the_tasks_and_all_of_them_can_be_one_run(tmp_path):
    run(Counting(count=4), tmp_path)
    suite = Counting(count=10)
    run(suite, tmp_path)
    assert len(suite.asked) == 12


def test_two_processes_do_not_run_the_same_at_once(tmp_path):
    with (
        folder_of(Counting(), tmp_path),
        pytest.raises(SettingsError, match="another process"),
        folder_of(Counting(), tmp_path),
    ):
        pass


@pytest.mark.parametrize("broken", [{"arms": ("a", "a")}, {"count": 2}])
def test_ids_and_arms_are_unique(tmp_path, broken):
    class Doubled(Counting):
        @property
        def tasks(self):
            return [super().tasks[0]] * self.count

    suite = Doubled(**broken) if "count" in broken else Counting(**broken)
    with pytest.raises(ValueError, match="same"):
        run(suite, tmp_path)


def test_a_stopped_run_is_no_finished_one(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(Counting(stop_after=7), tmp_path)
    stopped = next(tmp_path.rglob(SAMPLES)).parent
    with pytest.raises(
        SettingsError, match="was stopped; finish it with: megacontext eval counting"
    ):
        read_run(stopped)


@pytest.mark.parametrize("content", ["{", "[]", '{"figures": [{"name": "x"}]}'])
def test_figures_that_cannot_be_read_are_told(tmp_path, content):
    path, _, _ = run(Counting(), tmp_path)
    (path / FIGURES).write_text(content)
    with pytest.raises(SettingsError, match=r"figures\.json"):
        read_run(path)


def test_no_folder_can_be_made_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="give another --out"):
        run(Counting(), tmp_path / "file")
