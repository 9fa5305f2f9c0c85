"""Three-way merging of texts: sides that agree, sides that differ, and nothing that is lost."""

from hypothesis import given
from hypothesis import strategies as st

from megacontext.memory.versions.three_way import Agreed, Disputed, Part, merge_spans

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\n", b"\n"]), max_size=12)
SPANS = st.lists(LINES.map(b"".join), max_size=6)


def text_of(parts: list[Part]) -> bytes | None:
    """The merged text; None where sides disagree."""
    texts = [part.text for part in parts if isinstance(part, Agreed)]
    return b"".join(texts) if len(texts) == len(parts) else None


@given(SPANS, SPANS)
def test_a_side_that_changed_nothing_gives_way(base: list[bytes], other: list[bytes]) -> None:
    assert text_of(merge_spans(base, other, base)) == b"".join(other)
    assert text_of(merge_spans(base, base, other)) == b"".join(other)


@given(SPANS, SPANS)
def test_equal_sides_merge_to_themselves(base: list[bytes], other: list[bytes]) -> None:
    assert text_of(merge_spans(base, other, other)) == b"".join(other)


@given(SPANS, SPANS, SPANS)
def test_whichever_side_is_preferred_in_disputes_all_it_added_is_in_the_result(
    base: list[bytes], a: list[bytes], b: list[bytes]
) -> None:
    parts = merge_spans(base, a, b)
    for side, taken in ((a, "a"), (b, "b")):
        lines = b"".join(
            part.text if isinstance(part, Agreed) else getattr(part, taken) for part in parts
        ).splitlines()
        old = b"".join(base).splitlines()
        for line in set(b"".join(side).splitlines()):
            added = b"".join(side).splitlines().count(line) - old.count(line)
            assert added <= 0 or line in lines


@given(SPANS, SPANS, SPANS)
def test_both_ways_round_dispute_the_same_places(
    base: list[bytes], a: list[bytes], b: list[bytes]
) -> None:
    one = merge_spans(base, a, b)
    other = merge_spans(base, b, a)
    turned = [Disputed(p.base, p.b, p.a) if isinstance(p, Disputed) else p for p in other]
    assert one == turned


def test_changes_to_different_lines_of_one_span_are_both_taken() -> None:
    base = [b"def f():\n    x = 1\n    y = 2\n    z = 3\n    return x\n"]
    a = [base[0].replace(b"x = 1", b"x = 10")]
    b = [base[0].replace(b"return x", b"return x + y")]
    assert text_of(merge_spans(base, a, b)) == a[0].replace(b"return x", b"return x + y")


def test_a_dispute_holds_both_sides_and_nothing_that_they_have_alike() -> None:
    base, a, b = [b"one\ntwo\nthree\n"], [b"one\n2\nthree\n"], [b"one\nzwei\nthree\n"]
    assert merge_spans(base, a, b) == [
        Agreed(b"one\n"),
        Disputed(b"two\n", b"2\n", b"zwei\n"),
        Agreed(b"three\n"),
    ]


def test_two_texts_without_a_common_origin_dispute_only_what_differs() -> None:
    merged = merge_spans([], [b"head\na\ntail\n"], [b"head\nb\ntail\n"])
    assert merged == [Agreed(b"head\n"), Disputed(b"", b"a\n", b"b\n"), Agreed(b"tail\n")]
