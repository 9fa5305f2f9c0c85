"""Chat by keys alone: asking, stopping, queueing, history, completion, mentions, the shell, the editor."""

from collections.abc import Sequence

import pytest

from megacontext.agent.chat.opening import LATEST, Wanted
from megacontext.agent.opening import Workplace
from megacontext.models.language.scripted import ScriptedModel, call
from megacontext.tui.widgets.transcript.items import Answer, Code, Note, Place, Said
from megacontext.tui.widgets.transcript.work import Focused, ToolCall
from tests.memory.workbench import write_files
from tests.patience import held

from .stage import ADD_FRENCH, ANSWER, NARROW, WIDE, Stage, play


def kinds(items: Sequence[object]) -> list[str]:
    return [type(item).__name__ for item in items]


def said(stage: Stage) -> str:
    return "\n".join(item.plain for item in stage.items)


def test_a_new_person_is_told_what_this_is_in_five_lines(repository):
    async def scene(stage: Stage) -> None:
        assert kinds(stage.items) == ["Note"] * 5
        await stage.shows("greeter: 5 files", "Model:", "Try: Where is word_for defined", "F1")

    play(repository, scene, size=NARROW)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_an_answer_streams_in_as_markdown(repository, size):
    async def scene(stage: Stage) -> None:
        await stage.type("how")
        await stage.press("enter")
        await stage.settled()
        assert kinds(stage.items)[5:] == ["Said", "Focused", "Answer", "Cite", "Cite"]
        await stage.shows("• Greeter takes a language", "def greet(self, name):")
        assert "**" not in stage.read() and "```" not in stage.read()
        assert stage.prompt.text == ""
        assert "out" in stage.read()

    play(repository, scene, [ANSWER], size=size)


def test_with_pocket_a_question_is_answered_with_places(repository):
    async def scene(stage: Stage) -> None:
        assert "does not chat" in said(stage)
        await stage.send("Where is word_for defined?")
        await stage.settled()
        places = [item for item in stage.items if isinstance(item, Place)]
        assert places[0].path == "greeter/words.py"
        assert any("cannot chat" in item.plain for item in stage.items)
        await stage.shows("› Where is word_for defined?", "greeter/words.py:")

    play(repository, scene, None)


def test_a_completion_stands_in_the_transcript(repository):
    async def scene(stage: Stage) -> None:
        await stage.type("/complete greeter/greet.py:14:9")
        await stage.press("enter")
        await stage.settled()
        [code] = [item for item in stage.items if isinstance(item, Code)]
        assert code.text == "return word"
        assert code.place == ("greeter/greet.py", 14)
        assert kinds(stage.items)[5:] == ["Said", "Focused", "Code"]

    play(repository, scene, ["return word"])


def test_a_place_that_is_none_is_told(repository):
    places = {
        "nowhere": "is no place",
        "../out.py:1:1": "is outside of",
        "greeter/greet.py:999:1": "so there is no line 999",
    }

    async def scene(stage: Stage) -> None:
        for place, told in places.items():
            await stage.send(f"/complete {place}")
            await stage.until(lambda told=told: told in said(stage))
            await stage.settled()

    play(repository, scene, [""])


class Endless(ScriptedModel):
    """Speaks until it is stopped."""

    def __init__(self) -> None:
        super().__init__(lambda _: held("on and on "))


def test_a_model_that_never_stops_is_stopped_by_a_key(repository):
    async def scene(stage: Stage) -> None:
        for key in ("escape", "ctrl+c"):
            await stage.send("talk")
            await stage.until(lambda: isinstance(stage.items[-1], Answer))
            await stage.press(key)
            await stage.settled()
            assert stage.items[-1].plain == "stopped"

    play(repository, scene, Endless())


def test_what_is_sent_too_early_waits(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("first")
        await stage.send("second")
        await stage.until(lambda: kinds(stage.items).count("Answer") == 2)
        await stage.settled()
        asked = [item.text for item in stage.items if isinstance(item, Said)]
        assert asked == ["first", "second"]

    play(repository, scene, ["one " * 500, "two"])


def test_a_tool_call_opens_and_closes(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("read it")
        await stage.settled()
        [tool] = [item for item in stage.items if isinstance(item, ToolCall)]
        assert (tool.state, tool.subject) == ("ok", "greeter/words.py")
        assert "The words of a greeting" not in stage.read()
        await stage.press("ctrl+t")
        while stage.main.transcript.selected != stage.items.index(tool):
            await stage.press("up")
        await stage.press("enter")
        await stage.shows("The words of a greeting")
        await stage.press("enter")
        await stage.until(lambda: "The words of a greeting" not in stage.read())
        await stage.press("escape")
        assert stage.prompt.text_area.has_focus

    play(repository, scene, [call("read", path="greeter/words.py"), "done"])


def test_the_last_thing_opens_from_the_prompt(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("greeting")
        await stage.settled()
        [focused] = [item for item in stage.items if isinstance(item, Focused)]
        await stage.press("ctrl+o")
        assert focused.opened
        await stage.press("ctrl+o")
        assert not focused.opened

    play(repository, scene, ["yes"])


def test_a_malformed_call_is_told(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("go")
        await stage.settled()
        assert "cannot be made" in said(stage)

    play(repository, scene, ['<tool_call>{"name": "read"', "sorry"])


def test_a_failing_model_is_told_and_the_app_goes_on(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("go")
        await stage.settled()
        [note] = [item for item in stage.items if isinstance(item, Note) and item.role == "bad"]
        assert "was asked for more" in note.text

    play(repository, scene, [])


# The prompt


def test_several_lines_and_history(repository):
    async def scene(stage: Stage) -> None:
        await stage.type("one\ntwo")
        assert stage.prompt.text == "one\ntwo"
        await stage.press("enter")
        await stage.settled()
        await stage.type("draft")
        await stage.press("up")
        assert stage.prompt.text == "one\ntwo"
        await stage.press("down", "down")
        assert stage.prompt.text == "draft"
        await stage.press("ctrl+r")
        await stage.shows("what you typed before")
        await stage.press("enter")
        assert stage.prompt.text == "one\ntwo"

    async def later(stage: Stage) -> None:
        await stage.press("up")
        assert stage.prompt.text == "one\ntwo"

    play(repository, scene, ["ok"])
    play(repository, later)


def test_commands_complete(repository):
    async def scene(stage: Stage) -> None:
        await stage.type("/comp")
        await stage.shows("/complete PATH:LINE:COL")
        await stage.press("tab")
        assert stage.prompt.text == "/complete "
        await stage.type("words")
        await stage.shows("greeter/words.py")
        await stage.press("enter")
        assert stage.prompt.text == "/complete greeter/words.py:"
        await stage.press("ctrl+c")
        assert stage.prompt.text == ""

    play(repository, scene)


@pytest.mark.parametrize(
    ("typed", "taken"),
    [("see @words", "see @greeter/words.py "), ("see @Greeter.g", "see @Greeter.greet ")],
)
def test_files_and_definitions_are_mentioned(repository, typed, taken):
    async def scene(stage: Stage) -> None:
        for letter in typed:
            await stage.type(letter)
        await stage.until(lambda: stage.prompt.is_completing)
        await stage.until(lambda: stage.prompt.suggestions.choice.text == taken[4:])
        await stage.press("tab")
        assert stage.prompt.text == taken

    play(repository, scene)


def test_suggestions_go_away_with_escape_and_move_with_arrows(repository):
    async def scene(stage: Stage) -> None:
        await stage.type("/")
        await stage.until(lambda: stage.prompt.is_completing)
        first = stage.prompt.suggestions.choice
        await stage.press("down")
        assert stage.prompt.suggestions.choice != first
        await stage.press("up", "escape")
        assert not stage.prompt.is_completing
        assert stage.prompt.text == "/"

    play(repository, scene)


def test_a_mentioned_file_is_in_focus(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("what about @tests/test_greet.py")
        await stage.settled()
        [focused] = [item for item in stage.items if isinstance(item, Focused)]
        assert ("tests/test_greet.py", 0) in [
            (at.partition(":")[0], n) for at, n, *_ in focused.entries
        ]

    play(repository, scene, ["ok"])


def test_the_shell_runs_in_the_sandbox(repository):
    async def scene(stage: Stage) -> None:
        await stage.type("!")
        assert stage.prompt.has_class("-shell")
        await stage.type("ls greeter")
        await stage.press("enter")
        await stage.settled()
        [code] = [item for item in stage.items if isinstance(item, Code)]
        assert code.text.split() == ["__init__.py", "greet.py", "words.py"]
        assert "exit status 0; " in stage.items[-1].plain

    play(repository, scene)


def test_the_shell_obeys_the_rules(repository):
    async def scene(stage: Stage) -> None:
        await stage.press("shift+tab", "shift+tab")
        await stage.shows("mode: plan")
        await stage.send("!touch new")
        await stage.settled()
        assert "not run: plan mode" in stage.items[-1].plain
        assert not (stage.root / "new").exists()

    play(repository, scene)


def test_without_a_terminal_to_lend_the_editor_is_not_opened(repository):
    async def scene(stage: Stage) -> None:
        await stage.type("draft")
        await stage.press("ctrl+g")
        assert "no terminal to lend" in stage.items[-1].plain
        assert stage.prompt.text == "draft"

    play(repository, scene)


# Sessions


def test_a_session_is_gone_on_with(repository):
    async def first(stage: Stage) -> None:
        await stage.send("hello there")
        await stage.settled()

    async def second(stage: Stage) -> None:
        assert [item.text for item in stage.items if isinstance(item, Said)] == ["hello there"]
        assert "general" in said(stage)
        await stage.send("/new")
        await stage.settled()
        assert "hello there" not in said(stage)
        await stage.send("/resume")
        await stage.shows("which session", "hello there", "1 turn")
        await stage.press("enter")
        await stage.until(lambda: "hello there" in said(stage))
        await stage.settled()
        await stage.send("/fork")
        await stage.until(lambda: stage.main.desk.agent.session.conversation.facts.get("parent"))
        await stage.settled()
        assert [turn.text for turn in stage.main.desk.agent.turns] == ["hello there"]

    play(repository, first, ["general kenobi"])
    play(repository, second, wanted=Wanted(LATEST))


def test_a_message_can_be_given_at_the_start(repository):
    async def scene(stage: Stage) -> None:
        await stage.until(lambda: any(isinstance(item, Answer) for item in stage.items))
        await stage.settled()

    play(repository, scene, ["hi"], wanted=Wanted(prompt="say hi"))


def test_undo_takes_back_files_and_conversation(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("add french")
        await stage.asked()
        await stage.press("y")
        await stage.settled()
        assert "Bonjour" in (stage.root / "greeter/words.py").read_text()
        await stage.send("/diff")
        await stage.shows("what the last turn with edits changed", "Bonjour")
        await stage.press("escape")
        await stage.send("/undo")
        await stage.settled()
        assert "Bonjour" not in (stage.root / "greeter/words.py").read_text()
        assert "undone: greeter/words.py; 1 turn of the conversation" in said(stage)
        await stage.send("/redo")
        await stage.settled()
        assert "Bonjour" in (stage.root / "greeter/words.py").read_text()
        await stage.send("/undo")
        await stage.settled()
        await stage.send("/undo")
        await stage.settled()
        assert "there is no edit to undo" in stage.items[-1].plain

    play(repository, scene, [ADD_FRENCH, "done"])


def test_the_app_reads_while_another_process_writes_and_takes_over_when_it_leaves(repository):
    place = Workplace.at(repository, {"model.name": "pocket"})
    with place.open_memory(write=True) as memory:
        memory.writer.reconcile()

        async def scene(stage: Stage) -> None:
            await stage.shows("it is read here", "Try: Where is word_for defined")
            await stage.send("/index")
            await stage.until(lambda: said(stage).count("it is read here") == 2)
            memory.close()
            await stage.shows("the memory is kept fresh here from now on")
            write_files(repository, {"later.py": "def made_later():\n    pass\n"})
            keeper = stage.main.desk.keeper
            await stage.until(lambda: keeper.engine.memory.writer.knows("later.py"))

        play(repository, scene)
