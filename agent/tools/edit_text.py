"""`edit_text`: replace a piece of text that stands in one place alone."""

from collections.abc import Mapping
from typing import Any

from ..edits.matching import find
from ..edits.mending import elided
from ..edits.text_file import plain
from .arguments import Argument, subject_of, tool_spec, understand
from .base import Action, Cancel, Plan, Shop, ToolError, ToolResult
from .editing import carry_out, plan_edit, unwritable
from .locating import open_text
from .read import PATH

ARGUMENTS = (
    PATH,
    Argument(
        "old", "string", "The lines to replace, exactly as they stand in the file.", required=True, text=True,
        aliases=("old_string", "old_text", "search", "find", "old_str", "before", "original"),
    ),
    Argument(
        "new", "string", "What is to stand there instead; empty to delete.", required=True, text=True,
        aliases=("new_string", "new_text", "replace", "replacement", "new_str", "after", "content"),
    ),
    Argument(
        "all", "boolean", "Replace every place, not one alone.", default=False,
        aliases=("replace_all", "everywhere"),
    ),
)  # fmt: skip


class EditText:
    """Finds text with some tolerance; refuses what fits no place or several."""

    action: Action = "edit"
    spec = tool_spec(
        "edit_text",
        "Replace text in a file. `old` must stand there once; give enough lines around it. Refused if the file would "
        "no longer parse.",
        ARGUMENTS,
    )

    def subject(self, arguments: Mapping[str, Any]) -> str:
        """The file."""
        return subject_of(arguments, PATH)

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        """Find the place and compute the file with the new text."""
        given = understand(arguments, ARGUMENTS)
        opened = open_text(shop, given["path"])
        if (refusal := unwritable(opened.path, opened.mode)) is not None:
            raise refusal
        old, new, file = given["old"], given["new"], opened.file
        if (left_out := elided(plain(new), plain(old))) is not None:
            raise ToolError(f"`new` leaves something out at {left_out!r}; write every line of it")
        matched = find(file.text, old, new, everywhere=given["all"])
        parts, at = [], 0
        for place in matched.replacements:
            parts += [file.text[at : place.start], file.fitted(opened.path, place.text)]
            at = place.end
        text = "".join([*parts, file.text[at:]])
        count = len(matched.replacements)
        times = f" ({count} times)" if count > 1 else ""
        return plan_edit(
            self.spec.name,
            shop,
            opened.path,
            opened.data,
            file.data(text),
            f"edit {opened.path}{times}",
            (*given.notes, *opened.notes, *matched.notes),
            given.values | {"path": opened.path},
        )

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        """Write the file."""
        return carry_out(plan, shop, cancel)
