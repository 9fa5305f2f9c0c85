"""Versions of small repositories, opened as the commands open them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from megacontext.agent.chat.sessions.store import Sessions
from megacontext.agent.versions.versions import Versions
from megacontext.memory.packs.store import PackStore
from megacontext.memory.packs.unpacking import Reader
from megacontext.memory.places import Places
from megacontext.models.base import Message, ToolCall
from tests.memory.workbench import SPEC, open_memory, write_files

FILES = {
    "app/main.py": "def one():\n    return 1\n\n\ndef two():\n    return 2\n",
    "app/empty.py": "",
    "README.md": "# App\n\nDoes things.\n",
    ".env": "PASSWORD=hunter2-hunter2\n",
}


class Tokens:
    """A token a byte, both ways."""

    def encode_batch(self, texts: list[str]) -> list[list[int]]:
        return [list(text.encode()) for text in texts]

    def decode(self, ids: list[int]) -> str:
        return bytes(ids).decode("utf-8", "replace")


Open = Callable[..., Versions]


@pytest.fixture
def open_versions(tmp_path: Path) -> Iterator[Open]:
    """A repository by name, made at first; its memory is brought up to date each time it is opened."""
    with ExitStack() as closing:
        opened: dict[str, ExitStack] = {}

        def make(name: str = "app", files: dict[str, str] | None = None) -> Versions:
            root = tmp_path / name
            if not root.exists():
                write_files(root, FILES if files is None else files)
                (root / ".megacontext").mkdir(exist_ok=True)
            if name in opened:
                opened.pop(name).close()
            mine = closing.enter_context(ExitStack())
            opened[name] = mine
            memory = mine.enter_context(open_memory(root, tokenizer=Tokens()))
            memory.writer.reconcile()
            store = PackStore(tmp_path / "packs")
            return mine.enter_context(Versions(memory, store, Reader(SPEC, Tokens())))

        yield make


@pytest.fixture
def versions(open_versions: Open) -> Versions:
    return open_versions()


def talk(root: Path, *texts: str, session: str | None = None) -> str:
    """A conversation with an answer and an edit for each text, gone on with if it is there; its identity."""
    sessions = Sessions(Places(root))
    with sessions.open(session) if session else sessions.new(model="tiny") as opened:
        conversation = opened.conversation
        for text in texts:
            conversation.begin(text)
            conversation.add(Message("assistant", f"of {text}", (ToolCall("c1", "edit", "{}"),)))
            conversation.edited(7, "app/main.py")
            conversation.add(Message("tool", "done", call_id="c1"))
            conversation.add(Message("assistant", f"answer to {text}"))
            conversation.end("done", "", conversation.current.measures)
        return opened.folder.name


def asked(root: Path, session: str) -> list[str]:
    """What was asked in a conversation."""
    return [turn.text for turn in Sessions(Places(root)).read(session).turns]


def files_below(root: Path) -> dict[str, bytes]:
    """Every file of a repository, but MegaContext's own."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".megacontext" not in path.parts
    }
