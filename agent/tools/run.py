"""`run`: a command line, in the sandbox."""

from collections.abc import Mapping
from typing import Any

from megacontext.configs.errors import SandboxError

from ..edits.mending import unfenced
from ..sandbox.sandbox import Finished
from ..sandbox.shown import bounded
from .arguments import Argument, subject_of, tool_spec, understand
from .base import Action, Cancel, Plan, Shop, ToolError, ToolResult

COMMAND = Argument(
    "command", "string", "Line of the shell, such as: python -m pytest -q tests/test_app.py", required=True, text=True,
    aliases=("cmd", "command_line", "script", "code", "shell"),
)  # fmt: skip
ARGUMENTS = (
    COMMAND,
    Argument(
        "timeout", "integer", "Seconds it may take, at most what the settings allow.", aliases=("timeout_s", "seconds")
    ),
)  # fmt: skip
LONGEST = 20_000


class Run:
    """Runs programs with limits and without secrets; says how they ended."""

    action: Action = "run"
    spec = tool_spec(
        "run",
        "Run a command in the repository's root and read what it prints. Every command starts there anew. It has no "
        "input, no terminal, usually no network, and everything it starts is ended with it.",
        ARGUMENTS,
    )

    def subject(self, arguments: Mapping[str, Any]) -> str:
        """The command line."""
        return subject_of(arguments, COMMAND)

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        """Check the line."""
        given = understand(arguments, ARGUMENTS)
        mended = unfenced(given["command"])
        command, notes = mended.text.strip(), [*given.notes, *mended.notes]
        if command.startswith("$ "):
            command = command[2:].strip()
            notes.append("took away the $ before it")
        if not command:
            raise ToolError("`command` is empty; give a line of the shell")
        if len(command) > LONGEST:
            raise ToolError(f"`command` has {len(command):,} characters; write a script and run it")
        if "\0" in command or any("\ud800" <= char <= "\udfff" for char in command):
            raise ToolError("`command` holds a zero byte or half a character, which no shell reads")
        return Plan(
            tool=self.spec.name,
            action=self.action,
            subject=command,
            summary=f"run {' '.join(command.split())[:120]}",
            arguments={"command": command, "timeout": given["timeout"]},
            mended=tuple(notes),
        )

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        """Run it to its end."""
        try:
            finished = shop.sandbox.run(
                plan.subject, seconds=plan.arguments.get("timeout"), cancel=cancel
            )
        except SandboxError as exc:
            raise ToolError(str(exc)) from exc
        told = ending(finished)
        notes = "".join(f"({note})\n" for note in plan.mended)
        output = (
            bounded(finished.text.rstrip("\n"), shop.settings.tools.output_chars) or "(no output)"
        )
        text = f"{notes}{output}\n[{told}]"
        return ToolResult(text=text, summary=f"{plan.summary}: {told}", ok=finished.ok)


def ending(finished: Finished) -> str:
    """How a program ended, in a few words."""
    took = f"{finished.seconds:.1f} s"
    if finished.ended:
        return f"{finished.note}; {took}"
    status = "done" if finished.status == 0 else f"exit status {finished.status}"
    return f"{status}, {took}" + (f"; {finished.note}" if finished.note else "")
