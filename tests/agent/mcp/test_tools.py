"""What other agents are told of a repository, over HTTP."""

from hashlib import blake2b

import pytest

CALLS = (
    ("focus", {"query": "How is a greeting built?", "budget": 500}),
    ("search", {"query": "word_for"}),
    ("read", {"path": "greeter/words.py"}),
    ("outline", {"path": "greeter"}),
    ("outline", {"path": "greeter/greet.py"}),
    ("status", {}),
)


def places_in(data):
    """Whatever in an answer has a path."""
    if isinstance(data, dict):
        if "path" in data:
            yield data
        for value in data.values():
            yield from places_in(value)
    elif isinstance(data, list):
        for value in data:
            yield from places_in(value)


def test_the_tools_are_read_only_and_described(server):
    listed = server.ask(lambda client: client.list_tools())
    assert [tool.name for tool in listed.tools] == ["focus", "search", "read", "outline", "status"]
    for tool in listed.tools:
        assert tool.description
        assert tool.annotations.read_only_hint
        assert tool.output_schema["type"] == "object"
        assert set(tool.input_schema["required"]) <= set(tool.input_schema["properties"])


@pytest.mark.parametrize(("tool", "arguments"), CALLS, ids=lambda value: str(value)[:30])
def test_every_answer_is_data_and_text_with_path_lines_and_hash(server, tool, arguments):
    answer = server.call(tool, **arguments)
    assert not answer.is_error
    text = answer.content[0].text
    for place in places_in(answer.structured_content):
        assert set(place) >= {"path", "start_line", "end_line", "hash"}
        assert place["hash"] in text or place["path"] in text
    assert tool == "status" or any(places_in(answer.structured_content))


def test_focus_stays_within_its_budget(server):
    small, large = (
        server.call("focus", query="How is a greeting built?", budget=budget).structured_content
        for budget in (64, 2000)
    )
    assert small["tokens"] <= 64 < large["tokens"]
    assert len(small["text"]) < len(large["text"])
    assert 'return f"{word_for(self.language)}, {name}!"' in large["text"]
    assert "<|" not in large["text"]


def test_the_same_question_has_the_same_answer_whatever_was_asked_before(server):
    def asked():
        return server.call("focus", query="How is a greeting built?", budget=120).structured_content

    first = asked()
    server.call("focus", query="test_greeting Ada", budget=120)
    assert asked() == first


def test_a_hash_is_that_of_the_lines_as_they_are(server):
    read = server.call("read", path="greeter/words.py", start=6, end=8).structured_content
    lines = (server.root / "greeter/words.py").read_bytes().splitlines(keepends=True)
    assert read["text"].encode() == b"".join(lines[5:8])
    assert read["hash"] == blake2b(b"".join(lines[5:8]), digest_size=16).hexdigest()[:16]
    assert (read["start_line"], read["end_line"], read["file_lines"]) == (6, 8, 8)
    assert read["next_line"] is None


def test_a_definition_is_read_by_its_name(server):
    read = server.call("read", path="greeter/greet.py", symbol="Greeter.greet").structured_content
    assert (read["start_line"], read["end_line"]) == (12, 14)


def test_a_folder_is_outlined_and_a_file_by_its_definitions(server):
    root = server.call("outline").structured_content
    assert {child["path"] for child in root["children"]} >= {"greeter", "README.md"}
    assert "link.txt" not in str(root)
    file = server.call("outline", path="greeter/greet.py").structured_content
    assert [each["name"] for each in file["definitions"]] == [
        "Greeter",
        "Greeter.__init__",
        "Greeter.greet",
    ]


def test_the_state_counts_what_is_left_out(server):
    status = server.call("status").structured_content
    assert status["root"] == str(server.root)
    assert status["fresh"]
    assert {"reason": "secret by its name", "files": 1} in status["left_out"]


@pytest.mark.parametrize(
    ("tool", "arguments", "mend"),
    [
        ("focus", {}, "`query` is missing"),
        ("focus", {"query": " "}, "`query` is empty"),
        ("focus", {"query": "x", "budget": 1}, "a whole number from 64 on"),
        ("focus", {"query": "x", "budget": 10**9}, "at most 200,000"),
        ("focus", {"query": "x" * 2_000_000}, "at most 1,000,000"),
        ("search", {"query": ["a", "list"]}, "it must be a text"),
        ("search", {"query": "x", "path": "nowhere"}, "no nowhere in the memory"),
        ("search", {"query": "x", "limit": "many"}, "a whole number"),
        ("read", {"path": "greeter"}, "is a folder"),
        ("read", {"path": "words.py"}, "did you mean greeter/words.py"),
        ("read", {"path": "greeter/words.py", "start": 90}, "has 8 lines"),
        ("read", {"path": "greeter/words.py", "start": 5, "end": 2}, "before `start`"),
        ("read", {"path": "greeter/words.py", "symbol": "wordfor"}, "did you mean word_for"),
        ("read", {"path": "greeter/words.py", "start": -3}, "from 1 on"),
        ("outline", {"path": "\x00"}, "in the memory"),
        ("nonsense", {}, "there are focus, search"),
    ],
)
def test_a_call_that_cannot_be_answered_says_how_to_mend_it(server, tool, arguments, mend):
    answer = server.call(tool, **arguments)
    assert answer.is_error
    assert mend in answer.content[0].text


def test_names_that_other_agents_use_are_understood(server):
    answer = server.call("read", file_path="./greeter/words.py", offset="2", nonsense=1)
    assert answer.structured_content["start_line"] == 2
    assert "took `file_path` for `path`" in answer.structured_content["notice"]


@pytest.mark.parametrize(
    "path",
    [
        "keys/.env",
        "../outside.txt",
        "/etc/hostname",
        "link.txt",
        "ignored/notes.txt",
        ".megacontext/catalogue.db",
        "greeter/../../outside.txt",
        "a\0b",
    ],
)
def test_nothing_is_told_of_secrets_nor_of_what_lies_outside(server, path):
    for tool in ("read", "outline"):
        answer = server.call(tool, path=path)
        assert answer.is_error
        for private in ("hunter2", "private words", "nobody reads this"):
            assert private not in answer.content[0].text


def test_no_search_finds_a_secret(server):
    found = server.call("search", query="hunter2").structured_content
    assert not (found["definitions"] or found["files"] or found["matches"])
    focused = server.call("focus", query="the PASSWORD hunter2 in .env").structured_content
    assert "hunter2-hunter2" not in focused["text"]
