"""Nodes of the tree as resources."""

import pytest
from mcp.shared.exceptions import MCPError

from megacontext.agent.engine import Engine
from megacontext.agent.mcp import resources
from megacontext.agent.mcp.lending import Lender
from megacontext.agent.opening import Workplace


def test_files_are_listed_and_read_with_their_place(server):
    async def work(client):
        listed = await client.list_resources()
        uri = next(each.uri for each in listed.resources if each.name == "greeter/words.py")
        return listed, await client.read_resource(uri)

    listed, read = server.ask(work)
    assert ".env" not in str(listed)
    content = read.contents[0]
    assert content.text == (server.root / "greeter/words.py").read_text()
    assert content.meta["megacontext/path"] == "greeter/words.py"
    assert (content.meta["megacontext/startLine"], content.meta["megacontext/endLine"]) == (1, 8)
    assert content.meta["megacontext/hash"]


def test_templates_lead_to_outlines_and_to_parts_by_their_hash(server):
    async def work(client):
        templates = (await client.list_resource_templates()).resource_templates
        found = (await client.call_tool("search", {"query": "word_for"})).structured_content
        place = found["definitions"][0]
        part = await client.read_resource(f"megacontext://part/{place['hash']}/{place['path']}")
        outline = await client.read_resource("megacontext://outline/greeter/greet.py")
        return templates, part, outline

    templates, part, outline = server.ask(work)
    assert [each.uri_template for each in templates] == [
        "megacontext://file/{+path}",
        "megacontext://outline/{+path}",
        "megacontext://part/{hash}/{+path}",
    ]
    assert "def word_for" in part.contents[0].text
    assert "class Greeter" in outline.contents[0].text


@pytest.mark.parametrize(
    "uri",
    [
        "megacontext://file/keys/.env",
        "megacontext://file/../outside.txt",
        "megacontext://file/%2e%2e/outside.txt",
        "megacontext://file//etc/hostname",
        "megacontext://part/0000000000000000/greeter/words.py",
        "megacontext://outline/nowhere",
        "file:///etc/hostname",
        "nonsense",
    ],
)
def test_what_is_no_resource_is_refused(server, uri):
    async def work(client):
        with pytest.raises(MCPError) as refused:
            await client.read_resource(uri)
        return str(refused.value)

    told = server.ask(work)
    assert "private words" not in told
    assert "hunter2" not in told


def test_long_lists_come_in_pages(lent, monkeypatch):
    monkeypatch.setattr(resources, "PAGE", 3)
    workplace = Workplace.at(lent, {"model.name": "pocket"})
    with workplace.open_memory(write=True) as memory:
        memory.writer.reconcile()
        lender, after, names = Lender(Engine(workplace, memory)), "", []
        while after is not None:
            page, after = resources.listed(lender, after)
            assert len(page) <= 3
            names += [each.name for each in page]
    assert names == [
        "outline of the repository",
        ".gitignore",
        "README.md",
        "greeter/__init__.py",
        "greeter/greet.py",
        "greeter/words.py",
        "tests/test_greet.py",
    ]
