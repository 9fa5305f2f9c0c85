"""A corpus, a tokenizer and run settings small enough for a run to take a second."""

from pathlib import Path
from typing import Any

import pytest

from megacontext.models.language.tokenizing import TextTokenizer
from megacontext.models.training.corpus.prepare import prepare
from megacontext.models.training.corpus.settings import CorpusSettings
from megacontext.models.training.settings import RunSettings
from megacontext.models.training.tokenizer import save_tokenizer, train_tokenizer
from tests.models.training.small import SHAPE, module, package, write_wheel


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three packages that exist nowhere else: two to train on, one held out."""
    root = tmp_path_factory.mktemp("corpus")
    for name in ("zz_alpha", "zz_beta", "zz_gamma"):
        words = [f"{name[3:]}_{word}" for word in ("core", "text", "tree", "load", "save")]
        files = {f"{name}/{word}.py": module(word, 12) for word in words}
        write_wheel(root / "wheels", name, files)
    settings = CorpusSettings.model_validate(
        {
            "name": "tiny",
            "packages": [package("zz_alpha"), package("zz_beta")],
            "held_out": [package("zz_gamma")],
        }
    )
    prepare(settings, root / "tiny", root / "wheels")
    return root


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    text = [Path(__file__).read_text("utf-8"), *(module(f"m{i}", 9) for i in range(4))]
    save_tokenizer(train_tokenizer(text, 400), folder, max_length=512)
    return folder


@pytest.fixture(scope="session")
def tokenizer(tokenizer_folder: Path) -> TextTokenizer:
    return TextTokenizer.load(tokenizer_folder)


@pytest.fixture
def run_values() -> dict[str, Any]:
    return {
        "name": "small",
        "corpus": "tiny",
        "seq_len": 128,
        "tokenizer": {"vocab_size": 300},
        "model": {**SHAPE, "max_positions": 256},
        "schedule": {"warmup_steps": 2, "decay_share": 0.5, "total_steps": 6},
        "batch": {"windows": 2},
        "evaluation": {"every_steps": 3, "windows": 4, "line_tasks": 5},
        "device": "cpu",
        "threads": 1,
    }


@pytest.fixture
def run_settings(run_values: dict[str, Any]) -> RunSettings:
    return RunSettings.model_validate(run_values)
