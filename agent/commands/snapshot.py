"""`megacontext snapshot`: states of memory that are kept, listed, compared and taken back."""

from pathlib import Path
from time import localtime, strftime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console import note, print_json, say
from ..versions.parts import Part
from .options import Json, Repo
from .versions_opened import opened_snapshots, opened_versions

if TYPE_CHECKING:
    from megacontext.memory.versions.snapshots import Snapshot

    from ..versions.describing import FileChange
    from ..versions.restoring import Restored

app = typer.Typer(
    help="Keep states of memory (files, conversations, mounted packs), compare them, and take them back.",
    no_args_is_help=True,
)
State = Annotated[
    str,
    typer.Argument(
        metavar="STATE",
        help="A line, a snapshot (its identity may be shortened), now, pack:NAME or session:ID.",
    ),
]
MOST_SPANS = 12


@app.command()
def save(
    message: Annotated[
        str, typer.Option("--message", "-m", metavar="TEXT", help="What this state is.")
    ] = "",
    repo: Repo = None,
    as_json: Json = False,
) -> None:
    """Keep what is now: files as memory has them, conversations, and which packs are mounted."""
    with opened_versions(repo, quiet=as_json) as (versions, bar):
        snapshot, is_new = versions.save(message, bar, again=bool(message))
        line = versions.snapshots.line
    if as_json:
        print_json(_facts(snapshot) | {"line": line, "new": is_new})
    else:
        say(
            f"{snapshot.short} on {line}"
            if is_new
            else f"nothing has changed since {snapshot.short} on {line}"
        )


@app.command("list")
def list_snapshots(repo: Repo = None, as_json: Json = False) -> None:
    """List the snapshots, the latest first; `*` is what the working state goes on from."""
    with opened_snapshots(repo) as snapshots:
        found, lines = snapshots.all(), snapshots.lines()
        head, line = snapshots.head, snapshots.line
    if as_json:
        print_json(
            {
                "line": line,
                "head": head,
                "lines": lines,
                "snapshots": [_facts(each) for each in found],
            }
        )
        return
    for each in found:
        names = [name for name, tip in lines.items() if tip == each.id]
        when = strftime("%Y-%m-%d %H:%M", localtime(each.made))
        shown = f" [{', '.join(names)}]" if names else ""
        kept = f" ({counted(len(each.unsettled), 'place')} to settle)" if each.unsettled else ""
        mark = "*" if each.id == head else " "
        say(f"{mark} {each.short}  {when}{shown}{kept}  {each.message}")
    if not found:
        say("there is no snapshot yet; `megacontext snapshot save` makes one")


@app.command()
def diff(
    before: State,
    after: State = "now",
    patch: Annotated[
        bool, typer.Option("--patch", "-p", help="Show the lines, as a unified diff.")
    ] = False,
    repo: Repo = None,
    as_json: Json = False,
) -> None:
    """Show what differs between two states: files, and in each the definitions or turns."""
    from ..versions.describing import described
    from ..versions.describing import patch as patch_of

    with (
        opened_versions(repo, quiet=as_json) as (versions, _),
        versions.compared(before, after) as (old, new, changes),
    ):
        found = described(old, new, changes)
        lines = list(patch_of(old, new, changes)) if patch else []
    if as_json:
        told: dict[str, Any] = {"before": old.label, "after": new.label}
        print_json(
            told
            | {"roots": [old.root.hex(), new.root.hex()], "changes": [c.as_json() for c in found]}
            | ({"patch": lines} if patch else {})
        )
    elif patch:
        for line in lines:
            say(line)
    else:
        _say_changes(found, old.label, new.label)


def _say_changes(found: "list[FileChange]", before: str, after: str) -> None:
    for each in found:
        moved = f"{_shown(each.old_path)} -> " if each.old_path else ""
        say(f"{each.mark} {moved}{_shown(each.path)}")
        for span in each.spans[:MOST_SPANS]:
            where = f":{span.start_line}-{span.end_line}" if span.start_line else ""
            say(f"    {span.mark} {span.name}{where}")
        if len(each.spans) > MOST_SPANS:
            say(f"    and {len(each.spans) - MOST_SPANS} more")
    counts = ", ".join(
        f"{count} {word}"
        for mark, word in (("+", "added"), ("~", "changed"), (">", "moved"), ("-", "gone"))
        if (count := sum(each.mark == mark for each in found))
    )
    say(f"from {before} to {after}: {counts}" if found else f"{before} and {after} are alike")


@app.command()
def restore(
    state: Annotated[str, typer.Argument(metavar="STATE", help="A line or a snapshot.")],
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="Only these files or folders of the repository."),
    ] = None,
    only: Annotated[
        list[Part] | None, typer.Option("--only", help="Only this part; may be given again.")
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="FOLDER", help="Write the files into a new folder instead."),
    ] = None,
    repo: Repo = None,
    as_json: Json = False,
) -> None:
    """Make what is now equal to a snapshot; what is now is saved first.

    Files that the snapshot lacks are deleted; conversations never are. What memory leaves out, such as secrets, is
    not touched.
    """
    with opened_versions(repo, quiet=as_json) as (versions, _):
        if into is not None:
            count = versions.export(state, into)
            if as_json:
                print_json({"written": count, "into": str(into)})
            else:
                say(f"{count:,} files of {state} are in {into}")
            return
        before, restored = versions.restore(state, tuple(only or ()), paths or ())
    if as_json:
        print_json({"before": before.id, **restored_facts(restored)})
        return
    say_restored(restored)
    say(f"as it was before: {before.short}")


@app.command()
def verify(repo: Repo = None, as_json: Json = False) -> None:
    """Hold everything that is kept against its digest; exit 1 when something is damaged."""
    with opened_snapshots(repo) as snapshots:
        faults = snapshots.objects.check()
    if as_json:
        print_json({"ok": not faults, "errors": faults})
    else:
        for fault in faults[:20]:
            say(fault)
        say(f"{len(faults):,} faults" if faults else "all snapshots are whole")
    if faults:
        raise typer.Exit(1)


def counted(count: int, what: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def say_restored(restored: "Restored") -> None:
    """What became of the working state, for a person."""
    told = (
        (restored.written, "file", "written"),
        (restored.deleted, "file", "deleted"),
        (restored.sessions, "conversation", "written"),
    )
    counts = [f"{counted(len(names), what)} {done}" for names, what, done in told if names]
    say(", ".join([*counts, *restored.packs]) or "nothing had to be changed")
    for notice in restored.notices:
        note(notice)


def restored_facts(restored: "Restored") -> dict[str, Any]:
    """The same as JSON data."""
    from dataclasses import asdict

    return asdict(restored)


def _shown(path: str) -> str:
    return path.removeprefix("repository/")


def _facts(snapshot: "Snapshot") -> dict[str, Any]:
    from dataclasses import asdict

    return {"id": snapshot.id, **asdict(snapshot)}
