"""The commands as a person and a program use them: documented JSON, exit codes, answers to a real repository."""

import shutil

import pytest

from .conftest import make_repository

PLACE = "greeter/greet.py:14:10"

ENTRY = {
    "path": str,
    "start_line": int,
    "end_line": int,
    "level": int,
    "cost": int,
    "score": float,
    "reasons": list,
    "provenance": type(None),
}


def check(data, shape):
    """`data` has exactly the documented keys, with the documented types."""
    assert {key: type(value) for key, value in data.items()} == shape


@pytest.fixture(scope="module")
def at(indexed, model_folder):
    """The options that name the shared repository and the tiny model."""
    return "--repo", indexed, "--model", model_folder


@pytest.fixture(scope="module")
def first_index(run, tmp_path_factory, model_folder):
    """What indexing a repository with gists says, and that repository."""
    root = make_repository(tmp_path_factory.mktemp("gists") / "greeter")
    return run("index", root, "--gists", "--json", "--model", model_folder), root


@pytest.fixture
def gisted(first_index, tmp_path):
    """A repository of its own, indexed with gists."""
    return shutil.copytree(first_index[1], tmp_path / "greeter")


def test_index_says_what_it_read(first_index):
    done, _ = first_index
    assert done.code == 0
    result = done.json
    check(
        result,
        {
            "files": int,
            "chunks": int,
            "tokens": int,
            "rows": dict,
            "seconds": float,
            "root": str,
            "left_out": list,
        },
    )
    assert result["files"] == 6
    assert result["tokens"] > 100
    assert list(result["rows"]) == ["L0", "L1", "L2", "L3", "L4", "L5"]
    assert len(bytes.fromhex(result["root"])) == 16
    reasons = {item["path"]: item["reason"] for item in result["left_out"]}
    assert reasons == {
        ".env": "secret by its name",
        "logo.png": "binary",
        "ignored/": "ignored by git",
    }


def test_index_for_people(run, repository, model_folder):
    done = run("index", "--no-gists", "--model", model_folder, cwd=repository)
    assert done.code == 0
    assert "6 files (6 added, 0 changed, 0 removed)" in done.out
    assert ".env: secret by its name" in done.out
    again = run("index", "--no-gists", "--model", model_folder, cwd=repository / "greeter")
    assert "6 files (0 added, 0 changed, 0 removed)" in again.out


def test_two_copies_have_one_root(run, repository, indexed, model_folder):
    options = ("--no-gists", "--json", "--model", model_folder)
    roots = {run("index", root, *options).json["root"] for root in (repository, indexed)}
    assert len(roots) == 1


def test_status_needs_no_model(run, indexed):
    state = run("status", "--json", "--repo", indexed, MEGACONTEXT_MODEL__NAME="no-such-model").json
    check(
        state,
        {
            "root": str,
            "fresh": dict,
            "writer": type(None),
            "catalogue": dict,
            "disk": dict,
            "trees": list,
            "left_out": list,
        },
    )
    assert state["root"] == str(indexed)
    assert state["fresh"] == {"added": 0, "changed": 0, "removed": 0}
    assert set(state["catalogue"]) == {"files", "bytes", "chunks", "symbols"}
    [tree] = state["trees"]
    assert tree["levels"]["L0"]["rows"] == tree["tokens"] > 0


def test_status_tells_what_has_changed(run, repository, model_folder):
    run("index", repository, "--no-gists", "--model", model_folder)
    (repository / "README.md").write_text("# Other\n")
    (repository / "new.py").write_text("x = 1\n")
    (repository / "greeter" / "words.py").unlink()
    done = run("status", cwd=repository)
    assert done.code == 0
    assert "1 added, 1 changed, 1 removed since the last index" in done.out


def test_verify_is_clean_then_stale_then_mended(run, repository, model_folder):
    options = ("--json", "--repo", repository, "--model", model_folder)
    run("index", repository, "--no-gists", "--model", model_folder)
    fine = run("verify", *options)
    check(fine.json, {"ok": bool, "errors": list, "repaired": list, "checked": dict})
    assert (fine.code, fine.json["ok"], fine.json["errors"]) == (0, True, [])
    (repository / "greeter" / "words.py").write_text("WORDS = {}\n")
    stale = run("verify", *options)
    assert stale.code == 1
    assert stale.json["errors"] == ["greeter/words.py: changed since it was indexed"]
    assert run("verify", "--repair", *options).code == 0
    assert run("verify", *options).json["ok"]


def test_verify_finds_flipped_bytes_and_makes_them_again(run, first_index, gisted, model_folder):
    options = ("--json", "--repo", gisted, "--model", model_folder)
    for level in ("L0", "L1", "L3"):
        [file] = (gisted / ".megacontext" / "trees").glob(f"*/{level}.ctx")
        data = bytearray(file.read_bytes())
        data[-1] ^= 0xFF
        file.write_bytes(data)
    broken = run("verify", *options)
    assert broken.code == 1
    assert len(broken.json["errors"]) >= 3
    mended = run("verify", "--repair", *options)
    assert mended.code == 0
    assert mended.json["repaired"]
    assert run("verify", *options).json["ok"]
    [tree] = run("status", "--json", "--repo", gisted).json["trees"]
    assert tree["root"] == first_index[0].json["root"]
    assert tree["gists"] == tree["chunks"]


def test_focus_keeps_to_its_budget_and_says_why(run, at):
    done = run("focus", "where is word_for", "--budget", 600, "--json", *at)
    assert done.code == 0
    shape = {"budget": int, "total_cost": int, "ms": float, "entries": list, "kept_out": list}
    check(done.json, shape)
    assert done.json["total_cost"] <= done.json["budget"] == 600
    for entry in done.json["entries"]:
        check(entry, ENTRY)
    assert sum(entry["cost"] for entry in done.json["entries"]) == done.json["total_cost"]
    best = done.json["entries"][0]
    assert best["path"] == "greeter/words.py"
    assert any("word_for" in reason for reason in best["reasons"])


def test_focus_prints_what_the_model_reads_in_its_order(run, at):
    shown = run("focus", "where is word_for", "--print", "--json", *at).json
    assert "def word_for(language):" in shown["text"]
    plain = run("focus", "where is word_for", "--print", *at)
    assert plain.out.strip() == shown["text"].strip()


def test_focus_around_a_place(run, at):
    entries = run("focus", "--at", PLACE, "--json", *at).json["entries"]
    assert "greeter/words.py" in {entry["path"] for entry in entries}


def test_complete_tells_what_it_took(run, gisted, model_folder):
    options = ("--codec", "gist", "--json", "--repo", gisted, "--model", model_folder)
    sizes = {"MEGACONTEXT_COMPLETE__MAX_NEW_TOKENS": "8", "MEGACONTEXT_COMPLETE__BUDGET": "250"}
    done = run("complete", PLACE, *options, **sizes)
    assert done.code == 0
    shape = {"text": str, "ms": float, "positions": int, "reused": int, "mean_logprob": float}
    check(done.json, shape | {"entries": list})
    assert done.json["positions"] > 100
    for entry in done.json["entries"]:
        check(entry, ENTRY)
    assert {entry["level"] for entry in done.json["entries"]} <= {0, 1, 2, 3, 4}


def test_complete_prints_the_text_alone_on_standard_output(run, indexed, model_folder):
    options = ("--model", model_folder)
    done = run("complete", PLACE, *options, cwd=indexed, MEGACONTEXT_COMPLETE__MAX_NEW_TOKENS="8")
    assert done.code == 0
    assert "positions" not in done.out
    assert "positions (0 reused), " in done.err


def test_ask_without_a_chat_model_answers_with_places(run, at):
    done = run("ask", "Which word begins a greeting?", "--json", *at)
    assert done.code == 0
    kinds = [event["event"] for event in done.events]
    assert kinds[:2] == ["focus", "notice"]
    assert set(kinds[2:]) == {"span"}
    assert "cannot chat" in done.events[1]["text"]
    span = done.events[2]
    check(
        span,
        {
            "event": str,
            "path": str,
            "start_line": int,
            "end_line": int,
            "text": str,
            "score": float,
            "reasons": list,
            "provenance": type(None),
        },
    )
    plain = run("ask", "Which word begins a greeting?", "--spans", 1, *at)
    assert f"{span['path']}:{span['start_line']}-{span['end_line']}" in plain.out
    assert plain.err.count("cannot chat") == 1


def test_ask_with_a_chat_model_streams_and_counts(run, repository, chat_folder):
    done = run(
        *("ask", "Which word begins a greeting?", "--json"),
        *("--repo", repository, "--model", chat_folder),
        MEGACONTEXT_ASK__MAX_NEW_TOKENS="8",
    )
    assert done.code == 0
    kinds = [event["event"] for event in done.events]
    assert kinds[0] == "focus"
    assert kinds[-1] == "usage"
    assert set(kinds[1:-1]) <= {"token", "citation"}
    check(
        done.events[-1],
        {
            "event": str,
            "model": str,
            "positions": int,
            "reused": int,
            "generated": int,
            "stop_reason": str,
            "ms": float,
            "mean_logprob": float,
        },
    )


def test_doctor_tells_machine_model_and_settings(run, indexed, model_folder):
    done = run(
        *("doctor", "--json", "--repo", indexed, "--model", model_folder),
        MEGACONTEXT_FOCUS__BUDGET="4096",
    )
    assert done.code == 0
    check(
        done.json,
        {
            "ok": bool,
            "problems": list,
            "environment": dict,
            "machine": dict,
            "repository": str,
            "model": dict,
            "user_file": str,
            "settings": list,
        },
    )
    assert done.json["model"]["folder"] == str(model_folder)
    assert done.json["model"]["reasons"]
    told = {item["key"]: item for item in done.json["settings"]}
    assert told["focus.budget"]["value"] == "4096"
    assert "MEGACONTEXT_FOCUS__BUDGET" in told["focus.budget"]["where"]


def test_doctor_explains_a_model_that_is_not_there(run, indexed):
    done = run("doctor", "--repo", indexed, "--model", "qwen2.5-coder-7b-instruct")
    assert done.code == 1
    assert "model: none" in done.out
    assert "is not on disk" in done.out


def test_tour_without_a_terminal_answers_one_question(run, repository, model_folder):
    done = run("tour", repository, "--model", model_folder)
    assert done.code == 0
    assert "greeter: 6 files" in done.out
    assert "does not chat" in done.out
    assert "> Where is " in done.out
    assert "greeter/" in done.out.partition("> ")[2]


def test_help_lists_every_command(run):
    text = run("--help").out
    names = ("tour", "index", "watch", "status", "verify", "doctor", "focus", "complete", "ask")
    assert all(name in text for name in names)
    assert run("--version").out.startswith("megacontext ")
