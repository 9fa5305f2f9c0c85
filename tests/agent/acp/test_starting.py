"""What starting costs an editor."""

import json
import subprocess
import sys

from tests.agent.acp.conftest import environment
from tests.agent.acp.test_cancelling import lines, request

COMMAND = ("-m", "megacontext.agent.main", "acp", "--model", "pocket", "--codec", "text")


def test_no_torch_is_loaded_before_a_model_is_asked(root, tmp_path):
    imports = tmp_path / "imports"
    with (
        imports.open("wb") as told,
        subprocess.Popen(
            [sys.executable, "-X", "importtime", *COMMAND],
            env=environment(root),
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
        ) as process,
    ):
        process.stdin.write(
            lines(
                request(1, "initialize", protocolVersion=1),
                request(2, "session/new", cwd=str(root), mcpServers=[]),
                request(3, "session/list", cwd=str(root)),
            )
        )
        process.stdin.flush()
        answers = (json.loads(line) for line in process.stdout)
        assert "result" in next(each for each in answers if each.get("id") == 2)
    imported = {line.rpartition("|")[2].strip() for line in imports.read_text().splitlines()}
    assert "tokenizers" in imported
    assert not {"torch", "transformers"} & imported
