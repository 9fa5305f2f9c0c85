"""What a client may ask for as it starts the server, each with its default. Knows no server."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Options(BaseModel):
    """Every option; what each means for a person stands in docs/lsp.md."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)

    settings: dict[str, Any] = Field(default_factory=dict)
    """Settings by dotted key that win over all others, such as {"focus.budget": 1024}."""
    inline: bool = True
    """Completions in grey, as one types."""
    completion: Literal["auto", "on", "off"] = "auto"
    """Completions in the list of the editor; auto is for clients that know no others."""
    preload: bool = True
    """Whether the model is loaded as soon as a folder is open, and not at the first question."""
    progress: bool = True
    """Whether indexing is shown."""
    hover: bool = True
    """What memory knows of the name under the cursor."""
    navigation: bool = False
    """Definitions, references and the symbols of a document, for languages that no other server looks after."""
    actions: bool = True
    """What can be done with the code under the cursor, where the model can chat."""
    lenses: bool = True
    """The same above every definition."""
    answers: Literal["message", "result"] = "message"
    """How an explanation comes: shown as a message, or as the result of the command alone."""


def read_options(given: Any) -> tuple[Options, list[str]]:
    """The options of a client, and a sentence for each that is wrong and left at its default."""
    if given is None:
        return Options(), []
    if not isinstance(given, dict):
        return Options(), ["initializationOptions must be an object; they are left out"]
    kept: dict[Any, Any] = dict(given)
    told: list[str] = []
    while True:
        try:
            return Options.model_validate(kept), told
        except ValidationError as exc:
            for fault in exc.errors():
                key = fault["loc"][0]
                if key in kept:
                    told.append(f"initializationOptions.{key}: {fault['msg']}; it is left out")
                    del kept[key]
