"""The order of a package's files in which what is imported comes before what imports it.

A light reading of import lines is enough: the order only decides which files share a window.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+\(?([\w ,\t\n*]*)|import[ \t]+([\w., \t]+))",
    re.MULTILINE,
)


def dependency_order(files: Sequence[tuple[str, str]]) -> list[int]:
    """Return the indices of `files` (path, content) so that imported files come first.

    Cycles are entered at the file that is first by the given order.
    """
    modules = {_module(path): index for index, (path, _) in enumerate(files)}
    needs = [
        [modules[name] for name in _imported(path, text) if name in modules] for path, text in files
    ]
    order: list[int] = []
    entered: set[int] = set()
    for root in range(len(files)):
        if root in entered:
            continue
        entered.add(root)
        stack = [(root, iter(needs[root]))]
        while stack:
            index, rest = stack[-1]
            following = next((need for need in rest if need not in entered), None)
            if following is None:
                order.append(index)
                stack.pop()
            else:
                entered.add(following)
                stack.append((following, iter(needs[following])))
    return order


def _module(path: str) -> str:
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: str, text: str) -> Iterable[str]:
    package = list(PurePosixPath(path).parent.parts)
    for match in _IMPORT.finditer(text):
        source, names, plain = match.groups()
        if plain is not None:
            yield from (part.split()[0] for part in plain.split(",") if part.split())
            continue
        dots = len(source) - len(source.lstrip("."))
        base = package[: len(package) - dots + 1] if dots else []
        start = ".".join([*base, *filter(None, [source.lstrip(".")])])
        yield start
        for name in names.replace("\n", " ").split(","):
            if name.split():
                yield f"{start}.{name.split()[0]}"
