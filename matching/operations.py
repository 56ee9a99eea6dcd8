"""Operators' acts outside the ordinary course of a day: halts, restrictions, busts, emergency rules, ways in.

Each needs a reason and leaves an event that those concerned see. Where the rule book names an act among the
`two_person_acts` it waits until a second person approves; it is judged again then, since much may have changed.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from matching import rejections
from matching.access import AccessPermitted, PermitAccess
from matching.acts import (
    DecideClaim,
    GoOnWithoutRegistry,
    GrantMandate,
    LiftFreeze,
    PlaceFreeze,
    ResolveBreak,
    RetryDeliveries,
    RetryRemoval,
    RevokeMandate,
    SettleCashBreak,
    SupersedeBankStatement,
    UnwindDelivery,
)
from matching.commands import (
    AdoptRules,
    AnyAct,
    ApproveAct,
    BustTrade,
    DeclineAct,
    HaltTrading,
    LiftRestriction,
    RestrictAccount,
    ResumeTrading,
    RetryRetirement,
    ReviewNegotiatedTransfer,
)
from matching.custody_acts import CustodyActs
from matching.day_cycle import DayCycle
from matching.delegation import Delegation
from matching.events import (
    AccountRestricted,
    ActApproved,
    ActDeclined,
    ApprovalRequested,
    Event,
    RestrictionLifted,
    RulesAdopted,
    TradeBusted,
    TradingHalted,
    TradingResumed,
)
from matching.negotiation import Negotiation
from matching.order import CancelReason
from matching.outside_acts import OutsideActs
from matching.personal_data import ReleaseSubject, RestrictSubject
from matching.rulebook import RuleBook, refuse_changes
from matching.safety_commands import KillScope, LiftKillSwitch, ThrowKillSwitch
from matching.safety_events import KillSwitchLifted, KillSwitchThrown
from matching.safety_rejections import KILL_SWITCH_NOT_ON, KILL_SWITCH_ON
from matching.session import NS
from matching.subjects import Subjects
from matching.trading import ListedTrading
from matching.waiting import WaitingAct, waiting_act
from settlement.depository import Depository
from settlement.rejections import ACCOUNT_UNKNOWN, PARTICIPANT_UNKNOWN, RETIREMENT_NOT_REFUSED, Rejection
from settlement.values import AccountId, ParticipantId, TradeMethod


class Operations:
    """What is done by operators, and what of it waits for a second person."""

    __slots__ = (
        "_custody_acts",
        "_cycle",
        "_depository",
        "_negotiation",
        "_outside_acts",
        "_rulebook",
        "_trading",
        "delegation",
        "subjects",
        "waiting",
    )

    def __init__(
        self,
        depository: Depository,
        trading: ListedTrading,
        negotiation: Negotiation,
        rulebook: RuleBook,
        cycle: DayCycle,
    ) -> None:
        """Nothing waits."""
        self.subjects = Subjects(depository)
        self.delegation = Delegation(depository, trading, negotiation.transfers, self.subjects)
        self._negotiation = negotiation
        self._depository = depository
        self._trading = trading
        self._rulebook = rulebook
        self._cycle = cycle
        self._custody_acts = CustodyActs(depository, cycle)
        self._outside_acts = OutsideActs(depository, cycle)
        self.waiting: dict[int, AnyAct] = {}
        """Acts that wait for a second person, by approval id."""

    def act(self, act: AnyAct) -> Rejection | Iterable[Event]:
        """Do an act, or let it wait for a second person where the rule book says so."""
        refused = self._refuse(act)
        if refused is not None:
            return refused
        # From here the command must succeed.
        if self._needs_second_person(act):
            approval_id = self._cycle.stamp.seq
            self.waiting[approval_id] = act
            return (
                ApprovalRequested(
                    approval_id=approval_id, act=act.name, operator=act.operator, reason=act.reason
                ),
            )
        return self._do(act)

    def approve(self, command: ApproveAct) -> Rejection | Iterable[Event]:
        """The second person agrees: do the act, if it still can be done. If it cannot, it goes on waiting."""
        act = self.waiting.get(command.approval_id)
        if act is None:
            return rejections.APPROVAL_UNKNOWN.because(actual=str(command.approval_id))
        if act.operator == command.operator:
            return rejections.SECOND_PERSON_NEEDED.because(actual=command.operator)
        refused = self._refuse(act, waited=True)
        if refused is not None:
            return refused
        # From here the command must succeed.
        del self.waiting[command.approval_id]
        approved = ActApproved(approval_id=command.approval_id, act=act.name, operator=command.operator)
        return (approved, *self._do(act))

    def decline(self, command: DeclineAct) -> Rejection | Iterable[Event]:
        """Let a waiting act go."""
        act = self.waiting.get(command.approval_id)
        if act is None:
            return rejections.APPROVAL_UNKNOWN.because(actual=str(command.approval_id))
        if not command.reason:
            return rejections.REASON_MISSING.because()
        # From here the command must succeed.
        del self.waiting[command.approval_id]
        return (
            ActDeclined(
                approval_id=command.approval_id,
                act=act.name,
                operator=command.operator,
                reason=command.reason,
            ),
        )

    def _needs_second_person(self, act: AnyAct) -> bool:
        rules = self._cycle.market_rules
        return rules is not None and act.name in rules.two_person_acts

    # ---- guards -------------------------------------------------------------------------------------------------

    def _refuse(self, act: AnyAct, *, waited: bool = False) -> Rejection | None:
        if self._lacks_reason(act):
            return rejections.REASON_MISSING.because()
        match act:
            case HaltTrading() | ResumeTrading():
                return self._refuse_halt(act)
            case RestrictAccount() | LiftRestriction():
                return self._refuse_restriction(act)
            case BustTrade():
                return self._refuse_bust(act)
            case RetryRetirement():
                return self._refuse_retry(act)
            case AdoptRules():
                return self._refuse_rules(act, waited=waited)
            case (
                PlaceFreeze()
                | LiftFreeze()
                | DecideClaim()
                | RetryRemoval()
                | ResolveBreak()
                | RetryDeliveries()
                | UnwindDelivery()
            ):
                return self._custody_acts.refuse(act)
            case SettleCashBreak() | SupersedeBankStatement() | GoOnWithoutRegistry():
                return self._outside_acts.refuse(act)
            case ReviewNegotiatedTransfer():
                return self._negotiation.refuse_review(act)
            case GrantMandate() | RevokeMandate():
                rules, at_ns = self._cycle.market_rules, self._cycle.stamp.at_ns
                return self.delegation.refuse(act, rules, at_ns)
            case ThrowKillSwitch() | LiftKillSwitch():
                return self._refuse_kill_switch(act)
            case RestrictSubject() | ReleaseSubject():
                return self.subjects.refuse(act)
            case PermitAccess():
                return None
            case _:
                assert_never(act)

    def _lacks_reason(self, act: AnyAct) -> bool:
        """Of what is about access a reason is asked only by a second person, to judge by."""
        return not act.reason and (not isinstance(act, PermitAccess) or self._needs_second_person(act))

    def _refuse_halt(self, act: HaltTrading | ResumeTrading) -> Rejection | None:
        if act.listing is not None and act.listing not in self._trading.markets:
            return rejections.LISTING_UNKNOWN.because(actual=act.listing)
        halted = act.listing in self._trading.standing.halts
        if isinstance(act, HaltTrading) and halted:
            return rejections.LISTING_HALTED.because(actual=act.listing or "market")
        if isinstance(act, ResumeTrading) and not halted:
            return rejections.NOT_HALTED.because(actual=act.listing or "market")
        return None

    def _refuse_restriction(self, act: RestrictAccount | LiftRestriction) -> Rejection | None:
        if act.account not in self._depository.accounts:
            return ACCOUNT_UNKNOWN.because(actual=act.account)
        restricted = act.account in self._trading.standing.restrictions
        if isinstance(act, RestrictAccount) and restricted:
            return rejections.ACCOUNT_RESTRICTED.because(actual=act.account)
        if isinstance(act, LiftRestriction) and not restricted:
            return rejections.NOT_RESTRICTED.because(actual=act.account)
        return None

    def _refuse_kill_switch(self, act: ThrowKillSwitch | LiftKillSwitch) -> Rejection | None:
        depository, is_on = self._depository, (act.scope, act.subject) in self._trading.standing.kills
        if act.scope is KillScope.ACCOUNT and AccountId(act.subject) not in depository.accounts:
            return ACCOUNT_UNKNOWN.because(actual=act.subject)
        if act.scope is KillScope.PARTICIPANT and ParticipantId(act.subject) not in depository.participants:
            return PARTICIPANT_UNKNOWN.because(actual=act.subject)
        if isinstance(act, ThrowKillSwitch) and is_on:
            return KILL_SWITCH_ON.because(actual=act.subject or act.scope)
        if isinstance(act, LiftKillSwitch) and not is_on:
            return KILL_SWITCH_NOT_ON.because(actual=act.subject or act.scope)
        return None

    def _refuse_bust(self, act: BustTrade) -> Rejection | None:
        close = self._cycle.close
        if close is not None and close.prices_are_set:
            return rejections.CLOSE_UNDER_WAY.because(actual=close.step)
        if not self._depository.movements.obligations.is_uninstructed(act.trade_id):
            return rejections.TRADE_NOT_PENDING.because(actual=str(act.trade_id))
        return None

    def _refuse_retry(self, act: RetryRetirement) -> Rejection | None:
        if not self._depository.movements.retirements.is_refused(act.retirement_id):
            return RETIREMENT_NOT_REFUSED.because(actual=act.retirement_id)
        return None

    def _refuse_rules(self, act: AdoptRules, *, waited: bool) -> Rejection | None:
        rules, now_ns = self._cycle.market_rules, self._cycle.stamp.at_ns
        # Before the first day the book is being founded, and may tell its own past. An emergency that waited for its
        # second person takes effect when it is done, if the time it was meant for has passed by then.
        if rules is None or (act.emergency and waited):
            return refuse_changes(act.changes, 0)
        refused = refuse_changes(act.changes, now_ns)
        if refused is not None or act.emergency:
            return refused
        earliest_ns = now_ns + rules.notice_s * NS
        for change in act.changes:
            if change.effective_from_ns < earliest_ns:
                return rejections.RULE_WITHOUT_NOTICE.because(
                    limit=earliest_ns, actual=change.effective_from_ns
                )
        return None

    # ---- deeds --------------------------------------------------------------------------------------------------

    def _do(self, act: AnyAct) -> Iterable[Event]:  # noqa: C901 - one case an act
        standing = self._trading.standing
        operator, reason = act.operator, act.reason
        match act:
            case HaltTrading():
                standing.halts[act.listing] = act.reason
                return (TradingHalted(listing=act.listing, operator=operator, reason=reason),)
            case ResumeTrading():
                del standing.halts[act.listing]
                return (TradingResumed(listing=act.listing, operator=operator, reason=reason),)
            case RestrictAccount():
                return self._restrict(act)
            case LiftRestriction():
                del standing.restrictions[act.account]
                return (RestrictionLifted(account=act.account, operator=operator, reason=reason),)
            case BustTrade():
                return self._bust(act)
            case RetryRetirement():
                return self._retry(act)
            case AdoptRules():
                return self._adopt(act)
            case (
                PlaceFreeze()
                | LiftFreeze()
                | DecideClaim()
                | RetryRemoval()
                | ResolveBreak()
                | RetryDeliveries()
                | UnwindDelivery()
            ):
                return self._custody_acts.do(act)
            case SettleCashBreak() | SupersedeBankStatement() | GoOnWithoutRegistry():
                return self._outside_acts.do(act)
            case ReviewNegotiatedTransfer():
                return self._negotiation.review(act, self._cycle.moment())
            case GrantMandate() | RevokeMandate():
                return tuple(self.delegation.do(act, self._cycle.stamp.seq))
            case ThrowKillSwitch() | LiftKillSwitch():
                return self._switch(act)
            case RestrictSubject() | ReleaseSubject():
                return (self.subjects.do(act),)
            case PermitAccess():
                return (AccessPermitted.of(act),)
            case _:
                assert_never(act)

    def _restrict(self, act: RestrictAccount) -> Iterable[Event]:
        account, why = act.account, rejections.ACCOUNT_RESTRICTED.because()
        self._trading.standing.restrictions[account] = act.reason
        return (
            AccountRestricted(account=account, operator=act.operator, reason=act.reason),
            *self._trading.withdraw(account, CancelReason.RESTRICTED),
            *self._negotiation.transfers.restrict(account, why),
        )

    def _switch(self, act: ThrowKillSwitch | LiftKillSwitch) -> Iterable[Event]:
        kills, place = self._trading.standing.kills, (act.scope, act.subject)
        if isinstance(act, LiftKillSwitch):
            del kills[place]
            return (
                KillSwitchLifted(
                    scope=act.scope, subject=act.subject, operator=act.operator, reason=act.reason
                ),
            )
        kills[place] = act.reason
        thrown = KillSwitchThrown(
            scope=act.scope, subject=act.subject, operator=act.operator, reason=act.reason
        )
        return (thrown, *self._trading.kill(act.scope, act.subject))

    def _adopt(self, act: AdoptRules) -> Iterable[Event]:
        changes = act.changes
        if act.emergency and self._cycle.market_rules is not None:
            now_ns = self._cycle.stamp.at_ns
            changes = tuple(
                replace(change, effective_from_ns=max(change.effective_from_ns, now_ns)) for change in changes
            )
        self._rulebook.adopt(changes)
        adopted = RulesAdopted(version=self._rulebook.version, changes=changes)
        return (adopted, *self._cycle.follow_time())

    def _retry(self, act: RetryRetirement) -> Iterable[Event]:
        day = self._cycle.trading_day
        assert day is not None, "a retirement before the first day"
        return (
            self._depository.movements.retirements.retry(
                act.retirement_id, self._cycle.stamp.seq, day, self._cycle.not_after_ns()
            ),
        )

    def _bust(self, act: BustTrade) -> Iterable[Event]:
        delivery, returned = self._depository.movements.obligations.bust(act.trade_id)
        busted = TradeBusted(
            trade_id=delivery.trade_id,
            listing=delivery.instrument,
            seller=delivery.seller,
            buyer=delivery.buyer,
            quantity_tonnes=delivery.quantity_tonnes,
            amount_fen=delivery.amount_fen,
            operator=act.operator,
            reason=act.reason,
            method=delivery.method,
        )
        market = self._trading.markets[delivery.instrument]
        if delivery.method is TradeMethod.NEGOTIATED:
            market.undo_negotiated(delivery.trade_id)
            self._negotiation.transfers.bust(delivery.trade_id)
            return (busted, *returned)
        return (busted, *returned, market.undo(delivery.trade_id))

    # ---- snapshots ----------------------------------------------------------------------------------------------

    def dump(self) -> tuple[WaitingAct, ...]:
        """What waits, for a snapshot: each under the field of its own kind."""
        return tuple(waiting_act(approval_id, act) for approval_id, act in self.waiting.items())

    def load(self, state: tuple[WaitingAct, ...]) -> None:
        """Take over what a snapshot tells."""
        for one in state:
            self.waiting[one.approval_id] = one.act
