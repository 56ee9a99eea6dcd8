"""JSON is read in one way only."""

import asyncio
import json
from typing import Any
from unittest import mock

import orjson
import pytest
from aiohttp import StreamReader, web
from aiohttp.http_exceptions import ContentLengthError
from aiohttp.test_utils import make_mocked_request
from aiohttp.web_protocol import RequestPayloadError
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.bodies import parse_json, read_body
from gateway.http.refusals.problems import Refused

BAD_REQUEST = 400

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_unambiguous_is_read(value: Any) -> None:
    assert parse_json(orjson.dumps(value)) == value
    assert parse_json(json.dumps(value, indent=1).encode()) == value


@given(st.dictionaries(texts, values, min_size=1, max_size=4), texts, st.data())
def test_a_member_given_twice_is_refused_wherever_it_stands(
    members: dict[str, Any], name: str, data: Any
) -> None:
    twice = data.draw(st.sampled_from(sorted(members)))
    pairs = [*members.items(), (twice, 1)]
    inner = "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + "}"
    with pytest.raises(Refused) as refused:
        parse_json(f"[{{{json.dumps(name)}: [{inner}]}}]".encode())
    assert refused.value.faults[0].code == "duplicate_field"


@given(st.binary(max_size=60))
def test_whatever_is_sent_is_read_or_refused(raw: bytes) -> None:
    refused = None
    try:
        parse_json(raw)
    except Refused as found:
        refused = found
    assert refused is None or refused.status == BAD_REQUEST


@pytest.mark.parametrize(
    "fault",
    [
        RequestPayloadError("cut off"),
        ContentLengthError("cut off"),
        web.PayloadAccessError(),
        ConnectionResetError("the client has gone"),
    ],
)
async def test_a_body_that_cannot_be_received_is_a_bad_request(fault: Exception) -> None:
    payload = StreamReader(mock.Mock(_reading_paused=False), 2**16, loop=asyncio.get_running_loop())
    payload.set_exception(fault)
    request = make_mocked_request("POST", "/v1/orders", payload=payload)
    with pytest.raises(Refused) as refused:
        await read_body(request, 1_000, timeout_s=1.0)
    assert (refused.value.faults[0].code, refused.value.status) == ("http_malformed", BAD_REQUEST)
