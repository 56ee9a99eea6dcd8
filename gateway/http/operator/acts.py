"""Operators' exceptional acts: halts, restrictions, undoing a trade. Each says why, and may need a second person."""

from typing import Annotated, Final, Literal

from pydantic import Field

from gateway.engine.entry import Entry
from gateway.formats import time_text
from gateway.http.approvals import act
from gateway.http.listed.answers import cancelled_for
from gateway.http.operator_routes import acting
from gateway.http.routing import Call, Reply
from gateway.http.shapes import (
    DIGITS_PATTERN,
    LISTING_PATTERN,
    AccountName,
    Answer,
    Id,
    ListingCode,
    OperatorRequest,
    Text,
    Time,
)
from matching.commands import (
    BustTrade,
    HaltTrading,
    LiftRestriction,
    RestrictAccount,
    ResumeTrading,
    RetryRetirement,
)
from matching.order import CancelReason
from settlement.retirement import RetirementId
from settlement.values import AccountId, AssetCode, TradeId

_RETIREMENT_PATTERN: Final = "^[a-z0-9-]{1,40}$"


class HaltAnswer(Answer):
    """Trading of a listing, or of the market, as it stands now."""

    listing: ListingCode | None
    halted: bool
    reason: str
    time: Time


class RestrictionRequest(OperatorRequest):
    """Freeze an account's trading, or let it trade again."""

    account: AccountName
    act: Literal["restrict", "lift"]
    reason: Text


class RestrictionAnswer(Answer):
    """The account as it stands now."""

    account: AccountName
    restricted: bool
    reason: str
    cancelled: list[Id]
    """Its open orders, taken back."""
    time: Time


class RetirementAnswer(Answer):
    """The registry is asked again."""

    retirement: Annotated[str, Field(pattern=_RETIREMENT_PATTERN)]
    state: Literal["instructed"]
    reason: str
    time: Time


class BustAnswer(Answer):
    """The trade was undone: both sides have back what was theirs."""

    trade: Id
    state: Literal["busted"]
    reason: str
    time: Time


async def halt(call: Call) -> Reply:
    """Stop taking and matching orders of a listing. They can still be cancelled; no session is extended."""
    return await _halt(call, AssetCode(call.path["code"]))


async def resume(call: Call) -> Reply:
    """Let a listing trade again."""
    return await _resume(call, AssetCode(call.path["code"]))


async def halt_market(call: Call) -> Reply:
    """Stop taking and matching orders of every listing."""
    return await _halt(call, None)


async def resume_market(call: Call) -> Reply:
    """Let the market trade again; a listing halted by itself stays so."""
    return await _resume(call, None)


async def _halt(call: Call, listing: AssetCode | None) -> Reply:
    reason = call.body.reason
    done = await act(call, HaltTrading(operator=call.participant, reason=reason, listing=listing))
    return done if isinstance(done, Reply) else _trading(done, listing, reason, halted=True)


async def _resume(call: Call, listing: AssetCode | None) -> Reply:
    reason = call.body.reason
    done = await act(call, ResumeTrading(operator=call.participant, reason=reason, listing=listing))
    return done if isinstance(done, Reply) else _trading(done, listing, reason, halted=False)


def _trading(entry: Entry, listing: AssetCode | None, reason: str, *, halted: bool) -> Reply:
    time = time_text(entry.at_ns)
    return Reply({"listing": listing, "halted": halted, "reason": reason, "time": time})


async def restrict(call: Call) -> Reply:
    """Freeze an account's trading, which takes back its open orders, or let it trade again."""
    body: RestrictionRequest = call.body
    kind = RestrictAccount if body.act == "restrict" else LiftRestriction
    command = kind(operator=call.participant, reason=body.reason, account=AccountId(body.account))
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    answer = {
        "account": body.account,
        "restricted": body.act == "restrict",
        "reason": body.reason,
        "cancelled": cancelled_for(done, CancelReason.RESTRICTED),
        "time": time_text(done.at_ns),
    }
    return Reply(answer)


async def retry_retirement(call: Call) -> Reply:
    """Have the registry asked again for a retirement that it refused."""
    retirement_id, reason = RetirementId(call.path["retirement_id"]), call.body.reason
    command = RetryRetirement(operator=call.participant, reason=reason, retirement_id=retirement_id)
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    time = time_text(done.at_ns)
    return Reply({"retirement": retirement_id, "state": "instructed", "reason": reason, "time": time})


async def bust(call: Call) -> Reply:
    """Undo a trade whose delivery has not been instructed."""
    trade_id, reason = TradeId(int(call.path["trade_id"])), call.body.reason
    done = await act(call, BustTrade(operator=call.participant, reason=reason, trade_id=trade_id))
    if isinstance(done, Reply):
        return done
    time = time_text(done.at_ns)
    return Reply({"trade": str(trade_id), "state": "busted", "reason": reason, "time": time})


_CODE: Final = {"code": LISTING_PATTERN}

ROUTES: Final = (
    acting("/v1/operator/listings/{code}/halt", halt, "Halt a listing", HaltAnswer, path_parameters=_CODE),
    acting(
        "/v1/operator/listings/{code}/resume", resume, "Resume a listing", HaltAnswer, path_parameters=_CODE
    ),
    acting("/v1/operator/market/halt", halt_market, "Halt the market", HaltAnswer),
    acting("/v1/operator/market/resume", resume_market, "Resume the market", HaltAnswer),
    acting(
        "/v1/operator/restrictions",
        restrict,
        "Freeze an account's trading, or let it trade again",
        RestrictionAnswer,
        body=RestrictionRequest,
    ),
    acting(
        "/v1/operator/trades/{trade_id}/bust",
        bust,
        "Undo a trade before its delivery",
        BustAnswer,
        path_parameters={"trade_id": DIGITS_PATTERN},
    ),
    acting(
        "/v1/operator/retirements/{retirement_id}/retry",
        retry_retirement,
        "Have a refused retirement asked again",
        RetirementAnswer,
        path_parameters={"retirement_id": _RETIREMENT_PATTERN},
    ),
)
