"""Properties of what is read, and of what is told when the files change under way."""

from hashlib import blake2b

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.agent.engine import Engine
from megacontext.agent.mcp import lending
from megacontext.agent.mcp.lending import Lender
from megacontext.agent.opening import Workplace
from megacontext.configs.errors import ToolError
from tests.agent.mcp.conftest import make_repository


@pytest.fixture(scope="module")
def lender(tmp_path_factory):
    root = make_repository(tmp_path_factory.mktemp("lending").resolve() / "greeter")
    workplace = Workplace.at(root, {"model.name": "pocket"})
    with workplace.open_memory(write=True) as memory:
        memory.writer.reconcile()
        yield Lender(Engine(workplace, memory))


def write(lender, path, data):
    (lender.memory.places.root / path).write_bytes(data)
    lender.memory.writer.apply([path])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.text(alphabet="ab \r\n\t\u00e9\U0001f600", max_size=200), st.integers(20, 60))
def test_a_file_is_the_sum_of_what_is_read_of_it(lender, monkeypatch, text, room):
    data = text.encode()
    write(lender, "any.txt", data)
    monkeypatch.setattr(lending, "MOST_CHARS", room)
    read, line = "", 1
    while line is not None:
        answer = lender.read("any.txt", line)
        part = data.decode().encode()[len(read.encode()) :]
        if not answer.notice:
            assert part.startswith(answer.text.encode())
            assert answer.hash == blake2b(answer.text.encode(), digest_size=16).hexdigest()[:16]
            read += answer.text
        else:
            # A line that is longer than an answer is told as far as it goes.
            end = part.find(b"\n") + 1 or len(part)
            assert part[:end].decode().startswith(answer.text.rstrip("\ufffd"))
            read += part[:end].decode()
        line = answer.next_line
    assert read == text


def test_a_file_that_becomes_a_secret_is_not_read_though_it_is_indexed(lender):
    write(lender, "plain.py", b"NAME = 'x'\n")
    assert "NAME" in lender.read("plain.py").text
    root = lender.memory.places.root
    (root / "plain.py").write_text("TOKEN = 'ghp_" + "a1B2" * 9 + "'\n")
    with pytest.raises(ToolError, match="left out of memory: holds"):
        lender.read("plain.py")
    found = lender.search("TOKEN ghp_")
    assert "ghp_a1B2" not in found.model_dump_json()
    focused = lender.focus("TOKEN in plain.py")
    assert "ghp_a1B2" not in focused.text


def test_a_file_that_was_swapped_for_a_link_is_not_followed(lender, tmp_path):
    write(lender, "swapped.py", b"x = 1\n")
    outside = tmp_path / "outside.py"
    outside.write_text("private = 'words'\n")
    path = lender.memory.places.root / "swapped.py"
    path.unlink()
    path.symlink_to(outside)
    with pytest.raises(ToolError):
        lender.read("swapped.py")
    with pytest.raises(ToolError):
        lender.whole("swapped.py")
    assert "private" not in lender.focus("x swapped").text
