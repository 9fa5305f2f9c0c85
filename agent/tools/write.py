"""`write`: make a file, or give one a whole new content."""

from collections.abc import Mapping
from typing import Any

from megacontext.memory.chunking import language_of

from ..edits import inside
from ..edits.mending import elided, unfenced
from ..edits.text_file import TextFile, plain
from .arguments import Argument, subject_of, tool_spec, understand
from .base import Action, Cancel, Plan, Shop, ToolError, ToolResult
from .editing import CODE_ALIASES, carry_out, plan_edit, unwritable
from .locating import Opened, locate, open_text
from .read import PATH

ARGUMENTS = (
    PATH,
    Argument(
        "content", "string", "The whole content of the file.", required=True, text=True, structured=True,
        aliases=("code", *CODE_ALIASES[1:]),
    ),
)  # fmt: skip


class Write:
    """Writes whole files; line ends, byte order mark and the last line's end stay as they were."""

    action: Action = "edit"
    spec = tool_spec(
        "write",
        "Make a new file, with the folders above it, or replace the whole content of one. To change a part of a file, "
        "use edit_symbol or edit_text.",
        ARGUMENTS,
    )

    def subject(self, arguments: Mapping[str, Any]) -> str:
        """The file."""
        return subject_of(arguments, PATH)

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        """Compute the bytes of the file."""
        given = understand(arguments, ARGUMENTS)
        located = locate(shop, given["path"], new=True)
        path, notes = located.path, [*given.notes, *located.notes]
        if located.exists and (shop.root / path).is_dir():
            raise ToolError(f"{path} is a folder; give the path of a file")
        if located.exists and located.notes and _differs_in_case(given["path"], path):
            raise ToolError(
                f"there is {path}, which some systems take for the same file; write {path}, or choose another name"
            )
        if not located.exists:
            inside.read(shop.root, path, 1)  # refuses what cannot become a file
        content = given["content"]
        if language_of(path, b"") != "markdown":
            mended = unfenced(content)
            content, notes = mended.text, [*notes, *mended.notes]
        old = open_text(shop, path) if located.exists else None
        if old is not None and (refusal := unwritable(path, old.mode)) is not None:
            raise refusal
        before = plain(old.file.text) if old else ""
        if (left_out := elided(plain(content), before)) is not None:
            raise ToolError(
                f"`content` leaves something out at {left_out!r}; write every line of it"
            )
        after = _bytes(path, content, old)
        summary = f"write {path}" if old else f"make {path}"
        before_bytes = old.data if old else None
        values = given.values | {"path": path}
        return plan_edit(self.spec.name, shop, path, before_bytes, after, summary, notes, values)

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        """Write the file."""
        return carry_out(plan, shop, cancel)


def _differs_in_case(typed: str, path: str) -> bool:
    name, known = typed.strip().rpartition("/")[2], path.rpartition("/")[2]
    return name != known and name.casefold() == known.casefold()


def _bytes(path: str, content: str, old: Opened | None) -> bytes:
    """The content as it has to stand in the file: a text ends with a line end, unless the old one did not."""
    file = old.file if old else TextFile("")
    ended = old is None or not file.text or file.text.endswith(("\n", "\r"))
    text = content
    if text and ended and not text.endswith(("\n", "\r")):
        text += "\n"
    # What replaces the whole file may also be in another encoding.
    fresh = TextFile(file.text if file.is_utf8 else "", file.bom)
    return fresh.data(fresh.fitted(path, text))
