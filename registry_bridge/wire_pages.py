"""Accounts, lots, positions, the journal and notices as JSON, read as strictly as movements are."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from registry_bridge.registry import (
    MAX_LEGS,
    AccountKind,
    AccountState,
    Binding,
    Holding,
    JournalEntry,
    JournalPage,
    LotPage,
    MovementKind,
    Notice,
    NoticeKind,
    NoticePage,
    PositionPage,
    PositionRange,
    PositionTotals,
    RegistryAccount,
    RegistryLot,
    SubAccount,
)
from registry_bridge.wire import (
    PAGE_ITEMS,
    Digest,
    Instant,
    IsoDate,
    LegBody,
    Name,
    RetirementBody,
    Serial,
    SerialRanges,
    Text,
    Wire,
    format_instant,
    leg_json,
    retirement_json,
)
from settlement.lot import MethodologyClass, Origin

Sequence = Annotated[int, Field(ge=0, lt=1 << 62)]
Cursor = Annotated[str, Field(min_length=1, max_length=300)]


class TimeBody(Wire):
    """`GET /registry/v1/time`."""

    registry_time: Instant


class HoldingBody(Wire):
    """Serials of a lot in one sub-account."""

    sub_account: SubAccount
    lot: Name
    first: Serial
    end: Serial

    def value(self) -> Holding:
        """The holding it stands for."""
        return Holding(sub_account=self.sub_account, lot=self.lot, first=self.first, end=self.end)


class AccountBody(Wire):
    """`GET /registry/v1/accounts/{id}`: the account, and one page of what it holds."""

    account: Name
    kind: AccountKind
    frozen: bool
    closed: bool = False
    trading_account: Name | None
    holdings: Annotated[tuple[HoldingBody, ...], Field(max_length=PAGE_ITEMS)]
    next: Cursor | None
    registry_time: Instant

    def value(self, earlier: tuple[Holding, ...]) -> RegistryAccount:
        """The account, with the holdings of earlier pages before this page's."""
        return RegistryAccount(
            account=self.account,
            kind=self.kind,
            frozen=self.frozen,
            closed=self.closed,
            trading_account=self.trading_account,
            holdings=earlier + tuple(holding.value() for holding in self.holdings),
        )

    def state(self) -> AccountState:
        """The account alone."""
        return AccountState(
            account=self.account,
            kind=self.kind,
            frozen=self.frozen,
            closed=self.closed,
            trading_account=self.trading_account,
        )


class BindBody(Wire):
    """What `POST /registry/v1/accounts/{id}/binding` is asked."""

    trading_account: Name


class BindingBody(Wire):
    """A binding, new or as it was made before."""

    account: Name
    trading_account: Name
    bound_at: Instant
    registry_time: Instant

    def value(self) -> Binding:
        """The binding it stands for."""
        return Binding(account=self.account, trading_account=self.trading_account, bound_at_ns=self.bound_at)


class LotBody(Wire):
    """A lot's reference data."""

    sequence: Sequence
    lot: Name
    methodology: Name
    methodology_version: Name
    methodology_class: Annotated[MethodologyClass, Field(alias="class")]
    origin: Origin
    project: Text
    applicant: Name
    period_start: IsoDate
    period_end: IsoDate
    issue_batch: Name
    issued_on: IsoDate
    first: Serial
    end: Serial

    def value(self) -> RegistryLot:
        """The lot it stands for."""
        return RegistryLot(**{name: getattr(self, name) for name in type(self).model_fields})


class LotsBody(Wire):
    """`GET /registry/v1/lots?after=`."""

    items: Annotated[tuple[LotBody, ...], Field(max_length=PAGE_ITEMS)]
    next: Sequence | None
    registry_time: Instant

    def value(self) -> LotPage:
        """The page it stands for."""
        return LotPage(lots=tuple(item.value() for item in self.items), next=self.next)


class PositionBody(Wire):
    """Serials of a lot in an account's trading sub-account."""

    account: Name
    lot: Name
    first: Serial
    end: Serial

    def value(self) -> PositionRange:
        """The range it stands for."""
        return PositionRange(account=self.account, lot=self.lot, first=self.first, end=self.end)


class TotalsBody(Wire):
    """What all pages together add up to."""

    accounts: Sequence
    lots: Sequence
    tonnes: Sequence


class PositionsBody(Wire):
    """`GET /registry/v1/positions?as_of=&after=`."""

    as_of: Sequence
    items: Annotated[tuple[PositionBody, ...], Field(max_length=PAGE_ITEMS)]
    next: Cursor | None
    totals: TotalsBody
    digest: Digest
    registry_time: Instant

    def value(self) -> PositionPage:
        """The page it stands for."""
        totals = PositionTotals(
            accounts=self.totals.accounts, lots=self.totals.lots, tonnes=self.totals.tonnes
        )
        return PositionPage(
            as_of=self.as_of,
            positions=tuple(item.value() for item in self.items),
            next=self.next,
            totals=totals,
            digest=self.digest,
        )


class JournalEntryBody(Wire):
    """One entry of the platform's journal."""

    sequence: Sequence
    movement_id: Name
    request_id: Name | None
    kind: MovementKind
    trading_day: IsoDate
    decided_at: Instant
    digest: Digest
    legs: Annotated[tuple[LegBody, ...], Field(min_length=1, max_length=MAX_LEGS)]
    retirement: RetirementBody | None = None

    def value(self) -> JournalEntry:
        """The entry it stands for."""
        return JournalEntry(
            sequence=self.sequence,
            movement_id=self.movement_id,
            request_id=self.request_id,
            kind=self.kind,
            trading_day=self.trading_day,
            decided_at_ns=self.decided_at,
            digest=self.digest,
            legs=tuple(leg.value() for leg in self.legs),
            retirement=self.retirement.value() if self.retirement else None,
        )


class JournalBody(Wire):
    """`GET /registry/v1/movements?after=`."""

    items: Annotated[tuple[JournalEntryBody, ...], Field(max_length=PAGE_ITEMS)]
    next: Sequence | None
    registry_time: Instant

    def value(self) -> JournalPage:
        """The page it stands for."""
        return JournalPage(entries=tuple(item.value() for item in self.items), next=self.next)


class NoticeBody(Wire):
    """One notice."""

    sequence: Sequence
    kind: NoticeKind
    at: Instant
    account: Name | None = None
    lot: Name | None = None
    serials: SerialRanges | None = None
    reason: Text = ""
    journal_sequence: Sequence | None = None

    def value(self) -> Notice:
        """The notice it stands for."""
        return Notice(
            sequence=self.sequence,
            kind=self.kind,
            at_ns=self.at,
            account=self.account,
            lot=self.lot,
            serials=self.serials or (),
            reason=self.reason,
            journal_sequence=self.journal_sequence,
        )


class NoticesBody(Wire):
    """`GET /registry/v1/notices?after=`."""

    items: Annotated[tuple[NoticeBody, ...], Field(max_length=PAGE_ITEMS)]
    next: Sequence | None
    registry_time: Instant

    def value(self) -> NoticePage:
        """The page it stands for."""
        return NoticePage(notices=tuple(item.value() for item in self.items), next=self.next)


def holding_json(holding: Holding) -> dict[str, Any]:
    """A holding as `HoldingBody` reads it."""
    return {
        "sub_account": holding.sub_account.value,
        "lot": holding.lot,
        "first": holding.first,
        "end": holding.end,
    }


def account_json(account: RegistryAccount, next_cursor: str | None) -> dict[str, Any]:
    """An account as `AccountBody` reads it, but for the clock."""
    return {
        "account": account.account,
        "kind": account.kind.value,
        "frozen": account.frozen,
        "closed": account.closed,
        "trading_account": account.trading_account,
        "holdings": [holding_json(holding) for holding in account.holdings],
        "next": next_cursor,
    }


def binding_json(binding: Binding) -> dict[str, Any]:
    """A binding as `BindingBody` reads it, but for the clock."""
    return {
        "account": binding.account,
        "trading_account": binding.trading_account,
        "bound_at": format_instant(binding.bound_at_ns),
    }


def lot_json(lot: RegistryLot) -> dict[str, Any]:
    """A lot as `LotBody` reads it."""
    return {
        "sequence": lot.sequence,
        "lot": lot.lot,
        "methodology": lot.methodology,
        "methodology_version": lot.methodology_version,
        "class": lot.methodology_class.value,
        "origin": lot.origin.value,
        "project": lot.project,
        "applicant": lot.applicant,
        "period_start": lot.period_start,
        "period_end": lot.period_end,
        "issue_batch": lot.issue_batch,
        "issued_on": lot.issued_on,
        "first": lot.first,
        "end": lot.end,
    }


def lots_json(page: LotPage) -> dict[str, Any]:
    """A page as `LotsBody` reads it, but for the clock."""
    return {"items": [lot_json(lot) for lot in page.lots], "next": page.next}


def positions_json(page: PositionPage) -> dict[str, Any]:
    """A page as `PositionsBody` reads it, but for the clock."""
    totals = page.totals
    return {
        "as_of": page.as_of,
        "items": [
            {"account": item.account, "lot": item.lot, "first": item.first, "end": item.end}
            for item in page.positions
        ],
        "next": page.next,
        "totals": {"accounts": totals.accounts, "lots": totals.lots, "tonnes": totals.tonnes},
        "digest": page.digest,
    }


def journal_entry_json(entry: JournalEntry) -> dict[str, Any]:
    """An entry as `JournalEntryBody` reads it."""
    body: dict[str, Any] = {
        "sequence": entry.sequence,
        "movement_id": entry.movement_id,
        "request_id": entry.request_id,
        "kind": entry.kind.value,
        "trading_day": entry.trading_day,
        "decided_at": format_instant(entry.decided_at_ns),
        "digest": entry.digest,
        "legs": [leg_json(leg) for leg in entry.legs],
    }
    if entry.retirement is not None:
        body["retirement"] = retirement_json(entry.retirement)
    return body


def journal_json(page: JournalPage) -> dict[str, Any]:
    """A page as `JournalBody` reads it, but for the clock."""
    return {"items": [journal_entry_json(entry) for entry in page.entries], "next": page.next}


def notice_json(notice: Notice) -> dict[str, Any]:
    """A notice as `NoticeBody` reads it; what does not apply is left out."""
    body: dict[str, Any] = {
        "sequence": notice.sequence,
        "kind": notice.kind.value,
        "at": format_instant(notice.at_ns),
        "reason": notice.reason,
    }
    optional = {
        "account": notice.account,
        "lot": notice.lot,
        "serials": notice.serials or None,
        "journal_sequence": notice.journal_sequence,
    }
    return body | {name: value for name, value in optional.items() if value is not None}


def notices_json(page: NoticePage) -> dict[str, Any]:
    """A page as `NoticesBody` reads it, but for the clock."""
    return {"items": [notice_json(notice) for notice in page.notices], "next": page.next}
