"""`read`: lines of a file, with their numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..edits.change import visible
from ..edits.matching import Lines
from ..edits.symbols import find_symbol, first_line, last_line
from ..edits.text_file import TextFile
from ..sandbox.shown import LONGEST_LINE
from .arguments import Argument, subject_of, tool_spec, understand
from .base import Action, Cancel, Plan, Shop, ToolError, ToolResult
from .locating import Opened, locate, open_text

if TYPE_CHECKING:
    from ..packs.reading import PackPlace

PATH = Argument(
    "path", "string", "File, relative to the repository's root.", required=True,
    aliases=("file", "file_path", "filepath", "filename", "file_name", "target"),
)  # fmt: skip
ARGUMENTS = (
    PATH,
    Argument(
        "start", "integer", "First line, from 1.", least=0,
        aliases=("start_line", "first", "from", "line", "offset"),
    ),
    Argument("end", "integer", "Last line.", least=0, aliases=("end_line", "last", "to")),
    Argument("symbol", "string", "Name of a definition, to read it alone.", aliases=("name",)),
)  # fmt: skip
_WITH_LINES = re.compile(r"(?P<path>.+?):(?P<first>\d{1,7})(?:[-:](?P<last>\d{1,7}))?")
MOST_NAMES = 200


class Read:
    """Shows lines of a file, a definition in it, or the names in a folder."""

    action: Action = "read"
    spec = tool_spec(
        "read",
        "Read lines of a file, numbered. Without start and end it reads from the beginning. With `symbol` it reads "
        "that definition. The path of a folder gives the names in it. Files of packs are read by the paths that are "
        "shown of them.",
        ARGUMENTS,
    )

    def subject(self, arguments: Mapping[str, Any]) -> str:
        """The path."""
        return subject_of(arguments, PATH)

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        """Find the file and the lines."""
        given = understand(_with_lines(arguments, shop), ARGUMENTS)
        values = dict(given.values)
        if values["path"].strip("`'\" ") in {".", "./", "/", ""} or _is_root(shop, values["path"]):
            return self._plan("", values, given.notes)
        if (place := shop.packs.place(values["path"])) is not None:
            return self._plan(place.shown, values, given.notes)
        located = locate(shop, values["path"])
        return self._plan(located.path, values, (*given.notes, *located.notes))

    def _plan(self, path: str, values: dict[str, Any], notes: tuple[str, ...]) -> Plan:
        about = f" {values['symbol']}" if values["symbol"] else ""
        return Plan(
            tool=self.spec.name,
            action=self.action,
            subject=path or ".",
            summary=f"read {path or 'the root'}{about}",
            arguments=values | {"path": path},
            mended=notes,
        )

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        """Read."""
        path = plan.arguments["path"]
        if (place := shop.packs.place(path)) is not None:
            return _of_pack(place, plan, shop)
        if not path or (shop.root / path).is_dir():
            return _folder(path, shop)
        opened = open_text(shop, path)
        first, last = _range(plan.arguments, opened)
        return _shown(opened, first, last, plan, shop)


def _of_pack(place: "PackPlace", plan: Plan, shop: Shop) -> ToolResult:
    """Lines of a pack's file, or the names in its folder, marked as what they are."""
    if names := shop.packs.names(place):
        return _names(names, place.shown)
    data = shop.packs.read(place)
    opened = Opened(place.shown, data, 0, TextFile.of(place.shown, data))
    shown = _shown(opened, *_range(plan.arguments, opened), plan, shop)
    return replace(shown, text=f"[{place.notice}]\n{shown.text}")


def _is_root(shop: Shop, path: str) -> bool:
    return path.rstrip("/") == str(shop.root)


def _with_lines(arguments: Mapping[str, Any], shop: Shop) -> Mapping[str, Any]:
    """Arguments in which a path such as `app.py:10-20` is taken apart."""
    path = arguments.get("path")
    found = _WITH_LINES.fullmatch(path.strip()) if isinstance(path, str) else None
    if found is None or "\0" in found["path"] or (shop.root / found[0]).exists():
        return arguments
    first = int(found["first"])
    lines = {"start": first, "end": int(found["last"] or first + 40)}
    return {**lines, **arguments, "path": found["path"]}


def _range(arguments: Mapping[str, Any], opened: Opened) -> tuple[int, int]:
    if arguments["symbol"]:
        symbol = find_symbol(opened.path, opened.data, arguments["symbol"], arguments["start"])
        return first_line(opened.data, symbol), last_line(opened.data, symbol)
    first = max(1, arguments["start"] or 1)
    last = arguments["end"] or 1 << 30
    if last < first:
        raise ToolError(f"`end` is {last}, before `start`, {first}")
    return first, last


def _shown(opened: Opened, first: int, last: int, plan: Plan, shop: Shop) -> ToolResult:
    lines = Lines(opened.file.text).lines
    if lines and not lines[-1]:
        lines.pop()
    if not lines:
        return ToolResult(text=f"{opened.path} is empty.", summary=f"{opened.path} is empty")
    if first > len(lines):
        raise ToolError(f"{opened.path} has {len(lines)} lines; line {first} is behind its end")
    settings = shop.settings.tools
    wanted = min(last, len(lines))
    last = min(wanted, first + settings.read_lines - 1)
    shown: list[str] = []
    room = settings.output_chars - 300
    for number in range(first, last + 1):
        line = numbered(number, lines[number - 1])
        room -= len(line) + 1
        if room < 0 and shown:
            break
        shown.append(line)
    end = first + len(shown) - 1
    head = f"{opened.path}, lines {first}-{end} of {len(lines)}"
    cut = end < wanted or (end < len(lines) and not plan.arguments["end"])
    more = f"\n[go on with start={end + 1}]" if cut and not plan.arguments["symbol"] else ""
    notes = "".join(f"({note})\n" for note in plan.mended)
    return ToolResult(
        text=f"{notes}{head}:\n" + "\n".join(shown) + more, summary=f"read {head.replace(',', '')}"
    )


def numbered(number: int, line: str) -> str:
    """A line with its number, as all tools show lines."""
    text = visible(line.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    if len(text) > LONGEST_LINE:
        text = f"{text[:LONGEST_LINE]}… ({len(text):,} characters)"
    return f"{number:>5}| {text}"


def _folder(path: str, shop: Shop) -> ToolResult:
    with shop.memory.reading():
        folders = [f"{each}/" for each in shop.memory.catalogue.directories_in(path)]
        files = [each.path for each in shop.memory.catalogue.files_in(path)]
    names = sorted([*folders, *files])
    if not names:
        raise ToolError(
            f"nothing in {path or 'the root'} is indexed; it may be ignored or left out"
        )
    return _names(names, path or "the root")


def _names(names: Sequence[str], where: str) -> ToolResult:
    shown = "\n".join(names[:MOST_NAMES])
    more = f"\n[… {len(names) - MOST_NAMES} more]" if len(names) > MOST_NAMES else ""
    return ToolResult(text=f"{shown}{more}", summary=f"{len(names)} names in {where}")
