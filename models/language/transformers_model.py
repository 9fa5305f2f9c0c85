"""Any Hugging Face causal LM as a `BaseModel`: prefix reuse, streaming, cancellation.

The decoding loop is our own: `generate` of transformers costs more per token than a small model's
arithmetic, and it cannot go back to a prefix. Knows tensors and prompts, no files.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from megacontext.configs.errors import ModelError

from ..base import (
    Cancel,
    Chat,
    Fill,
    GenerationEvent,
    Prompt,
    Sampling,
    Special,
    SpecialName,
    Specials,
    StopReason,
    Text,
    Tokens,
    Usage,
    Vectors,
    refuse,
)
from ..choosing.presets import Precision
from .chat_template import ChatTemplate
from .guiding import NameGuide
from .healing import Healing, take_back
from .kv_cache import PositionKey, TwoCaches
from .positions import Positions
from .sampling import Sampler
from .streaming import PieceMaker
from .tokenizing import TextTokenizer
from .tool_calls import with_calls

# Positions of a prompt that are read at once: enough to keep a processor busy, few enough that a cancelled prompt ends
# soon. On the processor a piece is at most so much arithmetic; with pocket on one core it took 14 ms.
_MOST, _LEAST = 512, 32
_CPU_PIECE_FLOP = 0.7e9
_LOCK_POLL_S = 0.02

_SPELLINGS: dict[SpecialName, tuple[str, ...]] = {
    "fim_prefix": ("<|fim_prefix|>", "<fim_prefix>"),
    "fim_suffix": ("<|fim_suffix|>", "<fim_suffix>"),
    "fim_middle": ("<|fim_middle|>", "<fim_middle>"),
    "repo_name": ("<|repo_name|>", "<repo_name>"),
    "file_sep": ("<|file_sep|>", "<file_sep>"),
    "end_of_text": ("<|endoftext|>", "<|end_of_text|>"),
}


class TransformersModel:
    """A frozen causal LM in this process, from a folder with `from_pretrained`."""

    supports_embeddings = True

    def __init__(
        self, module: Any, tokenizer: TextTokenizer, name: str, template: ChatTemplate | None = None
    ) -> None:
        """`module` is a transformers causal LM on its device, in its type and in eval mode."""
        self.module = module.requires_grad_(False)
        self.tokenizer = tokenizer
        self.counter = tokenizer
        self.name = name
        config = module.config.get_text_config(decoder=True)
        self.context_length: int = config.max_position_embeddings
        self.hidden_size: int = config.hidden_size
        self.specials = find_specials(tokenizer)
        self._template = template
        self.fills = True
        """False where the model has the tokens to fill in with but was measured to do better without."""
        self._piece = _piece(module)
        self._stops = self.specials.known() | _ends_of_turn(module)
        self._caches = TwoCaches(module.config)
        self._cache = self._caches.of(chat=False)
        self._lock = threading.Lock()

    @classmethod
    def from_pretrained(
        cls, folder: Path, *, device: str = "cpu", dtype: Precision = "float32"
    ) -> "TransformersModel":
        """Load the model in a local folder; see `loading.load_folder` for what it refuses."""
        from .loading import load_folder

        return load_folder(folder, device=device, dtype=dtype)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self.module.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        dtype: torch.dtype = self.module.dtype
        return dtype

    @property
    def supports_fim(self) -> bool:
        """Whether the vocabulary has the three fill-in-the-middle tokens, and the model has learned them."""
        return self.fills and self.specials.can_fill

    @property
    def supports_chat(self) -> bool:
        """Whether the model came with a chat template."""
        return self._template is not None

    @property
    def supports_tools(self) -> bool:
        """Whether that template has a place for tools."""
        return self._template is not None and self._template.takes_tools

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`; special tokens spelled in it are not parsed."""
        return self.tokenizer.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids, special tokens spelled out."""
        return self.tokenizer.decode(ids)

    def embed(self, ids: Sequence[int]) -> torch.Tensor:
        """Input embeddings `[n, d]` of token ids."""
        table = self.module.get_input_embeddings()
        rows: torch.Tensor = table(torch.tensor(ids, dtype=torch.long, device=self.device))
        return rows

    def forward(
        self,
        inputs_embeds: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Logits `[b, n, vocabulary]` of embeddings `[b, n, d]`; gradients reach the embeddings.

        `attention_mask` `[b, n]` is not optional: without one, transformers reads a gap in
        `position_ids` as the border of a packed sequence and cuts attention there.
        """
        logits: torch.Tensor = self.module(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            use_cache=False,
        ).logits
        return logits

    def count(self, prompt: Prompt) -> int:
        """Positions that `prompt` takes."""
        return len(self._lay_out(prompt).keys)

    def generate(
        self, prompt: Prompt, sampling: Sampling | None = None, cancel: Cancel | None = None
    ) -> Iterator[GenerationEvent]:
        """Stream the answer to `prompt`; see `BaseModel.generate`.

        The attention states of prompt and answer stay for the next prompt, also after a cancel: those of the last
        `Chat` and those of the last other prompt.
        """
        positions = self._lay_out(prompt)
        self._check_length(len(positions.keys))
        sampling = sampling or Sampling()
        if not self._enter(cancel):
            yield Usage(len(positions.keys), 0, 0, "cancelled")
            return
        healing = self._healed(prompt, positions, sampling)
        sampled, tools = sampling, prompt.tools if isinstance(prompt, Chat) else ()
        self._cache = self._caches.of(chat=isinstance(prompt, Chat))
        try:
            yield from with_calls(
                lambda until: self._run(positions, sampled, healing, until), tools, cancel
            )
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Free the memory of the KV caches."""
        with self._lock:
            self._caches.reset()

    def _enter(self, cancel: Cancel | None) -> bool:
        """Wait for this model's turn; False if the answer is no longer wanted."""
        while not self._lock.acquire(timeout=_LOCK_POLL_S):
            if _is_set(cancel):
                return False
        return True

    def _healed(self, prompt: Prompt, positions: Positions, sampling: Sampling) -> Healing:
        return take_back(prompt, positions.keys, self.tokenizer) if sampling.heal else Healing()

    def _sampler(self, sampling: Sampling, healing: Healing) -> Sampler:
        guide = None
        if sampling.names:
            guide = NameGuide(self.tokenizer.token_texts, sampling.names, healing.text)
        return Sampler(sampling, healing.allowed, guide)

    def _run(
        self,
        positions: Positions,
        sampling: Sampling,
        healing: Healing,
        cancel: Cancel | None,
    ) -> Iterator[GenerationEvent]:
        length = len(positions.keys) + healing.tokens
        sampler = self._sampler(sampling, healing)
        pieces = PieceMaker(self.decode, sampling.stop, healing.skip)
        stops = self._stops | set(sampling.stop_token_ids)
        room = min(sampling.max_new_tokens, self.context_length - length)
        reused = self._rewind(positions.keys, room + healing.tokens)
        # What stands for the token that was taken back is part of the prompt.
        generated = -healing.tokens
        reason: StopReason = "length"
        token = self._prefill(positions, sampler, cancel)
        while token and token[0] not in stops:
            generated += 1
            if piece := pieces.push(*token):
                yield piece
            if pieces.stopped or generated == room:
                break
            token = None if _is_set(cancel) else self._step(token[0], sampler)
        if token is None:
            reason = "cancelled"
        elif pieces.stopped or token[0] in stops:
            reason = "stop"
        if piece := pieces.flush():
            yield piece
        yield Usage(length, reused, generated, reason)

    @torch.inference_mode()
    def _rewind(self, keys: Sequence[PositionKey], room: int) -> int:
        kept = self._cache.rewind(keys)
        self._cache.reserve(len(keys) + room)
        return kept

    def _prefill(
        self, positions: Positions, sampler: Sampler, cancel: Cancel | None
    ) -> tuple[int, float] | None:
        """Read what the cache does not hold; the first token, or None if cancelled.

        Where there is no room for it, the other cache gives way, and all is read from its beginning.
        """
        token = None
        while (start := len(self._cache.keys)) < len(positions.keys):
            if _is_set(cancel):
                return None
            end = min(start + self._piece, len(positions.keys))
            last = end == len(positions.keys)
            try:
                token = self._advance(positions, start, end, sampler if last else None)
            except torch.OutOfMemoryError as exc:
                if not self._caches.reset():
                    raise self._no_room(end) from exc
        return token

    def _step(self, token: int, sampler: Sampler) -> tuple[int, float] | None:
        total = len(self._cache.keys) + 1
        try:
            return self._advance(Positions([token]), 0, 1, sampler)
        except torch.OutOfMemoryError as exc:
            self._caches.reset()
            raise self._no_room(total) from exc

    def _no_room(self, positions: int) -> ModelError:
        return ModelError(
            f"{self.name} ran out of memory on {self.device} at {positions} positions; "
            "lower the budget or choose a smaller model"
        )

    @torch.inference_mode()
    def _advance(
        self, positions: Positions, start: int, end: int, sampler: Sampler | None
    ) -> tuple[int, float] | None:
        """Compute positions start…end, and draw the token after them if there is a sampler."""
        keys = positions.keys[start:end]
        total = len(self._cache.keys) + len(keys)
        try:
            output = self.module(
                inputs_embeds=positions.embeddings(start, end, self.embed),
                attention_mask=torch.ones(1, total, dtype=torch.long, device=self.device),
                past_key_values=self._cache.states,
                use_cache=True,
                logits_to_keep=1,
            )
            self._cache.append(keys)
            token = sampler.draw(output.logits[0, -1]) if sampler else None
        except BaseException:
            # Some layers may hold the new positions and others not.
            self._cache.reset()
            raise
        if token and token[1] != token[1]:
            self._cache.reset()
            raise ModelError(
                f"{self.name} gave scores that are no numbers in {self.dtype}; "
                "its weights are damaged, or it needs bfloat16 or float32"
            )
        return token

    def _lay_out(self, prompt: Prompt) -> Positions:
        positions = Positions()
        for segment in self._segments(prompt):
            match segment:
                case Text(text):
                    positions.add(self.encode(text))
                case Tokens(ids):
                    self._check_ids(ids)
                    positions.add(ids)
                case Special(name):
                    positions.add([self._special(name)])
                case Vectors():
                    self._check_width(segment)
                    positions.add_vectors(segment)
        return positions

    def _check_length(self, length: int) -> None:
        if not length:
            raise ModelError("the prompt is empty; give the model at least one token")
        if length >= self.context_length:
            raise ModelError(
                f"the prompt takes {length} positions and {self.name} reads "
                f"{self.context_length} with the answer; lower the budget"
            )

    def _segments(self, prompt: Prompt) -> Sequence[Any]:
        match prompt:
            case str():
                return [Text(prompt)]
            case Fill():
                return prompt.segments()
            case Chat():
                if self._template is None:
                    raise refuse(self.name, "a conversation: it came without a chat template")
                return self._template.lay_out(prompt, self.tokenizer)
        return prompt

    def _special(self, name: SpecialName) -> int:
        token: int | None = getattr(self.specials, name)
        if token is None:
            raise refuse(self.name, f"the special token {name}: its vocabulary has none")
        return token

    def _check_ids(self, ids: Sequence[int]) -> None:
        rows = self.module.get_input_embeddings().weight.shape[0]
        if ids and not (min(ids) >= 0 and max(ids) < rows):
            raise ModelError(
                f"token ids from {min(ids)} to {max(ids)} do not fit the {rows} of {self.name}; "
                "they were made with another model's tokenizer"
            )

    def _check_width(self, vectors: Vectors) -> None:
        if vectors.rows.shape[1] != self.hidden_size:
            raise ModelError(
                f"vectors of width {vectors.rows.shape[1]} do not fit {self.name}, whose "
                f"embeddings have {self.hidden_size}; they were made for another model"
            )


def find_specials(tokenizer: TextTokenizer) -> Specials:
    """The special tokens a vocabulary has, in the spelling of Qwen or of StarCoder."""
    ids = {
        name: next((tokenizer.added_tokens[s] for s in spell if s in tokenizer.added_tokens), None)
        for name, spell in _SPELLINGS.items()
    }
    return Specials(**ids)


def _piece(module: Any) -> int:
    """Positions of a prompt to read at once, a power of two."""
    if module.device.type != "cpu":
        return _MOST
    fits = int(_CPU_PIECE_FLOP / (2 * module.num_parameters()))
    return max(_LEAST, min(_MOST, 1 << max(0, fits.bit_length() - 1)))


def _ends_of_turn(module: Any) -> frozenset[int]:
    ends = module.generation_config.eos_token_id
    if ends is None:
        ends = module.config.eos_token_id
    return frozenset([ends] if isinstance(ends, int) else ends or [])


def _is_set(cancel: Cancel | None) -> bool:
    return cancel is not None and cancel.is_set()
