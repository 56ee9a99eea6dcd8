"""What the routes stand on, handed in by the composition; nothing here is reached by import."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from gateway.access.acts_asked import ActsAsked
from gateway.access.authenticate import Authenticator
from gateway.access.keys import KeyStore
from gateway.access.limits import DEFAULT_QUOTAS, ActionKind, Quota, RateLimits
from gateway.access.sign_in import SignIns
from gateway.engine.clock import Clock
from gateway.engine.entry import AskedAs, Entry
from gateway.engine.following import Following
from gateway.engine.history.history import History
from gateway.engine.history.oversight import Oversight
from gateway.engine.looks import Looks
from gateway.engine.sequencer import AccountEventListener, CommitListener, Told
from gateway.engine.templates import Templates
from gateway.engine.views.views import Views
from gateway.http.admission import Admission
from gateway.http.bounds import Bounds
from gateway.http.turns import Turns
from gateway.metrics import Metrics
from gateway.registry_report import NO_LINE, ReconcileNow, RegistryReport, cannot_reconcile
from matching.commands import Command
from settlement.events import LotSlice
from settlement.values import AccountId


class CommandLine(Protocol):
    """The way into the core, as the routes use the sequencer."""

    @property
    def is_open(self) -> bool:
        """Whether commands are taken."""
        ...

    @property
    def is_idle(self) -> bool:
        """Whether all that was ever submitted is durable and told."""
        ...

    @property
    def queue_depth(self) -> int:
        """Commands waiting."""
        ...

    @property
    def position(self) -> int:
        """Sequence number of the last durable command."""
        ...

    async def submit(
        self, command: Command, *, deadline_ns: int | None = None, asked_as: AskedAs | None = None
    ) -> Entry:
        """Have a command decided; returns after the commit. Raises TooLate when its turn came after the deadline."""
        ...

    def hand_in(self, command: Command, tell: Told, *, deadline_ns: int | None = None) -> None:
        """The same without waiting; `tell` is called after the commit. Raises Overloaded and Stopped."""
        ...

    def on_commit(self, listener: CommitListener) -> None:
        """Tell the listener of every commit, in order."""
        ...

    def on_account_events(self, listener: AccountEventListener) -> None:
        """Tell the listener of every commit's account events, in order."""
        ...


class EntryReader(Protocol):
    """The journal, as the routes use it."""

    async def entry(self, seq: int) -> Entry | None:
        """One journaled command with what came of it."""
        ...

    async def decided_as(self, asked_as: AskedAs) -> list[Entry]:
        """The entries that decided what somebody asked for under that id."""
        ...


class HoldingsUnknown(Exception):  # noqa: N818 - it states a fact
    """The registry cannot be asked at the moment what lies in a management sub-account."""


ManagementHoldings: TypeAlias = Callable[[AccountId], Awaitable[tuple[LotSlice, ...]]]
"""What lies in an account's management sub-account at the registry. Raises HoldingsUnknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpSettings(Bounds):
    """Bounds of the public face, rates by account among them."""

    quotas: Mapping[ActionKind, Quota] = field(default_factory=lambda: dict(DEFAULT_QUOTAS))
    """By kind of action; an absent kind is not limited."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Everything a route may use. The views are already listening to the sequencer when this is made."""

    sequencer: CommandLine
    journal: EntryReader
    views: Views
    history: History
    templates: Templates
    keys: KeyStore
    acts_asked: ActsAsked
    authenticator: Authenticator
    sign_ins: SignIns
    """People, and their sessions."""
    looks: Looks
    """What supervisors looked at."""
    oversight: Oversight
    """What they read across accounts."""
    clock: Clock
    """The market's clock."""
    limits: RateLimits
    metrics: Metrics
    management_holdings: ManagementHoldings
    registry_answers: Callable[[], bool] = lambda: True
    """Whether the registry platform answered when it was asked last."""
    registry_report: Callable[[], RegistryReport] = lambda: NO_LINE
    """The line to the registry as it is now."""
    reconcile: ReconcileNow = cannot_reconcile
    """Compares both sides on demand."""
    commit_under_way_s: Callable[[], float] = lambda: 0.0
    """For how long the journal has been writing what it writes now; zero when it rests."""
    admission: Admission = field(default_factory=Admission)
    """Whether anything new is taken on."""
    settings: HttpSettings = field(default_factory=HttpSettings)
    following: Following | None = None
    """Of a process that serves the public only: what it follows. There is nobody to log in, and nothing to submit."""
    behind_limit_s: float = 0.0
    """How far that may be behind, and it is still ready."""
    public_url: str = "http://127.0.0.1"
    """Where the public reaches this exchange: printed on certificates."""
    turns: Turns = field(default_factory=Turns)
    """For what concerns one account and has to look before it asks."""
