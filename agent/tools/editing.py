"""What the tools that edit have in common: a checked plan of one file's new content, and how it is carried out."""

from collections.abc import Sequence
from typing import Any

from megacontext.configs.errors import StoreError, StoreFullError
from megacontext.memory.memory import Memory

from ..edits.change import Change
from ..edits.parsing import breaks, syntax_fault
from ..sandbox.shown import bounded
from .base import Cancel, Edit, Plan, Shop, ToolError, ToolResult
from .locating import MAX_BYTES

MOST_DIFF = 4_000
"""Characters of the diff that the model is shown after an edit."""
CODE_ALIASES = ("content", "text", "new", "body", "source", "new_code", "replacement")


def plan_edit(
    tool: str,
    shop: Shop,
    path: str,
    before: bytes | None,
    after: bytes,
    summary: str,
    notes: Sequence[str],
    arguments: dict[str, Any],
) -> Plan:
    """A plan to give a file another content; raises ToolError when it must not have it."""
    change = Change(path, before, after)
    if change.is_empty:
        raise ToolError(f"nothing would change in {path}: it is so already")
    if len(after) > MAX_BYTES:
        raise ToolError(
            f"{path} would have {len(after):,} bytes; tools write at most {MAX_BYTES:,}"
        )
    secret = shop.secrets.by_content(after)
    if secret is not None:
        raise ToolError(f"{path} would not be written: {secret}; put a placeholder in its place")
    if (fault := breaks(path, before, after)) is not None:
        raise ToolError(f"{path} would no longer parse ({fault}), so nothing was changed")
    added, removed = change.counts
    return Plan(
        tool=tool,
        action="edit",
        subject=path,
        summary=f"{summary} +{added} −{removed}",
        arguments=arguments,
        mended=tuple(notes),
        changes=(change,),
    )


def carry_out(plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
    """Write what was planned, note how to undo it, and let the memory know."""
    if cancel is not None and cancel.is_set():
        raise ToolError("cancelled, so nothing was changed")
    try:
        step = shop.journal.apply(plan.changes, plan.summary)
    except StoreFullError as exc:
        raise ToolError(str(exc)) from exc
    told = [f"({note})" for note in plan.mended]
    if not _refreshed(shop.memory, [change.path for change in plan.changes]):
        told.append("(the index could not be brought up to date)")
    for change in plan.changes:
        fault = syntax_fault(change.path, change.after or b"")
        if fault is not None:
            told.append(f"(mind: {change.path} does not parse, {fault})")
    diff = bounded("".join(change.diff for change in plan.changes), MOST_DIFF)
    edited = tuple(Edit(change.path, change.diff, step.number) for change in plan.changes)
    text = "\n".join(["Done.", *told, diff])
    return ToolResult(text=text, summary=plan.summary, edited=edited)


def _refreshed(memory: Memory, paths: Sequence[str]) -> bool:
    """Whether the index knows of the change now, or another process is seeing to it."""
    if memory.ingest is None:
        return True
    try:
        memory.ingest.apply(paths)
    except StoreError:
        return False
    return True


def unwritable(path: str, mode: int) -> ToolError | None:
    """Why a file's own permissions say that it must not be written."""
    if mode & 0o222:
        return None
    return ToolError(f"{path} is read-only; ask the person to make it writable")
