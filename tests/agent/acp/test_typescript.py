"""The official TypeScript client of the protocol, where Node is there and its package can be had."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from tests.agent.acp.conftest import COMMAND, EDIT, ROOT, WAIT_S, environment

SDK = Path(__file__).parent / "sdk"
INSTALL_S = 100


@pytest.fixture(scope="session")
def sdk() -> Path:
    """A folder with the client and the scene; in the checkout's own cache, so that it is fetched once."""
    folder = ROOT / ".cache" / "acp-sdk"
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("there is no Node")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        for name in ("package.json", "package-lock.json", "scene.mjs"):
            shutil.copy(SDK / name, folder / name)
        if not (folder / "node_modules" / "@agentclientprotocol").is_dir():
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            try:
                done = subprocess.run(
                    command, cwd=folder, capture_output=True, timeout=INSTALL_S, check=False
                )
            except subprocess.TimeoutExpired:
                pytest.skip("npm takes too long")
            if done.returncode:
                pytest.skip("npm cannot fetch the client")
    return folder


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
