"""What tests of the suite share."""

from collections.abc import Iterable

from tests.benchmarks.bars import Bar


def named(bars: Iterable[Bar]) -> dict[str, Bar]:
    """Bars by their names."""
    return {bar.name: bar for bar in bars}
