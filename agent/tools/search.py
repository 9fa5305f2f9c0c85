"""`search`: definitions, file names and lines that hold what is looked for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from megacontext.memory.catalogue import SymbolRecord

from ..sandbox.shown import bounded
from .arguments import Argument, subject_of, tool_spec, understand
from .base import Action, Cancel, Plan, Shop, ToolError, ToolResult
from .finding import MOST_LINES, Line, find
from .read import numbered

QUERY = Argument(
    "query", "string", "A name, words, or a piece of code.", required=True,
    aliases=("text", "pattern", "q", "term", "keyword", "symbol", "name"),
)  # fmt: skip
ARGUMENTS = (
    QUERY,
    Argument(
        "path", "string", "Look only in this file or folder.", aliases=("folder", "directory", "in")
    ),
    Argument("limit", "integer", "Lines to show at most; 40 if not given.", default=40),
)


class Search:
    """Looks in the index, checked against the files as they are."""

    action: Action = "read"
    spec = tool_spec(
        "search",
        "Find definitions, files and lines in the repository by a name, by words or by a piece of code. Best first, "
        "each as path and line.",
        ARGUMENTS,
    )

    def subject(self, arguments: Mapping[str, Any]) -> str:
        """What is looked for."""
        return subject_of(arguments, QUERY)

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        """Check the arguments."""
        given = understand(arguments, ARGUMENTS)
        if not given["query"]:
            raise ToolError("`query` is empty; give a name, words, or a piece of code")
        below = (given["path"] or "").strip("`'\" ").removeprefix("./").strip("/")
        below = "" if below == "." else below
        return Plan(
            tool=self.spec.name,
            action=self.action,
            subject=given["query"],
            summary=f"search {given['query']!r}" + (f" in {below}" if below else ""),
            arguments={
                "query": given["query"],
                "path": below,
                "limit": min(given["limit"], MOST_LINES),
            },
            mended=given.notes,
        )

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        """Look."""
        query, below, limit = (plan.arguments[key] for key in ("query", "path", "limit"))
        found = find(shop.memory, query, below, limit, cancel)
        parts = []
        if found.symbols:
            parts.append("Definitions:\n" + "\n".join(map(_described, found.symbols[:20])))
        if found.files:
            parts.append("Files:\n" + "\n".join(found.files[:20]))
        if found.lines:
            parts.append("Lines:\n" + "\n".join(_by_file(found.lines)))
        if not found:
            where = f" in {below}" if below else ""
            text = f"Nothing found for {query!r}{where}. Try one word of it, or another name."
            return ToolResult(text=text, summary="nothing found", ok=False)
        counts = (
            f"{len(found.symbols)} definitions, {len(found.files)} files, {len(found.lines)} lines"
        )
        text = bounded("\n\n".join(parts), shop.settings.tools.output_chars)
        return ToolResult(text=text, summary=f"found {counts}")


def _described(symbol: SymbolRecord) -> str:
    return f"{symbol.path}:{symbol.line}: {symbol.signature or symbol.name}"


def _by_file(lines: Sequence[Line]) -> Iterator[str]:
    """Lines under the path of their file, in order."""
    files: dict[str, list[Line]] = {}
    for hit in lines:
        files.setdefault(hit[0], []).append(hit)
    for path, hits in files.items():
        yield path
        yield from (numbered(number, line.rstrip("\r")) for _, number, line in sorted(hits))
