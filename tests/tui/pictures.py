"""`python -m tests.tui.pictures [FOLDER]`: the pictures of the terminal app in the README, made from the real thing.

The repository is a clone of this one, the answers are pocket's; only the edit is from a script, since pocket does not
chat. Look at the pictures before you keep them.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.models.language.scripted import call
from megacontext.tui.widgets.focus import FocusMap

from .stage import NARROW, Scene, Stage, play

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
SIZE = (130, 36)
QUESTION = "Where is FocusQuery defined, and what uses it?"
EDIT = (
    "The description of `text` speaks of a place; I name the field that holds it.\n\n",
    call(
        "edit_text",
        path="memory/focus/query.py",
        old='"""The question or task, in words; "" when only the place matters."""',
        new='"""The question or task, in words; "" when only the place (`at`) matters."""',
    ),
)


def main(folder: Path) -> None:
    """Draw all of them."""
    with TemporaryDirectory() as name:
        os.environ["XDG_CONFIG_HOME"] = name
        repository = Path(name, "megacontext")
        clone = ["git", "clone", "--quiet", "--depth=1", "--branch=main", ROOT.as_uri()]
        subprocess.run([*clone, str(repository)], check=True)
        for scene, model, size in (
            (_answer(folder), None, SIZE),
            (_focus(folder), None, NARROW),
            (_approval(folder), ["".join(EDIT)], SIZE),
        ):
            _draw(repository, scene, model, size)


def _draw(
    repository: Path, scene: Scene, model: Sequence[str] | None, size: tuple[int, int]
) -> None:
    play(repository, scene, model, size=size, patience_s=300.0)


def _save(stage: Stage, path: Path) -> None:
    drawn = stage.app.export_screenshot()
    assert "models/pocket" not in drawn, "a picture shows a folder of this machine"
    path.write_text(drawn, encoding="utf-8")


async def _ask(stage: Stage) -> None:
    await stage.send(QUESTION)
    await stage.settled()
    await stage.shows("class FocusQuery")


def _answer(folder: Path) -> Scene:
    async def scene(stage: Stage) -> None:
        await _ask(stage)
        _save(stage, folder / "tui-answer.svg")

    return scene


def _focus(folder: Path) -> Scene:
    async def scene(stage: Stage) -> None:
        await _ask(stage)
        await stage.press("ctrl+f")
        await stage.shows("L0 verbatim", "class FocusQuery")
        _save(stage, folder / "tui-focus.svg")

    return scene


def _approval(folder: Path) -> Scene:
    async def scene(stage: Stage) -> None:
        await stage.send("/clear")
        await stage.send("say in FocusQuery which place is meant")
        await stage.asked()
        await stage.shows("Allow edit_text", "(`at`)")
        await stage.until(lambda: stage.main.query_one(FocusMap).entries)
        _save(stage, folder / "tui-approval.svg")
        await stage.press("escape")
        await stage.settled()

    return scene


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
