"""The shape of all settings: sections, types, ranges.

What each key means, its unit and its default stand in `defaults.yaml`; where values come from is
`loading.py`'s matter. Numbers and switches may arrive as text, since files and variables hold text.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PrivateAttr,
)

from .layers import Place

_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ADDRESS = re.compile(r"https?://[^\s/?#]+[^\s?#]*")

FROM_REPOSITORY_REFUSED: dict[str, JsonValue] = {"repository_may_set": False}
"""Marks what only the user may set: a repository's file comes from whoever wrote the repository."""


def _absolute_path(path: Path) -> Path:
    # What a relative path is relative to would depend on the layer, so there are none.
    path = path.expanduser()
    if not path.is_absolute():
        raise ValueError("not absolute")
    return path


def _whole_number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.strip().isdecimal() else value


def _variable_name(name: str) -> str:
    if not _VARIABLE_NAME.fullmatch(name):
        raise ValueError("no name of an environment variable")
    return name


def _address(url: str) -> str:
    if not _ADDRESS.fullmatch(url):
        raise ValueError("no http address")
    return url.rstrip("/")


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")  # noqa: TRY004  pydantic wants ValueError
    return value


AbsolutePath = Annotated[
    Path, AfterValidator(_absolute_path), Field(description="an absolute path, or one from ~")
]
VariableName = Annotated[
    str,
    AfterValidator(_variable_name),
    Field(description="the name of an environment variable (never the key itself)"),
]
Address = Annotated[
    str, AfterValidator(_address), Field(description="an http:// or https:// address")
]
Count = Annotated[int, BeforeValidator(_no_truth)]
Number = Annotated[float, BeforeValidator(_no_truth)]
Temperature = Annotated[Number, Field(ge=0, le=2)]
Name = Annotated[str, Field(min_length=1)]
Slots = Annotated[Literal[1, 2, 4, 8], BeforeValidator(_whole_number)]


class Section(BaseModel):
    """A frozen group of keys; a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RemoteSettings(Section):
    """A server that speaks the OpenAI protocol."""

    base_url: Address
    model: Name
    api_key_env: VariableName | None = Field(default=None, json_schema_extra={"hidden": True})
    tokenizer: AbsolutePath | None = None
    timeout_s: Number = Field(default=60.0, gt=0, le=3600)
    context_length: Count = Field(default=8192, ge=512, le=10_000_000)
    fill: Literal["none", "tokens", "suffix"] = "none"
    tools: Literal["server", "words"] = "server"


class ModelSettings(Section):
    """Which base LM, and where it runs."""

    name: Name
    device: Literal["auto", "cpu", "cuda", "mps"]
    dtype: Literal["auto", "bfloat16", "float32", "float16"]
    allow_download: bool
    folders: tuple[AbsolutePath, ...]
    remote: RemoteSettings | None


class MemorySettings(Section):
    """What is indexed, and at which detail."""

    max_file_bytes: Count = Field(ge=1, le=100_000_000)
    max_data_bytes: Count = Field(ge=1, le=100_000_000)
    exclude_patterns: tuple[Name, ...]
    secrets: bool = Field(json_schema_extra=FROM_REPOSITORY_REFUSED)
    gists: Literal["auto", "on", "off"]
    gist_slots: Slots
    debounce_ms: Count = Field(ge=0, le=10_000)


class FocusSettings(Section):
    """How the working context is chosen."""

    budget: Count = Field(ge=64, le=1_000_000)
    codec: Literal["text", "gist"]
    gist_slots: Slots
    scorer: Literal["features", "lensnet"]
    rounds: Count = Field(ge=1, le=64)
    max_actions_per_round: Count = Field(ge=1, le=100_000)
    cooldown_rounds: Count = Field(ge=0, le=64)


class CompleteSettings(Section):
    """Completion at a cursor."""

    budget: Count = Field(ge=0, le=1_000_000)
    prefix_tokens: Count = Field(ge=1, le=1_000_000)
    suffix_tokens: Count = Field(ge=0, le=1_000_000)
    max_new_tokens: Count = Field(ge=1, le=100_000)
    temperature: Temperature
    confidence: Number = Field(ge=0, le=1)


class AskSettings(Section):
    """Answers to questions."""

    max_new_tokens: Count = Field(ge=1, le=100_000)
    temperature: Temperature


class PackSettings(Section):
    """Knowledge packs beside the repository."""

    store: AbsolutePath | None = Field(json_schema_extra=FROM_REPOSITORY_REFUSED)
    share: Number = Field(ge=0, le=0.9)
    most: Count = Field(ge=1, le=64)
    allow: tuple[Name, ...] = Field(json_schema_extra=FROM_REPOSITORY_REFUSED)
    deny: tuple[Name, ...] = Field(json_schema_extra=FROM_REPOSITORY_REFUSED)


class ChatSettings(Section):
    """The agent: how it answers, when it stops, and what it keeps."""

    max_new_tokens: Count = Field(ge=16, le=1_000_000)
    temperature: Temperature
    thinking: bool
    max_queries: Count = Field(ge=1, le=10_000)
    max_tokens: Count = Field(ge=1, le=1_000_000_000)
    max_seconds: Number = Field(gt=0, le=1_000_000)
    page: Number = Field(ge=1, le=100)
    session_share: Number = Field(ge=0, le=0.9)
    instructions_bytes: Count = Field(ge=0, le=1_000_000)
    log: bool


class ToolSettings(Section):
    """What tools read, and what follows an edit."""

    read_lines: Count = Field(ge=1, le=100_000)
    output_chars: Count = Field(ge=500, le=1_000_000)
    checks: tuple[Name, ...]
    commit: bool = Field(json_schema_extra=FROM_REPOSITORY_REFUSED)
    undo_mb: Count = Field(ge=1, le=100_000, json_schema_extra=FROM_REPOSITORY_REFUSED)


class PermissionSettings(Section):
    """What the agent may do without asking."""

    mode: Literal["ask", "accept-edits", "plan"]
    allow: tuple[Name, ...]
    ask: tuple[Name, ...]
    deny: tuple[Name, ...]
    guarded: tuple[Name, ...]


class SandboxSettings(Section):
    """How programs are run."""

    kind: Literal["auto", "bubblewrap", "namespaces", "none"]
    network: bool
    timeout_s: Number = Field(gt=0, le=86_400)
    memory_mb: Count = Field(ge=64, le=1_000_000)
    processes: Count = Field(ge=8, le=100_000)
    output_mb: Count = Field(ge=1, le=1_000)
    file_mb: Count = Field(ge=1, le=100_000)
    variables: tuple[VariableName, ...]
    writable: tuple[AbsolutePath, ...]
    hidden: tuple[AbsolutePath, ...]


class Settings(Section):
    """Every setting of one run. Made by `loading.load_settings`."""

    model: ModelSettings = Field(json_schema_extra=FROM_REPOSITORY_REFUSED)
    memory: MemorySettings
    focus: FocusSettings
    complete: CompleteSettings
    ask: AskSettings
    packs: PackSettings
    chat: ChatSettings
    tools: ToolSettings
    permissions: PermissionSettings = Field(json_schema_extra=FROM_REPOSITORY_REFUSED)
    sandbox: SandboxSettings = Field(json_schema_extra=FROM_REPOSITORY_REFUSED)

    _places: dict[str, Place] = PrivateAttr(default_factory=dict)
