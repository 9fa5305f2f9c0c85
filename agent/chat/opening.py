"""From an open engine to an agent: its session, its tools and rules, and whoever answers for the person."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..edits.editor import Editor
from ..engine import Engine
from ..permissions.asking import Approver
from ..permissions.permissions import Mode, Permissions
from ..permissions.rules import read_rule
from ..permissions.trust import is_trusted
from ..tools.base import Tool
from ..tools.opening import all_tools, open_shop
from .agent import Agent
from .calls import Calls
from .instructions import InstructionFiles
from .limits import Limits
from .logbook import Logbook
from .sessions.store import Session, Sessions

LATEST = "latest"
"""In place of an id: the session that was written last."""
LOGS = "logs"


@dataclass(frozen=True)
class Wanted:
    """What a person asks of a conversation as they start it."""

    session: str | None = None
    """Id of the session to go on with, or LATEST; None for a new one."""
    fork: bool = False
    """Go on in a copy of it."""
    mode: Mode | None = None
    """None: as settings say."""
    allow: Sequence[str] = ()
    """Rules of what is not asked about in this session."""
    prompt: str = ""
    """What to send first; "" to wait for the person."""


def open_agent(
    engine: Engine,
    approver: Approver,
    wanted: Wanted | None = None,
    *,
    tools: Sequence[Tool] = (),
    editor: Editor | None = None,
) -> Agent:
    """An agent over an open engine; close it in the end. The engine stays the caller's.

    `tools` stand beside its own, or in the place of those of the same name; `editor` is where files are open.

    Raises SessionError or StoreBusyError for a session that cannot be gone on with, SettingsError for a rule that is
    none, UndoError for a damaged journal.
    """
    wanted = wanted or Wanted()
    places, settings = engine.memory.places, engine.settings
    trusted = is_trusted(places.root)
    permissions = Permissions.of(settings, trusted=trusted, mode=wanted.mode)
    for text in wanted.allow:
        permissions.allow(read_rule(text, "allow", "--allow"))
    session = _session(Sessions(places), engine, wanted)
    try:
        name = session.folder.name
        shop = open_shop(engine.memory, settings, name, editor)
        calls = Calls([*all_tools(), *tools], shop, permissions, approver)
        limit = settings.chat.instructions_bytes
        instructions = InstructionFiles(engine.memory, trusted=trusted, limit=limit)
        logbook = Logbook(places.state / LOGS if settings.chat.log else None, name)
        return Agent(engine, session, calls, instructions, Limits.of(settings.chat), logbook)
    except BaseException:
        session.close()
        raise


def _session(sessions: Sessions, engine: Engine, wanted: Wanted) -> Session:
    model = engine.model_name
    if wanted.session is None:
        return sessions.new(model=model)
    session_id = sessions.latest() if wanted.session == LATEST else wanted.session
    return sessions.fork(session_id, model=model) if wanted.fork else sessions.open(session_id)
