"""`megacontext fork`, `merge`, `push` and `pull`: memory that goes several ways, and comes together again."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from megacontext.configs.errors import VersionError

from ..console import note, print_json, say
from .options import Json, Repo
from .snapshot import State, counted, restored_facts, say_restored
from .versions_opened import opened_versions

if TYPE_CHECKING:
    from megacontext.memory.versions.merging import Conflict
    from megacontext.memory.versions.remote import Remote

    from ..versions.sharing import Pulled, Sharing
    from ..versions.versions import Merge, Versions

Url = Annotated[
    str,
    typer.Argument(
        metavar="URL", help="A folder, or an address that fsspec knows: s3://, sftp:// …"
    ),
]
MOST_LINES = 40


class Side(StrEnum):
    """Which side is taken where both have changed a place."""

    a = "a"
    b = "b"


def fork(
    name: Annotated[
        str, typer.Argument(metavar="NAME|session:ID", help="The new line, or a conversation.")
    ],
    state: Annotated[
        str, typer.Argument(metavar="[STATE]", help="Where the line begins; default: what is now.")
    ] = "now",
    repo: Repo = None,
    as_json: Json = False,
) -> None:
    """Begin a new line of snapshots, or a new conversation with the turns of another."""
    with opened_versions(repo, quiet=as_json) as (versions, _):
        if name.startswith("session:"):
            with versions.sessions.fork(name.removeprefix("session:")) as session:
                made, turns = session.folder.name, len(session.conversation.turns)
            told: dict[str, Any] = {"session": made, "turns": turns}
            shown = f"session {made} goes on from there, with {turns} turns"
        else:
            snapshot = versions.fork(name, state)
            told = {
                "line": name,
                "snapshot": snapshot.id,
                "current": versions.snapshots.line == name,
            }
            shown = f"{name} begins at {snapshot.short}"
            if versions.snapshots.line == name:
                shown += "; what you save from now on goes there"
    if as_json:
        print_json(told)
    else:
        say(shown)


def merge(
    a: State,
    b: Annotated[
        str | None,
        typer.Argument(metavar="[STATE]", help="The other; with one alone, it is merged into now."),
    ] = None,
    prefer: Annotated[
        Side | None,
        typer.Option("--prefer", help="Which side is taken where both changed a place."),
    ] = None,
    repo: Repo = None,
    as_json: Json = False,
) -> None:
    """Bring two lines, snapshots or conversations together; exit 1 when places are left to settle.

    The line A moves on to the result, and so does what is now when A is the line that is worked on. Where both
    changed a place, both sides are shown, and stand in the file between marks.
    """
    ours, theirs = ("now", a) if b is None else (a, b)
    with opened_versions(repo, quiet=as_json) as (versions, _):
        if ours.startswith("session:") or theirs.startswith("session:"):
            _merge_sessions(versions, ours, theirs, as_json=as_json)
            return
        found = versions.merge(ours, theirs, prefer.value if prefer else None)
    conflicts = found.merged.conflicts if found.merged else []
    if as_json:
        print_json(_merge_facts(found))
    else:
        _say_merge(found, ours, theirs)
    if conflicts:
        raise typer.Exit(1)


def _merge_sessions(versions: "Versions", a: str, b: str, *, as_json: bool) -> None:
    if not (a.startswith("session:") and b.startswith("session:")):
        raise VersionError("a conversation is merged with a conversation: session:ID session:ID")
    made, turns = versions.merge_sessions(*(each.removeprefix("session:") for each in (a, b)))
    if as_json:
        print_json({"session": made, "turns": turns})
    else:
        say(
            f"session {made} has the turns of both, {turns}; `megacontext chat --resume {made}` goes on"
        )


def _merge_facts(found: "Merge") -> dict[str, Any]:
    from dataclasses import asdict

    merged = found.merged
    return {
        "snapshot": found.snapshot.id,
        "from_b": merged.from_b if merged else 0,
        "both": merged.both if merged else 0,
        "conflicts": [asdict(each) for each in merged.conflicts] if merged else [],
        "restored": restored_facts(found.restored) if found.restored else None,
    }


def _say_merge(found: "Merge", a: str, b: str) -> None:
    if found.merged is None:
        say(f"one of {a} and {b} has all of the other: {found.snapshot.short}")
    else:
        say(
            f"{found.snapshot.short}: {found.merged.from_b:,} files taken from {b}, "
            f"{found.merged.both:,} that both had changed"
        )
        for conflict in found.merged.conflicts:
            _say_conflict(conflict, a, b)
        if count := len(found.merged.conflicts):
            note(f"{counted(count, 'place')} to settle; both sides are in {found.snapshot.short}")
    if found.restored is not None:
        say_restored(found.restored)


def _say_conflict(conflict: "Conflict", a: str, b: str) -> None:
    where = f":{conflict.line}" if conflict.line else ""
    inside = f" in {conflict.symbol}" if conflict.symbol else ""
    say(f"! {conflict.path.removeprefix('repository/')}{where}{inside}: {conflict.reason}")
    for label, text in ((a, conflict.a), ("base", conflict.base), (b, conflict.b)):
        lines = text.splitlines()
        say(f"  {label}:")
        for line in lines[:MOST_LINES]:
            say(f"    {line}")
        if len(lines) > MOST_LINES:
            say(f"    … {len(lines) - MOST_LINES} lines more")


def push(
    url: Url,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LINE|session:ID|FILE.mcpack]...", help="Default: the line that is worked on."
        ),
    ] = None,
    allow_secrets: Annotated[
        bool,
        typer.Option(
            "--allow-secrets", help="Send conversations that hold what looks like a secret."
        ),
    ] = False,
    repo: Repo = None,
    as_json: Json = False,
) -> None:
    """Send lines, conversations or packs to a place that others pull from. A line takes all its conversations along."""
    from megacontext.memory.versions.remote import Remote

    from ..versions.sharing import Sharing

    told: list[dict[str, Any]] = []
    with opened_versions(repo, quiet=as_json) as (versions, bar):
        remote = Remote(url)
        sharing = Sharing(versions, remote, allow_secrets=allow_secrets)
        for each in what or [versions.snapshots.line]:
            if each.endswith(".mcpack"):
                told.append({"pack": _push_pack(remote, each)})
            elif each.startswith("pack:"):
                raise VersionError(f"a pack is sent as its file: FILE.mcpack, not {each}")
            elif each.startswith("session:"):
                full, turns = sharing.push_session(each.removeprefix("session:"))
                told.append({"session": full, "turns": turns})
            else:
                told.append({"line": each, "snapshots": sharing.push_line(each, bar)})
    if as_json:
        print_json({"url": remote.url, "sent": told})
        return
    for sent in told:
        (kind, name), *more = sent.items()
        counts = "".join(f", {count} {unit} new there" for unit, count in more)
        say(f"{kind} {name} is at {remote.url}{counts}")


def pull(
    url: Url,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LINE|session:ID|pack:NAME]...", help="Default: every line that is there."
        ),
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Take a pack that nobody has signed.")
    ] = False,
    repo: Repo = None,
    as_json: Json = False,
) -> None:
    """Get lines, conversations or packs from such a place. Nothing here is overwritten."""
    from megacontext.memory.versions.remote import Remote

    from ..versions.sharing import Sharing

    told: list[dict[str, Any]] = []
    shown: list[str] = []
    with opened_versions(repo, quiet=as_json) as (versions, bar):
        remote = Remote(url)
        sharing = Sharing(versions, remote)
        wanted: Sequence[str] = what or list(remote.refs("lines"))
        for each in wanted:
            if each.startswith("pack:"):
                label = _pull_pack(remote, each.removeprefix("pack:"), repo, trust=trust)
                told.append({"pack": label})
                shown.append(
                    f"{label} is on this machine; `megacontext pack add {label}` mounts it here"
                )
                continue
            pulled = _pulled(sharing, each, bar)
            told.append({"name": pulled.name, "how": pulled.how, "turns": pulled.turns})
            shown.append(_how(pulled))
    if as_json:
        print_json({"url": remote.url, "pulled": told})
        return
    for line in shown or [f"there is no line at {remote.url}"]:
        say(line)


def _pulled(sharing: "Sharing", each: str, bar: Any) -> "Pulled":
    if each.startswith("session:"):
        return sharing.pull_session(each.removeprefix("session:"))
    return sharing.pull_line(each, bar)


def _how(pulled: "Pulled") -> str:
    name = pulled.name
    if pulled.turns:
        return f"session {name}: {pulled.turns} turns came"
    return {
        "new": f"{name} is here; `megacontext snapshot restore {name}` goes there",
        "forward": f"{name} has moved on",
        "equal": f"{name} has nothing new",
        "apart": f"theirs is {name}; `megacontext merge {name}` brings it into what is now, "
        f"`megacontext snapshot restore {name}` goes there",
    }[pulled.how]


def _push_pack(remote: "Remote", typed: str) -> str:
    """Send a pack under the name that it gives itself; its label."""
    from megacontext.memory.packs.container import SUFFIX, opened

    path = Path(typed).expanduser()
    if not path.is_file():
        raise VersionError(f"there is no pack {path}; `megacontext pack build` makes one")
    with opened(path) as pack:
        manifest = pack.manifest
    remote.send_pack(path, f"{manifest.name}-{manifest.version}-{manifest.id[:8]}{SUFFIX}")
    return manifest.label


def _pull_pack(remote: "Remote", wanted: str, repo: Path | None, *, trust: bool) -> str:
    from tempfile import TemporaryDirectory

    from megacontext.memory.packs.store import Consent

    from ..opening import Workplace
    from ..packs.making import take_in

    labels = {file: file.rsplit("-", 2)[:2] for file in remote.packs()}
    fits = [file for file, label in labels.items() if wanted in (label[0], "@".join(label))]
    if len(fits) != 1:
        has = ", ".join(remote.packs()) or "none"
        raise VersionError(
            f"{wanted} is {'several packs' if fits else 'no pack'} of {remote.url}; it has {has}"
        )
    with TemporaryDirectory(prefix="megacontext-pull-") as folder:
        path = Path(folder) / "pulled.mcpack"
        remote.fetch_pack(fits[0], path)
        return take_in(Workplace.at(repo), path, Consent(trust)).manifest.label
