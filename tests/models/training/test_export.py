"""From a trained run to a folder that transformers loads, its figures and its card; the commands."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from rich.console import Console
from typer.testing import CliRunner

from megacontext.agent.commands import data, train
from megacontext.configs.errors import TrainingError
from megacontext.models.language.tokenizing import TextTokenizer
from megacontext.models.training.base_run import BaseRun, Places
from megacontext.models.training.evaluation import (
    LineTask,
    exact_lines,
    line_tasks,
    read_held_out,
    token_bytes,
)
from megacontext.models.training.network import build_network
from megacontext.models.training.settings import RunSettings
from megacontext.models.training.windows import Windows, write_windows
from tests.models.training.small import module, package, write_wheel


@pytest.fixture
def trained(run_values: dict[str, Any], corpus: Path, tmp_path: Path) -> BaseRun:
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(run_values))
    run = BaseRun(config, Places(corpus, tmp_path / "runs"), Console(quiet=True))
    run.train()
    return run


def test_the_exported_folder_loads_and_answers_as_measured(
    trained: BaseRun, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = tmp_path / "model"
    evaluation = trained.export(out, "abc123")
    assert {path.name for path in out.iterdir()} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "README.md",
    }
    network = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32).eval()
    assert network.lm_head.weight is network.model.embed_tokens.weight
    assert (network.config.eos_token_id, network.config.pad_token_id) == (0, 4)
    tokenizer = AutoTokenizer.from_pretrained(out)
    assert len(tokenizer) == network.config.vocab_size
    run_data = tmp_path / "runs" / "small" / "data"
    windows = Windows(run_data, "validation", 128)
    reading = read_held_out(network, TextTokenizer.load(out), windows, token_bytes(out))
    assert reading.total.value == pytest.approx(evaluation.bits_per_byte, rel=1e-6)
    assert set(evaluation.repositories) == {"zz_gamma"}


def test_the_card_tells_data_licences_curve_and_commit(trained: BaseRun, tmp_path: Path) -> None:
    evaluation = trained.export(tmp_path / "model", "abc123")
    card = (tmp_path / "model" / "README.md").read_text()
    for told in (
        "| MIT | zz_alpha 1.0, zz_beta 1.0 |",
        "Held out: zz_gamma 1.0.",
        "`abc123`",
        f"| **all** | **{evaluation.bits_per_byte:.3f}** |",
        "6 steps, 1,536 tokens",
        "configs/runs/small.yaml",
        "<|fim_prefix|>",
    ):
        assert told in card
    assert "not finished" not in card


def test_without_a_checkpoint_there_is_nothing_to_export(
    run_values: dict[str, Any], corpus: Path, tmp_path: Path
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(run_values))
    run = BaseRun(config, Places(corpus, tmp_path), Console(quiet=True))
    with pytest.raises(TrainingError, match="megacontext train base"):
        run.export(tmp_path / "model", "")
    with pytest.raises(TrainingError, match="megacontext train base"):
        run.evaluate()


def uniform(settings: RunSettings) -> Any:
    """A network that finds every token equally likely."""
    network = build_network(settings)
    with torch.no_grad():
        network.model.embed_tokens.weight.zero_()
    return network.eval()


def test_bits_per_byte_count_text_bytes_and_no_special_tokens(
    run_settings: RunSettings, tokenizer: TextTokenizer, tokenizer_folder: Path, tmp_path: Path
) -> None:
    settings = run_settings.model_copy(
        update={"tokenizer": run_settings.tokenizer.model_copy(update={"vocab_size": 400})}
    )
    text = "def été(x):\n    return x\n"
    special = tokenizer.added_tokens
    head = [special["<|repo_name|>"], *tokenizer.encode("r\n")]
    ids = [*head, special["<|file_sep|>"], *tokenizer.encode(text)]
    write_windows(tmp_path, "validation", [ids], 128, special["<|fim_pad|>"])
    windows = Windows(tmp_path, "validation", 128)
    sizes = token_bytes(tokenizer_folder)
    reading = read_held_out(uniform(settings), tokenizer, windows, sizes)
    assert reading.total.bytes == len(f"r\n{text}".encode())
    tokens = len(ids) - 2
    assert reading.total.value == pytest.approx(math.log2(400) * tokens / reading.total.bytes)
    assert reading.repositories["r"].bytes == reading.total.bytes


def test_line_tasks_are_the_same_every_time_and_end_where_lines_end(
    tokenizer: TextTokenizer,
) -> None:
    files = [("r", "a.py", module("a", 9)), ("r", "b.py", "# only\n# comments\n\n")]
    tasks = line_tasks(tokenizer, files, 40, seed=1)
    assert tasks == line_tasks(tokenizer, files, 40, seed=1)
    ends = tuple(line.strip() for line in module("a", 9).splitlines() if line.strip())
    assert all(any(end.endswith(task.expected) for end in ends) for task in tasks)
    assert line_tasks(tokenizer, files[1:], 40, seed=1) == []


def test_an_exact_line_is_what_the_model_writes(
    run_settings: RunSettings, tokenizer: TextTokenizer
) -> None:
    settings = run_settings.model_copy(
        update={"tokenizer": run_settings.tokenizer.model_copy(update={"vocab_size": 400})}
    )
    # All logits are equal, so that the end token, id 0, is chosen at once: an empty line.
    tasks = [LineTask((5, 10), ""), LineTask((5, 10), "x")]
    assert exact_lines(uniform(settings), tokenizer, tasks) == 0.5


def test_the_commands_prepare_train_evaluate_and_export(
    run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("zz_a", "zz_h"):
        files = {f"{name}/m{i}.py": module(f"{name}{i}", 20) for i in range(4)}
        write_wheel(tmp_path / "data" / "wheels", name, files)
    corpus = {"name": "tiny", "packages": [package("zz_a")], "held_out": [package("zz_h")]}
    Path("corpus.yaml").write_text(yaml.safe_dump(corpus))
    Path("run.yaml").write_text(yaml.safe_dump(run_values))
    call = CliRunner().invoke
    prepared = call(data.app, ["prepare", "--config", "corpus.yaml", "--json"])
    assert json.loads(prepared.stdout)["train"]["files"] == 4
    base = ["base", "--config", "run.yaml", "--json"]
    summary = json.loads(call(train.app, base).stdout)
    assert (summary["finished"], summary["step"]) == (True, 6)
    evaluation = json.loads(call(train.app, [*base, "--evaluate"]).stdout)
    assert evaluation["step"] == 6
    exported = call(train.app, ["base", "--config", "run.yaml", "--export", "model"])
    assert "bits_per_byte" in exported.stdout
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_misuse_exits_with_2() -> None:
    assert CliRunner().invoke(train.app, ["base"]).exit_code == 2
    assert CliRunner().invoke(data.app, ["prepare", "--config"]).exit_code == 2


def test_evaluation_is_plain_data(trained: BaseRun) -> None:
    assert json.loads(json.dumps(asdict(trained.evaluate())))["line_tasks"] == 5
