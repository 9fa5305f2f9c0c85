"""Baselines that ask the base itself: mean hidden states, attention to gists, and how much an entry explains."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from megacontext.memory.focus import Node
from megacontext.memory.focus.node import BLOCK
from megacontext.memory.focus.node_gists import NodeGists
from megacontext.models.base import Segment, Special, Text, Tokens, Vectors
from megacontext.models.gist.gister import from_bits
from megacontext.models.language.transformers_model import TransformersModel

from ...measuring import Laid, Measurer, lay_out
from ..scenes.scene import Scene
from .judges import Scores, ranged

READ_TOGETHER = 8


class Dense:
    """Cosine between mean last hidden states: of an entry's tokens, and of the tail's."""

    def __init__(self, measurer: Measurer) -> None:
        self._measurer = measurer

    def scores(self, scene: Scene) -> Scores:
        """Scores above 0."""
        texts = [scene.place.tail, *(scene.repository.tokens(node) for node in scene.nodes)]
        states = mean_states(self._measurer, texts)
        alike = functional.cosine_similarity(states[1:], states[:1])
        return ranged(alike.double().cpu().numpy())


def mean_states(measurer: Measurer, texts: Sequence[Sequence[int]]) -> Tensor:
    """The mean last hidden state of each of some token sequences `[n, d]`."""
    starts = range(0, len(texts), READ_TOGETHER)
    return torch.cat([_mean_states(measurer, texts[at : at + READ_TOGETHER]) for at in starts])


@torch.inference_mode()
def _mean_states(measurer: Measurer, texts: Sequence[Sequence[int]]) -> Tensor:
    model = measurer.model
    inputs, mask = measurer.padded([lay_out(model, [Tokens(tuple(ids))]) for ids in texts])
    positions = torch.arange(inputs.shape[1], device=inputs.device).expand(len(texts), -1)
    hidden: Tensor = model.module.get_decoder()(
        inputs_embeds=inputs, attention_mask=mask, position_ids=positions, use_cache=False
    ).last_hidden_state
    weights = mask[..., None].to(hidden)
    return (hidden * weights).sum(1) / weights.sum(1)


class AttentionMass:
    """How much the tail attends to an entry's gists, one vector a block, over all layers and heads.

    All entries stand as gists before the tail, in reading order, and nothing else.
    """

    def __init__(self, measurer: Measurer) -> None:
        self._measurer = measurer
        self._model = measurer.model

    def scores(self, scene: Scene) -> Scores:
        """Scores above 0."""
        gists = NodeGists(scene.repository.memory)
        tree = scene.repository.lens.tree
        prompt: list[Segment] = [*_opening(self._model, "repo_name", scene.repository.name)]
        start = len(lay_out(self._model, prompt))
        blocks = [
            [node] if node.level == BLOCK else list(tree.children(node)) for node in scene.nodes
        ]
        prompt += [Vectors(from_bits(gists.first_slots(part))) for part in blocks]
        prompt += [*_opening(self._model, "file_sep", scene.place.path), Tokens(scene.place.tail)]
        mass = self._mass(lay_out(self._model, prompt), len(scene.place.tail)).double().numpy()
        ends = start + np.cumsum([len(part) for part in blocks])
        pairs = zip([start, *ends[:-1].tolist()], ends.tolist(), strict=True)
        return ranged(np.array([mass[first:last].sum() for first, last in pairs]))

    @torch.inference_mode()
    def _mass(self, laid: Laid, tail: int) -> Tensor:
        """Attention `[p]` that each position gets from the last `tail` ones."""
        inputs, mask = self._measurer.padded([laid])
        with _attention_told(self._model):
            layers = self._model.module(
                inputs_embeds=inputs,
                attention_mask=mask,
                position_ids=torch.arange(len(laid), device=mask.device)[None],
                use_cache=False,
                output_attentions=True,
                logits_to_keep=1,
            ).attentions
        told: Tensor = torch.stack([layer[0, :, -tail:].mean((0, 1)) for layer in layers])
        return told.mean(0).cpu()


class MutualInformation:
    """By how much an entry lowers the perplexity of the tail, the approximated mutual information of LongCodeZip.

    Shi et al. 2025: perplexity of the text without the entry before it, minus that with it.
    """

    def __init__(self, measurer: Measurer) -> None:
        self._measurer = measurer

    def scores(self, scene: Scene) -> Scores:
        """Scores above 0."""
        own = _opening(self._measurer.model, "file_sep", scene.place.path)
        prompts = [own, *([*self._entry(scene, node), *own] for node in scene.nodes)]
        nats = self._measurer.losses(prompts, scene.place.tail) / len(scene.place.tail)
        perplexities = np.exp(nats)
        return ranged(perplexities[0] - perplexities[1:])

    def _entry(self, scene: Scene, node: Node) -> list[Segment]:
        opening = _opening(self._measurer.model, "file_sep", node.path)
        return [*opening, Tokens(scene.repository.tokens(node))]


def _opening(model: TransformersModel, special: str, name: str) -> list[Segment]:
    """A header as in prompts, or in plain text where the model lacks that token."""
    if special == "repo_name" and model.specials.repo_name is not None:
        return [Special("repo_name"), Text(f"{name}\n")]
    if special == "file_sep" and model.specials.file_sep is not None:
        return [Special("file_sep"), Text(f"{name}\n")]
    return [Text(f"\n### {name}\n")]


@contextmanager
def _attention_told(model: TransformersModel) -> Iterator[None]:
    """Inside, the model computes attention in the way that can tell its weights."""
    usual = model.module.config._attn_implementation
    model.module.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.module.set_attn_implementation(usual)
