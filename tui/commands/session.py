"""Commands about the conversation: undo, sessions, what the agent may do."""

import time
from pathlib import Path

from megacontext.agent.chat.sessions.store import Sessions
from megacontext.agent.permissions.permissions import Mode
from megacontext.agent.permissions.trust import is_trusted, trust
from megacontext.configs.errors import MegaContextError

from ..screens.picker import Choice
from .command import Command, Room

MODES: dict[Mode, str] = {
    "ask": "edits and programs are asked about",
    "accept-edits": "edits are made, programs are asked about",
    "plan": "nothing is written or run",
}


def _undo(room: Room, _: str) -> None:
    room.desk.undo()


def _redo(room: Room, _: str) -> None:
    room.desk.undo(redo=True)


def _diff(room: Room, _: str) -> None:
    agent = room.desk.agent
    if agent is None:
        return
    journal = agent.calls.shop.journal
    done = journal.history.done
    changes = journal.changes_of(done[-1].turn) if done else ()
    if changes:
        room.read_changes("what the last turn with edits changed", changes)
    else:
        room.note("nothing was edited in this session")


def _mode(room: Room, name: str) -> None:
    def choose(mode: Mode) -> None:
        room.set_mode(mode)
        room.note(f"mode {mode}: {MODES[mode]}")

    if name in MODES:
        choose(name)
    elif name:
        room.note(f"there is no mode {name}; there are {', '.join(MODES)}", "bad")
    else:
        room.pick("what the agent may do without asking", _modes(room), choose)


def _modes(_: Room) -> list[Choice]:
    return [Choice(mode, words, mode) for mode, words in MODES.items()]


def _new(room: Room, _: str) -> None:
    room.start_session(None)


def _resume(room: Room, session: str) -> None:
    if session:
        room.start_session(session)
        return
    choices = _sessions(room)
    if choices:
        room.pick("which session", choices, room.start_session)
    else:
        room.note("there is no saved session yet")


def _sessions(room: Room) -> list[Choice]:
    return [
        Choice(info.title or "(nothing was said)", _about(info.turns, info.updated), info.id)
        for info in Sessions(room.desk.workplace.places).list()
    ]


def _about(turns: int, updated: float) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(updated))
    return f"{turns} turn{'s' * (turns != 1)}  {when}"


def _fork(room: Room, _: str) -> None:
    agent = room.desk.agent
    if agent is None or not agent.turns:
        room.note("there is nothing to fork yet")
    else:
        room.start_session(agent.session.conversation.id, fork=True)


def _trust(room: Room, _: str) -> None:
    root = room.desk.workplace.places.root
    try:
        known = is_trusted(root)
        if not known:
            trust(root)
    except MegaContextError as exc:
        room.note(str(exc), "bad")
        return
    told = "was trusted before" if known else "is trusted from the next session on"
    room.note(f"{_short(root)} {told}: its AGENTS.md is read, its checks run", "ok")


def _short(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


COMMANDS = (
    Command("undo", "take back the last turn that edited: files and conversation", _undo),
    Command("redo", "take back what undo did", _redo),
    Command("diff", "what the last turn with edits changed", _diff),
    Command("mode", "what the agent may do without asking", _mode, "[MODE]", choices=_modes),
    Command("new", "begin another session", _new),
    Command("resume", "go on with a saved session", _resume, "[ID]"),
    Command("fork", "go on with a copy of this session", _fork),
    Command("trust", "trust this folder: read its AGENTS.md, run its checks", _trust),
)
