"""The files that the client's editor has open, for the agent's tools. Knows the protocol's two methods and no tool."""

from pathlib import Path

from acp.exceptions import RequestError

from megacontext.configs.errors import ToolError

from .waiting import ClientLine, StoppedError

ANSWER_S = 10.0
"""An editor that does not say within this time what it shows is passed over."""


class ClientFiles:
    """The `Editor` behind a connection."""

    def __init__(self, line: ClientLine, root: Path, *, reads: bool, writes: bool) -> None:
        """`reads` and `writes`: what the client offers."""
        self._line = line
        self._root = root
        self._reads = reads
        self._writes = writes

    def text(self, path: str) -> str | None:
        """What the editor shows of a file; None where it does not tell."""
        if not self._reads:
            return None
        full = str(self._root / path)
        asked = self._line.client.read_text_file(session_id=self._line.session_id, path=full)
        try:
            return self._line.wait(asked, ANSWER_S).content
        except StoppedError as exc:
            raise ToolError("cancelled, so nothing was read") from exc
        except (RequestError, OSError, TimeoutError, ValueError):
            return None

    def put(self, path: str, text: str) -> bool:
        """Have the editor write a file; raises ToolError when it does not, or the turn was cancelled before."""
        if not self._writes:
            return False
        full = str(self._root / path)
        asked = self._line.client.write_text_file(
            session_id=self._line.session_id, path=full, content=text
        )
        try:
            self._line.wait(asked, ANSWER_S)
        except StoppedError as exc:
            raise ToolError(f"cancelled while {path} was written in the editor") from exc
        except (RequestError, OSError, TimeoutError) as exc:
            raise ToolError(
                f"the editor did not write {path}: {exc or 'it gave no answer'}"
            ) from exc
        return True
