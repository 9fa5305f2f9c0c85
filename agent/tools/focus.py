"""`focus`: keep a file, a definition or lines before the model, or put them away."""

import re
from collections.abc import Mapping
from typing import Any

from megacontext.memory.focus import Span

from .arguments import Argument, subject_of, tool_spec, understand
from .base import Action, Cancel, Plan, Shop, ToolError, ToolResult
from .locating import locate

TARGET = Argument(
    "target", "string", "A path, a path with lines (app.py:10-40), or the name of a definition.", required=True,
    aliases=("path", "symbol", "name", "file"),
)  # fmt: skip
ARGUMENTS = (
    Argument(
        "action", "string",
        "expand: show it verbatim for now; pin: keep it verbatim; collapse: put it away; release: neither.",
        required=True, choices=("expand", "pin", "collapse", "release"), aliases=("mode", "what"),
    ),
    TARGET,
)  # fmt: skip
_WITH_LINES = re.compile(r"(?P<path>.+?):(?P<first>\d{1,7})(?:-(?P<last>\d{1,7}))?")
_TOLD = {
    "expand": "is shown verbatim from now on, as far as it fits",
    "pin": "stays before you verbatim, as far as it fits",
    "collapse": "is put away",
    "release": "is neither pinned nor put away any more",
}
MOST_NAMED = 6


class Focus:
    """Changes what the working context holds from the next step on."""

    action: Action = "read"
    spec = tool_spec(
        "focus",
        "Change which parts of the repository are before you: expand, pin, collapse or release a file, lines of it, or "
        "a definition by its name.",
        ARGUMENTS,
    )

    def subject(self, arguments: Mapping[str, Any]) -> str:
        """The target."""
        return subject_of(arguments, TARGET)

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        """Find the lines that are meant."""
        given = understand(arguments, ARGUMENTS)
        span, notes = _span(given["target"].strip("`'\" "), shop)
        return Plan(
            tool=self.spec.name,
            action=self.action,
            subject=span.path,
            summary=f"{given['action']} {_shown(span)}",
            arguments={"action": given["action"], "span": span},
            mended=(*given.notes, *notes),
        )

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        """Note the wish; the next focus follows it."""
        action, span = plan.arguments["action"], plan.arguments["span"]
        control = shop.focus
        change = {
            "expand": control.expand,
            "pin": control.pin,
            "collapse": control.collapse,
            "release": control.release,
        }
        change[action](span)
        text = f"{_shown(span)} {_TOLD[action]}."
        return ToolResult(text=text, summary=plan.summary)


def _shown(span: Span) -> str:
    whole = span == Span(span.path)
    return span.path if whole else f"{span.path}:{span.start_line}-{span.end_line}"


def _span(target: str, shop: Shop) -> tuple[Span, tuple[str, ...]]:
    lines = _WITH_LINES.fullmatch(target)
    if lines is not None:
        located = locate(shop, lines["path"])
        first = max(1, int(lines["first"]))
        return Span(located.path, first, max(first, int(lines["last"] or first))), located.notes
    symbols = _symbols(target, shop)
    if len(symbols) == 1:
        return symbols[0], ()
    if symbols:
        named = ", ".join(map(_shown, symbols[:MOST_NAMED]))
        raise ToolError(f"{target!r} may be {named}; give the path with lines")
    located = locate(shop, target)
    if (shop.root / located.path).is_dir():
        raise ToolError(f"{located.path} is a folder; give a file of it, or a definition")
    return Span(located.path), located.notes


def _symbols(name: str, shop: Shop) -> list[Span]:
    """Definitions of this name, qualified or not."""
    wanted = re.sub(r"\(.*", "", name).replace("::", ".").strip()
    if not re.fullmatch(r"[^\W\d][\w.]*", wanted):
        return []
    scope, _, last = wanted.rpartition(".")
    memory = shop.memory
    with memory.reading():
        found = [
            each
            for each in memory.catalogue.symbols_named(last)
            if not scope or f".{each.scope}".endswith(f".{scope}")
        ]
        spans = []
        for each in found:
            data = memory.read(each.path)
            if data is not None:
                first, last_line = (data.count(b"\n", 0, at) + 1 for at in (each.start, each.end))
                spans.append(Span(each.path, first, last_line))
    return list(dict.fromkeys(spans))
