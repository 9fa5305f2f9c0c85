"""What a person likes the app to look like, kept beside their settings. Knows no widget."""

import json
from contextlib import suppress

from ..locations import preferences


def kept_theme() -> str | None:
    """The theme that was chosen before."""
    try:
        name = json.loads(preferences().read_text("utf-8"))["theme"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def keep_theme(name: str) -> None:
    """Begin with this theme from now on, if it can be written down."""
    path = preferences()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"theme": name}) + "\n", "utf-8")
