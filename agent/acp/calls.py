"""Calls of tools as the protocol tells them: kinds, places, diffs. Knows no connection."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from acp.schema import (
    ContentToolCallContent,
    FileEditToolCallContent,
    TerminalToolCallContent,
    TextContentBlock,
    ToolCallLocation,
    ToolKind,
)

from ..edits.change import Change
from ..tools.base import Plan

Content = ContentToolCallContent | FileEditToolCallContent | TerminalToolCallContent
KINDS: dict[str, ToolKind] = {
    "read": "read",
    "search": "search",
    "focus": "think",
    "edit_symbol": "edit",
    "edit_text": "edit",
    "write": "edit",
    "run": "execute",
    "check": "execute",
    "git": "read",
}
MOST_TEXT = 400_000
"""Characters of a file that is told before and after; larger ones are told as a diff in words."""


class CallTeller:
    """Tells calls in one repository."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def kind(self, tool: str) -> ToolKind:
        """What sort of tool it is; those of other servers may do anything."""
        return KINDS.get(tool, "other")

    def planned(self, plan: Plan) -> list[Content]:
        """What a call would do, to decide on."""
        if plan.changes:
            return self.changes(plan.changes)
        return [text_content(plan.preview)] if plan.preview else []

    def changes(self, changes: Iterable[Change]) -> list[Content]:
        """Files before and after."""
        return [self._change(each) for each in changes]

    def _change(self, change: Change) -> Content:
        before, after = (
            None if data is None else _text(data) for data in (change.before, change.after)
        )
        if max(len(before or ""), len(after or "")) > MOST_TEXT:
            return text_content(change.diff[:MOST_TEXT])
        path = str(self.root / change.path)
        return FileEditToolCallContent(
            type="diff", path=path, old_text=before, new_text=after or ""
        )

    def locations(self, plan: Plan) -> list[ToolCallLocation]:
        """Where a call leads to."""
        if plan.changes:
            return [self.location(each.path, _first_line(each)) for each in plan.changes]
        if plan.action != "read":
            return []
        return self.about(plan.subject, plan.arguments)

    def about(self, subject: str, arguments: Any) -> list[ToolCallLocation]:
        """The file that a call is about, by arguments that nobody has checked."""
        path = subject.strip("`'\" ")
        if not path or path.startswith(("/", "~")) or ".." in path.split("/") or "\0" in path:
            return []
        if not (self.root / path).is_file():
            return []
        line = arguments.get("start") if isinstance(arguments, dict) else None
        return [self.location(path, line if isinstance(line, int) and line > 0 else None)]

    def location(self, path: str, line: int | None = None) -> ToolCallLocation:
        """A place in the repository."""
        return ToolCallLocation(path=str(self.root / path), line=line)


def text_content(text: str) -> ContentToolCallContent:
    """Text as the content of a call."""
    return ContentToolCallContent(type="content", content=TextContentBlock(type="text", text=text))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _first_line(change: Change) -> int | None:
    hunks: Sequence[Any] = change.hunks
    return hunks[0].new_start if hunks else None
