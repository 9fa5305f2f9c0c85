"""Edits as a git commit of their own, on the branch that is checked out, beside what the person is doing.

What the commit takes is what the agent changed, and nothing else: where the person has changed the same file, the
agent's change is merged into the committed version alone. What the person has staged stays staged and what is not
staged stays so: the entries of the index follow the commit, with the person's own staged lines merged in. A file for
which that cannot be done is left out and named. No hook, filter or editor of the repository is run.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from megacontext.memory.listing import GIT_PLACES

from .change import Change

if TYPE_CHECKING:
    from git import Git

TRAILER = "Assisted-by: MegaContext"
NO_HOOKS = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "commit.gpgSign=false",
)
UNDER_WAY = (
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "BISECT_LOG",
    "rebase-merge",
    "rebase-apply",
)
REGULAR = ("100644", "100755")


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of a commit."""

    commit: str
    """Its id; "" when there is none."""
    paths: tuple[str, ...]
    """The files in it."""
    left_out: tuple[tuple[str, str], ...]
    """Files that are not in it, and why."""
    why_not: str
    """Why there is no commit; "" when there is one."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file in a commit or in the index."""

    mode: str
    blob: str


class _Left(Exception):  # noqa: N818  a way out, not an error
    """A file stays out of the commit."""


def commit(root: Path, changes: Iterable[Change], message: str) -> Committed:
    """Commit these changes, which are on disk already; raises nothing that git says, but tells it."""
    from git import Git
    from git.exc import GitError

    asked = tuple(changes)
    repository = Git(root)
    try:
        if (reason := _hindrance(repository, root)) is not None:
            return Committed("", (), (), reason)
        return _commit(repository, asked, message)
    except GitError as exc:
        told = str(getattr(exc, "stderr", "") or exc).strip().strip("'").splitlines()
        return Committed("", (), (), f"git: {told[-1] if told else 'it failed'}")


def _hindrance(git: "Git", root: Path) -> str | None:
    top = _ask(git, "rev-parse", "--is-inside-work-tree", fine=True)
    if top != "true":
        return "this is no git repository"
    if Path(_ask(git, "rev-parse", "--show-toplevel")).resolve() != root:
        return "the repository's root is not that of git"
    if not _ask(git, "rev-parse", "--verify", "--quiet", "HEAD", fine=True):
        return "there is no commit yet to build on"
    if not _ask(git, "symbolic-ref", "--quiet", "HEAD", fine=True):
        return "no branch is checked out"
    folder = Path(_ask(git, "rev-parse", "--absolute-git-dir"))
    if any((folder / name).exists() for name in UNDER_WAY):
        return "a merge, rebase or bisection is under way"
    if not _ask(git, "var", "GIT_COMMITTER_IDENT", fine=True):
        return "git does not know who you are (git config user.email)"
    return None


def _commit(git: "Git", changes: Sequence[Change], message: str) -> Committed:
    head = _ask(git, "rev-parse", "HEAD")
    taken: dict[str, tuple[_Entry | None, _Entry | None]] = {}
    left: list[tuple[str, str]] = []
    for change in changes:
        try:
            taken[change.path] = _merged(git, head, change)
        except _Left as exc:
            left.append((change.path, str(exc)))
    if not taken:
        return Committed("", (), tuple(left), "nothing of it can be committed by itself")
    with tempfile.TemporaryDirectory(prefix="megacontext-") as folder:
        with_index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        _ask(git, "read-tree", head, env=with_index)
        _put(git, {path: entry for path, (entry, _) in taken.items()}, with_index)
        tree = _ask(git, "write-tree", env=with_index)
    new = _ask(git, "commit-tree", tree, "-p", head, given=f"{message}\n\n{TRAILER}\n".encode())
    # The branch moves only if it is where it was; then the index follows.
    _ask(git, "update-ref", "-m", f"commit: {message.splitlines()[0]}", "HEAD", new, head)
    _put(git, {path: entry for path, (_, entry) in taken.items()}, {}, _no_filters(git))
    return Committed(new, tuple(taken), tuple(left), "")


def _merged(git: "Git", head: str, change: Change) -> tuple[_Entry | None, _Entry | None]:
    """What the commit, and what the index is to hold of a file; raises _Left."""
    path = change.path
    committed = _entry(_ask(git, "ls-tree", head, "--", f":(literal){path}"))
    staged_lines = _ask(git, "ls-files", "--stage", "--", f":(literal){path}").splitlines()
    if len(staged_lines) > 1:
        raise _Left("it has conflicts")
    staged = _entry(staged_lines[0]) if staged_lines else None
    if committed is None and staged is None and _is_ignored(git, path):
        raise _Left("git ignores it")
    if any(entry is not None and entry.mode not in REGULAR for entry in (committed, staged)):
        raise _Left("it is no regular file in git")
    new = _applied(git, committed, change)
    return new, (new if staged == committed else _applied(git, staged, change))


def _applied(git: "Git", entry: _Entry | None, change: Change) -> _Entry | None:
    """The change made to another version of the file; raises _Left when the two do not go together."""
    current = None if entry is None else _content(git, entry.blob)
    before, after = change.before, change.after
    if current is not None and before is not None and current == _unix(before) != before:
        # Stored with \n, checked out with \r\n.
        before, after = _unix(before), None if after is None else _unix(after)
    if current == before:
        data = after
    elif current is None or before is None or after is None:
        raise _Left("you have changed it as well, in a way that cannot be told apart")
    else:
        data = _merge(git, before, current, after)
    if data is None:
        return None
    blob = _ask(git, "hash-object", "-w", "--no-filters", "--stdin", given=data)
    return _Entry(entry.mode if entry else _mode(git, change.path), blob)


def _merge(git: "Git", before: bytes, current: bytes, after: bytes) -> bytes:
    with tempfile.TemporaryDirectory(prefix="megacontext-") as folder:
        names = []
        for name, data in (("current", current), ("before", before), ("after", after)):
            path = Path(folder, name)
            path.write_bytes(data)
            names.append(str(path))
        status, merged, _ = _run(git, ["merge-file", "-p", "--quiet", *names], {}, None)
    if status != 0:
        raise _Left("you have changed the same lines")
    return merged


def _no_filters(git: "Git") -> list[str]:
    """Flags that switch the filters of the repository off: writing an index may read files through them."""
    found = _ask(git, "config", "--name-only", "--get-regexp", r"^filter\..", fine=True)
    names = {line.removeprefix("filter.").rpartition(".")[0] for line in found.splitlines()}
    values = [
        f"filter.{name}.{key}"
        for name in sorted(names)
        for key in ("clean=", "smudge=", "process=", "required=false")
    ]
    return [part for value in values for part in ("-c", value)]


def _put(
    git: "Git",
    entries: dict[str, _Entry | None],
    env: dict[str, str],
    flags: Sequence[str] = (),
) -> None:
    lines = [
        f"{entry.mode if entry else '0'} {entry.blob if entry else '0' * 40}\t{path}\0"
        for path, entry in entries.items()
    ]
    given = "".join(lines).encode()
    _ask(git, *flags, "update-index", "-z", "--index-info", given=given, env=env)


def _entry(line: str) -> _Entry | None:
    """Of `ls-tree` (mode, type, id) or `ls-files --stage` (mode, id, stage)."""
    words = line.split("\t", maxsplit=1)[0].split()
    if len(words) < 3:
        return None
    return _Entry(words[0], words[2] if words[1] in {"blob", "commit", "tree"} else words[1])


def _mode(git: "Git", path: str) -> str:
    full = Path(git.working_dir or ".", path)
    return REGULAR[full.exists() and os.access(full, os.X_OK)]


def _content(git: "Git", blob: str) -> bytes:
    status, data, error = _run(git, ["cat-file", "blob", blob], {}, None)
    if status != 0:
        raise _Left(error.decode("utf-8", "replace").strip())
    return data


def _is_ignored(git: "Git", path: str) -> bool:
    return _run(git, ["check-ignore", "--quiet", "--", path], {}, None)[0] == 0


def _unix(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def _ask(
    git: "Git",
    *arguments: str,
    given: bytes | None = None,
    env: dict[str, str] | None = None,
    fine: bool = False,
) -> str:
    """What git answers; raises GitCommandError unless failing is `fine`, which answers ""."""
    from git.exc import GitCommandError

    status, output, error = _run(git, list(arguments), env or {}, given)
    if status != 0:
        if fine:
            return ""
        raise GitCommandError(list(arguments), status, error)
    return output.decode("utf-8", "surrogateescape").strip("\n")


def _run(
    git: "Git", arguments: list[str], env: dict[str, str], given: bytes | None
) -> tuple[int, bytes, bytes]:
    # In a hook of git these name another repository; GitPython hands all of the environment on.
    unset = [part for name in GIT_PLACES if name in os.environ for part in ("-u", name)]
    outer = ["env", *unset, *(f"{name}={value}" for name, value in env.items())]
    command = [*outer, "git", "--no-optional-locks", *NO_HOOKS, *arguments]
    with tempfile.TemporaryFile() as file:
        file.write(given or b"")
        file.seek(0)
        answer: Any = git.execute(
            command,
            istream=file,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
        )
    status, output, error = answer
    return status, output, error if isinstance(error, bytes) else str(error).encode()
