"""`run` in a terminal of the client's editor, where the person sees what is written; shut in as everywhere else.

Knows the protocol's methods of terminals; what is run and how it is told stays with the tool.
"""

import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from acp.exceptions import RequestError
from acp.schema import TerminalToolCallContent, ToolCallProgress

from megacontext.configs.errors import SandboxError
from megacontext.models.base import Cancel

from ...sandbox.confinement import Kind
from ...sandbox.in_terminal import command, read_result, write_order
from ...sandbox.launch import Wish
from ...sandbox.process import Limits, Outcome
from ...tools.base import Plan, Shop, ToolResult
from ...tools.run import Run
from .waiting import ClientLine, StoppedError

SHOWN_BYTES = 1_000_000
ANSWER_S = 20.0
CANCELLED = Outcome(143, b"", b"", 0, "cancelled", 0.0, "")


class TerminalRun(Run):
    """Takes the place of `run` where the client offers terminals."""

    def __init__(self, line: ClientLine) -> None:
        self._line = line

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        """Run it to its end, in a terminal."""
        shown = shop.sandbox.launched_by(self._launch)
        return super().execute(plan, replace(shop, sandbox=shown), cancel)

    def _launch(
        self, kind: Kind, wish: Wish, limits: Limits, cancel: Cancel | None = None
    ) -> Outcome:
        """Start the program in a terminal and wait for it; raises SandboxError when the client has none."""
        folder = Path(tempfile.mkdtemp(prefix="megacontext-")).resolve()
        try:
            write_order(folder, kind, wish, limits)
            terminal = self._opened(folder, wish)
            try:
                return self._waited(folder, terminal, cancel)
            finally:
                self._quietly("release_terminal", terminal)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _opened(self, folder: Path, wish: Wish) -> str:
        program, *arguments = command(folder)
        line = self._line
        asked = line.client.create_terminal(
            session_id=line.session_id,
            command=program,
            args=arguments,
            cwd=str(wish.root),
            output_byte_limit=SHOWN_BYTES,
        )
        try:
            terminal = line.wait(asked, ANSWER_S).terminal_id
            line.wait(self._show(terminal), ANSWER_S)
        except StoppedError as exc:
            raise SandboxError("cancelled before it was started") from exc
        except (RequestError, OSError, TimeoutError) as exc:
            raise SandboxError(f"the editor opened no terminal: {exc or 'no answer'}") from exc
        return terminal

    async def _show(self, terminal: str) -> None:
        """Let the call show the terminal while the program runs."""
        line = self._line
        content = TerminalToolCallContent(type="terminal", terminal_id=terminal)
        update = ToolCallProgress(
            session_update="tool_call_update", tool_call_id=line.call_id, content=[content]
        )
        line.in_terminals.add(line.call_id)
        await line.client.session_update(session_id=line.session_id, update=update)

    def _waited(self, folder: Path, terminal: str, cancel: Cancel | None) -> Outcome:
        line = self._line
        asked = line.client.wait_for_terminal_exit(session_id=line.session_id, terminal_id=terminal)
        try:
            line.wait(asked, cancel=cancel)
        except (StoppedError, OSError):
            self._quietly("kill_terminal", terminal)
            return read_result(folder) or CANCELLED
        except RequestError as exc:
            raise SandboxError(f"the editor lost the terminal: {exc}") from exc
        outcome = read_result(folder)
        if outcome is None:
            raise SandboxError("the program was ended in the editor's terminal, or never started")
        return outcome

    def _quietly(self, method: str, terminal: str) -> None:
        """Ask for the end of a terminal; whoever has left needs none."""
        line = self._line
        asked = getattr(line.client, method)(session_id=line.session_id, terminal_id=terminal)
        with suppress(RequestError, OSError, TimeoutError):
            line.wait_even_so(asked, ANSWER_S)
