"""How far a turn may go, and what it has taken so far. Knows no model and no tool."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from megacontext.configs.settings import ChatSettings
from megacontext.models.base import Cancel, Usage

from .events import Ending, Measures

MALFORMED = 3
"""Answers in a row with calls that cannot be made, after which a turn ends."""


class EndedError(Exception):
    """A turn is over; every way out of the loop but for a fault is one of these."""

    def __init__(self, reason: Ending, detail: str = "") -> None:
        super().__init__(detail)
        self.reason: Ending = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Limits:
    """What one turn may take."""

    queries: int
    """Questions to the model."""
    tokens: int
    """Positions read that did not come from the KV cache, and tokens generated."""
    seconds: float
    """Without the time that a person takes to answer."""
    malformed: int = MALFORMED

    @classmethod
    def of(cls, settings: ChatSettings) -> "Limits":
        """The limits that the settings give."""
        return cls(settings.max_queries, settings.max_tokens, settings.max_seconds)


class Meter:
    """Adds up what a turn takes, and ends it where a limit is reached."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.measures = Measures()
        self.malformed_in_a_row = 0
        self._started = time.perf_counter()
        self.asked = 0.0
        """Seconds in which a person was asked."""

    def check(self) -> None:
        """Raise EndedError if there is nothing left for another question."""
        done, limits = self.measures, self.limits
        if self.seconds >= limits.seconds:
            raise EndedError("limit", f"{limits.seconds:g} seconds (chat.max_seconds)")
        if done.queries >= limits.queries:
            raise EndedError("limit", f"{limits.queries} questions to the model (chat.max_queries)")
        if done.positions - done.reused + done.generated >= limits.tokens:
            raise EndedError("limit", f"{limits.tokens:,} tokens (chat.max_tokens)")

    @property
    def seconds(self) -> float:
        """How long the turn has worked."""
        return time.perf_counter() - self._started - self.asked

    def first_token(self) -> None:
        """The model speaks."""
        if self.measures.first_token_ms is None:
            self.measures = replace(self.measures, first_token_ms=_ms(self.seconds))

    def query(self, usage: Usage, seconds: float) -> None:
        """A question to the model was answered."""
        done = self.measures
        self.measures = replace(
            done,
            queries=done.queries + 1,
            positions=done.positions + usage.positions,
            reused=done.reused + usage.reused,
            generated=done.generated + usage.generated,
            model_ms=round(done.model_ms + seconds * 1000, 1),
        )

    def tool(self, seconds: float) -> None:
        """A tool ran."""
        done = self.measures
        took = round(done.tools_ms + seconds * 1000, 1)
        self.measures = replace(done, calls=done.calls + 1, tools_ms=took)

    def focused(self, expanded: int, collapsed: int, by_level: dict[int, int]) -> None:
        """The working context is another one."""
        done = self.measures
        self.measures = replace(
            done,
            expanded=done.expanded + expanded,
            collapsed=done.collapsed + collapsed,
            by_level=by_level,
        )

    def malformed(self, count: int) -> None:
        """An answer held so many calls that cannot be made; raises EndedError when there were too many in a row."""
        self.measures = replace(self.measures, malformed=self.measures.malformed + count)
        self.malformed_in_a_row = self.malformed_in_a_row + 1 if count else 0
        if self.malformed_in_a_row >= self.limits.malformed:
            raise EndedError(
                "limit",
                f"{self.malformed_in_a_row} answers in a row with calls that cannot be made",
            )

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While a person is asked, no time passes."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.asked += time.perf_counter() - started

    def watch(self, cancel: Cancel | None) -> "Watch":
        """What models and tools look at to learn that they are to stop."""
        return Watch(self, cancel)

    def finish(self) -> Measures:
        """What the turn has taken."""
        self.measures = replace(self.measures, ms=_ms(self.seconds))
        return self.measures


class Watch:
    """Set when the person cancels, or when the time of the turn is over."""

    def __init__(self, meter: Meter, cancel: Cancel | None) -> None:
        self._meter = meter
        self._cancel = cancel

    def is_set(self) -> bool:
        """Whether to stop now."""
        return self._asked or self._meter.seconds >= self._meter.limits.seconds

    def check(self) -> None:
        """Raise EndedError if it is set."""
        if self._asked:
            raise EndedError("cancelled")
        if self.is_set():
            self._meter.check()

    @property
    def _asked(self) -> bool:
        return self._cancel is not None and self._cancel.is_set()


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
