"""Every message survives the way to bytes and back, and nothing else does."""

from dataclasses import fields, is_dataclass
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.engine import codec
from gateway.engine.codec import CodecError
from matching.commands import Command
from matching.events import Event, Rejected
from matching.exchange import Exchange
from matching.state import ExchangeState
from settlement.rejections import Figure

COMMAND_KINDS = get_args(Command)
EVENT_KINDS = get_args(Event)

texts = st.text(max_size=12)


def of(kind: type) -> st.SearchStrategy[Any]:
    return st.from_type(kind)


def test_every_member_of_the_unions_has_its_tag() -> None:
    assert set(codec.COMMANDS.values()) == set(COMMAND_KINDS)
    assert set(codec.EVENTS.values()) == set(EVENT_KINDS)
    assert len(codec.COMMANDS) == len(COMMAND_KINDS)
    assert len(codec.EVENTS) == len(EVENT_KINDS)


@pytest.mark.parametrize("kind", COMMAND_KINDS, ids=lambda kind: kind.__name__)
def test_a_command_comes_back_as_it_was(kind: type[Command]) -> None:
    @settings(max_examples=25, deadline=None)
    @given(of(kind))
    def comes_back(command: Command) -> None:
        raw = codec.encode_command(command)
        assert codec.decode_command(raw) == command
        assert orjson.loads(raw)[0] == kind.__name__

    comes_back()


@pytest.mark.parametrize("kind", EVENT_KINDS, ids=lambda kind: kind.__name__)
def test_events_come_back_as_they_were(kind: type[Event]) -> None:
    @settings(max_examples=25, deadline=None)
    @given(st.lists(of(kind), max_size=3))
    def come_back(events: list[Event]) -> None:
        assert codec.decode_events(codec.encode_events(events)) == tuple(events)

    come_back()


@given(
    st.one_of(st.none(), texts, st.integers(-(2**90), 2**90), st.tuples(st.integers(), st.integers())), texts
)
def test_figures_of_any_length_come_back(figure: Figure | None, code: str) -> None:
    events = (Rejected(code=code, limit=figure, actual=2**70),)
    assert codec.decode_events(codec.encode_events(events)) == events


@given(texts)
def test_both_writers_spell_alike(text: str) -> None:
    short, long = codec.to_json([text, 1]), codec.to_json([text, 2**70])
    assert short[:-2] == long[: -len(str(2**70)) - 1]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'["AdvanceTime"]',
        b'["AdvanceTime",{},{}]',
        b'["AdvanceTime",{"more":1}]',
        b'["AdvanceTime", {}]',
        b'["NoSuchCommand",{}]',
        b'["Rejected",{"code":"x","limit":null,"actual":null}]',
        b'["OpenDay",{}]',
        b'["OpenDay",{"trading_day":1}]',
        b'["OpenDay",{"trading_day":null}]',
        b'["AdvanceClose",{"trading_day":"2026-11-23","portion":"1"}]',
        b'["AdvanceClose",{"trading_day":"2026-11-23","portion":1.0}]',
        b'["AdvanceClose",{"trading_day":"2026-11-23","portion":true}]',
        b'["AdvanceClose",{"portion":1,"trading_day":"2026-11-23"}]',
        b'["RegisterParticipant",{"participant":"p","kind":"nobody"}]',
    ],
)
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(CodecError):
        codec.decode_command(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b'[["NoSuchEvent",{}]]',
        b'[["AdvanceTime",{}]]',
        b'[["OrdersCancelled",{"account":"a"}]]',
        b'[["OrdersCancelled",{"account":"a","count":1,"more":1}]]',
        b'[["OrdersCancelled",{"account":"a","count":01}]]',
        b'[["OrdersCancelled",{"account":"a","count":1}],]',
        b'[["OrdersCancelled",{"account":"a","count":1}],null]',
    ],
)
def test_any_other_events_are_refused(raw: bytes) -> None:
    with pytest.raises(CodecError):
        codec.decode_events(raw)


def test_an_empty_state_comes_back() -> None:
    states = codec.StateCodec(ExchangeState)
    state = Exchange().dump()
    assert states.decode(states.encode(state)) == state


def test_every_field_of_a_message_is_of_a_kind_that_json_knows() -> None:
    for kind in (*COMMAND_KINDS, *EVENT_KINDS):
        assert is_dataclass(kind)
        assert all(field.init for field in fields(kind))
