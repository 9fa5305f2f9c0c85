"""Everything behind the screen in one hand: what the person asks for is started here, and ends as news.

Methods are called in the screen's thread and return at once; the work is done in threads of its own, one of a kind at a
time. Knows no widget.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from megacontext.agent.chat.agent import Agent
from megacontext.agent.chat.layout import Sizes
from megacontext.agent.chat.opening import Wanted, open_agent
from megacontext.agent.engine import Engine
from megacontext.agent.opening import Workplace
from megacontext.agent.permissions.permissions import Mode
from megacontext.configs.errors import MegaContextError
from megacontext.memory.focus import Position
from megacontext.models.base import BaseModel

from .asker import Asker
from .focuser import Focuser
from .jobs import Jobs
from .keeper import Keeper, branch_of
from .mentions import Mention, Mentions
from .news import Failed, Happened, News, Over, Ready, Remark, Trouble
from .past import past_events
from .picture import Mark
from .shell import run_line

CLOSE_S = 3.0
"""At the end, threads have so long to notice that they are stopped."""


class Desk:
    """One repository, one model, one session."""

    def __init__(
        self,
        workplace: Workplace,
        tell: Callable[[News], None],
        model: BaseModel | None = None,
    ) -> None:
        """`tell` is called from any thread; `model` takes the place of the one that the settings choose."""
        self.workplace = workplace
        self.keeper = Keeper(workplace, tell, model)
        self.focuser = Focuser(tell)
        self.asker = Asker(tell)
        self.agent: Agent | None = None
        """None until news of `Ready`."""
        self._mentions: Mentions | None = None
        self._tell = tell
        self.is_working = False
        """Whether a turn, a completion or a program goes on."""
        self._jobs = Jobs(lambda exc: tell(Trouble(str(exc))), lambda exc: tell(Failed(exc)))

    # Opening and closing

    def open(self, wanted: Wanted) -> None:
        """Open the memory and the session; ends with Ready."""

        def work(cancel: threading.Event) -> None:
            engine = self.keeper.open(cancel)
            if engine is not None:
                self._mentions = Mentions(engine.memory)
                self._set_agent(engine, wanted)

        self._jobs.start("open", work)

    def _set_agent(self, engine: Engine, wanted: Wanted) -> None:
        if self.agent is not None:
            self.agent.close()
        agent = self.agent = open_agent(engine, self.asker, wanted)
        self.focuser.use(engine, agent)
        self._tell(self._ready(engine, agent))

    def _ready(self, engine: Engine, agent: Agent) -> Ready:
        choice, settings = self.workplace.choice, self.workplace.settings
        return Ready(
            model=engine.model_name,
            device=choice.device if choice else "remote",
            codec=settings.focus.codec,
            chats=engine.can_chat,
            reason=_homely(choice.reasons[0]) if choice and choice.reasons else "",
            branch=branch_of(self.workplace.places.root),
            session=agent.session.conversation.id,
            history=past_events(agent.session),
        )

    def switch(self, session: str | None, *, fork: bool = False) -> None:
        """Go to another session, to a copy of it, or to a new one; ends with Ready."""
        wanted = Wanted(session, fork, self.mode)

        def work(_: threading.Event) -> None:
            if self.keeper.engine is not None:
                self._set_agent(self.keeper.engine, wanted)

        self._jobs.start("open", work)

    def close(self) -> None:
        """Stop everything; waits a little, but never for a model that does not listen."""
        self.asker.close()
        self.keeper.leave()
        if self._jobs.close(CLOSE_S):
            if self.agent is not None:
                self.agent.close()
            self.keeper.close(CLOSE_S)

    # Turns

    def over(self) -> None:
        """The screen has read that a turn, a completion or a program has ended."""
        self.is_working = False

    def send(self, text: str) -> None:
        """A message of the person; its events come as news, then Over."""

        def work(cancel: threading.Event) -> None:
            assert self.agent is not None, "the session is ready first"
            engine = self.agent.engine
            self.asker.begin(cancel)
            if engine.can_chat:
                self.keeper.load_model()
            for event in self.agent.send(text, cancel):
                self._tell(Happened(event))
                self.focuser.happened(event)

        self._turn(work)

    def complete(self, at: Position) -> None:
        """Continue a file at a place; its events come as news, then Over."""

        def work(cancel: threading.Event) -> None:
            engine = self._engine()
            self.keeper.load_model()
            for event in engine.complete(at, cancel):
                self._tell(Happened(event))
                self.focuser.happened(event)

        self._turn(work)

    def run(self, line: str) -> None:
        """Run a line of the shell in the sandbox, as far as the rules let it; what it says comes as a remark."""

        def work(cancel: threading.Event) -> None:
            assert self.agent is not None, "the session is ready first"
            run_line(self.agent.calls, line, cancel, self._tell)

        self._turn(work)

    def _turn(self, work: Callable[[threading.Event], None]) -> None:
        def guarded(cancel: threading.Event) -> None:
            try:
                work(cancel)
            finally:
                self._tell(Over())

        if self.is_working:
            self._tell(Remark("one thing at a time; Esc stops what goes on", "warn"))
            return
        self.is_working = True
        self._jobs.start("turn", guarded)

    def stop(self) -> bool:
        """Stop what the person waits for first: a turn, else indexing, else gists; whether there was something."""
        # The thread of a turn that the screen has read to its end may live on for a moment.
        if (self.is_working and self._jobs.stop("turn")) or self._jobs.stop("open", "index"):
            return True
        if self.keeper.is_gisting:
            self.keeper.stop_gists()
            return True
        return False

    # Beside turns

    def _engine(self) -> Engine:
        assert self.keeper.engine is not None, "the memory is open first"
        return self.keeper.engine

    def index(self) -> None:
        """Make memory equal to the files again, and the gists that are missing."""

        self._jobs.start("index", self.keeper.index)

    def find(self, query: str, answer: Callable[[list[Mention]], None]) -> None:
        """Look for what could be mentioned; `answer` is called in the thread of the work, unless a newer one began."""
        mentions = self._mentions
        if mentions is None:
            return

        def work(cancel: threading.Event) -> None:
            found = mentions.find(query, cancel.is_set)
            if not cancel.is_set():
                answer(found)

        self._jobs.start("find", work)

    def freshened(self, paths: Sequence[str]) -> None:
        """Memory of these files has changed: what can be mentioned is read again, and the focus where it shows them."""
        if self._mentions is not None:
            self._mentions.forget()
        if self.focuser.shows(paths):
            self.refocus()

    def refocus(self, text: str | None = None) -> None:
        """Focus for another text, or for the same one with other wishes; during a turn the agent does so itself."""
        if not self.is_working:
            self._jobs.start("focus", lambda _: self.focuser.refocus(text))

    def show(self, mark: Mark, answer: Callable[[str], None]) -> None:
        """The text of an entry at its level; `answer` is called in the thread of the work."""
        self._jobs.start("show", lambda cancel: self.focuser.text_of(mark, cancel, answer))

    def wish(self, action: str, mark: Mark) -> None:
        """Expand, collapse, pin or release an entry."""
        problem = self.focuser.wish(action, mark)
        if problem:
            self._tell(Remark(problem))
        else:
            self.refocus()

    def undo(self, *, redo: bool = False) -> None:
        """Take the last turn back, or take that back; told as a remark."""

        def work(_: threading.Event) -> None:
            assert self.agent is not None, "the session is ready first"
            done = self.agent.redo() if redo else self.agent.undo()
            paths = ", ".join(change.path for change in done.reversal.changes) or "no file"
            count = len(done.turns)
            verb = "done again" if redo else "undone"
            turns = f"; {count} turn{'s' * (count != 1)} of the conversation" if count else ""
            self._tell(Remark(f"{verb}: {paths}{turns}", "ok"))

        self._turn(work)

    def sizes(self, answer: Callable[[Sizes], None]) -> None:
        """How the next prompt is shared; may load the model."""

        def work(_: threading.Event) -> None:
            assert self.agent is not None, "the session is ready first"
            if not self.agent.engine.can_chat:
                raise MegaContextError(
                    f"{self.agent.engine.model_name} does not chat, so there is no prompt to share"
                )
            self.keeper.load_model()
            answer(self.agent.sizes())

        self._jobs.start("sizes", work)

    # What the agent may do

    @property
    def mode(self) -> Mode:
        """What the agent may do without asking."""
        return self.agent.calls.permissions.mode if self.agent else "ask"

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if self.agent is not None:
            self.agent.calls.permissions.mode = mode


def _homely(text: str) -> str:
    """With paths as people write them."""
    return text.replace(f"{Path.home()}/", "~/")
