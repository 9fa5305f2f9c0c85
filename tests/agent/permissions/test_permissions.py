"""Rules and modes: what is allowed, asked about and refused, and why."""

import pytest

from megacontext.agent.permissions.asking import Rule
from megacontext.agent.permissions.permissions import MODES, Permissions
from megacontext.agent.permissions.rules import fits, offered, read_rule
from megacontext.configs.errors import SettingsError
from megacontext.configs.loading import load_settings

from .conftest import call_plan, edit_plan, read_plan, run_plan


def allow(text: str) -> Rule:
    return read_rule(text, "allow", "permissions.allow")


def deny(text: str) -> Rule:
    return read_rule(text, "deny", "permissions.deny")


def ask(text: str) -> Rule:
    return read_rule(text, "ask", "permissions.ask")


@pytest.mark.parametrize(
    ("mode", "read", "edit", "run"),
    [
        ("ask", "allow", "ask", "ask"),
        ("accept-edits", "allow", "allow", "ask"),
        ("plan", "allow", "deny", "deny"),
        ("allow", "allow", "allow", "allow"),
    ],
)
def test_modes(mode, read, edit, run):
    permissions = Permissions(mode=mode)
    assert permissions.decide(read_plan("a.py")).decision == read
    assert permissions.decide(edit_plan("a.py")).decision == edit
    assert permissions.decide(run_plan("ls")).decision == run


@pytest.mark.parametrize("mode", MODES)
def test_what_a_rule_refuses_no_mode_and_no_session_allows(mode):
    permissions = Permissions([allow("*"), deny("run(rm *)"), deny("edit(secret/)")], mode)
    permissions.allow(Rule("*", "", "allow"))
    for plan in (
        run_plan("ls; sudo rm -rf /"),
        edit_plan("secret/deep/x"),
        edit_plan("a", "secret/x"),
    ):
        assert permissions.decide(plan).decision == "deny"
        assert "rule" in permissions.decide(plan).why


def test_plan_mode_is_above_rules_that_allow():
    permissions = Permissions([allow("run(ls)"), allow("edit")], "plan")
    permissions.allow(Rule("run", "ls", "allow"))
    assert permissions.decide(run_plan("ls")).decision == "deny"
    assert permissions.decide(edit_plan("a.py")).decision == "deny"
    permissions.mode = "ask"
    assert permissions.decide(run_plan("ls")).decision == "allow"


def test_the_session_is_above_rules_that_ask_and_those_above_rules_that_allow():
    permissions = Permissions([allow("run(make *)"), ask("run(make deploy)")])
    assert permissions.decide(run_plan("make")).decision == "allow"
    assert permissions.decide(run_plan("make deploy")).decision == "ask"
    permissions.allow(Rule("run", "make deploy", "allow"))
    assert permissions.decide(run_plan("make deploy")).decision == "allow"
    assert permissions.session == (Rule("run", "make deploy", "allow"),)


@pytest.mark.parametrize(
    ("rule", "line", "fit"),
    [
        ("run(pytest *)", "pytest", True),
        ("run(pytest *)", "pytest -q tests", True),
        ("run(pytest *)", "pytest2", False),
        ("run(pytest *)", "pytest -q && pytest -x", True),
        ("run(pytest *)", "pytest; rm -rf .", False),
        ("run(pytest *)", "pytest $(rm -rf .)", False),
        ("run(pytest *)", "pytest > /etc/passwd", False),
        ("run(pytest *)", "pytest\nrm x", False),
        ("run(pytest *)", "FOO=1 pytest", False),
        ("run(git status)", "git status", True),
        ("run(git status)", "git status -s", False),
        ("run(echo $HOME > x)", "echo $HOME > x", True),
        ("run(echo $HOME > x)", "echo $HOME > y", False),
        ("run(*)", "anything at all", True),
        ("run(*)", "a $(b)", False),
        ("run", "a $(b)", True),
    ],
)
def test_patterns_of_commands_let_nothing_else_pass(rule, line, fit):
    assert fits(allow(rule), run_plan(line)) is fit


@pytest.mark.parametrize(
    ("rule", "path", "fit"),
    [
        ("edit(src/**)", "src/a/b.py", True),
        ("edit(src/**)", "other/src/b.py", False),
        ("edit(*.md)", "docs/a.md", True),
        ("edit(/docs/)", "docs/a.md", True),
        ("edit(/docs/)", "x/docs/a.md", False),
        ("write(src/**)", "src/a.py", True),
        ("edit_text(src/**)", "src/a.py", False),
        ("*(src/**)", "src/a.py", True),
        ("run(src/**)", "src/a.py", False),
        ("edit", "anything", True),
    ],
)
def test_patterns_of_paths_are_those_of_gitignore(rule, path, fit):
    assert fits(allow(rule), edit_plan(path)) is fit


def test_an_edit_of_several_files_is_allowed_for_all_and_refused_for_any():
    plan = edit_plan("src/a", "other/b")
    assert not fits(allow("edit(src/)"), plan)
    assert fits(deny("edit(src/)"), plan)


@pytest.mark.parametrize("text", ["", "run(", "Run(x)", "run x", "(x)", "edit(a)b"])
def test_a_rule_that_is_none_is_named_with_its_key(text):
    with pytest.raises(SettingsError, match=r"permissions\.allow"):
        allow(text)


def test_files_that_act_by_themselves_are_asked_about_in_accept_edits():
    permissions = Permissions(mode="accept-edits", guarded=["AGENTS.md", ".github/workflows/"])
    for path in ("AGENTS.md", "sub/agents.md", ".github/workflows/ci.yml"):
        verdict = permissions.decide(edit_plan(path))
        assert verdict.decision == "ask"
        assert path in verdict.why
    permissions.allow(Rule("edit", "AGENTS.md", "allow"))
    assert permissions.decide(edit_plan("AGENTS.md")).decision == "allow"


@pytest.mark.parametrize(
    ("line", "wider"),
    [
        ("pytest -q tests/a.py", "pytest *"),
        ("python -m pytest -q", "python -m pytest *"),
        ("git status --short", "git status *"),
        ("npm run build", "npm run *"),
        ("./scripts/check x", "./scripts/check *"),
        ("python setup.py", None),
        ("bash -c 'rm x'", None),
        ("sudo ls", None),
        ("rm x", None),
        ("/bin/rm x", None),
        ("git -C / status", None),
        ("a; b", None),
        ("a > b", None),
        ("FOO=1 pytest", None),
        ("'py'test x", None),
    ],
)
def test_wider_rules_are_offered_only_where_they_say_what_runs(line, wider):
    rules = offered(run_plan(line))
    assert rules[0] == Rule("run", line, "allow")
    assert [rule.pattern for rule in rules[1:]] == ([wider] if wider else [])
    assert all(fits(rule, run_plan(line)) for rule in rules)


@pytest.mark.parametrize("plan", [edit_plan("a/b.py"), read_plan("a/b.py"), run_plan("x y", tool="check")])  # fmt: skip
def test_what_is_offered_fits_and_then_lets_it_pass(plan):
    permissions = Permissions([ask("*")])
    for rule in permissions.request("1", plan, permissions.decide(plan)).always:
        again = Permissions([ask("*")])
        again.allow(rule)
        assert again.decide(plan).decision == "allow"


def test_settings_become_rules(tmp_path):
    settings = load_settings(
        None,
        {
            "permissions.deny": "[run(curl *)]",
            "permissions.allow": "[run(ls), search]",
            "permissions.mode": "accept-edits",
        },
        environ={},
    )
    permissions = Permissions.of(settings, trusted=False)
    assert permissions.decide(run_plan("curl x")).decision == "deny"
    assert permissions.decide(run_plan("ls")).decision == "allow"
    assert permissions.decide(edit_plan("x")).decision == "allow"
    assert permissions.decide(edit_plan(".envrc")).decision == "ask"
    assert Permissions.of(settings, trusted=False, mode="plan").mode == "plan"


@pytest.mark.parametrize("layer", ["repository", "user"])
@pytest.mark.parametrize("trusted", [False, True])
def test_checks_of_a_repository_run_only_where_it_is_trusted(tmp_path, layer, trusted):
    overrides = {}
    if layer == "repository":
        (tmp_path / ".megacontext").mkdir()
        (tmp_path / ".megacontext" / "config.yaml").write_text("tools: {checks: [make check]}")
    else:
        overrides["tools.checks"] = "[make check]"
    settings = load_settings(tmp_path, overrides, environ={})
    permissions = Permissions.of(settings, trusted=trusted)
    verdict = permissions.decide(run_plan("make check", tool="check"))
    assert verdict.decision == ("allow" if trusted or layer == "user" else "ask")


@pytest.mark.parametrize(
    "line",
    ["permissions: {mode: accept-edits}", "permissions: {allow: [run]}", "permissions: {deny: []}",
     "permissions: {guarded: []}", "sandbox: {network: true}", "sandbox: {kind: none}",
     "sandbox: {writable: [/]}", "tools: {commit: true}", "tools: {undo_mb: 1}"],
)  # fmt: skip
def test_a_repository_loosens_nothing(tmp_path, line):
    (tmp_path / ".megacontext").mkdir()
    (tmp_path / ".megacontext" / "config.yaml").write_text(line)
    with pytest.raises(SettingsError, match="a repository may not set this"):
        load_settings(tmp_path, environ={})


def test_allowing_everything_cannot_be_a_setting():
    with pytest.raises(SettingsError, match="one of ask, accept-edits, plan"):
        load_settings(None, {"permissions.mode": "allow"}, environ={})


@pytest.mark.parametrize("mode", MODES)
def test_what_was_refused_for_the_session_stays_refused(mode):
    permissions = Permissions([allow("run")], mode)
    permissions.allow(Rule("run", "", "allow"))
    permissions.refuse(Rule("run", "rm *", "allow"))
    assert permissions.decide(run_plan("ls && rm x")).decision == "deny"
    assert mode == "plan" or permissions.decide(run_plan("ls")).decision == "allow"


@pytest.mark.parametrize(
    ("mode", "decision"),
    [("ask", "ask"), ("accept-edits", "ask"), ("plan", "deny"), ("allow", "allow")],
)
def test_tools_of_other_servers_are_asked_about(mode, decision):
    assert Permissions(mode=mode).decide(call_plan("files_read", "{}")).decision == decision


def test_a_tool_of_another_server_is_allowed_by_its_name_and_by_no_pattern():
    plan = call_plan("files_read2", '{"path": "a"}')
    (offer,) = offered(plan)
    assert offer == Rule("files_read2", "", "allow")
    assert fits(offer, plan)
    assert not fits(Rule("files_read2", "*", "allow"), plan)
    assert not fits(Rule("run", "", "allow"), plan)
    assert fits(allow("files_read2"), plan)
