"""`megacontext watch`: keep the memory of a repository fresh until stopped."""

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from megacontext.configs.errors import MegaContextError

from ..console import note, print_json, progress_bar, say
from .options import Json, Model, overrides

if TYPE_CHECKING:
    from megacontext.memory.watching import Batch


def watch(
    repo: Annotated[
        Path | None, typer.Argument(help="The repository. Default: the enclosing one.")
    ] = None,
    gists: Annotated[
        bool | None,
        typer.Option(
            "--gists/--no-gists", help="Also keep the gists fresh. Default: memory.gists."
        ),
    ] = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Keep the index fresh while files change; stop with Ctrl-C."""
    from megacontext.memory.watching import Watcher

    from ..gist_worker import GistWorker
    from ..opening import Workplace

    workplace = Workplace.at(repo, overrides(model__name=model))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with workplace.open_memory(write=True) as memory:
        with progress_bar(not as_json) as bar:
            memory.writer.reconcile(bar)
        worker = (
            GistWorker(workplace, memory, _print_error)
            if (workplace.wants_gists if gists is None else gists)
            else None
        )

        def on_batch(batch: "Batch") -> None:
            _print_batch(batch, as_json)
            if worker:
                worker.wake()

        window_s = workplace.settings.memory.debounce_ms / 1000
        watcher = Watcher(memory.writer, window_s, on_batch, _print_error)
        watcher.start()
        if worker:
            worker.start()
        if as_json:
            print_json({"event": "watching", "root": str(workplace.places.root)})
        else:
            say(f"watching {workplace.places.root}; Ctrl-C stops")
        stop.wait()
        watcher.stop()
        if worker:
            worker.stop()


def _print_batch(batch: "Batch", as_json: bool) -> None:
    report = batch.report
    if as_json:
        print_json(
            {
                "event": "batch",
                "added": report.added,
                "changed": report.changed,
                "removed": report.removed,
                "left_out": report.left_out,
                "latency_ms": round(batch.latency_s * 1000, 1),
                "window_ms": round(batch.window_s * 1000, 1),
            }
        )
        return
    names = [*report.added, *report.changed, *(f"-{path}" for path in report.removed)]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    work = (batch.latency_s - batch.window_s) * 1000
    say(
        f"{', '.join(names[:3])}{more}: fresh in {work:.0f} ms (+ {batch.window_s * 1000:.0f} ms of waiting)"
    )


def _print_error(error: MegaContextError) -> None:
    note(f"error: {error}")
