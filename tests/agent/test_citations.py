import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.citations import citations
from megacontext.memory.focus import Span

LINES = {"src/app.py": 40, "src/my notes.md": 9, "Makefile": 12, "lib/app.py": 5, "a.py": 3}
READ = [Span("src/app.py", 10, 20), Span("src/my notes.md", 1, 9)]


def cited(answer: str) -> list[tuple[str, int, int, str]]:
    found = citations(answer, READ, LINES.get)
    return [(each.path, each.start_line, each.end_line, each.standing) for each in found]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("See src/app.py:12.", ("src/app.py", 12, 12, "read")),
        ("(`src/app.py:12-14`)", ("src/app.py", 12, 14, "read")),
        ("`src/app.py`:12–14", ("src/app.py", 12, 14, "read")),
        ("./src/app.py:20", ("src/app.py", 20, 20, "read")),
        ("src/app.py:30", ("src/app.py", 30, 30, "unread")),
        ("src/app.py:41", ("src/app.py", 41, 41, "invented")),
        ("src/app.py:14-12", ("src/app.py", 14, 12, "invented")),
        ("src/app.py:0", ("src/app.py", 0, 0, "invented")),
        ("src/my notes.md:2", ("src/my notes.md", 2, 2, "read")),
        ("Makefile:3", ("Makefile", 3, 3, "unread")),
        ("app.py:11", ("src/app.py", 11, 11, "read")),
        ("a.py:1", ("a.py", 1, 1, "unread")),
        ("src/none.py:1", ("src/none.py", 1, 1, "invented")),
    ],
)
def test_a_place_is_recognised_and_judged(answer, expected):
    assert cited(answer) == [expected]


@pytest.mark.parametrize(
    "answer",
    [
        "at 12:30",
        "http://localhost:8000/a.py:1x",
        "localhost:8000",
        "127.0.0.1:80",
        "ratio 3:4",
        "a.py",
        "a.py:",
        "a.py:x",
        "",
    ],
)
def test_other_colons_are_no_citations(answer):
    assert cited(answer) == []


def test_each_place_is_told_once_in_the_order_of_the_answer():
    answer = "a.py:1, then src/app.py:12 and again a.py:1, at last src/app.py:30"
    assert [each[:2] for each in cited(answer)] == [
        ("a.py", 1),
        ("src/app.py", 12),
        ("src/app.py", 30),
    ]


@given(st.text(alphabet="a.py:/12-`() \n", max_size=200))
def test_any_answer_will_do(answer):
    for each in citations(answer, READ, LINES.get):
        assert each.standing in ("read", "unread", "invented")
