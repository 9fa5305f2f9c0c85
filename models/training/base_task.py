"""Training the pocket base model, as a task of the loop: next tokens of packed windows.

Knows the network and its data; no step and no clock.
"""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from transformers import Qwen2ForCausalLM

from ..language.tokenizing import TextTokenizer
from .evaluation import read_held_out, token_bytes
from .network import build_network, window_loss
from .settings import RunSettings
from .task import Learner, Moment, Rows, Task
from .tokenizer import PAD
from .windows import Windows

TIED = "lm_head.weight"
"""The output layer is the embedding; one copy is saved."""


class BaseLearner(Learner):
    """A causal LM that predicts next tokens; `pad` is the token that does not count."""

    def __init__(self, network: Qwen2ForCausalLM, pad: int) -> None:
        super().__init__()
        self.network = network
        self.pad = pad

    def loss(self, rows: Rows, moment: Moment) -> tuple[Tensor, dict[str, float]]:
        """The mean loss in nats over windows `[b, n]`."""
        ids = torch.as_tensor(rows, dtype=torch.long).to(self.network.device)
        return window_loss(self.network, ids, self.pad), {}

    def compile_parts(self) -> None:
        """Compile the layers."""
        self.network.model = torch.compile(self.network.model)


class BaseTask(Task):
    """One run of base-model training.

    Args:
        settings: of the run.
        data: folder of tokenizer and windows.
        data_fingerprint: of the windows, as `prepare_run_data` returned it.
    """

    def __init__(self, settings: RunSettings, data: Path, data_fingerprint: str) -> None:
        self._run = settings
        self.settings = settings
        self.fingerprint = f"{settings.fingerprint()}-{data_fingerprint}"
        self.tokens_per_row = settings.seq_len
        self.sources = {"data": data_fingerprint}
        self._tokenizer = TextTokenizer.load(data)
        pad = self._tokenizer.added_tokens[PAD]
        self._train = Windows(data, "train", settings.seq_len, settings.seed)
        self._validation = Windows(data, "validation", settings.seq_len)
        self._sizes = token_bytes(data)
        self.build = partial(build_learner, settings, pad)
        self._learner = self.build()
        self.learner = self._learner

    @property
    def network(self) -> Qwen2ForCausalLM:
        """The network as it stands."""
        return self._learner.network

    def rows(self, index: int) -> Rows:
        """Windows of group `index`."""
        return self._train.batch(index, self._run.batch.windows)

    def measure(self) -> dict[str, float]:
        """Bits per byte on some held-out windows."""
        limit = self._run.evaluation.windows
        reading = read_held_out(self.network, self._tokenizer, self._validation, self._sizes, limit)
        return {"bits_per_byte": reading.total.value}

    def weights(self) -> dict[str, Tensor]:
        """The network's own names, as a model folder has them."""
        return {name: t for name, t in self.network.state_dict().items() if name != TIED}

    def load(self, weights: dict[str, Tensor]) -> None:
        """Take back what `weights` gave; RuntimeError where they do not fit."""
        missing, unknown = self.network.load_state_dict(weights, strict=False)
        if unknown or set(missing) - {TIED}:
            raise RuntimeError(f"missing {sorted(set(missing) - {TIED})}, unknown {unknown}")


def build_learner(settings: RunSettings, pad: int) -> BaseLearner:
    """A fresh learner, seeded by the run."""
    return BaseLearner(build_network(settings), pad)
