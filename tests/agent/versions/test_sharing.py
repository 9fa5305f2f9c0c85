"""Lines and conversations through a folder that two machines share: they part and come together, and lose nothing."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.agent.chat.conversation import Conversation
from megacontext.agent.versions.conversations import merge_conversations
from megacontext.agent.versions.sharing import Sharing
from megacontext.configs.errors import VersionError
from megacontext.memory.versions.remote import Remote
from tests.agent.versions.conftest import asked, files_below, talk
from tests.memory.workbench import write_files


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "shared")


def sharing(versions, url: str, **options) -> Sharing:
    return Sharing(versions, Remote(url), **options)


def root_of(versions) -> Path:
    return versions.working.places.root


@pytest.mark.parametrize("kind", ["folder", "file", "memory"])
def test_a_line_arrives_whole_and_goes_on(open_versions, tmp_path, kind):
    url = {
        "folder": str(tmp_path / "shared"),
        "file": f"file://{tmp_path}/shared",
        "memory": f"memory://{tmp_path.name}",
    }[kind]
    here, there = open_versions("here"), open_versions("there", {"other.py": "y = 1\n"})
    here.save("one")
    here.save("two")
    assert sharing(here, url).push_line("main") == 2
    assert sharing(here, url).push_line("main") == 0
    there.save("own")
    pulled = sharing(there, url).pull_line("main")
    assert (pulled.name, pulled.how) == (f"main@{Remote(url).name}", "apart")
    there.restore(pulled.name)
    assert files_below(root_of(there)) == {
        path: data for path, data in files_below(root_of(here)).items() if path != ".env"
    }
    assert sharing(there, url).pull_line("main").how == "equal"


def test_lines_that_parted_are_not_pushed_over_each_other(open_versions, url):
    here, there = open_versions("here"), open_versions("there")
    here.save("common")
    sharing(here, url).push_line("main")
    sharing(there, url).pull_line("main")
    there.restore("main@shared")
    write_files(root_of(there), {"app/there.py": "t = 1\n"})
    there = open_versions("there")
    there.save("there")
    sharing(there, url).push_line("main")
    write_files(root_of(here), {"app/here.py": "h = 1\n"})
    here = open_versions("here")
    here.save("here")
    with pytest.raises(VersionError, match="has moved on at"):
        sharing(here, url).push_line("main")
    assert sharing(here, url).pull_line("main").name == "main@shared"
    merged = here.merge("now", "main@shared")
    assert not merged.merged.conflicts
    assert {"app/here.py", "app/there.py"} <= set(files_below(root_of(here)))
    sharing(here, url).push_line("main")
    assert sharing(there, url).pull_line("main").how == "apart"
    assert there.merge("now", "main@shared").merged is None
    assert {"app/here.py", "app/there.py"} <= set(files_below(root_of(there)))


def test_two_diverged_conversations_keep_every_turn_of_both(open_versions, url):
    here, there = open_versions("here"), open_versions("there")
    session = talk(root_of(here), "one", "two")
    assert sharing(here, url).push_session(session) == (session, 2)
    assert sharing(there, url).pull_session(session[:12]).how == "new"
    assert asked(root_of(there), session) == ["one", "two"]
    talk(root_of(here), "here 1", "here 2", session=session)
    talk(root_of(there), "there 1", session=session)
    assert sharing(here, url).push_session(session) == (session, 2)
    assert sharing(there, url).push_session(session) == (session, 1)
    assert sharing(here, url).pull_session(session).turns == 1
    assert sharing(there, url).pull_session(session).turns == 2
    for versions in (here, there):
        assert sorted(asked(root_of(versions), session)) == [
            "here 1",
            "here 2",
            "one",
            "there 1",
            "two",
        ]
        assert sharing(versions, url).pull_session(session).how == "equal"
        assert sharing(versions, url).push_session(session)[1] == 0


def test_what_points_into_another_machine_is_not_taken(open_versions, url):
    here, there = open_versions("here"), open_versions("there")
    session = talk(root_of(here), "one")
    sharing(here, url).push_session(session)
    sharing(there, url).pull_session(session)
    records = there.working.places.state / "sessions" / session / "conversation.jsonl"
    assert '"edit", "step"' not in records.read_text()
    assert there.sessions.read(session).turns[0].steps == []
    assert here.sessions.read(session).turns[0].steps == [7]


def test_conversations_of_one_machine_are_merged_into_a_new_one(versions):
    root = root_of(versions)
    one = talk(root, "common")
    with versions.sessions.fork(one) as forked:
        other = forked.folder.name
    talk(root, "of one", session=one)
    talk(root, "of other", session=other)
    made, turns = versions.merge_sessions(one, other)
    assert asked(root, made) == ["common", "of one", "of other"]
    assert turns == 3
    assert asked(root, one) == ["common", "of one"]
    assert asked(root, other) == ["common", "of other"]


TURNS = st.lists(st.sampled_from("abcdefg"), max_size=4)


def conversation(turns: list[str], taken_back: int = 0) -> bytes:
    records = []
    made = Conversation("20200101-000000-abcd", records.append)
    made.start(version=1, created=1.0)
    for number, text in enumerate(turns):
        records.append({"kind": "turn", "text": text, "told": "", "at": float(number)})
        made._apply(records[-1])
        made.end("done", "", made.current.measures)
    made.withdraw(taken_back)
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(TURNS, TURNS, TURNS)
def test_no_turn_is_lost_or_doubled_and_merging_again_changes_nothing(common, ours, theirs):
    a, b = conversation([*common, *ours]), conversation([*common, *theirs])
    merged, lacking = merge_conversations(b"", a, b)
    assert lacking == ""
    again, _ = merge_conversations(b"", merged, b)
    assert again == merged
    turns = [
        (t.text, t.started)
        for t in Conversation.replayed(map(json.loads, merged.splitlines())).turns
    ]
    assert len(set(turns)) == len(turns)
    for side in (ours, theirs):
        for number, text in enumerate([*common, *side]):
            assert (text, float(number)) in turns


def test_a_turn_that_was_taken_back_here_does_not_come_back_by_merging():
    ours, theirs = conversation(["a", "b"], taken_back=1), conversation(["a", "b", "c"])
    merged, _ = merge_conversations(b"", ours, theirs)
    turns = Conversation.replayed(map(json.loads, merged.splitlines())).turns
    assert [turn.text for turn in turns] == ["a", "c"]


def test_secrets_in_a_conversation_are_not_sent(open_versions, url):
    here = open_versions("here")
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + "A" * 70
    session = talk(root_of(here), f"my key is\n{key}")
    here.save("with a secret")
    for push in (
        lambda s: s.push_line("main"),
        lambda s: s.push_session(session),
    ):
        with pytest.raises(VersionError, match="holds a private key"):
            push(sharing(here, url))
    assert not Path(url).exists() or not list(Path(url).rglob("*.mcsnap"))
    sharing(here, url, allow_secrets=True).push_session(session)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"snapshot": "../x"}', b'{"snapshot": 7}', b"\xff", b"[" * 3000]
)
def test_a_damaged_reference_is_told(open_versions, url, data):
    here = open_versions("here")
    (Path(url) / "lines").mkdir(parents=True)
    (Path(url) / "lines" / "main.json").write_bytes(data)
    with pytest.raises(VersionError, match="main"):
        sharing(here, url).pull_line("main")


def test_what_was_tampered_with_there_is_refused(open_versions, url):
    here, there = open_versions("here"), open_versions("there")
    here.save("one")
    sharing(here, url).push_line("main")
    [path] = Path(url).rglob("*.mcsnap")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(VersionError, match="is refused"):
        sharing(there, url).pull_line("main")
    assert there.snapshots.lines() == {}
    path.unlink()
    with pytest.raises(VersionError, match="lacks snapshot"):
        sharing(there, url).pull_line("main")


def test_a_conversation_under_another_name_is_refused(open_versions, url):
    here, there = open_versions("here"), open_versions("there")
    session = talk(root_of(here), "one")
    sharing(here, url).push_session(session)
    folder = Path(url) / "sessions"
    shutil.copy(folder / f"{session}.json", folder / "20200101-000000-abcd.json")
    with pytest.raises(VersionError, match="holds no conversation"):
        sharing(there, url).pull_session("20200101-000000-abcd")


@pytest.mark.parametrize("url", ["nosuch://x/y", "s3://user:secret@bucket/x"])
def test_an_address_that_cannot_be_opened_is_told_without_its_login(url):
    with pytest.raises(VersionError) as caught:
        Remote(url).refs("lines")
    assert "secret" not in str(caught.value)
