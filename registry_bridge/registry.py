"""The port to the registry platform: what the exchange may ask of it. The values that pass through are named here too.

The registry's record is final proof of ownership.
"""

from __future__ import annotations

from typing import Protocol

from registry_bridge.capabilities import Capabilities
from registry_bridge.movement import (
    MAX_LEGS,
    MAX_RANGES,
    AccountKind,
    Answer,
    Confirmed,
    FinalAnswer,
    Movement,
    MovementKind,
    MovementLeg,
    RefusalCode,
    Refused,
    RegistryUnavailable,
    RequestIdReused,
    RetirementPurpose,
    RetirementTerms,
    SubAccount,
    Unknown,
    UnknownReason,
)
from registry_bridge.pages import (
    AccountState,
    Binding,
    BindingRefused,
    Holding,
    JournalEntry,
    JournalPage,
    LotPage,
    Notice,
    NoticeKind,
    NoticePage,
    PositionPage,
    PositionRange,
    PositionTotals,
    RegistryAccount,
    RegistryLot,
)

__all__ = [
    "MAX_LEGS",
    "MAX_RANGES",
    "AccountKind",
    "AccountState",
    "Answer",
    "Binding",
    "BindingRefused",
    "Confirmed",
    "FinalAnswer",
    "Holding",
    "JournalEntry",
    "JournalPage",
    "LotPage",
    "Movement",
    "MovementKind",
    "MovementLeg",
    "Notice",
    "NoticeKind",
    "NoticePage",
    "PositionPage",
    "PositionRange",
    "PositionTotals",
    "RefusalCode",
    "Refused",
    "Registry",
    "RegistryAccount",
    "RegistryLot",
    "RegistryUnavailable",
    "RequestIdReused",
    "RetirementPurpose",
    "RetirementTerms",
    "SubAccount",
    "Unknown",
    "UnknownReason",
]


class Registry(Protocol):
    """The registry platform, as the exchange sees it.

    `move`, `ask` and `cancel` never raise for what the line does: that is `Unknown`. They raise
    `RequestIdReused`. The others raise `RegistryUnavailable` and may be repeated.
    """

    async def move(self, movement: Movement) -> Answer:
        """Ask for the movement; the same request may be sent any number of times."""

    async def ask(self, request_id: str) -> Answer:
        """What became of a request; `NOT_SEEN` states the registry's clock, by which it may be final."""

    async def cancel(self, request_id: str) -> Answer:
        """Refuse the id for ever if it is undecided; otherwise the decision it had."""

    async def account(self, account: str) -> RegistryAccount | None:
        """An account with all its holdings, or None when there is none."""

    async def account_state(self, account: str) -> AccountState | None:
        """An account without its holdings, or None when there is none."""

    async def bind(self, account: str, trading_account: str) -> Binding | BindingRefused:
        """Bind a trading account of the exchange; binding the same two again gives the first binding."""

    async def lots(self, after: int = 0) -> LotPage:
        """Lots issued after a sequence number."""

    async def lot(self, lot: str) -> RegistryLot | None:
        """One lot as it is now, or None when there is none."""

    async def positions(self, as_of: int | None = None, after: str | None = None) -> PositionPage:
        """Trading positions as of a sequence number (the newest when None), by cursor."""

    async def journal(self, after: int = 0) -> JournalPage:
        """Everything that touched a trading sub-account after a sequence number."""

    async def notices(self, after: int = 0) -> NoticePage:
        """Notices after a sequence number."""

    async def time(self) -> int:
        """The registry's clock in nanoseconds."""

    async def capabilities(self) -> Capabilities:
        """What the registry promises."""
