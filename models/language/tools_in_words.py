"""Tools and calls as text: what chat templates and servers take, and words for models without a format of their own.

Knows conversations and JSON; it knows no model.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..base import Chat, Message, Text, ToolCall, ToolSpec
from .tool_calls import CLOSING, OPENING, RESULT_CLOSING, RESULT_OPENING, json_text


def told_in_words(chat: Chat) -> Chat:
    """The same conversation for a model that knows roles and text only."""
    if not chat.tools and not any(
        message.calls or message.role == "tool" for message in chat.messages
    ):
        return chat
    messages = list(chat.messages)
    if chat.tools:
        system = (
            messages.pop(0) if messages and messages[0].role == "system" else Message("system", "")
        )
        messages.insert(
            0, replace(system, content=_appended(system.content, instructions(chat.tools)))
        )
    told: list[Message] = []
    for message in messages:
        plain = _plain(message)
        if message.role == "tool" and told and told[-1].role == "user" and told[-1].call_id:
            plain = replace(plain, content=_appended(told.pop().content, plain.content))
        told.append(plain)
    return Chat(tuple(replace(message, call_id=None) for message in told), chat.thinking)


def written(call: ToolCall) -> str:
    """A call in the form in which most models write it."""
    return (
        f'{OPENING}\n{{"name": {json_text(call.name)}, "arguments": {call.arguments}}}\n{CLOSING}'
    )


def as_function(tool: ToolSpec) -> dict[str, Any]:
    """A tool in the form that chat templates and servers take."""
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
    return {"type": "function", "function": function}


def instructions(tools: Sequence[ToolSpec]) -> str:
    """How to call tools, for a model that was not told by its own format."""
    specs = "\n".join(json_text(as_function(tool)["function"]) for tool in tools)
    return (
        "\n\nYou can call tools. A call is written like this, with nothing else inside the marks:\n"
        f'{OPENING}\n{{"name": "the tool", "arguments": {{"key": "value"}}}}\n{CLOSING}\n'
        f"End your answer behind the calls: their results follow between {RESULT_OPENING} and {RESULT_CLOSING}. "
        f"These are the tools, each with the JSON schema of its arguments:\n{specs}"
    )


def _plain(message: Message) -> Message:
    content = message.content
    if message.calls:
        calls = "\n".join(map(written, message.calls))
        return Message(message.role, _appended(content, f"\n{calls}" if content else calls))
    if message.role != "tool":
        return message
    if isinstance(content, str):
        content = content.replace(RESULT_CLOSING, RESULT_CLOSING.replace("/", "/ "))
    closed = _appended(_appended(f"{RESULT_OPENING}\n", content), f"\n{RESULT_CLOSING}\n")
    return Message("user", closed, call_id=message.call_id or "tool")


def _appended(content: Any, more: Any) -> Any:
    """Two contents as one: text where both are text, else segments."""
    if isinstance(content, str) and isinstance(more, str):
        return content + more
    return [
        segment
        for part in (content, more)
        for segment in ([Text(part)] if isinstance(part, str) else part)
    ]
