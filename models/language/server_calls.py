"""Tool calls as OpenAI-compatible servers take and stream them. Knows their JSON; it knows no connection."""

from collections.abc import Iterator
from typing import Any

from ..base import MalformedCall, Message, ToolCall
from .tool_calls import CUT, json_text, object_in


def message_data(message: Message, content: str) -> dict[str, Any]:
    """A message of a request."""
    data: dict[str, Any] = {"role": message.role, "content": content}
    if message.calls:
        data["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.calls
        ]
    if message.call_id is not None:
        data["tool_call_id"] = message.call_id
    return data


class CallDeltas:
    """Puts the calls of one answer together from the parts they are streamed in."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    def read(self, deltas: Any) -> str:
        """Take the calls of one event in; gives the text that it adds to them. Nonsense adds nothing."""
        known = deltas if isinstance(deltas, list) else []
        return "".join(self._add(delta) for delta in known if isinstance(delta, dict))

    def _add(self, delta: dict[str, Any]) -> str:
        index, own = delta.get("index"), delta.get("id")
        key = index if isinstance(index, int) else max(0, len(self._calls) - 1)
        call = self._by_index.get(key)
        # Some servers number every call 0, and tell them apart by their ids alone.
        if call is None or (isinstance(own, str) and own and call.id and own != call.id):
            call = self._by_index[key] = _Call()
            self._calls.append(call)
        return call.take(own, delta.get("function"))

    def finish(self, cut: bool) -> Iterator[ToolCall | MalformedCall]:
        """The calls, in order; `cut` says that a limit ended the answer."""
        for number, call in enumerate(self._calls, start=1):
            yield call.finish(number, cut and number == len(self._calls))


class _Call:
    def __init__(self) -> None:
        self.id = self.name = self.arguments = ""

    def take(self, own: Any, function: Any) -> str:
        """Take a part in; gives the text that it adds."""
        if isinstance(own, str):
            self.id = self.id or own
        if not isinstance(function, dict):
            return ""
        name, arguments = function.get("name"), function.get("arguments")
        # Some servers repeat the name with every part.
        name = name if isinstance(name, str) and name != self.name else ""
        if isinstance(arguments, dict):
            arguments = json_text(arguments)
        arguments = arguments if isinstance(arguments, str) else ""
        self.name += name
        self.arguments += arguments
        return name + arguments

    def finish(self, number: int, cut: bool) -> ToolCall | MalformedCall:
        told = f"{self.name} {self.arguments}".strip()
        if not self.name:
            return MalformedCall(told, "the call names no tool")
        read = object_in(self.arguments)
        if read is None:
            return MalformedCall(
                told, CUT if cut else f"the arguments of {self.name} are no JSON object"
            )
        return ToolCall(self.id or f"call-{number}", self.name, json_text(read))
