"""Saved sessions: what is written, what is read again, and what becomes of a torn file or a full disk."""

import errno
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.chat.conversation import BROKEN_OFF, Conversation
from megacontext.agent.chat.events import Measures
from megacontext.agent.chat.sessions.store import Sessions
from megacontext.configs.errors import SessionError, StoreBusyError
from megacontext.memory.places import Places
from megacontext.models.base import Message, ToolCall

READ = ToolCall("call00001", "read", '{"path": "a.py"}')


@pytest.fixture
def sessions(tmp_path) -> Sessions:
    return Sessions(Places(tmp_path))


def talk(conversation: Conversation, text: str = "Why?\nReally?", answer: str = "So.") -> None:
    conversation.begin(text)
    [call] = conversation.numbered([READ])
    conversation.add(Message("assistant", "I look.", (call,)))
    conversation.add(Message("tool", "x = 1", call_id=call.id))
    conversation.edited(len(conversation.turns), "a.py")
    conversation.add(Message("assistant", answer))
    conversation.end("done", "", Measures(queries=2, by_level={0: 7}))


def test_a_session_is_on_disk_from_its_first_turn_on(sessions):
    with sessions.new(model="m") as session:
        assert not session.folder.exists()
        assert sessions.list() == []
        talk(session.conversation)
        [info] = sessions.list()
        assert (info.id, info.title, info.turns, info.model) == (
            session.folder.name,
            "Why?",
            1,
            "m",
        )
        assert sessions.latest() == info.id
    with sessions.open(info.id[-4:]) as again:
        assert again.conversation.turns == session.conversation.turns
        talk(again.conversation, "More?")
    turns = sessions.read(info.id).turns
    assert [turn.number for turn in turns] == [1, 2]
    assert [call.id for turn in turns for call in turn.calls] == ["call00001", "call00002"]
    assert [turn.steps for turn in turns] == [[1], [2]]


@pytest.mark.parametrize(
    "torn", [b'{"kind": "mess', b"[1]\n", b"\xff\xfe\n", b"\n", b'{"kind": "message"}']
)
def test_a_torn_line_is_passed_over_and_cut_when_the_session_goes_on(sessions, torn):
    with sessions.new() as session:
        talk(session.conversation)
    with session.file.open("ab") as file:
        file.write(torn)
    with sessions.open(session.folder.name) as again:
        assert len(again.conversation.turns) == 1
        talk(again.conversation)
    assert len(sessions.read(session.folder.name).turns) == 2
    for line in session.file.read_bytes().splitlines():
        json.loads(line)


def test_a_turn_that_was_broken_off_is_whole_for_the_model(sessions):
    with sessions.new() as session:
        session.conversation.begin("Do it.")
        session.conversation.add(Message("assistant", "", (READ,)))
    turn = sessions.read(session.folder.name).current
    assert (turn.ending, turn.detail) == ("error", BROKEN_OFF)
    assert [message.role for message in turn.messages] == ["user", "assistant", "tool", "assistant"]
    assert turn.messages[2].call_id == READ.id


def test_on_a_full_disk_the_session_goes_on_in_memory_and_is_written_when_there_is_room(
    sessions, monkeypatch
):
    with sessions.new() as session:
        talk(session.conversation)
        real = os.fdatasync

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fdatasync", full)
        talk(session.conversation, "Again?")
        assert session.problem is not None and "No space left" in session.problem
        assert len(session.conversation.turns) == 2
        monkeypatch.setattr(os, "fdatasync", real)
        talk(session.conversation, "And now?")
        assert session.problem is None
    assert [turn.text for turn in sessions.read(session.folder.name).turns] == [
        "Why?\nReally?",
        "Again?",
        "And now?",
    ]


def test_a_folder_that_cannot_be_made_is_told_as_well(sessions):
    sessions.folder.parent.mkdir(parents=True)
    sessions.folder.write_text("in the way")
    with sessions.new() as session:
        talk(session.conversation)
        assert session.problem is not None and "in memory only" in session.problem
        assert session.conversation.current.answer == "So."


def test_one_process_writes_a_session_at_a_time(sessions):
    with sessions.new() as session:
        talk(session.conversation)
        with pytest.raises(StoreBusyError, match="fork it"):
            Sessions(sessions.places).open(session.folder.name)
        with pytest.raises(StoreBusyError):
            Sessions(sessions.places).delete(session.folder.name)
        with sessions.fork(session.folder.name) as fork:
            talk(fork.conversation)
    sessions.delete(session.folder.name)
    [left] = sessions.list()
    assert (left.id, left.parent, left.turns) == (fork.folder.name, session.folder.name, 2)


def test_a_fork_begins_with_some_turns_and_leaves_the_other_alone(sessions):
    with sessions.new(model="m") as session:
        for text in ("one", "two", "three"):
            talk(session.conversation, text)
    before = session.file.read_bytes()
    with sessions.fork(session.folder.name, 2, model="n") as fork:
        conversation = fork.conversation
        assert [turn.text for turn in conversation.turns] == ["one", "two"]
        assert conversation.turns[0].messages == session.conversation.turns[0].messages
        assert conversation.turns[0].steps == []
        assert conversation.facts["model"] == "n"
        talk(conversation, "other")
    assert session.file.read_bytes() == before


@pytest.mark.parametrize("typed", ["", "2", "nothing", "../..", "20990101-000000-abcd"])
def test_an_id_that_is_none_is_told(sessions, typed):
    for _ in range(2):
        with sessions.new() as session:
            talk(session.conversation)
    for use in (sessions.open, sessions.read, sessions.fork, sessions.delete):
        with pytest.raises(SessionError, match="megacontext sessions"):
            use(typed)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}\n",
        b'{"kind": "turn", "text": "x", "at": 1}\n',
        b'{"kind": "session", "id": "x"}\n{"kind": "turn"}\n',
    ],
)
def test_a_damaged_session_is_told_and_hides_no_other(sessions, content):
    for _ in range(2):
        with sessions.new() as session:
            talk(session.conversation)
    session.file.write_bytes(content)
    with pytest.raises(SessionError, match=r"damaged .* delete"):
        sessions.open(session.folder.name)
    assert len(sessions.list()) == 1


def test_a_session_of_a_newer_version_is_refused(sessions):
    with sessions.new() as session:
        talk(session.conversation)
    text = session.file.read_text().replace('"version": 1', '"version": 2')
    session.file.write_text(text)
    with pytest.raises(SessionError, match="newer"):
        sessions.open(session.folder.name)


def test_there_is_no_latest_of_nothing(sessions):
    with pytest.raises(SessionError, match="no session"):
        sessions.latest()


# Conversations are the sum of their records

ACTIONS = st.lists(
    st.sampled_from(["talk", "begin", "call", "withdraw", "withdraw two", "restore"]), max_size=12
)


@given(ACTIONS)
def test_records_make_the_same_conversation_again(actions):
    records: list[dict] = []
    conversation = Conversation("x", records.append)
    conversation.start(model="m")
    for action in actions:
        match action:
            case "talk":
                talk(conversation)
            case "begin":
                conversation.begin("half")
                conversation.end("cancelled", "", Measures())
            case "call" if conversation.turns:
                conversation.begin("half")
                conversation.add(Message("assistant", "", conversation.numbered([READ, READ])))
                conversation.end("error", "oh", Measures())
            case "restore":
                conversation.restore()
            case "withdraw" | "withdraw two":
                conversation.withdraw(1 + (action == "withdraw two"))
    again = Conversation.replayed(json.loads(json.dumps(records)))
    assert again.turns == conversation.turns
    assert again.undone == conversation.undone
    assert [turn.number for turn in again.turns] == list(range(1, len(again.turns) + 1))
    for turn in again.turns:
        answered = [message.call_id for message in turn.messages if message.role == "tool"]
        assert answered == [call.id for call in turn.calls]
        assert turn.messages[-1].role == "assistant"


def test_what_was_withdrawn_can_be_brought_back_until_the_next_turn():
    conversation = Conversation("x")
    for text in ("one", "two", "three"):
        talk(conversation, text)
    assert [turn.text for turn in conversation.withdraw(2)] == ["two", "three"]
    assert [turn.text for turn in conversation.turns] == ["one"]
    assert [turn.text for turn in conversation.restore()] == ["two", "three"]
    conversation.withdraw(9)
    assert conversation.turns == [] and conversation.undone == 1
    talk(conversation, "new")
    assert (conversation.restore(), conversation.withdraw(0)) == ([], [])
    assert conversation.title == "new"
