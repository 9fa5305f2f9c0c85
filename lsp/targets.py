"""The arguments of commands, checked: which code is meant, and that it is code of an open folder."""

from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from megacontext.agent.chat.tasks import Selected
from megacontext.agent.navigating.navigator import Navigator
from megacontext.configs.errors import ToolError

from .folders import Folder
from .view import View, view_of

if TYPE_CHECKING:
    from .server import Server

MOST_LINE = 2**31 - 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Place(_Strict):
    """A position."""

    line: int = Field(ge=0, le=MOST_LINE)
    character: int = Field(ge=0, le=MOST_LINE)


class Stretch(_Strict):
    """A range."""

    start: Place
    end: Place


class Target(_Strict):
    """What a command is about."""

    uri: str = Field(max_length=8_000)
    range: Stretch
    """Where nothing is selected, the definition around it is meant."""
    instruction: str = Field("", max_length=20_000)
    """What to change, or what a checker says."""


def target_of(arguments: tuple[Any, ...]) -> Target:
    """The target in the arguments of a command; raises ToolError that says what is wrong with them."""
    if len(arguments) != 1:
        raise ToolError("the command takes one argument: an object with `uri` and `range`")
    try:
        return Target.model_validate(as_data(arguments[0]))
    except (ValidationError, RecursionError) as exc:
        fault = (
            exc.errors()[0] if isinstance(exc, ValidationError) else {"loc": (), "msg": "too deep"}
        )
        where = ".".join(map(str, fault["loc"])) or "argument"
        raise ToolError(f"the command cannot be done: {where}: {fault['msg']}") from exc


def as_data(given: Any) -> Any:
    """What pygls made of JSON objects, as plain data again."""
    if hasattr(given, "_asdict"):
        given = given._asdict()
    if isinstance(given, dict):
        return {key: as_data(value) for key, value in given.items()}
    if isinstance(given, list | tuple):
        return [as_data(value) for value in given]
    return given


async def selected(server: "Server", target: Target) -> tuple[View, Selected]:
    """The code that is meant; raises ToolError where no open folder has it, or it is left out of memory."""
    found = view_of(server, target.uri)
    if found is None:
        raise ToolError(f"{target.uri[:200]} is in no folder that is open")
    view, path = found
    code = await view.look(lambda navigator: _selected(navigator, view, path, target.range))
    if code is None:
        raise ToolError(f"{path} is not in memory: it is gone, left out, or not indexed yet")
    return view, code


def _selected(navigator: Navigator, view: View, path: str, wanted: Stretch) -> Selected | None:
    text = navigator.texts.of(path)
    if text is None:
        return None
    lines = view.lines(text)
    start, end = (
        lines.offset(types.Position(each.line, each.character))
        for each in (wanted.start, wanted.end)
    )
    start, end = min(start, end), max(start, end)
    around = navigator.enclosing(path, start)
    if start == end and around is not None:
        start, end = around.whole.start, around.whole.end
    start = text.text.rfind("\n", 0, start) + 1
    stop = text.text.find("\n", max(start, end - 1))
    code = text.text[start : stop if stop >= 0 else None].rstrip("\n")
    first = text.text.count("\n", 0, start) + 1
    return Selected(path, first, first + code.count("\n"), around.qualified if around else "", code)


def chatting(folder: Folder) -> None:
    """Raise ToolError where the model cannot chat, or memory is not open yet."""
    engine = folder.host.engine
    if engine is None:
        raise ToolError("the memory of this folder is still being opened; ask again")
    if not engine.can_chat:
        raise ToolError(
            f"{engine.model_name} completes code but cannot chat; "
            "`megacontext doctor` tells how to get a chat model"
        )
