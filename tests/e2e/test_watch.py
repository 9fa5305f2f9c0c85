"""`watch` as a process: edits become batches, others are told who writes, Ctrl-C ends it well."""

import json
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.memory.workbench import git

from .conftest import PATIENCE_S, command


class Watching:
    """A running `watch --json`."""

    def __init__(self, root, model, environment):
        self.process = subprocess.Popen(
            command("watch", root, "--no-gists", "--json", "--model", model),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def next(self):
        """The next event; pytest's time limit ends a wait for one that never comes."""
        return json.loads(self.process.stdout.readline())

    def tells(self, kind, path):
        """Wait for a batch in which this happened to a file; what is written slowly is told more than once."""
        while path not in (batch := self.next())[kind]:
            pass
        return batch

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        rest, errors = self.process.communicate(timeout=PATIENCE_S)
        assert errors == ""
        return self.process.returncode, [json.loads(line) for line in rest.splitlines()]


@pytest.fixture
def watching(repository, model_folder, environment) -> Iterator[Watching]:
    found = Watching(repository, model_folder, environment)
    try:
        assert found.next() == {"event": "watching", "root": str(repository)}
        yield found
    finally:
        found.process.kill()
        found.process.communicate()


def test_edits_become_batches(watching, repository, run, model_folder):
    (repository / "greeter" / "words.py").write_text("WORDS = {}\n")
    batch = watching.tells("changed", "greeter/words.py")
    assert {key: type(value) for key, value in batch.items()} == {
        "event": str,
        "added": list,
        "changed": list,
        "removed": list,
        "left_out": dict,
        "latency_ms": float,
        "window_ms": float,
    }
    assert batch["changed"] == ["greeter/words.py"]
    assert 0 <= batch["window_ms"] <= batch["latency_ms"]
    (repository / "ignored" / "more.py").write_text("x = 1\n")
    (repository / "README.md").unlink()
    batch = watching.tells("removed", "README.md")
    assert "ignored/more.py" not in [*batch["added"], *batch["changed"]]
    code, rest = watching.stop()
    assert code == 0
    assert "ignored/more.py" not in str(rest)
    state = run("status", "--json", "--repo", repository).json
    assert state["writer"] is None
    assert not any(state["fresh"].values())


def test_a_second_writer_is_told_who_writes_and_readers_read(
    watching, repository, run, model_folder
):
    options = ("--model", model_folder)
    second = run("index", repository, *options)
    assert second.code == 1
    assert f"process {watching.process.pid}" in second.err
    assert "watch" in second.err
    reader = run("focus", "where is word_for", "--repo", repository, *options)
    assert reader.code == 0
    assert "greeter/words.py" in reader.out
    assert f"process {watching.process.pid}" in reader.err
    state = run("status", "--json", "--repo", repository).json
    assert f"process {watching.process.pid}" in state["writer"]
    assert watching.stop()[0] == 0
    assert run("index", repository, "--no-gists", *options).code == 0


def test_a_killed_writer_blocks_nobody(watching, repository, run, model_folder):
    watching.process.kill()
    watching.process.wait()
    options = ("--repo", repository, "--model", model_folder)
    assert run("index", repository, "--no-gists", "--model", model_folder).code == 0
    assert run("verify", *options).code == 0


def test_a_branch_switch_comes_through(watching, repository):
    git(repository, "switch", "-q", "-c", "other")
    (repository / "new.py").write_text("def fresh():\n    return 1\n")
    watching.tells("added", "new.py")
    git(repository, "add", "new.py")
    git(repository, "commit", "-q", "-m", "new")
    git(repository, "switch", "-q", "-")
    watching.tells("removed", "new.py")
    git(repository, "switch", "-q", "other")
    watching.tells("added", "new.py")
    assert watching.stop(signal.SIGTERM)[0] == 0
