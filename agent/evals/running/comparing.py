"""Two finished runs of one suite, figure by figure over the tasks that both have. Knows no benchmark."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from megacontext.configs.errors import SettingsError

from .figures import Difference, difference
from .run_folder import Run


@dataclass(frozen=True)
class Comparison:
    """What two runs differ in, and by how much."""

    left: Run
    right: Run
    differences: tuple[Difference, ...]
    conditions: tuple[str, ...]
    """Whatever else is not the same in both, a line each."""


def compare_runs(left: Run, right: Run) -> Comparison:
    """`left` minus `right`. Arms of one name are compared; where no name is shared, one arm with one arm.

    Raises SettingsError where they are not comparable, with the reason.
    """
    if left.suite != right.suite:
        raise SettingsError(
            f"{left.folder} ran {left.suite} and {right.folder} ran {right.suite}; "
            "only runs of one suite are comparable"
        )
    if other := _other_data(left, right):
        raise SettingsError(
            f"{left.folder} and {right.folder} read different data ({', '.join(other)}); "
            "run one of them again with the other's --data"
        )
    pairs = _pairs(left, right)
    by_name = {(each.name, each.arm): each for each in right.figures}
    found = tuple(
        difference(each, by_name[each.name, pairs[each.arm]])
        for each in left.figures
        if each.arm in pairs and (each.name, pairs[each.arm]) in by_name
    )
    if not any(each.tasks for each in found):
        raise SettingsError(
            f"{left.folder} and {right.folder} have no figure of a common task; "
            "run the same arms on the same tasks"
        )
    return Comparison(left, right, found, tuple(_conditions(left, right)))


def _other_data(left: Run, right: Run) -> list[str]:
    one, other = left.about["data"], right.about["data"]
    return [name for name in sorted(one | other) if one.get(name) != other.get(name)]


def _pairs(left: Run, right: Run) -> Mapping[str, str]:
    """The arm of `right` for each comparable arm of `left`."""
    ours = dict.fromkeys(each.arm for each in left.figures)
    theirs = dict.fromkeys(each.arm for each in right.figures)
    if shared := {arm: arm for arm in ours if arm in theirs}:
        return shared
    if len(ours) == len(theirs) == 1:
        return dict(zip(ours, theirs, strict=True))
    raise SettingsError(
        f"the runs share no arm: {', '.join(ours)} in {left.folder}, {', '.join(theirs)} in {right.folder}; "
        "run the same arms"
    )


def _conditions(left: Run, right: Run) -> Iterator[str]:
    for part in ("model", "settings"):
        yield from _unlike(part, left.about[part], right.about[part])
    last = left.about["starts"][-1], right.about["starts"][-1]
    for name in ("commit", "uncommitted", "torch", "transformers", "machine"):
        yield from _unlike("origin", {name: last[0].get(name)}, {name: last[1].get(name)})


def _unlike(part: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*one, *other]):
        if one.get(name) != other.get(name):
            yield f"{part}.{name}: {one.get(name)} against {other.get(name)}"
