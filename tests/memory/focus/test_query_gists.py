"""Which text of a query is looked at."""

import numpy as np
import pytest

from megacontext.memory.focus import FocusQuery, Position
from megacontext.memory.focus.query_gists import CHARS_PER_TOKEN, QueryGists
from tests.memory.workbench import ByteTokens

TAIL = 10
FILE = "one\ntwo três\nthree\n"


class Heard:
    """Notes what it is asked."""

    tail_tokens = TAIL

    def query(self, question, tail):
        self.question, self.tail = (bytes(ids).decode() for ids in (question, tail))
        return np.zeros((1, 4), np.uint16)


def heard(files=None, **query) -> tuple[str, str]:
    contents = {"a.py": FILE.encode()} if files is None else files
    cache = Heard()
    gists = QueryGists(cache, ByteTokens(), contents.get).gists(FocusQuery(**query))
    assert gists.shape == (1, 4)
    return cache.question, cache.tail


@pytest.mark.parametrize(
    ("line", "column", "before"),
    [
        (1, 1, ""),
        (1, 3, "on"),
        (2, 1, "one\n"),
        (2, 7, "one\ntwo tr"),
        (2, 8, "one\ntwo trê"),
        (2, 99, "one\ntwo três"),
        (4, 1, FILE),
        (9, 5, FILE),
    ],
)
def test_the_file_up_to_the_cursor_is_looked_at(line, column, before):
    assert heard(at=Position("a.py", line, column), window="ignored") == ("", before)


def test_a_question_is_heard_whole_and_apart():
    question = "where is it?\n" * 50
    assert heard(text=question) == (question, "")


def test_the_window_stands_for_a_file_that_cannot_be_read():
    assert heard({}, at=Position("new.py", 3), window="x = 1\n") == ("", "x = 1\n")
    assert heard({}, window="y") == ("", "y")
    assert heard({"a.py": b"\xff\xfea\n"}, at=Position("a.py", 2))[1] == "\ufffd\ufffda\n"


def test_only_the_last_lines_are_tokenized():
    room = TAIL * CHARS_PER_TOKEN
    lines = "".join(f"line {number}\n" for number in range(1000))
    _, tail = heard(window=lines)
    assert lines.endswith(tail) and room - 10 < len(tail) <= room and tail.startswith("line ")
    assert heard(window="x" * 1000)[1] == "x" * room
    assert heard(window="x" * 1000 + "\n")[1] == "x" * (room - 1) + "\n"
