"""All tools, and the shop they work in, from an open memory and settings."""

from megacontext.configs.settings import Settings
from megacontext.memory.memory import Memory

from ..edits.editor import Editor
from ..edits.journal import Journal, tidy
from ..sandbox.sandbox import MEGABYTE, Sandbox
from ..sandbox.secrets import Secrets
from .base import Shop, Tool
from .edit_symbol import EditSymbol
from .edit_text import EditText
from .focus import Focus
from .focus_control import FocusControl
from .git import Git
from .read import Read
from .run import Run
from .search import Search
from .write import Write

UNDO_FOLDER = "undo"


def all_tools() -> tuple[Tool, ...]:
    """Every tool, in the order in which a model is told of them."""
    return (Read(), Search(), Focus(), EditSymbol(), EditText(), Write(), Run(), Git())


def open_shop(
    memory: Memory, settings: Settings, session: str, editor: Editor | None = None
) -> Shop:
    """What the tools of one session work with. `session` names its undo journal; files that an `editor` has open are
    read and written there.

    Raises StoreError when the repository cannot be written, UndoError when the journal cannot be read.
    """
    places = memory.places
    places.make_state_folder()
    folder = places.state / UNDO_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    journal = Journal(places.root, folder / session, editor)
    tidy(folder, settings.tools.undo_mb * MEGABYTE, keep=folder / session)
    secrets = Secrets(memory.rules)

    def secret_files() -> list[str]:
        with memory.reading():
            left_out = memory.catalogue.left_out()
        return [each.path for each in left_out if _is_secret(each.reason)]

    sandbox = Sandbox(places.root, settings.sandbox, secrets, secret_files)
    return Shop(places.root, memory, settings, journal, sandbox, FocusControl())


def _is_secret(reason: str) -> bool:
    # The words of memory/left_out.py.
    return reason.startswith(("secret by its name", "holds "))
