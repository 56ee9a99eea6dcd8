"""Every interleaving of one movement: safe on every platform by what it promises, and each known mistake is caught."""

from dataclasses import replace
from itertools import product

import pytest

from registry_bridge.capabilities import WHOLE_PROTOCOL, Capabilities
from registry_bridge.carrying import NothingIsSafe, Policy, Standing, Step, Variant, heard, policy_of
from registry_bridge.registry import Answer, FinalAnswer, RefusalCode, Refused, Unknown, UnknownReason
from tests.registry_bridge.model.world import ID, NOT_AFTER_NS, World

NOTHING = Capabilities(
    idempotent_ids=False, final_answers=False, platform_clock=False, cancel_tombstone=False, journal=False
)
CLOCK_ONLY = replace(WHOLE_PROTOCOL, cancel_tombstone=False)
CANCEL_ONLY = replace(WHOLE_PROTOCOL, platform_clock=False)

RECORDS = [
    Capabilities(
        idempotent_ids=ids, final_answers=final, platform_clock=clock, cancel_tombstone=cancel, journal=True
    )
    for ids, final, clock, cancel in product((True, False), repeat=4)
]
TRUE = [
    (record, repeats)
    for record in RECORDS
    for repeats in (False, True)
    if record.idempotent_ids or not repeats
]


def name(value: object) -> str:
    if isinstance(value, Capabilities):
        promises = [field for field in Capabilities.__slots__ if getattr(value, field) and field != "journal"]
        return "+".join(promises) or "nothing"
    return "line repeats" if value else "line sends once"


@pytest.mark.parametrize(("record", "repeats"), TRUE, ids=name)
def test_what_the_bridge_picks_is_safe_on_every_platform_and_ends_where_it_says(
    record: Capabilities, repeats: bool
) -> None:
    found = World(platform=record, line_repeats=repeats).walk()
    assert found.violation is None, str(found)
    assert (found.stuck == 0) is policy_of(record).always_ends, str(found)
    assert found.states > 100


@pytest.mark.parametrize(
    ("record", "variant"),
    [
        (WHOLE_PROTOCOL, Variant.DEADLINE),
        (CLOCK_ONLY, Variant.DEADLINE),
        (CANCEL_ONLY, Variant.TOMBSTONE),
        (replace(CANCEL_ONLY, final_answers=False), Variant.TOMBSTONE),
        (replace(CANCEL_ONLY, cancel_tombstone=False), Variant.INSISTENT),
        (replace(NOTHING, platform_clock=True), Variant.DEADLINE),
        (NOTHING, Variant.WAITING),
    ],
    ids=name,
)
def test_the_variant_follows_from_the_record(record: Capabilities, variant: Variant) -> None:
    assert policy_of(record).variant is variant


def test_without_idempotent_ids_nothing_goes_over_a_line_that_repeats() -> None:
    with pytest.raises(NothingIsSafe):
        policy_of(NOTHING, line_sends_once=False)


def refused_as_too_late(registry_time_ns: int = NOT_AFTER_NS) -> Refused:
    return Refused(request_id=ID, code=RefusalCode.TOO_LATE, leg=None, registry_time_ns=registry_time_ns)


def gives_up_on_time_out(
    policy: Policy, standing: Standing, answer: Answer, overdue: bool
) -> Standing | FinalAnswer:
    if isinstance(answer, Unknown) and answer.why is UnknownReason.TIMED_OUT and standing.step is Step.SEND:
        return refused_as_too_late()
    return heard(policy, standing, answer, not_after_ns=NOT_AFTER_NS, overdue=overdue)


def gives_up_on_not_found(
    policy: Policy, standing: Standing, answer: Answer, overdue: bool
) -> Standing | FinalAnswer:
    if isinstance(answer, Unknown) and answer.why is UnknownReason.NOT_SEEN:
        return refused_as_too_late()
    return heard(policy, standing, answer, not_after_ns=NOT_AFTER_NS, overdue=overdue)


def goes_by_our_own_clock(
    policy: Policy, standing: Standing, answer: Answer, overdue: bool
) -> Standing | FinalAnswer:
    if isinstance(answer, Unknown) and answer.why is UnknownReason.NOT_SEEN:
        answer = replace(answer, registry_time_ns=NOT_AFTER_NS + overdue)
    return heard(policy, standing, answer, not_after_ns=NOT_AFTER_NS, overdue=overdue)


TWICE, BOTH = "moved twice", "given back here and moved there"

BROKEN = {
    "giving up on a time-out": (World(platform=CLOCK_ONLY, decide=gives_up_on_time_out), BOTH),
    "giving up on not found": (World(platform=CLOCK_ONLY, decide=gives_up_on_not_found), BOTH),
    "refusals that are not final": (
        World(platform=replace(CLOCK_ONLY, final_answers=False), believed=CLOCK_ONLY),
        BOTH,
    ),
    "a deadline judged by our own clock": (
        World(platform=CLOCK_ONLY, decide=goes_by_our_own_clock),
        BOTH,
    ),
    "a deadline the platform does not keep": (
        World(platform=replace(CLOCK_ONLY, platform_clock=False), believed=CLOCK_ONLY),
        BOTH,
    ),
    "retrying without idempotent ids": (
        World(platform=replace(CLOCK_ONLY, idempotent_ids=False), believed=CLOCK_ONLY),
        TWICE,
    ),
    "sending once over a transport that re-sends": (
        World(platform=replace(NOTHING, platform_clock=True), believed=NOTHING, line_repeats=True),
        TWICE,
    ),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_each_known_mistake_is_caught_with_the_way_to_it(mistake: str) -> None:
    world, property_broken = BROKEN[mistake]
    found = world.walk()
    print(f"{mistake}: {found}")  # noqa: T201 - the counterexample is for whoever reads the test's output
    assert found.violation == property_broken
    assert found.trace
