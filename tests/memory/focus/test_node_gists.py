"""First slots of real stored gists, for every kind of node."""

import numpy as np
import pytest

from megacontext.memory.focus import GIST_LEVELS, ROOT, Node, TreeView
from megacontext.memory.focus.node import BLOCK, CHUNK, DIRECTORY, FILE, TOKENS
from megacontext.memory.focus.node_gists import NodeGists
from megacontext.memory.focus.stored_gists import StoredGists
from tests.memory.workbench import SPEC, SumGister, module, write_files


@pytest.fixture
def gisted(root, memory):
    write_files(root, {"a.py": module("a", 9), "b/c.py": module("c", 2), "b/empty.py": ""})
    memory.writer.reconcile()
    memory.gisting(SumGister()).run()
    return memory


def tree_of(memory) -> TreeView:
    return TreeView(memory.catalogue, GIST_LEVELS, StoredGists(memory).blocks)


def rows_of(memory, node):
    return memory.store.known([node.digest])[node.digest]


def test_every_level_has_its_own_row(gisted):
    tree, gists = tree_of(gisted), NodeGists(gisted)
    chunk = tree.node_at("a.py", 6)
    blocks = tree.children(chunk)
    assert {node.level for node in blocks} == {BLOCK} and len(blocks) > 1
    tokens = tree.children(blocks[1])[0]
    whole = chunk._replace(level=TOKENS)
    nodes = [
        blocks[1], tokens, chunk, whole, Node(FILE, "a.py"), Node(DIRECTORY, "b"), ROOT, blocks[0]
    ]  # fmt: skip
    block, of_tokens, of_chunk, of_whole, file, folder, root, first = gists.first_slots(nodes)
    store, rows = gisted.store, rows_of(gisted, chunk)
    width = SPEC.width
    assert np.array_equal(block, store.block_gists(rows)[1, :width])
    assert np.array_equal(first, store.block_gists(rows)[0, :width])
    assert np.array_equal(of_chunk, store.chunk_gists(rows)[0, :width])
    assert np.array_equal(of_tokens, block) and np.array_equal(of_whole, of_chunk)
    for row, path, directory in ((file, "a.py", False), (folder, "b", True), (root, "", True)):
        key = store.path_key(1, path, directory=directory)[0]
        assert np.array_equal(row, store.node_gist(key)[0, :width])
    assert gists.first_slots([]).shape == (0, width)


def test_what_has_no_gist_is_zeros(root, gisted):
    tree, gists = tree_of(gisted), NodeGists(gisted)
    old = tree.node_at("a.py", 6)
    write_files(root, {"a.py": "# new\n" + module("z", 9)})
    gisted.writer.reconcile()
    tree.refresh()
    new = tree.node_at("a.py", 6)
    inner = Node(FILE, "a.py", fold=1, digest=b"x")
    unknown = Node(CHUNK, "no.py", digest=b"none")
    found = gists.first_slots([new, Node(FILE, "a.py"), ROOT, inner, unknown, old])
    assert not found[:5].any()
    assert found[5].any()


def test_damaged_rows_are_zeros_and_no_error(gisted):
    tree = tree_of(gisted)
    chunk = tree.node_at("b/c.py", 1)
    block = tree.children(chunk)[0]
    for level in (1, 2, 3):
        path = gisted.store.folder / f"L{level}.ctx"
        path.write_bytes(path.read_bytes()[:64] + b"\xaa" * (path.stat().st_size - 64))
    found = NodeGists(gisted).first_slots([block, chunk, Node(FILE, "b/c.py"), ROOT])
    assert not found[:3].any()
    assert found[3].any()
