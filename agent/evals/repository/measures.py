"""From records to figures: which number of a record is which measure. Knows no task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..running.figures import SHARE, Figure
from ..running.suite import Sample


@dataclass(frozen=True)
class Measure:
    """One figure of every arm."""

    name: str
    key: str
    """Of the record; records without it are left out."""
    unit: str = SHARE
    higher_is_better: bool = True


def figures_of(
    samples: Sequence[Sample], measures: Sequence[Measure], groups: Mapping[str, str]
) -> list[Figure]:
    """Each measure of each arm, over the tasks that have it."""
    arms = dict.fromkeys(sample.arm for sample in samples)
    return [
        figure
        for measure in measures
        for arm in arms
        if (figure := _figure(samples, measure, arm, groups)).values
    ]


def _figure(
    samples: Sequence[Sample], measure: Measure, arm: str, groups: Mapping[str, str]
) -> Figure:
    values = {
        sample.task: float(value)
        for sample in samples
        if sample.arm == arm and isinstance(value := sample.record.get(measure.key), int | float)
    }
    own = {task: groups[task] for task in values}
    return Figure(measure.name, arm, values, own, measure.unit, measure.higher_is_better)
