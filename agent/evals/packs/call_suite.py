"""Calls to frameworks, completed with the pack and without. Knows no way of choosing memory."""

from collections.abc import Sequence
from functools import cached_property

from ..repository.arms.arm import Context
from ..repository.choosing import Choosing
from ..repository.lines import EXACT, IDENTIFIERS, NLL, judged, names
from ..repository.measures import Measure
from ..repository.package_suite import in_shares
from ..running.suite import Record, Sample, Section
from .bench import PackBench
from .calls import PLACES, Call, CallFinder
from .page import bars
from .stand import NONE, Stand
from .suite import PackSuite

COMPLETED = (IDENTIFIERS, EXACT, NLL)


class CallSuite(PackSuite[Call]):
    """Calls; see `PackSuite`."""

    kind = "calls"

    def __init__(self, bench: PackBench) -> None:
        super().__init__(bench)
        self._choosing = Choosing(bench)

    @property
    def budgets(self) -> Sequence[int]:
        """Positions that memory may take."""
        return self._bench.settings.calls.budgets

    @property
    def arms(self) -> Sequence[str]:
        """No memory, and every way at each of its budgets."""
        return (NONE, *super().arms)

    @cached_property
    def tasks(self) -> Sequence[Call]:
        """Calls of all repositories; what one lacks is taken from those after it."""
        wanted, seed = self._bench.settings.calls, self._bench.settings.seed

        def take(stand: Stand, share: int) -> list[Call]:
            finder = CallFinder(stand.repository, stand.packs, wanted.tail, wanted.longest, seed)
            return finder.find(share, wanted.per_file)

        return in_shares(wanted.count, self._bench.stands.values(), take)

    def record(self, arm: str, task: Call, together: Sequence[Call]) -> Record:
        """See `PackSuite.record`."""
        spot = task.spot
        ask, contexts = self._choosing.at(spot, [each.spot for each in together])
        context = contexts[arm]
        prompt = self._bench.prompt(ask, context)
        self._bench.model.forget()
        longest = self._bench.settings.calls.longest
        made = self._bench.made(prompt, longest, names=context.names)
        bare = self._bench.model.count(self._bench.prompt(ask, Context((), "", 0.0)))
        packs = [pack.label for pack in self._bench.stands[spot.package].packs]
        return {
            **judged(made, spot.rest),
            "place": task.place,
            "true": spot.rest,
            "nats": self._bench.nats(ask, [context], f"{spot.rest}\n")[0],
            "shown": names(context.text, spot.name),
            "held": bool(context.names),
            "packed": any(f"{label}/" in context.text for label in packs),
            "positions": made.positions - bare,
            "choose_ms": round(context.ms, 3),
            "make_ms": round(made.ms, 3),
        }

    @property
    def measures(self) -> Sequence[Measure]:
        """See `PackSuite.measures`."""
        return (
            Measure(IDENTIFIERS, "identifiers"),
            Measure(EXACT, "exact"),
            Measure(NLL, "nats", "nats a token", higher_is_better=False),
            Measure("called name in memory", "shown"),
            Measure("a pack in memory", "packed"),
            Measure("names held to what a pack knows", "held"),
            Measure("positions of memory", "positions", "", higher_is_better=False),
            Measure("choosing memory", "choose_ms", "ms", higher_is_better=False),
            Measure("reading and writing", "make_ms", "ms", higher_is_better=False),
        )

    def sections(self, samples: Sequence[Sample]) -> Sequence[Section]:
        """What the pack gives at all cursors and at those of each place, and how it is done."""
        found = [bars(self.figures(samples), COMPLETED, self.budgets)]
        for place in PLACES:
            own = [sample for sample in samples if sample.record["place"] == place]
            section = bars(self.figures(own), COMPLETED, self.budgets)
            found.append(Section(f"Cursors at the {place}", section.text))
        return [*found, Section("What is completed", HOW)]


HOW = (
    "A repository calls what a framework defines and it does not. The cursor stands behind the parenthesis that opens "
    "the arguments, where one on that line is given by keyword (arguments), or else in front of the name of what is "
    "called (callee), which is not in the text that every prompt holds. The rest of the line is wanted; behind the "
    "cursor there is nothing, neither in the prompt nor in memory. All arms but `none` have the same positions. `pack` "
    "and `without` are what a completion reads, by the text codec: with the packs, which may take their share of the "
    "budget, and with the repository alone; behind the dot of what a pack knows whole, the answer of `pack` is held to "
    "its names. `bm25` has the whole budget for passages of ten lines of the packs' texts."
)
