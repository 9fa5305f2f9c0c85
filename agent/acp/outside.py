"""A tool of another server as one of the agent's: planned, permitted, called; bounded, without secrets."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from megacontext.configs.errors import ToolError
from megacontext.models.base import Cancel, ToolSpec

from ..sandbox.shown import as_text, bounded
from ..tools.base import Action, Plan, Shop, ToolResult
from .client.waiting import ClientLine, StoppedError

if TYPE_CHECKING:
    from mcp import Client

LONGEST_SUBJECT = 4_000
LONGEST_ARGUMENTS = 1_000_000


class OutsideTool:
    """Asked about every time unless a rule allows it: nobody here knows what it does."""

    action: Action = "call"

    def __init__(
        self, spec: ToolSpec, server: str, name: str, client: "Client", line: ClientLine
    ) -> None:
        """`name` is what the server calls it."""
        self.spec = spec
        self._server = server
        self._name = name
        self._client = client
        self._line = line

    def subject(self, arguments: Mapping[str, Any]) -> str:
        """Its arguments, on one line."""
        return _written(arguments)[:200]

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        """Say what would be sent; the server checks it."""
        text = _written(arguments)
        if len(text) > LONGEST_ARGUMENTS:
            raise ToolError(f"the arguments have {len(text):,} characters; that is too long")
        shown = text if len(text) <= LONGEST_SUBJECT else f"{text[:LONGEST_SUBJECT]}…"
        return Plan(
            tool=self.spec.name,
            action=self.action,
            subject=shown,
            summary=f"call {self.spec.name} of {self._server}",
            arguments=dict(arguments),
        )

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        """Call it; raises ToolError when the server fails, or the turn is cancelled."""
        try:
            asked = self._client.call_tool(self._name, dict(plan.arguments))
            answer = self._line.wait(asked, cancel=cancel)
        except StoppedError as exc:
            raise ToolError(f"cancelled while {self._server} worked") from exc
        except Exception as exc:
            raise ToolError(
                f"{self._server} failed: {str(exc)[:500] or type(exc).__name__}"
            ) from exc
        said = "\n".join(_told(block) for block in getattr(answer, "content", ()))
        if not said and (data := getattr(answer, "structured_content", None)) is not None:
            said = json.dumps(data, default=str)
        data = shop.secrets.removed(said.encode("utf-8", "replace"))
        text = bounded(as_text(data, b"", len(data)), shop.settings.tools.output_chars)
        failed = bool(getattr(answer, "is_error", False))
        summary = f"{plan.summary}{': failed' if failed else ''}"
        return ToolResult(text=text or "(no text)", summary=summary, ok=not failed)


def _told(block: Any) -> str:
    if block.type == "text":
        return str(block.text)
    resource = getattr(block, "resource", None)
    text = getattr(resource, "text", None)
    return str(text) if text is not None else f"[{block.type}, which is not shown]"


def _written(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False, default=str)
