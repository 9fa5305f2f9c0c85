"""Which files of a model folder decide what its tokens and gists are."""

from pathlib import Path

import pytest

from megacontext.configs.errors import ModelFilesError
from megacontext.models.identity import encoder_identity, model_identity


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize(
    ("file", "model_changes", "encoder_changes"),
    [
        ("model.safetensors", True, True),
        ("tokenizer.json", True, True),
        ("gistnet.safetensors", False, True),
        ("lensnet.safetensors", False, False),
        ("README.md", False, False),
    ],
)
def test_an_identity_changes_with_what_it_tells_of(
    folder: Path, file: str, model_changes: bool, encoder_changes: bool
) -> None:
    before = model_identity(folder), encoder_identity(folder)
    (folder / file).write_bytes(b"something else")
    after = model_identity(folder), encoder_identity(folder)
    assert [a != b for a, b in zip(after, before, strict=True)] == [model_changes, encoder_changes]


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelFilesError, match=r"tokenizer\.json"):
        model_identity(folder)
