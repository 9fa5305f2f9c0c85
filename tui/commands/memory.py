"""Commands about the memory: focus, completion, and where the budget went."""

from megacontext.agent.chat.layout import Sizes
from megacontext.configs.errors import FocusError
from megacontext.memory.focus import Span

from .command import Command, Room


def _focus(room: Room, text: str) -> None:
    if text:
        room.desk.refocus(text)
    room.show_focus()


def _complete(room: Room, place: str) -> None:
    room.complete_at(place)


def _pin(room: Room, place: str) -> None:
    try:
        span = span_of(place)
    except FocusError as exc:
        room.note(str(exc), "bad")
        return
    if room.desk.agent is not None:
        room.desk.agent.calls.shop.focus.pin(span)
        room.note(f"pinned: {place}", "ok")
        room.desk.refocus()


def _unpin(room: Room, place: str) -> None:
    if room.desk.agent is None:
        return
    control = room.desk.agent.calls.shop.focus
    spans = [span_of(place)] if place else [*control.pinned, *control.expanded, *control.collapsed]
    for span in spans:
        control.release(span)
    room.note("left to the scorer again" if spans else "nothing was pinned")
    room.desk.refocus()


def span_of(place: str) -> Span:
    """The lines that `PATH`, `PATH:LINE` or `PATH:FIRST-LAST` means; raises FocusError when it means none."""
    path, _, lines = place.strip().lstrip("@").rpartition(":")
    first, _, last = lines.partition("-")
    if path and first.isdecimal() and (last or first).isdecimal():
        return Span(path, int(first), int(last or first))
    if not place.strip():
        raise FocusError("give a place: PATH, PATH:LINE or PATH:FIRST-LAST")
    return Span(place.strip().lstrip("@"))


def _context(room: Room, _: str) -> None:
    def show(sizes: Sizes) -> None:
        room.from_thread(lambda: room.read("where the positions of the prompt go", _table(sizes)))

    room.desk.sizes(show)


def _table(sizes: Sizes) -> str:
    rows = [
        ("what it is told of its work and tools", sizes.fixed),
        ("memory", sizes.memory),
        (f"conversation ({sizes.turns} turns)", sizes.conversation),
        ("kept free for the answer", sizes.answer),
        ("free", sizes.free),
    ]
    lines = [f"| {what} | {count:,} | {count / sizes.context:.0%} |" for what, count in rows]
    head = ["| | positions | share |", "|---|---:|---:|"]
    return "\n".join([*head, *lines, f"| **all** | **{sizes.context:,}** | |"])


def _index(room: Room, _: str) -> None:
    room.desk.index()


COMMANDS = (
    Command("focus", "focus the memory on a text, and look at it", _focus, "[TEXT]"),
    Command("complete", "continue a file at a place", _complete, "PATH:LINE:COL", takes_path=True),
    Command("pin", "keep lines of a file verbatim", _pin, "PATH[:FIRST-LAST]", takes_path=True),
    Command(
        "unpin", "leave lines to the scorer again", _unpin, "[PATH[:FIRST-LAST]]", takes_path=True
    ),
    Command("context", "where the positions of the prompt go", _context),
    Command("index", "compare the memory with the files, and make missing gists", _index),
)
