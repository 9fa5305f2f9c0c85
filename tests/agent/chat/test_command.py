"""`megacontext chat`: what is asked of it on the command line, without running the program."""

import pytest
from typer.testing import CliRunner

from megacontext.agent.main import app


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-p", ""], "the message is empty"),
        (["-p", "-"], "the message is empty"),
        (["-p", "x", "--continue", "--resume", "y"], "give one of"),
        (["-p", "x", "--pick", "--continue"], "give one of"),
        (["-p", "x", "--pick"], "no session yet"),
        (["-p", "x", "--fork"], "name it with"),
        (["--output", "json"], "are for -p"),
        (["--mode", "allow"], "are for -p"),
        (["-p", "x", "--max-turns", "0"], "--max-turns"),
        ([], "without a terminal"),
    ],
)
def test_misuse_is_told_before_anything_is_opened(tmp_path, arguments, told):
    outcome = CliRunner(env={"TERMINAL_WIDTH": "300"}).invoke(
        app, ["chat", "--repo", str(tmp_path), *arguments]
    )
    assert outcome.exit_code == 2
    assert told in " ".join(outcome.output.split())
    assert list(tmp_path.iterdir()) == []
