"""What must not be seen: files that hold secrets, and secrets in what programs write."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from megacontext.configs.errors import ToolError
from megacontext.memory.left_out import NO_SECRET, SECRET_NAME, SECRET_PATTERNS, LeftOutRules

from ..edits import inside

MAX_FILES, MAX_BYTES = 100, 65_536
"""Files, and bytes of each, whose values are looked for in what programs write."""
SHORTEST_VALUE, LIKE_A_KEY = 8, 32
LONGEST_LINE = 4_096
_KEY = re.compile(rb"(?:export\s+)?[\"']?[\w.-]+[\"']?\s*")
_PLAIN_WORDS = re.compile(
    rb"(?:true|false|null|none|localhost|[a-z]+|[0-9.]+|/[\w./-]*)", re.IGNORECASE
)


@dataclass(frozen=True)
class Secrets:
    """The rules of secrets, as the settings have them."""

    rules: LeftOutRules

    def by_path(self, path: str) -> str | None:
        """Why the name of a file says that it must not be read; None when it does not.

        Also for a file system that does not tell `.ENV` from `.env`.
        """
        name = path.rpartition("/")[2]
        for each in (name, name.casefold()):
            if self.rules.secrets and SECRET_NAME.match(each) and not NO_SECRET.match(each):
                return "it is a file of secrets, by its name"
        if self.rules.exclude and self.rules.exclude.match_file(path):
            return "it is excluded in settings (memory.exclude_patterns)"
        return None

    def by_content(self, data: bytes) -> str | None:
        """What secret a content holds; None when none is seen."""
        if not self.rules.secrets:
            return None
        for literal, pattern, what in SECRET_PATTERNS:
            if literal in data and pattern.search(data):
                return f"it holds {what}"
        return None

    def removed(self, data: bytes, values: Iterable[bytes] = ()) -> bytes:
        """What a program wrote, with secrets that can be told, and with `values`, taken out."""
        if not self.rules.secrets:
            return data
        for literal, pattern, what in SECRET_PATTERNS:
            if literal in data:
                data = pattern.sub(f"[{what} was removed]".encode(), data)
        for value in sorted(values, key=len, reverse=True):
            data = data.replace(value, b"[a secret was removed]")
        return data

    def values_in(self, root: Path, paths: Iterable[str]) -> frozenset[bytes]:
        """What the files of secrets among `paths` assign: `KEY=value`, and the long lines of keys."""
        values: set[bytes] = set()
        files = [path for path in paths if self.rules.secrets and self._holds_values(path)]
        for path in files[:MAX_FILES]:
            try:
                found = inside.read(root, path, MAX_BYTES)
            except ToolError:
                continue
            values |= _values(found.data) if found else set()
        return frozenset(values)

    def _holds_values(self, path: str) -> bool:
        return SECRET_NAME.match(path.rpartition("/")[2].casefold()) is not None


def _values(data: bytes) -> set[bytes]:
    """What stands behind `=` or `:`, and lines as long as keys."""
    values: set[bytes] = set()
    for line in map(bytes.strip, data.splitlines()):
        if len(line) > LONGEST_LINE:
            continue
        for mark in (b"=", b":"):
            key, _, value = line.partition(mark)
            if _KEY.fullmatch(key):
                values.add(value.strip(b" \t,").strip(b"\"'"))
        if len(line) >= LIKE_A_KEY:
            values.add(line)
    return {
        value
        for value in values
        if len(value) >= SHORTEST_VALUE and not _PLAIN_WORDS.fullmatch(value)
    }
