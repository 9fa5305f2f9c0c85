"""`megacontext eval gist` from model folder to report, with a tiny model and random windows."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from megacontext.agent.evals.gist_run import windows_folder
from megacontext.agent.main import app
from megacontext.configs.errors import (
    MegaContextError,
    ModelError,
    ModelFilesError,
    SettingsError,
    TrainingError,
)
from megacontext.models.gist.base_identity import identify_base
from megacontext.models.gist.files import encoder_id, save_gistnet
from megacontext.models.gist.initial import initial_gistnet
from megacontext.models.language.loading import load_folder
from megacontext.models.training.windows import read_meta, write_meta, write_windows
from tests.models.conftest import VOCABULARY
from tests.models.training import conftest as training

RATIOS = ["4x", "8x", "16x", "32x"]
SEQ_LEN = 480

corpus, run_values = training.corpus, training.run_values  # fixtures


@pytest.fixture(scope="module")
def model_folder(write_model, tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny", chat=False)


def pack(folder: Path, tokenizer: bytes, length: int = SEQ_LEN) -> Path:
    random = np.random.default_rng(0)
    rows = [random.integers(0, VOCABULARY, length).tolist() for _ in range(6)]
    write_windows(folder, "validation", rows, length, 0)
    (folder / "tokenizer.json").write_bytes(tokenizer)
    write_meta(folder, {"seq_len": length})
    return folder


@pytest.fixture(scope="module")
def packed(tokenizer_json, tmp_path_factory) -> Path:
    return pack(tmp_path_factory.mktemp("packed"), tokenizer_json)


@pytest.fixture(scope="module")
def gistnet_folder(model_folder, tmp_path_factory) -> Path:
    model = load_folder(model_folder)
    base = identify_base(model.module, model.name, model.tokenizer.fingerprint)
    gistnet = initial_gistnet(model.module, base)
    with torch.no_grad():
        gistnet.up.weight.normal_(std=0.5, generator=torch.Generator().manual_seed(5))
    folder = tmp_path_factory.mktemp("gistnet")
    save_gistnet(gistnet, folder)
    return folder


def evaluate(*arguments: object):
    return CliRunner().invoke(app, ["eval", "gist", *map(str, arguments)])


@pytest.fixture(scope="module")
def report(model_folder, gistnet_folder, packed, tmp_path_factory):
    """The files of one whole report, and what was printed."""
    folder = tmp_path_factory.mktemp("reports")
    (folder / "recall.json").write_text('{"L2": {"recall@5": [0.7, 0.8, 0.9]}, "queries": 64}')
    (folder / "notes.md").write_text("| recipe | CGR |\n|---|---|\n| the first | 12 |\n")
    done = evaluate(
        *("--model", model_folder, "--gistnet", gistnet_folder, "--packed", packed),
        *("--windows", 4, "--ceiling-windows", 2, "--ceiling-steps", 2, "--date", "2026-01-31"),
        *("--recall", folder / "recall.json", "--notes", folder / "notes.md", "--device", "cpu"),
        *("--out", folder / "out", "--json"),
    )
    assert not done.exception, done.exception
    return folder / "out", json.loads(done.stdout)


def test_a_page_its_plots_and_its_figures_lie_side_by_side(report):
    folder, printed = report
    stem = "gist_2026-01-31"
    names = {f"{stem}.md", f"{stem}.json", f"{stem}_cgr.png", f"{stem}_slots.png"}
    assert {file.name for file in folder.iterdir()} == names
    assert all(file.read_bytes()[:4] == b"\x89PNG" for file in folder.glob("*.png"))
    page = (folder / f"{stem}.md").read_text("utf-8")
    assert all(f"]({image})" in page for image in names if image.endswith(".png"))
    assert json.loads((folder / f"{stem}.json").read_text("utf-8")) == {
        key: value for key, value in printed.items() if key != "report"
    }
    assert printed["report"] == str(folder / f"{stem}.md")


def test_figures_stand_by_horizon_then_ratio_as_intervals(report):
    figures = report[1]
    for tables in (figures, *figures["settings"].values()):
        for name in ("cgr", "delta_nll"):
            assert list(tables[name]) == ["16", "64", "128"]
            for row in tables[name].values():
                assert list(row) == RATIOS
                assert all(low <= mid <= high for low, mid, high in row.values())
    assert figures["cgr"] == figures["settings"]["behind_tail"]["cgr"]
    assert set(figures["controls"]) == {"last_tokens", "mean_pooled", "shuffled", "mixed"}
    assert list(figures["ceiling"]["right_before"]) == RATIOS
    assert figures["recall"] == {"L2": {"recall@5": [0.7, 0.8, 0.9]}, "queries": 64}


def test_the_report_says_what_was_measured_and_that_the_base_is_as_it_was(
    report, gistnet_folder, model_folder
):
    folder, figures = report
    card = json.loads((gistnet_folder / "gistnet.json").read_text())
    assert figures["encoder_id"] == card["encoder_id"]
    assert (figures["model"], figures["trained"], figures["windows"]) == ("tiny", True, 4)
    assert [each["all_verbatim"] for each in figures["settings"].values()] == [0, 0]
    assert figures["machine"]["processors"] >= 1
    assert figures["provenance"]["torch"].startswith("2.")
    page = (folder / "gist_2026-01-31.md").read_text("utf-8")
    assert "| the first | 12 |" in page
    assert "0.800 [0.700, 0.900]" in page
    assert "differs from the full context by 0 nats" in page


def test_the_command_in_the_report_gives_the_same_figures(report, tmp_path):
    figures = report[1]
    assert "--ceiling-windows 2" in figures["command"]
    again = shlex.split(figures["command"])[3:]
    done = evaluate(*again, "--no-ceiling", "--out", tmp_path, "--json")
    assert not done.exception, done.exception
    repeated = json.loads(done.stdout)
    assert repeated["settings"] == figures["settings"]
    assert "ceiling" not in repeated
    assert "--no-ceiling" in repeated["command"]


def test_without_options_an_untrained_gistnet_is_called_so_and_an_arm_has_its_own_report(
    model_folder, packed, tmp_path
):
    places = ("--model", model_folder, "--packed", packed, "--out", tmp_path)
    done = evaluate(*places, "--windows", 2, "--no-ceiling", "--arm", "native", "--seed", 3)
    assert not done.exception, done.exception
    (page,) = tmp_path.glob("gist_*_native.md")
    text = page.read_text("utf-8")
    assert "untrained" in text
    assert "trained along with it (native)" in text
    assert "CGR at 4x, behind a tail" in done.stdout
    assert "What was tried" not in text


def refusal(kind: type[MegaContextError], *arguments: object) -> str:
    done = evaluate("--windows", 2, "--no-ceiling", *arguments)
    assert isinstance(done.exception, kind), done.output
    return str(done.exception)


def test_what_does_not_fit_is_refused_with_the_reason(
    model_folder,
    gistnet_folder,
    packed,
    tokenizer_json,
    tmp_path,
):
    model = ("--model", model_folder)
    out = ("--out", tmp_path / "out")
    assert "holds no packed windows" in refusal(TrainingError, *model, "--packed", tmp_path, *out)
    short = pack(tmp_path / "short", tokenizer_json, 400)
    assert "456 tokens" in refusal(ModelError, *model, "--packed", short, *out)
    foreign = pack(tmp_path / "foreign", tokenizer_json.replace(b"<|im_start|>", b"<|im_begin|>"))
    assert "another tokenizer" in refusal(TrainingError, *model, "--packed", foreign, *out)
    empty = tmp_path / "empty"
    empty.mkdir()
    places = (*model, "--packed", packed, *out)
    assert "gistnet.json" in refusal(ModelFilesError, *places, "--gistnet", empty)
    damaged = shutil.copytree(gistnet_folder, tmp_path / "damaged")
    (damaged / "gistnet.safetensors").write_bytes(b"\0" * 100)
    assert "damaged" in refusal(ModelFilesError, *places, "--gistnet", damaged)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("content", ["{", "[1, 2]", b"\xff\xfe"])
def test_a_wrong_file_of_recall_is_told_before_anything_is_measured(tmp_path, content):
    file = tmp_path / "recall.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    told = refusal(SettingsError, "--model", "nowhere", "--out", tmp_path, "--recall", file)
    assert str(file) in told


def test_a_folder_that_cannot_be_is_told_before_anything_is_measured(tmp_path):
    (tmp_path / "file").write_text("in the way")
    told = refusal(SettingsError, "--model", "nowhere", "--out", tmp_path / "file" / "reports")
    assert "--out" in told


def test_without_matplotlib_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    told = refusal(ModelError, "--model", "nowhere", "--out", tmp_path)
    assert "pip install 'megacontext[eval]'" in told


@pytest.mark.parametrize(
    "wrong",
    [
        ("--windows", "1"),
        ("--date", "yesterday"),
        ("--arm", "../../escaped"),
        ("--device", "abacus"),
        ("--ceiling-windows", "0"),
    ],
    ids=lambda each: each[0],
)
def test_misuse_is_told_as_misuse(wrong):
    done = evaluate(*wrong)
    assert done.exit_code == 2
    assert wrong[0] in done.output


def test_windows_of_a_run_are_made_where_they_are_missing_and_then_used(
    corpus,
    run_values,
    tmp_path,
):
    config = tmp_path / "run.yaml"
    config.write_text(json.dumps(run_values))
    said: list[str] = []
    folder = windows_folder(config, corpus, tmp_path / "runs", said.append)
    assert said
    meta = read_meta(folder)
    assert meta
    assert meta["windows"]["validation"] > 0
    said.clear()
    assert windows_folder(config, tmp_path / "no corpus", tmp_path / "runs", said.append) == folder
    assert not said


def test_the_encoder_of_a_report_is_the_one_that_was_given(gistnet_folder, model_folder, report):
    model = load_folder(model_folder)
    base = identify_base(model.module, "tiny", model.tokenizer.fingerprint)
    assert report[1]["encoder_id"] != encoder_id(initial_gistnet(model.module, base))
    assert report[1]["base_id"] == base.base_id
