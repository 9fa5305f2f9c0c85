"""Command lines taken apart only where nothing can hide in them."""

import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megacontext.agent.permissions.commands import possible_commands, simple_commands


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("pytest -q", ["pytest -q"]),
        ("  git status && git diff | head -5 ; ls", ["git status", "git diff", "head -5", "ls"]),
        ("grep 'a; b' \"c | d\" file", ["grep 'a; b' \"c | d\" file"]),
        ("ls *.py src/**", ["ls *.py src/**"]),
        ("make test\nmake lint", ["make test", "make lint"]),
        ("echo a & echo b", ["echo a", "echo b"]),
    ],
)
def test_plain_chains_are_their_commands(line, commands):
    assert simple_commands(line) == commands


@pytest.mark.parametrize(
    "line",
    ["echo $(rm -rf .)", "echo `id`", "cat < /etc/passwd", "echo x > y", "echo \"$HOME\"", "(cd a; ls)", "{ ls; }",
     "ls \\; rm", "echo 'open", "", "   ", "a # b", "*", "./?? x", "~/x", "echo \"a`id`\"", "cat <<E\nx\nE", "a\0b"],
)  # fmt: skip
def test_anything_else_is_not_simple(line):
    assert simple_commands(line) is None


NAMED = """
command_not_found_handle() { printf '%s\\n' "$1" >> "$OUT"; }
PATH=
"""


@settings(max_examples=60, deadline=None)
@given(st.text("aab ;&|'\"\n*=-$", max_size=10))
def test_a_shell_runs_no_program_that_a_simple_line_does_not_name(line):
    """Whatever a real shell takes for a program begins one of the commands."""
    commands = simple_commands(line)
    if commands is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "told")
        subprocess.run(
            ["bash", "--norc", "-c", f"{NAMED}{line}"],
            cwd=tempfile.gettempdir(),
            env={"OUT": str(told)},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        programs = set(told.read_text().splitlines()) if told.exists() else set()
    words = [shlex.split(command) for command in commands]
    assert programs <= {word for parts in words for word in parts[:1] if "=" not in word} | {
        word for parts in words if parts and "=" in parts[0] for word in parts
    }


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("ls; rm -rf /", "rm -rf /"),
        ("echo $(rm -rf /)", "rm -rf /"),
        ("echo `rm -rf /`", "rm -rf /"),
        ("sudo -n rm -rf /", "rm -rf /"),
        ("FOO=1 BAR=2 rm -rf /", "rm -rf /"),
        ("r\"\"m -rf '/'", "rm -rf /"),
        ("/bin/rm -rf /", "rm -rf /"),
        ("if true; then rm -rf /; fi", "rm -rf /"),
        ("find . | xargs rm -rf /", "rm -rf /"),
        ("(cd x && env rm -rf /)", "rm -rf /"),
    ],
)
def test_a_refused_command_is_found_where_it_hides(line, hidden):
    assert hidden in possible_commands(line)
