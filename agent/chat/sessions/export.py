"""A conversation as a document for people, or as JSON for programs. Knows no file."""

from dataclasses import asdict
from time import localtime, strftime
from typing import Any

from megacontext.models.base import Message

from ..conversation import Conversation, Turn

FENCE = "`"


def as_json(conversation: Conversation) -> dict[str, Any]:
    """All of it, as JSON data."""
    return {
        "id": conversation.id,
        "title": conversation.title,
        **conversation.facts,
        "turns": [_turn_data(turn) for turn in conversation.turns],
    }


def as_markdown(conversation: Conversation) -> str:
    """What was said and done, as Markdown."""
    started = strftime("%Y-%m-%d %H:%M", localtime(conversation.facts.get("created", 0)))
    model = conversation.facts.get("model", "")
    parts = [
        f"# {conversation.title or 'Session'}\n\n{started} · {model} · session {conversation.id}\n"
    ]
    parts += [_turn_text(turn) for turn in conversation.turns]
    return "\n".join(parts)


def _turn_data(turn: Turn) -> dict[str, Any]:
    data = asdict(turn)
    levels = data["measures"]["by_level"]
    data["measures"]["by_level"] = {f"L{level}": cost for level, cost in levels.items()}
    return data


def _turn_text(turn: Turn) -> str:
    names = {call.id: call.name for call in turn.calls}
    parts = [f"## {turn.number}. You\n\n{turn.text.strip()}\n"]
    for message in turn.said[1:]:
        parts += _message_text(message, names)
    if turn.ending not in (None, "done"):
        parts.append(
            f"*The turn ended: {turn.ending}{f', {turn.detail}' if turn.detail else ''}*\n"
        )
    return "\n".join(parts)


def _message_text(message: Message, names: dict[str, str]) -> list[str]:
    text = str(message.content).strip()
    if message.role == "tool":
        name = names.get(message.call_id or "", "tool")
        return [f"<details><summary>{name}: result</summary>\n\n{_fenced(text)}\n\n</details>\n"]
    parts = [f"### MegaContext\n\n{text}\n"] if text else []
    return parts + [f"`{call.name}` {_fenced(call.arguments, 'json')}\n" for call in message.calls]


def _fenced(text: str, language: str = "") -> str:
    """A block of code whose fence is longer than any in it."""
    longest = max((len(run) for run in text.split("\n") if set(run) == {FENCE}), default=0)
    ticks = FENCE * max(3, longest + 1)
    while ticks in text:
        ticks += FENCE
    return f"\n{ticks}{language}\n{text}\n{ticks}"
