"""Function bodies, written under every arm and judged by the packages' own tests. Knows no way of choosing."""

import ast
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import islice

from ..reports import table
from ..running.suite import Record, Sample, Section
from .bench import Bench
from .bodies import Body, bodies_in, body_of
from .choosing import Choosing
from .likeness import edit_similarity, identifier_f1, is_exact
from .measures import Measure
from .package_suite import PackageSuite, in_shares
from .page import about_arms, by_budget
from .testing import PackageTests

PASS, BODY_NLL = "pass rate", "NLL of the true body"
MEASURES = (
    Measure(PASS, "passed"),
    Measure("exact match", "exact"),
    Measure("identifier F1", "identifiers"),
    Measure("edit similarity", "similarity"),
    Measure(BODY_NLL, "nats", "nats a token", higher_is_better=False),
    Measure("choosing memory", "choose_ms", "ms", higher_is_better=False),
    Measure("reading and writing", "make_ms", "ms", higher_is_better=False),
)


class BodySuite(PackageSuite[Body]):
    """Function bodies; see `PackageSuite`."""

    kind = "bodies"
    measures = MEASURES

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._choosing = Choosing(bench)
        self._tests: dict[str, PackageTests] = bench.tests()

    @cached_property
    def tasks(self) -> Sequence[Body]:
        """Functions of the packages whose tests run: the tests pass as it is, and fail without the body."""
        return in_shares(self._bench.settings.bodies.count, self._tests, self._tested)

    def _tested(self, package: str, share: int) -> list[Body]:
        settings, tests = self._bench.settings, self._tests[package]
        bodies = bodies_in(self._bench.repositories[package], settings.bodies.lines, settings.seed)
        return list(islice((body for body in bodies if _is_tested(body, tests)), share))

    def record(self, arm: str, task: Body, together: Sequence[Body]) -> Record:
        """See `PackageSuite.record`."""
        bench, true = self._bench, task.spot.rest
        ask, contexts = self._choosing.at(task.spot, [each.spot for each in together])
        context = contexts[arm]
        bench.model.forget()
        longest = bench.settings.bodies.longest
        made = bench.made(bench.prompt(ask, context), longest, line=False)
        body = body_of(made.text, task.indent)
        why = _failure(task, body, self._tests[task.spot.package])
        return {
            "made": body,
            "passed": not why,
            "why": why,
            "exact": is_exact(body, true),
            "similarity": edit_similarity(body, true),
            "identifiers": identifier_f1(body, true),
            "nats": bench.nats(ask, [context], f"{true}\n", longest)[0],
            "prompt": made.positions,
            "choose_ms": round(context.ms, 3),
            "make_ms": round(made.ms, 3),
        }

    def sections(self, samples: Sequence[Sample]) -> Sequence[Section]:
        """By budget, why bodies failed, and what the arms are."""
        found = self.figures(samples)
        why = Counter(str(each.record["why"]) for each in samples if each.record["why"])
        rows = [[reason, str(count)] for reason, count in why.most_common(12)]
        text = (
            f"Packages: {', '.join(self._tests)}. A function counts only if its package's tests pass as it is, and "
            "fail without its body. Tests run in the sandbox on a copy.\n\n"
        )
        return [
            by_budget(found, (PASS, "identifier F1", BODY_NLL), self._bench.plan),
            Section("Why bodies failed", text + table(["reason", "bodies"], rows)),
            about_arms(self._bench),
        ]


def _is_tested(body: Body, tests: PackageTests) -> bool:
    whole = body.file_with(body.spot.rest)
    return not tests.failure(body.spot.path, whole) and bool(
        tests.failure(body.spot.path, body.missing)
    )


def _failure(task: Body, body: str, tests: PackageTests) -> str:
    """Why a body fails; what is no sound Python is not run."""
    text = task.file_with(body)
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return "no sound Python"
    return tests.failure(task.spot.path, text)
