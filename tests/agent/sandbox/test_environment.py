"""Which variables programs see."""

import pytest

from megacontext.agent.sandbox.environment import environment


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("OPENAI_API_KEY", "x"),
        ("SSH_AUTH_SOCK", "/tmp/agent"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/x"),
        ("LD_PRELOAD", "/evil.so"),
        ("BASH_ENV", "/evil"),
        ("PROMPT_COMMAND", "evil"),
        ("GIT_SSH_COMMAND", "evil"),
        ("GIT_DIR", "/elsewhere"),
        ("MEGACONTEXT_MODEL__NAME", "x"),
        ("ANYTHING", "x"),
        ("BASH_FUNC_ls%%", "() { evil; }"),
    ],
)
def test_what_is_not_on_the_list_is_not_seen(name, value):
    assert name not in environment({name: value})


def test_what_programs_need_is_seen():
    outer = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "LANG": "C", "VIRTUAL_ENV": "/v"}
    assert environment(outer).items() >= outer.items()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PYTHONPATH", "https://user:password@example.org/simple"),
        ("GOFLAGS", "ghp_" + "a" * 36),
        ("MY_TOKEN", "x"),
        ("DB_PASSWORD", "x"),
        ("service_auth", "x"),
    ],
)
def test_no_secret_passes_under_any_name(name, value):
    assert name not in environment({name: value}, further=[name])


def test_further_variables_pass_if_they_hold_no_secret():
    assert environment({"MY_FLAG": "1"}, further=["MY_FLAG"])["MY_FLAG"] == "1"


def test_nothing_waits_for_a_person():
    seen = environment({"PAGER": "less", "TERM": "xterm", "EDITOR": "vim"}, scratch="/tmp/x")
    assert (seen["PAGER"], seen["TERM"], seen["EDITOR"]) == ("cat", "dumb", "true")
    assert seen["TMPDIR"] == "/tmp/x"
