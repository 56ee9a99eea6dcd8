import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_bridge.registry import (
    MAX_LEGS,
    Confirmed,
    FinalAnswer,
    Movement,
    MovementKind,
    MovementLeg,
    RefusalCode,
    Refused,
    RetirementPurpose,
    RetirementTerms,
    SubAccount,
    Unknown,
    UnknownReason,
)
from registry_bridge.wire import (
    AnswerBody,
    MovementBody,
    WireError,
    answer_json,
    format_instant,
    movement_digest,
    movement_json,
    parse_instant,
    parse_name,
    read,
    write,
)
from tests.registry_bridge.examples import NOW_NS, deliver, leg, movement, retire

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=50)
instants = st.integers(min_value=0, max_value=(1 << 63) - 1)
places = st.sampled_from(SubAccount)


@st.composite
def serials(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    edges = sorted(draw(st.sets(st.integers(0, (1 << 62) - 1), min_size=2, max_size=10)))
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    return tuple(pairs)


@st.composite
def movements(draw: st.DrawFn) -> Movement:
    legs = tuple(
        MovementLeg(
            leg=number,
            lot=draw(names),
            serials=draw(serials()),
            from_account=draw(names),
            from_sub_account=draw(places),
            to_account=to[0] if to else None,
            to_sub_account=to[1] if to else None,
        )
        for number in range(1, draw(st.integers(1, 4)) + 1)
        for to in [draw(st.none() | st.tuples(names, places))]
    )
    terms = st.builds(
        RetirementTerms,
        purpose=st.sampled_from(RetirementPurpose),
        compliance_year=st.none() | st.integers(2000, 2999),
        beneficiary=texts.filter(bool),
        statement=texts,
    )
    return Movement(
        request_id=draw(names),
        kind=draw(st.sampled_from(MovementKind)),
        not_after_ns=draw(instants),
        trading_day=draw(st.dates().map(str)),
        legs=legs,
        retirement=draw(st.none() | terms),
    )


@given(movements())
def test_a_movement_survives_the_line(asked: Movement) -> None:
    came = read(MovementBody, write(movement_json(asked))).value()
    assert came == asked
    assert movement_digest(came) == movement_digest(asked)


@given(instants)
def test_times_are_exact_to_the_nanosecond(at_ns: int) -> None:
    assert parse_instant(format_instant(at_ns)) == at_ns


def test_times_are_written_in_shanghai() -> None:
    assert format_instant(NOW_NS) == "2026-11-22T14:30:00.000000+08:00"
    assert parse_instant("2026-11-22T06:30:00Z") == parse_instant("2026-11-22T14:30:00+08:00") == NOW_NS


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22",
        "2026-11-22T14:30:00",
        "2026-13-22T14:30:00Z",
        "1969-12-31T23:59:59Z",
        "9999-01-01T00:00:00Z",
        "",
    ],
)
def test_a_time_without_offset_or_outside_the_years_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_instant(text)


@given(
    st.builds(
        Confirmed,
        request_id=names,
        movement_id=names,
        digest=st.from_regex("[0-9a-f]{64}", fullmatch=True),
        registry_time_ns=st.just(NOW_NS),
    )
    | st.builds(
        Refused,
        request_id=names,
        code=st.sampled_from(RefusalCode),
        leg=st.none() | st.integers(1, MAX_LEGS),
        registry_time_ns=st.just(NOW_NS),
    )
)
def test_a_final_answer_survives_the_line(answer: FinalAnswer) -> None:
    came = read(AnswerBody, write(answer_json(answer, NOW_NS))).value()
    assert isinstance(came, Confirmed | Refused)
    assert (came, came.registry_time_ns) == (answer, NOW_NS)


def test_the_same_answer_later_is_the_same_answer() -> None:
    first = Refused(request_id="r", code=RefusalCode.TOO_LATE, leg=None, registry_time_ns=1)
    assert first == Refused(request_id="r", code=RefusalCode.TOO_LATE, leg=None, registry_time_ns=2)


def example() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(write(movement_json(deliver("d1", ((1, 11),)))))
    return body


def changed(*path: str | int, to: Any) -> bytes:
    body = example()
    place: Any = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("extra",), 1),
        (("legs", 0, "extra"), 1),
        (("request_id",), 7),
        (("request_id",), ""),
        (("request_id",), ".."),
        (("request_id",), "a/b"),
        (("request_id",), "a\n"),
        (("request_id",), "x" * 65),
        (("kind",), "steal"),
        (("not_after",), NOW_NS),
        (("not_after",), "2026-11-22T14:30:00"),
        (("trading_day",), "2026-02-30"),
        (("trading_day",), "20261122"),
        (("legs",), []),
        (("legs", 0, "leg"), 1.0),
        (("legs", 0, "leg"), "1"),
        (("legs", 0, "leg"), True),
        (("legs", 0, "leg"), MAX_LEGS + 1),
        (("legs", 0, "serials"), []),
        (("legs", 0, "serials"), [[5, 5]]),
        (("legs", 0, "serials"), [[5, 4]]),
        (("legs", 0, "serials"), [[1, 5], [5, 7]]),
        (("legs", 0, "serials"), [[3, 5], [1, 2]]),
        (("legs", 0, "serials"), [[1.5, 5]]),
        (("legs", 0, "serials"), [["1", "5"]]),
        (("legs", 0, "serials"), [[1, 1 << 63]]),
        (("legs", 0, "serials"), [[-1, 5]]),
        (("legs", 0, "serials"), [[1, 2, 3]]),
        (("legs", 0, "from", "sub_account"), "retired"),
        (("retirement",), {"purpose": "compliance_offset"}),
        (("retirement",), {"purpose": "donation", "beneficiary": "a\u0000b"}),
        (("retirement",), {"purpose": "donation", "beneficiary": "x" * 501}),
    ],
)
def test_what_the_protocol_does_not_say_is_refused(path: tuple[str | int, ...], to: Any) -> None:
    with pytest.raises(WireError) as caught:
        read(MovementBody, changed(*path, to=to))
    assert str(path[0]) in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 10_000])
def test_garbage_is_refused(body: bytes) -> None:
    with pytest.raises(WireError):
        read(MovementBody, body)


def test_a_thousand_legs_and_no_more() -> None:
    legs = [
        leg(number, ((number * 2, number * 2 + 1),), ("a", SubAccount.TRADING), ("b", SubAccount.TRADING))
        for number in range(1, MAX_LEGS + 1)
    ]
    most = movement("r", MovementKind.DELIVER, *legs)
    assert read(MovementBody, write(movement_json(most))).value() == most
    with pytest.raises(WireError, match="too_long"):
        read(MovementBody, write(movement_json(movement("r", MovementKind.DELIVER, *legs, legs[0]))))


def test_the_digest_tells_movements_apart() -> None:
    asked = [
        deliver("r", ((1, 2),)),
        deliver("r", ((1, 3),)),
        deliver("q", ((1, 2),)),
        retire("r", ((1, 2),)),
    ]
    assert len({movement_digest(one) for one in asked}) == len(asked)


def answer_body(**change: Any) -> bytes:
    answer = Confirmed(request_id="r", movement_id="M1", digest="0" * 64, registry_time_ns=0)
    return write({**answer_json(answer, NOW_NS), **change})


@pytest.mark.parametrize(
    "change",
    [
        {"movement_id": None},
        {"digest": None},
        {"code": "malformed", "number": 9},
        {"state": "refused"},
        {"state": "refused", "movement_id": None},
        {"leg": 1},
    ],
)
def test_an_answer_whose_fields_contradict_its_state_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        read(AnswerBody, answer_body(**change)).value()


@pytest.mark.parametrize(("code", "number"), [("flooded", 99), ("malformed", 8), ("malformed", None)])
def test_a_code_not_known_here_is_not_final(code: str, number: int | None) -> None:
    body = answer_body(state="refused", movement_id=None, digest=None, code=code, number=number)
    answer = read(AnswerBody, body).value()
    assert isinstance(answer, Unknown) and answer.why is UnknownReason.CODE_UNKNOWN


def test_accepted_is_not_final() -> None:
    answer = read(AnswerBody, answer_body(state="accepted", movement_id=None, digest=None)).value()
    assert isinstance(answer, Unknown) and answer.why is UnknownReason.STILL_OPEN


def test_refusals_are_numbered_once_and_for_all() -> None:
    assert [code.number for code in RefusalCode] == list(range(1, len(RefusalCode) + 1))


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a b", "a\n", "é"])
def test_an_id_is_safe_in_a_path(text: str) -> None:
    with pytest.raises(WireError):
        parse_name(text)
