"""Two optimizers as one: Muon for the matrices inside the network, AdamW for everything else.

Method: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks". Embeddings
(tied with the output layer), norms and biases are not linear maps between hidden states, so they
stay with AdamW. Knows parameters, no data and no schedule.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from .settings import OptimizerSettings


class MuonAdamW:
    """Both optimizers of a model; one step, one learning-rate factor, one state.

    Args:
        model: its parameters that require gradients are stepped.
        settings: peak rates and the rest.
        rates: by the start of parameters' names, what their rates are multiplied with; 1 without.
    """

    def __init__(
        self,
        model: nn.Module,
        settings: OptimizerSettings,
        rates: Mapping[str, float] | None = None,
    ) -> None:
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self._clip = settings.clip
        self._parameters = [p for _, p in named]
        maps = _groups([(n, p) for n, p in named if _is_map(n, p)], settings.muon_lr, rates or {})
        tables = _groups(
            [(n, p) for n, p in named if not _is_map(n, p)], settings.adamw_lr, rates or {}
        )
        self._parts = (
            torch.optim.Muon(
                maps, weight_decay=settings.muon_weight_decay, momentum=settings.momentum
            ),
            torch.optim.AdamW(tables, betas=settings.betas, weight_decay=0.0),
        )
        self._peaks = [[group["lr"] for group in part.param_groups] for part in self._parts]

    def step(self, factor: float) -> float:
        """Clip, step at `factor` of the peak rates, clear; return the gradient's norm before."""
        norm = nn.utils.clip_grad_norm_(self._parameters, self._clip)
        for part, peaks in zip(self._parts, self._peaks, strict=True):
            for group, peak in zip(part.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            part.step()
            part.zero_grad(set_to_none=True)
        return float(norm)

    def state_dict(self) -> dict[str, Any]:
        """Return both states, for `torch.save`."""
        return {"muon": self._parts[0].state_dict(), "adamw": self._parts[1].state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._parts[0].load_state_dict(state["muon"])
        self._parts[1].load_state_dict(state["adamw"])


def _is_map(name: str, parameter: nn.Parameter) -> bool:
    """Whether it maps hidden states to hidden states; tables of vectors do not."""
    return parameter.ndim == 2 and not any(table in name for table in ("embed", "queries"))


def _groups(
    named: list[tuple[str, nn.Parameter]], peak: float, rates: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Parameters with the same rate together, each group with its peak."""
    by_rate: dict[float, list[nn.Parameter]] = {}
    for name, parameter in named:
        rate = next((rates[start] for start in rates if name.startswith(start)), 1.0)
        by_rate.setdefault(rate, []).append(parameter)
    return [{"params": found, "lr": peak * rate} for rate, found in by_rate.items()]
