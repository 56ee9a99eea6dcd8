"""The stamp on a command, and all the core knows after one, as written to a snapshot."""

from dataclasses import dataclass

from matching.calendar import Announcement
from matching.client_ids import UsedId
from matching.closing import CloseState
from matching.market import MarketState
from matching.negotiated_state import NegotiationState
from matching.rulebook import RuleChange, Rules
from matching.safety_state import SafetyState
from matching.session import Phase
from matching.standing import StandingState
from matching.subjects import SubjectState
from matching.waiting import WaitingAct
from settlement.state import DepositoryState
from settlement.use_desk import UseDeskState
from settlement.values import TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """What the sequencer puts on a command: its place in history, which decides, and its time, which explains."""

    seq: int
    """1, 2, 3 … without a gap over the exchange's whole life."""
    at_ns: int
    """Nanoseconds since 1970 UTC; never less than the stamp before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeState:
    """All the core knows after one command, as written to a snapshot."""

    core_version: str
    seq: int
    at_ns: int
    next_change_ns: int
    """When the mere passing of time next changes anything."""
    market_rules: Rules | None
    """What the day goes by; absent before the first."""
    depository: DepositoryState
    rule_changes: tuple[RuleChange, ...]
    rule_version: int
    announcements: tuple[Announcement, ...]
    markets: tuple[MarketState, ...]
    negotiation: NegotiationState
    standing: StandingState
    waiting: tuple[WaitingAct, ...]
    last_trade_id: int
    client_ids: tuple[UsedId, ...]
    trading_day: TradingDay | None
    phase: Phase
    close: CloseState | None
    uses: UseDeskState
    safety: SafetyState
    subjects: tuple[SubjectState, ...] = ()
