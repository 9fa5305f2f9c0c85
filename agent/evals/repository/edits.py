"""Lines completed right after an edit in another file: is memory fresh, and how much need not be read again?"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydantic import JsonValue

from ..reports import table
from ..running.suite import Record, Sample, Section
from .arms.arm import Ask, Context
from .bench import Bench
from .editing import EditTask, edit_at
from .lines import EXACT, IDENTIFIERS, NLL, judged, spots_of
from .measures import Measure
from .package_suite import PackageSuite
from .page import about_arms, by_budget

GAIN = "NLL saved by the edit"
MEASURES = (
    Measure(EXACT, "exact"),
    Measure(IDENTIFIERS, "identifiers"),
    Measure("edit similarity", "similarity"),
    Measure(NLL, "nats", "nats a token", higher_is_better=False),
    Measure(GAIN, "saved", "nats a token"),
    Measure("edit in memory", "shown"),
    Measure("KV reused", "reused"),
    Measure("choosing memory", "choose_ms", "ms", higher_is_better=False),
    Measure("reading and writing", "make_ms", "ms", higher_is_better=False),
)
TRIED = 3
"""Times as many spots as edits are looked at: what many need cannot be edited."""


@dataclass(frozen=True)
class Traced:
    """What every arm chose at one spot, before the edit and right after it."""

    ask: Ask
    stale: Mapping[str, Context]
    fresh: Mapping[str, Context]
    ready_ms: float
    """From the edit until memory had read it."""


class EditSuite(PackageSuite[EditTask]):
    """Lines after edits; see `PackageSuite`."""

    kind = "edits"
    measures = MEASURES

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._known: dict[str, Traced] = {}

    @property
    def wanted(self) -> dict[str, JsonValue]:
        """See `PackageSuite.wanted`."""
        return super().wanted | {"longest": self._bench.settings.lines.longest}

    @cached_property
    def tasks(self) -> Sequence[EditTask]:
        """An edit for every spot that can have one, in equal shares from the packages."""
        settings, bench = self._bench.settings, self._bench
        spots = spots_of(bench, TRIED * settings.edits.count, TRIED * settings.edits.per_file)
        found: list[EditTask] = []
        taken: Counter[str] = Counter()
        share = -(-settings.edits.count // len(bench.repositories))
        for spot in spots:
            if taken[spot.package] < share:
                edit = edit_at(bench.repositories[spot.package], spot, settings.seed)
                if edit is not None:
                    taken[spot.package] += 1
                    found.append(edit)
        return found[: settings.edits.count]

    def record(self, arm: str, task: EditTask, together: Sequence[EditTask]) -> Record:
        """See `PackageSuite.record`."""
        bench, longest = self._bench, self._bench.settings.lines.longest
        traced = self._traced(task, together)
        stale, fresh = traced.stale[arm], traced.fresh[arm]
        bench.model.forget()
        bench.made(bench.prompt(traced.ask, stale), 1)
        made = bench.made(bench.prompt(traced.ask, fresh), longest)
        before, after = bench.nats(traced.ask, [stale, fresh], f"{task.spot.rest}\n")
        return {
            **judged(made, task.spot.rest),
            "kind": task.kind,
            "nats": after,
            "saved": before - after,
            "shown": task.is_told(fresh.text),
            "reused": made.reused / made.positions,
            "prompt": made.positions,
            "ready_ms": round(traced.ready_ms, 3),
            "choose_ms": round(fresh.ms, 3),
            "make_ms": round(made.ms, 3),
        }

    def _traced(self, task: EditTask, together: Sequence[EditTask]) -> Traced:
        if task.id not in self._known:
            wanted = {each.id for each in together}
            self._known = {id_: each for id_, each in self._known.items() if id_ in wanted}
            self._known[task.id] = self._trace(task)
        return self._known[task.id]

    def _trace(self, task: EditTask) -> Traced:
        spot, bench = task.spot, self._bench
        repository = bench.repositories[spot.package]
        with (
            repository.edited(task.path, task.stale),
            repository.edited(spot.path, spot.before.encode()),
        ):
            ask = bench.ask(spot)
            stale = bench.contexts(ask)
            started = time.perf_counter()
            with repository.edited(task.path, task.fresh):
                ready_ms = 1000 * (time.perf_counter() - started)
                return Traced(ask, stale, bench.contexts(ask), ready_ms)

    def sections(self, samples: Sequence[Sample]) -> Sequence[Section]:
        """What freshness is worth, by kind of edit, and what the arms are."""
        found, plan = self.figures(samples), self._bench.plan
        return [
            by_budget(found, (IDENTIFIERS, NLL, GAIN), plan),
            _by_kind(samples),
            about_arms(self._bench),
        ]


def _by_kind(samples: Sequence[Sample]) -> Section:
    """For each kind of edit, in how many working contexts it stands, by arm."""
    kinds = sorted({str(sample.record["kind"]) for sample in samples})
    arms = dict.fromkeys(sample.arm for sample in samples)
    rows = []
    for arm in arms:
        own = [sample.record for sample in samples if sample.arm == arm]
        cells = []
        for kind in kinds:
            those = [record for record in own if record["kind"] == kind]
            cells.append(f"{sum(bool(each['shown']) for each in those)} of {len(those)}")
        rows.append([arm, *cells])
    text = (
        "A definition is *added* to a file, or *renamed* there, or a parameter of it is *changed*; right after that a "
        "line of another file that uses it is completed: from the new name on, or behind the name. How often the new "
        "definition, or the new parameter, stands in memory as text:"
    )
    return Section("Kinds of edits", f"{text}\n\n{table(['arm', *kinds], rows)}")
