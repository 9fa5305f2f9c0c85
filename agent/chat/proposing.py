"""The agent at a task whose edits are only proposed: it reads what an editor has open, writes and runs nothing.

Nothing is left of its session.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.configs.settings import Settings
from megacontext.memory.places import Places

from ..edits.draft import Draft
from ..engine import Engine
from ..permissions.asking import Answer, No, PermissionRequest, Yes
from ..permissions.permissions import Permissions
from ..permissions.trust import is_trusted
from ..tools.opening import all_tools, open_shop
from .agent import Agent
from .calls import Calls
from .instructions import InstructionFiles
from .limits import Limits
from .logbook import Logbook
from .sessions.store import Sessions

NOT_PROPOSED = frozenset({"run"})
"""Tools that do what no proposal takes back."""


class _Reader:
    """The approver: proposing is no deed, so any edit that no rule forbids may be proposed."""

    def ask(self, request: PermissionRequest) -> Answer:
        if request.plan.action == "edit":
            return Yes()
        return No("nothing but edits can be proposed")


@contextmanager
def proposing(engine: Engine, open_texts: Mapping[str, str]) -> Iterator[tuple[Agent, Draft]]:
    """An agent for one task and what it proposes, over texts that are open in an editor, by path.

    Raises SettingsError for a rule that is none, StoreError when there is no room for its session.
    """
    places = engine.memory.places
    quiet = engine.beside(_quiet(engine.settings))
    permissions = Permissions.of(
        quiet.settings, trusted=is_trusted(places.root), mode="accept-edits"
    )
    with TemporaryDirectory(prefix="megacontext-") as folder:
        session = Sessions(Places(Path(folder))).new(model=engine.model_name)
        draft = Draft(places.root, Path(folder) / "draft", open_texts)
        shop = open_shop(engine.memory, quiet.settings, session.folder.name)
        shop = replace(shop, journal=draft)
        tools = [tool for tool in all_tools() if tool.spec.name not in NOT_PROPOSED]
        instructions = InstructionFiles(
            engine.memory,
            trusted=is_trusted(places.root),
            limit=quiet.settings.chat.instructions_bytes,
        )
        agent = Agent(
            quiet,
            session,
            Calls(tools, shop, permissions, _Reader()),
            instructions,
            Limits.of(quiet.settings.chat),
            Logbook(None, session.folder.name),
        )
        try:
            yield agent, draft
        finally:
            agent.close()


def _quiet(settings: Settings) -> Settings:
    """Settings under which nothing is checked or committed: files are as they were."""
    tools = settings.tools.model_copy(update={"checks": (), "commit": False})
    return settings.model_copy(update={"tools": tools})
