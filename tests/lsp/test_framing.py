from hypothesis import given
from hypothesis import strategies as st

from megacontext.lsp.framing import MOST_BYTES, Frames


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\nContent-Type: x; charset=utf-8\r\n\r\n" % len(body) + body


def messages(data: bytes, size: int) -> list[bytes]:
    frames = Frames()
    return [body for at in range(0, len(data), size) for body in frames.push(data[at : at + size])]


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(1, 64))
def test_messages_come_out_whole_however_they_arrive(bodies, size):
    assert messages(b"".join(map(framed, bodies)), size) == bodies


@given(st.binary(max_size=200).filter(lambda data: b"ontent" not in data), st.integers(1, 64))
def test_garbage_before_a_message_is_passed_over(garbage, size):
    assert messages(garbage + b"\r\n" + framed(b"{}"), size) == [b"{}"]


@given(st.binary(max_size=300), st.integers(1, 64))
def test_no_bytes_are_a_fault(data, size):
    messages(data, size)


def test_half_a_message_takes_what_follows_and_the_next_one_is_whole_again():
    half = b"Content-Length: 40\r\n\r\n{"
    data = half + framed(b'{"a": 1}') + framed(b'{"b": 2}') + framed(b'{"c": 3}')
    assert messages(data, 7)[-1] == b'{"c": 3}'


def test_a_message_that_is_too_long_is_passed_over_without_being_kept():
    frames = Frames()
    length = MOST_BYTES + 5
    assert frames.push(b"Content-Length: %d\r\n\r\n" % length) == []
    bite = bytes(1 << 24)
    while length > len(bite):
        assert frames.push(bite) == []
        length -= len(bite)
    assert frames.push(bytes(length) + framed(b"{}")) == [b"{}"]


def test_a_line_without_end_takes_no_room():
    frames = Frames()
    for _ in range(64):
        assert frames.push(b"x" * 65_536) == []
    assert len(frames._buffer) < 100_000
    assert frames.push(b"\r\n" + framed(b"[]")) == [b"[]"]


def test_names_of_headers_are_read_in_any_case():
    assert messages(b"content-length:2\n\n{}", 3) == [b"{}"]
