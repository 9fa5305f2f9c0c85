"""The mounted packs of one engine: which of them a query is put to, with what room, and under which rules."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from megacontext.configs.settings import Settings
from megacontext.memory.catalogue import FileRecord
from megacontext.memory.focus import Focused, FocusQuery, FocusSettings, Position, TreeView
from megacontext.memory.focus.evidence import names_at_home
from megacontext.memory.memory import Memory
from megacontext.memory.packs.mounts import Mounted
from megacontext.memory.packs.pack_memory import PackMemory

from ..codecs import Lens
from ..events import Citation
from ..sources import KeptOut, Part
from .calling import likeliest
from .choosing import AT_CURSOR, COMPARED, asked_beside, chosen
from .naming import names_at
from .pack_source import LEAST_ROOM, PackSource, Terms
from .policy import Context, Policy
from .reach import Place, Reach, Reached

ROUNDS = 1
SIGNATURES = 0.8
"""Share of a pack's room for signatures where a question is asked: the room is small, a framework large, and what it
defines is told by a signature and the first words of its documentation."""
PATIENCE = 6
"""Chunks in a row that do not fit before a round gives up: a pack's room is small, and soon full."""


@dataclass(frozen=True, slots=True)
class Found:
    """What packs give to a working context."""

    parts: tuple[Part, ...] = ()
    kept_out: tuple[KeptOut, ...] = ()
    notices: tuple[str, ...] = ()


Given = Iterator[tuple[PackSource, Focused | None]]
"""What each source that was asked gives; None for nothing."""


class Packs:
    """Everything that is mounted beside one memory."""

    def __init__(
        self,
        memory: Memory,
        settings: Settings,
        lens_of: Callable[[Memory, str | None], Lens],
    ) -> None:
        """`lens_of` makes what a memory is read with, in a codec."""
        self._memory = memory
        self._settings = settings
        self._lens_of = lens_of
        self._policy: Policy | None = None
        self._sources: dict[tuple[str, str | None, Context], PackSource] = {}
        self._lenses: dict[tuple[str, str | None], Lens] = {}

    def mounted(self) -> tuple[Mounted, ...]:
        """What is mounted now; the same object while that stays the same."""
        mounts = self._memory.mounts
        return mounts.mounted() if mounts is not None else ()

    def focus(self, query: FocusQuery, lens: Lens, context: Context, codec: str | None) -> Found:
        """What of the packs a query to the repository deserves, within their share of its budget.

        `lens` is the repository's. Raises SettingsError for rules that cannot be read.
        """
        mounted = self.mounted()
        mounts = self._memory.mounts
        notices = mounts.problems if mounts is not None else ()
        room = int(query.budget * self._settings.packs.share)
        if not mounted or room < LEAST_ROOM:
            return Found(notices=notices)
        sources = [self._source(each, context, codec) for each in mounted]
        refusals = {source.name: source.refusal() for source in sources}
        kept_out = [KeptOut(name, rule) for name, rule in refusals.items() if rule]
        open_ones = [source for source in sources if not refusals[source.name]]
        take = self._listed if query.at and context == "complete" else self._focused
        parts: list[Part] = []
        for source, found in take(query, lens, open_ones, room):
            kept_out += source.kept_out
            if found is not None:
                parts.append(Part(source, found, source.frame))
        # In the order of their names, whichever knows more: what stands first in a prompt is to stay.
        parts.sort(key=lambda part: part.source.name)
        return Found(tuple(parts), tuple(kept_out), notices)

    def _focused(
        self, query: FocusQuery, lens: Lens, sources: Sequence[PackSource], room: int
    ) -> Given:
        """What those packs that know most give, as chunks."""
        with self._memory.reading():
            lens.tree.refresh()
            asked = asked_beside(query, self._memory, lens.tree)
            own = partial(lens.features.best, query, COMPARED)
            rivals = [source.rival for source in sources]
            best = chosen(rivals, asked, own, self._settings.packs.most)
        by_id = {source.mounted.mount.id: source for source in sources}
        for each in best:
            source = by_id[each.mounted.mount.id]
            share = min(room, int(query.budget * min(source.share, each.share)))
            found = source.focus(replace(asked.query, budget=max(0, share)))
            if found is not None:
                room -= found.total_cost + source.frame
            yield source, found

    def _listed(
        self, query: FocusQuery, lens: Lens, sources: Sequence[PackSource], room: int
    ) -> Given:
        """What can be called at the cursor, as calls."""
        assert query.at is not None, "there is a cursor"
        with self._memory.reading():
            lens.tree.refresh()
            home = names_at_home(lens.tree, query.at.path)
            place = Place.of(self._text_before(query), home)
            reached = _reached(sources, place)
            best = likeliest(
                [each for _, each in reached], place, self._memory.catalogue.document_counts
            )
        owner = {id(each): source for source, each in reached}
        wanted: dict[str, list[tuple[float, Reached]]] = {}
        for score, each in best:
            wanted.setdefault(owner[id(each)].name, []).append((score, each))
        by_name = {source.name: source for source in sources}
        room = min(room, int(query.budget * AT_CURSOR))
        for name in list(wanted)[: self._settings.packs.most]:
            source = by_name[name]
            found = source.list(wanted[name], min(room, int(query.budget * source.share)))
            if found is not None:
                room -= found.total_cost + source.frame
            yield source, found

    def names_at(self, text: str, at: Position, tree: TreeView) -> tuple[str, ...]:
        """All names that may go on behind a dot before the cursor, without what is typed; none where that is not known.

        `text` is that of the file up to the cursor, `tree` the repository's. What a rule keeps out of completions tells
        nothing.
        """
        place = Place.of(text, ())
        name = place.receiver.rpartition(".")[2]
        # Names do not say which file they are of, so rules of files keep all of them out.
        if (
            not name
            or not self.mounted()
            or self._terms("complete").policy.judges_files("complete")
        ):
            return ()
        with self._memory.reading():
            is_own = bool(self._memory.catalogue.paths_named(name))
            place = Place.of(text, names_at_home(tree, at.path))
        sources = [self._source(each, "complete", None) for each in self.mounted()]
        open_ones = [source for source in sources if not source.refusal()]
        typed = place.line.removeprefix(place.line[: place.line.rfind(".") + 1])
        for source in _imported(open_ones, place):
            if is_own and not place.takes(name, source.memory.roots):
                continue  # the repository has a module of this name
            with source.memory.reading():
                found = names_at(source.reach, place)
            fits = {each for each in found if each.isascii() and each.isidentifier()}
            fits = {each for each in fits if typed.startswith("_") or not each.startswith("_")}
            if going_on := {each[len(typed) :] for each in fits if each.startswith(typed)}:
                return tuple(sorted(going_on))
        return ()

    def _text_before(self, query: FocusQuery) -> str:
        """The cursor's file up to the cursor, its line as it is typed."""
        assert query.at is not None, "there is a cursor"
        text = (self._memory.read(query.at.path) or b"").decode("utf-8", "replace")
        lines = text.split("\n")[: query.at.line]
        above = [f"{line}\n" for line in lines[: query.at.line - 1]]
        typed = query.typed or "".join(lines[query.at.line - 1 :])[: query.at.column - 1]
        return "".join((*above, typed))

    def forget(self) -> None:
        """Let the next focus depend on its query alone."""
        for source in self._sources.values():
            source.forget()

    def place_of(self, shown: str) -> FileRecord | None:
        """The file of a mounted pack that a shown path names; None for any other path."""
        memory, path = self._split(shown)
        if memory is None:
            return None
        with memory.reading():
            return memory.catalogue.file(path)

    def attributed(self, citation: Citation) -> Citation:
        """A citation with the provenance of its lines, where they are those of a pack."""
        memory, path = self._split(citation.path)
        if memory is None or citation.standing == "invented":
            return citation
        where = memory.provenance(path, citation.start_line, citation.end_line, b"")
        return replace(citation, provenance=where.as_json())

    def _split(self, shown: str) -> tuple[PackMemory | None, str]:
        for each in self.mounted():
            if shown.startswith(f"{each.memory.label}/"):
                return each.memory, shown.removeprefix(f"{each.memory.label}/")
        return None, shown

    def _source(self, mounted: Mounted, context: Context, codec: str | None) -> PackSource:
        key = mounted.mount.id, codec, context
        known = self._sources.get(key)
        if known is None or known.mounted is not mounted:
            share = self._settings.packs.share
            wanted = mounted.mount.share
            known = PackSource(
                mounted,
                self._lens(mounted, codec),
                self._terms(context),
                share if wanted is None else min(share, wanted),
            )
            self._sources[key] = known
        return known

    def _lens(self, mounted: Mounted, codec: str | None) -> Lens:
        key = mounted.mount.id, codec
        if key not in self._lenses:
            self._lenses[key] = self._lens_of(mounted.memory, codec)
        return self._lenses[key]

    def _terms(self, context: Context) -> Terms:
        if self._policy is None:
            self._policy = Policy.of(self._settings.packs)
        wanted = self._settings.focus
        settings = FocusSettings(
            # Elsewhere room that is left empty is the repository's: what is only likely of use is not taken in.
            cursor_minimum=0.0,
            step=wanted.max_actions_per_round,
            cooldown=wanted.cooldown_rounds,
            rounds=min(wanted.rounds, ROUNDS),
            patience=PATIENCE,
        )
        if context != "complete":
            settings = replace(settings, overview=SIGNATURES, breadth=COMPARED)
        return Terms(context, self._policy, settings)


def _reached(sources: Iterable[PackSource], place: Place) -> list[tuple[PackSource, Reached]]:
    """What can be called in those packs that the file imports; what is being called goes before all else."""
    near = _imported(sources, place)
    for look in (Reach.called, Reach.at):
        found = []
        for source in near:
            with source.memory.reading():
                found += [(source, each) for each in look(source.reach, place)]
        if found:
            break
    return found


def _imported(sources: Iterable[PackSource], place: Place) -> list[PackSource]:
    """Those that the file at a place imports."""
    return [each for each in sources if not each.memory.roots.isdisjoint(place.imported)]
