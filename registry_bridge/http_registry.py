"""The registry over HTTP: the client behind the port.

Only a signed answer that names the outcome is final. Everything else the line does (time-out, 5xx, lost
connection, garbage, a wrong signature, a code not known here) is `Unknown`, which moves nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote, urlencode

import structlog

from registry_bridge.capabilities import Capabilities
from registry_bridge.http_line import LineFault, LineSettings, SignedAnswer, SignedLine, open_line
from registry_bridge.registry import (
    MAX_RANGES,
    AccountState,
    Answer,
    Binding,
    BindingRefused,
    Holding,
    JournalPage,
    LotPage,
    Movement,
    NoticePage,
    PositionPage,
    RefusalCode,
    Refused,
    RegistryAccount,
    RegistryLot,
    RegistryUnavailable,
    RequestIdReused,
    Unknown,
    UnknownReason,
)
from registry_bridge.signing import SignatureFault
from registry_bridge.wire import (
    MAX_MOVEMENT_BYTES,
    AnswerBody,
    ErrorBody,
    MovementBody,
    WireError,
    WireModel,
    is_name,
    movement_json,
    parse_name,
    read,
    write,
)
from registry_bridge.wire_capabilities import CapabilitiesBody
from registry_bridge.wire_pages import (
    AccountBody,
    BindingBody,
    JournalBody,
    LotsBody,
    NoticesBody,
    PositionsBody,
    TimeBody,
)

BASE = "/registry/v1"
MAX_ACCOUNT_PAGES = 1_000

OK = 200
ACCEPTED = 202
BAD_REQUEST = 400
UNAUTHORISED = 401
NOT_FOUND = 404
CONFLICT = 409
_OVERLOADED = (429, 503)
_SERVER_ERROR = 500

log = structlog.get_logger("registry_line")


class HttpRegistry:
    """`Registry` over a signed line."""

    def __init__(self, line: SignedLine) -> None:
        self._line = line
        self.circuit = line.circuit
        """Whether the line lets calls through; for those who watch it."""

    async def move(self, movement: Movement) -> Answer:
        """Ask for the movement. Only this carries one, and only by POST, which no HTTP client sends twice."""
        body = write(movement_json(movement))
        fault = fault_of_ours(movement, body)
        if fault is not None:
            # Never sent, so it never happened and never will: the content decides, which stays what it is under this
            # id. What another release with wider bounds may have sent was asked about before, at the start.
            log.error("movement_never_sent", movement=movement.request_id, fault=fault)
            return Refused(
                request_id=movement.request_id, code=RefusalCode.MALFORMED, leg=None, registry_time_ns=0
            )
        return await self._movement(movement.request_id, "POST", f"{BASE}/movements", body)

    async def ask(self, request_id: str) -> Answer:
        """What became of a request."""
        return await self._movement(request_id, "GET", f"{BASE}/movements/{_segment(request_id)}", asks=True)

    async def cancel(self, request_id: str) -> Answer:
        """Refuse the id for ever if it is undecided."""
        return await self._movement(request_id, "POST", f"{BASE}/movements/{_segment(request_id)}/cancel")

    async def _movement(
        self, request_id: str, method: str, target: str, body: bytes = b"", *, asks: bool = False
    ) -> Answer:
        try:
            answer = await self._line.call(method, target, body)
        except LineFault as fault:
            return Unknown(request_id=request_id, why=fault.why, detail=fault.detail)
        return classify(answer, request_id, asks=asks)

    async def account(self, account: str) -> RegistryAccount | None:
        """An account with all pages of its holdings."""
        try:
            async with asyncio.timeout(self._line.settings.total_timeout_s):
                return await self._account(account)
        except TimeoutError as error:
            raise RegistryUnavailable(UnknownReason.TIMED_OUT, "all pages of holdings") from error

    async def account_state(self, account: str) -> AccountState | None:
        """An account without its holdings, of which its first page is read for nothing."""
        if not is_name(account):
            return None  # the platform has no account that it could not name
        answer = await self._call("GET", f"{BASE}/accounts/{_segment(account)}")
        if answer.status == NOT_FOUND and _error_code(answer) == "not_found":
            return None
        state = _read(AccountBody, answer).state()
        _check_is_about(account, state.account)
        return state

    async def _account(self, account: str) -> RegistryAccount | None:
        if not is_name(account):
            return None
        holdings: tuple[Holding, ...] = ()
        after: str | None = None
        for _ in range(MAX_ACCOUNT_PAGES):
            query = _query(after=after)
            answer = await self._call("GET", f"{BASE}/accounts/{_segment(account)}{query}")
            if answer.status == NOT_FOUND and _error_code(answer) == "not_found":
                return None
            page = _read(AccountBody, answer)
            _check_is_about(account, page.account)
            found = page.value(holdings)
            if page.next is None:
                return found
            holdings, after = found.holdings, page.next
        raise RegistryUnavailable(UnknownReason.GARBAGE, "holdings without end")

    async def bind(self, account: str, trading_account: str) -> Binding | BindingRefused:
        """Bind a trading account; repeatable."""
        if not is_name(account):
            # Whoever opened it here was free to write anything.
            return BindingRefused(account=account, code=RefusalCode.ACCOUNT_UNKNOWN)
        target = f"{BASE}/accounts/{_segment(account)}/binding"
        answer = await self._call("POST", target, write({"trading_account": parse_name(trading_account)}))
        if answer.status in (NOT_FOUND, CONFLICT):
            code = _error_code(answer)
            if code in _BINDING_REFUSALS:
                return BindingRefused(account=account, code=_BINDING_REFUSALS[code])
        binding = _read(BindingBody, answer).value()
        _check_is_about(account, binding.account)
        _check_is_about(trading_account, binding.trading_account)
        return binding

    async def lots(self, after: int = 0) -> LotPage:
        """A page of lots."""
        page = _read(LotsBody, await self._call("GET", f"{BASE}/lots{_query(after=after)}")).value()
        _check_leads_on(after, page.next)
        return page

    async def lot(self, lot: str) -> RegistryLot | None:
        """One lot as it is now."""
        answer = await self._call("GET", f"{BASE}/lots/{_segment(lot)}")
        if answer.status == NOT_FOUND and _error_code(answer) == "not_found":
            return None
        page = _read(LotsBody, answer).value()
        if len(page.lots) != 1 or page.lots[0].lot != lot:
            raise RegistryUnavailable(UnknownReason.GARBAGE, "not the one lot that was asked for")
        return page.lots[0]

    async def positions(self, as_of: int | None = None, after: str | None = None) -> PositionPage:
        """A page of positions."""
        query = _query(as_of=as_of, after=after)
        page = _read(PositionsBody, await self._call("GET", f"{BASE}/positions{query}")).value()
        if page.next is not None and not page.positions:
            raise RegistryUnavailable(UnknownReason.GARBAGE, "a page of no positions that is not the last")
        return page

    async def journal(self, after: int = 0) -> JournalPage:
        """A page of the registry's journal."""
        page = _read(JournalBody, await self._call("GET", f"{BASE}/movements{_query(after=after)}")).value()
        _check_leads_on(after, page.next)
        _check_in_order(after, page)
        return page

    async def notices(self, after: int = 0) -> NoticePage:
        """A page of notices."""
        page = _read(NoticesBody, await self._call("GET", f"{BASE}/notices{_query(after=after)}")).value()
        _check_leads_on(after, page.next)
        return page

    async def time(self) -> int:
        """The registry's clock in nanoseconds."""
        return _read(TimeBody, await self._call("GET", f"{BASE}/time")).registry_time

    async def capabilities(self) -> Capabilities:
        """What the platform promises."""
        return _read(CapabilitiesBody, await self._call("GET", f"{BASE}/capabilities")).value()

    async def _call(self, method: str, target: str, body: bytes = b"") -> SignedAnswer:
        try:
            return await self._line.call(method, target, body)
        except LineFault as fault:
            raise RegistryUnavailable(fault.why, fault.detail) from fault


_BINDING_REFUSALS = {
    code.value: code
    for code in (
        RefusalCode.ACCOUNT_UNKNOWN,
        RefusalCode.ACCOUNT_CLOSED,
        RefusalCode.ACCOUNT_FROZEN,
        RefusalCode.ALREADY_BOUND,
    )
}


def fault_of_ours(movement: Movement, body: bytes) -> str | None:
    """Why no registry that keeps the protocol could ever admit this movement; None when one can.

    Asks nothing but the content, and the protocol's own bounds and model.
    """
    ranges = sum(len(leg.serials) for leg in movement.legs)
    if ranges > MAX_RANGES:
        return f"{ranges} serial ranges, of {MAX_RANGES} at most"
    if len(body) > MAX_MOVEMENT_BYTES:
        return f"{len(body)} bytes, of {MAX_MOVEMENT_BYTES} at most"
    try:
        read(MovementBody, body)
    except WireError as error:
        return str(error)
    return None


def classify(answer: SignedAnswer, request_id: str, *, asks: bool) -> Answer:
    """What a signed answer about a movement means; only to a question "not found" means that it was not seen.

    Raises:
        RequestIdReused: the id was used with other content: ours to mend, nothing to retry.
    """
    try:
        if answer.status in (OK, ACCEPTED):
            return _decision(read(AnswerBody, answer.body), request_id)
        problem = read(ErrorBody, answer.body)
    except WireError as error:
        return Unknown(request_id=request_id, why=UnknownReason.GARBAGE, detail=f"{answer.status} {error}")
    if answer.status == CONFLICT and problem.code == "request_id_reused":
        raise RequestIdReused(request_id)
    if asks and answer.status == NOT_FOUND and problem.code == "not_found":
        return Unknown(
            request_id=request_id, why=UnknownReason.NOT_SEEN, registry_time_ns=problem.registry_time
        )
    detail = f"{answer.status} {problem.code} {problem.detail}".rstrip()
    if answer.status == UNAUTHORISED and problem.detail == SignatureFault.SIGNATURE_REPLAYED.value:
        # HTTP clients re-send a question by themselves when a kept connection drops; the next one is signed anew.
        return Unknown(request_id=request_id, why=UnknownReason.CONNECTION_LOST, detail=detail)
    return Unknown(request_id=request_id, why=_reason(answer.status), detail=detail)


def _decision(body: AnswerBody, request_id: str) -> Answer:
    if body.request_id != request_id:
        raise WireError("the answer is about another request")
    return body.value()


def _reason(status: int) -> UnknownReason:
    if status in _OVERLOADED:
        return UnknownReason.OVERLOADED
    if status >= _SERVER_ERROR:
        return UnknownReason.SERVER_ERROR
    if status >= BAD_REQUEST:
        return UnknownReason.NOT_ADMITTED
    return UnknownReason.GARBAGE


def _read(model: type[WireModel], answer: SignedAnswer) -> WireModel:
    if answer.status != OK:
        detail = f"{answer.status} {_error_code(answer)}"
        raise RegistryUnavailable(_reason(answer.status), detail)
    try:
        return read(model, answer.body)
    except WireError as error:
        raise RegistryUnavailable(UnknownReason.GARBAGE, str(error)) from error


def _check_leads_on(after: int, following: int | None) -> None:
    """Nobody is sent round in circles by what the registry says."""
    if following is not None and following <= after:
        raise RegistryUnavailable(UnknownReason.GARBAGE, f"after {after} go on after {following}")


def _check_in_order(after: int, page: JournalPage) -> None:
    """No entry is told twice, on a page or on two; one that is left out is for others to notice."""
    last = after
    for entry in page.entries:
        if entry.sequence <= last:
            raise RegistryUnavailable(UnknownReason.GARBAGE, f"entry {entry.sequence} after {last}")
        last = entry.sequence
    if page.next is not None and page.next < last:
        raise RegistryUnavailable(UnknownReason.GARBAGE, f"after {last} go on after {page.next}")


def _check_is_about(asked: str, told: str) -> None:
    """An answer about another account says nothing about the one that was asked for."""
    if told != asked:
        raise RegistryUnavailable(UnknownReason.GARBAGE, f"{told} instead of {asked}")


def _error_code(answer: SignedAnswer) -> str:
    try:
        return read(ErrorBody, answer.body).code
    except WireError as error:
        raise RegistryUnavailable(UnknownReason.GARBAGE, f"{answer.status} {error}") from error


def _segment(name: str) -> str:
    """An id as part of a path; an id that could be anything else there is a fault of ours."""
    return quote(parse_name(name), safe=":")


def _query(**values: object) -> str:
    given = {name: value for name, value in values.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


@asynccontextmanager
async def connect(
    settings: LineSettings, clock_ns: Callable[[], int] = time.time_ns
) -> AsyncIterator[HttpRegistry]:
    """The registry behind a line of its own; `clock_ns` is the machine's clock, for signatures."""
    async with open_line(settings, clock_ns) as line:
        yield HttpRegistry(line)
