"""Is a folder a model this program can load? Answered from names, sizes and headers alone.

Reads no weights and loads no torch, so that `doctor` and the choice of a model can ask it too.
"""

import json
from pathlib import Path
from typing import Any

from megacontext.configs.errors import ModelFilesError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_UNSAFE = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5")
_HEADER_LIMIT = 100_000_000  # bytes; the limit of the safetensors format itself


def check_folder(folder: Path) -> None:
    """Raise `ModelFilesError` unless `folder` holds a configuration, a tokenizer and whole weights.

    The message names the file that is at fault and what to do.
    """
    if not folder.is_dir():
        raise ModelFilesError(f"there is no model folder {folder}; give one with a config.json")
    if not read_json(folder / "config.json").get("model_type"):
        raise ModelFilesError(
            f"{folder / 'config.json'} is missing or names no model_type; download the model again"
        )
    if not (folder / "tokenizer.json").is_file():
        raise ModelFilesError(
            f"{folder / 'tokenizer.json'} is missing; download it from where the model came from"
        )
    for file in weight_files(folder):
        check_safetensors(file)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model folder; `ModelFilesError` if there are none."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    shards = read_json(folder / INDEX).get("weight_map")
    if isinstance(shards, dict) and shards:
        return [_shard(folder, str(name)) for name in sorted(set(shards.values()))]
    unsafe = next((file.name for pattern in _UNSAFE for file in folder.glob(pattern)), None)
    if unsafe:
        raise ModelFilesError(
            f"{folder / unsafe} is the only weights file and may run code when it is read; "
            "convert the model to safetensors or download its safetensors files"
        )
    raise ModelFilesError(f"{folder / WEIGHTS} is missing; download the model's safetensors files")


def check_safetensors(file: Path) -> None:
    """Raise `ModelFilesError` unless the file is as long as its own header says."""
    try:
        size = file.stat().st_size
        expected = _expected_size(file)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ModelFilesError(
            f"{file} is missing or is no safetensors file; download it again"
        ) from exc
    if size != expected:
        raise ModelFilesError(
            f"{file} has {size:,} bytes where its header tells of {expected:,}; download it again"
        )


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file, {} if there is no file.

    Raises `ModelFilesError` if it holds anything else.
    """
    try:
        content = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        raise ModelFilesError(f"{file} is not readable JSON ({exc}); download it again") from exc
    if not isinstance(content, dict):
        raise ModelFilesError(f"{file} holds no JSON object; download it again")
    return content


def _shard(folder: Path, name: str) -> Path:
    if Path(name).name != name:
        raise ModelFilesError(f"{folder / INDEX} points outside its folder at {name}; remove it")
    return folder / name


def _expected_size(file: Path) -> int:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= _HEADER_LIMIT:
            raise ValueError(f"a header of {length} bytes")
        header: dict[str, Any] = json.loads(stream.read(length))
    tensors = [entry for name, entry in header.items() if name != "__metadata__"]
    return 8 + length + max((int(entry["data_offsets"][1]) for entry in tensors), default=0)
