"""Processes that compute gradients for a part of each batch, over weights in shared memory.

Threads inside one operation wait for each other thousands of times a step; on cores that are also
wanted by others that costs more than it gives. Processes meet once a step. Knows no optimizer.
"""

import signal
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import Qwen2ForCausalLM

from megacontext.configs.errors import TrainingError

from .network import build_network, window_loss
from .settings import RunSettings
from .windows import Ids

Tensors = dict[str, Tensor]


def add_gradients(
    network: Qwen2ForCausalLM, rows: NDArray[np.integer[Any]], pad: int, share: float
) -> float:
    """Add the gradients of `share` times the mean loss of windows [b, n]; return that product."""
    device = network.device
    ids = torch.as_tensor(rows, dtype=torch.long).to(device)
    with torch.autocast(device.type, torch.bfloat16):
        loss = window_loss(network, ids, pad) * share
    torch.autograd.backward(loss)
    return float(loss.detach())


class Workers:
    """`settings.workers - 1` processes beside this one; a context manager that ends them.

    Args:
        network: on the CPU; its weights move to shared memory, so steps taken here are seen there.
        pad: the token that does not count.
    """

    def __init__(self, settings: RunSettings, network: Qwen2ForCausalLM, pad: int) -> None:
        self._network = network
        self._pad = pad
        self._pipes: list[Connection] = []
        self._gradients: list[Tensors] = []
        self._processes: list[Any] = []
        context = torch.multiprocessing.get_context("spawn")
        if settings.workers > 1:
            network.share_memory()
        weights = {name: p.detach() for name, p in network.named_parameters()}
        for _ in range(settings.workers - 1):
            here, there = context.Pipe()
            gradients = {name: _shared_zeros(p) for name, p in weights.items()}
            arguments = (settings, weights, gradients, pad, there)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            there.close()
            self._pipes.append(here)
            self._gradients.append(gradients)
            self._processes.append(process)

    def add_gradients(self, rows: Ids, share: float) -> float:
        """Do what the function `add_gradients` does, split over all processes.

        Raises:
            TrainingError: a process is gone.
        """
        parts = [part for part in np.array_split(rows, len(self._pipes) + 1) if len(part)]
        shares = [share * len(part) / len(rows) for part in parts]
        try:
            for pipe, job in zip(
                self._pipes, zip(parts[1:], shares[1:], strict=True), strict=False
            ):
                pipe.send(job)
            total = add_gradients(self._network, parts[0], self._pad, shares[0])
            for pipe, gradients in zip(
                self._pipes, self._gradients[: len(parts) - 1], strict=False
            ):
                total += pipe.recv()
                self._take(gradients)
        except (EOFError, OSError) as exc:
            raise TrainingError(
                "a worker process is gone; resume from the last checkpoint"
            ) from exc
        return total

    def _take(self, gradients: Tensors) -> None:
        for name, parameter in self._network.named_parameters():
            if parameter.grad is not None:
                parameter.grad += gradients[name]

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join()


def _shared_zeros(like: Tensor) -> Tensor:
    zeros: Tensor = torch.zeros_like(like).share_memory_()  # type: ignore[no-untyped-call]
    return zeros


def _work(
    settings: RunSettings, weights: Tensors, gradients: Tensors, pad: int, pipe: Connection
) -> None:
    """Answer jobs until the other end of the pipe closes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # The first process decides when the run ends; a signal to the group is for it.
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(settings.threads or 1)
    network = build_network(settings)
    for name, parameter in network.named_parameters():
        parameter.data = weights[name]
        parameter.grad = gradients[name]
    while True:
        try:
            rows, share = pipe.recv()
        except EOFError:
            return
        for gradient in gradients.values():
            gradient.zero_()
        pipe.send(add_gradients(network, rows, pad, share))
