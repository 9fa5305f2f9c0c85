"""Weights & Biases is told when asked, and only then."""

import sys

import pytest

from megacontext.agent.evals.running.wandb_page import check_wandb, tell_wandb
from megacontext.configs.errors import ModelError

from .counting import Counting
from .test_runner import folder_of, run


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ModelError, match=r"pip install megacontext\[wandb\]"):
        check_wandb()


def test_figures_are_written_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB__SERVICE_WAIT", "120")
    suite = Counting()
    _, results, _ = run(suite, tmp_path)
    with folder_of(suite, tmp_path) as folder:
        tell_wandb(folder, results.figures, [])
    assert list(folder.path.glob("wandb/offline-run-*/*.wandb"))
