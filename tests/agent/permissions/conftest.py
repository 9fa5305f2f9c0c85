"""Plans to decide on."""

import pytest

from megacontext.agent.edits.change import Change
from megacontext.agent.tools.base import Plan


def run_plan(command: str, tool: str = "run") -> Plan:
    return Plan(tool=tool, action="run", subject=command, summary=command)


def edit_plan(*paths: str, tool: str = "write") -> Plan:
    changes = tuple(Change(path, None, b"x") for path in paths)
    return Plan(tool=tool, action="edit", subject=paths[0], summary="edit", changes=changes)


def read_plan(path: str, tool: str = "read") -> Plan:
    return Plan(tool=tool, action="read", subject=path, summary="read")


def call_plan(tool: str, subject: str = "") -> Plan:
    return Plan(tool=tool, action="call", subject=subject, summary="call")


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
