"""Money on its way out: asked for by its owner, paid or returned by the settlement bank."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.entry import Entry
from gateway.engine.tables.withdrawals import HELD, WithdrawalView
from gateway.formats import money_text, time_text
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.replays import decide, raise_if_refused, replay_headers
from gateway.http.routing import SUPERVISED, Call, Reply, Route
from gateway.http.shapes import (
    AccountName,
    AmountIn,
    Answer,
    BankReference,
    ClientId,
    Money,
    Name,
    Page,
    Request,
    Text,
    Time,
)
from settlement.cash_rejections import WITHDRAWAL_UNKNOWN
from settlement.commands import BankCommand, PayWithdrawal, RequestWithdrawal, ReturnWithdrawal
from settlement.events import WithdrawalRequested
from settlement.values import AccountId, WithdrawalId

CREATED: Final = 201
ID_PATTERN: Final = "^wd-[1-9][0-9]{0,17}$"


class WithdrawalRequest(Request):
    """Money to be paid out to the account's own bank account."""

    client_id: ClientId
    account: AccountName | None = None
    amount: AmountIn


class Withdrawal(Answer):
    """Money on its way out."""

    id: Annotated[str, Field(pattern=ID_PATTERN)]
    client_id: ClientId
    account: AccountName
    amount: Money
    state: Literal["held", "paid", "returned"]
    bank_reference: Annotated[str | None, Field(description="Of the payment, once the bank has made it.")]
    reason: Annotated[str | None, Field(description="Why the bank returned it.")]
    created_at: Time
    ended_at: Time | None


class Withdrawals(Answer):
    """Withdrawals, newest first."""

    items: list[Withdrawal]
    next: str | None


class OwnWithdrawalsQuery(Page):
    """Which of one's own withdrawals."""

    account: AccountName | None = None
    client_id: Name | None = None


class WithdrawalsQuery(Page):
    """Which withdrawals of all accounts."""

    account: AccountName | None = None
    state: Literal["held", "paid", "returned"] | None = None


class PaidReport(Request):
    """The bank has paid. Its own reference is booked once."""

    client_id: ClientId
    bank_reference: BankReference


class ReturnedReport(Request):
    """The bank could not pay."""

    client_id: ClientId
    reason: Text


async def request_withdrawal(call: Call) -> Reply:
    """Ask for money to be paid out. It is held until the bank has paid it, or has said that it cannot."""
    body: WithdrawalRequest = call.body
    command = RequestWithdrawal(
        participant=call.participant,
        account=call.account(body.account),
        client_id=body.client_id,
        deadline_ns=call.deadline_ns,
        session=call.session,
        amount_fen=body.amount,
    )
    entry, replayed = await decide(call.services, command)
    raise_if_refused(entry, replayed=replayed)
    return Reply(_requested(entry), status=CREATED, headers=replay_headers(replayed=replayed))


def _requested(entry: Entry) -> dict[str, Any]:
    event = next(event for event in entry.events if isinstance(event, WithdrawalRequested))
    return {
        "id": event.withdrawal_id,
        "client_id": event.client_id,
        "account": event.account,
        "amount": money_text(event.amount_fen),
        "state": HELD,
        "bank_reference": None,
        "reason": None,
        "created_at": time_text(entry.at_ns),
        "ended_at": None,
    }


async def get_withdrawal(call: Call) -> Reply:
    """One withdrawal."""
    found = await call.services.history.withdrawals.one(call.path["withdrawal_id"])
    if found is None or not call.may_see(found.account):
        raise refusal(reasons.NOT_FOUND, actual=call.path["withdrawal_id"])
    return Reply(withdrawal_body(found))


async def list_own_withdrawals(call: Call) -> Reply:
    """One's own, newest first; or the one with a client id of one's own."""
    query: OwnWithdrawalsQuery = call.query or OwnWithdrawalsQuery()
    account, withdrawals = call.own_account(query.account).account, call.services.history.withdrawals
    if query.client_id is not None:
        found = await withdrawals.by_client_id(account, query.client_id)
        return Reply({"items": [] if found is None else [withdrawal_body(found)], "next": None})
    page = await withdrawals.page(account=account, state=None, after=query.after, limit=query.limit)
    return Reply({"items": [withdrawal_body(one) for one in page.items], "next": page.next})


async def list_withdrawals(call: Call) -> Reply:
    """What the bank has to pay, and what it has paid or returned; newest first."""
    query: WithdrawalsQuery = call.query or WithdrawalsQuery()
    page = await call.services.history.withdrawals.page(
        account=query.account, state=query.state, after=query.after, limit=query.limit
    )
    return Reply({"items": [withdrawal_body(one) for one in page.items], "next": page.next})


async def report_paid(call: Call) -> Reply:
    """The bank has paid a withdrawal: the money leaves the exchange. Final."""
    body: PaidReport = call.body
    found = await _reported(call)
    command = PayWithdrawal(
        participant=call.participant,
        account=AccountId(found.account),
        client_id=body.client_id,
        deadline_ns=call.deadline_ns,
        session=call.session,
        withdrawal_id=WithdrawalId(found.withdrawal_id),
        bank_reference=body.bank_reference,
    )
    return await _end(call, command)


async def report_returned(call: Call) -> Reply:
    """The bank could not pay a withdrawal: the money is the account's again. Final."""
    body: ReturnedReport = call.body
    found = await _reported(call)
    command = ReturnWithdrawal(
        participant=call.participant,
        account=AccountId(found.account),
        client_id=body.client_id,
        deadline_ns=call.deadline_ns,
        session=call.session,
        withdrawal_id=WithdrawalId(found.withdrawal_id),
        reason=body.reason,
    )
    return await _end(call, command)


async def _reported(call: Call) -> WithdrawalView:
    found = await call.services.history.withdrawals.one(call.path["withdrawal_id"])
    if found is None:
        raise refusal(WITHDRAWAL_UNKNOWN, actual=call.path["withdrawal_id"])
    return found


async def _end(call: Call, command: BankCommand) -> Reply:
    entry, replayed = await decide(call.services, command)
    raise_if_refused(entry, replayed=replayed)
    return Reply(withdrawal_body(await _reported(call)), headers=replay_headers(replayed=replayed))


def withdrawal_body(withdrawal: WithdrawalView) -> dict[str, Any]:
    """A withdrawal as it stands."""
    ended_ns = withdrawal.outcome_at_ns
    return {
        "id": withdrawal.withdrawal_id,
        "client_id": withdrawal.client_id,
        "account": withdrawal.account,
        "amount": money_text(withdrawal.amount_fen),
        "state": withdrawal.state,
        "bank_reference": withdrawal.bank_reference,
        "reason": withdrawal.reason,
        "created_at": time_text(withdrawal.at_ns),
        "ended_at": None if ended_ns is None else time_text(ended_ns),
    }


_ONE: Final = {"withdrawal_id": ID_PATTERN}

ROUTES: Final = (
    Route(
        method="POST",
        path="/v1/cash/withdrawals",
        handler=request_withdrawal,
        scope=Scope.TRANSFER,
        kind=ActionKind.TRANSFER,
        summary="Ask for money to be paid out",
        tag="cash",
        body=WithdrawalRequest,
        answer=Withdrawal,
        status=CREATED,
        leads_to={
            "/v1/cash/withdrawals/{withdrawal_id}": "/id",
            "/v1/bank/withdrawals/{withdrawal_id}": "/id",
        },
    ),
    Route(
        method="GET",
        path="/v1/cash/withdrawals",
        handler=list_own_withdrawals,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="One's own withdrawals, newest first",
        tag="cash",
        query=OwnWithdrawalsQuery,
        answer=Withdrawals,
    ),
    Route(
        method="GET",
        path="/v1/cash/withdrawals/{withdrawal_id}",
        handler=get_withdrawal,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="Where a withdrawal stands",
        tag="cash",
        answer=Withdrawal,
        path_parameters=_ONE,
    ),
    Route(
        method="GET",
        path="/v1/bank/withdrawals",
        handler=list_withdrawals,
        scope=Scope.BANK,
        or_scopes=SUPERVISED | {Scope.OPERATE},
        kind=ActionKind.READ,
        summary="Withdrawals of all accounts, newest first",
        tag="bank",
        query=WithdrawalsQuery,
        answer=Withdrawals,
    ),
    Route(
        method="POST",
        path="/v1/bank/withdrawals/{withdrawal_id}/paid",
        handler=report_paid,
        scope=Scope.BANK,
        kind=ActionKind.TRANSFER,
        summary="Report a withdrawal as paid",
        tag="bank",
        body=PaidReport,
        answer=Withdrawal,
        path_parameters=_ONE,
    ),
    Route(
        method="POST",
        path="/v1/bank/withdrawals/{withdrawal_id}/returned",
        handler=report_returned,
        scope=Scope.BANK,
        kind=ActionKind.TRANSFER,
        summary="Report that a withdrawal could not be paid",
        tag="bank",
        body=ReturnedReport,
        answer=Withdrawal,
        path_parameters=_ONE,
    ),
)
