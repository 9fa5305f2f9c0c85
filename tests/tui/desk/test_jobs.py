"""Work in threads: one of a name at a time, stopped when told, errors told and faults not hidden."""

import threading

import pytest

from megacontext.configs.errors import StoreError
from megacontext.tui.desk.jobs import Jobs
from tests.patience import PATIENCE_S


@pytest.fixture
def told():
    return [], []


@pytest.fixture
def jobs(told):
    jobs = Jobs(told[0].append, told[1].append)
    yield jobs
    assert jobs.close(PATIENCE_S)


def test_newer_work_stops_older_and_waits_for_it(jobs):
    log: list[str] = []
    begun, gate = threading.Event(), threading.Event()

    def first(cancel: threading.Event) -> None:
        begun.set()
        cancel.wait()
        gate.wait()
        log.append("first ended")

    jobs.start("a", first)
    begun.wait()
    jobs.start("a", lambda _: log.append("skipped"))
    jobs.start("a", lambda _: log.append("third"))
    gate.set()
    jobs._jobs["a"].thread.join()
    assert log == ["first ended", "third"]


def test_stop_tells_whether_there_was_something(jobs):
    begun = threading.Event()

    def work(cancel: threading.Event) -> None:
        begun.set()
        cancel.wait()

    jobs.start("a", work)
    begun.wait()
    assert jobs.stop("a", "b")
    jobs._jobs["a"].thread.join()
    assert not jobs.stop("a", "b")


def test_errors_are_told_and_faults_are_not_hidden(jobs, told):
    def trouble(_: threading.Event) -> None:
        raise StoreError("the disk is away")

    def fault(_: threading.Event) -> None:
        raise KeyError("nobody expected this")

    jobs.start("a", trouble)
    jobs.start("b", fault)
    for name in "ab":
        jobs._jobs[name].thread.join()
    assert [str(each) for each in told[0]] == ["the disk is away"]
    assert [type(each) for each in told[1]] == [KeyError]


def test_work_that_does_not_listen_does_not_keep_anybody_waiting(told):
    jobs, deaf = Jobs(told[0].append, told[1].append), threading.Event()

    def work(_: threading.Event) -> None:
        deaf.wait()

    jobs.start("deaf", work)
    assert not jobs.close(0.05)
    deaf.set()
    assert jobs.close(PATIENCE_S)
