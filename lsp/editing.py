"""Texts before and after as edits that a client makes. Knows no agent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lsprotocol import types
from pygls.capabilities import get_capability

from megacontext.agent.edits.change import Change
from megacontext.agent.edits.text_file import TextFile, plain, with_line_ends
from megacontext.configs.errors import ToolError

from .view import Lines, View

ANNOTATION: Final = "megacontext"
_LONE: Final = re.compile(r"\r(?!\n)")
Proposed = Mapping[str, tuple[str | None, str]]
"""Path to text before and after; None before: the file is new."""


@dataclass(frozen=True)
class Abilities:
    """What a client can do with edits."""

    applies: bool
    versions: bool
    confirms: bool
    creates: bool

    @classmethod
    def of(cls, client: types.ClientCapabilities) -> "Abilities":
        """What a client says of itself."""
        edit = "workspace.workspace_edit"
        versions = bool(get_capability(client, f"{edit}.document_changes", False))
        made = get_capability(client, f"{edit}.resource_operations") or ()
        annotated = get_capability(client, f"{edit}.change_annotation_support") is not None
        return cls(
            applies=bool(get_capability(client, "workspace.apply_edit", False)),
            versions=versions,
            confirms=versions and annotated,
            creates=versions and types.ResourceOperationKind.Create in made,
        )


def workspace_edit(
    view: View, proposed: Proposed, label: str, can: Abilities, *, confirm: bool = True
) -> types.WorkspaceEdit:
    """The edits of these texts; raises ToolError when a document is another one by now.

    With `confirm` a person is asked by a client that can show what they are asked about.
    """
    for path in proposed:
        if not view.is_current(path):
            raise ToolError(f"{path} was changed while the edit was made; ask for it again")
    edits = {
        path: text_edits(before or "", after, view) for path, (before, after) in proposed.items()
    }
    if not can.versions:
        return types.WorkspaceEdit(changes={view.uri_of(path): edits[path] for path in edits})
    changes: list[types.TextDocumentEdit | types.CreateFile] = []
    for path, (before, _) in proposed.items():
        uri, mark = view.uri_of(path), ANNOTATION if can.confirms and confirm else None
        if before is None and can.creates:
            options = types.CreateFileOptions(overwrite=False, ignore_if_exists=True)
            changes.append(types.CreateFile(uri=uri, options=options, annotation_id=mark))
        where = types.OptionalVersionedTextDocumentIdentifier(uri, view.version_of(path))
        marked = (
            [types.AnnotatedTextEdit(mark, each.range, each.new_text) for each in edits[path]]
            if mark
            else edits[path]
        )
        changes.append(types.TextDocumentEdit(where, marked))
    annotation = types.ChangeAnnotation(label, needs_confirmation=True)
    return types.WorkspaceEdit(
        document_changes=changes,
        change_annotations={ANNOTATION: annotation} if can.confirms and confirm else None,
    )


def text_edits(before: str, after: str, view: View) -> list[types.TextEdit]:
    """What to do line by line; lines that differ in nothing but their end stay as they are."""
    lines, end = Lines(before, view.encoding), TextFile(before or after).line_end
    old, new = plain(before), plain(after)
    if old != new and _LONE.search(before):
        # A line feed put behind a lone carriage return would be one line end with it.
        whole = lines.range(0, len(before))
        return [types.TextEdit(whole, with_line_ends(new, end))]
    fresh = _with_ends(new)
    changed = Change("", *(text.encode("utf-8", "surrogatepass") for text in (old, new)))
    return [
        types.TextEdit(
            types.Range(lines.start(i1), lines.start(i2)),
            with_line_ends("".join(fresh[j1:j2]), end),
        )
        for hunk in changed.hunks
        for i1, i2, j1, j2 in hunk.blocks
    ]


def _with_ends(text: str) -> list[str]:
    return [f"{line}\n" for line in text.split("\n")[:-1]] + [text.rpartition("\n")[2]]
