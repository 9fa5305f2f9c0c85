"""The project's own checks after an edit: the commands of `tools.checks`, as plans that permissions decide on."""

from dataclasses import dataclass

from megacontext.models.base import Cancel

from ..permissions.permissions import CHECK
from ..sandbox.shown import bounded
from .base import Plan, Shop
from .run import ending

MOST_CHARS = 6_000
"""Of a check's output, for the model; less if `tools.output_chars` is."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How a check went."""

    command: str
    ok: bool
    text: str
    """For the model: what went wrong, "" when nothing did."""
    summary: str
    """One line for people."""


def planned_checks(shop: Shop) -> tuple[Plan, ...]:
    """A plan for each check, in the order of the settings; ask `Permissions.decide` before any is run."""
    return tuple(
        Plan(tool=CHECK, action="run", subject=command, summary=f"check {command}")
        for command in shop.settings.tools.checks
    )


def run_check(plan: Plan, shop: Shop, cancel: Cancel | None = None) -> Checked:
    """Run one check; raises SandboxError when nothing can be run."""
    finished = shop.sandbox.run(plan.subject, cancel=cancel)
    told = ending(finished)
    most = min(MOST_CHARS, shop.settings.tools.output_chars)
    text = f"{bounded(finished.text.rstrip(), most)}\n[{told}]"
    summary = f"{plan.subject}: {told}"
    return Checked(plan.subject, finished.ok, "" if finished.ok else text, summary)
