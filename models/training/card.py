"""The model card of a base model, written from what was measured. Knows facts, computes nothing."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .settings import RunSettings

ROWS = 14
"""Rows of the loss curve."""

CARD = """\
---
license: mit
language: [code]
library_name: transformers
pipeline_tag: text-generation
tags: [code, python, fill-in-the-middle]
---

# {name}

A small Python code model with fill-in-the-middle, trained from nothing by this project on permissively
licensed Python. It is the embedded model of MegaContext: it runs offline on two processor cores and
completes code. It does not chat, follows no instructions, and knows little of other languages. What it
writes is a suggestion to be read, not code to be trusted.

| | |
|---|---|
| architecture | Qwen2, tied embeddings |
| shape | {layers} layers, width {hidden_size}, {heads} heads, {kv_heads} for keys and values |
| parameters | {parameters:,} |
| vocabulary | {vocab_size:,}, byte-level BPE; gives back any UTF-8 text exactly |
| positions | trained on windows of {seq_len:,} tokens |
| weights | {dtype}; rounding to bfloat16 changes the loss by {dtype_cost:+.3%} |
| trained | {steps:,} steps, {tokens:,} tokens, {hours:.2f} hours{unfinished} |
| commit | `{commit}` |

## How well it reads

On packages that were never trained on, read left to right, each window starting with other files of the
same package:

| held-out package | bits per byte |
|---|---|
{repositories}
| **all** | **{bits_per_byte:.3f}** |

Asked for the rest of a line (fill-in-the-middle, only the current file as context, greedy), it writes exactly
what stands there in **{exact_lines:.1%}** of {line_tasks} random cursor positions of these packages.

## How it learned

Muon for the matrices, AdamW for the rest; warm-up, plateau, and a linear decay over the last
{decay_share:.0%} of the budget. Half of the pieces are fill-in-the-middle.{along_told}
Bits per byte on a sample of the held-out packages:

| tokens read | bits per byte |
|---|---|
{curve}

## Data

Corpus `{corpus}`: {files:,} files, {megabytes:.0f} MB of Python, {corpus_tokens:,} tokens, hash
`{hash}`. It was read {readings:.2f} times. Vendored, generated, minified, copied and nearly copied
files are left out, and so are copyright headers.

| licence | packages |
|---|---|
{licences}

Held out: {held_out}.

## Prompts

```
<|repo_name|>name
<|file_sep|>path/of/another.py
text of it
<|file_sep|>path/of/this.py
<|fim_prefix|>before the cursor<|fim_suffix|>after it<|fim_middle|>
```

The answer ends with `<|endoftext|>`.

## Again from the start

```
megacontext data prepare --config configs/data/{corpus}.yaml
megacontext train base --config configs/runs/{run}.yaml
{last_commands}
```
"""


@dataclass(frozen=True)
class Along:
    """How a base learned on, along with its GistNet, after its own run's plateau."""

    run: str
    steps: int
    tokens: int
    hours: float

    def __str__(self) -> str:
        return (
            f" After that it learned along with its GistNet to read gists as well as tokens "
            f"(`{self.run}`): {self.steps:,} more steps, {self.tokens:,} tokens, {self.hours:.2f} "
            "hours, with the decay at their end. The table above counts what came before."
        )


@dataclass(frozen=True)
class CardFacts:
    """All that the card tells."""

    settings: RunSettings
    manifest: dict[str, Any]
    """Of the corpus."""
    parameters: int
    dtype: str
    dtype_cost: float
    steps: int
    tokens: int
    corpus_tokens: int
    """Of the packed train split, padding counted in, as in `tokens`."""
    hours: float
    curve: tuple[tuple[int, float], ...]
    """(tokens read, bits per byte)."""
    finished: bool
    """False where the learning rate had not begun to decay."""
    bits_per_byte: float
    repositories: dict[str, float]
    exact_lines: float
    line_tasks: int
    commit: str
    along: Along | None = None


def model_card(facts: CardFacts) -> str:
    """Return the card as Markdown."""
    run, train = facts.settings, facts.manifest["train"]
    parts = sorted(facts.repositories.items())
    return CARD.format(
        **vars(facts)
        | run.model.model_dump()
        | {
            "name": "pocket",
            "run": run.name,
            "corpus": run.corpus,
            "vocab_size": run.tokenizer.vocab_size,
            "seq_len": run.seq_len,
            "decay_share": run.schedule.decay_share,
            "unfinished": "" if facts.finished else " (not finished: the rate has not decayed yet)",
            "readings": facts.tokens / facts.corpus_tokens,
            "files": train["files"],
            "megabytes": train["bytes"] / 1e6,
            "hash": train["hash"],
            "repositories": "\n".join(f"| {name} | {bits:.3f} |" for name, bits in parts),
            "curve": _curve(facts.curve),
            "licences": _licences(train["packages"]),
            "held_out": _names(facts.manifest["validation"]["packages"]),
            "along_told": facts.along or "",
            "last_commands": _last_commands(facts),
        }
    )


def _last_commands(facts: CardFacts) -> str:
    if facts.along is None:
        return f"megacontext train base --config configs/runs/{facts.settings.name}.yaml --export models/pocket"
    config = f"configs/runs/{facts.along.run}.yaml"
    return "\n".join(
        f"megacontext train gistnet --config {config}{more}"
        for more in ("", " --export models/pocket")
    )


def _curve(points: Sequence[tuple[int, float]]) -> str:
    """Return table rows of evenly spread points, the last one among them."""
    by_tokens = sorted(dict(points).items())
    count = min(ROWS, len(by_tokens))
    chosen = [by_tokens[(i + 1) * len(by_tokens) // count - 1] for i in range(count)]
    return "\n".join(f"| {tokens / 1e6:.1f} M | {bits:.3f} |" for tokens, bits in chosen)


def _licences(packages: dict[str, dict[str, Any]]) -> str:
    groups: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for name, package in packages.items():
        groups[package["licence"]][name] = package
    return "\n".join(f"| {licence} | {_names(groups[licence])} |" for licence in sorted(groups))


def _names(packages: dict[str, dict[str, Any]]) -> str:
    order = sorted(packages, key=str.lower)
    return ", ".join(f"{name} {packages[name]['version']}" for name in order)
