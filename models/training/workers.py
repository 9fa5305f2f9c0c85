"""Processes that compute gradients for a part of each batch, over weights in shared memory.

Threads inside one operation wait for each other thousands of times a step; on cores that are also
wanted by others that costs more than it gives. Processes meet once a step. Knows no optimizer.
"""

import signal
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from megacontext.configs.errors import TrainingError

from .task import Learner, Moment, Rows

Tensors = dict[str, Tensor]


def add_gradients(learner: Learner, rows: Rows, moment: Moment, share: float) -> dict[str, float]:
    """Add the gradients of `share` times the mean loss of `rows`; that product, and its parts'.

    The whole is named "loss".
    """
    device = next(learner.parameters()).device
    with torch.autocast(device.type, torch.bfloat16):
        loss, parts = learner.loss(rows, moment)
    scaled = loss * share
    torch.autograd.backward(scaled)
    return {"loss": float(scaled.detach())} | {name: part * share for name, part in parts.items()}


class Workers:
    """`count - 1` processes beside this one; a context manager that ends them.

    Args:
        learner: on the CPU; its weights move to shared memory, so steps taken here are seen there.
        build: makes an equal learner there.
        count: processes in all.
        threads: of each.
    """

    def __init__(
        self, learner: Learner, build: Callable[[], Learner], count: int, threads: int = 1
    ) -> None:
        self._learner = learner
        self._pipes: list[Connection] = []
        self._gradients: list[Tensors] = []
        self._processes: list[Any] = []
        context = torch.multiprocessing.get_context("spawn")
        if count > 1:
            learner.share_memory()
        weights = {name: p.detach() for name, p in trained(learner).items()}
        for _ in range(count - 1):
            here, there = context.Pipe()
            gradients = {name: _shared_zeros(p) for name, p in weights.items()}
            arguments = (build, weights, gradients, threads, there)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            there.close()
            self._pipes.append(here)
            self._gradients.append(gradients)
            self._processes.append(process)

    def add_gradients(self, rows: Rows, moment: Moment, share: float) -> dict[str, float]:
        """Do what the function `add_gradients` does, split over all processes.

        Raises:
            TrainingError: a process is gone.
        """
        parts = [part for part in np.array_split(rows, len(self._pipes) + 1) if len(part)]
        shares = [share * len(part) / len(rows) for part in parts]
        busy = len(parts) - 1
        try:
            for pipe, part, its in zip(self._pipes[:busy], parts[1:], shares[1:], strict=True):
                pipe.send((part, moment, its))
            total = Counter(add_gradients(self._learner, parts[0], moment, shares[0]))
            for pipe, gradients in zip(self._pipes[:busy], self._gradients[:busy], strict=True):
                for name, value in pipe.recv().items():
                    total[name] += value
                self._take(gradients)
        except (EOFError, OSError) as exc:
            raise TrainingError(
                "a worker process is gone; resume from the last checkpoint"
            ) from exc
        return dict(total)

    def _take(self, gradients: Tensors) -> None:
        for name, parameter in trained(self._learner).items():
            if parameter.grad is not None:
                parameter.grad += gradients[name]

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join()


def trained(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that get gradients, by name."""
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def _shared_zeros(like: Tensor) -> Tensor:
    zeros: Tensor = torch.zeros_like(like).share_memory_()  # type: ignore[no-untyped-call]
    return zeros


def _work(
    build: Callable[[], Learner],
    weights: Tensors,
    gradients: Tensors,
    threads: int,
    pipe: Connection,
) -> None:
    """Answer jobs until the other end of the pipe closes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # The first process decides when the run ends; a signal to the group is for it.
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(threads)
    learner = build()
    for name, parameter in trained(learner).items():
        parameter.data = weights[name]
        parameter.grad = gradients[name]
    while True:
        try:
            rows, moment, share = pipe.recv()
        except EOFError:
            return
        for gradient in gradients.values():
            gradient.zero_()
        pipe.send(add_gradients(learner, rows, moment, share))
