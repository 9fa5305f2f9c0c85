"""What GistNet is trained for: a base that reads gists as it would read the text.

    window ─► base ────────────────────────────► states with everything in sight (the teacher)
       └► blocks ─► GistNet ─► slots ─► view ─► base ─► states behind gists ─► continuation
                                 └► [slots, recall, tokens] ─► base ─────────► reconstruction

Knows tensors and settings; no file, no optimizer.
"""

import random
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...gistnet import GistNet, reading_order
from ..loss import IGNORED, distilled_loss, linear_cross_entropy, token_losses
from ..task import Learner, Moment, Rows
from .attention import Layout, use_view_attention
from .routing import routing_loss, routing_recall
from .settings import RoutingSettings, TermSettings, ViewSettings
from .teacher import Said, TeacherCache, what_is_said
from .view import PREFIX, Partition, View, draw_partition

TEMPERATURE = 0.07
"""Of the contrast, as usual for cosines."""


class GistLearner(Learner):
    """A base and its GistNet, with the loss that both or the latter alone are trained by.

    Args:
        base: a causal LM of transformers.
        gistnet: made for it.
        view: how windows are cut.
        terms: what counts how much.
        pad: the token that does not count; -1 where there is none.
        seed: of the choices in each step.
        train_base: False freezes the base.
        teacher: keeps what a frozen base says of windows with everything in sight.
        routing: which steps read pairs in place of windows; none without.
        filler: the token that fills up pairs; `pad` without.
    """

    def __init__(
        self,
        base: nn.Module,
        gistnet: GistNet,
        view: ViewSettings,
        terms: TermSettings,
        *,
        pad: int,
        seed: int,
        train_base: bool,
        teacher: TeacherCache | None = None,
        routing: RoutingSettings | None = None,
        filler: int | None = None,
    ) -> None:
        super().__init__()
        self.base = base.requires_grad_(train_base)
        use_view_attention(base)
        self.gistnet = gistnet
        self.train_base = train_base
        self._view = view
        self._terms = terms
        self.pad = pad
        self._seed = seed
        self._teacher = teacher
        self._routing = routing or RoutingSettings()
        self._filler = pad if filler is None else filler

    def loss(self, rows: Rows, moment: Moment) -> tuple[Tensor, dict[str, float]]:
        """The weighted sum of the terms over windows `[b, n]`, or over pairs, and each by name."""
        terms, chance = self._terms, random.Random(f"{self._seed}:{moment.step}")  # noqa: S311
        ids = torch.as_tensor(rows, dtype=torch.long).to(self._head.device)
        if self._routing.is_due(moment.step):
            routed = routing_loss(self.gistnet, self._embed, ids, self._filler)
            return self._routing.weight * routed, {"routing": float(routed.detach())}
        partition = draw_partition(
            ids.shape[1] - PREFIX,
            self.gistnet.config.block_size,
            self._view.segments,
            self._view.ragged,
            chance,
        )
        view = cached_view(partition, draw_slots(self._view, moment.progress, chance))
        seen = self._seen(rows, ids)
        gists = self.gists(ids, view)
        lost: dict[str, tuple[float, Tensor]] = {}
        if self.train_base and isinstance(seen, Tensor):
            lost["plain"] = terms.plain, self._plain(seen, ids)
        lost["continuation"] = terms.continuation, self._continuation(gists, ids, view, seen)
        if terms.reconstruction:
            said = said_length(terms, moment.progress, self.gistnet.config.block_size)
            lost["reconstruction"] = (
                terms.reconstruction,
                self._reconstruction(gists, ids, view, seen, said, chance),
            )
        if terms.contrast and isinstance(seen, Tensor):
            lost["contrast"] = terms.contrast, self._contrast(gists, view, seen)
        total = torch.stack([weight * value for weight, value in lost.values()]).sum()
        return total, {name: float(value.detach()) for name, (_, value) in lost.items()}

    def compile_parts(self) -> None:
        """Compile GistNet, whose shapes stay the same."""
        self.gistnet = torch.compile(self.gistnet)  # type: ignore[assignment]

    def read_plain(self, ids: Tensor) -> Tensor:
        """Last hidden states `[b, n, d]` with everything in sight; a frozen base gives no gradients."""
        with torch.set_grad_enabled(self.train_base and torch.is_grad_enabled()):
            return self._decoded(inputs_embeds=self._embed(ids))

    def gists(self, ids: Tensor, view: View) -> Tensor:
        """The gists `[b, replaced, slots, d]` of a view's blocks, in nested order."""
        places, lengths = view.block_places
        blocks = ids[:, places]
        size = self.gistnet.config.block_size
        blocks = functional.pad(blocks, (0, size - blocks.shape[-1]))
        lengths = lengths.to(ids.device).repeat(len(ids))
        made: Tensor = self.gistnet(self._embed(blocks.flatten(0, 1)), lengths, view.slots)
        return made.view(len(ids), -1, *made.shape[1:])

    def read_view(self, gists: Tensor | None, ids: Tensor, view: View) -> Tensor:
        """Last hidden states `[b, S, d]` of windows with their blocks read as gists."""
        parts = [self._embed(ids[:, :PREFIX])]
        if gists is not None:
            order = reading_order(self.gistnet.config.block_size, view.slots)
            parts.append(gists[:, :, order].flatten(1, 2).to(parts[0].dtype))
        parts.append(self._embed(ids[:, PREFIX:]))
        return self._decoded(
            inputs_embeds=torch.cat(parts, dim=1),
            attention_mask={"full_attention": cached_layout(view, ids.device)},
            position_ids=view.positions.to(ids.device)[None],
        )

    def say_again(self, gists: Tensor, blocks: Tensor) -> Tensor:
        """States `[n, length, d]` that predict the tokens `blocks` `[n, length]` from gists `[n, k, d]`."""
        order = reading_order(self.gistnet.config.block_size, gists.shape[1])
        recall = self.gistnet.recall.expand(len(gists), 1, -1)
        tokens = self._embed(blocks[:, :-1])
        again = torch.cat((gists[:, order], recall), dim=1).to(tokens.dtype)
        rows = torch.cat((again, tokens), dim=1)
        mask = torch.ones(rows.shape[:2], dtype=torch.long, device=rows.device)
        return self._decoded(inputs_embeds=rows, attention_mask=mask)[:, len(order) :]

    def routing_recall(self, rows: Rows, count: int) -> float:
        """Share of pairs' queries `[p, WIDTH]` whose definition is among the `count` nearest."""
        ids = torch.as_tensor(rows, dtype=torch.long).to(self._head.device)
        return routing_recall(self.gistnet, self._embed, ids, self._filler, count)

    @property
    def head(self) -> Tensor:
        """The output layer `[vocabulary, d]`."""
        return self._head

    @property
    def _head(self) -> Tensor:
        weight: Tensor = self.base.get_output_embeddings().weight  # type: ignore[operator]
        return weight

    def _embed(self, ids: Tensor) -> Tensor:
        rows: Tensor = self.base.get_input_embeddings()(ids)  # type: ignore[operator]
        return rows

    def _decoded(self, **inputs: Any) -> Tensor:
        if "attention_mask" not in inputs:
            rows = inputs["inputs_embeds"]
            inputs["attention_mask"] = torch.ones(
                rows.shape[:2], dtype=torch.long, device=rows.device
            )
        decoder: Any = self.base.get_decoder()  # type: ignore[operator]
        states: Tensor = decoder(**inputs, use_cache=False).last_hidden_state
        return states

    def _seen(self, rows: Rows, ids: Tensor) -> Tensor | Said:
        """What the base makes of windows with everything in sight: its states, or what it says."""
        teacher = self._teacher
        if teacher is None:
            return self.read_plain(ids)

        def say(places: list[int]) -> Said:
            new = ids[places]
            return what_is_said(self.read_plain(new), self._head, new, teacher.top)

        return teacher.said(rows, say).to(ids.device)

    def _plain(self, states: Tensor, ids: Tensor) -> Tensor:
        targets = ids[:, 1:].masked_fill(ids[:, 1:] == self.pad, IGNORED)
        return linear_cross_entropy(states[:, :-1].flatten(0, 1), self._head, targets.flatten())

    def _continuation(self, gists: Tensor, ids: Tensor, view: View, seen: Tensor | Said) -> Tensor:
        read = self.read_view(gists, ids, view)
        in_view, in_window = (places.to(ids.device) for places in view.predicting)
        targets = ids[:, in_window + 1].flatten()
        aims = (
            seen.at(in_window)
            if isinstance(seen, Said)
            else seen[:, in_window].detach().flatten(0, 1)
        )
        return distilled_loss(
            read[:, in_view].flatten(0, 1),
            self._head,
            targets,
            (targets != self.pad).float(),
            aims,
            self._terms.teacher,
        )

    def _reconstruction(
        self,
        gists: Tensor,
        ids: Tensor,
        view: View,
        seen: Tensor | Said,
        said: int,
        chance: random.Random,
    ) -> Tensor:
        places, lengths = (part.to(ids.device) for part in view.block_places)
        chosen = sorted(
            chance.sample(range(len(lengths)), min(len(lengths), self._terms.reconstructed))
        )
        places, lengths = places[chosen, :said], lengths[chosen]
        targets = ids[:, places]
        inside = torch.arange(places.shape[1], device=ids.device) < lengths[:, None]
        targets = targets.masked_fill(~inside | (targets == self.pad), IGNORED)
        again = self.say_again(gists[:, chosen].flatten(0, 1), ids[:, places].flatten(0, 1))
        weights = (targets != IGNORED).float()
        if self._terms.importance:
            weights = weights * self._importance(seen, ids, places)
        return distilled_loss(
            again.flatten(0, 1), self._head, targets.clamp(min=0).flatten(), weights.flatten()
        )

    @torch.no_grad()
    def _importance(self, seen: Tensor | Said, ids: Tensor, places: Tensor) -> Tensor:
        """Weights `[b, blocks, length]` of tokens by their surprise to the teacher, 1 on average."""
        if isinstance(seen, Said):
            surprise = seen.surprise[:, places - 1]
        else:
            before = seen[:, places - 1].flatten(0, 2)
            head = self._head.to(before.dtype)
            surprise = token_losses(before, head, ids[:, places].flatten())
        keep = torch.sigmoid(surprise - surprise.mean())
        weights = 1 + self._terms.importance * (keep / keep.mean() - 1)
        return weights.view(len(ids), *places.shape)

    def _contrast(self, gists: Tensor, view: View, states: Tensor) -> Tensor:
        """InfoNCE (van den Oord et al. 2018) between gists and the teacher's states of their blocks."""
        places, _ = view.block_places
        aims = states.detach()[:, places].mean(2).flatten(0, 1).float()
        made = gists.mean(2).flatten(0, 1).float()
        aims = functional.normalize(aims - aims.mean(0), dim=1)
        made = functional.normalize(made - made.mean(0), dim=1)
        own = torch.arange(len(made), device=made.device)
        return functional.cross_entropy(made @ aims.T / TEMPERATURE, own)


def draw_slots(view: ViewSettings, progress: float, chance: random.Random) -> int:
    """Slots for a step: all counts alike at the end of the opening, mostly the most at its start."""
    grown = 1.0 if not view.opening else min(1.0, progress / view.opening)
    weights = [1.0] + [grown**number for number in range(1, len(view.slots))]
    return chance.choices(view.slots, weights)[0]


def said_length(terms: TermSettings, progress: float, block_size: int) -> int:
    """Tokens of a block that are said again: short ones first."""
    if not terms.reconstruction_opening or progress >= terms.reconstruction_opening:
        return block_size
    part = int(progress / terms.reconstruction_opening * len(terms.first_lengths))
    return min(block_size, terms.first_lengths[part])


@lru_cache(maxsize=64)
def cached_view(partition: Partition, slots: int) -> View:
    """A view with its mask, kept while the same cut comes again."""
    return View(partition, slots)


@lru_cache(maxsize=64)
def cached_layout(view: View, device: torch.device) -> Layout:
    """A view's layout on a device, kept as long as the view."""
    return Layout(view, device)
