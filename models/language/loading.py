"""A `Choice` made into a model in memory; every fault of its files is one sentence.

Knows folders and transformers; it does not know why this model was chosen.
"""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from megacontext.configs.errors import ModelError, ModelFilesError

from ..base import BaseModel
from ..choosing.choose import Choice
from ..choosing.presets import Precision
from .chat_template import ChatTemplate
from .model_files import check_folder
from .tokenizing import TextTokenizer

if TYPE_CHECKING:
    from .transformers_model import TransformersModel

SMALL = 100_000_000
"""Parameters up to which one thread is quickest."""

# What a model needs, and nothing that could hold code.
_WANTED = ("*.json", "*.safetensors", "*.jinja", "*.txt", "LICENSE*")


def load_model(choice: Choice) -> BaseModel:
    """Load the chosen model, after downloading it where the choice says so.

    Raises `ModelFilesError` for missing, damaged or unfitting files, `ModelError` if it does not
    fit into memory after all.
    """
    folder = choice.folder or download(choice.hub_id or choice.name)
    model = load_folder(folder, name=choice.name, device=choice.device, dtype=choice.precision)
    model.fills = choice.preset is None or choice.preset.fim
    if choice.device == "cpu":
        fit_threads(model.module.num_parameters())
    return model


def fit_threads(parameters: int) -> None:
    """Let torch use one thread in this process when the model on its processors is a small one.

    Threads that share a small matrix wait for each other longer than they multiply, and while other programs
    run, far longer: gisting with pocket was measured 13 times slower on two threads than on one.
    """
    import torch

    if parameters <= SMALL:
        torch.set_num_threads(1)


def load_folder(
    folder: Path, *, name: str | None = None, device: str = "cpu", dtype: Precision = "float32"
) -> "TransformersModel":
    """A `TransformersModel` from a local folder, quietly, from safetensors only.

    Never runs code that comes with a model. Raises as `load_model` does.
    """
    import torch

    from .transformers_model import TransformersModel

    check_folder(folder)
    tokenizer = TextTokenizer.load(folder)
    template = ChatTemplate.of_folder(folder)
    with _quiet():
        module = _load_module(folder, getattr(torch, dtype))
    _check_vocabulary(folder, tokenizer, module)
    try:
        module.to(device)
    except torch.OutOfMemoryError as exc:
        raise ModelError(
            f"{folder} does not fit into the memory of {device}; choose a smaller model"
        ) from exc
    return TransformersModel(module.eval(), tokenizer, name or folder.name, template)


def download(hub_id: str) -> Path:
    """Fetch a model from the hub into its cache; returns the folder."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        with _quiet():
            return Path(snapshot_download(hub_id, allow_patterns=list(_WANTED)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as exc:
        raise ModelFilesError(
            f"{hub_id} could not be downloaded ({_first_line(exc)}); "
            "check the network and the name, or put the model into a local folder"
        ) from exc


def _load_module(folder: Path, dtype: Any) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        module, info = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # they are told below, by name
            output_loading_info=True,
        )
    except Exception as exc:  # any file can be wrong in any way
        raise ModelFilesError(
            f"{folder / 'config.json'} cannot be loaded as a causal language model "
            f"({_first_line(exc)}); download the model again or choose another"
        ) from exc
    mismatched = [key for key, *_ in info["mismatched_keys"]]
    for fault, keys in (
        ("lack", info["missing_keys"]),
        ("have another shape than config.json says for", mismatched),
        ("hold what config.json has no place for:", info["unexpected_keys"]),
    ):
        if keys:
            raise ModelFilesError(
                f"the weights in {folder} {fault} {_some(keys)}; "
                "download config.json and the safetensors files again, from one version"
            )
    return module


def _check_vocabulary(folder: Path, tokenizer: TextTokenizer, module: Any) -> None:
    rows = module.get_input_embeddings().weight.shape[0]
    if tokenizer.vocab_size > rows:
        raise ModelFilesError(
            f"{folder / 'tokenizer.json'} has {tokenizer.vocab_size} tokens and the weights "
            f"{rows}; download both again, from one version"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings and progress bars of transformers off the screen, then put them back."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    hub_bars = not are_progress_bars_disabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
        if hub_bars:
            enable_progress_bars()


def _some(keys: Iterable[str]) -> str:
    first, *others = sorted(keys)
    return f"{first} and {len(others)} more" if others else first


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0][:200]
