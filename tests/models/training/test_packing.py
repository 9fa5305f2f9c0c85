"""Tokens, order, hidden middles and windows: what the model reads, and that nothing is lost."""

import random
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.configs.errors import TrainingError
from megacontext.models.language.tokenizing import TextTokenizer
from megacontext.models.training.fim import choose_span, code_lines
from megacontext.models.training.imports import dependency_order
from megacontext.models.training.packing import Packer
from megacontext.models.training.tokenizer import SPECIAL_TOKENS, train_tokenizer
from megacontext.models.training.windows import Windows, write_windows
from tests.models.training.small import module

quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
code_text = st.lists(
    st.sampled_from(
        [
            "def f(a):",
            "    return a",
            "",
            "class A:",
            "x = [1, 2]",
            "\tz\r",
            "<|endoftext|>",
            "é",
            "\f",
        ]
    ),
    max_size=60,
).map("\n".join)


@quick
@given(text=any_text | code_text)
def test_any_text_comes_back_and_never_as_special_tokens(
    tokenizer: TextTokenizer, text: str
) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert not {*ids} & {*tokenizer.added_tokens.values()}


def test_special_tokens_have_fixed_ids(tokenizer: TextTokenizer) -> None:
    assert tokenizer.added_tokens == {name: i for i, name in enumerate(SPECIAL_TOKENS)}


def test_transformers_loads_the_folder_and_agrees(
    tokenizer: TextTokenizer, tokenizer_folder: Path
) -> None:
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(tokenizer_folder)
    text = "def f(x):\n        return x  # naïve\n"
    assert loaded.encode(text) == tokenizer.encode(text)
    assert loaded.decode(loaded.encode(text)) == text
    assert (loaded.eos_token, loaded.pad_token) == ("<|endoftext|>", "<|fim_pad|>")
    assert loaded.encode("<|fim_middle|>") == [tokenizer.added_tokens["<|fim_middle|>"]]


def test_indentation_is_one_token_with_its_line_end(tokenizer: TextTokenizer) -> None:
    tokens = [
        tokenizer.decode([i]) for i in tokenizer.encode("return m1_total\n    m1_total = first")
    ]
    assert "\n    " in tokens


@pytest.mark.parametrize(("vocab_size", "told"), [(100, "too small"), (5000, "give only")])
def test_an_impossible_vocabulary_is_refused(vocab_size: int, told: str) -> None:
    with pytest.raises(TrainingError, match=told):
        train_tokenizer(["a b c"], vocab_size)


def ordered(files: dict[str, str]) -> list[str]:
    return [list(files)[i] for i in dependency_order(list(files.items()))]


@pytest.mark.parametrize(
    ("importing", "imported"),
    [
        ("import p.base\n", "p/base.py"),
        ("import os, p.base as b\n", "p/base.py"),
        ("from p.base import x\n", "p/base.py"),
        ("from p import other, base\n", "p/base.py"),
        ("from . import base\n", "p/base.py"),
        ("from .base import (\n    x,\n    y,\n)\n", "p/base.py"),
        ("from .sub import z\n", "p/sub/__init__.py"),
        ("def f():\n    from .base import x\n", "p/base.py"),
    ],
)
def test_what_is_imported_comes_first(importing: str, imported: str) -> None:
    files = {"p/a.py": importing, "p/base.py": "x = 1\n", "p/sub/__init__.py": "z = 1\n"}
    order = ordered(files)
    assert order.index(imported) < order.index("p/a.py")
    assert sorted(order) == sorted(files)


def test_cycles_end_and_long_chains_do_not_recurse() -> None:
    assert sorted(ordered({"a.py": "import b\n", "b.py": "import a\n"})) == ["a.py", "b.py"]
    chain = {f"m{i}.py": f"import m{i + 1}\n" for i in range(5000)}
    assert ordered(chain) == list(reversed(chain))


@quick
@given(text=any_text | code_text, seed=st.integers(0, 2**32))
def test_a_middle_lies_inside_its_text(text: str, seed: int) -> None:
    span = choose_span(text, random.Random(seed))
    assert (span is None) == (not text.strip())
    if span is not None:
        assert 0 <= span[0] < span[1] <= len(text)


def test_middles_are_rests_of_lines_whole_lines_and_stretches() -> None:
    text = module("m", 12)
    starts = {start for start, _ in code_lines(text)}
    ends = {end for _, end in code_lines(text)}
    spans = [choose_span(text, random.Random(seed)) for seed in range(2000)]
    found = [span for span in spans if span is not None]
    rest = sum(e in ends and "\n" not in text[s:e] for s, e in found) / len(found)
    lines = sum(s in starts and e in ends and "\n" in text[s:e] for s, e in found) / len(found)
    assert 0.4 < rest < 0.6
    assert 0.25 < lines < 0.4


def texts_of(windows: list) -> dict[str, str]:
    texts: dict[str, str] = defaultdict(str)
    for window in windows:
        for piece in window.pieces:
            texts[piece.path] += piece.text
    return texts


@quick
@given(
    files=st.dictionaries(
        st.sampled_from(["a.py", "p/b.py", "p/c.py", "d.py"]), any_text | code_text
    ),
    seed=st.integers(0, 9),
)
def test_every_character_is_in_one_window_and_no_window_is_too_long(
    tokenizer: TextTokenizer, files: dict[str, str], seed: int
) -> None:
    windows = list(Packer(tokenizer, 128, seed).windows("repo", list(files.items())))
    assert texts_of(windows) == {path: text for path, text in files.items() if text}
    assert all(len(window.ids) <= 128 for window in windows)


@pytest.mark.parametrize("long", ["x" * 3000, "é" * 999, "𝔘" * 500, "a b" * 999 + "\n" + "c" * 800])
def test_lines_longer_than_a_window_are_cut(tokenizer: TextTokenizer, long: str) -> None:
    files = [("p/" * 90 + "𝔘" * 60 + ".py", long)]
    windows = list(Packer(tokenizer, 128, 0).windows("r" * 90, files))
    assert texts_of(windows) == dict(files)
    assert all(len(window.ids) <= 128 for window in windows)


@pytest.fixture
def windows(tokenizer: TextTokenizer) -> list:
    files = [(f"p/m{i}.py", module(f"m{i}", 15)) for i in range(12)]
    return list(Packer(tokenizer, 1024, 3).windows("example", files))


def test_windows_read_as_qwen_coders_read_a_repository(
    tokenizer: TextTokenizer, windows: list
) -> None:
    pieces = [piece for window in windows for piece in window.pieces]
    for window in windows:
        text = tokenizer.decode(window.ids)
        assert text.startswith("<|repo_name|>example\n<|file_sep|>p/m")
        shown = ""
        for piece in window.pieces:
            shown += f"<|file_sep|>{piece.path}\n"
            if piece.middle is None:
                shown += piece.text
                continue
            start, end = piece.middle
            shown += f"<|fim_prefix|>{piece.text[:start]}<|fim_suffix|>{piece.text[end:]}"
            shown += f"<|fim_middle|>{piece.text[start:end]}<|endoftext|>"
        assert text == "<|repo_name|>example\n" + shown
    hidden = sum(piece.middle is not None for piece in pieces) / len(pieces)
    assert 0.25 < hidden < 0.75


def test_windows_show_several_files_and_are_nearly_full(windows: list) -> None:
    assert max(len({piece.path for piece in window.pieces}) for window in windows) >= 3
    assert sum(len(window.ids) for window in windows[:-1]) > 0.85 * 1024 * (len(windows) - 1)


def test_the_same_seed_gives_the_same_windows(tokenizer: TextTokenizer) -> None:
    files = [(f"m{i}.py", module(f"m{i}", 15)) for i in range(6)]
    first, again, other = (list(Packer(tokenizer, 256, s).windows("r", files)) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_without_middles_every_piece_is_plain(tokenizer: TextTokenizer) -> None:
    files = [(f"m{i}.py", module(f"m{i}", 15)) for i in range(6)]
    windows = Packer(tokenizer, 256, 0, middles=0.0).windows("r", files)
    assert all(piece.middle is None for window in windows for piece in window.pieces)


def test_windows_on_disk_are_padded_and_read_once_an_epoch(tmp_path: Path) -> None:
    rows = [list(range(10 * i, 10 * i + 3)) for i in range(1, 8)]
    assert write_windows(tmp_path, "train", rows, 4, pad=4) == 7
    windows = Windows(tmp_path, "train", 4, seed=5)
    assert windows.rows([0, 6]).tolist() == [[10, 11, 12, 4], [70, 71, 72, 4]]
    read = [tuple(row) for i in range(7) for row in windows.batch(i, 2).tolist()]
    assert sorted(read[:7]) == sorted(read[7:]) == sorted((*row, 4) for row in rows)
    assert read[:7] != read[7:]


def test_a_batch_depends_on_its_number_alone(tmp_path: Path) -> None:
    write_windows(tmp_path, "train", [[i] for i in range(50)], 2, pad=4)
    windows = Windows(tmp_path, "train", 2, seed=5)
    in_order = [windows.batch(i, 8).tolist() for i in range(20)]
    fresh = Windows(tmp_path, "train", 2, seed=5)
    assert [fresh.batch(i, 8).tolist() for i in reversed(range(20))] == in_order[::-1]


@pytest.mark.parametrize("content", [None, b"", b"12345"])
def test_torn_windows_are_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "train.bin").write_bytes(content)
    with pytest.raises(TrainingError, match=r"train\.bin"):
        Windows(tmp_path, "train", 4)
