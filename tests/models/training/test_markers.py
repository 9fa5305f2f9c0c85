"""Windows of any tokenizer: with a base's own markers, with plain lines, and with large vocabularies."""

import json
from pathlib import Path

import numpy as np
import pytest

from megacontext.configs.errors import TrainingError
from megacontext.models.language.tokenizing import TextTokenizer
from megacontext.models.training.gist.data import BlendedWindows, prepare_windows
from megacontext.models.training.gist.settings import GistRunSettings
from megacontext.models.training.markers import markers_of
from megacontext.models.training.packing import Packer
from megacontext.models.training.windows import Windows, dtype_for, read_meta, write_windows
from tests.models.training.small import module

QWEN = ("<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>")
QWEN = (*QWEN, "<|repo_name|>", "<|file_sep|>")
STARCODER = ("<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>")
STARCODER = (*STARCODER, "<repo_name>", "<file_sep>")
LLAMA = ("<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>", "<|im_end|>")


def tokenizer_with(definition: bytes, added: tuple[str, ...], first: int = 0) -> TextTokenizer:
    """The tokenizer with these added tokens alone, behind a vocabulary of at least `first`."""
    content = json.loads(definition)
    like, vocabulary = content["added_tokens"][0], content["model"]["vocab"]
    vocabulary |= {f"unused{i}": i for i in range(len(vocabulary), first)}
    first = len(vocabulary)
    content["added_tokens"] = [
        {**like, "content": name, "id": first + i} for i, name in enumerate(added)
    ]
    return TextTokenizer(json.dumps(content).encode())


@pytest.mark.parametrize("added", [QWEN, STARCODER])
def test_a_base_that_knows_repositories_reads_its_own_markers(
    tokenizer_json: bytes, added: tuple[str, ...]
) -> None:
    tokenizer = tokenizer_with(tokenizer_json, added)
    ids = tokenizer.added_tokens
    markers = markers_of(tokenizer)
    assert (markers.repository, markers.file) == ((ids[added[5]],), (ids[added[6]],))
    assert markers.pad == markers.filler == ids[added[4]]
    assert markers.middles is not None
    assert markers.middles.suffix == ids[added[3]]


@pytest.mark.parametrize(
    ("added", "pad"),
    [
        (LLAMA, "<|finetune_right_pad_id|>"),
        (("<|endoftext|>", "<|im_start|>"), "<|endoftext|>"),
        (("<|repo_name|>", "<|im_end|>"), "<|im_end|>"),
        (("<|im_start|>",), None),
        ((), None),
    ],
)
def test_any_other_base_reads_plain_lines(
    tokenizer_json: bytes, added: tuple[str, ...], pad: str | None
) -> None:
    tokenizer = tokenizer_with(tokenizer_json, added)
    markers = markers_of(tokenizer)
    assert not markers.own
    assert markers.middles is None
    assert markers.pad == (tokenizer.added_tokens[pad] if pad else -1)
    assert pad or tokenizer.decode([markers.filler]).endswith("\n")
    files = [("m/a.py", "x = 1"), ("m/b.py", "y = 2\n")]
    (window,) = Packer(tokenizer, 256, 0, middles=0.0).windows("r", files)
    assert sorted(tokenizer.decode(window.ids).split("\n# file: ")) == sorted(
        ["# repository: r\n", "m/a.py\nx = 1", "m/b.py\ny = 2\n"]
    )


def test_middles_are_refused_where_the_tokenizer_has_none(tokenizer_json: bytes) -> None:
    with pytest.raises(TrainingError, match="set middles to 0"):
        Packer(tokenizer_with(tokenizer_json, LLAMA), 256, 0, middles=0.1)


def test_prose_stands_whole_and_in_order(tokenizer: TextTokenizer) -> None:
    files = [(f"book/{i}.txt", module(f"m{i}", 30)) for i in range(4)]
    windows = list(Packer(tokenizer, 256, 0, middles=0.0).windows("r", files))
    pieces = [piece for window in windows for piece in window.pieces]
    assert "".join(piece.text for piece in pieces) == "".join(text for _, text in files)


@pytest.mark.parametrize(
    ("vocabulary", "dtype"), [(8192, "uint16"), (65_536, "uint16"), (65_537, "uint32")]
)
def test_ids_take_as_little_room_as_they_can(vocabulary: int, dtype: str) -> None:
    assert dtype_for(vocabulary) == dtype
    assert np.iinfo(dtype).max >= vocabulary - 1


SETTINGS = {
    "name": "any",
    "base": {"folder": "base"},
    "data": [{"corpus": "tiny"}],
    "seq_len": 128,
    "schedule": {"total_steps": 1},
    "batch": {"windows": 2},
}


@pytest.mark.parametrize(("first", "dtype"), [(0, "uint16"), (70_000, "uint32")])
def test_large_ids_come_back_from_disk(
    tokenizer_json: bytes, corpus: Path, tmp_path: Path, first: int, dtype: str
) -> None:
    tokenizer = tokenizer_with(tokenizer_json, QWEN, first)
    settings = GistRunSettings.model_validate(SETTINGS)
    prepared = prepare_windows(settings, tokenizer, corpus, tmp_path, lambda _: None)
    assert (read_meta(tmp_path / "tiny") or {})["dtype"] == dtype
    rows = BlendedWindows(settings, tmp_path).batch(0, 2)
    assert tokenizer.decode(rows[0].tolist()).startswith("<|repo_name|>zz_")
    # A smaller vocabulary in the same folder packs anew, and is read as what it is.
    small = tokenizer_with(tokenizer_json, QWEN)
    again = prepare_windows(settings, small, corpus, tmp_path, lambda _: None)
    assert (again == prepared) == (first == 0)
    assert int(Windows(tmp_path / "tiny", "train", 128).rows([0]).max()) < 70_000


def test_folders_from_before_hold_two_bytes_a_token(tmp_path: Path) -> None:
    write_windows(tmp_path, "train", [[1, 65_535]], 2, pad=0)
    (tmp_path / "windows.json").write_text('{"fingerprint": "x"}')
    assert Windows(tmp_path, "train", 2).rows([0]).tolist() == [[1, 65_535]]
