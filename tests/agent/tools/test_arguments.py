"""Arguments as models write them: understood where that is plain, refused with what they must be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.tools.arguments import LONGEST_NAME, Argument, tool_spec, understand
from megacontext.agent.tools.base import Plan, ToolError

from .conftest import TOOLS

ARGUMENTS = (
    Argument("path", "string", "A file.", required=True, aliases=("file",)),
    Argument("code", "string", "Some code.", text=True),
    Argument("data", "string", "Some data.", text=True, structured=True),
    Argument("line", "integer", "A line."),
    Argument("all", "boolean", "Each.", default=False),
    Argument("mode", "string", "How.", choices=("fast", "slow"), default="fast"),
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "understood", "notes"),
    [
        ({"path": " a "}, {"path": "a"}, 0),
        ({"file": "a"}, {"path": "a"}, 1),
        ({"path": "a", "file": "b"}, {"path": "a"}, 1),
        ({"path": 3}, {"path": "3"}, 0),
        ({"path": "a", "line": "12"}, {"line": 12}, 0),
        ({"path": "a", "line": 12.0}, {"line": 12}, 0),
        ({"path": "a", "line": None}, {"line": None}, 0),
        ({"path": "a", "all": "True"}, {"all": True}, 0),
        ({"path": "a", "all": 0}, {"all": False}, 0),
        ({"path": "a", "mode": "SLOW "}, {"mode": "slow"}, 0),
        ({"path": "a", "code": ["x\n", "y"]}, {"code": "x\ny"}, 1),
        ({"path": "a", "data": {"k": [1]}}, {"data": '{\n  "k": [\n    1\n  ]\n}\n'}, 1),
        ({"path": "a", "code": "  kept "}, {"code": "  kept "}, 0),
        ({"path": "a", "new_thing": 1}, {"path": "a"}, 1),
    ],
)
def test_what_is_plain_is_understood(given, understood, notes):
    found = understand(given, ARGUMENTS)
    assert found.values.items() >= understood.items()
    assert len(found.notes) == notes


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "`path` is missing: A file. Given was nothing."),
        ({"pth": "a"}, "Given was pth."),
        ({"path": {"a": 1}}, "must be a text"),
        ({"path": True}, "must be a text"),
        ({"path": ["a"]}, "must be a text"),
        ({"path": "x" * (LONGEST_NAME + 1)}, "at most 4,000"),
        ({"path": "a", "code": "x" * 1_000_001}, "at most 1,000,000"),
        ({"path": "a", "code": {"a": 1}}, "must be a text"),
        ({"path": "a", "line": "twelve"}, "whole number from 1"),
        ({"path": "a", "line": 1.5}, "whole number"),
        ({"path": "a", "line": 0}, "whole number from 1"),
        ({"path": "a", "line": True}, "whole number"),
        ({"path": "a", "line": 10**30}, "whole number"),
        ({"path": "a", "line": "9" * 30}, "whole number"),
        ({"path": "a", "all": "maybe"}, "true or false"),
        ({"path": "a", "all": []}, "true or false"),
        ({"path": "a", "mode": "odd"}, "one of fast, slow"),
    ],
)
def test_what_is_not_is_refused(given, why):
    with pytest.raises(ToolError) as caught:
        understand(given, ARGUMENTS)
    assert why in str(caught.value)
    assert len(str(caught.value)) < 300


def test_models_are_told_a_schema():
    spec = tool_spec("tool", "Does.", ARGUMENTS)
    assert spec.parameters["required"] == ["path"]
    assert spec.parameters["properties"]["mode"]["enum"] == ["fast", "slow"]
    json.dumps(spec.parameters)


def test_the_tools_are_those_that_are_promised():
    assert list(TOOLS) == [
        "read", "search", "focus", "edit_symbol", "edit_text", "write", "run", "git",
    ]  # fmt: skip
    for tool in TOOLS.values():
        names = tool.spec.parameters["properties"]
        assert set(tool.spec.parameters["required"]) <= set(names)
        assert len(tool.spec.description) < 300


@given(tool=st.sampled_from(sorted(TOOLS)), given=st.dictionaries(
    st.sampled_from(["path", "symbol", "code", "old", "new", "content", "query", "target", "action", "what",
                     "command", "start", "end", "line", "limit", "revision", "all", "other"]),
    json_values, max_size=6))  # fmt: skip
def test_whatever_a_model_writes_is_planned_or_refused(tool, given, quiet_shop):
    used = TOOLS[tool]
    assert isinstance(used.subject(given), str)
    try:
        plan = used.plan(given, quiet_shop)
    except ToolError as exc:
        assert str(exc)
        return
    assert isinstance(plan, Plan)
    assert plan.tool == tool
