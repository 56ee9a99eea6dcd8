"""The small world a simulation plays in: who and what there is, and what a market must be told first."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random

from matching.calendar import Announcement, midnight_ns
from matching.close_events import IssuedStatement
from matching.commands import AddListing, AdoptRules, AnnounceCalendar, Command, IssueStatements, OpenDay
from matching.listing import Listing
from matching.rule_values import EXCEPTIONAL_ACTS, RuleValue
from matching.rulebook import Certainty, RuleChange
from settlement.account import ParticipantKind
from settlement.commands import AddInstrument, OpenAccount, RegisterLot, RegisterParticipant
from settlement.instrument import Instrument
from settlement.lot import Lot, MethodologyClass, Origin
from settlement.retirement import RetirementPurpose, Use
from settlement.values import AccountId, AssetCode, LotId, ParticipantId, TradingDay
from tests.reference.market import Market

CLASS_ONE = AssetCode("SHCERCIR1")
CLASS_TWO = AssetCode("SHCERCIR2")
UNLISTED = AssetCode("SHCER-UNLISTED")
CLASSES = {CLASS_ONE: MethodologyClass.I, CLASS_TWO: MethodologyClass.II, UNLISTED: MethodologyClass.I}
OWNERS = {
    AccountId("a1"): ParticipantId("p1"),
    AccountId("a2"): ParticipantId("p2"),
    AccountId("a3"): ParticipantId("p3"),
    AccountId("a4"): ParticipantId("p4"),
    AccountId("a5"): ParticipantId("p5"),
    AccountId("a1-second"): ParticipantId("p1"),  # one beneficial owner, two accounts
    AccountId("a2-second"): ParticipantId("p2"),  # a covered entity's second
    AccountId("a4-lake"): ParticipantId("p4"),  # money for a damage
}
EARMARKS = {AccountId("a4-lake"): RetirementPurpose.DAMAGE_COMPENSATION}
FIRST_DAY = TradingDay("2026-11-23")
BEGINS_NS = midnight_ns(FIRST_DAY)
SHANGHAI = (
    "pre_open 09:15-09:30; listed 09:30-11:30; break 11:30-13:00; listed 13:00-14:00; negotiated 14:00-15:00"
)
SPLIT = "pre_open 08:00-08:30; listed 09:00-12:00; continuous 12:30-16:00"
ALWAYS = "continuous 00:00-24:00"
KINDS = {
    ParticipantId("p1"): ParticipantKind.INSTITUTION,
    ParticipantId("p2"): ParticipantKind.COVERED_ENTITY,
    ParticipantId("p3"): ParticipantKind.INSTITUTION,
    ParticipantId("p4"): ParticipantKind.INDIVIDUAL,
    ParticipantId("p5"): ParticipantKind.PROJECT_APPLICANT,
}
ALL_KINDS = ", ".join(ParticipantKind)
NO_INDIVIDUALS = "covered_entity,institution, project_applicant"
LIMITS = "institution 2000; individual 150"
ALERTS = "institution 300; covered_entity 100; covered_entity 400"
GRAVE = "bust_trade, emergency_rules"
TIERS = ("3000 below 500000; none", "3000 below 60; none", "100 below 20; 500 below 80; none")
OPERATOR = ParticipantId("o1")
OTHER_USES = "voluntary_offset, voluntary_cancellation, donation, damage_compensation"
CHANNELS = f"I: compliance_offset, {OTHER_USES}; II: {OTHER_USES}"
FEW_CHANNELS = "I: compliance_offset, voluntary_offset; II: donation"
USES = (
    Use(purpose=RetirementPurpose.VOLUNTARY_OFFSET, beneficiary="a marathon"),
    Use(purpose=RetirementPurpose.DONATION, beneficiary="a school", statement="for its trees"),
    Use(purpose=RetirementPurpose.DAMAGE_COMPENSATION, beneficiary="a lake"),
)
NO_USES = tuple(
    Use(purpose=RetirementPurpose.DAMAGE_COMPENSATION, beneficiary=beneficiary, statement=statement)
    for beneficiary, statement in (
        ("", ""),
        (" ", "a gap"),
        ("x" * 501, ""),
        ("a lake", "x" * 501),
        ("a\nlake", ""),
        ("a lake", "\u00a0"),
    )
)


def change(
    parameter: str, value: RuleValue, from_ns: int = 0, listing: AssetCode | None = None
) -> RuleChange:
    """One dated value."""
    return RuleChange(
        parameter=parameter,
        value=value,
        effective_from_ns=from_ns,
        source="a simulation",
        certainty=Certainty.DEMONSTRATION,
        listing=listing,
    )


def first_rules(random: Random) -> dict[str, RuleValue]:
    """A market's rules, of one of several kinds."""
    by_clock = random.random() < 0.5
    return {
        "hours": random.choice((SHANGHAI, SPLIT)) if by_clock else random.choice((ALWAYS, ALWAYS, SPLIT)),
        "close_by_clock": "yes" if by_clock else "no",
        "matching_mode": "price_time",
        "tick_fen": random.choice((1, 1, 5, 10)),
        "lot_tonnes": random.choice((1, 1, 1, 5)),
        "listed_min_tonnes": random.choice((1, 1, 5)),
        "listed_max_tonnes": random.choice((200, 1_000, 99_999)),
        "band_basis_points": random.choice((50, 333, 1_000, 3_000)),
        "band_rounding": random.choice(("half_up", "inward")),
        "self_trade": random.choice(("reject_incoming", "cancel_resting")),
        "closing_method": random.choice(("average", "last_five")),
        "close_threshold_tonnes": random.choice((0, 10, 100)),
        "settlement_cycle": random.choice(("end_of_day", "end_of_day", "as_traded")),
        "resale_next_day": random.choice(("yes", "no")),
        "sale_proceeds": random.choice(("when_settled", "when_traded", "when_traded")),
        "participant_kinds": random.choice((ALL_KINDS, ALL_KINDS, NO_INDIVIDUALS)),
        "position_limits": random.choice(("none", "none", LIMITS)),
        "large_holder_alerts": random.choice(("none", ALERTS)),
        "fee_payer": random.choice(("both", "both", "buyer", "seller")),
        "fee_buyer_ppm": random.choice((0, 0, 500, 33_333)),
        "fee_buyer_minimum_fen": random.choice((0, 0, 7, 50_000, 9_000_000)),
        "fee_buyer_cap_fen": random.choice(("none", "none", 0, 700, 60_000)),
        "fee_seller_ppm": random.choice((0, 500, 777_777)),
        "fee_seller_minimum_fen": random.choice((0, 0, 7, 50_000, 9_000_000)),
        "fee_seller_cap_fen": random.choice(("none", "none", 0, 700, 60_000)),
        "settlement_account": "DEMO-SETTLEMENT-1",
        "retention_years": 20,
        "negotiated_min_tonnes": random.choice((1, 1, 5)),
        "negotiated_band_tiers": random.choice(TIERS),
        "negotiated_reference": random.choice(("same_day_close", "previous_close")),
        "negotiated_open_offers": random.choice(("yes", "no")),
        "negotiated_review": random.choice(("off", "off", "without_band", "all")),
        "negotiated_max_filed": random.choice((2, 5, 200)),
        "negotiated_max_rounds": random.choice((2, 3, 20)),
        "notice_s": random.choice((0, 0, 60)),
        "two_person_acts": random.choice(("none", "none", GRAVE, ", ".join(EXCEPTIONAL_ACTS))),
        "mandate_kinds": random.choice((ALL_KINDS, "project_applicant, individual")),
        "transfers_until": random.choice(("none", "none", "15:30")),
        "correction_policy": random.choice(("claim_only", "freeze_holder")),
        "depth_levels": 5,
        "registry_patience_s": 3_600,
        "use_channels": random.choice((CHANNELS, CHANNELS, FEW_CHANNELS)),
        "use_withdrawal_s": random.choice((0, 0, 600)),
    }


def adopt(*changes: RuleChange, emergency: bool = False, operator: ParticipantId = OPERATOR) -> AdoptRules:
    """An operator adopts these."""
    return AdoptRules(operator=operator, reason="a simulation", changes=changes, emergency=emergency)


def announcement(first: str, days: int, *, weekends: bool = False) -> Announcement:
    """A calendar of weekdays, or of all days."""
    begin = date.fromisoformat(first)
    dates = [begin + timedelta(n) for n in range(days)]
    return Announcement(
        first_day=TradingDay(dates[0].isoformat()),
        last_day=TradingDay(dates[-1].isoformat()),
        trading_days=tuple(TradingDay(day.isoformat()) for day in dates if weekends or day.weekday() < 5),
        source="a simulation",
    )


def lot(name: str, instrument: AssetCode, serials: tuple[int, int], issued_on: str) -> Lot:
    """A lot of that name."""
    return Lot(
        lot_id=LotId(name),
        instrument=instrument,
        methodology_class=CLASSES[instrument],
        methodology="SHCER02020022024II",
        methodology_version="1",
        origin=Origin.PROJECT,
        project="a roof of solar cells",
        period_from="2024-01-01",
        period_to="2024-12-31",
        batch="1",
        issued_on=issued_on,
        serials=serials,
    )


def founding(random: Random) -> list[Command]:
    """What makes a market: rules, calendar, instruments, listings, accounts, lots, and the first day."""
    changes = [change(name, value) for name, value in first_rules(random).items()]
    commands: list[Command] = [
        adopt(*changes[:4]),
        OpenDay(trading_day=FIRST_DAY),
        AnnounceCalendar(announcement=announcement("2026-11-16", random.choice((8, 20, 400)))),
        OpenDay(trading_day=FIRST_DAY),
        adopt(*changes[4:]),
    ]
    for code, methodology_class in CLASSES.items():
        commands.append(AddInstrument(instrument=Instrument(code=code, methodology_class=methodology_class)))
        if code != UNLISTED:
            reference_fen = random.choice((6_800, 6_800, 6_795, 90))
            commands.append(AddListing(listing=Listing(code=code, first_reference_price_fen=reference_fen)))
    for account, owner in OWNERS.items():
        commands.append(RegisterParticipant(participant=owner, kind=KINDS[owner]))
        opening = OpenAccount(account=account, owner=owner, registry_account=f"registry-{account}")
        commands.append(replace(opening, earmark=EARMARKS.get(account)))
    for number in range(12):
        instrument = random.choice((CLASS_ONE, CLASS_ONE, CLASS_TWO))
        first = random.randrange(1_000)
        issued_on = f"2025-{random.randrange(1, 5):02}-01"
        size = random.choice((50, 1_000, 5_000))
        issued = lot(f"L{number}", instrument, (first, first + size), issued_on)
        origin = random.choice((Origin.PROJECT, Origin.SCENARIO))
        period_from = random.choice(("2023-01-01", "2024-01-01"))
        commands.append(RegisterLot(lot=replace(issued, origin=origin, period_from=period_from)))
    commands.append(OpenDay(trading_day=FIRST_DAY))
    return commands


def issuing(market: Market, portion: int, *, wrong: bool = False) -> IssueStatements:
    """Statements for the accounts next in turn; for others when it is to be wrong."""
    due = market.no_statement_yet()[:portion]
    return issuing_to(due[::-1] or ["nobody"] if wrong else due, market.day)


def issuing_to(accounts: list[str], day: str | None = FIRST_DAY) -> IssueStatements:
    """Statements for these accounts."""
    statements = tuple(IssuedStatement(account=AccountId(one), digest=f"of {one}") for one in accounts)
    return IssueStatements(trading_day=TradingDay(day or ""), statements=statements)
