"""What the server offers, one file a feature; each has `register(server)`, called when the client is known."""

from types import ModuleType

from . import completion, definition, hover, inline, symbols

FEATURES: tuple[ModuleType, ...] = (completion, definition, hover, inline, symbols)
