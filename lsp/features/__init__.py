"""What the server offers, one file a feature; each has `register(server)`, called when the client is known."""

from types import ModuleType

from . import actions, chat, commands, completion, definition, hover, inline, symbols

FEATURES: tuple[ModuleType, ...] = (
    actions,
    chat,
    commands,
    completion,
    definition,
    hover,
    inline,
    symbols,
)
