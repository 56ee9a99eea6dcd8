"""Fan-out: what each commit means for whom, told after the commit and before the replies.

Runs inside the sequencer's listeners, so it only encodes and queues; nothing here waits.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import orjson

from gateway.access.callers import Caller
from gateway.access.keys import Scope
from gateway.engine.entry import AccountEvent, Entry
from gateway.engine.history.history import History
from gateway.http.accounts.account import event_members
from gateway.http.looks import note_look
from gateway.http.masking import Masking
from gateway.http.services import Services
from gateway.http.stream.outbox import Outbox
from gateway.http.stream.topics import DepthTopic, ListingTopic, StatusTopic, TickerTopic, TradesTopic
from matching.events import (
    BandSet,
    DayClosed,
    DayOpened,
    PhaseChanged,
    RulesAdopted,
    TradeBusted,
    Traded,
    TradingHalted,
    TradingResumed,
)
from matching.safety_events import KillSwitchLifted, KillSwitchThrown
from settlement.values import TradeMethod

CHANNELS: Final[dict[str, type[ListingTopic]]] = {
    kind.channel: kind for kind in (DepthTopic, TradesTopic, TickerTopic, StatusTopic)
}
"""The public channels."""

PRIVATE_CHANNEL: Final = "events"

_STATUS_EVENTS: Final = frozenset(
    {
        PhaseChanged,
        DayOpened,
        DayClosed,
        TradingHalted,
        TradingResumed,
        KillSwitchThrown,
        KillSwitchLifted,
    }
)
_RULE_EVENTS: Final = frozenset({PhaseChanged, DayOpened, RulesAdopted, BandSet})
NS: Final = 1_000_000_000
REPLAY_PAGE: Final = 500


class EventFollower:
    """One client's place in one account's log: behind while it replays, then live. Nothing missing, nothing twice."""

    __slots__ = ("_outbox", "account", "is_live", "is_over", "last_sent", "newest")

    def __init__(self, outbox: Outbox, account: str, last_sent: int) -> None:
        """Has been told everything up to that event."""
        self._outbox = outbox
        self.account = account
        self.last_sent = last_sent
        self.newest = last_sent
        """The newest event known to exist."""
        self.is_live = False
        self.is_over = False
        """Whether the client wants no more of it, also of what is being read."""

    def replay(self, event: AccountEvent, text: str) -> None:
        """Tell an event read from the database."""
        assert event.event_id == self.last_sent + 1, f"{self.account} has a gap after {self.last_sent}"
        self._outbox.send(text)
        self.last_sent = event.event_id

    async def catch_up(self, history: History, text_of: Callable[[AccountEvent], str]) -> None:
        """Tell what is in the database, until nothing new has come while it was read; live from then on."""
        while True:
            events = await history.account_events(self.account, self.last_sent, REPLAY_PAGE)
            if self.is_over:
                return
            for event in events:
                self.replay(event, text_of(event))
            if len(events) < REPLAY_PAGE and self.go_live():
                return
            await self._outbox.room()

    def go_live(self) -> bool:
        """Switch over if nothing came while the database was read; otherwise there is more to read."""
        if self.newest > self.last_sent:
            return False
        self.is_live = True
        self._outbox.send('{"ch":"events","live":true}')
        return True

    def tell(self, event: AccountEvent, text: str) -> None:
        """An event was committed."""
        self.newest = event.event_id
        if self.is_live:
            assert event.event_id == self.last_sent + 1, f"{self.account} has a gap after {self.last_sent}"
            self._outbox.send(text)
            self.last_sent = event.event_id


class Hub:
    """Every topic and every follower."""

    def __init__(self, services: Services, masking: Masking) -> None:
        """Listening from now on."""
        self.services = services
        self._masking = masking
        self._topics: dict[tuple[str, str], ListingTopic] = {}
        self._followers: dict[str, set[EventFollower]] = {}
        services.sequencer.on_commit(self._on_commit)
        services.sequencer.on_account_events(self._on_account_events)
        if services.following is not None:
            services.following.on_term(self._on_term)

    def text_of(self, message: dict[str, Any]) -> str:
        """An answer as it is sent: with pseudonyms for whoever's personal data are restricted."""
        mask = self._masking.mask
        return orjson.dumps(message if mask is None else mask.body(message)).decode()

    def event_text(self, event: AccountEvent) -> str:
        """An account event as it is pushed, with the same pseudonyms."""
        text, mask = f'{{"ch":"events",{event_members(event)}}}', self._masking.mask
        return text if mask is None else mask.json(text.encode()).decode()

    async def note_follower(self, caller: Caller | None, account: str) -> None:
        """Write it down when it is a supervisor who follows an account's events."""
        if caller is not None and Scope.SUPERVISE in caller.scopes:
            await note_look(self.services, caller, f"/v1/ws events {account}", None)

    def topic(self, channel: str, listing: str) -> ListingTopic:
        """A public channel of a listing."""
        found = self._topics.get((channel, listing))
        if found is None:
            found = self._topics[channel, listing] = CHANNELS[channel](self.services, listing)
        return found

    def follow(self, follower: EventFollower) -> None:
        """Tell this one of its account's events from now on."""
        self._followers.setdefault(follower.account, set()).add(follower)

    def unfollow(self, follower: EventFollower | None) -> None:
        """Tell it no more, if there is one."""
        if follower is None:
            return
        follower.is_over = True
        followers = self._followers.get(follower.account)
        if followers is not None:
            followers.discard(follower)
            if not followers:
                del self._followers[follower.account]

    def _on_commit(self, entries: Sequence[Entry]) -> None:
        kinds: set[type] = set()
        traded: set[str] = set()
        for entry in entries:
            for event in entry.events:
                # What is negotiated is not public before the close.
                if isinstance(event, Traded) or (
                    isinstance(event, TradeBusted) and event.method is TradeMethod.LISTED
                ):
                    self._trade(event, entry.at_ns)
                    traded.add(event.listing)
                kinds.add(type(event))
        if kinds & _RULE_EVENTS:
            for depth in self._of("depth"):
                assert isinstance(depth, DepthTopic)
                depth.follow_rules()
        for change in self.services.views.depth_changes:
            topic = self._topics.get(("depth", change.listing))
            if topic is not None and topic.readers:
                assert isinstance(topic, DepthTopic)
                topic.change(change)
        if kinds & _STATUS_EVENTS:
            for topic in self._of("status"):
                topic.publish(topic.snapshot())
        for topic in self._of("ticker"):
            if topic.listing in traded or kinds & _RULE_EVENTS:
                topic.publish(topic.snapshot())

    def _on_term(self) -> None:
        """The books are numbered anew."""
        for topic in self._of("depth"):
            for reader in topic.readers:
                reader.refresh(topic)

    def _trade(self, event: Traded | TradeBusted, at_ns: int) -> None:
        topic = self._topics.get(("trades", event.listing))
        if topic is not None and topic.readers:
            assert isinstance(topic, TradesTopic)
            if isinstance(event, Traded):
                topic.trade(event, at_ns)
            else:
                topic.bust(event, at_ns)

    def _of(self, channel: str) -> Iterator[ListingTopic]:
        return (topic for (name, _), topic in self._topics.items() if name == channel and topic.readers)

    def _on_account_events(self, events: Sequence[AccountEvent]) -> None:
        if not self._followers:
            return
        last_at_ns = None
        for event in events:
            followers = self._followers.get(event.account)
            if followers:
                text = self.event_text(event)
                last_at_ns = event.at_ns
                for follower in followers:
                    follower.tell(event, text)
        if last_at_ns is not None:
            lag_ns = self.services.clock.now_ns() - last_at_ns
            self.services.metrics.stream.events_lag.set(max(0, lag_ns) / NS)
