"""What was promised, what was measured, and how the two compare. Knows no benchmark."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any, Literal

Verdict = Literal["met", "missed", "reported", "not measured"]


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure. Without `at_most` or `at_least` it is reported and judged by nobody."""

    name: str
    measured: float | None
    """None where it could not be measured; the note says why. It is never taken for met."""
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""
    """Spread and circumstances."""
    of: str = ""
    """Whose figure it is, where several things are measured alike; they stand side by side."""
    at: float | None = None
    """Tokens of the repository, where the figure is a point of a curve."""

    @property
    def ratio(self) -> float | None:
        """How much of the bar is used up: 1 is just met, more is missed. None where there is no such share."""
        if self.measured is None:
            return None
        if self.at_most is not None:
            return self.measured / self.at_most if self.at_most else 1.0 + self.measured
        if self.at_least:
            return self.at_least / self.measured if self.measured > 0 else float("inf")
        return None

    @property
    def verdict(self) -> Verdict:
        if self.measured is None:
            return "not measured"
        if self.at_most is not None:
            return "met" if self.measured <= self.at_most else "missed"
        if self.at_least is not None:
            return "met" if self.measured >= self.at_least else "missed"
        return "reported"

    @property
    def wanted(self) -> str:
        if self.at_most is not None:
            return f"≤ {amount(self.at_most, self.unit)}"
        if self.at_least is not None:
            return f"≥ {amount(self.at_least, self.unit)}"
        return ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio, "verdict": self.verdict}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Bar":
        """A bar that was kept, perhaps by an earlier version that knew fewer of its fields."""
        return cls(**{key: data[key] for key in cls.__slots__ if key in data})


def amount(value: float | None, unit: str) -> str:
    """A number with its unit, in as many digits as it is worth."""
    if value is None:
        return "–"
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}{' ' if unit else ''}{unit}"


def spread(values: Sequence[float], unit: str = "") -> str:
    """Smallest and largest of some measurements, and how many there are."""
    return f"{amount(min(values), '')} to {amount(max(values), unit)} over {len(values)}"


def p50(values: Sequence[float]) -> float:
    return median(values)


def p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
