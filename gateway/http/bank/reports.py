"""The settlement bank's reports."""

from typing import Final

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.formats import money_text, time_text
from gateway.http.replays import decide, raise_if_refused, replay_headers
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import (
    AccountName,
    AmountIn,
    Answer,
    BankReference,
    ClientId,
    Id,
    Money,
    Request,
    Time,
)
from settlement.commands import DepositCash
from settlement.values import AccountId

CREATED: Final = 201


class DepositRequest(Request):
    """Money received for an account. The bank's own reference is booked once."""

    client_id: ClientId
    account: AccountName
    amount: AmountIn
    bank_reference: BankReference


class Deposit(Answer):
    """Booked."""

    id: Id
    client_id: ClientId
    account: AccountName
    amount: Money
    bank_reference: str
    time: Time


async def report_deposit(call: Call) -> Reply:
    """Book money received. It is available at once."""
    body: DepositRequest = call.body
    command = DepositCash(
        participant=call.participant,
        account=AccountId(body.account),
        client_id=body.client_id,
        deadline_ns=call.deadline_ns,
        session=call.session,
        amount_fen=body.amount,
        bank_reference=body.bank_reference,
    )
    entry, replayed = await decide(call.services, command)
    raise_if_refused(entry, replayed=replayed)
    answer = {
        "id": str(entry.seq),
        "client_id": body.client_id,
        "account": body.account,
        "amount": money_text(body.amount),
        "bank_reference": body.bank_reference,
        "time": time_text(entry.at_ns),
    }
    return Reply(answer, status=CREATED, headers=replay_headers(replayed=replayed))


ROUTES: Final = (
    Route(
        method="POST",
        path="/v1/bank/deposits",
        handler=report_deposit,
        scope=Scope.BANK,
        kind=ActionKind.TRANSFER,
        summary="Report money received for an account",
        tag="bank",
        body=DepositRequest,
        answer=Deposit,
        status=CREATED,
    ),
)
