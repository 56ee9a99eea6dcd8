"""The demonstration: nine participants, two listings, units and money, through the same doors as in earnest.

The platform's people open accounts and issue lots; the operator's, the bank's and the owners' commands go through
the sequencer; units reach the trading sub-accounts by transfers the registry confirms. Every step may be repeated, so
an interrupted seed goes on where it stopped. Nobody and nothing here exists.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.access.keys import Scope
from gateway.engine.views.views import Views
from gateway.formats import parse_time
from gateway.founding import Submit
from gateway.key_file import OPERATOR_SCOPES, Player
from matching.calendar import day_of
from matching.commands import AddListing, Command, OpenDay
from matching.events import Rejected
from matching.listing import Listing
from settlement.account import ParticipantKind
from settlement.commands import (
    AddInstrument,
    DepositCash,
    OpenAccount,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
)
from settlement.compliance_year import ComplianceYear
from settlement.events import LotSlice
from settlement.instrument import Instrument
from settlement.lot import Lot, MethodologyClass, Origin
from settlement.use_commands import AdoptComplianceYear
from settlement.values import AccountId, AssetCode, LotId, ParticipantId, TradingDay

CLASS_ONE: Final = AssetCode("SHCERCIR1")
CLASS_TWO: Final = AssetCode("SHCERCIIR1")
"""Made up for the demonstration: no Class II code has been published."""

FIRST_REFERENCE_FEN: Final = 6_800
LABEL: Final = "demo"
BANK: Final = "bank"
POLL_S: Final = 0.05
TRANSFER_LIMIT_S: Final = 120
"""How long the registry may take to confirm the seed's transfers."""

TRADER_SCOPES: Final = frozenset({Scope.READ, Scope.TRADE, Scope.NEGOTIATE, Scope.OFFSET, Scope.TRANSFER})

_EXISTS: Final = frozenset(
    {"participant_exists", "account_exists", "instrument_exists", "listing_exists", "day_already_open"}
)
"""What a step answers that was done before an interruption."""


class SeedFault(Exception):  # noqa: N818 - it states a fact
    """The demonstration cannot be set up here; the message says what was refused."""


class Platform(Protocol):
    """What the seed needs of the registry platform. Every call may be repeated."""

    async def open_account(self, registry_account: str) -> None:
        """Open an institution's account."""
        ...

    async def publish_methodology(
        self, *, code: str, version: str, methodology_class: MethodologyClass, title: str
    ) -> None:
        """Publish a version of a methodology."""
        ...

    async def issue_lot(self, lot: Lot, applicant: str) -> None:
        """Issue a lot into its applicant's management sub-account."""
        ...

    async def bind(self, registry_account: str, trading_account: str) -> None:
        """Bind a registry account to a trading account."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Trader(Player):
    """A participant of the market, with accounts on both sides and money."""

    kind: ParticipantKind
    cash_fen: int
    scopes: frozenset[Scope] = TRADER_SCOPES

    @property
    def account(self) -> AccountId:
        """Its trading account."""
        return AccountId(f"A-{self.name}")

    @property
    def key_account(self) -> str | None:
        """The account its key acts for."""
        return self.account

    @property
    def registry_account(self) -> str:
        """Its account at the platform."""
        return f"R-{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """A lot, whose it is, and how much of it is moved into the trading sub-account."""

    lot: Lot
    owner: Trader
    trading_tonnes: int


TRADERS: Final = (
    Trader(name="seller", kind=ParticipantKind.PROJECT_APPLICANT, cash_fen=10_000_000),
    Trader(name="buyer", kind=ParticipantKind.INSTITUTION, cash_fen=1_000_000_000),
    Trader(name="buyer2", kind=ParticipantKind.INSTITUTION, cash_fen=1_000_000_000),
    Trader(name="entity", kind=ParticipantKind.COVERED_ENTITY, cash_fen=1_000_000_000),
)
"""¥100,000.00 for the seller, ¥10,000,000.00 for each who buys."""

STAFF: Final = (
    Player(name=BANK, scopes=frozenset({Scope.BANK})),
    Player(name="operator", scopes=OPERATOR_SCOPES),
    Player(name="operator2", scopes=OPERATOR_SCOPES),
    Player(name="supervisor", scopes=frozenset({Scope.SUPERVISE})),
    Player(name="authority", scopes=frozenset({Scope.AUTHORITY})),
)

PLAYERS: Final = (*TRADERS, *STAFF)
"""All who get a key."""

METHODOLOGIES: Final = (
    ("SHCER-DEMO-001-I", "1", MethodologyClass.I, "演示方法学(I 类) | demonstration methodology, Class I"),
    (
        "SHCER-DEMO-002-II",
        "1",
        MethodologyClass.II,
        "演示方法学(II 类) | demonstration methodology, Class II",
    ),
)


def _lot(name: str, methodology_class: MethodologyClass, *, first: int, tonnes: int, issued_on: str) -> Lot:
    is_first_class = methodology_class is MethodologyClass.I
    code, version, *_ = METHODOLOGIES[0 if is_first_class else 1]
    return Lot(
        lot_id=LotId(f"DEMO-{name}"),
        instrument=CLASS_ONE if is_first_class else CLASS_TWO,
        methodology_class=methodology_class,
        methodology=code,
        methodology_version=version,
        origin=Origin.PROJECT if is_first_class else Origin.SCENARIO,
        project=f"demo-{name.lower()}",
        period_from="2024-01-01",
        period_to="2024-12-31",
        batch=f"B-{name}",
        issued_on=issued_on,
        serials=(first, first + tonnes),
    )


_I, _II = MethodologyClass.I, MethodologyClass.II
_SELLER, _ENTITY = TRADERS[0], TRADERS[3]

ISSUES: Final = (
    Issue(
        lot=_lot("I-1", _I, first=1_000_001, tonnes=60_000, issued_on="2025-03-20"),
        owner=_SELLER,
        trading_tonnes=60_000,
    ),
    Issue(
        lot=_lot("I-2", _I, first=2_000_001, tonnes=60_000, issued_on="2025-09-15"),
        owner=_SELLER,
        trading_tonnes=40_000,
    ),
    Issue(
        lot=_lot("II-1", _II, first=3_000_001, tonnes=50_000, issued_on="2025-06-10"),
        owner=_SELLER,
        trading_tonnes=50_000,
    ),
    Issue(
        lot=_lot("I-3", _I, first=4_000_001, tonnes=500, issued_on="2025-04-02"),
        owner=_ENTITY,
        trading_tonnes=500,
    ),
    Issue(
        lot=_lot("II-2", _II, first=5_000_001, tonnes=500, issued_on="2025-04-02"),
        owner=_ENTITY,
        trading_tonnes=500,
    ),
)
"""The seller's: 100,000 t Class I in two lots and 50,000 t Class II for trading, 20,000 t Class I left in management.
The entity's: 500 t of each class."""


COMPLIANCE_YEAR: Final = 2025


def terms_at(now_ns: int) -> ComplianceYear:
    """The compliance year that offsets can be submitted for, until the year's end that lies ahead of that moment; no cap."""
    year = max(int(day_of(now_ns)[:4]), COMPLIANCE_YEAR + 1)
    ends_ns = _year_end_ns(year)
    return ComplianceYear(
        year=COMPLIANCE_YEAR,
        opens_ns=parse_time(f"{COMPLIANCE_YEAR + 1}-01-01T00:00:00+08:00"),
        deadline_ns=ends_ns if now_ns <= ends_ns else _year_end_ns(year + 1),
        source="演示 | demonstration",
        certainty="demonstration",
    )


def _year_end_ns(year: int) -> int:
    return parse_time(f"{year}-12-31T17:00:00+08:00")


def is_planted(views: Views) -> bool:
    """Whether the last steps were taken. Should the money be spent, all steps are taken again and change nothing."""
    found = views.account(TRADERS[-1].account)
    has_money = found is not None and found.cash.available + found.cash.held + found.cash.delivering > 0
    return has_money and any(terms.year == COMPLIANCE_YEAR for terms in views.uses.years.versions)


async def keep_year_open(views: Views, submit: Submit, now_ns: int) -> None:
    """See that offsets can be submitted, also in a demonstration that is started again after its year's end.

    Raises:
        SeedFault: the terms were refused.
    """
    adopted = [terms for terms in views.uses.years.versions if terms.year == COMPLIANCE_YEAR]
    if not adopted or adopted[-1].deadline_ns < now_ns:
        await _do(submit, AdoptComplianceYear(operator=ParticipantId("operator"), terms=terms_at(now_ns)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Seed:
    """Fills an empty exchange and registry."""

    submit: Submit
    views: Views
    platform: Platform
    now_ns: Callable[[], int]

    async def plant(self) -> None:
        """Do everything that is not done yet, and wait until the units have arrived.

        Raises:
            SeedFault: a step was refused, or the registry did not confirm in time.
        """
        await self._at_the_platform()
        for command in (*_setting_up(), *_registering_lots()):
            await _do(self.submit, command)
        await keep_year_open(self.views, self.submit, self.now_ns())
        if self.views.market.trading_day is None:
            await _do(self.submit, OpenDay(trading_day=self._first_day()))
        for trader in TRADERS:
            await self.platform.bind(trader.registry_account, trader.account)
        for command in _transfers():
            await _do(self.submit, command)
        await self._units_have_arrived()
        for command in _deposits():
            await _do(self.submit, command)

    async def _at_the_platform(self) -> None:
        for trader in TRADERS:
            await self.platform.open_account(trader.registry_account)
        for code, version, methodology_class, title in METHODOLOGIES:
            await self.platform.publish_methodology(
                code=code, version=version, methodology_class=methodology_class, title=title
            )
        for issue in ISSUES:
            await self.platform.issue_lot(issue.lot, issue.owner.registry_account)

    def _first_day(self) -> TradingDay:
        day = self.views.calendar.next_trading_day(day_of(self.now_ns()))
        if day is None:
            raise SeedFault(
                "no trading day is announced from today on: start without the demonstration's data, announce the calendar "
                "(puhui operator calendar announce), then start with it"
            )
        return day

    async def _units_have_arrived(self) -> None:
        try:
            async with asyncio.timeout(TRANSFER_LIMIT_S):
                while self.views.pending_instructions:  # noqa: ASYNC110 - once in an exchange's life
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise SeedFault(f"the registry has not answered within {TRANSFER_LIMIT_S} s") from None
        for issue in ISSUES:
            account = self.views.account(issue.owner.account)
            if account is None or issue.lot.lot_id not in account.serials:
                raise SeedFault(
                    f"the registry has refused to move {issue.lot.lot_id} into its trading sub-account"
                )


async def _do(submit: Submit, command: Command) -> None:
    entry = await submit(command)
    for event in entry.events:
        if isinstance(event, Rejected) and event.code not in _EXISTS:
            raise SeedFault(
                f"{type(command).__name__}: {event.code} (limit {event.limit}, actual {event.actual})"
            )


def _setting_up() -> Iterator[Command]:
    for trader in TRADERS:
        owner = ParticipantId(trader.name)
        yield RegisterParticipant(participant=owner, kind=trader.kind)
        yield OpenAccount(account=trader.account, owner=owner, registry_account=trader.registry_account)
    for code, methodology_class in ((CLASS_ONE, _I), (CLASS_TWO, _II)):
        yield AddInstrument(instrument=Instrument(code=code, methodology_class=methodology_class))
        yield AddListing(
            listing=Listing(
                code=code, first_reference_price_fen=FIRST_REFERENCE_FEN, demonstration=code == CLASS_TWO
            )
        )


def _registering_lots() -> Iterator[Command]:
    return (RegisterLot(lot=issue.lot) for issue in ISSUES)


def _transfers() -> Iterator[Command]:
    for issue in ISSUES:
        first = issue.lot.serials[0]
        yield RequestTransferIn(
            participant=ParticipantId(issue.owner.name),
            account=issue.owner.account,
            client_id=f"seed-{issue.lot.lot_id}",
            instrument=issue.lot.instrument,
            lots=(LotSlice(lot_id=issue.lot.lot_id, serials=((first, first + issue.trading_tonnes),)),),
            asked=f"quantity:{issue.trading_tonnes}",
        )


def _deposits() -> Iterator[Command]:
    for trader in TRADERS:
        yield DepositCash(
            participant=ParticipantId(BANK),
            account=trader.account,
            client_id=f"seed-{trader.name}",
            amount_fen=trader.cash_fen,
            bank_reference=f"DEMO-{trader.name}",
        )
