"""The settings files for another base, and what a person is told of it. Knows what `fit` found out."""

import json
import math
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from .estimate import UTILISATION, teacher_bytes
from .fit import LARGE, STEP_WINDOWS, Fit

TOP = 64
"""Tokens that are kept of what a base says."""
LENS_LIKE = "lensnet_pocket_gpu.yaml"
"""Whose settings a LensNet of another base starts from: they do not depend on it."""
MUON, ADAMW, PROVEN_WIDTH = 0.01, 0.002, 256
"""Learning rates, and the width of the base that they were found with."""

GISTNET = """\
# GistNet for {base}, which stays frozen{where}.
# Planned for {device}:
# about {memory:.0f} GB and {rate:,.0f} tokens a second, {hours:.1f} hours in all. The learning rates are those of
# pocket, scaled by the root of the width; nothing was trained with them yet.
name: {name}
base: {{ folder: {folder} }}
base_precision: {precision}
data: [{{ corpus: {corpus} }}]
seed: 30
seq_len: {seq_len}

encoder: {{ layers: {layers}, bottleneck: {bottleneck} }}
view: {{ segments: [4, 4, 4, 2, 8], ragged: 0.25, slots: [8, 4, 2, 1], opening: 0.2 }}
terms: {{ continuation: 1.0, teacher: 1.0, reconstruction: 0.25 }}
{teacher}

optimizer: {{ muon_lr: {muon}, adamw_lr: {adamw} }}
schedule: {{ warmup_steps: {warmup}, decay_share: 0.25, total_steps: {steps} }}
batch: {{ windows: {windows}, accumulate: {accumulate} }}
recompute: {recompute}
checkpoint: {{ minutes: 10 }}
evaluation: {{ every_steps: {every}, windows: 24 }}
device: auto
compile: {compile}
"""

LENSNET = """\
# LensNet for {base}. Its snapshots, made with this base and its GistNet:
# megacontext data lens --config configs/data/lens_pocket.yaml --model {folder} --out data/lens/{dataset}
"""


def gistnet_settings(fit: Fit, name: str, tokens: int) -> str:
    """Settings of a GistNet run over about so many tokens, as YAML."""
    plan, base = fit.plan, fit.base
    scale = math.sqrt(PROVEN_WIDTH / fit.numbers.width)
    together = STEP_WINDOWS[fit.device.kind]
    steps = max(1, tokens // (together * plan.seq_len))
    return GISTNET.format(
        base=base.name,
        where=f"; `hf download {base.hub_id} --local-dir {base.folder}`" if base.hub_id else "",
        device=fit.device.told,
        memory=fit.memory.total / 1e9,
        rate=fit.tokens_a_second,
        hours=hours(fit, tokens),
        name=name,
        folder=_scalar(base.folder.as_posix()),
        precision="bfloat16" if fit.numbers.parameters >= LARGE else "float32",
        corpus=_scalar(fit.text.corpus),
        seq_len=plan.seq_len,
        layers=fit.gistnet.layers,
        bottleneck=fit.gistnet.bottleneck,
        teacher=_teacher(fit, tokens),
        muon=_rounded(MUON * scale),
        adamw=_rounded(ADAMW * scale),
        warmup=min(100, steps // 10),
        steps=steps,
        windows=plan.windows,
        accumulate=together // plan.windows,
        recompute=str(plan.recompute).lower(),
        every=max(1, min(200, steps // 10)),
        compile=str(fit.device.kind == "cuda").lower(),
    )


def lensnet_settings(fit: Fit, name: str, dataset: str) -> str:
    """Settings of a LensNet run, as YAML: those of pocket, on snapshots of this base."""
    like = (files("megacontext.configs") / "runs" / LENS_LIKE).read_text("utf-8")
    lines = [line for line in like.splitlines(keepends=True) if not line.startswith("#")]
    told = {"name": name, "dataset": dataset, "device": "auto"}
    changed = "".join(
        f"{key}: {told[key]}\n" if (key := line.partition(":")[0]) in told else line
        for line in lines
    )
    head = LENSNET.format(base=fit.base.name, folder=fit.base.folder.as_posix(), dataset=dataset)
    return head + changed


def hours(fit: Fit, tokens: int) -> float:
    """That so many tokens take."""
    return tokens / fit.tokens_a_second / 3600


def told(fit: Fit, tokens: int) -> list[str]:
    """What was found, in sentences; the assumptions with it."""
    return [*_of_base(fit), *_of_tokenizer(fit), *_of_text(fit, tokens), *_of_device(fit, tokens)]


def as_data(fit: Fit, tokens: int) -> dict[str, Any]:
    """The same as plain data."""
    memory = fit.memory
    return {
        "base": fit.base.name,
        "folder": str(fit.base.folder),
        "parameters": fit.numbers.parameters,
        "gistnet_parameters": fit.numbers.gistnet,
        "own_markers": fit.markers.own if fit.markers else None,
        "fills": fit.markers.middles is not None if fit.markers else None,
        "bytes_per_token": fit.text.bytes_per_token,
        "corpus_tokens": fit.text.tokens,
        "fits": fit.fits,
        "memory": {**vars(memory), "total": memory.total},
        "tokens_per_s": fit.tokens_a_second,
        "hours": hours(fit, tokens),
        "told": told(fit, tokens),
    }


def write_settings(out: Path, text: str, name: str) -> Path:
    """Write one file of settings under its run's name."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _teacher(fit: Fit, tokens: int) -> str:
    """The setting that keeps what the base says, on where windows are read again."""
    text = fit.text
    again = text.tokens is not None and tokens >= 2 * text.tokens
    size = teacher_bytes(fit.numbers, TOP, text.tokens or 1_000_000) / 1e9
    of = "the corpus" if text.tokens else "a million tokens"
    line = f"teacher: {{ top: {TOP} }} # read plainly once; {size:.1f} GB on disk for {of}"
    return line if again else f"# {line}"


def _scalar(text: str) -> str:
    """A string as YAML has it."""
    return text if re.fullmatch(r"[\w./-]+", text) else json.dumps(text)


def _of_base(fit: Fit) -> list[str]:
    numbers = fit.numbers
    weights = f"{numbers.parameters / 1e6:,.0f} M weights"
    layers = f"{numbers.layers} layers of width {numbers.width:,}"
    return [
        f"{fit.base.name}: {weights}, {layers}, vocabulary {numbers.vocabulary:,}; GistNet can take "
        f"over its layers ({fit.gistnet.layers} of them, {numbers.gistnet / 1e6:,.0f} M weights)"
    ]


def _of_tokenizer(fit: Fit) -> list[str]:
    if fit.markers is None:
        return [
            f"no tokenizer.json in {fit.base.folder}: whether it fits was not checked; put the "
            "model there and run this again"
        ]
    markers = fit.markers
    shown = "tokens of its own" if markers.own else "plain lines, for it has no tokens for them"
    fills = (
        "it can fill in" if markers.middles else "it has no tokens to fill in: keep middles at 0"
    )
    pad = "" if markers.pad >= 0 else "; it has no token for padding: windows end in empty lines"
    return [f"tokenizer: gives back text; files are marked with {shown}; {fills}{pad}"]


def _of_text(fit: Fit, tokens: int) -> list[str]:
    text = fit.text
    if text.bytes_per_token is None:
        return [f"corpus {text.corpus}: without a tokenizer its tokens were not counted"]
    if text.tokens is None:
        return [
            f"corpus {text.corpus}: not there yet; `megacontext data prepare --config "
            f"configs/data/{text.corpus}.yaml` prepares it"
        ]
    return [
        f"corpus {text.corpus}: about {text.tokens / 1e6:,.1f} M tokens ({text.bytes_per_token:.2f} "
        f"bytes each), read {tokens / text.tokens:.1f} times"
    ]


def _of_device(fit: Fit, tokens: int) -> list[str]:
    memory, plan = fit.memory, fit.plan
    parts = ", ".join(f"{name} {size / 1e9:.1f}" for name, size in vars(memory).items())
    again = ", layers computed again for gradients" if plan.recompute else ""
    verdict = "it fits" if fit.fits else "it does not fit; take a smaller base or a larger device"
    return [
        f"device: {fit.device.told}; {fit.device.memory / 1e9:.0f} GB, {fit.device.flops / 1e12:.3g} "
        "TFLOP/s of bfloat16 products",
        f"memory: {memory.total / 1e9:.1f} GB ({parts}; the rest is slack) with {plan.windows} windows "
        f"of {plan.seq_len:,} tokens at once{again}: {verdict}",
        f"time: about {fit.tokens_a_second:,.0f} tokens a second, {hours(fit, tokens):.1f} hours for "
        f"{tokens / 1e6:,.0f} M tokens, if training reaches {UTILISATION:.0%} of that rate "
        "(small bases on a GPU reach less)",
    ]


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")
