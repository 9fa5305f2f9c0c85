"""The libraries that Visual Studio Code speaks the protocol with, where Node is there and they can be had."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from megacontext.models.language.scripted import call
from tests.lsp.scripted import HELD
from tests.node import fetched

ROOT = Path(__file__).parents[2]
SCENE = Path(__file__).parent / "node"
WORDS = "greeter/words.py"
WAIT_S = 120
REPLIES = (
    "return WORDS[language]",
    call("edit_text", path=WORDS, old='"en": "Hello"', new='"en": "Hi"'),
    "Done.",
    "It greets.",
    HELD,
)


@pytest.fixture(scope="session")
def libraries() -> Path:
    """A folder with the libraries and the scene."""
    return fetched(SCENE, "lsp-node", "vscode-languageserver-protocol")


def test_a_whole_session_with_the_libraries_of_vscode(repository: Path, libraries: Path):
    done = subprocess.run(
        [
            *("node", str(libraries / "scene.mjs"), str(repository), WORDS),
            *(sys.executable, "-m", "tests.lsp.scripted", *REPLIES),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["exit"] == 0
    assert told["capabilities"]["inlineCompletionProvider"] is not None
    assert "word_for(language)" in told["hover"]["contents"]["value"]
    [symbol] = told["symbols"]
    assert symbol["location"]["range"]["start"] == {"line": told["line"], "character": 4}
    assert {each["command"]["command"] for each in told["actions"]} == {
        "megacontext.explain",
        "megacontext.addTests",
        "megacontext.showFocus",
    }
    assert told["completion"]["items"][0]["insertText"].endswith("return WORDS[language]")
    assert told["command"]["applied"] is True
    [edit] = told["edits"]
    [change] = edit["documentChanges"]
    assert change["textDocument"]["version"] == 2
    assert change["edits"][0]["range"]["start"] == {"line": 3, "character": 0}
    assert edit["changeAnnotations"][change["edits"][0]["annotationId"]]["needsConfirmation"]
    assert told["chat"]["text"] == "It greets."
    assert told["progress"][-1]["event"] == "end"
    assert (told["cancelled"], told["unknown"]) == (-32800, -32601)
