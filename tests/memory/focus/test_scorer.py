import numpy as np
import pytest

from megacontext.memory.focus import ROOT, FocusQuery, Node, Position
from megacontext.memory.focus.evidence import Evidence
from megacontext.memory.focus.features import COLUMN, FEATURES, FeatureTable
from megacontext.memory.focus.node import DIRECTORY, FILE
from megacontext.memory.focus.words import code_names, overlap, stems

from .conftest import Build
from .shelf import Shelf

QUERY = FocusQuery(
    "where is a long header of an email message folded?", at=Position("many/mod03.py", 4)
)


def feature(shelf: Shelf, query: FocusQuery, node: Node, column: str) -> float:
    return float(FeatureTable(Evidence(shelf.tree, query)).features([node])[0, COLUMN[column]])


def test_features_are_numbers_between_0_and_1_for_every_kind_of_node(library: Shelf):
    tree = library.tree
    nodes = [
        ROOT,
        Node(DIRECTORY, "many"),
        *tree.children(Node(DIRECTORY, "many")),
        Node(FILE, "big.py"),
    ]
    nodes += [
        *tree.children(Node(FILE, "big.py")),
        tree.node_at("mail/fold.py", 1),
        tree.node_at("many/mod03.py", 4),
    ]
    table = FeatureTable(Evidence(tree, QUERY)).features(nodes)
    assert table.shape == (len(nodes), len(FEATURES)) and table.dtype == np.float32
    assert (table >= 0).all() and (table <= 1).all()


@pytest.mark.parametrize("column", ["bm25", "defines", "near", "company"])
def test_a_coarse_node_has_the_largest_value_below_it(library: Shelf, column: str):
    tree = library.tree
    table = FeatureTable(Evidence(tree, QUERY))

    def column_of(node: Node) -> float:
        return float(table.features([node])[0, COLUMN[column]])

    for node in (ROOT, Node(DIRECTORY, "many"), Node(DIRECTORY, "mail"), Node(FILE, "big.py")):
        assert column_of(node) == pytest.approx(
            max(column_of(child) for child in tree.children(node)), abs=1e-6
        )


def test_names_used_at_the_cursor_lead_to_their_definitions_and_back(library: Shelf):
    query = FocusQuery(at=Position("many/mod03.py", 4))
    used = library.tree.node_at("many/mod04.py", 4)
    unused = library.tree.node_at("many/mod20.py", 4)
    assert (
        feature(library, query, used, "defines") > 0.5 > feature(library, query, unused, "defines")
    )
    caller = library.tree.node_at("many/mod02.py", 4)
    assert feature(library, query, caller, "uses") > 0.5 > feature(library, query, unused, "uses")
    assert feature(library, query, used, "imports") == 1.0


def test_nearness_falls_from_chunk_to_file_to_directory(library: Shelf):
    query = FocusQuery(at=Position("mail/fold.py", 2))
    places = [("mail/fold.py", 1), ("mail/fold.py", 5), ("mail/send.py", 1), ("big.py", 1)]
    values = [feature(library, query, library.tree.node_at(*place), "near") for place in places]
    assert values == sorted(values, reverse=True) and values[0] == 1.0 and values[-1] == 0.0


def test_what_the_session_touched_and_what_was_edited_after_the_rest_is_recent(library: Shelf):
    library.write("mail/send.py", ["def send(message, server):\n    return None\n"], mtime=10**15)
    library.tree.refresh()
    query = FocusQuery(
        "message email header send", recent=("mail/fold.py",), accesses=(("mail/fold.py", 2),)
    )
    edited, touched = (
        library.tree.node_at("mail/send.py", 1),
        library.tree.node_at("mail/fold.py", 1),
    )
    assert feature(library, query, touched, "recent") == 1.0
    assert feature(library, query, touched, "accessed") == 0.75
    assert 0.0 < feature(library, query, edited, "recent") < 1.0


def test_a_checkout_makes_nothing_recent(library: Shelf):
    node = library.tree.node_at("mail/fold.py", 1)
    assert feature(library, QUERY, node, "recent") == 0.0


@pytest.mark.parametrize(
    ("text", "aside"), [("fold a header", 1.0), ("tests of fold a header", 0.0)]
)
def test_tests_stand_aside_unless_asked_for(library: Shelf, text: str, aside: float):
    node = library.tree.node_at("mail/tests/test_fold.py", 1)
    assert feature(library, FocusQuery(text), node, "aside") == aside


def test_scores_are_signed_and_the_best_chunk_carries_its_file_and_directories(library: Shelf):
    tree, scorer = library.tree, library.scorer
    best = tree.node_at("mail/fold.py", 1)
    query = FocusQuery("fold a long header of an email message")
    path = [ROOT, Node(DIRECTORY, "mail"), Node(FILE, "mail/fold.py"), best]
    scores = scorer.score(path, query)
    assert scores == pytest.approx([scores[0]] * 4) and scores[0] > 0
    assert (
        scorer.score(
            [tree.node_at("big.py", 1), Node(FILE, "big.py"), Node(DIRECTORY, "many")], query
        )
        < 0
    ).all()


def test_reasons_name_what_counts(library: Shelf):
    asked = library.scorer.reasons(
        library.tree.node_at("mail/fold.py", 1), FocusQuery("`fold_header` of a message")
    )
    assert any(reason.startswith("bm25 1.00") for reason in asked)
    assert "defines fold_header" in asked
    query = FocusQuery(at=Position("many/mod03.py", 4))
    near = library.scorer.reasons(library.tree.node_at("many/mod03.py", 7), query)
    assert "2 lines from the cursor" in near


@pytest.mark.parametrize(
    "query",
    [
        FocusQuery(""),
        FocusQuery("the of and"),
        FocusQuery('" OR * NEAR( ^'),
        FocusQuery("\x00 \ud800 \u202e"),
        FocusQuery("x" * 100_000),
        FocusQuery(at=Position("not/indexed.py", 10**9)),
        FocusQuery("fold", at=Position("mail/fold.py", -5), window="\n" * 1000),
    ],
)
def test_no_query_breaks_the_scorer(library: Shelf, query: FocusQuery):
    assert np.isfinite(library.scorer.score([ROOT, Node(FILE, "big.py")], query)).all()


def test_an_empty_repository_scores_too(build: Build):
    shelf = build({})
    assert shelf.scorer.score([ROOT], QUERY).shape == (1,)


def test_words_meet_across_spelling():
    assert stems("where are headers folded") & stems("HeaderFolder.fold_header") == {"head", "fold"}
    assert code_names("does `fold_header` call foldLine() or email.message, please?") == [
        "fold_header", "foldLine", "email", "message",
    ]  # fmt: skip
    assert overlap(stems("fold header"), stems("fold_header")) == 1.0
    assert overlap(stems(""), stems("fold_header")) == 0.0


def test_the_best_sums_of_a_source_are_told_without_what_depends_on_it(library: Shelf):
    query = FocusQuery("where is a long header of an email message folded?")
    best = library.scorer.best(query, 3)
    assert len(best) == 3 and best == sorted(best, reverse=True)
    node = library.tree.node_at("mail/fold.py", 1)
    assert library.scorer.score([node], query)[0] < best[0]
