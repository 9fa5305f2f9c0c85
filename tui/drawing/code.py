"""Code and differences as lines."""

from rich.syntax import Syntax
from textual.strip import Strip

from megacontext.agent.edits.change import visible

from .look import Look


def diff_lines(diff: str, width: int, look: Look, indent: int = 4) -> list[Strip]:
    """A unified diff, told by its own marks and by colour."""
    roles = {"+": "added", "-": "removed", "@": "hunk", "\\": "dim"}
    space = " " * indent
    return [
        look.line([(space + visible(line), roles.get(line[:1], "plain"))], width)
        for line in diff.rstrip("\n").split("\n")
        if not line.startswith(("--- ", "+++ "))
    ]


def code_lines(
    text: str, language: str, width: int, look: Look, indent: int = 4, first: int | None = None
) -> list[Strip]:
    """Code with its colours, folded to the width; numbered from `first` on, if given."""
    syntax = Syntax(
        visible(text).rstrip("\n"),
        language,
        theme=look.code_theme,
        word_wrap=True,
        background_color="default",
        tab_size=4,
        line_numbers=first is not None,
        start_line=first or 1,
    )
    space = look.line([(" " * indent, "plain")], indent)
    return [Strip.join([space, line]) for line in look.strips(syntax, width - indent)]


def language_of(path: str) -> str:
    """The name under which code of a file is coloured."""
    return Syntax.guess_lexer(path)
