"""What happened in a session before it was opened here: as it was recorded, or as far as the conversation tells.

Knows no screen.
"""

from collections.abc import Iterator

from megacontext.agent.chat.conversation import Turn
from megacontext.agent.chat.events import TurnEnded, TurnStarted
from megacontext.agent.chat.sessions.recording import recorded
from megacontext.agent.chat.sessions.store import Session
from megacontext.agent.events import Event, Token


def past_events(session: Session) -> tuple[Event, ...]:
    """The events of the turns that hold; a turn that was not recorded here is told by what was said last."""
    turns = session.conversation.turns
    if not turns:
        return ()
    known = _recorded(session)
    return tuple(
        event
        for turn in turns
        for event in known.get((turn.number, turn.text)) or list(_retold(turn))
    )


def _recorded(session: Session) -> dict[tuple[int, str], list[Event]]:
    """Events by number and text of their turn; of turns that were taken back and asked again, the last."""
    found: dict[tuple[int, str], list[Event]] = {}
    current: list[Event] = []
    for _, event in recorded(session.folder):
        if isinstance(event, TurnStarted):
            current = found[event.turn, event.text] = []
        current.append(event)
    return found


def _retold(turn: Turn) -> Iterator[Event]:
    yield TurnStarted(turn.number, turn.text)
    if turn.answer:
        yield Token(turn.answer)
    yield TurnEnded(turn.ending or "done", turn.detail, turn.measures)
