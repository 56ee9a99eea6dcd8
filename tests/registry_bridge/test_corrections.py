"""Corrections (Art. 22): what is withdrawn at once, what later, and what is never withdrawn."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from registry_bridge.reference import administration, corrections, feeds, inspection, movements, publishing
from registry_bridge.reference import notices as told
from registry_bridge.reference.act_refusals import AlreadyCorrected, NameUnknown, SerialsNotIssued
from registry_bridge.reference.facts import facts_of
from registry_bridge.reference.judge import Facts
from registry_bridge.reference.positions import START, Positions
from registry_bridge.reference.store import Connection, Pool, Store
from registry_bridge.registry import (
    AccountKind,
    Confirmed,
    Holding,
    Movement,
    MovementKind,
    NoticeKind,
    PositionRange,
    RefusalCode,
    Refused,
    RetirementPurpose,
)
from registry_bridge.wire_administration import CorrectionMade, Methodology
from settlement.lot import MethodologyClass
from settlement.serials import Serials
from tests.registry_bridge.examples import (
    MANAGEMENT,
    TRADING,
    deliver,
    issue,
    leg,
    movement,
    retire,
    transfer_in,
)


@pytest.fixture
async def filled(store: Store) -> Store:
    """LOT-1: 1..401 managed by the seller, 401..901 tradable by it, 901..951 by the buyer, 951..1001 retired."""
    for account in ("seller", "buyer"):
        await administration.open_account(store, account, AccountKind.INSTITUTION)
        await feeds.bind(store, account, f"T-{account}")
    await publishing.publish_methodology(
        store, Methodology(code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t")
    )
    await publishing.issue_lot(store, issue("LOT-1"))
    for asked in (
        transfer_in("in", ((401, 1001),)),
        deliver("d", ((901, 951),)),
        retire("r", ((951, 1001),)),
    ):
        await confirmed(store, asked)
    return store


async def confirmed(store: Store, asked: Movement) -> None:
    assert isinstance(await movements.decide(store, asked), Confirmed)


async def refusal(store: Store, asked: Movement) -> RefusalCode:
    answer = await movements.decide(store, asked)
    assert isinstance(answer, Refused)
    return answer.code


def transfer_out(request_id: str, serials: Serials, account: str = "seller") -> Movement:
    one = leg(1, serials, (account, TRADING), (account, MANAGEMENT))
    return movement(request_id, MovementKind.TRANSFER_OUT, one)


async def balance(pool: Pool) -> tuple[int, int, int, int]:
    (found,), _ = await inspection.balances(pool, 0)
    places = (
        found.management_tonnes,
        found.trading_tonnes,
        found.retired_tonnes,
        found.withdrawn_tonnes,
    )
    assert sum(places) == found.issued_tonnes == 1_000
    assert (await inspection.audit(pool)).findings == ()
    return places


async def held(pool: Pool, account: str) -> tuple[Holding, ...]:
    found = await feeds.account(pool, account)
    assert found is not None
    return found[0].holdings


async def test_managed_serials_are_withdrawn_at_once_and_others_stay(filled: Store, pool: Pool) -> None:
    before, _ = await Positions(pool).page(None, START)
    made = await corrections.correct(
        filled, lot="LOT-1", serials=((11, 21), (301, 411), (940, 960)), reason="Meter"
    )
    assert made == CorrectionMade(correction=1, withdrawn_tonnes=110, trading_tonnes=21, retired_tonnes=9)
    assert await balance(pool) == (290, 550, 50, 110)
    assert [(one.first, one.end) for one in await held(pool, "seller") if one.sub_account is MANAGEMENT] == [
        (1, 11),
        (21, 301),
    ]
    after, _ = await Positions(pool).page(None, START)
    assert (after.positions, after.digest, after.as_of) == (before.positions, before.digest, before.as_of)


async def test_the_exchange_is_told_which_serials_and_why(filled: Store, pool: Pool) -> None:
    serials = ((11, 21), (401, 411))
    await corrections.correct(filled, lot="LOT-1", serials=serials, reason="Meter")
    notice = (await told.notices(pool, 0)).notices[-1]
    assert (
        notice.kind,
        notice.account,
        notice.lot,
        notice.serials,
        notice.reason,
        notice.journal_sequence,
    ) == (
        NoticeKind.CORRECTED,
        "seller",
        "LOT-1",
        serials,
        "Meter",
        3,
    )


async def test_what_the_exchange_moves_out_is_withdrawn_in_the_same_moment(filled: Store, pool: Pool) -> None:
    await corrections.correct(filled, lot="LOT-1", serials=((401, 411), (421, 431)), reason="Meter")
    assert await balance(pool) == (400, 550, 50, 0)
    asked = transfer_out("out", ((401, 441),))
    await confirmed(filled, asked)
    assert await balance(pool) == (420, 510, 50, 20)
    assert [(one.first, one.end) for one in await held(pool, "seller") if one.sub_account is MANAGEMENT] == [
        (1, 401),
        (411, 421),
        (431, 441),
    ]
    entry = (await feeds.journal(pool, 3)).entries[0]
    assert entry.legs == asked.legs, "the journal says what was asked for"


async def test_what_is_withdrawn_is_nobodys_to_move(filled: Store) -> None:
    await corrections.correct(filled, lot="LOT-1", serials=((11, 21), (401, 411)), reason="Meter")
    assert await refusal(filled, transfer_in("in-2", ((11, 21),))) is RefusalCode.SERIALS_NOT_HELD
    await confirmed(filled, transfer_out("out", ((401, 411),)))
    assert await refusal(filled, transfer_out("out-2", ((401, 411),))) is RefusalCode.SERIALS_NOT_HELD
    assert await refusal(filled, retire("r-2", ((401, 411),))) is RefusalCode.SERIALS_NOT_HELD


async def test_corrected_serials_still_trade_until_the_exchange_decides(filled: Store, pool: Pool) -> None:
    await corrections.correct(filled, lot="LOT-1", serials=((401, 411),), reason="Meter")
    await confirmed(filled, deliver("d-2", ((401, 411),)))
    await confirmed(filled, transfer_out("out", ((401, 406),), account="buyer"))
    assert await balance(pool) == (400, 545, 50, 5)


async def test_a_freeze_does_not_keep_what_was_corrected(filled: Store) -> None:
    for serials in (((401, 411),), ((411, 421),)):
        await corrections.correct(filled, lot="LOT-1", serials=serials, reason="Meter")
    await administration.freeze(filled, administration.Freeze(lot="LOT-1", reason="Inquiry"))
    await administration.freeze(filled, administration.Freeze(account="seller", reason="Order"))
    assert await refusal(filled, transfer_out("out-1", ((401, 422),))) is RefusalCode.ACCOUNT_FROZEN
    await confirmed(filled, transfer_out("out-2", ((401, 421),)))


async def test_a_correction_may_be_repeated_but_not_overlap_another(filled: Store, pool: Pool) -> None:
    first = await corrections.correct(filled, lot="LOT-1", serials=((11, 21), (401, 411)), reason="Meter")
    again = await corrections.correct(filled, lot="LOT-1", serials=((11, 21), (401, 411)), reason="Meter")
    assert again == first
    for serials, reason in (
        (((11, 21), (401, 411)), "Other"),
        (((20, 22),), "Meter"),
        (((1, 1001),), "Meter"),
    ):
        with pytest.raises(AlreadyCorrected):
            await corrections.correct(filled, lot="LOT-1", serials=serials, reason=reason)
    assert await balance(pool) == (390, 550, 50, 10)
    assert (
        len([one for one in (await told.notices(pool, 0)).notices if one.kind is NoticeKind.CORRECTED]) == 1
    )


async def test_only_issued_serials_of_a_known_lot_are_corrected(filled: Store) -> None:
    with pytest.raises(SerialsNotIssued):
        await corrections.correct(filled, lot="LOT-1", serials=((1000, 1002),), reason="Meter")
    with pytest.raises(NameUnknown):
        await corrections.correct(filled, lot="LOT-9", serials=((1, 2),), reason="Meter")


async def test_several_corrections_beside_each_other_at_one_journal_entry(filled: Store, pool: Pool) -> None:
    for number, serials in enumerate((((1, 2),), ((2, 3), (390, 405)), ((3, 4),)), start=1):
        made = await corrections.correct(filled, lot="LOT-1", serials=serials, reason="Meter")
        assert made.correction == number
    assert await balance(pool) == (386, 550, 50, 14)
    await confirmed(filled, transfer_out("out", ((401, 410),)))
    await corrections.correct(filled, lot="LOT-1", serials=((405, 407),), reason="Meter")
    assert await balance(pool) == (389, 541, 50, 20)
    assert await Positions(pool).page(2, START) is not None
    as_was, _ = await Positions(pool).page(3, START)
    assert PositionRange(account="seller", lot="LOT-1", first=401, end=901) in as_was.positions


Change = Callable[[Facts], Facts]


def as_trading(facts: Facts) -> Facts:
    return replace(facts, held=tuple(replace(row, owner=(row.owner[0], "trading")) for row in facts.held))


@pytest.mark.parametrize(
    "case",
    [
        (deliver("x", ((951, 961),)), as_trading, RefusalCode.ALREADY_RETIRED),
        (deliver("x", ((1, 2),)), as_trading, RefusalCode.SERIALS_NOT_HELD),
        (
            deliver("x", ((401, 402),), buyer="gone"),
            lambda facts: replace(facts, closed=frozenset(), bound=frozenset({"seller", "gone"})),
            RefusalCode.ACCOUNT_CLOSED,
        ),
        (
            deliver("x", ((401, 402),), buyer="nobody"),
            lambda facts: replace(
                facts, frozen={**facts.frozen, "nobody": False}, bound=frozenset({"seller", "nobody"})
            ),
            RefusalCode.ACCOUNT_UNKNOWN,
        ),
        (
            retire("x", ((1, 2),), RetirementPurpose.COMPLIANCE_OFFSET, lot="LOT-2"),
            lambda facts: replace(facts, classes={"LOT-2": MethodologyClass.I}),
            RefusalCode.CLASS_NOT_ELIGIBLE,
        ),
    ],
)
async def test_what_only_the_database_saw_is_refused_by_name_and_for_ever(
    filled: Store, pool: Pool, monkeypatch: pytest.MonkeyPatch, case: tuple[Movement, Change, RefusalCode]
) -> None:
    """The judge is lied to about the books; the books are not."""
    asked, change, code = case

    async def lie(connection: Connection, movement: Movement) -> Facts:
        return change(await facts_of(connection, movement))

    await administration.open_account(filled, "gone", AccountKind.INDIVIDUAL)
    await administration.close_account(filled, "gone", "Wish")
    second = Methodology(code="SHCER-II", version="V01", methodology_class=MethodologyClass.II, title="t")
    await publishing.publish_methodology(filled, second)
    await publishing.issue_lot(filled, issue("LOT-2", methodology="SHCER-II"))
    await confirmed(filled, transfer_in("in-2", ((1, 11),), lot="LOT-2"))
    monkeypatch.setattr("registry_bridge.reference.movements.facts_of", lie)
    answer = await movements.decide(filled, asked)
    assert isinstance(answer, Refused) and (answer.code, answer.leg) == (code, 1)
    assert await movements.find(filled, "x") == answer
    assert len((await feeds.journal(pool, 0)).entries) == 4
    assert (await inspection.audit(pool)).findings == ()
