"""What clients were promised of version 1, line by line: calls, fields, parameters, forms, ops. It may only grow.

The table is written by hand from the published guide, and not from the code: a name that is changed or lost fails here
whatever else still agrees with itself.
"""

from dataclasses import dataclass
from typing import Any, Final, get_args

import pytest
from pydantic import BaseModel

from gateway.http.app import ROUTES
from gateway.http.listed.orders import OrdersQuery
from gateway.http.routing import NoQuery, Route
from gateway.http.shapes import Problem, ProblemError
from gateway.http.stream.ops import OPS
from gateway.http.stream.shapes import PUSHES


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A call as clients know it. Names are separated by blanks."""

    scope: str
    body: str = ""
    query: str = ""
    answer: str = ""
    status: int = 200
    forms: str = ""
    """Content types beside JSON."""


def public(answer: str = "", **more: Any) -> Promise:
    return Promise(scope="public", answer=answer, **more)


MOVE: Final = "client_id listing lots quantity"
ORDER: Final = "client_order_id listing side type price quantity time_in_force account use"
PAGE: Final = "after limit"
PAGED: Final = "items next"
TABLES: Final = "text/csv application/pdf"

PROMISES: Final[dict[str, Promise]] = {
    # --- public
    "GET /v1/time": public("time time_us trading_day phase"),
    "GET /v1/status": public("phase listings maintenance"),
    "GET /v1/listings": public(PAGED),
    "GET /v1/listings/{code}": public(
        "listing class unit lot tick min_quantity max_quantity band sessions fee flags"
    ),
    "GET /v1/listings/{code}/depth": public("seq bids asks", query="levels"),
    "GET /v1/listings/{code}/trades": public(PAGED, query=PAGE),
    "GET /v1/listings/{code}/candles": public("items", query="interval"),
    "GET /v1/bulletins": public(PAGED, query="from to period format", forms=TABLES),
    "GET /v1/bulletins/{date}": public("date listings retired", query="format", forms=TABLES),
    "GET /v1/rules": public("items", query="at"),
    "GET /v1/calendar": public("items", query="from to"),
    "GET /v1/certificates/{number}": public("number"),
    "GET /v1/openapi.json": public(),
    "GET /v1/asyncapi.json": public(),
    "GET /v1/errors": public("items"),
    "GET /docs": public(),
    "GET /healthz": public(),
    "GET /readyz": public(),
    "GET /metrics": public(),
    # --- whoever signs
    "POST /v1/auth/check": Promise(scope="any", answer="clock_skew_ms scopes participant account"),
    "GET /v1/limits": Promise(scope="any"),
    # --- traders
    "POST /v1/orders": Promise(scope="trade", body=ORDER, answer="order trades", status=201),
    "POST /v1/orders/batch": Promise(scope="trade", body="orders", answer="results"),
    "GET /v1/orders": Promise(scope="read", query=f"client_order_id status {PAGE}", answer=PAGED),
    "GET /v1/orders/{order_id}": Promise(
        scope="read", answer="id client_order_id status filled remaining average_price reason"
    ),
    "PATCH /v1/orders/{order_id}": Promise(
        scope="trade", body="client_id price quantity", answer="order trades"
    ),
    "DELETE /v1/orders/{order_id}": Promise(scope="trade", answer="order"),
    "DELETE /v1/orders": Promise(scope="trade", query="listing side"),
    "POST /v1/cancel-all-after": Promise(scope="trade", body="timeout_s"),
    "GET /v1/trades": Promise(scope="read", query=PAGE, answer=PAGED),
    "GET /v1/account": Promise(scope="read", query="account", answer="account cash units"),
    "GET /v1/account/lots": Promise(scope="read", query="account", answer=PAGED),
    "GET /v1/account/statements/{date}": Promise(scope="read", query="format", forms=TABLES),
    "POST /v1/transfers-in": Promise(scope="transfer", body=MOVE, answer="id state", status=201),
    "GET /v1/transfers-in/{transfer_id}": Promise(scope="read", answer="id state"),
    "POST /v1/transfers-out": Promise(scope="transfer", body=MOVE, answer="id state", status=201),
    "GET /v1/transfers-out/{transfer_id}": Promise(scope="read", answer="id state"),
    "POST /v1/cash/withdrawals": Promise(
        scope="transfer", body="client_id amount", answer="id state", status=201
    ),
    "GET /v1/cash/withdrawals/{withdrawal_id}": Promise(scope="read", answer="id state"),
    "GET /v1/events": Promise(scope="read", query=PAGE, answer=PAGED),
    # --- counterparties
    "POST /v1/negotiated-transfers": Promise(
        scope="negotiate",
        body="client_id listing side price quantity counterparty lots agreement_no expires_at",
        answer="id terms_hash state",
        status=201,
    ),
    "GET /v1/negotiated-transfers": Promise(scope="read", query=f"box {PAGE}", answer=PAGED),
    "GET /v1/negotiated-transfers/{transfer_id}": Promise(scope="read", answer="id terms_hash state"),
    "POST /v1/negotiated-transfers/{transfer_id}/confirm": Promise(
        scope="negotiate", body="client_id terms_hash", answer="id terms_hash state"
    ),
    "POST /v1/negotiated-transfers/{transfer_id}/counter": Promise(
        scope="negotiate", body="client_id price quantity lots expires_at", answer="id terms_hash state"
    ),
    "POST /v1/negotiated-transfers/{transfer_id}/decline": Promise(scope="negotiate", body="client_id"),
    "POST /v1/negotiated-transfers/{transfer_id}/withdraw": Promise(scope="negotiate", body="client_id"),
    # --- uses
    "POST /v1/offsets/quote": Promise(scope="offset", body="compliance_year quantity lots"),
    "POST /v1/offsets": Promise(
        scope="offset", body="client_id compliance_year quantity lots", answer="id state", status=201
    ),
    "GET /v1/offsets/{use_id}": Promise(scope="read", answer="id state"),
    "GET /v1/offsets/{use_id}/certificate": Promise(
        scope="read", query="format", answer="number digest", forms="application/pdf"
    ),
    "POST /v1/retirements": Promise(
        scope="offset",
        body="client_id purpose listing quantity lots beneficiary statement",
        answer="id state",
        status=201,
    ),
    # --- bank, operator, supervisor
    "POST /v1/bank/deposits": Promise(
        scope="bank", body="client_id account amount bank_reference", status=201
    ),
    "POST /v1/bank/withdrawals/{withdrawal_id}/paid": Promise(scope="bank", body="client_id"),
    "POST /v1/bank/withdrawals/{withdrawal_id}/returned": Promise(scope="bank", body="client_id"),
    "POST /v1/bank/statements": Promise(scope="bank", body="client_id", status=201),
    **{
        f"POST /v1/operator/{what}": Promise(scope="operate", body=body, status=201)
        for what, body in (
            ("participants", "client_id participant"),
            ("accounts", "client_id account"),
            ("keys", "client_id participant scopes"),
            ("mandates", "client_id account participant until"),
            ("listings", "client_id listing class first_reference_price"),
            ("rules", "client_id changes"),
            ("calendar", "client_id trading_days"),
            ("compliance-years", "client_id compliance_year effective_from"),
        )
    },
    **{
        f"POST /v1/operator/{what}": Promise(scope="operate", body="client_id reason")
        for what in (
            "listings/{code}/halt",
            "listings/{code}/resume",
            "restrictions",
            "trades/{trade_id}/bust",
        )
    },
    "POST /v1/operator/approvals/{approval_id}/approve": Promise(scope="approve", body="client_id"),
    "POST /v1/operator/day/open": Promise(scope="operate", answer="trading_day phase close"),
    "POST /v1/operator/day/close": Promise(scope="operate", answer="trading_day phase close", status=202),
    "GET /v1/operator/day": Promise(scope="operate", answer="trading_day phase close"),
    "GET /v1/operator/reconciliations": Promise(scope="operate", answer=PAGED),
    "GET /v1/operator/breaks": Promise(scope="operate", answer=PAGED),
    "POST /v1/operator/breaks/{break_id}/resolve": Promise(scope="operate", body="client_id reason"),
    "POST /v1/operator/clock": Promise(scope="operate", body="now"),
}
OPS_PROMISED: Final = [
    "logon",
    "subscribe",
    "unsubscribe",
    "order.submit",
    "order.replace",
    "order.cancel",
    "resync",
    "ping",
]
CHANNELS_PROMISED: Final = ["depth", "trades", "ticker", "status", "events"]
ROUTE_OF: Final[dict[str, Route]] = {f"{route.method} {route.path}": route for route in ROUTES}
WAITING: Final = "POST /v1/operator/listings/{code}/halt"


def names(model: type[BaseModel] | None) -> set[str]:
    """Fields as they are written."""
    return set() if model is None else {info.alias or name for name, info in model.model_fields.items()}


@pytest.mark.parametrize("call", PROMISES)
def test_a_call_is_as_clients_know_it(call: str) -> None:
    promise, route = PROMISES[call], ROUTE_OF[call]
    assert (str(route.scope), route.status) == (promise.scope, promise.status)
    assert set(promise.body.split()) <= names(route.body)
    assert set(promise.query.split()) <= (set() if route.query is NoQuery else names(route.query))
    assert set(promise.answer.split()) <= names(route.answer)
    given = {content_type.partition(";")[0] for content_type in route.also}
    assert set(promise.forms.split()) <= given


def test_problems_say_what_was_promised() -> None:
    told = [
        "type",
        "title",
        "status",
        "detail",
        "code",
        "errors",
        "retryable",
        "state",
        "request_id",
        "server_time",
    ]
    assert set(told) <= names(Problem)
    assert {"pointer", "code", "limit", "actual"} <= names(ProblemError)
    assert set(get_args(Problem.model_fields["state"].annotation)) == {"not_accepted", "accepted", "unknown"}


def test_the_stream_takes_and_tells_what_was_promised() -> None:
    assert set(OPS_PROMISED) <= OPS.keys()
    assert set(CHANNELS_PROMISED) <= PUSHES.keys()
    depth = {name for shape in PUSHES["depth"] for name in names(shape)}
    assert {"ch", "listing", "seq", "prev_seq", "time_us", "type", "bids", "asks", "crc32"} <= depth
    events = {name for shape in PUSHES["events"] for name in names(shape)}
    assert {"ch", "event_id", "type", "time", "live"} <= events


def test_an_act_of_two_persons_waits_under_a_name() -> None:
    waiting = ROUTE_OF[WAITING].otherwise[202]
    approval = waiting.model_fields["approval"].annotation
    assert isinstance(approval, type)
    assert {"id", "act", "state"} <= names(approval)


def test_open_orders_can_be_asked_for() -> None:
    choices = get_args(OrdersQuery.model_fields["status"].annotation)[0]
    assert "open" in get_args(choices)
