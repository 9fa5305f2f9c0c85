"""Wrong input and damaged state: one sentence that names cause and mend, a telling exit code, no traceback."""

import shutil
import sqlite3

import pytest

from tests.memory.workbench import git


def fails(done, code, *words):
    assert done.code == code, done
    assert done.out == ""
    if code == 1:
        assert done.err.startswith("error: ")
    for word in words:
        assert str(word) in done.err


@pytest.mark.parametrize("command", ["index", "watch", "tour"])
def test_no_folder_there(run_here, tmp_path, command):
    fails(run_here(command, tmp_path / "nowhere"), 1, tmp_path / "nowhere", "cannot be opened")


@pytest.mark.parametrize("command", ["status", "verify"])
def test_a_file_where_a_folder_is_meant(run_here, repository, command):
    fails(run_here(command, "--repo", repository / "README.md"), 1, "is a file", "give the folder")


def test_a_bare_repository(run_here, tmp_path):
    bare = tmp_path / "bare.git"
    bare.mkdir()
    git(bare, "init", "-q", "--bare")
    fails(run_here("index", bare), 1, "bare git repository", "clone it")


def test_an_empty_repository_is_fine(run_here, tmp_path, model_folder):
    options = ("--model", model_folder)
    done = run_here("index", tmp_path, "--no-gists", "--json", *options)
    assert done.code == 0
    assert (done.json["files"], done.json["tokens"]) == (0, 0)
    for arguments in (("focus", "anything"), ("ask", "anything"), ("verify",), ("tour", tmp_path)):
        assert run_here(*arguments, *options, cwd=tmp_path).code == 0


@pytest.mark.parametrize("command", ["status", "verify"])
def test_nothing_indexed_yet(run_here, repository, command):
    fails(run_here(command, "--repo", repository), 1, "not indexed yet", "megacontext index")


@pytest.mark.parametrize("name", ["no-such-model", "./nowhere", "qwen2.5-coder-7b"])
def test_an_unknown_model_is_answered_with_the_known_ones(run_here, repository, name):
    fails(run_here("index", repository, "--model", name), 1, name, "pocket")


def test_a_model_that_is_not_on_disk(run_here, repository):
    fails(run_here("ask", "x", "--repo", repository, "--model", "smollm3-3b"), 1, "is not on disk")


@pytest.mark.parametrize("missing", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_model_folder_without_a_file(run_here, repository, model_folder, tmp_path, missing):
    folder = shutil.copytree(model_folder, tmp_path / "broken")
    (folder / missing).unlink()
    fails(run_here("index", repository, "--model", folder), 1, folder / missing, "download")


def test_weights_that_were_cut(run_here, repository, model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "broken")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    fails(run_here("index", repository, "--model", folder), 1, weights, "download it again")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("focus:\n  bugdet: 100\n", ("focus.bugdet", "line 2", "did you mean focus.budget")),
        ("focus:\n  budget: lots\n", ("focus.budget", "'lots'", "a whole number from 64")),
        ("model:\n  name: ../evil\n", ("model.name", "a repository may not set this")),
        ("focus: [\n", ("config.yaml, line 2",)),
        ("\x00", ("config.yaml",)),
    ],
)
def test_settings_of_a_repository_that_are_wrong(run_here, repository, text, words):
    (repository / ".megacontext").mkdir()
    (repository / ".megacontext" / "config.yaml").write_text(text)
    fails(run_here("index", repository), 1, repository / ".megacontext" / "config.yaml", *words)


def test_a_variable_that_is_wrong(run_here, repository):
    done = run_here("index", repository, MEGACONTEXT_MEMORY__GISTS="maybe")
    fails(done, 1, "MEGACONTEXT_MEMORY__GISTS", "auto, on, off")


@pytest.mark.parametrize("budget", ["-5", "63", "1000001"])
def test_a_budget_out_of_range(run_here, indexed, budget):
    done = run_here("focus", "words", "--budget", budget, "--repo", indexed)
    fails(done, 1, "focus.budget", "from 64 to 1000000")


@pytest.mark.parametrize(
    ("place", "word"),
    [
        ("greeter/words.py:99:1", "no line 99"),
        ("greeter/words.py:1:500", "no column 500"),
        ("greeter/nothing.py:1:1", "greeter/nothing.py"),
        (".env:1:1", "left out"),
        ("logo.png:1:1", "left out"),
        ("../outside.py:1:1", "outside"),
    ],
)
def test_a_place_that_is_not_there(run_here, indexed, model_folder, place, word):
    done = run_here("complete", place, "--model", model_folder, cwd=indexed)
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("error: ")
    assert word in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("complete", "nonsense"),
        ("complete", "words.py:0:1"),
        ("focus", "--at", "words.py:x"),
        ("focus",),
        ("focus", "x", "--budget", "many"),
        ("focus", "x", "--no-such-option"),
        ("no-such-command",),
        ("ask",),
    ],
)
def test_misuse(run_here, repository, arguments):
    fails(run_here(*arguments, cwd=repository), 2, "Usage")


def test_a_codec_that_there_is_not(run_here, indexed):
    done = run_here("focus", "x", "--codec", "video", "--repo", indexed)
    fails(done, 1, "focus.codec", "one of text, gist")


def test_a_question_that_is_no_text(run_here, indexed, model_folder):
    done = run_here("ask", "word_for \udcff", "--repo", indexed, "--model", model_folder)
    assert done.code == 0
    assert "greeter/words.py" in done.out


def test_a_damaged_catalogue(run_here, repository, model_folder):
    options = ("--model", model_folder)
    run_here("index", repository, "--no-gists", *options)
    (repository / ".megacontext" / "catalogue.db").write_bytes(b"no database" * 1000)
    for command in (("index", repository, *options), ("status", "--repo", repository)):
        fails(run_here(*command), 1, "catalogue.db", "delete")


def test_an_index_of_a_newer_program(run_here, repository, model_folder):
    options = ("--model", model_folder)
    run_here("index", repository, "--no-gists", *options)
    with sqlite3.connect(repository / ".megacontext" / "catalogue.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    fails(run_here("index", repository, *options), 1, "newer", "upgrade")
