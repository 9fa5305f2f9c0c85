"""A line of the shell that the person typed themselves: by the same rules and in the same sandbox as the agent's."""

import threading
from collections.abc import Callable

from megacontext.agent.chat.calls import Calls
from megacontext.agent.tools.base import Plan

from .news import News, Printed, Remark

MOST_OUTPUT = 20_000
"""Characters that are shown."""


def run_line(
    calls: Calls, line: str, cancel: threading.Event, tell: Callable[[News], None]
) -> None:
    """Run it, unless a rule or the mode denies that: being asked is done with, since the person typed it."""
    plan = Plan(tool="run", action="run", subject=line, summary=line)
    verdict = calls.permissions.decide(plan)
    if verdict.decision == "deny":
        tell(Remark(f"not run: {verdict.why}", "warn"))
        return
    sandbox = calls.shop.sandbox
    finished = sandbox.run(line, cancel=cancel)
    text = finished.text
    if len(text) > MOST_OUTPUT:
        half = MOST_OUTPUT // 2
        text = f"{text[:half]}\n[{len(text) - MOST_OUTPUT:,} characters not shown]\n{text[-half:]}"
    note = finished.note or f"exit status {finished.status}"
    tell(Printed(line, text.rstrip("\n"), f"{note}; {sandbox.description}", finished.ok))
