import pytest

from megacontext.memory.focus import ROOT, Cut, FocusQuery, Node, TextCodec, WorkingEntry, focus
from megacontext.memory.focus.node import CHUNK, DIRECTORY, FILE, TOKENS
from megacontext.models.base import Special, Text, Tokens

from .shelf import Shelf, WordCounter, WordTokens


def shown(cut: Cut) -> list[WorkingEntry]:
    """Entries of a hand-made cut, without scores."""
    return [
        WorkingEntry(
            node,
            node.level,
            cost,
            0.0,
            (),
            node.path,
            *cut.tree.span(node),
            silent=False,
            pinned=False,
        )
        for node, cost in zip(cut.spoken, cut.costs(), strict=True)
    ]


def cut_with(shelf: Shelf, *nodes: Node) -> Cut:
    cut = Cut(shelf.tree, shelf.codec)
    for node in nodes:
        cut.reveal(node)
        cut.speak(node)
    return cut


def verbatim(shelf: Shelf, path: str, line: int) -> Node:
    return shelf.tree.node_at(path, line)._replace(level=TOKENS)


def test_each_level_has_its_own_short_form(library: Shelf):
    fold = library.tree.node_at("mail/fold.py", 1)
    many = Node(DIRECTORY, "many")
    send = Node(FILE, "mail/send.py")
    text = library.codec.render(shown(cut_with(library, fold, many, send))).text
    assert "### mail/fold.py\ndef fold_header(line):\n" in text
    assert "### mail/send.py\ndef send(message, server):\n" in text
    assert "many/: mod00.py, mod01.py" in text and "28 more" in text
    assert "return" not in text


def test_a_file_header_stands_once_and_gaps_between_verbatim_chunks_are_shown(library: Shelf):
    cut = cut_with(library, *(verbatim(library, "big.py", line) for line in (1, 4, 13)))
    text = library.codec.render(shown(cut)).text
    assert text.count("### big.py") == 1
    assert text.count("...\n") == 1
    assert text.index("def big1") < text.index("...") < text.index("def big4")


@pytest.mark.parametrize("separated", [False, True])
def test_the_cost_is_what_the_prompt_takes(library: Shelf, separated: bool):
    counter = WordCounter()
    codec = TextCodec(
        library.tree, WordTokens(library.texts), counter, library.read, separated=separated
    )
    found = focus(
        library.tree,
        FocusQuery("fold a header of an email message", budget=300),
        codec,
        library.scorer,
    )
    size = {
        Special: lambda part: 1,
        Text: lambda part: counter.count(part.text),
        Tokens: lambda part: len(part.ids),
    }
    segments = codec.render(found.in_order).segments
    assert sum(size[type(part)](part) for part in segments) == found.total_cost > 0
    assert (Special("file_sep") in segments) == separated


def test_rendering_is_deterministic_and_in_reading_order(library: Shelf):
    query = FocusQuery("work3 work4 fold header", budget=500)
    found = focus(library.tree, query, library.codec, library.scorer)
    first = library.codec.render(found.in_order)
    second = library.codec.render(
        focus(library.tree, query, library.codec, library.scorer).in_order
    )
    assert first.text == second.text
    places = [(item.entry.path, item.entry.start_line) for item in first.shown]
    assert places == sorted(places)


@pytest.mark.parametrize("fate", ["edited", "cut short", "deleted"])
def test_stale_text_is_named_and_never_served(library: Shelf, fate: str):
    cut = cut_with(
        library, verbatim(library, "mail/fold.py", 5), verbatim(library, "mail/send.py", 1)
    )
    file = library.root / "mail/fold.py"
    if fate == "deleted":
        file.unlink()
    else:
        data = file.read_bytes()
        file.write_bytes(data[:-4] if fate == "cut short" else data.replace(b"strip", b"lower"))
    rendering = library.codec.render(shown(cut))
    assert rendering.stale == ("mail/fold.py",)
    assert "unfold" not in rendering.text and "def send" in rendering.text


def test_an_edit_elsewhere_in_the_file_that_moves_nothing_is_not_stale(library: Shelf):
    cut = cut_with(library, verbatim(library, "mail/fold.py", 1))
    file = library.root / "mail/fold.py"
    file.write_bytes(file.read_bytes() + b"\n# more\n")
    assert library.codec.render(shown(cut)).stale == ()


def test_counts_are_asked_for_once(library: Shelf):
    calls: list[str] = []

    class Counting(WordCounter):
        def count(self, text: str) -> int:
            calls.append(text)
            return super().count(text)

    codec = TextCodec(library.tree, WordTokens(library.texts), Counting(), library.read)
    query = FocusQuery("fold header", budget=200)
    focus(library.tree, query, codec, library.scorer)
    before = len(calls)
    focus(library.tree, query, codec, library.scorer)
    assert len(calls) == before > 0
    assert len(set(calls)) == len(calls)


def test_the_root_alone_is_one_line(library: Shelf):
    assert library.codec.render(shown(cut_with(library, ROOT))).text == "./: big.py, mail/, many/\n"


def test_machine_made_signatures_are_cut(library: Shelf):
    library.write("wild.py", ["def wild(" + "x, " * 5000 + "):\n    pass\n"])
    library.tree.refresh()
    node = library.tree.node_at("wild.py", 1)
    assert node.level == CHUNK
    assert library.codec.cost(node, None) < 400


def test_a_reader_can_tell_where_something_was_left_out(library: Shelf):
    tree = library.tree
    nodes = [
        verbatim(library, "big.py", 1),
        verbatim(library, "big.py", 4),
        tree.node_at("big.py", 7),
        tree.node_at("big.py", 10),
        verbatim(library, "big.py", 13),
        verbatim(library, "big.py", 22),
    ]
    text = library.codec.render(shown(cut_with(library, *nodes))).text
    body = "### big.py\n" + "".join(
        f"def big{n}():\n    return {n}\n\n" if isinstance(n, int) else n
        for n in (0, 1, "...\ndef big2():\ndef big3():\n...\n", 4, "...\n", 7)
    )
    assert text == body


def test_line_numbers_stand_behind_paths_and_gaps(library: Shelf):
    codec = TextCodec(
        library.tree, WordTokens(library.texts), WordCounter(), library.read, numbered=True
    )
    cut = Cut(library.tree, codec)
    for node in (
        verbatim(library, "big.py", 4),
        verbatim(library, "big.py", 7),
        library.tree.node_at("big.py", 10),
        library.tree.node_at("big.py", 13),
        verbatim(library, "big.py", 31),
    ):
        cut.reveal(node)
        cut.speak(node)
    text = codec.render(shown(cut)).text
    assert text.startswith("### big.py:4\ndef big1():")
    numbers = [line for line in text.split("\n") if line.startswith("...")]
    assert numbers == ["... line 10", "... line 13", "... line 31"]
    assert (
        sum(WordCounter().count(item.text) for item in codec.render(shown(cut)).shown) == cut.total
    )


@pytest.mark.parametrize("separated", [False, True])
def test_a_text_without_a_last_line_end_runs_into_nothing(library: Shelf, separated: bool):
    library.write("a/one.py", ["value = 1"])
    library.write("a/two.py", ["value = 2"])
    library.tree.refresh()
    codec = TextCodec(
        library.tree, WordTokens(library.texts), WordCounter(), library.read, separated=separated
    )
    cut = Cut(library.tree, codec)
    for node in (
        verbatim(library, "a/one.py", 1),
        verbatim(library, "a/two.py", 1),
        Node(DIRECTORY, "many"),
    ):
        cut.reveal(node)
        cut.speak(node)
    text = codec.render(shown(cut)).text
    mark = "<|file_sep|>" if separated else "\n### "
    assert (
        f"value = 1{mark}a/two.py\nvalue = 2{'<|file_sep|>' if separated else chr(10)}many/: "
        in text
    )


def test_a_method_by_itself_says_whose_it_is(library: Shelf):
    library.write("c.py", ["class Whole:\n", "    def part(self):\n        pass\n"])
    library.db.execute("UPDATE chunks SET symbol = 'Whole.part' WHERE symbol = 'part'")
    library.tree.refresh()
    codec = TextCodec(
        library.tree, WordTokens(library.texts), WordCounter(), library.read, numbered=True
    )
    cut = Cut(library.tree, codec)
    node = verbatim(library, "c.py", 2)
    cut.reveal(node)
    cut.speak(node)
    assert codec.render(shown(cut)).text.startswith("### c.py:2 (in Whole)\n    def part(self):")
