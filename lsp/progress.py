"""What hosts tell, shown as progress in the editor; a person may stop it there."""

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.capabilities import get_capability

from megacontext.agent.hosting.news import HostNews, Opened, Rested, Trouble, Worked

if TYPE_CHECKING:
    from .server import Server

TITLES = {"files": "Indexing", "gists": "Making gists", "model": "Loading the model"}


class Progresses:
    """One progress a folder and piece of work, from its first news to its last."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._running: dict[tuple[str, str], Progress] = {}
        self._numbers = itertools.count(1)

    def tell(self, uri: str, news: HostNews) -> None:
        """Show what a host tells."""
        match news:
            case Worked(stage, done, total):
                key = uri, stage
                if key not in self._running:
                    self._running[key] = self._begin(uri, stage)
                self._running[key].report(done, total)
            case Rested(stage, stopped):
                if running := self._running.pop((uri, stage), None):
                    running.end()
                self._server.log(f"{uri}: {stage} {'stopped' if stopped else 'complete'}")
            case Opened(writes, writer):
                who = "this server" if writes else writer
                self._server.log(f"{uri}: {who} keeps the index fresh")
                self._server.opened(uri)
            case Trouble(text):
                self._server.warn(text)

    def _begin(self, uri: str, stage: str) -> "Progress":
        def stop() -> None:
            for folder in self._server.folders:
                if folder.uri == uri:
                    folder.host.stop(stage)

        return Progress(self._server, stage, f"megacontext-{next(self._numbers)}", stop)


class Progress:
    """One progress; silent where the client shows none."""

    def __init__(self, server: "Server", stage: str, token: str, stop: Callable[[], None]) -> None:
        self._server = server
        self._title = TITLES[stage]
        self._token = token
        self._stop = stop
        self._latest = 0, 0
        self._begun = self._ended = False
        can = get_capability(server.client_capabilities, "window.work_done_progress", False)
        if can and server.options.progress:
            server.work_done_progress.create(token, lambda _: self._begin())

    def _begin(self) -> None:
        if self._ended:
            return
        self._begun = True
        begin = types.WorkDoneProgressBegin(title=self._title, cancellable=True, percentage=0)
        self._server.work_done_progress.begin(self._token, begin)
        # pygls cancels this when the client does.
        stopped = self._server.work_done_progress.tokens[self._token]
        stopped.add_done_callback(lambda _: self._stop())
        self.report(*self._latest)

    def report(self, done: int, total: int) -> None:
        """How far it is."""
        self._latest = done, total
        if self._begun and total:
            step = types.WorkDoneProgressReport(
                message=f"{done:,} of {total:,}", percentage=done * 100 // total
            )
            self._server.work_done_progress.report(self._token, step)

    def end(self) -> None:
        """It is over."""
        self._ended = True
        if self._begun:
            self._server.work_done_progress.end(self._token, types.WorkDoneProgressEnd())
        self._server.work_done_progress.tokens.pop(self._token, None)
