"""How the rule book's values are read: each reader raises ValueError for a value that cannot be meant."""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final, TypeAlias

from matching.access import AccessDeed
from matching.fees import MILLION
from matching.negotiated_rules import BandTier, parse_tiers
from matching.session import Period, parse_hours
from settlement.account import ParticipantKind
from settlement.channels import Channels, parse_channels

RuleValue: TypeAlias = int | str
"""As adopted: a whole number in the unit the parameter's name ends in, or a text."""


LONGEST_S: Final = 366 * 86_400
"""No span of time is longer: a slip of the pen must not put off every later change of the rules for good."""

MAX_ACCOUNT: Final = 34
"""Characters of a bank account, as ISO 13616 bounds them."""
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)

_KIND_AND_TONNES: Final = re.compile(r"([a-z_]+) (\d{1,12})", re.ASCII)


def whole(least: int) -> Callable[[RuleValue], int]:
    """Reads a whole number, that much at least."""

    def parse(value: RuleValue) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"a whole number, {least} at least")
        return value

    return parse


def seconds(least: int) -> Callable[[RuleValue], int]:
    """Reads a span of time, that many seconds at least and a year at most."""
    number = whole(least)

    def parse(value: RuleValue) -> int:
        if number(value) > LONGEST_S:
            raise ValueError(f"a year, {LONGEST_S} seconds, at most")
        return number(value)

    return parse


def millionths(value: RuleValue) -> int:
    """Reads a share in millionths."""
    ppm = whole(0)(value)
    if ppm > MILLION:
        raise ValueError(f"millionths, {MILLION} at most")
    return ppm


def money_cap(value: RuleValue) -> int | None:
    """Reads the most that is paid, in fen, or none."""
    return None if value == "none" else whole(0)(value)


def yes_or_no(value: RuleValue) -> bool:
    """Reads yes or no."""
    if value not in ("yes", "no"):
        raise ValueError("yes or no")
    return value == "yes"


def one_of(kind: type[StrEnum]) -> Callable[[RuleValue], StrEnum]:
    """Reads one of a kind's names."""

    def parse(value: RuleValue) -> StrEnum:
        return kind(str(value))

    return parse


def hours(value: RuleValue) -> tuple[Period, ...]:
    """Reads the day's hours."""
    return parse_hours(str(value))


def time_of_day(value: RuleValue) -> int | None:
    """Reads a time of day, as seconds after midnight, or none."""
    if value == "none":
        return None
    found = _TIME.fullmatch(str(value))
    if found is None:
        raise ValueError("`none`, or a time of day: 15:00")
    return int(found[1]) * 3_600 + int(found[2]) * 60


def kinds(value: RuleValue) -> tuple[ParticipantKind, ...]:
    """Reads kinds of participants."""
    return tuple(ParticipantKind(name.strip()) for name in str(value).split(","))


def tonnes_by_kind(value: RuleValue) -> tuple[tuple[ParticipantKind, int], ...]:
    """Reads tonnes by kind of participant."""
    limits: list[tuple[ParticipantKind, int]] = []
    for part in str(value).split(";"):
        if part.strip() in ("", "none"):
            continue
        found = _KIND_AND_TONNES.fullmatch(part.strip())
        if found is None:
            raise ValueError("`none`, or kinds with whole tonnes: institution 1000000; individual 5000")
        limits.append((ParticipantKind(found[1]), int(found[2])))
    return tuple(limits)


def bank_account(value: RuleValue) -> str | None:
    """Reads an account at a bank, or none."""
    account = str(value)
    if not account.isascii() or not account.isprintable() or not 1 <= len(account) <= MAX_ACCOUNT:
        raise ValueError(f"`none`, or an account of 1 to {MAX_ACCOUNT} printable ASCII characters")
    return None if account == "none" else account


def channels(value: RuleValue) -> Channels:
    """Reads which class may serve which use."""
    return parse_channels(str(value))


def tiers(value: RuleValue) -> tuple[BandTier, ...]:
    """Reads price bands by size."""
    return parse_tiers(str(value))


def acts(value: RuleValue) -> tuple[str, ...]:
    """Reads names of operators' acts."""
    names = tuple(name.strip() for name in str(value).split(",") if name.strip() not in ("", "none"))
    unknown = [name for name in names if name not in EXCEPTIONAL_ACTS]
    if unknown:
        raise ValueError(f"no such act: {unknown[0]}")
    return names


EXCEPTIONAL_ACTS: Final = (
    "halt",
    "resume",
    "restrict_account",
    "lift_restriction",
    "bust_trade",
    "emergency_rules",
    "place_freeze",
    "lift_freeze",
    "decide_claim",
    "resolve_break",
    "retry_deliveries",
    "unwind_delivery",
    "settle_cash_break",
    "supersede_bank_statement",
    "go_on_without_registry",
    "review_negotiated",
    "grant_mandate",
    "restrict_personal_data",
    "release_personal_data",
    "kill_switch",
    "lift_kill_switch",
    *(deed.value for deed in AccessDeed if deed is not AccessDeed.ROTATE_OWN_KEY),
)
"""Operators' acts outside the ordinary course of a day. Each needs a reason, and a second person if the book says;
those about access need a reason only then."""
