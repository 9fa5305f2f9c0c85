"""`python -I -m megacontext.agent.sandbox.in_terminal FOLDER`: one program, shut in as always, shown as it writes.

For terminals of other programs, which start this and show it. FOLDER holds the order, and afterwards how it ended.
"""

import base64
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .confinement import Kind
from .launch import Wish, launch
from .process import Limits, Outcome

ORDER, RESULT = "order.json", "result.json"


def command(folder: Path) -> list[str]:
    """The command line of this program."""
    # -I: a repository that has a folder of our name is not where our code comes from.
    return [sys.executable, "-I", "-m", __spec__.name if __spec__ else __name__, str(folder)]


def write_order(folder: Path, kind: Kind, wish: Wish, limits: Limits) -> None:
    """Say what is to be run."""
    wanted = {"kind": kind, "wish": asdict(wish), "limits": asdict(limits)}
    (folder / ORDER).write_text(json.dumps(wanted, default=str), encoding="utf-8")


def read_result(folder: Path) -> Outcome | None:
    """How it ended; None when it was not run to its end."""
    try:
        told = json.loads((folder / RESULT).read_text("utf-8"))
        told["head"], told["tail"] = (base64.b64decode(told[name]) for name in ("head", "tail"))
        return Outcome(**told)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _wish(told: Mapping[str, Any]) -> Wish:
    names = ("hidden", "read_only", "variables")
    tuples = {name: tuple(told[name]) for name in names}
    writable = tuple(map(Path, told["writable"]))
    return Wish(**{**told, **tuples, "root": Path(told["root"]), "writable": writable})


def _stopped_by_signals() -> threading.Event:
    cancel = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: cancel.set())
    return cancel


def main() -> int:
    """Run what the order says; its exit status."""
    folder = Path(sys.argv[1])
    order = json.loads((folder / ORDER).read_text("utf-8"))
    wish, limits = _wish(order["wish"]), Limits(**order["limits"])
    outcome = launch(order["kind"], wish, limits, _stopped_by_signals(), shown_at=1)
    told = asdict(outcome)
    for name in ("head", "tail"):
        told[name] = base64.b64encode(told[name]).decode()
    partial = folder / f"{RESULT}.partial"
    partial.write_text(json.dumps(told), encoding="utf-8")
    partial.replace(folder / RESULT)
    if outcome.failure or outcome.ended:
        os.write(2, f"\n[{outcome.failure or outcome.ended}]\n".encode())
    return outcome.status


if __name__ == "__main__":
    sys.exit(main())
