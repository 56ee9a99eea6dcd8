"""What every registry behind the port keeps: asked of the plain one and of the reference registry alike."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from registry_bridge.capabilities import WHOLE_PROTOCOL
from registry_bridge.http_administration import HttpAdministration
from registry_bridge.http_registry import HttpRegistry
from registry_bridge.reconcile import reconcile
from registry_bridge.registry import (
    AccountKind,
    AccountState,
    Answer,
    Binding,
    BindingRefused,
    Confirmed,
    Holding,
    MovementKind,
    NoticeKind,
    PositionRange,
    RefusalCode,
    Refused,
    Registry,
    RequestIdReused,
    RetirementPurpose,
    Unknown,
    UnknownReason,
)
from registry_bridge.wire import movement_digest
from settlement.lot import MethodologyClass
from tests.registry_bridge.examples import (
    DAY,
    DEADLINE_NS,
    MANAGEMENT,
    NOW_NS,
    TRADING,
    ManualClock,
    deliver,
    issue,
    leg,
    movement,
    retire,
    transfer_in,
)
from tests.registry_bridge.fake_registry import FakeRegistry


class Platform:
    """A registry behind the port, and the calls of its own people."""

    def __init__(
        self, registry: Registry, people: HttpAdministration | FakeRegistry, clock: ManualClock
    ) -> None:
        self.registry = registry
        self.people = people
        self.clock = clock


@pytest.fixture
async def fake_platform(clock: ManualClock) -> Platform:
    fake = FakeRegistry(clock)
    platform = Platform(fake, fake, clock)
    await _fill(platform)
    return platform


@pytest.fixture
async def reference_platform(
    registry: HttpRegistry, administration: HttpAdministration, clock: ManualClock
) -> Platform:
    platform = Platform(registry, administration, clock)
    await _fill(platform)
    return platform


@pytest.fixture(params=["fake_platform", "reference_platform"])
def platform(request: pytest.FixtureRequest) -> Platform:
    found: Platform = request.getfixturevalue(request.param)
    return found


async def _fill(platform: Platform) -> None:
    """Seller with a lot of each class, 500 of 1,000 tonnes in its trading sub-account; buyer; stranger unbound."""
    people = platform.people
    for account in ("seller", "buyer", "stranger"):
        await people.open_account(account, AccountKind.INSTITUTION)
    for account in ("seller", "buyer"):
        await platform.registry.bind(account, f"T-{account}")
    for code, number in (("SHCER-I", MethodologyClass.I), ("SHCER-II", MethodologyClass.II)):
        await people.publish_methodology(code=code, version="V01", methodology_class=number, title=code)
    await people.issue_lot(issue("LOT-1"))
    await people.issue_lot(issue("LOT-2", methodology="SHCER-II"))
    for lot in ("LOT-1", "LOT-2"):
        answer = await platform.registry.move(transfer_in(f"in-{lot}", ((1, 501),), lot=lot))
        assert isinstance(answer, Confirmed)


async def refusal(platform: Platform, asked: Any) -> tuple[RefusalCode, int | None]:
    answer = await platform.registry.move(asked)
    assert isinstance(answer, Refused), answer
    return answer.code, answer.leg


async def held(platform: Platform, account: str) -> list[tuple[str, str, int, int]]:
    found = await platform.registry.account(account)
    assert found is not None
    return [(one.sub_account.value, one.lot, one.first, one.end) for one in found.holdings]


async def test_a_delivery_moves_exactly_the_named_serials(platform: Platform) -> None:
    answer = await platform.registry.move(deliver("d1", ((11, 21), (31, 32))))
    assert isinstance(answer, Confirmed) and answer.digest == movement_digest(
        deliver("d1", ((11, 21), (31, 32)))
    )
    assert await held(platform, "buyer") == [("trading", "LOT-1", 11, 21), ("trading", "LOT-1", 31, 32)]
    assert await held(platform, "seller") == [
        ("management", "LOT-1", 501, 1001),
        ("management", "LOT-2", 501, 1001),
        ("trading", "LOT-1", 1, 11),
        ("trading", "LOT-1", 21, 31),
        ("trading", "LOT-1", 32, 501),
        ("trading", "LOT-2", 1, 501),
    ]


async def test_neighbours_merge_again(platform: Platform) -> None:
    await platform.registry.move(deliver("d1", ((11, 21),)))
    back = leg(1, ((11, 21),), ("buyer", TRADING), ("seller", TRADING))
    assert isinstance(await platform.registry.move(movement("d2", MovementKind.DELIVER, back)), Confirmed)
    assert ("trading", "LOT-1", 1, 501) in await held(platform, "seller")
    assert await held(platform, "buyer") == []


async def test_the_same_request_has_the_same_answer_for_ever(platform: Platform) -> None:
    first = await platform.registry.move(deliver("d1", ((1, 2),)))
    platform.clock.now_ns = DEADLINE_NS + 1
    assert await platform.registry.move(deliver("d1", ((1, 2),))) == first
    assert await platform.registry.ask("d1") == first
    assert await held(platform, "buyer") == [("trading", "LOT-1", 1, 2)]


async def test_a_refusal_burns_the_id(platform: Platform) -> None:
    asked = deliver("d1", ((501, 502),))
    assert await refusal(platform, asked) == (RefusalCode.SERIALS_NOT_HELD, 1)
    await platform.registry.move(transfer_in("in-2", ((501, 502),)))
    assert await refusal(platform, asked) == (RefusalCode.SERIALS_NOT_HELD, 1)
    assert isinstance(await platform.registry.move(deliver("d2", ((501, 502),))), Confirmed)


@pytest.mark.parametrize("first", [((1, 2),), ((501, 502),)])
async def test_the_same_id_with_other_content_is_a_fault_of_ours(platform: Platform, first: Any) -> None:
    await platform.registry.move(deliver("d1", first))
    with pytest.raises(RequestIdReused):
        await platform.registry.move(deliver("d1", ((1, 3),)))


async def test_all_legs_or_none(platform: Platform) -> None:
    asked = movement(
        "d1",
        MovementKind.DELIVER,
        leg(1, ((1, 11),), ("seller", TRADING), ("buyer", TRADING)),
        leg(2, ((600, 601),), ("seller", TRADING), ("buyer", TRADING)),
    )
    assert await refusal(platform, asked) == (RefusalCode.SERIALS_NOT_HELD, 2)
    assert await held(platform, "buyer") == []


async def test_not_seen_states_the_clock_by_which_the_deadline_is_judged(platform: Platform) -> None:
    unseen = await platform.registry.ask("d1")
    assert unseen == Unknown(request_id="d1", why=UnknownReason.NOT_SEEN, registry_time_ns=NOW_NS)
    asked = replace(deliver("d1", ((1, 2),)), not_after_ns=NOW_NS)
    platform.clock.now_ns = NOW_NS + 1
    late = await platform.registry.ask("d1")
    assert isinstance(late, Unknown) and late.registry_time_ns == NOW_NS + 1
    assert await refusal(platform, asked) == (RefusalCode.TOO_LATE, None)
    assert isinstance(await platform.registry.ask("d1"), Refused)


async def test_what_it_promises_is_what_it_keeps(platform: Platform) -> None:
    """The tests around this one hold it to each promise."""
    assert await platform.registry.capabilities() == WHOLE_PROTOCOL


async def test_a_cancelled_id_is_refused_for_ever(platform: Platform) -> None:
    answer = await platform.registry.cancel("d1")
    assert isinstance(answer, Refused) and answer.code is RefusalCode.CANCELLED
    assert await refusal(platform, deliver("d1", ((1, 2),))) == (RefusalCode.CANCELLED, None)
    assert await platform.registry.ask("d1") == answer


async def test_a_cancel_comes_too_late_for_what_was_decided(platform: Platform) -> None:
    done = await platform.registry.move(deliver("d1", ((1, 2),)))
    assert await platform.registry.cancel("d1") == done


async def test_a_retired_serial_never_moves_again(platform: Platform) -> None:
    assert isinstance(await platform.registry.move(retire("r1", ((10, 20),))), Confirmed)
    assert await refusal(platform, retire("r2", ((5, 11),))) == (RefusalCode.ALREADY_RETIRED, 1)
    assert await refusal(platform, deliver("d1", ((19, 20),))) == (RefusalCode.ALREADY_RETIRED, 1)
    assert isinstance(await platform.registry.move(retire("r3", ((20, 21),))), Confirmed)


@pytest.mark.parametrize("lot", ["LOT-1", "LOT-2"])
async def test_both_classes_may_be_retired_for_all_but_compliance(platform: Platform, lot: str) -> None:
    others = [purpose for purpose in RetirementPurpose if purpose is not RetirementPurpose.COMPLIANCE_OFFSET]
    for number, purpose in enumerate(others, 1):
        asked = retire(f"r{number}", ((number, number + 1),), purpose, lot=lot)
        assert isinstance(await platform.registry.move(asked), Confirmed)
        again = retire(f"again-{number}", ((number, number + 1),), purpose, lot=lot)
        assert await refusal(platform, again) == (RefusalCode.ALREADY_RETIRED, 1)


async def test_only_class_one_serves_compliance(platform: Platform) -> None:
    offset = RetirementPurpose.COMPLIANCE_OFFSET
    second = retire("r1", ((1, 2),), offset, lot="LOT-2")
    assert await refusal(platform, second) == (RefusalCode.CLASS_NOT_ELIGIBLE, 1)
    beyond = retire("r2", ((900, 901),), offset, lot="LOT-2")
    assert await refusal(platform, beyond) == (RefusalCode.CLASS_NOT_ELIGIBLE, 1)
    assert isinstance(await platform.registry.move(retire("r3", ((1, 2),), offset)), Confirmed)
    assert isinstance(await platform.registry.move(retire("r4", ((1, 2),), lot="LOT-2")), Confirmed)


async def test_frozen_things_stand_still_until_they_are_lifted(platform: Platform) -> None:
    people = platform.people
    cases: tuple[tuple[dict[str, Any], RefusalCode], ...] = (
        ({"account": "buyer"}, RefusalCode.ACCOUNT_FROZEN),
        ({"lot": "LOT-1"}, RefusalCode.LOT_FROZEN),
        ({"lot": "LOT-1", "serials": ((5, 6),)}, RefusalCode.LOT_FROZEN),
    )
    for number, (what, code) in enumerate(cases):
        restriction = await people.freeze(**what, reason="Ordered by the authority")
        assert await refusal(platform, deliver(f"a{number}", ((1, 10),))) == (code, 1)
        await people.unfreeze(restriction, "Lifted")
    await people.freeze(lot="LOT-1", serials=((5, 6),), reason="Ordered by the authority")
    assert isinstance(await platform.registry.move(deliver("b1", ((1, 5), (6, 10)))), Confirmed)
    kinds = [notice.kind for notice in (await platform.registry.notices(after=2)).notices]
    assert kinds[:2] == [NoticeKind.ACCOUNT_RESTRICTED, NoticeKind.UNFROZEN]
    assert kinds[2:4] == [NoticeKind.LOT_FROZEN, NoticeKind.UNFROZEN]


def _faulty() -> Iterator[tuple[str, Any, tuple[RefusalCode, int | None]]]:
    kind = MovementKind
    seller, buyer = ("seller", TRADING), ("buyer", TRADING)
    yield "unknown account", deliver("x", ((1, 2),), buyer="nobody"), (RefusalCode.ACCOUNT_UNKNOWN, 1)
    yield "unknown lot", deliver("x", ((1, 2),), lot="LOT-9"), (RefusalCode.LOT_UNKNOWN, 1)
    yield "unbound account", deliver("x", ((1, 2),), buyer="stranger"), (RefusalCode.NOT_AUTHORISED, 1)
    yield "owner's id", deliver("owner.x", ((1, 2),)), (RefusalCode.NOT_AUTHORISED, None)
    yield "beyond the lot", deliver("x", ((400, 5_000),)), (RefusalCode.SERIALS_NOT_HELD, 1)
    yield (
        "wrong number",
        movement("x", kind.DELIVER, leg(2, ((1, 2),), seller, buyer)),
        (RefusalCode.MALFORMED, 1),
    )
    yield (
        "overlapping legs",
        movement("x", kind.DELIVER, leg(1, ((1, 5),), seller, buyer), leg(2, ((4, 6),), seller, buyer)),
        (RefusalCode.MALFORMED, 2),
    )
    yield (
        "to itself",
        movement("x", kind.DELIVER, leg(1, ((1, 5),), seller, seller)),
        (RefusalCode.MALFORMED, 1),
    )
    yield (
        "out of management",
        movement("x", kind.DELIVER, leg(1, ((600, 601),), ("seller", MANAGEMENT), buyer)),
        (RefusalCode.MALFORMED, 1),
    )
    yield (
        "into another's",
        movement("x", kind.TRANSFER_IN, leg(1, ((600, 601),), ("seller", MANAGEMENT), buyer)),
        (RefusalCode.MALFORMED, 1),
    )
    yield (
        "retired without terms",
        replace(retire("x", ((1, 2),)), retirement=None),
        (RefusalCode.MALFORMED, None),
    )
    yield (
        "terms without retiring",
        replace(deliver("x", ((1, 2),)), retirement=retire("x", ((1, 2),)).retirement),
        (RefusalCode.MALFORMED, None),
    )


@pytest.mark.parametrize(("asked", "expected"), [pytest.param(a, e, id=i) for i, a, e in _faulty()])
async def test_refusals_by_name(
    platform: Platform, asked: Any, expected: tuple[RefusalCode, int | None]
) -> None:
    assert await refusal(platform, asked) == expected
    assert await held(platform, "buyer") == []


async def test_units_leave_the_trading_sub_account_for_management(platform: Platform) -> None:
    out = movement(
        "o1", MovementKind.TRANSFER_OUT, leg(1, ((1, 11),), ("seller", TRADING), ("seller", MANAGEMENT))
    )
    assert isinstance(await platform.registry.move(out), Confirmed)
    assert (await held(platform, "seller"))[0] == ("management", "LOT-1", 1, 11)


async def test_an_owner_moves_its_units_in_and_the_exchange_is_told(platform: Platform) -> None:
    before = (await platform.registry.notices()).notices[-1].sequence
    answer: Answer = await platform.people.transfer_by_owner(
        transfer_id="t1", account="seller", lot="LOT-1", serials=((501, 601),), trading_day=DAY
    )
    assert isinstance(answer, Confirmed)
    (notice,) = (await platform.registry.notices(after=before)).notices
    assert (notice.kind, notice.account, notice.lot, notice.serials) == (
        NoticeKind.TRANSFERRED_IN,
        "seller",
        "LOT-1",
        ((501, 601),),
    )
    entry = (await platform.registry.journal(after=2)).entries[0]
    assert (entry.sequence, entry.request_id) == (notice.journal_sequence, None)


async def test_binding_is_for_good_and_one_to_one(platform: Platform) -> None:
    bind = platform.registry.bind
    first = await bind("stranger", "T-9")
    platform.clock.now_ns += 1
    assert isinstance(first, Binding) and await bind("stranger", "T-9") == first
    for account, trading, code in (
        ("stranger", "T-8", RefusalCode.ALREADY_BOUND),
        ("seller", "T-9", RefusalCode.ALREADY_BOUND),
        ("nobody", "T-7", RefusalCode.ACCOUNT_UNKNOWN),
    ):
        assert await bind(account, trading) == BindingRefused(account=account, code=code)
    found = await platform.registry.account("stranger")
    assert found is not None and found.trading_account == "T-9" and not found.frozen


async def test_a_frozen_account_is_not_bound(platform: Platform) -> None:
    await platform.people.freeze(account="stranger", reason="Ordered by the authority")
    assert await platform.registry.bind("stranger", "T-9") == BindingRefused(
        account="stranger", code=RefusalCode.ACCOUNT_FROZEN
    )


async def test_lots_come_by_sequence_with_their_class(platform: Platform) -> None:
    lots = (await platform.registry.lots()).lots
    assert [(lot.sequence, lot.lot, lot.methodology_class.value) for lot in lots] == [
        (1, "LOT-1", "I"),
        (2, "LOT-2", "II"),
    ]
    assert (await platform.registry.lots(after=1)).lots == lots[1:]


async def test_the_journal_has_everything_without_gaps(platform: Platform) -> None:
    asked = [deliver("d1", ((1, 5), (7, 9))), retire("r1", ((10, 20),)), deliver("d2", ((30, 31),))]
    answers = [await platform.registry.move(one) for one in asked]
    entries = (await platform.registry.journal(after=2)).entries
    assert [entry.sequence for entry in entries] == [3, 4, 5]
    for entry, one, answer in zip(entries, asked, answers, strict=True):
        assert isinstance(answer, Confirmed)
        assert (entry.movement_id, entry.digest) == (answer.movement_id, answer.digest)
        assert (entry.legs, entry.retirement, entry.request_id) == (one.legs, one.retirement, one.request_id)


async def test_one_lot_is_told_as_it_is(platform: Platform) -> None:
    first, _ = (await platform.registry.lots()).lots
    assert await platform.registry.lot("LOT-1") == first
    assert await platform.registry.lot("LOT-9") is None


async def test_a_closed_account_is_closed_to_all(platform: Platform) -> None:
    before = (await platform.registry.notices()).notices[-1].sequence
    await platform.people.close_account("stranger", "Asked by its owner")
    assert await platform.registry.account_state("stranger") == AccountState(
        account="stranger", kind=AccountKind.INSTITUTION, frozen=False, closed=True, trading_account=None
    )
    refused = BindingRefused(account="stranger", code=RefusalCode.ACCOUNT_CLOSED)
    assert await platform.registry.bind("stranger", "T-9") == refused
    (notice,) = (await platform.registry.notices(after=before)).notices
    assert (notice.kind, notice.account) == (NoticeKind.ACCOUNT_CLOSED, "stranger")


async def test_an_accounts_state_is_told_without_its_holdings(platform: Platform) -> None:
    await platform.people.freeze(account="seller", reason="Ordered by the authority")
    state = await platform.registry.account_state("seller")
    assert state is not None
    assert (state.frozen, state.closed, state.trading_account) == (True, False, "T-seller")
    assert await platform.registry.account_state("nobody") is None


async def test_corrected_serials_leave_when_the_exchange_moves_them_out(platform: Platform) -> None:
    before = await platform.registry.positions()
    made = await platform.people.correct(lot="LOT-1", serials=((491, 511),), reason="Faulty meter")
    assert (made.withdrawn_tonnes, made.trading_tonnes, made.retired_tonnes) == (10, 10, 0)
    notice = (await platform.registry.notices()).notices[-1]
    assert (notice.kind, notice.account, notice.lot, notice.serials, notice.reason) == (
        NoticeKind.CORRECTED,
        "seller",
        "LOT-1",
        ((491, 511),),
        "Faulty meter",
    )
    assert await platform.registry.positions() == before, "what trades stays until it is moved out"
    await platform.people.freeze(lot="LOT-1", reason="Inquiry")
    out = leg(1, ((491, 501),), ("seller", TRADING), ("seller", MANAGEMENT))
    assert isinstance(await platform.registry.move(movement("o1", MovementKind.TRANSFER_OUT, out)), Confirmed)
    entry = (await platform.registry.journal(before.as_of)).entries[0]
    assert (entry.request_id, entry.legs) == ("o1", (out,))
    assert [one for one in await held(platform, "seller") if one[1] == "LOT-1"] == [
        ("management", "LOT-1", 511, 1001),
        ("trading", "LOT-1", 1, 491),
    ]


async def test_positions_are_told_as_of_any_entry(platform: Platform) -> None:
    registry = platform.registry
    await registry.move(deliver("d1", ((11, 21),)))
    before = await registry.positions(as_of=3)
    await registry.move(retire("r1", ((11, 15),), account="buyer"))
    assert await registry.positions(as_of=3) == before
    after = await registry.positions()
    assert (before.totals.tonnes, after.totals.tonnes, after.as_of) == (1_000, 996, 4)
    assert PositionRange(account="buyer", lot="LOT-1", first=15, end=21) in after.positions
    outcome = reconcile(before.positions, after.positions)
    assert (outcome.here.digest, outcome.there.digest) == (before.digest, after.digest)
    assert [found.only_here for found in outcome.breaks] == [((11, 15),)]


async def test_an_unknown_account_is_none(platform: Platform) -> None:
    assert await platform.registry.account("nobody") is None


async def test_the_clock_is_the_platforms(platform: Platform) -> None:
    assert await platform.registry.time() == NOW_NS


async def test_holdings_are_ordered(platform: Platform) -> None:
    await platform.registry.move(deliver("d1", ((11, 21),)))
    found = await platform.registry.account("seller")
    assert found is not None
    keys = [(one.sub_account.value, one.lot, one.first) for one in found.holdings]
    assert keys == sorted(keys) and isinstance(found.holdings[0], Holding)
