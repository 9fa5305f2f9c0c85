from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.configs.errors import FocusError
from megacontext.memory.focus import GIST_LEVELS, ROOT, Cut, Node, TreeView
from megacontext.memory.focus.cut import carried
from megacontext.memory.focus.node import TOKENS, reading_key

from .shelf import Shelf

FILES = {
    "a/one.py": ["def f():\n    return 1\n", "def g():\n    return f()\n"],
    "a/two.py": [f"def h{n}():\n    return {n}\n" for n in range(40)],
    "b.py": ["x = 1\n"],
}


class SlotCodec:
    """A codec in the manner of gists: fixed slots an entry, two positions a file header."""

    levels = GIST_LEVELS

    def prepare(self, nodes: Sequence[Node]) -> None:
        pass

    def cost(self, node: Node, after: Node | None) -> int:
        header = 2 * (after is None or after.path != node.path)
        return header + (32 if node.level == TOKENS else 4)


@pytest.fixture(scope="module", params=["text", "gist"])
def blank(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    shelf = Shelf(Path(tmp_path_factory.mktemp("cut")), FILES)
    if request.param == "text":
        yield Cut(shelf.tree, shelf.codec)
    else:
        yield Cut(TreeView(shelf.catalogue, GIST_LEVELS, lambda chunk: 2), SlotCodec())
    shelf.close()


def leaves(tree: TreeView, node: Node) -> list[Node]:
    below = tree.children(node)
    return [leaf for child in below for leaf in leaves(tree, child)] if below else [node]


def assert_sound(cut: Cut) -> None:
    entries = list(cut)
    assert [leaf for node in entries for leaf in leaves(cut.tree, node)] == leaves(cut.tree, ROOT)
    assert all(node in cut for node in entries)
    assert list(cut.spoken) == [node for node in entries if cut.is_spoken(node)]
    assert list(cut.spoken) == sorted(cut.spoken, key=reading_key)
    assert cut.total == sum(cut.costs()) >= 0


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_any_sequence_of_legal_actions_keeps_an_exact_cover_and_an_exact_cost(
    blank: Cut, data: st.DataObject
):
    cut = blank.copy()
    for _ in range(data.draw(st.integers(0, 25))):
        before = cut.total
        entries, opened = list(cut), [node for node in sorted(cut.opened) if cut.can_collapse(node)]
        expandable = [node for node in entries if cut.can_expand(node)]
        action = data.draw(
            st.sampled_from(["expand", "show", "speak", "hush", "collapse", "reveal"])
        )
        if action in ("expand", "show") and expandable:
            node = data.draw(st.sampled_from(expandable))
            price = cut.price_of_expanding(node)
            cut.expand(node, speak=action == "show")
            assert action == "expand" or cut.total == before + price
        elif action == "speak":
            node = data.draw(st.sampled_from(entries))
            price = cut.price_of_speaking(node)
            cut.speak(node)
            assert cut.total == before + price
        elif action == "hush":
            cut.hush(data.draw(st.sampled_from(entries)))
        elif action == "collapse" and opened:
            node = data.draw(st.sampled_from(opened))
            price = cut.price_of_collapsing(node)
            cut.collapse(node)
            assert cut.total == before + price
        elif action == "reveal":
            cut.reveal(data.draw(st.sampled_from(leaves(cut.tree, ROOT))))
        assert_sound(cut)
    spoken = cut.spoken
    cut.tidy()
    assert cut.spoken == spoken
    assert_sound(cut)
    again = carried(cut, cut.tree, cut.codec)
    assert (again.spoken, again.total, again.opened) == (cut.spoken, cut.total, cut.opened)


def test_a_new_cut_is_the_silent_root(blank: Cut):
    assert list(blank) == [ROOT]
    assert blank.spoken == () and blank.total == 0


@pytest.mark.parametrize("action", ["expand", "collapse", "speak", "hush"])
def test_an_illegal_action_is_refused_and_changes_nothing(blank: Cut, action: str):
    cut = blank.copy()
    outside = Node(3, "b.py")
    with pytest.raises(FocusError, match=r"b\.py"):
        getattr(cut, action)(outside)
    assert list(cut) == [ROOT]


def test_leaves_cannot_be_expanded_nor_nodes_collapsed_over_opened_children(blank: Cut):
    cut = blank.copy()
    leaf = leaves(cut.tree, ROOT)[0]
    cut.reveal(leaf)
    assert not cut.can_expand(leaf)
    with pytest.raises(FocusError):
        cut.collapse(ROOT)
    assert_sound(cut)


def test_a_copy_is_independent(blank: Cut):
    cut = blank.copy()
    twin = cut.copy()
    twin.expand(ROOT, speak=True)
    assert list(cut) == [ROOT] and cut.total == 0 < twin.total


def test_a_cut_is_carried_over_an_edit_as_far_as_its_text_is_still_there(library: Shelf):
    tree = library.tree
    cut = Cut(tree, library.codec)
    for line in (1, 5):
        chunk = tree.node_at("mail/fold.py", line)
        cut.reveal(chunk)
        cut.expand(chunk, speak=True)
    library.write("mail/fold.py", ["import re\n\n", "def unfold(line):\n    return line.strip()\n"])
    tree.refresh()
    again = carried(cut, tree, library.codec)
    assert [tree.chunk(node).symbol for node in again.spoken] == ["unfold"]
    assert_sound(again)
