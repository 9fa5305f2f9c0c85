"""Learn and save the pocket tokenizer: byte-level BPE that gives back any UTF-8 text exactly.

Reading it is `models.language.tokenizing`'s matter. Knows strings and ids; not what the special tokens are
used for.
"""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from megacontext.configs.errors import TrainingError

END = "<|endoftext|>"
FIM_PREFIX = "<|fim_prefix|>"
FIM_MIDDLE = "<|fim_middle|>"
FIM_SUFFIX = "<|fim_suffix|>"
PAD = "<|fim_pad|>"
REPO_NAME = "<|repo_name|>"
FILE_SEP = "<|file_sep|>"
SPECIAL_TOKENS = (END, FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX, PAD, REPO_NAME, FILE_SEP)
"""The names that Qwen coders use; ids 0 to 6."""

PATTERN = (
    r"[^\r\n\p{L}\p{N}]?\p{L}+"  # a word, with the sign or the space before it
    r"|\p{N}"  # a digit
    r"| ?[^\s\p{L}\p{N}]+"  # a run of signs
    r"|\s*[\r\n]\s*"  # the end of a line with the next line's indentation
    r"|\s+(?!\S)|\s+"
)
"""Where text is cut before merging. A token never holds both the end of a line and a sign of it, so
that every line starts and ends at a token's border."""


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Learn `vocab_size` tokens, special ones and the 256 bytes included.

    Raises:
        TrainingError: the vocabulary cannot hold the bytes, or the texts give too few merges.
    """
    smallest = 256 + len(SPECIAL_TOKENS)
    if vocab_size < smallest:
        raise TrainingError(f"vocab_size {vocab_size} is too small; the least is {smallest}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != vocab_size:
        raise TrainingError(
            f"the texts give only {tokenizer.get_vocab_size()} tokens of {vocab_size}; "
            "lower vocab_size or give more text"
        )
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path, max_length: int) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`, as `AutoTokenizer` reads them."""
    from transformers import PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[token for token in SPECIAL_TOKENS if token not in (END, PAD)],
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)
