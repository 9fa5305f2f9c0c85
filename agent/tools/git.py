"""`git`: status, diff and log, read only. Secrets and what the settings exclude are left out of diffs."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from megacontext.configs.errors import SandboxError
from megacontext.memory.listing import GIT

from ..sandbox.shown import bounded
from .arguments import Argument, subject_of, tool_spec, understand
from .base import Action, Cancel, Plan, Shop, ToolError, ToolResult
from .locating import locate

WHAT = Argument(
    "what", "string", "status, diff (what is not committed), log, or show (one commit).", required=True,
    choices=("status", "diff", "log", "show"), aliases=("command", "action", "subcommand", "args"),
)  # fmt: skip
ARGUMENTS = (
    WHAT,
    Argument("path", "string", "Only this file or folder.", aliases=("file",)),
    Argument(
        "revision", "string", "A commit, branch or range, such as HEAD~1 or main..HEAD.",
        aliases=("rev", "ref", "commit", "branch"),
    ),
    Argument("count", "integer", "Commits of the log; 20 if not given.", default=20, aliases=("n", "limit")),
)  # fmt: skip
_REVISION = re.compile(r"[A-Za-z0-9_@][\w./~^@{}+-]{0,200}")
_SECTION = re.compile(r"^(?=diff --(?:git|cc|combined) )", re.MULTILINE)
_NAMES = re.compile(
    r'^(?:--- |\+\+\+ |rename (?:from|to) )"?(?:[abciow12]/)?(?P<name>.+?)"?\t?$', re.MULTILINE
)
_HEADER = re.compile(
    r'diff --git "?a/(?P<old>.+?)"? "?b/(?P<new>.+?)"?$|diff --(?:cc|combined) (?P<one>.+)$',
    re.MULTILINE,
)
NO_PROGRAMS = (
    "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat", "-c", "core.attributesFile=/dev/null",
    "-c", "log.showSignature=false", "-c", "color.ui=never",
)  # fmt: skip
"""A repository's configuration may name programs for git to run; none of these is."""
MOST_COMMITS = 200


class Git:
    """Asks git, in the sandbox, without its pagers, hooks, drivers and filters of diffs."""

    action: Action = "read"
    spec = tool_spec(
        "git",
        "Look at the state and history of the repository: status, diff, log, show. For anything else, use run.",
        ARGUMENTS,
    )

    def subject(self, arguments: Mapping[str, Any]) -> str:
        """`git diff`."""
        return f"git {subject_of(arguments, WHAT)}".strip()

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        """Check the arguments and build the command."""
        given = understand(_bare(arguments), ARGUMENTS)
        revision = given["revision"]
        if revision and not _REVISION.fullmatch(revision):
            raise ToolError(f"`revision` is {revision[:60]!r}, which is no commit, branch or range")
        notes = given.notes
        path = ""
        if given["path"] and given["path"].strip("`'\"/ ") not in {"", "."}:
            located = locate(shop, given["path"], new=True)
            path, notes = located.path, (*notes, *located.notes)
        what = given["what"]
        about = " ".join(filter(None, [f"git {what}", revision, path]))
        command = _command(what, revision, path, min(given["count"], MOST_COMMITS))
        return Plan(
            tool=self.spec.name,
            action=self.action,
            subject=f"git {what}",
            summary=about,
            arguments={"command": command},
            mended=notes,
        )

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        """Ask git."""
        try:
            finished = shop.sandbox.run(plan.arguments["command"], writable=False, cancel=cancel)
        except SandboxError as exc:
            raise ToolError(str(exc)) from exc
        if finished.ended:
            raise ToolError(f"{plan.summary}: {finished.note}")
        if finished.status == 127:
            raise ToolError("git is not installed")
        if not finished.ok:
            told = finished.text.strip().splitlines()
            raise ToolError(f"{plan.summary}: {told[-1] if told else f'status {finished.status}'}")
        shown = "".join(_without_secrets(finished.text, shop)).strip("\n")
        text = bounded(shown, shop.settings.tools.output_chars) or "Nothing: no changes."
        notes = "".join(f"({note})\n" for note in plan.mended)
        return ToolResult(text=notes + text, summary=plan.summary)


def _bare(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Arguments in which `what` is `diff`, where `git diff` was written."""
    what = arguments.get("what")
    if not isinstance(what, str):
        return arguments
    return {**arguments, "what": re.sub(r"^\s*git\s+", "", what).strip()}


def _command(what: str, revision: str | None, path: str, count: int) -> list[str]:
    plain_diff = ["--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short"]
    command = [*GIT, *NO_PROGRAMS]
    match what:
        case "status":
            command += ["status", "--short", "--branch", "--ignore-submodules=dirty"]
        case "diff":
            command += ["diff", *plain_diff, revision or "HEAD"]
        case "show":
            command += ["show", *plain_diff, "--stat", "--patch", revision or "HEAD"]
        case _:
            form = "--format=%h %ad %an: %s"
            command += ["log", f"--max-count={count}", "--date=short", form, "--no-color"]
            command += [revision] if revision else []
    return [*command, "--", *([f":(literal){path}"] if path else [])]


def _without_secrets(text: str, shop: Shop) -> Iterator[str]:
    """A diff without the files that no model may be shown."""
    for section in _SECTION.split(text):
        names = {found["name"] for found in _NAMES.finditer(section)}
        header = _HEADER.match(section)
        if header is None:
            yield section
            continue
        names |= {name for name in header.groups() if name}
        hidden = next((name for name in names if shop.secrets.by_path(name)), None)
        yield section if hidden is None else f"[the diff of {hidden} is not shown to models]\n"
