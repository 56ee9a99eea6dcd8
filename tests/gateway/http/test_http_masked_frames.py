"""Masked frames come through unchanged however they are cut; the first one without a mask ends it, and so does a flood."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.http.stream.masked_frames import MaskedFrames


class Heard:
    """A parser that keeps what it is given."""

    def __init__(self) -> None:
        self.bytes = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        assert data
        self.bytes += data
        return False, b""

    def feed_eof(self) -> None:
        self.bytes += b"end"


def frame(length: int, *, is_masked: bool = True) -> bytes:
    mask = 128 if is_masked else 0
    if length < 126:
        head = bytes([0x81, mask + length])
    elif length < 65_536:
        head = bytes([0x81, mask + 126]) + length.to_bytes(2)
    else:
        head = bytes([0x81, mask + 127]) + length.to_bytes(8)
    return head + (b"mask" if is_masked else b"") + b"\x00\x01" * (length // 2) + b"\x00" * (length % 2)


lengths = st.lists(st.sampled_from((0, 1, 2, 3, 125, 126, 127, 300, 65_535, 65_536)), max_size=6)


@given(lengths, st.none() | st.integers(0, 70_000), st.lists(st.integers(1, 40), min_size=1))
def test_bytes_come_through_up_to_the_first_frame_without_a_mask(
    good: list[int], bad: int | None, cuts: list[int]
) -> None:
    masked = b"".join(frame(length) for length in good)
    sent = masked if bad is None else masked + frame(bad, is_masked=False)
    heard = Heard()
    frames = MaskedFrames(heard, 0)
    at = turn = 0
    while at < len(sent) and not (bad is not None and len(heard.bytes) > len(masked)):
        # Short pieces where headers are, and now and then long ones.
        step = cuts[turn % len(cuts)] * (1 if turn % 3 else 500)
        frames.feed_data(sent[at : at + step])
        at, turn = at + step, turn + 1
    assert heard.bytes == masked + (b"" if bad is None else b"\xf0\x80")
    frames.feed_eof()
    assert heard.bytes.endswith(b"end")


FRAMES = {
    "ping": b"\x89\x81maskx",
    "pong": b"\x8a\x80mask",
    "piece": b"\x01\x81mask[",
    "empty piece": b"\x00\x80mask",
    "long piece": b"\x00\xfe\x01\x00mask" + bytes(256),
}


@given(
    st.sampled_from(sorted(FRAMES)),
    st.lists(st.integers(0, 4), min_size=1, max_size=8),
    st.lists(st.integers(1, 40), min_size=1),
)
def test_frames_that_end_no_message_are_so_many_in_a_second(
    kind: str, messages: list[int], cuts: list[int]
) -> None:
    most, at_s = 20, 100.0
    heard = Heard()
    frames = MaskedFrames(heard, most, lambda: at_s)
    whole = b"".join(FRAMES[kind] + frame(5) * messages[turn % len(messages)] for turn in range(most))
    for _ in range(2):  # as many again in the second after
        heard.bytes = b""
        at = turn = 0
        while at < len(whole):
            step = cuts[turn % len(cuts)]
            frames.feed_data(whole[at : at + step])
            at, turn = at + step, turn + 1
        assert heard.bytes == whole
        at_s += 1.0
    at_s -= 0.01
    frames.feed_data(frame(5) + FRAMES[kind])
    assert heard.bytes == whole + frame(5) + b"\xf0\x80"
