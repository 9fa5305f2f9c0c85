"""Text to tokens and back; no text ever becomes a special token."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.configs.errors import ModelFilesError
from megacontext.models.language.tokenizing import EstimatedCounter, TextTokenizer
from tests.models.conftest import SPECIALS, VOCABULARY


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_text_comes_back_as_it_was(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(
    words=st.lists(
        st.one_of(st.sampled_from(SPECIALS), st.text(alphabet="<|fim_prefix>a ")), max_size=8
    )
)
def test_spelling_a_special_token_does_not_make_one(tokenizer, words):
    text = "".join(words)
    ids = tokenizer.encode(text)
    assert not set(ids) & set(tokenizer.added_tokens.values())
    assert tokenizer.decode(ids) == text


@given(words=st.lists(st.sampled_from([*SPECIALS, "a", "<|", "\n"]), max_size=8))
def test_markup_parses_every_special_token(tokenizer, words):
    ids = tokenizer.encode_markup("".join(words))
    expected = [tokenizer.added_tokens[word] for word in words if word in SPECIALS]
    assert [i for i in ids if i in tokenizer.added_tokens.values()] == expected
    assert tokenizer.decode(ids) == "".join(words)


def test_half_surrogates_are_replaced_and_spare_the_rest_of_the_batch(tokenizer):
    batch = tokenizer.encode_batch(["caf\u00e9", "name-\udce9.py", ""])
    assert [tokenizer.decode(ids) for ids in batch] == ["caf\u00e9", "name-\ufffd.py", ""]


def test_a_batch_is_its_texts_one_by_one(tokenizer):
    texts = ["def f():\n    return 1\n", "", "x" * 3000, "\x00\r\n\t"]
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]
    assert tokenizer.encode_batch([]) == []


def test_truncation_and_padding_in_the_file_are_ignored(tokenizer_json):
    content = json.loads(tokenizer_json)
    content["truncation"] = {
        "direction": "Right",
        "max_length": 2,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    tokenizer = TextTokenizer(json.dumps(content).encode())
    assert tokenizer.decode(tokenizer.encode("def function")) == "def function"


def test_size_and_fingerprint(tokenizer, tokenizer_json):
    assert tokenizer.vocab_size == VOCABULARY
    assert TextTokenizer(tokenizer_json).fingerprint == tokenizer.fingerprint
    assert TextTokenizer(tokenizer_json + b" ").fingerprint != tokenizer.fingerprint


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"model": 3}'])
def test_a_damaged_file_is_named(tmp_path, content):
    file = tmp_path / "tokenizer.json"
    file.write_bytes(content)
    with pytest.raises(ModelFilesError, match=r"tokenizer\.json is no tokenizer"):
        TextTokenizer.load(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelFilesError, match=r"tokenizer\.json cannot be read"):
        TextTokenizer.load(tmp_path)


def test_the_estimate_is_above_the_count_of_ordinary_code():
    assert EstimatedCounter().count("") == 0
    assert EstimatedCounter().count("abcde") == 2
    assert EstimatedCounter().count("\udce9") == 1


def test_indexing_and_choosing_load_no_torch():
    code = (
        "import sys, megacontext.models.language.tokenizing, megacontext.models.choosing.choose, "
        "megacontext.models.language.scripted, megacontext.models.language.remote, "
        "megacontext.models.choosing.machine\n"
        "from megacontext.models.choosing.presets import presets; presets()\n"
        "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
