"""The book a watcher keeps is the book the exchange has, or the watcher notices."""

from typing import Any
from zlib import crc32

import pytest

from gateway.cli.live_book import LiveBook, OutOfStep


def message(
    kind: str,
    seq: int,
    bids: list[list[str]],
    asks: list[list[str]],
    *,
    state: str,
    prev_seq: int | None = None,
) -> dict[str, Any]:
    return {
        "ch": "depth",
        "type": kind,
        "seq": seq,
        "prev_seq": seq - 1 if prev_seq is None else prev_seq,
        "bids": bids,
        "asks": asks,
        "crc32": crc32(state.encode()),
    }


SNAPSHOT = message(
    "snapshot",
    5,
    [["67.90", "10"], ["100.00", "1"]],
    [["100.10", "3"], ["101.00", "4"]],
    state="100.00:1|67.90:10|100.10:3|101.00:4",
)


def book() -> LiveBook:
    started = LiveBook()
    started.apply(SNAPSHOT)
    return started


def test_a_snapshot_is_sorted_by_price_and_not_by_text() -> None:
    assert book().bids(5) == [("100.00", "1"), ("67.90", "10")]
    assert book().asks(1) == [("100.10", "3")]


def test_a_delta_changes_and_removes_levels() -> None:
    following = book()
    following.apply(
        message(
            "delta",
            6,
            [["67.90", "0"], ["99.00", "7"]],
            [["100.10", "2"]],
            state="100.00:1|99.00:7|100.10:2|101.00:4",
        )
    )
    assert following.bids(5) == [("100.00", "1"), ("99.00", "7")]
    assert following.asks(5) == [("100.10", "2"), ("101.00", "4")]


def test_a_missing_message_is_noticed() -> None:
    with pytest.raises(OutOfStep, match="after 5 comes 7"):
        book().apply(message("delta", 7, [], [], state=""))


def test_a_wrong_level_is_noticed_by_the_checksum() -> None:
    with pytest.raises(OutOfStep, match="checksum"):
        book().apply(
            message("delta", 6, [["99.00", "7"]], [], state="100.00:1|99.00:8|67.90:10|100.10:3|101.00:4")
        )


def test_a_snapshot_forgets_what_was() -> None:
    following = book()
    following.apply(message("snapshot", 9, [], [["70.00", "1"]], state="70.00:1"))
    assert following.bids(5) == []
    assert following.asks(5) == [("70.00", "1")]


def test_the_checksum_covers_ten_levels_a_side() -> None:
    levels = [[f"{60 + number}.00", "1"] for number in range(12)]
    state = "|".join(f"{71 - number}.00:1" for number in range(10))
    deep = LiveBook()
    deep.apply(message("snapshot", 1, levels, [], state=state))
    assert len(deep.bids(20)) == 12
