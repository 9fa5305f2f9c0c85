"""Knowledge packs of what Python programs stand on: built, taken in, mounted, and beside a repository in focus."""

import os
import random
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.agent.engine import Engine
from megacontext.agent.opening import Workplace
from megacontext.agent.packs.making import Wish, gathered, make_pack, take_in
from megacontext.agent.packs.origins import Named
from megacontext.agent.packs.sizes import stored_sizes
from megacontext.agent.packs.verifying import verify_stored
from megacontext.memory.focus import FocusQuery
from megacontext.memory.packs.mounts import Mount, Mounts, mount, unmount
from megacontext.memory.packs.signing import Signer
from megacontext.memory.packs.store import StoredPack
from megacontext.memory.packs.unpacking import Reader

from .bars import Bar, p50, p95, spread
from .corpora import SEED, git
from .focus_bench import COMMAND, _places, _questions
from .machine import ROOT

ORIGINS = (
    "stdlib",
    *(f"installed:{name}" for name in ("torch", "transformers", "textual", "pygls", "pytest")),
)
QUICK = ("stdlib", "installed:textual", "installed:pygls", "installed:pytest")
WITH_GISTS = "installed:pygls"
"""The smallest of them, once more with gists: what they take is the same for each token."""
QUERIES = 40
"""Of each kind."""
WARM_UP = 6
MOUNTS = 20


@dataclass
class Made:
    """One pack on its way."""

    stored: StoredPack
    build_s: float
    add_s: float
    bytes: int
    sizes: str
    """Of its parts on this machine, per million tokens."""
    is_same: bool
    """The root that was built is the root that was taken in, and everything in it is whole."""

    @property
    def tokens(self) -> int:
        return self.stored.manifest.trees[0].tokens


@dataclass
class Subject:
    """One copy of the repository, open."""

    engine: Engine
    took: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, kind: str, query: FocusQuery, *, warm: bool) -> int:
        """Focus and read; how many packs had something to say."""
        context = "complete" if query.at else "ask"
        started = time.perf_counter()
        composed, _ = self.engine.focus_and_read(query, context=context)
        took = (time.perf_counter() - started) * 1000
        assert 0 < composed.total_cost <= query.budget
        if warm:
            self.took.setdefault(kind, []).append(took)
        return len(composed.parts) - 1

    @property
    def all(self) -> list[float]:
        return [took for each in self.took.values() for took in each]


def measure(quick: bool) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-") as name:
        folder = Path(name).resolve()
        settings = {"packs.store": str(folder / "store")}
        roots = [_repository(folder / part) for part in ("alone", "beside")]
        places = [Workplace.at(root, settings) for root in roots]
        signer = Signer.load(folder / "key")
        made = [
            _make(places[1], origin, folder, signer) for origin in (QUICK if quick else ORIGINS)
        ]
        with_gists = _make(places[1], WITH_GISTS, folder, signer, gists=True)
        largest = max(made, key=lambda each: each.tokens)
        mounting = _mounting(places[1], largest.stored)
        command = _command(places[1], largest.stored)
        for each in made:
            mount(places[1].places, Mount.of(each.stored.manifest))
        focusing = _focusing(places, made, QUERIES // 5 if quick else QUERIES)
    total = sum(each.tokens for each in made)
    return [
        Bar(
            "packs whose root is the one that was built",
            sum(each.is_same for each in made) / len(made) * 100,
            "%",
            at_least=100,
            note=f"{len(made)} packs, {total:,} tokens, every row and digest checked",
        ),
        Bar(
            "mounting a pack and opening it, p50",
            p50(mounting),
            "ms",
            at_most=200,
            note=f"{largest.stored.manifest.label}, {largest.tokens:,} tokens; {spread(mounting, 'ms')}",
        ),
        Bar("megacontext pack add NAME of it, a new process", command, "s"),
        *focusing,
        *(_size(each) for each in made),
        _size(with_gists),
    ]


def _repository(root: Path) -> Path:
    """This project, as it is committed."""
    git(ROOT, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(root))
    with Workplace.at(root).open_memory(write=True) as memory:
        memory.writer.reconcile()
    return root


def _make(
    workplace: Workplace, origin: str, folder: Path, signer: Signer, *, gists: bool = False
) -> Made:
    name = f"{origin.rpartition(':')[2]}-gists" if gists else ""
    files = gathered(workplace, origin, Wish(Named(name=name)))
    path = folder / f"{files.identity.name}.mcpack"
    started = time.perf_counter()
    built = make_pack(workplace, files, path, signer, gists=gists)
    build_s, started = time.perf_counter() - started, time.perf_counter()
    stored = take_in(workplace, path)
    add_s = time.perf_counter() - started
    with stored.open(Reader(workplace.spec(), workplace.tokenizer)) as memory:
        root = memory.root_key
    is_same = root is not None and root.hex() == built.manifest.trees[0].root
    _, errors = verify_stored(workplace, stored)
    told = (f"{size.part} {size.per_million / 1e6:.1f} MB" for size in stored_sizes(stored))
    size = path.stat().st_size
    return Made(stored, build_s, add_s, size, ", ".join(told), is_same and not errors)


def _mounting(workplace: Workplace, pack: StoredPack) -> list[float]:
    """From the record to a pack that can be searched, each time anew."""
    reader = Reader(workplace.spec(), workplace.tokenizer)
    times = []
    for _ in range(MOUNTS):
        mounts = Mounts(workplace.places, workplace.pack_store, reader)
        started = time.perf_counter()
        mount(workplace.places, Mount.of(pack.manifest))
        (mounted,) = mounts.mounted()
        assert mounted.memory.catalogue.symbols_named("forward", 1) is not None
        times.append((time.perf_counter() - started) * 1000)
        mounts.close()
        unmount(workplace.places, pack.manifest.name)
    return times


def _command(workplace: Workplace, pack: StoredPack) -> float:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        arguments = ["pack", "add", pack.manifest.label, "--repo", str(workplace.places.root)]
        variables = {"MEGACONTEXT_PACKS__STORE": str(workplace.pack_store.folder)}
        subprocess.run(
            [COMMAND, *arguments], check=True, capture_output=True, env={**os.environ, **variables}
        )
        times.append(time.perf_counter() - started)
    return p50(times)


def _focusing(places: Sequence[Workplace], made: Sequence[Made], count: int) -> list[Bar]:
    """The same queries to two copies of a repository, of which one has packs beside it, in turns."""
    subjects = []
    for workplace in places:
        memory = workplace.open_memory(write=True)
        engine = Engine(workplace, memory)
        engine.refresh()
        subjects.append(Subject(engine))
    alone, beside = subjects
    kinds = {
        "a question about the repository": _questions(alone.engine, count),
        "a question about a framework": _about(beside.engine, made, count),
        "a place": _places(alone.engine, count),
    }
    said = dict.fromkeys(kinds, 0)
    for number in range(count):
        for kind, queries in kinds.items():
            order = subjects if number % 2 else subjects[::-1]
            for subject in order:
                found = subject.ask(kind, queries[number], warm=number >= min(WARM_UP, count // 2))
                said[kind] += found > 0
    for subject in subjects:
        subject.engine.memory.close()
    tokens = sum(each.tokens for each in made)
    ratio = p50(beside.all) / p50(alone.all)
    return [
        Bar(
            f"focus with {len(made)} packs against without, p50",
            ratio,
            "×",
            at_most=2,
            note=f"{tokens:,} tokens in packs; {p50(beside.all):.1f} against {p50(alone.all):.1f} ms, "
            f"{len(beside.all)} queries",
        ),
        Bar("the same, p95", p95(beside.all) / p95(alone.all), "×"),
        *(
            Bar(
                f"on {kind}, p50",
                p50(beside.took[kind]) / p50(alone.took[kind]),
                "×",
                note=f"{p50(beside.took[kind]):.1f} against {p50(alone.took[kind]):.1f} ms; packs had something "
                f"to say to {said[kind]} of {count}",
            )
            for kind in kinds
        ),
    ]


def _about(engine: Engine, made: Sequence[Made], count: int) -> list[FocusQuery]:
    """First lines of documentation of the packs' own definitions, with the name of the pack."""
    rng = random.Random(SEED)
    mounts = engine.memory.mounts
    assert mounts is not None
    asked = []
    for each in mounts.mounted():
        rows = each.memory.db.execute(
            "SELECT DISTINCT doc FROM symbols WHERE length(doc) > 30 ORDER BY doc LIMIT 4000"
        ).fetchall()
        asked += [(each.mount.name, doc) for (doc,) in rng.sample(rows, min(len(rows), count))]
    budget = engine.settings.focus.budget
    return [FocusQuery(f"{name}: {doc}", budget=budget) for name, doc in rng.sample(asked, count)]


def _size(made: Made) -> Bar:
    return Bar(
        f"{made.stored.manifest.label}: the file",
        made.bytes * 1e6 / max(1, made.tokens) / 1e6,
        "MB per million tokens",
        note=f"{made.tokens:,} tokens, built in {made.build_s:.0f} s and taken in in {made.add_s:.0f} s; "
        f"unpacked, per million tokens: {made.sizes}",
    )
