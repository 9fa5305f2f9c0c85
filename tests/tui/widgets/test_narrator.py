"""From events to items: what is added, what changes, and what is told of a turn that did not end well."""

import pytest

from megacontext.agent.chat.events import (
    CallRefused,
    CheckFinished,
    Edited,
    Measures,
    PermissionAsked,
    PermissionGiven,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    Writing,
)
from megacontext.agent.events import Citation, Cited, Event, FocusChange, Notice, Token, Usage
from megacontext.tui.widgets.transcript.items import Code, Item
from megacontext.tui.widgets.transcript.narrator import SHOWN_PLACES, Narrator
from megacontext.tui.widgets.transcript.work import ToolCall

STARTED = ToolStarted("c1", "edit_text", "a.py", {"old": "x" * 500, "path": "a.py"})


def told(*events: Event) -> list[Item]:
    narrator = Narrator()
    items = narrator.begin("go").added
    for event in events:
        items += narrator.tell(event).added
    return items


def kinds(*events: Event) -> list[str]:
    return [type(item).__name__ for item in told(*events)]


def plain(*events: Event) -> str:
    return told(*events)[-1].plain


def end(reason: str, detail: str = "") -> TurnEnded:
    return TurnEnded(reason, detail, Measures())


def test_pieces_of_an_answer_are_one_item_until_something_else_comes():
    assert kinds(Token(" "), Token("one "), Token("two"), STARTED, Token("three")) == [
        "Said",
        "Answer",
        "ToolCall",
        "Answer",
    ]
    assert plain(Token("one "), Token("two")) == "one two"


def test_the_expected_code_takes_the_answer():
    narrator = Narrator()
    narrator.begin("/complete")
    code = Code("a.py:1:1")
    narrator.expect(code)
    assert narrator.tell(Token("ret")).added == [code]
    assert narrator.tell(Token("urn")).changed == [code]
    assert code.text == "return"


def test_what_stands_for_nothing_adds_nothing():
    usage = Usage("m", 1, 0, 1, "stop", 1.0, None)
    asked = PermissionAsked("c1", "edit", "edit", "a.py", "asked", "")
    assert kinds(TurnStarted(1, "go"), usage, Writing("{"), asked, end("done")) == ["Said"]
    assert kinds(Edited("nobody", "a.py", "", 1)) == ["Said"]


@pytest.mark.parametrize(
    ("reason", "detail", "words", "role"),
    [
        ("cancelled", "", "stopped", "warn"),
        ("limit", "of time", "a limit was reached: of time", "warn"),
        ("refused", "", "not allowed", "warn"),
        ("error", "the server is away", "the server is away", "bad"),
        ("error", "", "error", "bad"),
    ],
)
def test_an_end_that_is_not_good_is_told(reason, detail, words, role):
    note = told(end(reason, detail))[-1]
    assert (note.plain, note.role) == (words, role)


def test_a_tool_that_was_running_at_the_end_has_failed():
    narrator = Narrator()
    [tool] = narrator.tell(STARTED).added
    assert narrator.tell(end("cancelled")).changed == [tool]
    assert isinstance(tool, ToolCall) and tool.state == "bad"


def test_all_that_a_tool_does_stands_in_its_item():
    narrator = Narrator()
    [tool] = narrator.tell(STARTED).added
    assert isinstance(tool, ToolCall)
    assert len(tool.arguments) < 300 and tool.place == ("a.py", 1)
    for event in (
        PermissionGiven("c1", True, "the person"),
        Edited("c1", "a.py", "@@ -1 +1 @@\n-x\n+y\n", 1),
        ToolFinished("c1", "edit_text", True, "+1 -1", "done", 1500.0),
        CheckFinished("c1", "pytest", False, "1 failed"),
        CheckFinished("c1", "ruff", True, "fine"),
    ):
        before = tool.revision
        assert narrator.tell(event).changed == [tool]
        assert tool.revision > before
    assert (tool.state, tool.summary, tool.ms) == ("ok", "+1 -1", 1500.0)
    assert tool.notes == [("pytest: failed", "bad"), ("ruff: ok", "ok")]
    assert "1 failed" in tool.plain and "+y" in tool.plain


def test_a_refused_tool_stays_refused():
    narrator = Narrator()
    [tool] = narrator.tell(STARTED).added
    narrator.tell(PermissionGiven("c1", False, "too early"))
    narrator.tell(ToolFinished("c1", "edit_text", False, "not allowed", "", 1.0))
    assert isinstance(tool, ToolCall) and tool.state == "refused"
    assert tool.notes == [("not allowed: too early", "warn")]


def test_only_the_best_places_are_shown_with_their_text():
    places = [Cited(f"{n}.py", 1, 2, "x", 1.0, ("bm25 1.0",)) for n in range(SHOWN_PLACES + 2)]
    assert kinds(*places) == ["Said", *["Place"] * SHOWN_PLACES, "Note", "Note"]
    assert plain(*places) == f"{SHOWN_PLACES + 1}.py:1-2  bm25 1.0"


@pytest.mark.parametrize(
    ("standing", "role", "place"),
    [("read", "ok", ("a.py", 3)), ("unread", "warn", ("a.py", 3)), ("invented", "bad", None)],
)
def test_citations_tell_whether_they_hold(standing, role, place):
    item = told(Citation("a.py", 3, 4, standing))[-1]
    assert (item.role, item.place) == (role, place)
    assert "a.py:3-4" in item.plain
    assert "a.py:3 " in plain(Citation("a.py", 3, 3, standing))


def test_other_lines():
    assert plain(Notice("by the way")) == "by the way"
    assert "cannot be made: no such tool" in plain(CallRefused("no such tool", "{"))
    assert kinds(FocusChange(10, 0, (), 0, 0, 1.0)) == ["Said", "Focused"]
