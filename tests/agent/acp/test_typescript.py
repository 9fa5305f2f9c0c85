"""The official TypeScript client of the protocol, where Node is there and its package can be had."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.agent.acp.conftest import COMMAND, EDIT, WAIT_S, environment
from tests.node import fetched

SDK = Path(__file__).parent / "sdk"


@pytest.fixture(scope="session")
def sdk() -> Path:
    """A folder with the client and the scene."""
    return fetched(SDK, "acp-sdk", "@agentclientprotocol")


def test_a_whole_session_with_the_official_client(root, sdk):
    done = subprocess.run(
        ["node", str(sdk / "scene.mjs"), str(root), EDIT, *COMMAND],
        env=environment(root),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    path = str(root / "greeter/words.py")
    assert (told["version"], told["exit"]) == (1, 0)
    assert told["modes"] == ["ask", "accept-edits", "plan"]
    assert (told["edited"], told["cancelled"]) == ("end_turn", "cancelled")
    assert told["asked"][0][0] == "allow_once"
    assert path in told["diffs"]
    assert told["written"] == [path]
    assert len(told["listed"]) == 1
    assert told["replayed"]
    assert told["unknown"] == -32602
    assert {"tool_call", "tool_call_update", "agent_message_chunk", "usage_update"} <= set(
        told["updates"]
    )
