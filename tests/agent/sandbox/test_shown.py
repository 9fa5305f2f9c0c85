"""What programs write, made safe and short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.sandbox.process import Output
from megacontext.agent.sandbox.shown import as_text, bounded


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\ntext\n", "plain\ntext\n"),
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07x", "red x"),
        (b"10%\r50%\r100%\ndone\r\n", "100%\ndone\n"),
        (b"bell\x07 \x1b", "bell␇ ␛"),
        ("größe".encode(), "größe"),
        (b"\0" * 100, "[100 bytes of binary output, not shown]"),
        (bytes(range(128, 256)) * 8, "[1,024 bytes of binary output, not shown]"),
    ],
)
def test_output_is_plain_text(data, text):
    assert as_text(data, b"", len(data)) == text


def test_a_missing_middle_is_said():
    text = as_text(b"a\nb\ncut", b"off\ny\nz\n", 1_000)
    assert text == "a\nb\ncut\n[… 985 bytes not shown …]\noff\ny\nz\n"
    # One line without an end has a beginning and an end too, and no half characters where it was cut.
    long = "é".encode() * 50
    text = as_text(long[:41], long[-41:], 10_000_000)
    assert text == f"{'é' * 20}\n[… 9,999,918 bytes not shown …]\n{'é' * 20}"


@given(parts=st.lists(st.binary(max_size=30), max_size=30), kept=st.integers(1, 50))
def test_the_beginning_and_the_end_are_kept(parts, kept):
    output = Output(kept)
    for part in parts:
        output.add(part)
    whole = b"".join(parts)
    head, tail = output.parts()
    assert output.total == len(whole)
    if len(whole) <= 2 * kept:
        assert head + tail == whole
    else:
        assert (head, tail) == (whole[:kept], whole[-kept:])


@given(st.text("ab\n", max_size=200), st.integers(60, 300))
def test_text_is_never_longer_than_wanted(text, most):
    assert len(bounded(text, most)) <= max(most, 60)
    if len(text) <= most:
        assert bounded(text, most) == text


@pytest.mark.parametrize(
    "part", [b"x", b"\r", b"\x1b", b"\x1b]", b"\x1b[", b"\x1b[1", b"x\r", b" "]
)
def test_dull_output_takes_no_longer(part):
    data = part * (400_000 // len(part))
    assert isinstance(as_text(data, data, 1_000_000), str)


def test_long_lines_are_cut():
    assert bounded("x" * 10_000, 100_000).endswith("… (10,000 characters)")
