"""`megacontext chat`: the agent, in the terminal app or, with `-p`, for one message without anybody to ask.

Exit codes of `-p`: 0 done, 1 error, 2 misuse, 3 a limit was reached, 4 something was not allowed, 130 cancelled.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperCommand

from ..console import note, print_json, say, write
from .opened import fresh_engine
from .options import Codec, Model, Repo, overrides

if TYPE_CHECKING:
    from pathlib import Path

    from ..chat.agent import Agent
    from ..chat.events import TurnEnded
    from ..chat.opening import Wanted
    from ..events import Event

EXIT_CODES = {"done": 0, "error": 1, "limit": 3, "refused": 4, "cancelled": 130}
MOST_PIPED = 4_000_000
"""Bytes read from standard input; no model reads more."""
LISTED = 20
PICK = ""
"""In place of an id: the one that the person chooses."""


class Command(TyperCommand):
    """Lets `--resume` stand without an id, which typer's own options cannot."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read `--resume`, followed by nothing or by another option, as `--resume=`."""
        following = [*args[1:], "-"]
        read = [
            f"{each}={PICK}" if each == "--resume" and then.startswith("-") else each
            for each, then in zip(args, following, strict=False)
        ]
        return super().parse_args(ctx, read)


class Output(StrEnum):
    """How `-p` tells what happens."""

    text = "text"
    json = "json"
    stream_json = "stream-json"


class Mode(StrEnum):
    """What may happen without asking."""

    ask = "ask"
    accept_edits = "accept-edits"
    plan = "plan"
    allow = "allow"


def chat(
    first: Annotated[
        str, typer.Argument(metavar="MESSAGE", help="What to send first in the terminal app.")
    ] = "",
    message: Annotated[
        str | None,
        typer.Option(
            "-p",
            "--print",
            metavar="TEXT",
            help="Send this one message and leave; `-` reads it from standard input. Anything piped in is added to it.",
        ),
    ] = None,
    output: Annotated[
        Output,
        typer.Option("--output", help="With -p: the answer, one JSON object, or every event."),
    ] = Output.text,
    mode: Annotated[
        Mode | None,
        typer.Option(
            "--mode",
            help="What may happen without asking; `allow` is everything. Default: settings.",
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="RULE",
            help="Do not ask about this, such as 'run(pytest *)'; repeatable.",
        ),
    ] = None,
    go_on: Annotated[
        bool, typer.Option("-c", "--continue", help="Go on with the latest session.")
    ] = False,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume",
            metavar="[ID]",
            help="Go on with a session; its id may be shortened. Without one, choose it from a list.",
        ),
    ] = None,
    fork: Annotated[
        bool, typer.Option("--fork", help="Go on in a copy; the session itself stays as it is.")
    ] = False,
    max_turns: Annotated[
        int | None,
        typer.Option(
            "--max-turns",
            metavar="N",
            min=1,
            help="Questions to the model. Default: chat.max_queries.",
        ),
    ] = None,
    codec: Codec = None,
    repo: Repo = None,
    model: Model = None,
) -> None:
    """Work on the repository with an agent: it reads, edits, runs and asks before it does."""
    from ..chat.opening import LATEST, Wanted

    if go_on and resume is not None:
        raise typer.BadParameter("give one of --continue and --resume")
    if fork and not go_on and resume is None:
        raise typer.BadParameter("--fork copies a session: name it with --continue or --resume")
    if message is None and (output is not Output.text or mode is Mode.allow):
        raise typer.BadParameter("--output and --mode allow are for -p")
    if message is not None and first:
        raise typer.BadParameter("give the message once, behind -p or without it")
    session = LATEST if go_on else _picked(repo) if resume == PICK else resume
    chosen = cast("Any", mode.value if mode else None)
    wanted = Wanted(session, fork, chosen, tuple(allow or ()), first)
    flags = overrides(model__name=model, focus__codec=codec, chat__max_queries=max_turns)
    if message is None:
        raise typer.Exit(_on_screen(repo, flags, wanted))
    raise typer.Exit(_print(repo, flags, wanted, _with_piped(message), output))


# On a screen


def _on_screen(repo: "Path | None", flags: dict[str, object], wanted: "Wanted") -> int:
    from ..opening import Workplace
    from .front_end import open_front_end

    workplace = Workplace.at(repo, flags)
    return open_front_end("chat", workplace, wanted, otherwise="; give a message with -p")


def _picked(repo: "Path | None") -> str:
    from pathlib import Path

    from megacontext.memory.places import find_places

    from ..chat.sessions.store import Sessions

    listed = Sessions(find_places(repo or Path.cwd())).list()[:LISTED]
    if not (listed and sys.stdin.isatty()):
        why = "there is no terminal to choose on" if listed else "there is no session yet"
        raise typer.BadParameter(f"{why}; `megacontext sessions` lists them")
    for number, info in enumerate(listed, start=1):
        note(f"{number:3}  {info.id}  {info.turns:3} turns  {info.title}")
    chosen: int = typer.prompt("Session", type=int, default=1, err=True)
    if not 1 <= chosen <= len(listed):
        raise typer.BadParameter(f"there is no number {chosen} in the list")
    return listed[chosen - 1].id


# For one message


def _with_piped(message: str) -> str:
    """The message, with what stands in standard input behind it."""
    piped = ""
    if sys.stdin is not None and not sys.stdin.isatty():
        piped = sys.stdin.buffer.read(MOST_PIPED).decode("utf-8", "replace").strip()
    parts = [part for part in ("" if message == "-" else message, piped) if part]
    if not parts:
        raise typer.BadParameter("the message is empty")
    return "\n\n".join(parts)


def _print(
    repo: "Path | None", flags: dict[str, object], wanted: "Wanted", message: str, output: Output
) -> int:
    from ..chat.calls import Nobody
    from ..chat.opening import open_agent

    with fresh_engine(repo, flags, quiet=output is not Output.text) as engine:
        agent = open_agent(engine, Nobody(), wanted)
        try:
            with _cancelled_by_signals() as cancel:
                ended = _TELLERS[output](agent, agent.send(message, cancel))
        finally:
            agent.close()
    return EXIT_CODES[ended.reason]


@contextmanager
def _cancelled_by_signals() -> Iterator[threading.Event]:
    """Set when somebody interrupts or ends the program; the second time the program ends at once."""
    cancel = threading.Event()
    before: dict[signal.Signals, Any] = {}

    def stop(number: int, _: object) -> None:
        cancel.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, stop)
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell_text(agent: "Agent", events: "Iterator[Event]") -> "TurnEnded":
    """The last answer on standard output, what happens on standard error; on a terminal all text as it comes."""
    from ..events import Cited, Token

    live, talking, shown = sys.stdout.isatty(), False, False
    for event in events:
        if isinstance(event, Token):
            talking = True
            if live:
                write(event.text)
            continue
        if talking and live:
            say()
        talking = False
        if isinstance(event, Cited):
            shown = True
            say(f"{event.path}:{event.start_line}-{event.end_line}")
        elif line := _line(event):
            note(line)
    if not live and not shown and (answer := agent.session.conversation.current.answer.strip()):
        say(answer)
    ended = cast("TurnEnded", event)
    if ended.reason != "done" or ended.detail:
        note(f"{ended.reason}{f': {ended.detail}' if ended.detail else ''}")
    return ended


def _line(event: "Event") -> str:
    """What a person reads of an event beside the answer; "" for what they need not."""
    from ..chat import events as chat
    from ..events import FocusChange, Notice

    match event:
        case FocusChange():
            entries, cost = len(event.entries), f"{event.total_cost:,} of {event.budget:,}"
            named = {"repository": "", "session": " of earlier turns"}
            whose = named.get(event.source, f" of {event.source}")
            return f"focus  {entries} entries{whose}, {cost} positions"
        case Notice():
            return event.text
        case chat.ToolStarted():
            return f"{event.name}  {event.subject}"
        case chat.PermissionGiven(allowed=False):
            return f"  not allowed: {event.why}"
        case chat.CallRefused():
            return f"  malformed call: {event.reason}"
        case chat.CheckFinished():
            return f"  check {event.command}: {'fine' if event.ok else 'failed'}"
        case chat.ToolFinished():
            return f"  {'' if event.ok else 'failed: '}{event.summary}"
    return ""


def _tell_json(agent: "Agent", events: "Iterator[Event]") -> "TurnEnded":
    """One object, when all is over."""
    from ..chat.events import Edited, PermissionGiven
    from ..events import Cited, Notice

    told: dict[str, list[dict[str, Any]]] = {
        "edits": [],
        "refused": [],
        "places": [],
        "notices": [],
    }
    kept = {Edited: "edits", PermissionGiven: "refused", Cited: "places", Notice: "notices"}
    for event in events:
        name = kept.get(type(event))
        if name and not (isinstance(event, PermissionGiven) and event.allowed):
            told[name].append(
                {key: value for key, value in event.as_json().items() if key != "event"}
            )
    ended = cast("TurnEnded", event)
    print_json(
        {
            "session": agent.session.conversation.id,
            "answer": agent.session.conversation.current.answer,
            **{key: value for key, value in ended.as_json().items() if key != "event"},
            **told,
        }
    )
    return ended


def _tell_events(agent: "Agent", events: "Iterator[Event]") -> "TurnEnded":
    """Every event on a line of its own, as it happens."""
    start = {
        "event": "session",
        "id": agent.session.conversation.id,
        "model": agent.engine.model_name,
    }
    print_json(start | {"mode": agent.calls.permissions.mode})
    for event in events:
        print_json(event.as_json())
    return cast("TurnEnded", event)


_TELLERS = {
    Output.text: _tell_text,
    Output.json: _tell_json,
    Output.stream_json: _tell_events,
}
