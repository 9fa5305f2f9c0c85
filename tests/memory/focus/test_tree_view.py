import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.configs.errors import FocusError
from megacontext.memory.focus import GIST_LEVELS, ROOT, Node, TreeView
from megacontext.memory.focus.node import BLOCK, CHUNK, DIRECTORY, FILE, TOKENS, reading_key

from .conftest import Build
from .shelf import Shelf


def all_below(tree: TreeView, node: Node) -> list[Node]:
    return [node, *(inner for child in tree.children(node) for inner in all_below(tree, child))]


def test_root_holds_directories_and_files_in_name_order(library: Shelf):
    assert [child.path for child in library.tree.children(ROOT)] == ["big.py", "mail", "many"]


def test_no_node_has_more_than_32_children_and_every_chunk_is_reached_once(library: Shelf):
    nodes = all_below(library.tree, ROOT)
    assert all(len(library.tree.children(node)) <= 32 for node in nodes)
    chunks = [(node.path, node.start) for node in nodes if node.level == CHUNK]
    assert len(chunks) == len(set(chunks)) == library.catalogue.counts()["chunks"]


def test_long_files_and_wide_directories_have_inner_nodes_of_their_own_level(library: Shelf):
    tree = library.tree
    assert {child.level for child in tree.children(Node(FILE, "big.py"))} == {FILE}
    assert {child.level for child in tree.children(Node(DIRECTORY, "many"))} == {DIRECTORY}
    part = tree.children(Node(FILE, "big.py"))[1]
    first, last = tree.span(part)
    chunks = tree.chunks(part)
    assert (first, last) == (chunks[0].start_line, chunks[-1].end_line)
    assert len(chunks) <= 32 < len(tree.chunks(Node(FILE, "big.py")))


def test_every_node_is_a_child_of_its_parent_even_when_asked_for_cold(library: Shelf):
    for node in all_below(library.tree, ROOT):
        cold = TreeView(library.catalogue)
        parent = cold.parent(node)
        assert (parent is None) == (node == ROOT)
        assert parent is None or node in cold.children(parent)


def test_leaves_in_tree_order_are_in_reading_order(library: Shelf):
    leaves = [node for node in all_below(library.tree, ROOT) if node.level == TOKENS]
    assert leaves == sorted(leaves, key=reading_key)


def test_blocks_lie_between_chunk_and_tokens_for_a_codec_that_shows_them(library: Shelf):
    tree = TreeView(library.catalogue, GIST_LEVELS, blocks=lambda chunk: 3)
    chunk = tree.node_at("mail/fold.py", 1)
    blocks = tree.children(chunk)
    assert [(node.level, node.block) for node in blocks] == [(BLOCK, 0), (BLOCK, 1), (BLOCK, 2)]
    (tokens,) = tree.children(blocks[1])
    assert (tokens.level, tokens.block) == (TOKENS, 1)
    assert TreeView(library.catalogue, GIST_LEVELS, lambda chunk: 3).path_to(tokens)[0] == ROOT


def test_a_position_finds_its_chunk_and_an_unknown_path_names_itself(library: Shelf):
    node = library.tree.node_at("mail/fold.py", 5)
    assert library.tree.chunk(node).symbol == "unfold"
    with pytest.raises(FocusError, match=r"gone\.py:3"):
        library.tree.node_at("gone.py", 3)


def test_refresh_sees_an_edit_and_match_finds_moved_text(library: Shelf):
    tree = library.tree
    old = tree.node_at("mail/fold.py", 5)
    library.write("mail/fold.py", ["import re\n\n", "def unfold(line):\n    return line.strip()\n"])
    tree.refresh()
    assert tree.match(old) == tree.node_at("mail/fold.py", 3)
    library.write("mail/fold.py", ["import re\n"])
    tree.refresh()
    assert tree.match(old) is None
    with pytest.raises(FocusError, match="focus again"):
        tree.chunk(old)


def test_an_empty_repository_is_a_root_without_children(build: Build):
    assert build({}).tree.children(ROOT) == ()


@given(
    st.sets(
        st.text("ab/", min_size=1, max_size=8).filter(lambda path: all(path.split("/"))),
        max_size=12,
    )
)
def test_reading_order_of_paths_is_the_order_of_their_parts(paths: set[str]):
    nodes = [Node(FILE, path) for path in paths]
    ordered = sorted(nodes, key=reading_key)
    assert [node.path.split("/") for node in ordered] == sorted(path.split("/") for path in paths)


def test_an_insertion_into_a_wide_directory_moves_few_borders(build: Build):
    files = {f"wide/file{number:03}.py": ["x = 1\n"] for number in range(300)}
    before = build(files)
    after = build({**files, "wide/file100b.py": ["x = 2\n"]})

    def groups(shelf: Shelf) -> set[frozenset[str]]:
        nodes = all_below(shelf.tree, Node(DIRECTORY, "wide"))
        return {
            frozenset(child.path for child in shelf.tree.children(node))
            for node in nodes
            if node.fold == 1
        }

    assert len(groups(after) - groups(before)) <= 3
