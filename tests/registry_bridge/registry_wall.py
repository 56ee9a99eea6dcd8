"""Every attack on the registry's own database, each with the guards that stand against it."""

from dataclasses import dataclass

from registry_bridge.reference import administration, corrections, feeds, movements, publishing
from registry_bridge.reference.store import Store
from registry_bridge.registry import AccountKind, Confirmed
from registry_bridge.wire_administration import LotAmendment, Methodology
from settlement.lot import MethodologyClass
from tests.registry_bridge.examples import deliver, issue, retire, transfer_in

ONE, TWO = MethodologyClass.I, MethodologyClass.II


async def build(store: Store) -> None:
    """At entry 3 LOT-1: 1..501 managed, 501..511 the buyer's, 511..980 tradable, 980..1001 retired; 600..610 corrected.

    LOT-2, of Class II: 1..11 withdrawn, the rest managed. `gone` is closed, OLD withdrawn, u-1 accepted.
    """
    for account in ("seller", "buyer", "gone"):
        await administration.open_account(store, account, AccountKind.INSTITUTION)
    for account in ("seller", "buyer"):
        await feeds.bind(store, account, f"T-{account}")
    await administration.close_account(store, "gone", "Dissolved")
    for code, its_class in (("SHCER-I", ONE), ("SHCER-II", TWO), ("OLD", ONE)):
        version = Methodology(code=code, version="V01", methodology_class=its_class, title=code)
        await publishing.publish_methodology(store, version)
    await publishing.withdraw_methodology(
        store, code="OLD", version="V01", withdrawn_on="2024-01-01", reason="Revised"
    )
    await publishing.issue_lot(store, issue("LOT-1"))
    await publishing.issue_lot(store, issue("LOT-2", methodology="SHCER-II"))
    await publishing.amend_lot(store, LotAmendment(lot="LOT-2", project="Buses", reason="Misprint"))
    for asked in (
        transfer_in("in-1", ((501, 1001),)),
        deliver("d-1", ((501, 511),)),
        retire("r-1", ((980, 1001),)),
    ):
        assert isinstance(await movements.decide(store, asked), Confirmed)
    await movements.decide(store, deliver("d-2", ((1, 2),)))  # refused
    await movements.receive(store, transfer_in("u-1", ((1, 2),)), decide_after_ms=1_000)
    await corrections.correct(store, lot="LOT-2", serials=((1, 11),), reason="Meter")
    await corrections.correct(store, lot="LOT-1", serials=((600, 610),), reason="Meter")
    number = await administration.freeze(store, administration.Freeze(account="buyer", reason="Order"))
    await administration.unfreeze(store, number, "Lifted")
    await administration.freeze(store, administration.Freeze(lot="LOT-2", reason="Inquiry"))


NOW = "(select journal_sequence from head)"
ZERO = "repeat('0', 64)"
INTO = "insert into holding (account, place, lot, serials, since) values"
TRADABLE = "delete from holding where place = 'trading' and account = 'seller'"


def entry(
    kind: str = "deliver", legs: int = 1, ranges: int = 1, request: str = "x", digest: str = ZERO
) -> str:
    """A journal entry; the database numbers it."""
    return (
        "insert into journal (request_id, kind, trading_day, decided_at_ns, digest, legs, ranges) "
        f"values ('{request}', '{kind}', '2026-11-22', 0, {digest}, {legs}, {ranges});"
    )


def leg(
    to: str = "'buyer', 'trading'",
    *,
    source: str = "'seller', 'trading'",
    lot: str = "LOT-1",
    serials: str = "int8range(511, 512)",
    sequence: str = NOW,
    number: int = 1,
) -> str:
    """One leg of the newest entry."""
    return f"insert into journal_leg values ({sequence}, {number}, 0, '{lot}', {serials}, {source}, {to});"


def landing(to: str = "'buyer', 'trading'", since: str = NOW) -> str:
    """Serial 511 of LOT-1 leaves the seller's tradable ones and lands."""
    return (
        f"{TRADABLE}; {INTO} ('seller', 'trading', 'LOT-1', int8range(512, 980), {NOW});"
        f"{INTO} ({to}, 'LOT-1', int8range(511, 512), {since});"
    )


SOUND = entry() + leg() + landing()
USED = "'seller', 'retired'"


def use(
    terms: str = "'voluntary_offset', null, 'seller', ''", of: str = "'voluntary_offset', 'LOT-1', 'I'"
) -> str:
    """A sound retirement of serial 511 with these terms, and what its lot is used for."""
    return (
        entry("retire")
        + leg(USED)
        + f"insert into retirement values ({NOW}, 'retire', {terms});"
        + f"insert into retirement_lot values ({NOW}, {of});"
        + landing(USED)
    )


def lot(holder: str = "seller", held: str = "int8range(1, 11)", **over: str) -> str:
    """A sound issue of LOT-3, but for what is given otherwise."""
    values = {
        "lot": "'LOT-3'",
        "sequence": "0",
        "methodology": "'SHCER-I'",
        "methodology_version": "'V01'",
        "class": "'I'",
        "origin": "'project'",
        "project": "''",
        "applicant": "'seller'",
        "period_start": "'2025-01-01'",
        "period_end": "'2025-06-30'",
        "issue_batch": "''",
        "issued_on": "'2025-09-01'",
        "serials": held,
        "issued_after": NOW,
    } | over
    issued = f"insert into lot ({', '.join(values)}) values ({', '.join(values.values())});"
    return issued + f"{INTO} ('{holder}', 'management', {values['lot']}, {held}, {NOW});"


def correction(
    serials: str = "int8range(511, 512)",
    *,
    of: str = "LOT-1",
    ranges: int = 1,
    parts: tuple[int, ...] = (0,),
    reason: str = "Meter",
) -> str:
    """A correction of serials that are in a trading sub-account."""
    rows = "".join(
        "insert into corrected select max(correction), "
        f"{part}, '{of}', {serials if number == 0 else 'int8range(520, 521)'} from correction;"
        for number, part in enumerate(parts)
    )
    return (
        "insert into correction (lot, ranges, reason, corrected_at_ns) "
        f"values ('{of}', {ranges}, '{reason}', 0);{rows}"
    )


@dataclass(frozen=True)
class Attack:
    """One thing that must not be possible."""

    name: str
    sql: str
    guards: tuple[str, ...]
    """`table.constraint or trigger` that stand against it, first the one that speaks. Without them it succeeds."""
    says: str = ""
    """What a trigger says, as far as it tells this refusal from its others."""
    harm: str = "true"
    """Whether it came about, where a guard does not refuse it but makes it harmless."""
    at_commit: bool = True
    """Whether what is asked at commit is asked."""


def broken(name: str, sql: str, *guards: str, says: str = "") -> Attack:
    return Attack(name, sql, guards, says)


ADDS_UP = "lot_balance.check_balance"

ATTACKS = (
    # ---- where a serial is
    broken(
        "a serial in two places",
        f"{INTO} ('buyer', 'trading', 'LOT-1', int8range(900, 901), {NOW})",
        *("holding.holding_lot_serials_excl", ADDS_UP),
    ),
    broken(
        "a serial in no place",
        "delete from holding where place = 'management' and lot = 'LOT-2'",
        ADDS_UP,
        says="issued is not management + trading + retired + withdrawn",
    ),
    broken("a tradable serial in no place", TRADABLE, "holding_past.holding_past_check", ADDS_UP),
    broken(
        "a serial that was never issued",
        f"{INTO} ('buyer', 'management', 'LOT-1', int8range(2000, 2001), {NOW})",
        "holding.after_holding_added",
        says="never issued",
    ),
    broken(
        "a holding that began earlier",
        entry() + leg() + landing(since="1"),
        *("holding.after_holding_added", ADDS_UP),
        says="begins with the newest",
    ),
    broken(
        "units for a closed account",
        entry() + leg("'gone', 'trading'") + landing("'gone', 'trading'"),
        *("holding.after_holding_added", ADDS_UP),
        says="closed account",
    ),
    broken(
        "a retired serial brought back",
        "delete from holding where place = 'retired';"
        + entry()
        + leg(serials="int8range(980, 1001)")
        + f"{INTO} ('buyer', 'trading', 'LOT-1', int8range(980, 1001), {NOW})",
        *("holding.after_holding_removed", ADDS_UP),
        says="retired serial never moves",
    ),
    broken(
        "a withdrawn serial brought back",
        "delete from holding where place = 'withdrawn'",
        "holding.after_holding_removed",
        says="withdrawn serial never moves",
    ),
    broken(
        "a fifth place",
        entry() + leg() + landing("'buyer', 'limbo'"),
        *("holding.holding_place_check", ADDS_UP),
    ),
    broken(
        "units of nobody",
        entry() + leg() + landing("'nobody', 'trading'"),
        *("holding.holding_is_somebodys", ADDS_UP),
        says="account that is not there",
    ),
    broken(
        "units of no lot",
        f"{INTO} ('seller', 'management', 'LOT-9', int8range(1, 2), {NOW})",
        "holding.holding_is_somebodys",
        says="lot that is not there",
    ),
    broken(
        "a holding under the number of another",
        SOUND.replace(
            f"{INTO} ('buyer'",
            "insert into holding (holding, account, place, lot, serials, since) overriding system value "
            "select max(holding), 'buyer'",
        ).replace(f"int8range(511, 512), {NOW});", f"int8range(511, 512), {NOW} from holding;"),
        "holding.holding_pkey",
    ),
    broken(
        "a holding of nothing",
        f"{INTO} ('seller', 'management', 'LOT-1', 'empty', {NOW})",
        "holding.holding_serials_check",
    ),
    broken(
        "a holding handed over by hand",
        "update holding set account = 'buyer' where place = 'management'",
        "holding.keep_holding",
        says="never changed",
    ),
    broken("the past made up", past := "insert into holding_past values (999, 'buyer', 'trading', 'LOT-1', '[1,2)', 1, 2)", "holding_past.refuse_direct_past"),
    broken("a past that ends before it begins", past.replace("1, 2)", "2, 1)"), "holding_past.refuse_direct_past", "holding_past.holding_past_check"),
    broken("the past told twice", "insert into holding_past select * from holding_past", "holding_past.refuse_direct_past", "holding_past.holding_past_pkey"),
    broken("the past rewritten", "update holding_past set account = 'buyer'", "holding_past.keep_holding_past"),
    broken(
        "moved without a journal entry",
        "delete from holding where place = 'management' and lot = 'LOT-1';"
        f"{INTO} ('buyer', 'trading', 'LOT-1', int8range(1, 501), {NOW})",
        ADDS_UP,
        says="without a journal entry",
    ),
    broken(
        "moved between management sub-accounts",
        "delete from holding where place = 'management' and lot = 'LOT-1';"
        f"{INTO} ('buyer', 'management', 'LOT-1', int8range(1, 501), {NOW})",
        ADDS_UP,
        says="without a journal entry",
    ),
    broken(
        "other serials moved than the entry says",
        entry() + leg(serials="int8range(512, 513)") + landing(),
        ADDS_UP,
        says="without a journal entry",
    ),
    # ---- balances follow holdings
    broken("a balance raised", "update lot_balance set trading = trading + 1", "lot_balance.guard_balance", ADDS_UP),
    broken("nothing issued", "update lot_balance set issued = 0", "lot_balance.guard_balance", "lot_balance.lot_balance_issued_check", ADDS_UP),
    *(
        broken(f"a debt of {place} units", f"update lot_balance set {place} = -1", "lot_balance.guard_balance", f"lot_balance.lot_balance_{place}_check", ADDS_UP)
        for place in ("management", "trading", "retired", "withdrawn")
    ),
    broken("a balance of no lot", "insert into lot_balance (lot, issued, management) values ('LOT-9', 1, 1)", "lot_balance.guard_balance", "lot_balance.lot_balance_lot_fkey"),
    broken("a second balance", "insert into lot_balance select * from lot_balance", "lot_balance.guard_balance", "lot_balance.lot_balance_pkey"),
    broken("a balance removed", "delete from lot_balance", "lot_balance.keep_balance"),
    # ---- the journal
    broken("an entry without legs", entry(), "journal.check_legs", says="does not have its 1 legs"),
    broken("a retirement for nothing", entry("retire") + leg(USED) + landing(USED), "journal.check_legs", says="what it is for"),
    broken("fewer ranges than legs", entry(ranges=0), "journal.journal_check", "journal.check_legs"),
    broken("no legs at all", entry(legs=0, ranges=0), "journal.journal_legs_check"),
    broken("a digest that is none", entry(digest="'x'") + leg() + landing(), "journal.journal_digest_check"),
    broken("a gift", entry("gift") + leg() + landing(), "journal.journal_kind_check"),
    broken("a request entered twice", entry(request="in-1") + leg() + landing(), "journal.journal_request_id_key"),
    Attack(
        "an entry that skips numbers",
        entry().replace("(request_id", "(sequence, request_id").replace("('x'", "(99, 'x'"),
        ("journal.number_journal",),
        harm="exists (select from journal where sequence = 99)",
        at_commit=False,
    ),
    Attack(
        "an entry under an old number",
        entry("transfer_in").replace("(request_id", "(sequence, request_id").replace("('x'", "(1, 'x'"),
        (
            "journal.number_journal",
            "journal.journal_pkey",
            "journal.journal_movement_id_key",
            "journal.journal_sequence_kind_key",
        ),
        harm="(select count(*) from journal where sequence = 1) > 1",
        at_commit=False,
    ),
    broken("an entry rewritten", "update journal set trading_day = '2026-01-01'", "journal.keep_journal"),
    broken("a leg to where it is", entry() + leg("'seller', 'trading'"), "journal_leg.journal_leg_check"),
    broken("a leg from nobody", entry() + leg(source="'nobody', 'trading'"), "journal_leg.refuse_late_leg", says="account that is not there"),
    broken("a leg to nobody", entry() + leg("'nobody', 'trading'"), "journal_leg.refuse_late_leg", says="account that is not there"),
    broken("a leg of no lot", entry() + leg(lot="LOT-9"), "journal_leg.refuse_late_leg", says="lot that is not there"),
    broken("a leg of no entry", leg(sequence="99"), "journal_leg.refuse_late_leg", says="only the newest"),
    broken("a leg out of retirement", entry() + leg(source=USED), "journal_leg.journal_leg_from_place_check"),
    broken("a leg into a fourth place", entry() + leg("'seller', 'withdrawn'"), "journal_leg.journal_leg_to_place_check"),
    broken("one leg twice", entry(ranges=2) + leg() + leg(serials="int8range(512, 513)"), "journal_leg.journal_leg_pkey"),
    broken("a leg of nothing", entry() + leg(serials="'empty'"), "journal_leg.journal_leg_serials_check"),
    broken("a leg for the past", leg(sequence="1", number=2), "journal_leg.refuse_late_leg"),
    broken("a leg rewritten", "update journal_leg set leg = leg", "journal_leg.keep_journal_leg"),
    # ---- uses
    broken("a use by nobody", use("'voluntary_offset', null, '', ''"), "retirement.retirement_beneficiary_check"),
    broken("a gift to a year", use("'voluntary_offset', 2025, 'seller', ''"), "retirement.retirement_check"),
    broken(
        "compliance of no year",
        use("'compliance_offset', null, 'seller', ''", "'compliance_offset', 'LOT-1', 'I'"),
        "retirement.retirement_check",
    ),
    broken("a use for pleasure", use("'pleasure', null, 'seller', ''", "'pleasure', 'LOT-1', 'I'"), "retirement.retirement_purpose_check"),
    broken("a delivery that uses", SOUND + f"insert into retirement values ({NOW}, 'deliver', 'donation', null, 'x', '')", "retirement.retirement_kind_check"),
    broken("a transfer dressed as a use", "insert into retirement values (1, 'retire', 'donation', null, 'x', '')", "retirement.retirement_sequence_kind_fkey"),
    broken(
        "one retirement used twice",
        "insert into retirement select * from retirement",
        "retirement.retirement_pkey",
        "retirement.retirement_sequence_purpose_key",
    ),
    broken("a use renamed", "update retirement set beneficiary = 'buyer'", "retirement.keep_retirement"),
    broken(
        "Class II for compliance",
        use("'compliance_offset', 2025, 'seller', ''", "'compliance_offset', 'LOT-1', 'I'")
        + f"insert into retirement_lot values ({NOW}, 'compliance_offset', 'LOT-2', 'II')",
        "retirement_lot.retirement_lot_check",
    ),
    broken(
        "Class II called Class I",
        use("'compliance_offset', 2025, 'seller', ''", "'compliance_offset', 'LOT-1', 'I'")
        + f"insert into retirement_lot values ({NOW}, 'compliance_offset', 'LOT-2', 'I')",
        "retirement_lot.retirement_lot_lot_class_fkey",
    ),
    broken(
        "another purpose for a lot than for its retirement",
        "insert into retirement_lot values (3, 'donation', 'LOT-2', 'II')",
        "retirement_lot.retirement_lot_sequence_purpose_fkey",
    ),
    broken("a lot used twice by one", "insert into retirement_lot select * from retirement_lot", "retirement_lot.retirement_lot_pkey"),
    broken("a used lot renamed", "update retirement_lot set class = class", "retirement_lot.keep_retirement_lot"),
    # ---- answers
    broken("an answer that is none", f"insert into request values ('x', {ZERO}, null, null, null, 0)", "request.request_check"),
    broken("done and refused", SOUND + f"insert into request values ('x', {ZERO}, {NOW}, 'too_late', null, 0)", "request.request_check"),
    broken("done, but for a leg", SOUND + f"insert into request values ('x', {ZERO}, {NOW}, null, 1, 0)", "request.request_check1"),
    broken("refused without content", "insert into request values ('x', null, null, 'too_late', null, 0)", "request.request_check2"),
    broken("an answer's digest that is none", "insert into request values ('x', 'x', null, 'too_late', null, 0)", "request.request_content_digest_check"),
    broken("a refusal of leg nought", f"insert into request values ('x', {ZERO}, null, 'too_late', 0, 0)", "request.request_leg_check"),
    broken("a second answer", f"insert into request values ('d-1', {ZERO}, null, 'too_late', null, 0)", "request.request_pkey"),
    broken("an answer to no id", f"insert into request values ('a b', {ZERO}, null, 'too_late', null, 0)", "request.request_request_id_check"),
    broken("done in no entry", f"insert into request values ('x', {ZERO}, 99, null, null, 0)", "request.request_sequence_fkey"),
    broken("two answers of one entry", f"insert into request values ('x', {ZERO}, 1, null, null, 0)", "request.request_sequence_key"),
    broken("an answer changed", "update request set refusal = 'too_late' where refusal is not null", "request.keep_request"),
    broken("decided while accepted", f"insert into request values ('u-1', {ZERO}, null, 'too_late', null, 0)", "request.decided_is_not_undecided", says="decided and undecided"),
    broken("accepted after it was decided", f"insert into undecided (request_id, content_digest, movement, accepted_at_ns, decide_at_ns) values ('d-2', {ZERO}, '', 0, 0)", "undecided.undecided_is_not_decided", says="decided and undecided"),
    broken("accepted and forgotten", "delete from undecided", "undecided.accepted_is_decided", says="is forgotten"),
    broken("accepted content changed", "update undecided set movement = ''", "undecided.keep_undecided"),
    broken("decided before it was accepted", f"insert into undecided (request_id, content_digest, movement, accepted_at_ns, decide_at_ns) values ('x', {ZERO}, '', 1, 0)", "undecided.undecided_check"),
    broken("accepted without a digest", "insert into undecided (request_id, content_digest, movement, accepted_at_ns, decide_at_ns) values ('x', 'x', '', 0, 0)", "undecided.undecided_content_digest_check"),
    broken("accepted under no id", f"insert into undecided (request_id, content_digest, movement, accepted_at_ns, decide_at_ns) values ('a b', {ZERO}, '', 0, 0)", "undecided.undecided_request_id_check"),
    broken("accepted twice", f"insert into undecided (request_id, content_digest, movement, accepted_at_ns, decide_at_ns) values ('u-1', {ZERO}, '', 0, 0)", "undecided.undecided_pkey"),
    broken("two in one place of the line", f"insert into undecided (request_id, place_in_line, content_digest, movement, accepted_at_ns, decide_at_ns) overriding system value values ('x', 1, {ZERO}, '', 0, 0)", "undecided.undecided_place_in_line_key"),
    # ---- accounts
    broken("an account with a blank", "insert into account values ('a b', 'institution', 0)", "account.account_account_check"),
    broken("an account of a machine", "insert into account values ('x', 'machine', 0)", "account.account_kind_check"),
    broken("an account opened twice", "insert into account values ('seller', 'institution', 0)", "account.account_pkey"),
    broken("an account turned into a person's", "update account set kind = 'individual'", "account.keep_account"),
    broken("nobody's account closed", "insert into account_closed values ('nobody', 'x', 0)", "account_closed.account_closed_account_fkey"),
    broken("an account closed twice", "insert into account_closed values ('gone', 'x', 0)", "account_closed.account_closed_pkey"),
    broken("closed for no reason", "insert into account (account, kind, opened_at_ns) values ('new', 'individual', 0); insert into account_closed values ('new', '', 0)", "account_closed.account_closed_reason_check"),
    broken("a full account closed", "insert into account_closed values ('seller', 'x', 0)", "account_closed.account_is_empty", says="is not empty"),
    broken("an account reopened", "delete from account_closed", "account_closed.keep_account_closed"),
    broken("nobody bound", "insert into binding values ('nobody', 'T-9', 0)", "binding.binding_account_fkey"),
    broken("one account bound twice", "insert into binding values ('seller', 'T-9', 0)", "binding.binding_pkey"),
    broken("two accounts bound to one", "insert into binding values ('gone', 'T-seller', 0)", "binding.binding_trading_account_key"),
    broken("a binding changed", "update binding set trading_account = 'T-9' where account = 'seller'", "binding.keep_binding"),
    # ---- methodologies and lots
    broken("a third class", "insert into methodology values ('X', 'V', 'III', '', '2024-01-01', '2024-01-01')", "methodology.methodology_class_check"),
    broken("in force before it is public", "insert into methodology values ('X', 'V', 'I', '', '2024-01-02', '2024-01-01')", "methodology.methodology_in_force_once_published"),
    broken("a version of both classes", "insert into methodology values ('SHCER-I', 'V01', 'II', '', '2024-01-01', '2024-01-01')", "methodology.methodology_pkey"),
    broken("a methodology moved to Class I", "update methodology set title = ''", "methodology.keep_methodology"),
    broken("no version withdrawn", "insert into methodology_withdrawn values ('X', 'V', '2026-01-01', 'x', 0)", "methodology_withdrawn.methodology_withdrawn_code_version_fkey"),
    broken("a version withdrawn twice", "insert into methodology_withdrawn values ('OLD', 'V01', '2026-01-01', 'x', 0)", "methodology_withdrawn.methodology_withdrawn_pkey"),
    broken("withdrawn for no reason", "insert into methodology_withdrawn values ('SHCER-I', 'V01', '2026-01-01', '', 0)", "methodology_withdrawn.methodology_withdrawn_reason_check"),
    broken("withdrawn before its lots", "insert into methodology_withdrawn values ('SHCER-I', 'V01', '2025-09-01', 'x', 0)", "methodology_withdrawn.withdrawn_after_use", says="were issued"),
    broken("a withdrawal undone", "delete from methodology_withdrawn", "methodology_withdrawn.keep_methodology_withdrawn"),
    broken("issued under what is withdrawn", lot(methodology="'OLD'"), "lot.issued_while_in_force", says="not in force"),
    broken("issued before it is in force", lot(issued_on="'2023-10-31'"), "lot.issued_while_in_force", says="not in force"),
    broken("issued to nobody", lot(applicant="'nobody'"), "lot.lot_applicant_fkey", ADDS_UP),
    broken("issued to another than its applicant", lot(holder="buyer"), ADDS_UP, says="without a journal entry"),
    broken("a period that ends before it begins", lot(period_end="'2024-01-01'"), "lot.lot_check"),
    broken("a lot with a blank", lot(lot="'LOT 3'"), "lot.lot_lot_check"),
    broken("of another class than its methodology", lot(methodology="'SHCER-II'"), "lot.lot_methodology_methodology_version_class_fkey"),
    broken("of no origin", lot(origin="'gift'"), "lot.lot_origin_check"),
    broken("serials below nought", lot(held="int8range(-5, 5)"), "lot.lot_serials_check"),
    broken(
        "a lot issued twice",
        lot(lot="'LOT-1'").partition(";")[0],
        *("lot.lot_pkey", "lot.lot_lot_class_key", "lot_balance.lot_balance_pkey", ADDS_UP),
    ),
    broken("a lot that nobody holds", lot().partition(";")[0], "lot.open_balance", says="issued is not"),
    Attack(
        "a lot under an old number",
        lot(sequence="1"),
        ("lot.number_lot", "lot.lot_sequence_key"),
        harm="(select count(*) from lot where sequence = 1) > 1",
    ),
    broken("a lot renamed", "update lot set project = ''", "lot.keep_lot"),
    broken("amended backwards", "insert into lot_amendment (lot, project, period_start, period_end, issue_batch, reason, amended_at_ns) values ('LOT-1', '', '2025-01-02', '2025-01-01', '', 'x', 0)", "lot_amendment.lot_amendment_check"),
    broken("no lot amended", "insert into lot_amendment (lot, project, period_start, period_end, issue_batch, reason, amended_at_ns) values ('LOT-9', '', '2025-01-01', '2025-01-01', '', 'x', 0)", "lot_amendment.lot_amendment_lot_fkey"),
    broken("amended for no reason", "insert into lot_amendment (lot, project, period_start, period_end, issue_batch, reason, amended_at_ns) values ('LOT-1', '', '2025-01-01', '2025-01-01', '', '', 0)", "lot_amendment.lot_amendment_reason_check"),
    broken("one amendment twice", "insert into lot_amendment overriding system value select * from lot_amendment", "lot_amendment.lot_amendment_pkey"),
    broken("an amendment changed", "update lot_amendment set project = ''", "lot_amendment.keep_lot_amendment"),
    # ---- corrections
    broken("serials of no correction", "insert into corrected values (99, 0, 'LOT-1', '[511,512)')", "corrected.corrected_correction_lot_fkey"),
    broken("corrected twice", correction("int8range(605, 606)"), "corrected.corrected_lot_serials_excl"),
    broken("a part before the first", correction(parts=(-1,)), "corrected.corrected_part_check"),
    broken("one part twice", correction(ranges=2, parts=(0, 0)), "corrected.corrected_pkey"),
    broken("nothing corrected", correction("'empty'"), "corrected.corrected_serials_check"),
    broken("corrected what was never issued", correction("int8range(2000, 2001)"), "corrected.corrected_was_issued", says="never issued"),
    broken("a correction extended", "insert into corrected values (1, 1, 'LOT-2', '[11,12)')", "corrected.corrected_was_issued", says="never extended"),
    broken("a correction undone", "delete from corrected", "corrected.keep_corrected"),
    broken("a correction of no serials", correction(parts=()), "correction.check_correction", says="does not have its"),
    broken("corrected and left where it is", correction("int8range(1, 2)"), "correction.check_correction", says="in a management sub-account"),
    broken("a correction of no lot", correction(of="LOT-9"), "correction.correction_lot_fkey"),
    broken("one correction twice", "insert into correction (correction, lot, ranges, reason, corrected_at_ns) overriding system value values (1, 'LOT-1', 1, 'x', 0)", "correction.correction_pkey"),
    broken("a correction of nought", correction(ranges=0, parts=()), "correction.correction_ranges_check"),
    broken("corrected for no reason", correction(reason=""), "correction.correction_reason_check"),
    broken("a correction explained otherwise", "update correction set reason = 'x'", "correction.keep_correction"),
    broken("withdrawn from nobody", f"insert into withdrawal values ({NOW}, 2, 'LOT-1', '[600,601)', 'nobody')", "withdrawal.withdrawal_account_fkey"),
    broken("withdrawn by no correction", f"insert into withdrawal values ({NOW}, 99, 'LOT-1', '[20,21)', 'seller')", "withdrawal.withdrawal_correction_lot_fkey", "withdrawal.withdrawn_was_corrected"),
    broken("withdrawn twice", f"insert into withdrawal values ({NOW}, 1, 'LOT-2', '[1,2)', 'seller')", "withdrawal.withdrawal_lot_serials_excl"),
    broken("nothing withdrawn", f"insert into withdrawal values ({NOW}, 2, 'LOT-1', 'empty', 'seller')", "withdrawal.withdrawal_serials_check"),
    broken("withdrawn without correction", f"insert into withdrawal values ({NOW}, 2, 'LOT-1', '[20,21)', 'seller')", "withdrawal.withdrawn_was_corrected", says="not corrected"),
    broken("withdrawn in the past", "insert into withdrawal values (1, 2, 'LOT-1', '[600,601)', 'seller')", "withdrawal.withdrawn_was_corrected", says="newest"),
    broken("a withdrawal from another", "update withdrawal set account = 'buyer'", "withdrawal.keep_withdrawal"),
    # ---- restrictions and notices
    broken("nobody frozen", "insert into restriction (account, reason, placed_at_ns) values ('nobody', 'x', 0)", "restriction.restriction_account_fkey"),
    broken("nothing frozen", "insert into restriction (reason, placed_at_ns) values ('x', 0)", "restriction.restriction_check"),
    broken("serials of an account frozen", "insert into restriction (account, serials, reason, placed_at_ns) values ('buyer', '[1,2)', 'x', 0)", "restriction.restriction_check1"),
    broken("no lot frozen", "insert into restriction (lot, reason, placed_at_ns) values ('LOT-9', 'x', 0)", "restriction.restriction_lot_fkey"),
    broken("one freeze twice", "insert into restriction overriding system value select * from restriction", "restriction.restriction_pkey"),
    broken("frozen for no reason", "insert into restriction (lot, reason, placed_at_ns) values ('LOT-1', '', 0)", "restriction.restriction_reason_check"),
    broken("no serials frozen", "insert into restriction (lot, serials, reason, placed_at_ns) values ('LOT-1', 'empty', 'x', 0)", "restriction.restriction_serials_check"),
    broken("a freeze taken away", "delete from restriction where lot = 'LOT-2'", "restriction.keep_restriction"),
    broken("no freeze lifted", "insert into restriction_lifted values (99, 'x', 0)", "restriction_lifted.restriction_lifted_restriction_fkey"),
    broken("a freeze lifted twice", "insert into restriction_lifted values (1, 'x', 0)", "restriction_lifted.restriction_lifted_pkey"),
    broken("lifted for no reason", "insert into restriction_lifted values (2, '', 0)", "restriction_lifted.restriction_lifted_reason_check"),
    broken("a freeze back in force", "delete from restriction_lifted", "restriction_lifted.keep_restriction_lifted"),
    broken("a notice about nobody", "insert into notice (kind, at_ns, account) values ('account_restricted', 0, 'nobody')", "notice.notice_account_fkey"),
    broken("a notice about no lot", "insert into notice (kind, at_ns, lot) values ('lot_frozen', 0, 'LOT-9')", "notice.notice_lot_fkey"),
    broken("a notice of no kind", "insert into notice (kind, at_ns) values ('gossip', 0)", "notice.notice_kind_check"),
    Attack(
        "a notice under an old number",
        "insert into notice (sequence, kind, at_ns) values (1, 'lot_issued', 0)",
        ("notice.number_notice", "notice.notice_pkey"),
        harm="(select count(*) from notice where sequence = 1) > 1",
    ),
    broken("a notice unsaid", "delete from notice", "notice.keep_notice"),
    # ---- the head
    broken("a number skipped", "update head set journal_sequence = journal_sequence + 1", "head.guard_head", says="only with the row it numbers"),
    broken("the clock set back", "update head set latest_ns = latest_ns - 1", "head.guard_head", says="does not go back"),
    broken("a second head", "insert into head (only_row) values (false)", "head.head_only_row_check"),
    broken("the same head again", "insert into head default values", "head.head_pkey"),
    broken("no head", "delete from head", "head.keep_head"),
)  # fmt: skip

NO_ATTACK_REACHES = {
    "correction.correction_correction_lot_key": "what corrected and withdrawal refer to; the primary key keeps them apart",
    "methodology.methodology_code_version_class_key": "what lot refers to; the primary key keeps versions apart",
    "schema_migration.schema_migration_pkey": "the migrations' own",
}
"""Guards with a reason why no attack shows them."""
