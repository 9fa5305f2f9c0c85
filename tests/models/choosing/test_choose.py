"""The best model that fits and is at hand, and a reason for every other one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from megacontext.configs.errors import ModelChoiceError, ModelFilesError
from megacontext.models.choosing import choose
from megacontext.models.choosing.choose import choose_model
from megacontext.models.choosing.machine import Accelerator, Machine, probe_machine
from megacontext.models.choosing.presets import preset, presets

GB = 10**9
LAPTOP = Machine(memory=16 * GB, processors=8)
BIG = Machine(memory=512 * GB, processors=64)
H100 = Accelerator("cuda:1", "H100", 80 * GB, 79 * GB, bfloat16=True)
HUB_IDS = [each.hub_id for each in presets() if each.hub_id]


def write_folder(folder: Path, dtype: str = "bfloat16", size: int = 8) -> Path:
    """A folder that passes the checks of names and headers; sparse, so any size is free."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2", "dtype": dtype}))
    (folder / "tokenizer.json").write_text("{}")
    header = json.dumps({"w": {"dtype": "BF16", "shape": [size // 2], "data_offsets": [0, size]}})
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header.encode())
        file.truncate(8 + len(header) + size)
    return folder


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    """An empty hub cache; `hub(id)` puts a model there."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))

    def put(hub_id: str) -> Path:
        repository = cache / f"models--{hub_id.replace('/', '--')}"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text("c0ffee")
        return write_folder(repository / "snapshots" / "c0ffee")

    return put


@pytest.fixture(autouse=True)
def pocket(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "pocket", "float32")
    monkeypatch.setattr(choose, "pocket_folder", lambda: folder)
    return folder


def test_with_nothing_on_disk_it_is_pocket_and_every_other_has_a_reason(pocket):
    choice = choose_model("auto", replace(BIG, accelerator=H100))
    assert (choice.name, choice.folder) == ("pocket", pocket)
    assert len(choice.reasons) == len(presets())
    for each in presets()[:-1]:
        reason = next(r for r in choice.reasons if r.startswith(f"not {each.name}: "))
        assert f"{each.hub_id} is not on disk" in reason


@pytest.mark.parametrize(
    ("machine", "name", "device", "precision"),
    [
        (replace(BIG, accelerator=H100), "qwen3-coder-30b-a3b-instruct", "cuda:1", "bfloat16"),
        (
            replace(BIG, accelerator=replace(H100, free=40 * GB)),
            "qwen2.5-coder-14b-instruct",
            "cuda:1",
            "bfloat16",
        ),
        (
            replace(LAPTOP, accelerator=replace(H100, free=8 * GB, bfloat16=False)),
            "qwen2.5-coder-3b-instruct",
            "cuda:1",
            "float16",
        ),
        (BIG, "qwen2.5-coder-3b-instruct", "cpu", "float32"),
        (replace(BIG, bfloat16=True), "qwen2.5-coder-3b-instruct", "cpu", "bfloat16"),
        (LAPTOP, "qwen2.5-coder-3b-instruct", "cpu", "bfloat16"),
        (replace(LAPTOP, memory=4 * GB), "qwen2.5-coder-0.5b-instruct", "cpu", "float32"),
        (replace(LAPTOP, memory=2 * GB), "pocket", "cpu", "float32"),
    ],
)
def test_auto_takes_the_best_that_fits(hub, machine, name, device, precision):
    for hub_id in HUB_IDS:
        hub(hub_id)
    choice = choose_model("auto", machine)
    assert (choice.name, choice.precision) == (name, precision)
    # With a small GPU and much memory, a big model would fit beside it; speed decides against it.
    assert choice.device == device
    assert choice.preset == preset(name)


def test_auto_downloads_only_when_allowed():
    machine = replace(BIG, accelerator=H100)
    choice = choose_model("auto", machine, allow_download=True)
    assert (choice.folder, choice.hub_id) == (None, "Qwen/Qwen3-Coder-30B-A3B-Instruct")
    assert choose_model("auto", machine).name == "pocket"


@pytest.mark.parametrize("name", ["qwen2.5-coder-0.5b-instruct", "Qwen2.5-Coder-0.5B-Instruct"])
def test_a_configured_folder_is_searched(tmp_path, name):
    folder = write_folder(tmp_path / "models" / name)
    choice = choose_model("auto", LAPTOP, folders=[tmp_path / "none", tmp_path / "models"])
    assert choice.folder == folder


def test_a_damaged_model_is_passed_over_with_its_fault(hub):
    (hub("HuggingFaceTB/SmolLM3-3B") / "tokenizer.json").unlink()
    choice = choose_model("auto", LAPTOP)
    assert choice.name == "pocket"
    assert any("smollm3-3b" in r and "tokenizer.json is missing" in r for r in choice.reasons)


def test_naming_a_model_overrules_the_speed_limit_but_not_the_memory(hub):
    hub("Qwen/Qwen2.5-Coder-7B-Instruct")
    assert choose_model("qwen2.5-coder-7b-instruct", BIG).device == "cpu"
    with pytest.raises(ModelChoiceError, match=r"needs 16\.\d GB of memory or more, and there are"):
        choose_model("qwen2.5-coder-7b-instruct", LAPTOP)


def test_room_for_the_cache_counts(hub):
    hub("Qwen/Qwen2.5-Coder-7B-Instruct")
    gpu = replace(BIG, accelerator=replace(H100, free=17 * GB))
    wanted = "Qwen/Qwen2.5-Coder-7B-Instruct"
    assert choose_model(wanted, gpu, positions=4096).device == "cuda:1"
    assert choose_model(wanted, gpu, positions=32768).device == "cpu"


def test_device_and_precision_can_be_asked_for(hub):
    hub("Qwen/Qwen2.5-Coder-1.5B-Instruct")
    machine = replace(BIG, accelerator=H100)
    wanted = "qwen2.5-coder-1.5b-instruct"
    choice = choose_model(wanted, machine, device="cpu", precision="float16")
    assert (choice.device, choice.precision) == ("cpu", "float16")
    assert choose_model(wanted, machine, device="cuda").device == "cuda:1"
    with pytest.raises(ModelChoiceError, match="no mps device"):
        choose_model(wanted, machine, device="mps")
    with pytest.raises(ModelChoiceError, match="no cuda device"):
        choose_model(wanted, LAPTOP, device="cuda")


def test_a_folder_of_ones_own(tmp_path):
    folder = write_folder(tmp_path / "mine", size=4 * GB)
    choice = choose_model(str(folder), LAPTOP)
    assert (choice.name, choice.folder, choice.preset) == ("mine", folder, None)
    assert choice.precision == "float32"
    assert choose_model(str(folder), replace(LAPTOP, memory=9 * GB)).precision == "bfloat16"
    with pytest.raises(ModelChoiceError, match="needs 4"):
        choose_model(str(folder), replace(LAPTOP, memory=4 * GB))
    with pytest.raises(ModelFilesError, match=r"config\.json is missing"):
        choose_model(str(tmp_path), LAPTOP)


def test_another_model_of_the_hub(hub, tmp_path):
    with pytest.raises(ModelChoiceError, match="some/model is not on disk"):
        choose_model("some/model", LAPTOP)
    there = choose_model("some/model", LAPTOP, allow_download=True)
    assert (there.folder, there.hub_id) == (None, "some/model")
    folder = hub("some/model")
    assert choose_model("some/model", LAPTOP).folder == folder


@pytest.mark.parametrize("wanted", ["", "qwen", "no/such/folder", "/no/such/folder", "../x/y"])
def test_an_unknown_name_is_told_what_is_allowed(wanted):
    with pytest.raises(ModelChoiceError, match=r"choose auto, a folder, .*pocket"):
        choose_model(wanted, LAPTOP)


def test_without_pocket_the_error_gives_every_reason(pocket):
    (pocket / "model.safetensors").unlink()
    with pytest.raises(ModelChoiceError) as caught:
        choose_model("auto", LAPTOP)
    assert all(each.name in str(caught.value) for each in presets())


def test_this_machine_is_probed():
    machine = probe_machine()
    assert machine.memory > 100_000_000
    assert machine.processors >= 1
