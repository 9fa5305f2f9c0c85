"""The two themes of our own; those of Textual are there too. Colours only: where things stand is in `styles/`."""

from textual.theme import Theme

DARK = Theme(
    name="megacontext-dark",
    primary="#7aa2c8",
    secondary="#5c7f9e",
    accent="#d9a25f",
    warning="#d9a25f",
    error="#d9736f",
    success="#8fb573",
    foreground="#d6d9dd",
    background="#14171a",
    surface="#191d21",
    panel="#22272c",
    dark=True,
    variables={
        "level-0": "#8fb573",
        "level-1": "#c3b56a",
        "level-2": "#7aa2c8",
        "level-3": "#7d8894",
    },
)
LIGHT = Theme(
    name="megacontext-light",
    primary="#2f6390",
    secondary="#54789a",
    accent="#9a5b13",
    warning="#9a5b13",
    error="#a8322d",
    success="#3f7a2a",
    foreground="#22262a",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#e7e4dd",
    dark=False,
    variables={
        "level-0": "#3f7a2a",
        "level-1": "#85700f",
        "level-2": "#2f6390",
        "level-3": "#6b7480",
    },
)
OWN = (DARK, LIGHT)
DEFAULT = DARK.name
LEVELS = ("success", "accent", "primary", "secondary")
"""What the levels of detail look like in themes that have no colours for them."""
