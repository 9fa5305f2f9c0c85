"""The Model Context Protocol over the memory: lists, calls and resources, as the `mcp` package wants them.

Knows no transport.
"""

import asyncio
import threading
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, TypeVar

from mcp import types
from mcp.server import Server
from mcp.shared.exceptions import MCPError

from megacontext.configs.errors import MegaContextError, ToolError

from ..hosted import Hosted
from .answers import Answer
from .lending import Lender
from .resources import TEMPLATES, content, listed
from .tools import BY_NAME, TOOLS, LentTool

Result = TypeVar("Result")
INSTRUCTIONS = (
    "Memory of the code repository {name}. For a task or question ask `focus` first: it chooses what matters from the "
    "whole repository and fits it into a budget. `search`, `outline` and `read` find the rest. Each answer names path, "
    "lines and a hash of the content; what is ignored, secret or generated is not in the memory."
)


def memory_server(hosted: Hosted) -> "Server[Any]":
    """A server over one repository."""
    desk = _Desk(hosted)
    return Server(
        "megacontext",
        title="MegaContext",
        version=version("megacontext"),
        instructions=INSTRUCTIONS.format(name=hosted.workplace.places.root.name),
        on_list_tools=desk.list_tools,
        on_call_tool=desk.call_tool,
        on_list_resources=desk.list_resources,
        on_list_resource_templates=desk.list_templates,
        on_read_resource=desk.read_resource,
    )


class _Desk:
    """The handlers."""

    def __init__(self, hosted: Hosted) -> None:
        self._hosted = hosted
        self._unfinished = ""
        """Why an answer may lack something; written and read in the thread of the memory."""

    async def _ask(
        self, work: Callable[[Lender, threading.Event], Result], *, waiting: bool = True
    ) -> Result:
        """Do something with the memory, in the one thread that reads it; stopped when the request is cancelled.

        `waiting`: for the first pass over the files, within reason.
        """
        cancel = threading.Event()

        def run() -> Result:
            if cancel.is_set():
                raise ToolError("cancelled")
            lender = Lender(self._hosted.engine())
            self._unfinished = self._hosted.indexed() if waiting else ""
            return work(lender, cancel)

        try:
            return await asyncio.wrap_future(self._hosted.host.quick_lane.call(run))
        finally:
            cancel.set()

    # Tools

    async def list_tools(self, _: Any, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_tool(each) for each in TOOLS])

    async def call_tool(self, _: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = BY_NAME.get(params.name)
        if tool is None:
            return _failed(f"there is no tool {params.name[:80]}; there are {', '.join(BY_NAME)}")

        def work(lender: Lender, cancel: threading.Event) -> Answer:
            answer = tool.call(lender, params.arguments or {}, cancel)
            notice = " ".join(filter(None, (self._unfinished, answer.notice)))
            return answer.model_copy(update={"notice": notice})

        try:
            answer = await self._ask(work, waiting=tool.name != "status")
        except MegaContextError as exc:
            return _failed(str(exc))
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=answer.told())],
            structured_content=answer.model_dump(mode="json"),
        )

    # Resources

    async def list_resources(
        self, _: Any, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        after = params.cursor if params and params.cursor else ""
        try:
            page, more = await self._ask(lambda lender, _: listed(lender, after))
        except MegaContextError as exc:
            raise MCPError(types.INTERNAL_ERROR, str(exc)) from exc
        return types.ListResourcesResult(
            resources=[
                types.Resource(uri=each.uri, name=each.name, size=each.size, mime_type="text/plain")
                for each in page
            ],
            next_cursor=more,
        )

    async def list_templates(self, _: Any, __: Any) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(
                    uri_template=uri, name=name, description=description, mime_type="text/plain"
                )
                for name, uri, description in TEMPLATES
            ]
        )

    async def read_resource(
        self, _: Any, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        try:
            found = await self._ask(lambda lender, _: content(lender, params.uri))
        except MegaContextError as exc:
            raise MCPError(types.INVALID_PARAMS, str(exc), {"uri": params.uri}) from exc
        place = found.place
        facts = {
            "path": place.path,
            "startLine": place.start_line,
            "endLine": place.end_line,
            "hash": place.hash,
        }
        text = types.TextResourceContents(
            uri=params.uri,
            text=found.text,
            mime_type="text/plain",
            _meta={f"megacontext/{key}": value for key, value in facts.items()},
        )
        return types.ReadResourceResult(contents=[text])


def _tool(tool: LentTool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.schema,
        output_schema=tool.answers.model_json_schema(),
        annotations=types.ToolAnnotations(
            title=tool.title, read_only_hint=True, idempotent_hint=True, open_world_hint=False
        ),
    )


def _failed(reason: str) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=reason)], is_error=True
    )
