"""How well a base model reads held-out packages: bits per byte, and lines completed exactly.

Computes in float32. Knows a network, a tokenizer and texts; nothing of how they were trained.
"""

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from transformers import Qwen2ForCausalLM

from ..language.tokenizing import TextTokenizer
from . import tokenizer as names
from .fim import code_lines
from .loss import IGNORED, token_losses
from .windows import Windows

BEFORE = 2400
AFTER = 800
"""Characters of the file around the cursor in a completion prompt."""
LONGEST = 48
"""Tokens of one completed line."""
SHORTEST_LINE = 4
"""Characters; a shorter line is mostly brackets and says little."""


@dataclass
class BitsPerByte:
    """Bits that a model needs for a byte of text, on average over what was added."""

    nats: float = 0.0
    bytes: int = 0

    def add(self, nats: float, size: int) -> None:
        """Count `size` bytes of text that cost `nats`."""
        self.nats += nats
        self.bytes += size

    @property
    def value(self) -> float:
        """Bits per byte; NaN of no text."""
        return self.nats / math.log(2) / self.bytes if self.bytes else math.nan


@dataclass
class Reading:
    """Bits per byte of all held-out text, and of each repository."""

    total: BitsPerByte = field(default_factory=BitsPerByte)
    repositories: dict[str, BitsPerByte] = field(default_factory=dict)


@dataclass(frozen=True)
class LineTask:
    """A cursor inside a held-out line; `expected` is the rest of that line."""

    prompt: tuple[int, ...]
    expected: str


def token_bytes(folder: Path) -> Tensor:
    """Return how many bytes of text each token of a tokenizer's folder stands for, [vocabulary].

    Special tokens stand for none.
    """
    definition = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary: dict[str, int] = definition["model"]["vocab"]
    sizes = torch.zeros(max(vocabulary.values()) + 1, dtype=torch.long)
    for token, index in vocabulary.items():
        # Byte-level BPE writes each byte as one character.
        sizes[index] = 0 if token in names.SPECIAL_TOKENS else len(token)
    return sizes


@torch.inference_mode()
def read_held_out(
    network: Qwen2ForCausalLM,
    tokenizer: TextTokenizer,
    windows: Windows,
    sizes: Tensor,
    limit: int | None = None,
) -> Reading:
    """Measure on `limit` evenly spread windows (all without), each read left to right.

    What stands before a file in its window is its repository context.
    """
    count = len(windows) if limit is None else min(limit, len(windows))
    reading = Reading()
    for number in (i * len(windows) // count for i in range(count)):
        ids = torch.from_numpy(windows.rows([number]).astype("int64"))
        counts = sizes[ids[0, 1:]]
        targets = ids[0, 1:].masked_fill(counts == 0, IGNORED).to(network.device)
        hidden = network.model(input_ids=ids.to(network.device), use_cache=False).last_hidden_state
        losses = token_losses(hidden[0, :-1], network.lm_head.weight, targets)
        nats, size = float(losses.sum()), int(counts.sum())
        reading.total.add(nats, size)
        repository = _repository(ids[0].tolist(), tokenizer)
        reading.repositories.setdefault(repository, BitsPerByte()).add(nats, size)
    return reading


def line_tasks(
    tokenizer: TextTokenizer, files: Sequence[tuple[str, str, str]], count: int, seed: int
) -> list[LineTask]:
    """Place `count` cursors in files (repository, path, text), each inside a line of code."""
    chance = random.Random(seed)  # noqa: S311  no secret
    usable = [(file, lines) for file in files if (lines := _worth_completing(file[2]))]
    tasks: list[LineTask] = []
    for _ in range(count if usable else 0):
        (repo, path, text), lines = chance.choice(usable)
        start, end = chance.choice(lines)
        cursor = chance.randrange(start, end)
        before, after = text[max(0, cursor - BEFORE) : cursor], text[end : end + AFTER]
        prompt = _prompt(tokenizer, (repo, path), before, after)
        tasks.append(LineTask(tuple(prompt), text[cursor:end]))
    return tasks


@torch.inference_mode()
def exact_lines(
    network: Qwen2ForCausalLM, tokenizer: TextTokenizer, tasks: Sequence[LineTask]
) -> float:
    """Return the share of tasks whose rest of line is completed exactly, greedily."""
    right = sum(_complete(network, tokenizer, task.prompt) == task.expected for task in tasks)
    return right / max(1, len(tasks))


def _worth_completing(text: str) -> list[tuple[int, int]]:
    return [
        (start, end)
        for start, end in code_lines(text)
        if text[start] != "#" and end - start >= SHORTEST_LINE
    ]


def _repository(ids: Sequence[int], tokenizer: TextTokenizer) -> str:
    """Read the name off the head of a window."""
    end = ids.index(tokenizer.added_tokens[names.FILE_SEP])
    return tokenizer.decode(ids[1:end]).strip()


def _prompt(tokenizer: TextTokenizer, place: tuple[str, str], before: str, after: str) -> list[int]:
    special = tokenizer.added_tokens
    repo, path = place
    return [
        special[names.REPO_NAME],
        *tokenizer.encode(f"{repo}\n"),
        special[names.FILE_SEP],
        *tokenizer.encode(f"{path}\n"),
        special[names.FIM_PREFIX],
        *tokenizer.encode(before),
        special[names.FIM_SUFFIX],
        *tokenizer.encode(after),
        special[names.FIM_MIDDLE],
    ]


def _complete(network: Qwen2ForCausalLM, tokenizer: TextTokenizer, prompt: Sequence[int]) -> str:
    end = tokenizer.added_tokens[names.END]
    ids = torch.tensor([prompt], device=network.device)
    cache, written = None, list[int]()
    for _ in range(LONGEST):
        out = network(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = out.past_key_values
        token = int(out.logits[0, -1].argmax())
        if token == end:
            break
        written.append(token)
        if "\n" in tokenizer.decode([token]):
            break
        ids = torch.tensor([[token]], device=network.device)
    return tokenizer.decode(written).split("\n")[0].rstrip()
