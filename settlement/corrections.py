"""Corrections: units the platform takes back because they were issued on abnormal data (Measures 2023, Art. 22).

What is still with the account that brought it in is removed: frozen at once, and sent back to the management side as
soon as no trade is owed from it. What was sold or used meanwhile is claimed from that account; whoever bought it keeps
it, unless the rule book freezes it or two persons decide otherwise.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from settlement import claim as claims
from settlement import removal as removals
from settlement import serials
from settlement.claim import Claim, ClaimDecision, ClaimId, ClaimState, CorrectionPolicy
from settlement.custody_events import (
    ClaimDecided,
    ClaimOpened,
    FreezeLifted,
    FreezePlaced,
    RemovalAsked,
    RemovalCompleted,
    RemovalOpened,
    RemovalRefused,
)
from settlement.events import Instruction, MovementEvent
from settlement.freeze import Freeze, FreezeId, FreezeSource
from settlement.freezing import Freezing
from settlement.holdings import Holdings
from settlement.ledger import Ledger
from settlement.lot import Lot
from settlement.movements import TOO_LATE, Movements
from settlement.notice import Notice
from settlement.removal import Removal, RemovalId, RemovalState, RemovalStep
from settlement.serials import NONE, Serials
from settlement.values import AccountId, AssetCode, LotId, TradingDay

CorrectionEvent: TypeAlias = (
    ClaimOpened
    | ClaimDecided
    | RemovalOpened
    | RemovalAsked
    | RemovalCompleted
    | RemovalRefused
    | FreezePlaced
    | FreezeLifted
    | MovementEvent
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectionsState:
    """As written to a snapshot."""

    claims: tuple[Claim, ...]
    removals: tuple[Removal, ...]
    last_claim_id: int
    last_removal_id: int


class Corrections:
    """Claims that are not decided for good, and removals that are not done."""

    __slots__ = (
        "_freezing",
        "_holdings",
        "_last_claim_id",
        "_last_removal_id",
        "_ledger",
        "_lots",
        "_movements",
        "claims",
        "removals",
    )

    def __init__(
        self,
        ledger: Ledger,
        holdings: Holdings,
        movements: Movements,
        freezing: Freezing,
        lots: dict[LotId, Lot],
    ) -> None:
        """Nothing corrected. Everything handed in is the depository's own."""
        self._ledger = ledger
        self._holdings = holdings
        self._movements = movements
        self._freezing = freezing
        self._lots = lots
        self.claims: dict[ClaimId, Claim] = {}
        """Open or frozen, oldest first."""
        self.removals: dict[RemovalId, Removal] = {}
        """Not completed, oldest first."""
        self._last_claim_id = 0
        self._last_removal_id = 0

    # ---- a correction -------------------------------------------------------------------------------------------

    def correct(self, notice: Notice, policy: CorrectionPolicy) -> Iterator[CorrectionEvent]:
        """Remove what is still with who brought it, and claim the rest. The lot is known, the serials are sound."""
        assert notice.lot_id is not None, f"notice {notice.sequence} corrects no lot"
        lot_id = notice.lot_id
        named = notice.serials or (self._lots[lot_id].serials,)
        for account, brought in list(self._movements.transfers.provenance.of(lot_id)):
            corrected = serials.intersection(brought, named)
            held = serials.intersection(self._holdings.owned(account, lot_id), corrected)
            sold = serials.difference(corrected, held)
            sold = _without(sold, self._leaving(account, lot_id))
            sold = _without(sold, self._claimed(lot_id))
            held = _without(held, self._going(lot_id))
            if held:
                yield from self._remove(account, lot_id, held, notice.sequence, notice.reason)
            if sold:
                yield from self._claim(account, lot_id, sold, notice, policy)

    def _claim(
        self, against: AccountId, lot_id: LotId, sold: Serials, notice: Notice, policy: CorrectionPolicy
    ) -> Iterator[ClaimOpened | FreezePlaced]:
        self._last_claim_id += 1
        freezes = policy is CorrectionPolicy.FREEZE_HOLDER
        opened = Claim(
            claim_id=ClaimId(self._last_claim_id),
            notice_sequence=notice.sequence,
            against=against,
            lot_id=lot_id,
            serials=sold,
            quantity_tonnes=serials.count(sold),
            reason=notice.reason,
            state=ClaimState.FROZEN if freezes else ClaimState.OPEN,
        )
        self.claims[opened.claim_id] = opened
        yield ClaimOpened(claim=opened)
        if freezes:
            yield self._freezing.place(_freeze_of_claim(opened))

    def _remove(  # noqa: PLR0917 - a removal has that many parts
        self,
        account: AccountId,
        lot_id: LotId,
        held: Serials,
        notice_sequence: int,
        reason: str,
        claim_id: ClaimId | None = None,
    ) -> Iterator[RemovalOpened | FreezePlaced]:
        self._last_removal_id += 1
        opened = Removal(
            removal_id=RemovalId(self._last_removal_id),
            account=account,
            lot_id=lot_id,
            serials=held,
            notice_sequence=notice_sequence,
            reason=reason,
            claim_id=claim_id,
        )
        self.removals[opened.removal_id] = opened
        yield RemovalOpened(removal=opened)
        yield self._freezing.place(_freeze_of_removal(opened))

    # ---- claims -------------------------------------------------------------------------------------------------

    def can_decide(self, claim_id: ClaimId, decision: ClaimDecision) -> bool:
        """Whether there is such a claim, and this can be decided about it now."""
        known = self.claims.get(claim_id)
        return known is not None and (known.state, decision) in claims.LIFE

    def decide(
        self, claim_id: ClaimId, decision: ClaimDecision, operator: str, reason: str
    ) -> Iterator[CorrectionEvent]:
        """What becomes of the units, whoever has them. Those that are nobody's here any more stay as they are."""
        before = self.claims.pop(claim_id)
        after = replace(before, state=claims.LIFE[before.state, decision])
        yield ClaimDecided(
            claim_id=claim_id,
            against=after.against,
            decision=decision,
            state=after.state,
            operator=operator,
            reason=reason,
        )
        if after.state is ClaimState.FROZEN:
            self.claims[claim_id] = after
            yield self._freezing.place(_freeze_of_claim(after))
        elif before.state is ClaimState.FROZEN:
            yield self._freezing.lift(_freeze_of_claim(before).freeze_id, reason)
        if after.state is ClaimState.REMOVED:
            for holder in self._holdings.holders(after.lot_id):
                held = serials.intersection(self._holdings.owned(holder, after.lot_id), after.serials)
                held = _without(held, self._going(after.lot_id))
                if held:
                    yield from self._remove(
                        holder, after.lot_id, held, after.notice_sequence, reason, claim_id
                    )

    # ---- removals -----------------------------------------------------------------------------------------------

    def is_refused(self, removal_id: RemovalId) -> bool:
        """Whether there is such a removal and it waits to be asked again."""
        known = self.removals.get(removal_id)
        return known is not None and known.state is RemovalState.REFUSED

    def retry(self, removal_id: RemovalId) -> None:
        """Have it asked again at the end of the command."""
        removal = self._step(removal_id, RemovalStep.RETRY)
        self._freezing.restrictions.stir(removal.account, removal.lot_id)

    def send(
        self, place: tuple[AccountId, AssetCode], seq: int, day: TradingDay, not_after_ns: int
    ) -> Iterator[CorrectionEvent]:
        """Ask for every removal that waits there and whose units are free to go."""
        account, instrument = place
        for removal in list(self.removals.values()):
            if (removal.account, self._lots[removal.lot_id].instrument) != place:
                continue
            if removal.state is not RemovalState.WAITING:
                continue
            if self._ledger.balance(account, instrument).frozen < serials.count(removal.serials):
                continue
            if not serials.contains(self._holdings.of_lot(account, removal.lot_id), removal.serials):
                continue  # set aside for a trade that is not delivered yet
            self._step(removal.removal_id, RemovalStep.ASK)
            yield RemovalAsked(removal_id=removal.removal_id, account=account)
            yield from self._movements.transfers.send_back(removal, seq, day, not_after_ns)
            self._movements.obligations.clamp(account, instrument)

    def answered(self, instruction: Instruction, code: str | None) -> Iterator[CorrectionEvent]:
        """The registry's word on a removal: done, and its freeze ends; or refused, and it stays frozen."""
        assert instruction.removal_id is not None, f"{instruction.instruction_id} removes nothing"
        if code is None:
            removal = self._step(instruction.removal_id, RemovalStep.COMPLETE)
            yield RemovalCompleted(removal_id=removal.removal_id, account=removal.account)
            yield self._freezing.lift(_freeze_of_removal(removal).freeze_id, removal.reason)
            return
        removal = self._step(instruction.removal_id, RemovalStep.REFUSE)
        yield RemovalRefused(removal_id=removal.removal_id, account=removal.account, code=code)
        if code == TOO_LATE:  # nothing is wrong with it: ask again
            self.retry(removal.removal_id)

    def _step(self, removal_id: RemovalId, what: RemovalStep) -> Removal:
        before = self.removals[removal_id]
        after = replace(before, state=removals.LIFE[before.state, what])
        self.removals[removal_id] = after
        if after.state is RemovalState.COMPLETED:
            del self.removals[removal_id]
        return after

    # ---- soundness and snapshots --------------------------------------------------------------------------------

    def dump(self) -> CorrectionsState:
        """All of it, for a snapshot."""
        return CorrectionsState(
            claims=tuple(self.claims.values()),
            removals=tuple(self.removals.values()),
            last_claim_id=self._last_claim_id,
            last_removal_id=self._last_removal_id,
        )

    def load(self, state: CorrectionsState) -> None:
        """Take over what a snapshot tells; its freezes are taken over by themselves."""
        self.claims = {known.claim_id: known for known in state.claims}
        self.removals = {known.removal_id: known for known in state.removals}
        self._last_claim_id, self._last_removal_id = state.last_claim_id, state.last_removal_id

    def check(self) -> None:
        """What waits to be removed is with its account; what is asked for is in one movement; freezes are as due."""
        asked = [
            one.removal_id for one in self._movements.instructions.values() if one.removal_id is not None
        ]
        assert len(asked) == len(set(asked)), f"asked for twice: {asked}"
        going: dict[LotId, Serials] = {}
        for removal in self.removals.values():
            assert (removal.removal_id in asked) is (removal.state is RemovalState.INSTRUCTED), removal
            going[removal.lot_id] = serials.union(going.get(removal.lot_id, NONE), removal.serials)
            if removal.state is not RemovalState.INSTRUCTED:
                held = self._holdings.owned(removal.account, removal.lot_id)
                assert serials.contains(held, removal.serials), f"{removal} is not there"
        expected = [_freeze_of_removal(one) for one in self.removals.values()]
        expected += [_freeze_of_claim(one) for one in self.claims.values() if one.state is ClaimState.FROZEN]
        ours = (FreezeSource.CORRECTION, FreezeSource.CLAIM)
        freezes = self._freezing.restrictions.freezes
        placed = {freeze_id: freeze for freeze_id, freeze in freezes.items() if freeze.source in ours}
        assert placed == {freeze.freeze_id: freeze for freeze in expected}

    def _going(self, lot_id: LotId) -> Serials:
        """Serials of a lot that are being removed already."""
        going = NONE
        for removal in self.removals.values():
            if removal.lot_id == lot_id:
                going = serials.union(going, removal.serials)
        return going

    def _claimed(self, lot_id: LotId) -> Serials:
        """Serials of a lot that are claimed already."""
        claimed = NONE
        for known in self.claims.values():
            if known.lot_id == lot_id:
                claimed = serials.union(claimed, known.serials)
        return claimed

    def _leaving(self, account: AccountId, lot_id: LotId) -> Serials:
        """Serials of a lot that the account has asked to have back on the management side."""
        leaving = NONE
        for owner, part in self._movements.transfers.leaving():
            if owner == account and part.lot_id == lot_id:
                leaving = serials.union(leaving, part.serials)
        return leaving


def _without(left: Serials, right: Serials) -> Serials:
    return serials.difference(left, serials.intersection(left, right))


def _freeze_of_claim(known: Claim) -> Freeze:
    return Freeze(
        freeze_id=FreezeId(f"claim-{known.claim_id}"),
        source=FreezeSource.CLAIM,
        lot_id=known.lot_id,
        serials=known.serials,
        reason=known.reason,
    )


def _freeze_of_removal(removal: Removal) -> Freeze:
    return Freeze(
        freeze_id=FreezeId(f"removal-{removal.removal_id}"),
        source=FreezeSource.CORRECTION,
        lot_id=removal.lot_id,
        serials=removal.serials,
        reason=removal.reason,
    )
