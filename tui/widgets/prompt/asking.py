"""What stands before the cursor and could be completed. Knows text alone."""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["command", "argument", "mention"]
MENTION = re.compile(r"(?:^|(?<=[\s(\[\"'`]))@(?P<query>[\w./+:-]*)$")
COMMAND = re.compile(r"/(?P<query>[a-z]*)$")
ARGUMENT = re.compile(r"/(?P<command>[a-z]+) +(?P<query>.*)$", re.DOTALL)


@dataclass(frozen=True)
class Ask:
    """Something to complete, and where it begins."""

    kind: Kind
    query: str
    start: int
    """Index in the text at which what is completed begins."""
    command: str = ""


def ask_at(before: str) -> Ask | None:
    """What the text before the cursor asks to be completed; None when nothing."""
    if found := COMMAND.match(before):
        return Ask("command", found["query"], 0)
    if found := ARGUMENT.match(before):
        return Ask("argument", found["query"], found.start("query"), found["command"])
    if found := MENTION.search(before):
        return Ask("mention", found["query"], found.start())
    return None
