import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.configs.errors import SettingsError
from megacontext.configs.keys import key_table
from megacontext.configs.loading import (
    DEFAULTS_FILE,
    default_settings,
    explain,
    load_settings,
    user_file,
)
from megacontext.configs.settings import RemoteSettings, Settings

REMOTE = "model:\n  remote:\n    base_url: http://localhost:8000/v1\n    model: coder\n"
Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))


@pytest.fixture
def repository(tmp_path) -> Path:
    return tmp_path / "repository"


@pytest.fixture
def write_repository(repository) -> Write:
    return lambda text: _write(repository / ".megacontext" / "config.yaml", text)


@pytest.fixture
def write_user() -> Write:
    return lambda text: _write(user_file(), text)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _problem(repository: Path | None = None, overrides=None, environ=None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(repository, overrides, environ or {})
    return str(caught.value)


# --- which layer wins ---------------------------------------------------------------------------


def test_without_any_layer_the_shipped_defaults_hold(repository):
    assert load_settings(repository, environ={}) == default_settings()
    assert load_settings(None, environ={}).focus.budget == 2048


@pytest.mark.parametrize("last", range(5))
def test_the_last_layer_that_sets_a_key_wins(last, repository, write_user, write_repository):
    given_layers = [
        lambda: None,
        lambda: write_user("focus: {budget: 101}"),
        lambda: write_repository("focus:\n  budget: 102"),
        lambda: environ.update(MEGACONTEXT_FOCUS__BUDGET="103"),
        lambda: flags.update({"focus.budget": 104}),
    ]
    environ: dict[str, str] = {}
    flags: dict[str, object] = {}
    for layer in given_layers[: last + 1]:
        layer()
    loaded = load_settings(repository, flags, environ)
    names = ["defaults", "user", "repository", "environment", "flags"]
    origin = {item.key: item for item in explain(loaded)}["focus.budget"]
    assert loaded.focus.budget == [2048, 101, 102, 103, 104][last]
    assert (origin.value, origin.layer) == (loaded.focus.budget, names[last])


def test_layers_are_merged_key_by_key(repository, write_user, write_repository):
    write_user("focus: {budget: 512, codec: gist}\nask: {temperature: 1}")
    write_repository("focus: {budget: 700}")
    loaded = load_settings(repository, environ={"MEGACONTEXT_MEMORY__SECRETS": "no"})
    assert (loaded.focus.budget, loaded.focus.codec) == (700, "gist")
    assert loaded.ask.temperature == 1
    assert loaded.memory.secrets is False


def test_the_environment_and_flags_take_lists_mappings_null_and_text(tmp_path):
    environ = {
        "MEGACONTEXT_MODEL__FOLDERS": f"[~/models, {tmp_path}]",
        "MEGACONTEXT_MODEL__REMOTE": "{base_url: 'http://host/v1/', model: m}",
        "MEGACONTEXT_MODEL__NAME": "",
        "PATH": "/bin",
    }
    flags = {"memory.exclude_patterns": ["a/**"], "focus.budget": None, "ask.temperature": "0.5"}
    loaded = load_settings(None, flags, environ)
    assert loaded.model.folders == (Path("~/models").expanduser(), tmp_path)
    assert loaded.model.remote == RemoteSettings(base_url="http://host/v1", model="m")
    assert loaded.model.name == "auto"
    assert loaded.memory.exclude_patterns == ("a/**",)
    assert loaded.focus.budget == 2048
    assert loaded.ask.temperature == 0.5


def test_null_in_a_later_layer_takes_a_section_away_and_keys_bring_it_back(write_user):
    write_user(REMOTE)
    assert load_settings(None, environ={}).model.remote is not None
    assert load_settings(None, {"model.remote": "null"}, {}).model.remote is None
    again = {"model.remote.base_url": "http://other", "model.remote.model": "other"}
    loaded = load_settings(None, again, {"MEGACONTEXT_MODEL__REMOTE": "null"})
    assert loaded.model.remote == RemoteSettings(base_url="http://other", model="other")


def test_a_section_whose_lines_are_all_commented_out_changes_nothing(write_user):
    write_user("focus:\n  # budget: 4\nask: {}\n")
    assert load_settings(None, environ={}).focus == default_settings().focus


def test_words_that_yaml_takes_for_truth_values_stay_words(write_user):
    write_user("memory: {gists: on}")
    assert load_settings(None, environ={}).memory.gists == "on"


def test_the_environment_of_this_process_is_read_by_default(monkeypatch):
    monkeypatch.setenv("MEGACONTEXT_FOCUS__BUDGET", "4096")
    assert load_settings(None).focus.budget == 4096


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        default_settings().focus.budget = 3  # type: ignore[misc]


# --- defaults.yaml ------------------------------------------------------------------------------


def test_defaults_hold_every_key_with_a_comment_above_it():
    lines = DEFAULTS_FILE.read_text().splitlines()
    for key in key_table():
        name = key.rpartition(".")[2]
        in_remote = key.startswith("model.remote.")
        start = "  #   " if in_remote else "  " * key.count(".")
        at = [i for i, line in enumerate(lines) if line.startswith(f"{start}{name}:")]
        assert at, f"{key} is missing"
        assert all(lines[i - 1].strip().startswith("#") for i in at), f"{key} has no comment"
    assert {item.layer for item in explain(default_settings())} == {"defaults"}


def test_the_commented_section_in_the_defaults_is_valid_and_shows_the_real_defaults():
    commented = [
        line.removeprefix("  #   ")
        for line in DEFAULTS_FILE.read_text().splitlines()
        if line.startswith("  #   ") and not line.startswith("  #   #")
    ]
    example = yaml.safe_load("\n".join(commented))
    needed = {"base_url": example["base_url"], "model": example["model"]}
    assert RemoteSettings(**example) == RemoteSettings(**needed)
    assert set(example) == set(RemoteSettings.model_fields)


# --- complaints ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("focus: {budget: lots}", ["focus.budget = 'lots'", "whole number from 64 to 1000000"]),
        ("focus: {budget: 3}", ["focus.budget = '3'", "from 64"]),
        ("focus:\n\n  codec: morse", ["focus.codec = 'morse'", "line 3", "one of text, gist"]),
        ("focus: {budgte: 3}", ["focus.budgte", "no such key", "did you mean focus.budget?"]),
        ("budget: 3", ["budget", "did you mean focus.budget or complete.budget?"]),
        ("colour: blue", ["colour", "the sections are model, memory, focus, complete, ask"]),
        ("ask: {colour: blue}", ["ask.colour", "the keys max_new_tokens, temperature"]),
        ("ask: {temperature: .nan}", ["ask.temperature = '.nan'", "a number from 0 to 2"]),
        ("ask: {temperature: null}", ["ask.temperature = null", "a number from 0 to 2"]),
        ("ask: 3", ["ask = '3'", "a section with the keys max_new_tokens, temperature"]),
        ("focus: {budget: [1, 2]}", ["focus.budget = ['1', '2']", "whole number"]),
        ("focus: {budget: {a: 1}}", ["focus.budget.a", "focus.budget?"]),
        ("memory: {gist_slots: 3}", ["memory.gist_slots = '3'", "one of 1, 2, 4, 8"]),
        ("memory: {secrets: maybe}", ["memory.secrets = 'maybe'", "true or false"]),
        ("memory: {exclude_patterns: src}", ["= 'src'", "a list such as [a, b]"]),
        ("memory: {exclude_patterns: [a, '']}", ["exclude_patterns = ['a', '']", "not empty"]),
        ("model: {folders: [models]}", ["model.folders = ['models']", "absolute path"]),
        ("model: {remote: {model: m}}", ["model.remote.base_url", "missing", "http://"]),
        ("model: {remote: {model: m, base_url: 'ftp://x'}}", ["'ftp://x'", "https://"]),
    ],
)
def test_a_wrong_key_or_value_names_itself_the_file_and_what_is_allowed(text, parts, write_user):
    path = write_user(text)
    problem = _problem()
    assert "\n" not in problem
    for part in [*parts, f"{path}, line "]:
        assert part in problem


def test_a_key_pasted_where_its_variable_belongs_is_not_shown(write_user):
    write_user(REMOTE + "    api_key_env: sk-12345\n")
    problem = _problem(environ={"MEGACONTEXT_API_KEY": "sk-12345"})
    assert "model.remote.api_key_env = (not shown)" in problem
    assert "sk-12345" not in problem


def test_wrong_variables_and_flags_are_named_as_such():
    environ = {"MEGACONTEXT_FOCUS__BUDGTE": "1", "MEGACONTEXT_ASK__TEMPERATURE": "hot"}
    problem = _problem(overrides={"focus.codec": "morse"}, environ=environ)
    assert "did you mean MEGACONTEXT_FOCUS__BUDGET?" in problem
    assert "ask.temperature = 'hot' (the variable MEGACONTEXT_ASK__TEMPERATURE)" in problem
    assert "focus.codec = 'morse' (the flags)" in problem


def test_all_problems_of_all_layers_are_told_at_once(repository, write_user, write_repository):
    write_user("focus: {budget: 1")
    write_repository("ask: {temperature: 9}\nfocos: 3")
    problem = _problem(repository, {"complete.suffix_tokens": -1}, {"MEGACONTEXT_X": "1"})
    assert problem.startswith("5 problems in the settings:\n")
    for part in ["line 1: ", "ask.temperature = '9'", "focos", "MEGACONTEXT_X", "suffix_tokens"]:
        assert part in problem


def test_true_is_no_number():
    assert "focus.rounds = True" in _problem(overrides={"focus.rounds": True})


# --- files that are no settings -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("focus:\n  budget: [1", 2, "expected ',' or ']'"),
        ("focus:\n\tbudget: 1", 2, "cannot start any token"),
        ("- a\n- b", 1, "expected `key: value` lines"),
        ("just words", 1, "expected `key: value` lines"),
        ("focus:\n  budget: 100\n  budget: 200", 3, "focus.budget stands here for the second time"),
        ("focus: &f\n  budget: 100\nask: *f", 3, "aliases"),
        ("focus:\n  budget: !!python/object/apply:os.getcwd []", 2, "tags"),
        ("? [a, b]\n: 3", 1, "a key must be a word"),
        ("memory:\n  exclude_patterns: [{a: 1}]", 2, "a list holds no mapping"),
        ("ask: {}\n---\nask: {}", 2, "but found another document"),
        ("a: b\nc: \x01", 2, "special characters"),
    ],
)
def test_broken_yaml_names_file_and_line(text, line, what, repository, write_repository):
    path = write_repository(text)
    problem = _problem(repository)
    assert f"{path}, line {line}: " in problem
    assert what in problem


def test_a_file_that_is_not_utf8_names_the_line(repository, write_repository):
    path = write_repository("")
    path.write_bytes(b"focus:\n  codec: gist\n  # caf\xe9\n")
    assert f"{path}, line 3: not UTF-8" in _problem(repository)


def test_a_huge_file_a_folder_a_pipe_and_an_endless_nesting_are_refused(tmp_path):
    for name, make in {
        "huge": lambda path: path.write_text("# " + "x" * 100_000),
        "folder": lambda path: path.mkdir(),
        "pipe": os.mkfifo,
        "device": lambda path: path.symlink_to("/dev/zero"),
        "deep": lambda path: path.write_text("[" * 30_000),
    }.items():
        path = tmp_path / name / ".megacontext" / "config.yaml"
        path.parent.mkdir(parents=True)
        make(path)
        assert str(path) in _problem(tmp_path / name)


# --- what a repository may set ------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "model: {name: ./evil}",
        "model: {remote: {base_url: 'http://evil', model: m}}",
        "model: {remote: null}",
        "model: {folders: [/]}",
        "model: {allow_download: true}",
        "memory: {secrets: false}",
    ],
)
def test_a_repository_cannot_choose_the_model_or_open_the_secrets(
    text, repository, write_repository, write_user
):
    path = write_repository(text)
    problem = _problem(repository)
    assert "a repository may not set this" in problem
    assert str(path) in problem
    assert str(user_file()) in problem


def test_a_repository_may_set_what_is_indexed_and_how_it_is_focused(repository, write_repository):
    write_repository("memory: {exclude_patterns: ['/vendor/']}\nfocus: {budget: 4096}")
    loaded = load_settings(repository, environ={})
    assert loaded.memory.exclude_patterns == ("/vendor/",)
    assert loaded.focus.budget == 4096


# --- any input ----------------------------------------------------------------------------------

yaml_like = st.text(st.sampled_from("focus: budget{}[]-#&*!|>'\"%@`\\U\n\t ,?~0123.x\x00é\ud7ff"))


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=st.one_of(yaml_like, st.text()))
def test_any_text_is_settings_or_one_settings_error(text, repository):
    path = repository / ".megacontext" / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        assert isinstance(load_settings(repository, environ={"MEGACONTEXT_FOCUS": ""}), Settings)
    except SettingsError as exc:
        assert str(exc)


@settings(max_examples=100, deadline=None)
@given(
    key=st.one_of(st.sampled_from(sorted(key_table())), st.text()),
    value=st.one_of(st.text(), st.integers(), st.booleans(), st.lists(st.text()), st.floats()),
)
def test_any_flag_is_settings_or_one_settings_error(key, value):
    try:
        assert isinstance(load_settings(None, {key: value}, {}), Settings)
    except SettingsError as exc:
        assert str(exc)


@pytest.mark.parametrize(
    "text", ['a: "\\U00110000"', "a: !<%FF> b", "? ", ": ", "{: 1}", "%YAML 9.9\n--- {}"]
)
def test_yaml_that_breaks_the_parser_itself_is_a_settings_error(text, repository, write_repository):
    write_repository(text)
    assert "config.yaml" in _problem(repository)
