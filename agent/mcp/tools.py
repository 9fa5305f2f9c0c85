"""The tools that other agents are given: names, arguments, what they answer. Knows no wire and no file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from megacontext.configs.errors import ToolError
from megacontext.models.base import Cancel

from ..tools.arguments import Argument, Understood, tool_spec, understand
from .answers import (
    Answer,
    FocusAnswer,
    OutlineAnswer,
    ReadAnswer,
    SearchAnswer,
    StatusAnswer,
)
from .lending import Lender

LEAST_BUDGET, MOST_BUDGET = 64, 200_000
_PATH = ("file", "file_path", "filepath", "filename", "folder", "directory")


@dataclass(frozen=True)
class LentTool:
    """One of them."""

    name: str
    title: str
    description: str
    arguments: Sequence[Argument]
    answers: type[BaseModel]
    ask: Callable[[Lender, Understood, Cancel], Answer]

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of its arguments."""
        return dict(tool_spec(self.name, self.description, self.arguments).parameters)

    def call(self, lender: Lender, given: Mapping[str, Any], cancel: Cancel) -> Answer:
        """Answer a call; raises ToolError, or another MegaContextError, that says how to mend it."""
        understood = understand(given, self.arguments)
        answer = self.ask(lender, understood, cancel)
        if understood.notes and not answer.notice:
            return answer.model_copy(update={"notice": f"({'; '.join(understood.notes)})"})
        return answer


def _focus(lender: Lender, given: Understood, cancel: Cancel) -> Answer:
    if not given["query"].strip():
        raise ToolError("`query` is empty; give the task or question, in words or code")
    if (budget := given["budget"]) is not None and budget > MOST_BUDGET:
        raise ToolError(f"`budget` is {budget}; give at most {MOST_BUDGET:,} tokens")
    return lender.focus(given["query"], budget)


def _search(lender: Lender, given: Understood, cancel: Cancel) -> Answer:
    if not given["query"]:
        raise ToolError("`query` is empty; give a name, words, or a piece of code")
    return lender.search(given["query"], given["path"], given["limit"], cancel)


def _read(lender: Lender, given: Understood, cancel: Cancel) -> Answer:
    return lender.read(given["path"], given["start"], given["end"], given["symbol"])


def _outline(lender: Lender, given: Understood, cancel: Cancel) -> Answer:
    return lender.outline(given["path"])


def _status(lender: Lender, given: Understood, cancel: Cancel) -> Answer:
    return lender.status()


TOOLS = (
    LentTool(
        "focus",
        "Focus on what matters",
        "What matters in this repository for a task or question, chosen from all of it and fitted into a budget of "
        "tokens: the code that matters most verbatim, its surroundings as signatures and outlines. Ask it first, with "
        "the whole question.",
        (
            Argument(
                "query", "string", "The task or question, in words or code.", required=True, text=True,
                aliases=("question", "task", "text", "q"),
            ),
            Argument(
                "budget", "integer", "Tokens that the answer may take; 2048 if not given.", least=LEAST_BUDGET,
                aliases=("tokens", "max_tokens", "limit"),
            ),
        ),
        FocusAnswer,
        _focus,
    ),
    LentTool(
        "search",
        "Search",
        "Where a name is defined, and the files and lines that hold a name, words or a piece of code, the best first.",
        (
            Argument(
                "query", "string", "A name, words, or a piece of code.", required=True,
                aliases=("text", "pattern", "q", "term", "keyword", "symbol", "name"),
            ),
            Argument("path", "string", "Look only in this file or folder.", default="", aliases=_PATH),
            Argument("limit", "integer", "Lines to show at most; 40 if not given.", default=40),
        ),
        SearchAnswer,
        _search,
    ),
    LentTool(
        "read",
        "Read lines",
        "Lines of a file as they are now, or one definition of it.",
        (
            Argument(
                "path", "string", "File, relative to the repository's root.", required=True, aliases=_PATH
            ),
            Argument(
                "start", "integer", "First line, from 1.", aliases=("start_line", "line", "from", "offset")
            ),
            Argument("end", "integer", "Last line.", aliases=("end_line", "to")),
            Argument("symbol", "string", "Name of a definition, to read it alone.", aliases=("name",)),
        ),
        ReadAnswer,
        _read,
    ),
    LentTool(
        "outline",
        "Outline",
        "What a file defines, with lines and signatures, or which files and folders a folder holds.",
        (
            Argument(
                "path", "string", "File or folder; the root of the repository if not given.", default="",
                aliases=_PATH,
            ),
        ),
        OutlineAnswer,
        _outline,
    ),
    LentTool(
        "status",
        "State of the memory",
        "How much of the repository is in memory, how fresh it is, and how many files stay out for which reason.",
        (),
        StatusAnswer,
        _status,
    ),
)  # fmt: skip
BY_NAME = {tool.name: tool for tool in TOOLS}
