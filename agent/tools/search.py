"""`search`: definitions, file names and lines that hold what is looked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from megacontext.memory.catalogue import SymbolRecord

from ..packs.reading import DATA
from ..sandbox.shown import bounded
from .arguments import Argument, subject_of, tool_spec, understand
from .base import Action, Cancel, Plan, Shop, ToolError, ToolResult
from .finding import MOST_LINES, Findings, Line, find
from .read import numbered

QUERY = Argument(
    "query", "string", "A name, words, or a piece of code.", required=True,
    aliases=("text", "pattern", "q", "term", "keyword", "symbol", "name"),
)  # fmt: skip
ARGUMENTS = (
    QUERY,
    Argument(
        "path",
        "string",
        "Look only in this file, folder or pack.",
        aliases=("folder", "directory", "in"),
    ),
    Argument("limit", "integer", "Lines to show at most; 40 if not given.", default=40),
)


NOTHING = Findings((), (), ())
MOST_NAMED = 20


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
        place = shop.packs.place(below) if below else None
        found = NOTHING if place else find(shop.memory, query, below, limit, cancel)
        parts, all_found = list(_parts(found)), [found]
        if place or not below:
            names_only = bool(found)
            for memory, held in shop.packs.find(query, place, limit, cancel, names_only=names_only):
                parts.append(f"[{DATA.format(label=memory.label)}]")
                parts += _parts(_labelled(held, memory.label))
                all_found.append(held)
        if not parts:
            where = f" in {below}" if below else ""
            text = f"Nothing found for {query!r}{where}. Try one word of it, or another name."
            return ToolResult(text=text, summary="nothing found", ok=False)
        counts = ", ".join(
            f"{sum(len(getattr(each, kind)) for each in all_found)} {what}"
            for kind, what in (("symbols", "definitions"), ("files", "files"), ("lines", "lines"))
        )
        text = bounded("\n\n".join(parts), shop.settings.tools.output_chars)
        return ToolResult(text=text, summary=f"found {counts}")


def _parts(found: Findings) -> Iterator[str]:
    if found.symbols:
        yield "Definitions:\n" + "\n".join(map(_described, found.symbols[:MOST_NAMED]))
    if found.files:
        yield "Files:\n" + "\n".join(found.files[:MOST_NAMED])
    if found.lines:
        yield "Lines:\n" + "\n".join(_by_file(found.lines))


def _labelled(found: Findings, label: str) -> Findings:
    """Findings of a pack with paths as they are shown."""
    return Findings(
        tuple(replace(each, path=f"{label}/{each.path}") for each in found.symbols),
        tuple(f"{label}/{path}" for path in found.files),
        tuple((f"{label}/{path}", number, line) for path, number, line in found.lines),
    )


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
