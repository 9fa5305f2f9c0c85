"""The help: keys by the part of the screen in which they hold, and commands. Made from what there is."""

from collections.abc import Iterator

from textual.binding import Binding
from textual.keys import format_key

from .. import keys
from ..commands import COMMANDS

SECTIONS = (
    ("Everywhere", (*keys.APP, *keys.MAIN)),
    ("Prompt", keys.PROMPT),
    ("Transcript", keys.TRANSCRIPT),
    ("Focus view", keys.FOCUS_MAP),
    ("When you are asked", keys.APPROVAL),
)
PROMPT_SIGNS = """\
- `/` begins a command; Tab completes it
- `@` mentions a file or a definition: it is read verbatim
- `!` runs a line of the shell, in the sandbox
"""
LEVELS = """\
Every entry of the memory is one sign; the higher, the more of it the model reads. `{0}` verbatim, `{1}` gist of a
block, `{2}` signature, `{3}` outline of a file or line of a folder, `{silent}` covered but not rendered. Files and
folders stand at the left; what has just changed stands out for a moment.
"""


def help_text(levels: tuple[str, ...], silent: str) -> str:
    """All of it as Markdown, with the signs of this terminal."""
    parts = ["## What to type", PROMPT_SIGNS]
    for title, bindings in SECTIONS:
        parts += [f"## {title}", *_lines(bindings), ""]
    parts += ["## Commands", *_commands(), ""]
    parts += ["## The focus view", LEVELS.format(*levels, silent=silent)]
    return "\n".join(parts)


def _lines(bindings: keys.Bindings | tuple[object, ...]) -> Iterator[str]:
    by_words: dict[str, list[str]] = {}
    for binding in bindings:
        assert isinstance(binding, Binding)
        by_words.setdefault(binding.description, []).extend(binding.key.split(","))
    for words, names in by_words.items():
        yield f"- **{', '.join(map(shown_key, names))}** {words}"


def shown_key(name: str) -> str:
    """A key as people write it."""
    *modifiers, key = name.split("+") if name != "plus" else ["plus"]
    return "+".join([*modifiers, format_key(key)])


def _commands() -> Iterator[str]:
    for command in COMMANDS:
        yield f"- **/{' '.join(filter(None, (command.name, command.argument)))}** {command.words}"
