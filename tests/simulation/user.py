"""Chance at the desk where units are used up: offsets, other uses, withdrawals, and what they are judged by."""

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

from matching.commands import Command
from settlement.compliance_year import (
    Cap,
    CapBase,
    ComplianceYear,
    CreditsUsed,
    Enforcement,
    Exclusion,
    Filing,
)
from settlement.lot import Origin
from settlement.lot_choice import LotChoice
from settlement.retirement import UseId
from settlement.use_commands import (
    AdoptComplianceYear,
    DesignateWelfareAccount,
    FileVerifiedEmissions,
    SubmitOffset,
    SubmitRetirement,
    WithdrawUse,
)
from settlement.values import AccountId, AssetCode, LotId, ParticipantId
from tests.simulation import universe
from tests.simulation.universe import CLASS_ONE, CLASS_TWO

if TYPE_CHECKING:
    from tests.simulation.hostile import Hostile

NS: Final = 10**9
YEARS: Final = (2025, 2025, 2025, 2026)
USER_KINDS: Final = (
    (60, "offset"),
    (22, "retirement"),
    (10, "withdrawal"),
    (9, "year"),
    (12, "filing"),
    (3, "designation"),
)
"""How often each is sent, beside everything else, and the method that makes it."""


class User:
    """Sends what the desk is for, right and wrong. It looks where the other commands look."""

    def __init__(self, hostile: "Hostile") -> None:
        self.hostile = hostile
        self.random: Random = hostile.random
        self.market = hostile.market
        self.names: list[str] = []

    def offset(self) -> Command:
        account = self.hostile.account()
        if self.hostile.chance(0.7):
            account = self.random.choice((AccountId("a2"), AccountId("a2-second")))
        quantity, lots = self.wanted(account, CLASS_ONE)
        return SubmitOffset(
            participant=self.hostile.actor(account),
            account=account,
            client_id=self.hostile.fresh_id(),
            deadline_ns=self.hostile.deadline(),
            compliance_year=self.random.choice(YEARS),
            instrument=self.random.choice((*(None,) * 9, CLASS_ONE, CLASS_ONE, CLASS_TWO, AssetCode("NOPE"))),
            quantity_tonnes=quantity,
            lots=lots,
            beneficiary=self.random.choice((*("",) * 9, "somebody", "a\nlake")),
            statement=self.random.choice((*("",) * 9, "for the year", "x" * 501)),
        )

    def retirement(self) -> Command:
        account = self.hostile.account()
        instrument = self.random.choice((None, CLASS_ONE, CLASS_TWO))
        quantity, lots = self.wanted(account, instrument or CLASS_TWO)
        use = self.random.choice(universe.NO_USES if self.hostile.chance(0.05) else universe.USES)
        welfare = [*self.market.office.welfare, "a5", "nobody"]
        return SubmitRetirement(
            participant=self.hostile.actor(account),
            account=account,
            client_id=self.hostile.fresh_id(),
            deadline_ns=self.hostile.deadline(),
            use=use,
            instrument=instrument,
            quantity_tonnes=quantity,
            lots=lots,
            donate_to=AccountId(self.random.choice(welfare)) if self.hostile.chance(0.4) else None,
        )

    def withdrawal(self) -> Command:
        held = [use for use in self.market.office.under_way if not use.asked]
        account, name = self.hostile.account(), "offset-1"
        if self.market.office.under_way and self.hostile.chance(0.9):
            use = self.random.choice(held or self.market.office.under_way)
            account, name = AccountId(use.account), use.name
        return WithdrawUse(
            participant=self.hostile.actor(account),
            account=account,
            client_id=self.hostile.fresh_id(),
            deadline_ns=self.hostile.deadline(),
            use_id=UseId(name),
        )

    def year(self) -> Command:
        now_ns, hour_ns = self.hostile.at_ns, 3_600 * NS
        cap = Cap(
            base=self.random.choice(tuple(CapBase)),
            ratio_numerator=self.random.choice((1, 1, 5, 5, 33, 101)),
            ratio_denominator=self.random.choice((100, 100, 100, 0)),
            enforcement=self.random.choice(tuple(Enforcement)),
            joint_credits=self.random.choice(((), ("CCER",))),
        )
        lots = [LotId(f"L{self.random.randrange(12)}") for _ in range(self.random.choice((0, 1, 3, 8)))]
        terms = ComplianceYear(
            year=self.random.choice((*YEARS, 1)),
            opens_ns=self.random.choice((0, 0, 0, now_ns + hour_ns)),
            deadline_ns=self.random.choice((*(2**62,) * 4, now_ns + hour_ns)),
            cap=self.random.choice((None, cap, cap, cap)),
            methodologies=self.random.choice((*((),) * 5, ("SHCER02020022024II",), ("another",))),
            period_from=self.random.choice((*("",) * 5, "2024-01-01", "2024")),
            period_to=self.random.choice((*("",) * 5, "2024-12-31", "2023-12-31")),
            origins=self.random.choice(((), (), (), (Origin.PROJECT,))),
            exclusions=tuple(
                Exclusion(lot_id=lot, entity=self.random.choice((None, ParticipantId("p2"))), reason="chance")
                for lot in lots
            ),
            effective_from_ns=self.random.choice((0, 0, 0, now_ns, now_ns - 1, now_ns + hour_ns)),
            source="chance",
        )
        if self.hostile.chance(0.05):
            terms = replace(terms, source="")
        return AdoptComplianceYear(operator=self.hostile.operator(), terms=terms)

    def filing(self) -> Command:
        credit = CreditsUsed(credit="CCER", tonnes=self.random.choice((0, 3, 50)))
        filing = Filing(
            entity=ParticipantId(self.random.choice(("p2", "p2", "p2", "p1", "stranger"))),
            year=self.random.choice(YEARS),
            verified_emissions_tonnes=self.random.choice((None, 100, 100, 1_000, 1_019, -1)),
            issued_allowances_tonnes=self.random.choice((None, 1_000, 10**12 + 1)),
            other_credits=self.random.choice(((), (credit,), (credit, credit))),
            source="chance",
        )
        return FileVerifiedEmissions(authority=ParticipantId("bureau"), filing=filing)

    def designation(self) -> Command:
        return DesignateWelfareAccount(
            operator=self.hostile.operator(),
            account=self.random.choice((AccountId("a5"), AccountId("a5"), self.hostile.account())),
            designated=self.hostile.chance(0.8),
            source="chance",
        )

    def changed(self, command: SubmitOffset | SubmitRetirement | WithdrawUse) -> Command:
        """The same id with other content."""
        if isinstance(command, WithdrawUse):
            return replace(command, use_id=UseId(f"{command.use_id}0"))
        if isinstance(command, SubmitRetirement):
            return replace(command, use=self.random.choice(universe.USES), donate_to=None)
        return self.random.choice(
            (
                replace(command, compliance_year=command.compliance_year + 1),
                replace(command, statement=f"{command.statement}."),
                replace(command, quantity_tonnes=3, lots=()),
                replace(command, account=self.hostile.account()),
            )
        )

    def wanted(self, account: AccountId, code: str) -> tuple[int | None, tuple[LotChoice, ...]]:
        """A quantity around what there is, or lots around what the account has."""
        vault = self.market.vault
        free = vault.sellable(account, code)
        if self.hostile.chance(0.55):
            around = (1, 1, 7, free // 3, free - 1, free, free + 1, 10**6, 0, -1)
            return self.random.choice(around), ()
        codes = [code] if self.hostile.chance(0.7) else vault.instruments
        mine = [piece for other in codes for piece in vault.pieces.get((account, other), ())]
        if not mine and self.hostile.chance(0.9):
            return 1, ()
        chosen = self.random.sample(mine, min(len(mine), self.random.choice((1, 1, 2))))
        lots = [self.choice(piece.lot_id, piece.first, piece.end) for piece in chosen]
        if self.hostile.chance(0.1):
            spent = [(lot, ranges[0]) for lot, ranges in vault.spent.items() if ranges]
            lot, (first, end) = self.random.choice([*spent, ("L-none", (1, 2))])
            lots.append(self.choice(lot, first, end))
        return (5 if self.hostile.chance(0.03) else None), tuple(lots)

    def choice(self, lot_id: str, first: int, end: int) -> LotChoice:
        size = end - first
        if self.hostile.chance(0.3):
            tonnes = self.random.choice((1, size, size + 1, 0, self.random.randrange(1, size + 1)))
            return LotChoice(lot_id=LotId(lot_id), quantity_tonnes=tonnes)
        start = first + self.random.choice((0, self.random.randrange(size)))
        stop = self.random.choice((start + 1, end, min(start + 9, end)))
        if self.hostile.chance(0.06):
            stop = self.market.vault.lots[lot_id].serials[1] + 1 if lot_id in self.market.vault.lots else stop
        elif self.hostile.chance(0.06):
            start, stop = self.random.choice(
                ((start - 1, stop), (start, stop + 1), (stop, start), (-1, stop))
            )
        tonnes = 1 if self.hostile.chance(0.02) else 0
        return LotChoice(lot_id=LotId(lot_id), serials=((start, stop),), quantity_tonnes=tonnes)
