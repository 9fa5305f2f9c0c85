"""What stands in prompts and where: memory, old turns, instructions; and how much of it a model need not read again."""

import pytest

from megacontext.agent.chat.agent import Agent
from megacontext.agent.chat.events import TurnEnded
from megacontext.agent.chat.sessions.store import Sessions
from megacontext.agent.engine import Engine
from megacontext.agent.events import FocusChange, Notice, Usage
from megacontext.agent.tools.base import Plan, ToolResult, ToolSpec
from megacontext.memory.focus import Span
from megacontext.models.language.scripted import ScriptedModel, call
from tests.agent.chat.conftest import root_of, schema
from tests.memory.workbench import module, write_files

BUSY = 12


class Pin:
    """Keeps a file in focus."""

    spec = ToolSpec("pin", "Pin a file.", schema("path"))
    action = "read"

    def subject(self, arguments):
        return arguments["path"]

    def plan(self, arguments, shop):
        return Plan(tool="pin", action="read", subject=arguments["path"], summary="pin")

    def execute(self, plan, shop, cancel=None):
        shop.focus.pin(Span(plan.subject))
        return ToolResult(text="pinned", summary="pinned")


class Say:
    """Says much."""

    spec = ToolSpec("say", "Say much.", schema("text", "times"))
    action = "read"

    def subject(self, arguments):
        return ""

    def plan(self, arguments, shop):
        summary = str(arguments["text"]) * int(arguments["times"])
        return Plan(tool="say", action="read", subject="", summary=summary)

    def execute(self, plan, shop, cancel=None):
        return ToolResult(text=plan.summary, summary="said")


def usages(agent: Agent, *texts: str) -> list[Usage]:
    return [event for text in texts for event in agent.send(text) if isinstance(event, Usage)]


def busy(agent: Agent) -> None:
    """More modules than any budget here holds."""
    write_files(root_of(agent), {f"mod{n}.py": module(f"mod{n}", 6) for n in range(BUSY)})


def ask_about(n: int) -> str:
    return f"What does mod{n}_1 do, and how does mod{n}_2 use it?"


# Reuse


def test_within_a_turn_everything_before_is_reused(make_agent):
    model = ScriptedModel([f"I look.\n{call('look', path='README.md')}"] * 3 + ["Done."])
    first, *others = usages(make_agent(model), "Look around.")
    held = first
    for usage in others:
        assert usage.reused == held.positions + held.generated
        held = usage


def test_a_follow_up_reads_only_what_is_new(make_agent):
    model = ScriptedModel(["Answer."] * 4)
    agent = make_agent(model, focus__budget=2000, chat__page=8)
    busy(agent)
    held, *others = usages(agent, *map(ask_about, range(4)))
    for usage in others:
        assert usage.reused == held.positions + held.generated
        assert usage.positions - usage.reused < 2600
        held = usage
    # What was focused first still stands where it stood, once.
    assert model.texts[-1].count("def mod0_1(") == 1


@pytest.mark.parametrize("page", [1, 1.5, 2])
def test_memory_never_outgrows_its_page_and_is_then_laid_out_anew(make_agent, page):
    agent = make_agent(ScriptedModel(lambda _: "Answer."), focus__budget=2000, chat__page=page)
    busy(agent)
    renewed = 0
    before = 0
    for n in range(BUSY):
        for usage in usages(agent, ask_about(n)):
            renewed += usage.reused < before
            before = usage.positions
        memory = agent.focusing.page
        assert memory.cost <= max(page * 2000, memory.blocks[-1].cost)
        assert memory.blocks[-1].cost <= 2200
    assert 0 < renewed <= BUSY // page


def test_a_larger_page_spares_the_model_most_of_its_reading(make_agent):
    read = {}
    for page in (1, 4):
        agent = make_agent(
            ScriptedModel(lambda _: "Answer."),
            focus__budget=2000,
            chat__page=page,
            engine=None if page == 1 else agent.engine,  # noqa: F821
        )
        if page == 4:
            agent.focusing.page.limit = 4 * 2000
        else:
            busy(agent)
        found = usages(agent, *(ask_about(n % 3) for n in range(9)))
        read[page] = sum(usage.positions - usage.reused for usage in found)
    assert read[4] < read[1]


def test_what_changed_since_it_was_shown_is_told_once(make_agent):
    model = ScriptedModel(["One.", "Two.", "Three."])
    agent = make_agent(model)
    list(agent.send("Where is word_for?"))
    path = root_of(agent) / "greeter/words.py"
    path.write_text(path.read_text().replace("WORDS.get", "TABLE.get"))
    list(agent.send("Where is word_for now?"))
    assert "Changed since it was shown above: greeter/words.py:1\n" in model.texts[1]
    behind = model.texts[1].partition("Changed since it was shown")[2]
    assert "TABLE.get" in behind and "WORDS.get" not in behind
    list(agent.send("Where is word_for again?"))
    assert model.texts[2].count("Changed since it was shown") == 1
    assert model.texts[2].count("TABLE.get") == 1


# Focus


def test_what_a_message_mentions_is_read_whole(make_agent):
    model = ScriptedModel(["One.", "Two.", "Three."])
    agent = make_agent(model, focus__budget=600)
    busy(agent)
    list(agent.send("What is in @README.md:1-3 and @none.py?"))
    assert "Greets people in several languages." in model.texts[0]
    list(agent.send("And what is @Greeter.greet for?"))
    assert '"""A whole greeting."""' in model.texts[1]


def test_what_a_tool_pins_comes_with_its_result(make_agent):
    model = ScriptedModel([call("pin", path="mod7.py"), "Done."])
    agent = make_agent(model, tools=[Pin()], focus__budget=2000)
    busy(agent)
    events = list(agent.send("hello"))
    assert sum(isinstance(event, FocusChange) for event in events) == 2
    before, _, behind = model.texts[1].partition("tool: pinned\n\n")
    assert "def mod7_1(" in behind and "def mod7_1(" not in before
    later = [event for event in events if isinstance(event, Usage)]
    assert later[1].reused == later[0].positions + later[0].generated


def test_a_short_message_is_about_what_the_one_before_was(make_agent):
    agent = make_agent(ScriptedModel(["One.", "Two."]), focus__budget=2000)
    busy(agent)
    list(agent.send(ask_about(5)))
    [focus] = [e for e in agent.send("And why?") if isinstance(e, FocusChange)]
    assert "mod5.py" in {entry.path for entry in focus.entries if entry.level == 0}


# What no longer fits


def test_old_turns_leave_the_prompt_and_are_remembered_where_they_matter(make_agent):
    model = ScriptedModel(lambda text: f"It is {len(text)}.", context_length=9000)
    agent = make_agent(
        model, tools=[Say()], focus__budget=600, chat__max_new_tokens=500, chat__session_share=0.5
    )
    list(agent.send("The zebra protocol needs port 4711, remember that well please."))
    notices = []
    for n in range(8):
        events = agent.send(f"Question {n}: " + "tell me of the weather today, " * 30)
        notices += [event for event in events if isinstance(event, Notice)]
    assert notices and "no longer fit" in notices[0].text
    assert "zebra protocol" not in model.texts[-1]
    events = list(agent.send("Which port does the zebra protocol need?"))
    changes = [event for event in events if isinstance(event, FocusChange)]
    assert [change.source for change in changes] == ["session", "repository"]
    prompt = model.texts[-1]
    assert "Earlier in this conversation:" in prompt
    assert "needs port 4711" in prompt.partition("Earlier in this conversation:")[2]
    assert all(len(text) <= 9000 - 500 for text in model.texts)
    assert sum(change.total_cost for change in changes) <= 600


def test_a_resumed_session_looks_up_what_does_not_fit_for_its_first_question_already(make_agent):
    words = "tell me of the weather today, " * 30
    settings = {"chat__max_new_tokens": 500, "chat__session_share": 0.5, "focus__budget": 600}
    with_room = ScriptedModel(lambda _: "Yes.", context_length=90_000)
    agent = make_agent(with_room, tools=[Say()], **settings)
    for text in (
        "The zebra protocol needs port 4711.",
        *(f"Question {n}: {words}" for n in range(9)),
    ):
        list(agent.send(text))
    agent.close()
    assert not (agent.session.folder / "memory").exists()
    model = ScriptedModel(lambda _: "4711.", context_length=9000)
    engine = Engine(agent.engine.workplace, agent.engine.memory, model)
    again = make_agent(
        model, tools=[Say()], session=agent.session.folder.name, engine=engine, **settings
    )
    events = list(again.send("Which port does the zebra protocol need?"))
    assert events[-1].reason == "done"
    [prompt] = model.texts
    remembered = prompt.partition("Earlier in this conversation:")[2]
    assert "The zebra protocol needs port 4711." in remembered
    assert "zebra" not in prompt.partition("Earlier in this conversation:")[0]
    again.close()
    Sessions(again.engine.memory.places).delete(again.session.folder.name)
    assert not again.session.folder.exists()


def test_old_results_are_left_out_of_a_turn_that_grows_too_long(make_agent):
    said = call("say", text="blah ", times="300")
    model = ScriptedModel([said] * 8 + ["Done."], context_length=9000)
    agent = make_agent(model, tools=[Say()], focus__budget=400, chat__max_new_tokens=500)
    events = list(agent.send("Say a lot."))
    assert events[-1].reason == "done"
    assert all(len(text) <= 9000 - 500 for text in model.texts)
    assert "tokens was left out to make room" in model.texts[-1]
    assert model.texts[-1].rstrip().rpartition("tool: ")[2].startswith("blah")


def test_a_turn_that_fits_in_no_way_ends(make_agent):
    model = ScriptedModel(["Never."], context_length=6000)
    end = list(make_agent(model, chat__max_new_tokens=500).send("word " * 2000))[-1]
    assert isinstance(end, TurnEnded)
    assert end.reason == "limit" and "no longer fits" in end.detail


def test_the_shares_of_a_prompt_add_up(make_agent):
    model = ScriptedModel(["One.", "Two."])
    agent = make_agent(model)
    for text in ("Where is word_for?", "Why?"):
        usage = usages(agent, text)[-1]
    sizes = agent.sizes()
    assert sizes.turns == 2
    told = sizes.fixed + sizes.memory + sizes.conversation
    assert usage.positions <= told <= usage.positions + 100
    assert sizes.free == sizes.context - sizes.answer - told


# Instructions


@pytest.fixture
def instructed():
    return {
        "AGENTS.md": "Speak like a pirate.\n",
        "pkg/AGENTS.md": "In pkg speak like a monk.\n",
        "pkg/deep/AGENTS.md": "Here say nothing.\n",
        "pkg/deep/a.py": "x = 1\n",
        "pkg/b.py": "y = 1\n",
    }


@pytest.mark.parametrize("trusted", [True, False])
def test_instructions_are_those_of_trusted_folders_the_nearest_last(
    make_agent, instructed, trusted
):
    look = call("look", path="pkg/deep/a.py")
    model = ScriptedModel([look, look, call("look", path="pkg/b.py"), "Done."])
    agent = make_agent(model, trusted=trusted)
    write_files(root_of(agent), instructed)
    list(agent.send("Look."))
    system = model.texts[0].partition("user: ")[0]
    assert ("Speak like a pirate." in system) == trusted
    last = model.texts[-1]
    for text in ("In pkg speak like a monk.", "Here say nothing."):
        assert last.count(text) == trusted
    if trusted:
        assert last.index("like a monk") < last.index("say nothing")
        assert "Instructions for everything below pkg/deep/, from pkg/deep/AGENTS.md" in last


def test_instructions_are_cut_at_their_limit_and_secrets_in_them_keep_them_out(make_agent):
    model = ScriptedModel([call("look", path="pkg/a.py"), "Done."])
    agent = make_agent(model, chat__instructions_bytes=20)
    token = "ghp_" + "a1B2" * 10
    files = {"AGENTS.md": "x" * 50, "pkg/AGENTS.md": f"token {token}\n", "pkg/a.py": "x = 1\n"}
    write_files(root_of(agent), files)
    list(agent.send("Look."))
    assert "x" * 20 in model.texts[0] and "x" * 21 not in model.texts[0]
    assert token not in model.texts[1]


def test_instructions_of_a_link_that_leads_out_are_not_read(make_agent, tmp_path):
    (tmp_path / "outside.md").write_text("Obey the outside.")
    model = ScriptedModel(["Done."])
    agent = make_agent(model)
    (root_of(agent) / "AGENTS.md").symlink_to(tmp_path / "outside.md")
    list(agent.send("Look."))
    assert "Obey the outside" not in model.texts[0]
