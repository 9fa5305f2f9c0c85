"""Which base model to run here, and why not the others.

Looks at names, presets, the machine and what is on disk. Loads no model and no torch.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

from megacontext.configs.errors import ModelChoiceError, ModelFilesError

from ..language.model_files import INDEX, WEIGHTS, check_folder, read_json, weight_files
from .machine import Machine
from .presets import BYTES, WORKSPACE, Precision, Preset, presets

AUTO = "auto"
DEFAULT_POSITIONS = 8192

# More weights per token than this take seconds a line on a processor alone.
_CPU_SPEED_LIMIT = 3_200_000_000
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_BIG = 1_000_000_000
_MEMORY_SHARE = 0.75  # of a machine's memory; the rest is for everything else that runs


@dataclass(frozen=True)
class Choice:
    """What to load, where and how.

    `folder` is None for a model that has yet to be downloaded as `hub_id`. `reasons` says in plain
    sentences what was taken, then why each better one was not.
    """

    name: str
    device: str
    precision: Precision
    folder: Path | None
    hub_id: str | None = None
    preset: Preset | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Place:
    """A device and a precision to hold a model in."""

    device: str
    precision: Precision


@dataclass(frozen=True)
class _Terms:
    """What the caller allows."""

    machine: Machine
    folders: Sequence[Path]
    allow_download: bool
    positions: int
    precision: Precision | None


def choose_model(
    wanted: str,
    machine: Machine,
    *,
    device: str = AUTO,
    precision: Precision | Literal["auto"] = "auto",
    folders: Sequence[Path] = (),
    allow_download: bool = False,
    positions: int = DEFAULT_POSITIONS,
) -> Choice:
    """Choose `wanted`: 'auto', a preset's name, a model folder, or a name on the hub.

    `device` is 'auto', 'cpu', 'cuda' or 'mps'. `folders` are searched for models besides the hub's
    cache; `positions` is the room to leave for a KV cache. Raises `ModelChoiceError` with every
    reason if nothing fits, and `ModelFilesError` for a folder that is no model.
    """
    machine = _restricted(machine, device)
    asked = None if precision == "auto" else precision
    terms = _Terms(machine, folders, allow_download, positions, asked)
    if wanted == AUTO:
        return _choose_best(terms)
    known = next((each for each in presets() if wanted in (each.name, each.hub_id)), None)
    if known:
        return _choose_preset(known, terms)
    path = Path(wanted).expanduser()
    if wanted and path.is_dir():
        return _choose_folder(path, terms)
    if _is_hub_name(wanted):
        return _choose_hub(wanted, terms)
    names = ", ".join(each.name for each in presets())
    raise ModelChoiceError(
        f"there is no model {wanted!r}: it is no folder and no preset; "
        f"choose auto, a folder, a hub name such as Qwen/Qwen2.5-Coder-7B-Instruct, or {names}"
    )


def pocket_folder() -> Path:
    """Where the model that comes with MegaContext is."""
    return Path(str(files("megacontext.models") / "pocket"))


def _choose_best(terms: _Terms) -> Choice:
    reasons: list[str] = []
    for each in presets():
        try:
            choice = _choose_preset(each, terms, fast=True)
        except (ModelChoiceError, ModelFilesError) as exc:
            reasons.append(f"not {each.name}: {exc}")
            continue
        return replace(choice, reasons=(*choice.reasons, *reasons))
    raise ModelChoiceError("\n  ".join(["no model can run here:", *reasons]))


def _choose_preset(wanted: Preset, terms: _Terms, fast: bool = False) -> Choice:
    positions = min(terms.positions, wanted.context_length)
    needs = {kind: wanted.memory(kind, positions) for kind in wanted.precisions}
    place = _place(terms, wanted.shape.parameters, needs)
    if fast and place.device == "cpu" and wanted.speed_parameters > _CPU_SPEED_LIMIT:
        raise ModelChoiceError(
            f"{wanted.speed_parameters / 1e9:.1f} billion weights per token are slow on the "
            f"processor, the only place for its {_gb(min(needs.values()))}; "
            "name this model to have it all the same"
        )
    folder = _find(wanted, terms.folders)
    if folder:
        check_folder(folder)
    elif not terms.allow_download:
        raise ModelChoiceError(
            f"{wanted.hub_id} is not on disk; allow downloads, or put it into a model folder"
        )
    return _chosen(wanted.name, place, folder, wanted.hub_id, wanted)


def _choose_hub(hub_id: str, terms: _Terms) -> Choice:
    name = hub_id.rpartition("/")[2]
    folder = _in_folders([name], terms.folders) or _in_hub_cache(hub_id)
    if folder:
        return _choose_folder(folder, terms)
    if not terms.allow_download:
        raise ModelChoiceError(f"{hub_id} is not on disk; allow downloads, or give a model folder")
    # Its size is not known before it is here, so the roomiest place is taken.
    device = terms.machine.accelerator.device if terms.machine.accelerator else "cpu"
    return _chosen(name, _Place(device, _precisions(terms, device, _BIG)[0]), None, hub_id)


def _choose_folder(folder: Path, terms: _Terms) -> Choice:
    check_folder(folder)
    stored = sum(file.stat().st_size for file in weight_files(folder))
    config = read_json(folder / "config.json")
    kept_as = str(config.get("dtype") or config.get("torch_dtype"))
    parameters = stored // {**BYTES}.get(kept_as, 2)  # type: ignore[call-overload]
    needs = {kind: parameters * size + WORKSPACE for kind, size in BYTES.items()}
    return _chosen(folder.resolve().name, _place(terms, parameters, needs), folder)


def _chosen(
    name: str,
    place: _Place,
    folder: Path | None,
    hub_id: str | None = None,
    known: Preset | None = None,
) -> Choice:
    where = f"from {folder}" if folder else f"to be downloaded as {hub_id}"
    reason = f"{name}: {where}, in {place.precision} on {place.device}"
    return Choice(name, place.device, place.precision, folder, hub_id, known, (reason,))


def _restricted(machine: Machine, device: str) -> Machine:
    """The machine as seen by someone who asked for one kind of device."""
    if device == "cpu":
        return replace(machine, accelerator=None)
    there = machine.accelerator.device.partition(":")[0] if machine.accelerator else "cpu"
    if device not in (AUTO, there):
        raise ModelChoiceError(f"this machine has no {device} device; set model.device to auto")
    return machine


def _place(terms: _Terms, parameters: int, needs: dict[Precision, int]) -> _Place:
    """The fastest place with enough memory; `needs` is bytes per precision on offer."""
    rooms = {"cpu": int(terms.machine.memory * _MEMORY_SHARE)}
    if terms.machine.accelerator:
        rooms = {terms.machine.accelerator.device: terms.machine.accelerator.free, **rooms}
    for device, room in rooms.items():
        for precision in _precisions(terms, device, parameters):
            if needs.get(precision, room + 1) <= room:
                return _Place(device, precision)
    found = " and ".join(f"{_gb(room)} on {device}" for device, room in rooms.items())
    least = _gb(min(needs.values()))
    raise ModelChoiceError(f"it needs {least} of memory or more, and there are {found}")


def _precisions(terms: _Terms, device: str, parameters: int) -> tuple[Precision, ...]:
    """Precisions to try on a device, the best one first."""
    if terms.precision:
        return (terms.precision,)
    if terms.machine.accelerator and device == terms.machine.accelerator.device:
        return ("bfloat16",) if terms.machine.accelerator.bfloat16 else ("float16",)
    if parameters >= _BIG and terms.machine.bfloat16:
        return ("bfloat16",)
    return ("float32", "bfloat16")


def _find(wanted: Preset, folders: Sequence[Path]) -> Path | None:
    if wanted.hub_id is None:
        return pocket_folder()
    names = [wanted.name, wanted.hub_id.rpartition("/")[2]]
    return _in_folders(names, folders) or _in_hub_cache(wanted.hub_id)


def _in_folders(names: Iterable[str], folders: Sequence[Path]) -> Path | None:
    candidates = (folder.expanduser() / name for folder in folders for name in names)
    return next((each for each in candidates if (each / "config.json").is_file()), None)


def _in_hub_cache(hub_id: str) -> Path | None:
    """The snapshot folder in the hub's cache, if its weights are there too."""
    from huggingface_hub import try_to_load_from_cache

    for name in (WEIGHTS, INDEX):
        found = try_to_load_from_cache(hub_id, name)
        if isinstance(found, str):
            return Path(found).parent
    return None


def _is_hub_name(text: str) -> bool:
    return _HUB_NAME.fullmatch(text) is not None


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
