"""The libraries that Visual Studio Code speaks the protocol with, where Node is there and they can be had."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from megacontext.models.language.scripted import call

ROOT = Path(__file__).parents[2]
SCENE = Path(__file__).parent / "node"
WORDS = "greeter/words.py"
INSTALL_S, WAIT_S = 100, 50
REPLIES = (
    "return WORDS[language]",
    call("edit_text", path=WORDS, old='"en": "Hello"', new='"en": "Hi"'),
    "Done.",
    "It greets.",
    "again " * 2_000,
)


@pytest.fixture(scope="session")
def libraries() -> Path:
    """A folder with the libraries and the scene; in the checkout's own cache, so that they are fetched once."""
    folder = ROOT / ".cache" / "lsp-node"
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("there is no Node")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        for name in ("package.json", "package-lock.json", "scene.mjs"):
            shutil.copy(SCENE / name, folder / name)
        if not (folder / "node_modules" / "vscode-languageserver-protocol").is_dir():
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            try:
                done = subprocess.run(
                    command, cwd=folder, capture_output=True, timeout=INSTALL_S, check=False
                )
            except subprocess.TimeoutExpired:
                pytest.skip("npm takes too long")
            if done.returncode:
                pytest.skip("npm cannot fetch the libraries")
    return folder


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
