"""Command lines as a shell reads them, as far as rules have to know: simple commands, or something that is not simple.

Errs on one side: what cannot be taken apart for certain is not simple, and then no pattern allows it.
"""

import re
import shlex

_SEPARATORS = ";&|\n"
_NOT_SIMPLE = "$`<>(){}#\\\r\0"
_GLOBS = frozenset("*?[]~")
_ASSIGNMENT = re.compile(r"\w+=\S*\s+")
_PREFIXES = re.compile(
    r"(?:sudo|env|exec|command|time|nohup|nice|xargs|builtin|eval|then|do|else|!)\s+(?:-\S+\s+)*"
)
_BREAKS = re.compile(r"[;&|\n`(){}<>]|\$\(")


def simple_commands(line: str) -> list[str] | None:
    """The commands of a line that is a plain chain of them; None when it substitutes, redirects or worse.

    Each is one command with its arguments as written, white space at the ends taken away.
    """
    commands = [""]
    quote = ""
    for char in line:
        if quote:
            quote = "" if char == quote else quote
            if quote == '"' and char in "$`\\":
                return None
            commands[-1] += char
        elif char in _SEPARATORS:
            commands.append("")
        elif char in _NOT_SIMPLE:
            return None
        else:
            quote = char if char in "'\"" else ""
            commands[-1] += char
    found = [command.strip() for command in commands if command.strip()]
    if quote or not found or any(_GLOBS & set(each.split()[0]) for each in found):
        return None
    return found


def possible_commands(line: str) -> set[str]:
    """Whatever in a line may be run as a command, however it is hidden: for rules that refuse.

    Best effort: a program can always run another one that no line names.
    """
    found: set[str] = set()
    for part in [line, *_BREAKS.split(line)]:
        command = part.strip()
        while (shorter := _PREFIXES.sub("", _ASSIGNMENT.sub("", command, 1), 1)) != command:
            found.add(_unquoted(command))
            command = shorter
        found |= {command, _unquoted(command)}
        words = command.split()
        if words:
            found.add(" ".join([words[0].rpartition("/")[2], *words[1:]]))
    found.discard("")
    return found


def _unquoted(command: str) -> str:
    try:
        return " ".join(shlex.split(command))
    except ValueError:
        return command
