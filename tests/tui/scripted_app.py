"""`python -m tests.tui.scripted_app ROOT`: the app on a real terminal, with a model that plays one task.

F12 is a fault of the program, to see what becomes of the terminal.
"""

import sys
from pathlib import Path

from textual.binding import Binding

from megacontext.agent.opening import Workplace
from megacontext.models.language.scripted import ScriptedModel, call
from megacontext.tui import app
from megacontext.tui.app import MegaContextApp
from tests.patience import PATIENCE_S

REPLIES = (
    call(
        "edit_text",
        path="greeter/words.py",
        old='"de": "Hallo"',
        new='"de": "Hallo", "fr": "Bonjour"',
    ),
    "French is there now, in greeter/words.py:3.",
)


class FaultyApp(MegaContextApp):
    """Can be made to fail."""

    BINDINGS = [Binding("f12", "fail", priority=True)]  # noqa: RUF012

    def action_fail(self) -> None:
        raise RuntimeError("a fault of the program")


def main() -> int:
    # Between two keys of a test more may pass than between two of a person.
    app.TWICE_S = PATIENCE_S
    settings = {"model.name": "pocket", "model.device": "cpu", "memory.gists": "off"}
    workplace = Workplace.at(Path(sys.argv[1]), settings)
    return FaultyApp(workplace, model=ScriptedModel(REPLIES)).on_terminal()


if __name__ == "__main__":
    sys.exit(main())
