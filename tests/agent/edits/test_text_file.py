"""Text that turns back into exactly its bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.edits.text_file import TextFile, with_line_ends
from megacontext.configs.errors import ToolError


@given(st.binary(max_size=200).filter(lambda data: b"\0" not in data), st.booleans())
def test_any_text_file_comes_back_as_it_was(data, bom):
    data = b"\xef\xbb\xbf" * bom + data
    file = TextFile.of("f", data)
    assert file.data(file.text) == data


@pytest.mark.parametrize(
    ("text", "end"),
    [("", "\n"), ("a", "\n"), ("a\nb\r\nc\r\n", "\r\n"), ("a\nb\nc\r\n", "\n"), ("a\rb\r", "\r")],
)
def test_new_lines_end_as_most_lines_of_the_file(text, end):
    file = TextFile(text)
    assert file.line_end == end
    assert file.fitted("f", "x\ny\r\nz") == f"x{end}y{end}z"


def test_binary_files_are_refused():
    with pytest.raises(ToolError, match="binary"):
        TextFile.of("f", b"a\0b")
    with pytest.raises(ToolError, match="binary"):
        TextFile.of("f", "utf-16".encode("utf-16"))


@pytest.mark.parametrize(("text", "why"), [("half \ud800", "half"), ("zero \0", "zero byte")])
def test_what_no_text_file_holds_is_refused(text, why):
    with pytest.raises(ToolError, match=why):
        TextFile("").fitted("f", text)


def test_a_file_in_another_encoding_takes_ascii_alone():
    file = TextFile.of("f", "größe".encode("latin-1"))
    assert file.fitted("f", "plain") == "plain"
    with pytest.raises(ToolError, match="not UTF-8"):
        file.fitted("f", "größe")


def test_line_ends_are_replaced_once_each():
    assert with_line_ends("a\r\nb\rc\n", "\r\n") == "a\r\nb\r\nc\r\n"
