"""Rules as people write them, and whether one fits a call: `run(pytest *)`, `edit(src/**)`, `search`."""

import re
from collections.abc import Iterable
from functools import cache

from pathspec import GitIgnoreSpec

from megacontext.configs.errors import SettingsError

from ..tools.base import Plan
from .asking import Decision, Rule
from .commands import possible_commands, simple_commands

# ruff: noqa: SIM905 - lists of quoted names are no easier to read
WRITTEN = re.compile(r"(?P<tool>\*|[a-z_][a-z0-9_]*)(?:\((?P<pattern>.*)\))?", re.DOTALL)
EDITS = "edit"
"""Names all tools that change files."""
ALONE = frozenset(
    "sh bash zsh dash fish ksh python python3 node deno bun perl ruby php lua env sudo doas su xargs find rm mv cp dd "
    "curl wget ssh scp nc eval exec source . awk sed tee chmod chown kill docker podman".split()
)
"""Programs that do whatever their arguments say, so that only the same line again may be allowed."""
WITH_SUBCOMMAND = frozenset(
    "git npm pnpm yarn cargo go make uv poetry pip pipx tox nox just mvn gradle dotnet bundle rake composer".split()
)


def read_rule(text: str, decision: Decision, key: str) -> Rule:
    """A rule from a line of settings; raises SettingsError that names the key."""
    found = WRITTEN.fullmatch(text.strip())
    if found is None:
        raise SettingsError(
            f"{key} holds {text!r}; write tool(pattern), such as run(pytest *), edit(src/**) or search"
        )
    rule = Rule(found["tool"], (found["pattern"] or "").strip(), decision)
    if rule.tool != "run":
        try:
            _paths(rule.pattern)
        except ValueError as exc:
            raise SettingsError(f"{key} holds {text!r}, a pattern that git would not read") from exc
    return rule


def fits(rule: Rule, plan: Plan) -> bool:
    """Whether a rule speaks of a plan.

    A rule that allows fits a command line only if it fits each of its commands; one that asks or refuses, if it fits
    any of them. A rule of paths fits an edit of several files likewise.
    """
    if rule.tool not in {"*", plan.tool} and not (rule.tool == EDITS and plan.action == "edit"):
        return False
    if not rule.pattern or rule.pattern == plan.subject:
        return True
    if plan.action == "call":
        return False  # what another server's tool is given is no path and no command
    if plan.action == "run":
        return _fits_command(rule, plan.subject)
    paths = [change.path for change in plan.changes] or [plan.subject]
    return _quantified(rule, (names_path(rule.pattern, path) for path in paths))


def _fits_command(rule: Rule, line: str) -> bool:
    pattern = _command_pattern(rule.pattern)
    if rule.decision == "allow":
        commands = simple_commands(line)
        return commands is not None and all(map(pattern.fullmatch, commands))
    return any(map(pattern.fullmatch, possible_commands(line)))


def _quantified(rule: Rule, answers: Iterable[bool]) -> bool:
    return all(answers) if rule.decision == "allow" else any(answers)


def names_path(pattern: str, path: str) -> bool:
    """Whether a pattern as in .gitignore names a path."""
    return _paths(pattern).match_file(path)


@cache
def _paths(pattern: str) -> GitIgnoreSpec:
    return GitIgnoreSpec.from_lines([pattern])


@cache
def _command_pattern(pattern: str) -> re.Pattern[str]:
    # `pytest *` also means `pytest` alone.
    bare, optional = (pattern[:-2], r"(?:\s.*)?") if pattern.endswith(" *") else (pattern, "")
    return re.compile(".*".join(map(re.escape, bare.split("*"))) + optional, re.DOTALL)


def offered(plan: Plan) -> tuple[Rule, ...]:
    """Rules that would let calls like this one pass, the narrowest first."""
    if plan.action == "edit":
        own = [Rule(EDITS, change.path, "allow") for change in plan.changes[:1]]
        return (*own, Rule(EDITS, "", "allow"))
    if plan.action == "read":
        return (Rule(plan.tool, plan.subject, "allow"), Rule(plan.tool, "", "allow"))
    if plan.action == "call":
        return (Rule(plan.tool, "", "allow"),)
    exact = Rule(plan.tool, plan.subject, "allow")
    commands = simple_commands(plan.subject)
    wider = _wider(commands[0]) if commands and len(commands) == 1 else None
    return (exact,) if wider is None else (exact, Rule(plan.tool, wider, "allow"))


def _wider(command: str) -> str | None:
    words = command.split()
    program = words[0].rpartition("/")[2]
    if re.fullmatch(r"python[0-9.]*", program) and len(words) > 2 and words[1] == "-m":
        return " ".join([*words[:3], "*"])
    plain = re.fullmatch(r"[\w./+-]+", words[0]) is not None and "=" not in words[0]
    if not plain or program in ALONE:
        return None
    if program in WITH_SUBCOMMAND:
        known = len(words) > 1 and re.fullmatch(r"[a-z][\w:-]*", words[1]) is not None
        return f"{words[0]} {words[1]} *" if known else None
    return f"{words[0]} *"
