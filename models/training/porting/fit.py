"""Another base: does it fit what GistNet and LensNet need, what will training take, with which settings?

Looks at a base's config.json and tokenizer.json; no weights are needed. Knows models and corpora on
disk; no command line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from megacontext.configs.errors import ModelFilesError, TrainingError

from ...choosing.machine import probe_machine
from ...choosing.presets import Preset, Shape, preset
from ...gist.base_identity import BaseIdentity
from ...gist.initial import fitting_config
from ...gistnet import GistNetConfig
from ...language.tokenizing import TextTokenizer
from ..corpus.prepare import read_manifest, read_split
from ..markers import Markers, markers_of
from .estimate import Memory, Numbers, Plan, measured_flops, memory_of, tokens_a_second

BASES = Path("data/bases")
"""Where a base of the hub is expected."""
LARGE = 1_000_000_000
"""Parameters from which a frozen base is held in bfloat16."""
HUGE = 8_000_000_000
"""Parameters from which GistNet has two layers instead of four."""
WINDOW = 2048
STEP_WINDOWS = {"cuda": 16, "cpu": 4}
"""That one optimizer step reads."""
USED = 0.9
"""Share of a device's memory that a run may take."""
SAMPLE = 40
"""Documents by which a corpus is judged."""
ALTERED = 0.1
"""Share of documents that may come back otherwise: some tokenizers compose accents."""
STAND_IN = "def Name(first, second):\n    # naïve, 数\n    return first + second\n\n" * 20
"""Text by which a tokenizer is judged where there is no corpus."""


@dataclass(frozen=True)
class PortedBase:
    """A base as far as its configuration tells."""

    name: str
    folder: Path
    """Where its files are, or are expected."""
    config: Any
    """Of transformers."""
    tokenizer: TextTokenizer | None
    """None where its file is not at hand."""
    hub_id: str | None = None


@dataclass(frozen=True)
class Device:
    """What trains."""

    kind: str
    """As torch calls it."""
    memory: int
    """Bytes."""
    flops: float
    """Operations a second at large products of matrices."""
    told: str
    """Where these numbers are from."""


@dataclass(frozen=True)
class Text:
    """What a corpus comes to with a tokenizer."""

    corpus: str
    tokens: int | None
    """Of the train split, about; None where it is not prepared, or without a tokenizer."""
    bytes_per_token: float | None


@dataclass(frozen=True)
class Fit:
    """All that was found out about training for one base on one device."""

    base: PortedBase
    gistnet: GistNetConfig
    numbers: Numbers
    markers: Markers | None
    text: Text
    device: Device
    plan: Plan
    memory: Memory
    tokens_a_second: float

    @property
    def fits(self) -> bool:
        """Whether the device holds the run."""
        return self.memory.total <= USED * self.device.memory


def find_base(wanted: str) -> PortedBase:
    """A model folder, or a preset by name: from its folder under `data/bases`, or else its shape alone.

    Raises:
        ModelFilesError: the folder has no configuration that transformers reads.
        ModelChoiceError: it is no folder, and no preset has the name.
    """
    if (Path(wanted) / "config.json").is_file() or Path(wanted).is_dir():
        return _of_folder(Path(wanted), Path(wanted).resolve().name, None)
    known = preset(wanted)
    folder = BASES / known.name
    if (folder / "config.json").is_file():
        return _of_folder(folder, known.name, known.hub_id)
    return PortedBase(known.name, folder, _config_of(known.shape, known), None, known.hub_id)


def examine(base: PortedBase, corpus: str, data: Path, device: Device) -> Fit:
    """Check that base, tokenizer and corpus fit each other, and plan a run on a device.

    Raises:
        ModelError: GistNet cannot take over the base's layers.
        TrainingError: the tokenizer does not give back text, or has more tokens than the base.
    """
    network = _empty(base)
    layers = 4 if network.num_parameters() < HUGE else 2
    width = base.config.hidden_size
    identity = BaseIdentity(name=base.name, width=width, weights="", tokenizer="")
    layers = min(layers, base.config.num_hidden_layers)
    gistnet = fitting_config(network, identity, layers=layers)
    numbers = _numbers(network, gistnet)
    text = _read_text(base, corpus, data)
    plan = _plan(base, numbers, device)
    return Fit(
        base=base,
        gistnet=gistnet,
        numbers=numbers,
        markers=markers_of(base.tokenizer) if base.tokenizer else None,
        text=text,
        device=device,
        plan=plan,
        memory=memory_of(numbers, plan, device.kind),
        tokens_a_second=tokens_a_second(numbers, plan, device.flops),
    )


def this_device() -> Device:
    """The machine's own accelerator, or its processors; their rate is measured."""
    machine = probe_machine()
    if machine.accelerator is not None and machine.accelerator.device.startswith("cuda"):
        found = machine.accelerator
        rate = measured_flops(torch.device(found.device))
        return Device("cuda", found.total, rate, f"{found.name}, its rate measured")
    rate = measured_flops(torch.device("cpu"))
    threads = torch.get_num_threads()
    told = f"this machine's processors, their rate measured with {threads} threads"
    return Device("cpu", machine.memory, rate, told)


def other_device(memory_gb: float, tflops: float) -> Device:
    """A GPU that is not here, as it is told."""
    told = f"a GPU of {memory_gb:g} GB and {tflops:g} TFLOP/s, as given"
    return Device("cuda", int(memory_gb * 1e9), tflops * 1e12, told)


def short_name(base: str) -> str:
    """A base's name as part of a run's."""
    return re.sub(r"[^a-z0-9]+", "_", base.lower()).strip("_")


def _of_folder(folder: Path, name: str, hub_id: str | None) -> PortedBase:
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as exc:  # any file can be wrong in any way
        first = (str(exc).strip().splitlines() or [type(exc).__name__])[0][:200]
        raise ModelFilesError(
            f"{folder / 'config.json'} is no configuration that transformers reads ({first}); "
            "download it again, or name another base"
        ) from exc
    there = (folder / "tokenizer.json").is_file()
    tokenizer = TextTokenizer.load(folder) if there else None
    return PortedBase(name, folder, config.get_text_config(decoder=True), tokenizer, hub_id)


def _config_of(shape: Shape, known: Preset) -> Any:
    """A preset's shape as a configuration of transformers."""
    from transformers import AutoConfig

    more = {"num_experts": shape.experts} if shape.experts > 1 else {}
    return AutoConfig.for_model(
        shape.architecture,
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        tie_word_embeddings=shape.tied_embeddings,
        max_position_embeddings=known.context_length,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
        **more,
    )


def _empty(base: PortedBase) -> Any:
    """The base without weights."""
    from transformers import AutoModelForCausalLM

    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(base.config, trust_remote_code=False)
    except ValueError as exc:
        raise ModelFilesError(f"{base.name} is no causal language model: {exc}") from exc


def _numbers(network: Any, gistnet: GistNetConfig) -> Numbers:
    layers = list(network.get_decoder().layers)
    config = network.config
    return Numbers(
        layers=len(layers),
        width=gistnet.base.width,
        intermediate=gistnet.intermediate,
        kv_width=gistnet.kv_heads * gistnet.head_dim,
        vocabulary=config.vocab_size,
        parameters=network.num_parameters(),
        body=_count(layers),
        # Its layers are the base's; beside them stand two projections and a few vectors.
        gistnet=_count(layers[: gistnet.layers]) + 2 * gistnet.base.width * gistnet.bottleneck,
        gist_layers=gistnet.layers,
    )


def _count(layers: list[nn.Module]) -> int:
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


def _plan(base: PortedBase, numbers: Numbers, device: Device) -> Plan:
    """The most windows at once that the device holds; layers are computed again only if need be."""
    length = min(WINDOW, base.config.max_position_embeddings)
    wide = 2 if numbers.parameters >= LARGE else 4
    widest = Plan(seq_len=length, windows=STEP_WINDOWS[device.kind], base_bytes=wide)
    plans = [
        replace(widest, windows=windows, recompute=recompute)
        for recompute, least in ((False, 4), (True, 1))
        for windows in (16, 8, 4, 2, 1)
        if least <= windows <= widest.windows
    ]
    room = USED * device.memory
    fitting = (plan for plan in plans if memory_of(numbers, plan, device.kind).total <= room)
    return next(fitting, plans[-1])


def _read_text(base: PortedBase, corpus: str, data: Path) -> Text:
    """How a tokenizer takes a corpus; checks that it gives back what it took.

    Raises:
        TrainingError: it mostly does not, or knows tokens that the base has no row for.
    """
    folder = data / corpus
    there = (folder / "manifest.json").is_file()
    if base.tokenizer is None:
        return Text(corpus, None, None)
    if base.tokenizer.vocab_size > base.config.vocab_size:
        raise TrainingError(
            f"the tokenizer of {base.name} has {base.tokenizer.vocab_size} tokens and the base "
            f"{base.config.vocab_size}; get both again, from one version"
        )
    sample = list(_sample(folder)) if there else [STAND_IN]
    ids = base.tokenizer.encode_batch(sample)
    decoded = (base.tokenizer.decode(tokens) for tokens in ids)
    altered = sum(text != again for text, again in zip(sample, decoded, strict=True))
    if altered > ALTERED * len(sample):
        raise TrainingError(
            f"the tokenizer of {base.name} gives back {altered} of {len(sample)} documents other than "
            "they were, so that gists would stand for other text; use a base with a byte-level one"
        )
    rate = sum(len(text.encode()) for text in sample) / max(1, sum(map(len, ids)))
    size = read_manifest(folder)["train"]["bytes"] if there else None
    return Text(corpus, int(size / rate) if size is not None else None, rate)


def _sample(folder: Path) -> Iterator[str]:
    """Documents of all parts of the train split."""
    count = int(read_manifest(folder)["train"]["files"])
    documents = read_split(folder, "train")
    for document in islice(documents, 0, None, max(1, count // SAMPLE)):
        yield document.content
