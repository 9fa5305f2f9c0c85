"""What hosts tell, shown as progress in the editor; a person may stop it there."""

import itertools
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.capabilities import get_capability

from megacontext.agent.hosting.news import HostNews, Opened, Rested, Trouble, Worked

if TYPE_CHECKING:
    from .server import Server

TITLES = {"files": "Indexing", "gists": "Making gists"}


class Progresses:
    """One progress a folder and stage, from its first news to its last."""

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
                    token = f"megacontext-{next(self._numbers)}"
                    self._running[key] = Progress(self._server, uri, stage, token)
                self._running[key].report(done, total)
            case Rested(stage):
                self._server.log(
                    f"{uri}: {stage} fresh: all" if not news.stopped else f"{uri}: {stage} stopped"
                )
                if running := self._running.pop((uri, stage), None):
                    running.end()
            case Opened(writes, writer):
                self._server.log(
                    f"{uri}: this server keeps the index fresh"
                    if writes
                    else f"{uri}: {writer} keeps the index fresh"
                )
            case Trouble(text):
                self._server.warn(text)


class Progress:
    """One progress bar; silent where the client shows none."""

    def __init__(self, server: "Server", uri: str, stage: str, token: str) -> None:
        self._server = server
        self._uri = uri
        self._title = TITLES.get(stage, stage)
        self._token = token
        self._latest: tuple[int, int] | None = None
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
        self._server.work_done_progress.tokens[self._token].add_done_callback(self._stop)
        if self._latest:
            self.report(*self._latest)

    def _stop(self, _: object) -> None:
        for folder in self._server.folders:
            if folder.uri == self._uri:
                folder.host.stop_indexing()

    def report(self, done: int, total: int) -> None:
        """How far it is."""
        self._latest = done, total
        if self._begun:
            share = done * 100 // max(1, total)
            step = types.WorkDoneProgressReport(message=f"{done:,}/{total:,}", percentage=share)
            self._server.work_done_progress.report(self._token, step)

    def end(self) -> None:
        """It is over."""
        self._ended = True
        if self._begun:
            self._server.work_done_progress.end(self._token, types.WorkDoneProgressEnd())
