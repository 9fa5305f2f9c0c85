"""A tiny base, its GistNet as if trained a little, and windows of random tokens with padding."""

import numpy as np
import pytest
import torch

from megacontext.models.evaluation.passages import Layout
from megacontext.models.gist.initial import initial_gistnet
from megacontext.models.training.windows import Windows, write_windows
from tests.models.gist_bases import VOCABULARY, base_lm, identity

PAD = 4
SEQ_LEN = 128


@pytest.fixture(scope="package")
def layout() -> Layout:
    return Layout(prefix=4, blocks=2, block_size=32, tail=8, horizon=16)


@pytest.fixture(scope="package")
def base():
    return base_lm()


@pytest.fixture(scope="package")
def gistnet(base):
    made = initial_gistnet(base, identity(base)).eval()
    with torch.no_grad():
        made.up.weight.normal_(std=0.5, generator=torch.Generator().manual_seed(5))
    return made


@pytest.fixture(scope="package")
def windows(tmp_path_factory) -> Windows:
    """Twenty windows; each third one is padded, and one is too short to be measured on."""
    random = np.random.default_rng(3)
    lengths = [40 if i == 5 else 100 if i % 3 else SEQ_LEN for i in range(20)]
    rows = [random.integers(5, VOCABULARY, length).tolist() for length in lengths]
    folder = tmp_path_factory.mktemp("windows")
    write_windows(folder, "validation", rows, SEQ_LEN, PAD)
    return Windows(folder, "validation", SEQ_LEN)
