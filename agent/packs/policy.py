"""Which parts of packs may surface where: rules of settings, judged for each span at the moment it is rendered.

A rule is CONTEXT(FACT, …): complete(licence=GPL*), mcp(signed=no), *(source=torch, path=torch/testing/**). What a rule
of `packs.deny` fits is kept out; where a context has rules in `packs.allow`, only what one of them fits surfaces there.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal, get_args

from pathspec import GitIgnoreSpec

from megacontext.configs.errors import SettingsError
from megacontext.configs.settings import PackSettings
from megacontext.memory.packs.manifest import Manifest

Context = Literal["ask", "chat", "complete", "mcp"]
CONTEXTS: tuple[Context, ...] = get_args(Context)
WRITTEN = re.compile(r"(?P<context>\*|[a-z]+)(?:\((?P<facts>.*)\))?", re.DOTALL)
FACT = re.compile(
    r"(?P<name>source|path|licence|signed)=(?P<pattern>.+)|trust<(?P<below>\d+(?:\.\d+)?)"
)
HOW = (
    "write CONTEXT(FACT, …), such as complete(licence=GPL*), mcp(signed=no) or "
    "*(source=torch, path=tests/**, trust<0.5); "
    f"a context is {', '.join(CONTEXTS)} or *"
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One condition of a rule."""

    name: str
    pattern: str

    @property
    def is_of_files(self) -> bool:
        """Whether it can only be told of a file, not of a whole pack."""
        return self.name in ("path", "trust")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it was written."""

    context: str
    facts: tuple[Fact, ...]
    text: str

    def speaks_of(self, context: Context) -> bool:
        """Whether it holds in a context."""
        return self.context in ("*", context)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: a pack, and one file of it or the whole."""

    manifest: Manifest
    signed: bool
    path: str | None = None
    """None for the whole pack: what can only be told of its files is left open."""
    trust: float = 0.0


class Policy:
    """The rules of one repository's settings."""

    def __init__(self, deny: Iterable[Rule], allow: Iterable[Rule]) -> None:
        self._deny = tuple(deny)
        self._allow = tuple(allow)

    @classmethod
    def of(cls, settings: PackSettings) -> "Policy":
        """The rules that settings hold; raises SettingsError that names one that cannot be read."""
        deny = [read_rule(text, "packs.deny") for text in settings.deny]
        return cls(deny, [read_rule(text, "packs.allow") for text in settings.allow])

    def refusal(self, context: Context, subject: Subject) -> str:
        """Why something may not surface in a context; "" when it may.

        Of a whole pack: why nothing of it may.
        """
        for rule in self._deny:
            if rule.speaks_of(context) and all(
                _holds(fact, subject) is True for fact in rule.facts
            ):
                return f"packs.deny: {rule.text}"
        allowed = [rule for rule in self._allow if rule.speaks_of(context)]
        if allowed and not any(_may_hold(rule, subject) for rule in allowed):
            return f"packs.allow has rules for {context}, and none fits"
        return ""

    def judges_files(self, context: Context) -> bool:
        """Whether two files of one pack may be judged differently."""
        rules = (*self._deny, *self._allow)
        return any(
            fact.is_of_files for rule in rules if rule.speaks_of(context) for fact in rule.facts
        )


def read_rule(text: str, key: str) -> Rule:
    """A rule from a line of settings; raises SettingsError that names the key."""
    found = WRITTEN.fullmatch(text.strip())
    if found is None or found["context"] not in ("*", *CONTEXTS):
        raise SettingsError(f"{key} holds {text!r}; {HOW}")
    facts = tuple(
        _fact(part, text, key) for part in (found["facts"] or "").split(",") if part.strip()
    )
    return Rule(found["context"], facts, text.strip())


def _fact(part: str, text: str, key: str) -> Fact:
    found = FACT.fullmatch(part.strip())
    if found is None:
        raise SettingsError(f"{key} holds {text!r}, where {part.strip()!r} is no fact; {HOW}")
    if found["below"] is not None:
        return Fact("trust", found["below"])
    fact = Fact(found["name"], found["pattern"].strip())
    if fact.name == "signed" and fact.pattern not in ("yes", "no"):
        raise SettingsError(f"{key} holds {text!r}; a pack is signed=yes or signed=no; {HOW}")
    if fact.name == "path":
        try:
            _paths(fact.pattern)
        except ValueError as exc:
            raise SettingsError(f"{key} holds {text!r}, a pattern that git would not read") from exc
    return fact


def _may_hold(rule: Rule, subject: Subject) -> bool:
    return all(_holds(fact, subject) is not False for fact in rule.facts)


def _holds(fact: Fact, subject: Subject) -> bool | None:
    """Whether a fact holds; None when that can only be told of a file."""
    manifest = subject.manifest
    if fact.is_of_files and subject.path is None:
        return None
    match fact.name:
        case "source":
            return fnmatchcase(manifest.name, fact.pattern) or fnmatchcase(
                manifest.label, fact.pattern
            )
        case "licence":
            # Any name in an expression counts: of "MIT OR GPL-2.0-only" both do.
            names = [manifest.licence, *re.findall(r"[A-Za-z0-9.+-]+", manifest.licence)]
            return any(fnmatchcase(name.lower(), fact.pattern.lower()) for name in names)
        case "signed":
            return subject.signed == (fact.pattern == "yes")
        case "path":
            return _paths(fact.pattern).match_file(subject.path or "")
    return subject.trust < float(fact.pattern)


@cache
def _paths(pattern: str) -> GitIgnoreSpec:
    return GitIgnoreSpec.from_lines([pattern])
