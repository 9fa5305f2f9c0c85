"""Every path that the terminal app reads or writes, in one place."""

from pathlib import Path

from megacontext.configs.loading import user_file
from megacontext.memory.places import Places

STYLES = Path(__file__).parent / "styles"


def style_sheets() -> list[str | Path]:
    """The style sheets of the app, in the order in which they are read."""
    return [*sorted(STYLES.glob("*.tcss"))]


def prompt_history(places: Places) -> Path:
    """What was typed in this repository."""
    return places.state / "history.jsonl"


def preferences() -> Path:
    """The person's choice of theme; beside their settings, never in a repository."""
    return user_file().with_name("tui.json")
