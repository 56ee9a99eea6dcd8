"""Attacks on the wall around compliance: Class II, caps, and uses that are for nothing."""

from collections.abc import Sequence

from gateway.engine.tables.journal import Connection
from gateway.engine.tables.settlement_postings import Row, write_wave
from gateway.engine.tables.use_postings import Claims
from tests.gateway.postgres.second_wall import (
    DVP,
    NEW,
    Attack,
    Strike,
    receive,
    retire,
    settle,
    sql,
    wave,
)

EMITTER = "emitter"
YEAR = 2025
CLAIMED, DONE, WITHDRAWN = 14, 15, 17
"""Entries of the world: an offset of four tonnes claimed, and completed; one of two tonnes withdrawn."""


def claim(
    use_id: str,
    tonnes: int,
    *,
    seq: int = NEW,
    account: str = "alpha",
    entity: str = EMITTER,
    asset: str = "CIR1",
    methodology_class: str = "I",
) -> Row:
    """An offset that was accepted."""
    return (use_id, seq, 100, account, entity, YEAR, asset, methodology_class, tonnes)


def year(*, seq: int = NEW, cap: Row = (None, None, None, None), of: int = YEAR) -> Row:
    """A version of a compliance year's rules."""
    return (seq, of, 0, *cap, ["CCER"])


def filing(*, seq: int = NEW, entity: str = EMITTER, tonnes: int | None = 200, **more: list[object]) -> Row:
    """What the authority filed."""
    return (seq, entity, YEAR, tonnes, None, more.get("credits", ["CCER"]), more.get("used", [3]))


HARD: Row = ("verified_emissions", 5, 100, True)
COMPLIANCE: Row = ("CIR1", "I", "compliance_offset", EMITTER, YEAR)
FOUR = [("nine", 500, 504)]


async def build(connection: Connection) -> None:
    """A hard cap of ten tonnes, three of them used by another credit, four by an offset: three are left."""
    await connection.execute(
        "INSERT INTO settlement.lot (seq, lot_id, instrument, methodology_class, serials) "
        "VALUES (5, 'nine', 'CIR1', 'I', '[500,600)')"
    )
    await write_wave(connection, wave(18, receive("in-3", "gamma", "CIR1", 4), FOUR))
    for made in (
        Claims(years=[year(seq=12, cap=HARD)], filings=[filing(seq=13)]),
        Claims(claims=[claim("offset-1", 4, seq=CLAIMED, account="gamma")]),
        Claims(claims=[claim("offset-2", 2, seq=16)], releases=[("offset-2", WITHDRAWN)]),
    ):
        await made.write(connection, 10)
    await write_wave(connection, wave(DONE, retire("offset-1", "gamma", "CIR1", 4), FOUR, uses=[COMPLIANCE]))


def claims(*rows: Row, releases: Sequence[Row] = ()) -> Strike:
    """An attack by offsets claimed and released."""
    struck = Claims(claims=list(rows), releases=list(releases))
    return lambda connection: struck.write(connection, 10)


def told(reason: Row, moves: Sequence[Row], *uses: Row) -> Strike:
    """An attack by a settled use and what is told of it."""
    struck = wave(NEW, reason, moves, uses=list(uses))
    return lambda connection: write_wave(connection, struck)


def also(*strikes: Strike) -> Strike:
    """An attack of several steps."""

    async def strike(connection: Connection) -> None:
        for one in strikes:
            await one(connection)

    return strike


def used(values: str) -> Strike:
    return sql(
        "INSERT INTO settlement.used (seq, line, asset, methodology_class, purpose, entity, year) "
        f"VALUES {values}"
    )


def rules(*rows: Row) -> Strike:
    """An attack by versions of a compliance year."""
    struck = Claims(years=list(rows))
    return lambda connection: struck.write(connection, 10)


def files(*rows: Row) -> Strike:
    """An attack by filings."""
    struck = Claims(filings=list(rows))
    return lambda connection: struck.write(connection, 10)


CAP = ("offset_claim.offset_claim_1_within_cap",)
TOLD = ("settled.settled_4_use_is_told",)
TWO = [("two", 103, 106)]
CLASS_TWO_USE = retire("offset-9", "beta", "CIR2", 3)

THIRD_WALL = (
    # ---- Class II never serves compliance
    Attack(
        "a Class II offset",
        claims(claim("offset-9", 1, account="beta", asset="CIR2", methodology_class="II")),
        "claim_is_class_one",
        ("offset_claim.claim_is_class_one",),
    ),
    Attack(
        "a Class II offset that calls itself Class I",
        claims(claim("offset-9", 1, account="beta", asset="CIR2")),
        "claim_class",
        ("offset_claim.claim_class",),
    ),
    Attack(
        "Class II retired for compliance",
        told(CLASS_TWO_USE, TWO, ("CIR2", "II", "compliance_offset", EMITTER, YEAR)),
        "used_is_class_one",
        ("used.used_is_class_one", *TOLD),
    ),
    Attack(
        "Class II retired for compliance that calls itself Class I",
        also(
            claims(claim("offset-9", 3, account="alpha")),
            told(
                retire("offset-9", "beta", "CIR2", 3),
                TWO,
                ("CIR2", "I", "compliance_offset", EMITTER, YEAR),
            ),
        ),
        "used_class",
        ("used.used_class", *TOLD),
    ),
    Attack(
        "Class II retired under a Class I offset",
        also(claims(claim("offset-9", 3, account="beta")), told(CLASS_TWO_USE, TWO, COMPLIANCE)),
        "use_is_settled",
        ("used.used_1_is_settled", *TOLD),
    ),
    # ---- caps
    Attack("a tonne above the cap", claims(claim("offset-9", 4)), "claim_within_cap", CAP),
    Attack(
        "two offsets that are above the cap together",
        claims(claim("offset-8", 2), claim("offset-9", 2, seq=NEW + 1)),
        "claim_within_cap",
        CAP,
    ),
    Attack(
        "an offset above the cap, one withdrawn only later",
        claims(claim("offset-8", 3), claim("offset-9", 1, seq=NEW + 1), releases=[("offset-8", NEW + 2)]),
        "claim_within_cap",
        CAP,
    ),
    Attack(
        "a tonne above the cap from another account",
        claims(claim("offset-9", 4, account="beta")),
        "claim_within_cap",
        CAP,
    ),
    Attack(
        "an offset under a hard cap of nobody knows what",
        claims(claim("offset-9", 1, entity="stranger")),
        "claim_within_cap",
        CAP,
    ),
    Attack(
        "an offset above a cap lowered before it",
        also(
            rules(year(cap=("verified_emissions", 4, 100, True))), claims(claim("offset-9", 2, seq=NEW + 1))
        ),
        "claim_within_cap",
        CAP,
    ),
    # ---- claims
    Attack(
        "an offset of nothing", claims(claim("offset-9", 0)), "claim_tonnes", ("offset_claim.claim_tonnes",)
    ),
    Attack(
        "an offset of nobody's account",
        claims(claim("offset-9", 1, account="delta")),
        "claim_account",
        ("offset_claim.claim_account",),
    ),
    Attack(
        "an offset of no entry",
        claims(claim("offset-9", 1, seq=41)),
        "claim_is_journaled",
        ("offset_claim.claim_is_journaled",),
    ),
    Attack(
        "an offset accepted twice",
        claims(claim("offset-1", 1)),
        "offset_claim_pkey",
        ("offset_claim.offset_claim_pkey",),
    ),
    Attack(
        "an offset released twice",
        claims(releases=[("offset-2", NEW)]),
        "offset_release_pkey",
        ("offset_release.offset_release_pkey",),
    ),
    Attack(
        "nothing released",
        claims(releases=[("offset-9", NEW)]),
        "release_of_claim",
        ("offset_release.release_of_claim",),
    ),
    Attack(
        "an offset released by no entry",
        claims(releases=[("offset-1", 41)]),
        "release_is_journaled",
        ("offset_release.release_is_journaled",),
    ),
    # ---- what a use is for
    Attack(
        "units used up for nothing",
        told(retire("trade-9", "alpha", "CIR1", 4), [("one", 110, 114)]),
        "use_is_told",
        TOLD,
    ),
    Attack(
        "compliance without an offset",
        told(retire("offset-9", "alpha", "CIR1", 4), [("one", 110, 114)], COMPLIANCE),
        "use_is_told",
        TOLD,
    ),
    Attack(
        "compliance by an offset that was withdrawn",
        told(retire("offset-2", "alpha", "CIR1", 2), [("one", 110, 112)], COMPLIANCE),
        "use_is_told",
        TOLD,
    ),
    Attack(
        "more retired than the offset claims",
        also(
            claims(claim("offset-9", 3)),
            told(retire("offset-9", "alpha", "CIR1", 4), [("one", 110, 114)], COMPLIANCE),
        ),
        "use_is_told",
        TOLD,
    ),
    Attack(
        "an offset retired for something else",
        also(
            claims(claim("offset-9", 3)),
            told(
                retire("offset-9", "alpha", "CIR1", 3),
                [("one", 110, 113)],
                ("CIR1", "I", "donation", EMITTER, None),
            ),
        ),
        "use_is_told",
        TOLD,
    ),
    Attack(
        "an offset of another's obligation",
        also(
            claims(claim("offset-9", 3)),
            told(
                retire("offset-9", "alpha", "CIR1", 3),
                [("one", 110, 113)],
                ("CIR1", "I", "compliance_offset", "stranger", YEAR),
            ),
        ),
        "use_is_told",
        TOLD,
    ),
    Attack(
        "a donation that is none",
        told(
            ("donation", "retirement-9", "CIR1", 3, "alpha", "gamma", 0),
            [("one", 110, 113)],
            ("CIR1", "I", "voluntary_offset", EMITTER, None),
        ),
        "use_is_told",
        TOLD,
    ),
    Attack(
        "a donation to the outside",
        settle(NEW, ("donation", "retirement-9", "CIR1", 3, "alpha", "outside", 0), [("one", 110, 113)]),
        "settled_kind",
        ("settled.settled_kind",),
    ),
    Attack(
        "a donation paid for",
        settle(NEW, ("donation", "retirement-9", "CIR1", 3, "alpha", "beta", 5), [("one", 110, 113)]),
        "settled_kind",
        ("settled.settled_kind",),
    ),
    Attack(
        "a use told of a delivery",
        used(f"({DVP}, 1, 'CIR1', 'I', 'donation', 'emitter', NULL)"),
        "use_is_settled",
        ("used.used_1_is_settled",),
    ),
    Attack(
        "a use told of nothing",
        used("(20, 1, 'CIR1', 'I', 'donation', 'emitter', NULL)"),
        "use_is_settled",
        ("used.used_1_is_settled",),
    ),
    Attack(
        "a use told twice",
        used(f"({DONE}, 1, 'CIR1', 'I', 'donation', 'emitter', NULL)"),
        "used_pkey",
        ("used.used_pkey",),
    ),
    Attack(
        "a use of no channel",
        told(
            retire("trade-9", "alpha", "CIR1", 3),
            [("one", 110, 113)],
            ("CIR1", "I", "pleasure", EMITTER, None),
        ),
        "used_purpose",
        ("used.used_purpose",),
    ),
    Attack(
        "a donation of a compliance year",
        told(
            retire("trade-9", "alpha", "CIR1", 3),
            [("one", 110, 113)],
            ("CIR1", "I", "donation", EMITTER, YEAR),
        ),
        "used_year",
        ("used.used_year",),
    ),
    # ---- rules and filings
    Attack(
        "half a cap",
        rules(year(cap=("verified_emissions", 5, 100, None))),
        "compliance_year_cap",
        ("compliance_year.compliance_year_cap",),
    ),
    Attack(
        "a share of something else",
        rules(year(cap=("profits", 5, 100, False))),
        "compliance_year_base_check",
        ("compliance_year.compliance_year_base_check",),
    ),
    Attack(
        "a share below nothing",
        rules(year(cap=("issued_allowances", -1, 100, False))),
        "compliance_year_numerator_check",
        ("compliance_year.compliance_year_numerator_check",),
    ),
    Attack(
        "a share of no parts",
        rules(year(cap=("issued_allowances", 5, 0, False))),
        "compliance_year_denominator_check",
        ("compliance_year.compliance_year_denominator_check",),
    ),
    Attack(
        "two versions of one entry",
        rules(year(), year()),
        "compliance_year_pkey",
        ("compliance_year.compliance_year_pkey",),
    ),
    Attack(
        "a version of no entry",
        rules(year(seq=41)),
        "compliance_year_is_journaled",
        ("compliance_year.compliance_year_is_journaled",),
    ),
    Attack(
        "negative emissions",
        files(filing(tonnes=-1)),
        "filing_verified_emissions_tonnes_check",
        ("filing.filing_verified_emissions_tonnes_check",),
    ),
    Attack(
        "negative allowances",
        sql("INSERT INTO settlement.filing VALUES (20, 'emitter', 2025, 1, -1, '{}', '{}')"),
        "filing_issued_allowances_tonnes_check",
        ("filing.filing_issued_allowances_tonnes_check",),
    ),
    Attack(
        "negative credits",
        files(filing(used=[-3])),
        "filing_credit_tonnes_check",
        ("filing.filing_credit_tonnes_check",),
    ),
    Attack(
        "credits without their tonnes",
        files(filing(used=[])),
        "filing_credits",
        ("filing.filing_credits",),
    ),
    Attack("two filings of one entry", files(filing(), filing()), "filing_pkey", ("filing.filing_pkey",)),
    Attack(
        "a filing of no entry",
        files(filing(seq=41)),
        "filing_is_journaled",
        ("filing.filing_is_journaled",),
    ),
    # ---- history stays, for its owner too
    *(
        Attack(
            f"{verb} {table}",
            sql(f"{verb} settlement.{table} {rest}"),
            "",
            (f"{table}.append_only",),
            by_owner=True,
        )
        for table in ("compliance_year", "filing", "offset_claim", "offset_release", "used")
        for verb, rest in (("UPDATE", "SET seq = seq"), ("DELETE FROM", "WHERE false"))
    ),
)
"""Every attack on the third wall. A second retirement of a serial is among those on the second."""

GOOD = (
    ("all that is left of the cap", claims(claim("offset-9", 3))),
    (
        "what was withdrawn is free again",
        claims(claim("offset-8", 3), claim("offset-9", 3, seq=NEW + 2), releases=[("offset-8", NEW + 1)]),
    ),
    (
        "a soft cap",
        also(
            rules(year(cap=("verified_emissions", 0, 1, False))), claims(claim("offset-9", 50, seq=NEW + 1))
        ),
    ),
    ("a year without a cap", also(rules(year()), claims(claim("offset-9", 50, seq=NEW + 1)))),
    (
        "a cap filed anew",
        also(files(filing(tonnes=2_000)), claims(claim("offset-9", 90, seq=NEW + 1))),
    ),
    (
        "a donation",
        settle(NEW, ("donation", "retirement-9", "CIR1", 3, "alpha", "gamma", 0), [("one", 110, 113)]),
    ),
    (
        "an offset, whole",
        also(
            claims(claim("offset-9", 3)),
            told(retire("offset-9", "alpha", "CIR1", 3), [("one", 110, 113)], COMPLIANCE),
        ),
    ),
)
"""What must go through, to show that the wall stands in the right place."""
