"""`python -m tests.soak.hosted ROOT`: a repository that stays open, as in an editor, in a process of its own.

Lines of JSON on standard input are what an editor does; each is answered by one on standard output. So its memory and
its file handles are those of the product, and not of whoever measures them.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

from megacontext.agent.hosting.host import Host
from megacontext.agent.hosting.news import HostNews, Rested, Trouble
from megacontext.agent.opening import Workplace
from megacontext.memory.focus import FocusQuery
from megacontext.memory.freshness import compare
from tests.patience import PATIENCE_S

from .reading import SETTINGS


class Hosted:
    """The host, and what is asked of it."""

    def __init__(self, root: Path) -> None:
        self.troubles: list[str] = []
        self._buffers: dict[str, bytes] = {}
        self._indexed = threading.Event()
        self.host = Host(Workplace.at(root, SETTINGS), self._hear)
        self.host.start()
        assert self._indexed.wait(PATIENCE_S), self.troubles

    def _hear(self, news: HostNews) -> None:
        if isinstance(news, Trouble):
            self.troubles.append(news.text)
        elif isinstance(news, Rested) and news.stage == "files":
            self._indexed.set()

    def do(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One line of the editor; "hold", "release", "focus" or "differing"."""
        match asked["do"]:
            case "hold":
                self._buffers[asked["path"]] = asked["text"].encode()
                self.host.hold(asked["path"], self._buffers[asked["path"]])
            case "release":
                self._buffers.pop(asked["path"], None)
                self.host.release(asked["path"])
            case "focus":
                assert self.host.engine is not None
                query = FocusQuery(asked["text"], budget=1_500)
                _, rendering = self.host.engine.focus_and_read(query)
                return {"shown": len(rendering.shown), "stale": len(rendering.stale)}
            case "differing":
                return {"paths": self._differing(), "troubles": self.troubles}
        return {}

    def _differing(self) -> list[str]:
        """Paths whose memory is not their file, or the buffer in its place."""
        assert self.host.engine is not None
        memory = self.host.engine.memory
        with memory.reading():
            listed = compare(memory.places.root, memory.catalogue, memory.rules).listing.paths
            known = {file.path: file for file in memory.catalogue.files()}
            differing = set(known) ^ {*listed, *self._buffers}
            for path, file in known.items():
                data = self._buffers.get(path) or memory.read(path)
                chunks = memory.catalogue.chunks_of(file.id)
                if (
                    data is None
                    or not all(memory.text_of(chunk, data) is not None for chunk in chunks)
                    or sum(chunk.end - chunk.start for chunk in chunks) != len(data)
                ):
                    differing.add(path)
        return sorted(differing)


def main() -> None:
    hosted = Hosted(Path(sys.argv[1]))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(hosted.do(json.loads(line))) + "\n")
        sys.stdout.flush()
    hosted.host.close(PATIENCE_S)


if __name__ == "__main__":
    main()
