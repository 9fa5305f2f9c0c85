"""`edit_symbol`: replace a definition by its name, or put one before or behind it."""

import re
from collections.abc import Mapping
from typing import Any

from ..edits.splicing import Place, splice
from ..edits.symbols import find_symbol, plain_name
from .arguments import Argument, subject_of, tool_spec, understand
from .base import Action, Cancel, Plan, Shop, ToolError, ToolResult
from .editing import CODE_ALIASES, carry_out, plan_edit, unwritable
from .locating import locate, open_text
from .read import PATH

SYMBOL = Argument(
    "symbol", "string", "Name of the definition, qualified if needed: Class.method.", required=True,
    aliases=("name", "symbol_name", "function", "definition", "target"),
)  # fmt: skip
ARGUMENTS = (
    SYMBOL,
    Argument(
        "code", "string", "The whole new definition, from its header to its last line.", required=True,
        aliases=CODE_ALIASES, text=True,
    ),
    Argument(
        "path", "string", "File that holds it; needed if several files define that name.",
        aliases=tuple(name for name in PATH.aliases if name != "target"),
    ),
    Argument(
        "place", "string", "replace it (the default), or put the code before or after it.",
        choices=("replace", "before", "after"), default="replace", aliases=("where", "position"),
    ),
    Argument("line", "integer", "A line of it, where the file has several of that name."),
)  # fmt: skip
_WITH_PATH = re.compile(r"(?P<path>[^\s:]+\.\w+)::?(?P<symbol>[^\s:].*)")
MOST_NAMED = 8


class EditSymbol:
    """Splices by the syntax tree; refuses what no longer parses or reaches beyond the definition."""

    action: Action = "edit"
    spec = tool_spec(
        "edit_symbol",
        "Replace a function, method, class or other definition by its name. Write all of the new definition. Refused "
        "if the file would no longer parse.",
        ARGUMENTS,
    )

    def subject(self, arguments: Mapping[str, Any]) -> str:
        """The file, or the name."""
        return subject_of(arguments, ARGUMENTS[2], SYMBOL)

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        """Find the definition and compute the file with the new one."""
        given = understand(_apart(arguments), ARGUMENTS)
        name, place = given["symbol"], given["place"]
        path, notes = _file(shop, name, given["path"])
        opened = open_text(shop, path)
        if (refusal := unwritable(opened.path, opened.mode)) is not None:
            raise refusal
        symbol = find_symbol(opened.path, opened.data, name, given["line"])
        spliced = splice(opened.path, opened.data, symbol, given["code"], place)
        verb: dict[Place, str] = {
            "replace": "replace",
            "before": "add before",
            "after": "add after",
        }
        return plan_edit(
            self.spec.name,
            shop,
            opened.path,
            opened.data,
            spliced.data,
            f"{verb[place]} {symbol.qualified} in {opened.path}",
            (*given.notes, *notes, *opened.notes, *spliced.notes),
            given.values | {"path": opened.path, "symbol": symbol.qualified},
        )

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        """Write the file."""
        return carry_out(plan, shop, cancel)


def _apart(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Arguments in which a symbol such as `app.py::Class.method` is taken apart."""
    symbol = arguments.get("symbol")
    found = _WITH_PATH.fullmatch(symbol.strip()) if isinstance(symbol, str) else None
    if found is None:
        return arguments
    return {"path": found["path"], **arguments, "symbol": found["symbol"]}


def _file(shop: Shop, name: str, path: str | None) -> tuple[str, tuple[str, ...]]:
    """The file that is given, or the one that defines the name."""
    if path:
        located = locate(shop, path)
        return located.path, located.notes
    scope, _, last = plain_name(name).rpartition(".")
    with shop.memory.reading():
        found = [
            each
            for each in shop.memory.catalogue.symbols_named(last)
            if not scope or f".{each.scope}".endswith(f".{scope}")
        ]
    paths = list(dict.fromkeys(each.path for each in found))
    if len(paths) == 1:
        return paths[0], ()
    if paths:
        named = ", ".join(f"{each.path}:{each.line}" for each in found[:MOST_NAMED])
        raise ToolError(f"{name!r} is defined in several files: {named}; give `path`")
    raise ToolError(f"nothing called {name!r} is defined in the repository; look with `search`")
