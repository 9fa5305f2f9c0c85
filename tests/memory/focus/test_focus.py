from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.configs.errors import FocusError
from megacontext.memory.focus import (
    GIST_LEVELS,
    ROOT,
    Focused,
    FocusQuery,
    FocusSettings,
    Node,
    Position,
    Span,
    TreeView,
    all_entries,
    focus,
)
from megacontext.memory.focus.features import Array
from megacontext.memory.focus.node import BLOCK, CHUNK, TOKENS

from .conftest import Build
from .shelf import Shelf
from .test_cut import SlotCodec, assert_sound

MAIL = "where is a long header of an email message folded"


class ByRule:
    """A scorer that a test decides."""

    def __init__(self, rule: Callable[[Node], float]) -> None:
        self.rule = rule

    def score(self, nodes: Sequence[Node], query: FocusQuery) -> Array:
        return np.array([self.rule(node) for node in nodes], dtype=np.float32)

    def reasons(self, node: Node, query: FocusQuery) -> tuple[str, ...]:
        return ()


def ask(shelf: Shelf, query: FocusQuery, previous: Focused | None = None, **kwargs) -> Focused:
    found = focus(shelf.tree, query, shelf.codec, shelf.scorer, previous and previous.cut, **kwargs)
    assert_sound(found.cut)
    assert found.total_cost == sum(entry.cost for entry in found.entries) <= query.budget
    return found


def symbols(shelf: Shelf, found: Focused) -> list[str]:
    return [shelf.tree.chunk(entry.node).symbol for entry in found.entries if entry.level == TOKENS]


def test_what_is_asked_for_comes_first_and_verbatim(library: Shelf):
    found = ask(library, FocusQuery(MAIL, budget=200))
    assert symbols(library, found)[0] == "fold_header"
    assert "Fold a long header" in library.codec.render(found.in_order).text
    scores = [entry.score for entry in found.entries if entry.level == TOKENS]
    assert scores == sorted(scores, reverse=True)


def test_a_deep_chunk_is_reached_without_paying_for_its_siblings(library: Shelf):
    found = ask(library, FocusQuery("`big137`", budget=20))
    assert symbols(library, found) == ["big137"]


def test_the_cursor_brings_its_surroundings_and_what_it_uses(library: Shelf):
    found = ask(library, FocusQuery(at=Position("many/mod03.py", 4), budget=120))
    assert {"work3", "work4"} <= set(symbols(library, found))


def test_what_the_prompt_holds_already_is_not_rendered(library: Shelf):
    query = FocusQuery(
        at=Position("many/mod03.py", 4), exclude=(Span("many/mod03.py", 1, 6),), budget=500
    )
    found = ask(library, query, ask(library, FocusQuery(at=query.at, budget=500)))
    lines = [
        range(entry.start_line, entry.end_line + 1)
        for entry in found.entries
        if entry.path == "many/mod03.py"
    ]
    assert found.entries and not any(line <= 6 for span in lines for line in span)


def test_pins_come_before_all_else_and_say_so(library: Shelf):
    pins = (Span("big.py", 1, 3), Span("gone.py"))
    found = ask(library, FocusQuery(MAIL, budget=30, pins=pins))
    pinned = [entry for entry in found.entries if entry.pinned]
    assert [library.tree.chunk(entry.node).symbol for entry in pinned] == ["big0", "big1"] or len(
        pinned
    ) == 1
    assert all(entry.reasons[0] == "pinned" for entry in pinned)


def test_pins_that_do_not_fit_are_left_out(library: Shelf):
    found = ask(library, FocusQuery(budget=100, pins=(Span("big.py"),)))
    assert 0 < len([entry for entry in found.entries if entry.pinned]) < 200


@pytest.mark.parametrize("budget", [0, 1, 3])
def test_a_budget_that_fits_nothing_gives_nothing(library: Shelf, budget: int):
    found = ask(library, FocusQuery(MAIL, budget=budget))
    assert found.entries == () and library.codec.render(found.in_order).text == ""


@pytest.mark.parametrize("budget", [-1, 1 << 40])
def test_a_nonsense_budget_is_refused(budget: int):
    with pytest.raises(FocusError, match=f"budget is {budget}"):
        FocusQuery(MAIL, budget=budget)


def test_without_any_question_the_root_is_shown(library: Shelf):
    (entry,) = ask(library, FocusQuery(budget=100)).entries
    assert entry.node == ROOT


def test_an_empty_repository_gives_nothing(build: Callable[..., Shelf]):
    assert ask(build({}), FocusQuery(MAIL)).entries == ()


def test_with_room_for_all_and_all_wanted_every_leaf_is_verbatim(library: Shelf):
    found = focus(library.tree, FocusQuery(budget=1 << 20), library.codec, ByRule(lambda node: 1.0))
    assert {node.level for node in found.cut} == {TOKENS}
    text = library.codec.render(found.in_order).text
    assert all(chunk in text for chunk in library.texts.values())


def test_all_entries_cover_everything_in_order(library: Shelf):
    found = ask(library, FocusQuery(MAIL, budget=100))
    entries = all_entries(found)
    assert [entry.node for entry in entries] == list(found.cut)
    assert sum(entry.cost for entry in entries) == found.total_cost
    assert all(entry.silent == (entry.cost == 0) for entry in entries)


# Refocusing


def test_the_same_query_again_changes_nothing(library: Shelf):
    query = FocusQuery(MAIL, at=Position("many/mod03.py", 4), budget=300)
    first = ask(library, query)
    second = ask(library, query, first)
    assert second.cut.spoken == first.cut.spoken
    assert second.changes.expanded == second.changes.collapsed == ()


def test_a_new_question_drops_what_no_longer_matters(library: Shelf):
    first = ask(library, FocusQuery("`big3` `big4`", budget=60))
    second = ask(library, FocusQuery(MAIL, budget=60), first)
    assert symbols(library, second)[0] == "fold_header"
    assert not any(name.startswith("big") for name in symbols(library, second))
    assert {node.path for node in second.changes.collapsed} == {"big.py"}
    assert "mail/fold.py" in {node.path for node in second.changes.expanded}


def test_a_smaller_budget_keeps_the_best(library: Shelf):
    first = ask(library, FocusQuery(MAIL, budget=400))
    second = ask(library, FocusQuery(MAIL, budget=45), first)
    assert symbols(library, second)[0] == "fold_header"
    assert len(second.entries) < len(first.entries)


def test_a_slightly_better_newcomer_displaces_nothing_but_a_much_better_one_does(library: Shelf):
    def favours(best: str, score: float) -> ByRule:
        def rule(node: Node) -> float:
            if node.level > 2 or node.path != "big.py":
                return 3.0 if node.path in ("", "big.py") else -1.0
            name = library.tree.chunk(node).symbol
            return score if name == best else 1.0 if name == "big0" else -1.0

        return ByRule(rule)

    room_for_one = FocusQuery(budget=16)
    quiet = FocusSettings(overview=0.0, margin=0.2)
    first = focus(library.tree, room_for_one, library.codec, favours("", 0.0), settings=quiet)
    assert symbols(library, first) == ["big0"]
    little = focus(
        library.tree, room_for_one, library.codec, favours("big9", 1.1), first.cut, quiet
    )
    assert symbols(library, little) == ["big0"]
    much = focus(library.tree, room_for_one, library.codec, favours("big9", 2.0), first.cut, quiet)
    assert symbols(library, much) == ["big9"]


def test_at_a_cursor_what_stands_resists_and_room_is_filled(library: Shelf):
    def scores(**named: float) -> ByRule:
        def rule(node: Node) -> float:
            if node.level > 2 or node.path != "big.py":
                return 3.0 if node.path in ("", "big.py") else -1.0
            return named.get(library.tree.chunk(node).symbol, -1.0)

        return ByRule(rule)

    def shown(query: FocusQuery, previous: Focused | None = None, **named: float) -> Focused:
        before = previous.cut if previous else None
        return focus(library.tree, query, library.codec, scores(**named), before, quiet)

    quiet = FocusSettings(overview=0.0, cursor_minimum=-0.3, cursor_stay=0.8)
    cursor, question = FocusQuery(at=Position("a.py", 1), budget=16), FocusQuery(budget=16)
    first = shown(cursor, big0=0.1)
    assert symbols(library, first) == ["big0"]
    assert symbols(library, shown(cursor, first, big0=0.0, big9=0.5)) == ["big0"]
    assert symbols(library, shown(cursor, first, big0=0.0, big9=2.0)) == ["big9"]
    assert symbols(library, shown(question, first, big0=0.0, big9=0.5)) == ["big9"]
    # What is only likely of use fills a room that is empty at a cursor, and answers no question.
    assert symbols(library, shown(cursor, big0=-0.2)) == ["big0"]
    assert symbols(library, shown(question, big0=-0.2)) == []
    assert symbols(library, shown(cursor, big0=-0.4)) == []
    # Nothing stays for ever.
    assert symbols(library, shown(cursor, first, big0=-1.2)) == []


def test_refocusing_after_an_edit_never_serves_the_old_text(library: Shelf):
    query = FocusQuery(MAIL, budget=200)
    first = ask(library, query)
    edited = 'def fold_header(line):\n    """Fold a header of an email message anew."""\n    return None\n\n'
    library.write("mail/fold.py", ["import re\n\n", edited])
    second = ask(library, query, first)
    rendering = library.codec.render(second.in_order)
    assert rendering.stale == () and "anew" in rendering.text and "unfold" not in rendering.text


# Whatever the scorer says


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 10**6),
    budgets=st.lists(st.integers(0, 900), min_size=1, max_size=4),
    bias=st.sampled_from([-0.5, 0.0, 0.5]),
    gists=st.booleans(),
)
def test_any_scores_give_a_sound_cut_within_any_budget(
    library: Shelf, seed: int, budgets: list[int], bias: float, gists: bool
):
    tree = TreeView(library.catalogue, GIST_LEVELS, lambda chunk: 3) if gists else library.tree
    codec = SlotCodec() if gists else library.codec
    previous = None
    for turn, budget in enumerate(budgets):
        scorer = ByRule(
            lambda node, turn=turn: crc32(repr((node, seed, turn)).encode()) % 1000 / 500 - 1 + bias
        )
        found = focus(tree, FocusQuery(budget=budget), codec, scorer, previous)
        assert_sound(found.cut)
        assert found.total_cost <= budget
        previous = found.cut


def test_a_gist_codec_refines_single_blocks(library: Shelf):
    tree = TreeView(library.catalogue, GIST_LEVELS, lambda chunk: 3)

    def rule(node: Node) -> float:
        if node.level == BLOCK:
            return 1.0 if node.block == 1 else -1.0
        return 1.0 if node.path in ("", "mail", "mail/send.py") else -1.0

    found = focus(tree, FocusQuery(budget=100), SlotCodec(), ByRule(rule))
    send = [(node.level, node.block) for node in found.cut.spoken if node.path == "mail/send.py"]
    assert send == [(BLOCK, 0), (TOKENS, 1), (BLOCK, 2)]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("overview", 1.0),
        ("margin", -0.1),
        ("step", 0),
        ("rounds", 0),
        ("brevity", -1.0),
        ("cursor_stay", -1.0),
    ],
)
def test_settings_that_make_no_sense_name_themselves(setting: str, value: float):
    with pytest.raises(ValueError, match=f"focus.{setting} is {value}"):
        FocusSettings(**{setting: value})


def test_signatures_of_the_best_chunks_come_first_where_breadth_is_wanted(build: Build):
    chunks = [f"def fold{n}(header):\n" + "    header.folded()\n" * 16 for n in range(4)]
    others = {f"x{n}.py": ["def other():\n    pass\n"] for n in range(12)}
    shelf = build({"fold.py": chunks, **others})
    query = FocusQuery("where is a header folded?", budget=105)

    def levels(breadth: int) -> list[int]:
        settings = FocusSettings(overview=0.5, breadth=breadth)
        found = focus(shelf.tree, query, shelf.codec, shelf.scorer, settings=settings)
        assert found.total_cost <= query.budget
        return sorted(entry.level for entry in found.entries)

    assert levels(0)[0] == TOKENS and len(levels(0)) < 4
    assert levels(4) == [CHUNK] * 4
