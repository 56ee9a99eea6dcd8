"""One movement, everything that can happen to it on the way, and the bridge's own decisions about it.

The line loses, delays and repeats; a call's answer can be lost after the platform acted; our process crashes at any
moment, and so does the platform's; both clocks pass the deadline when they like, ours before the platform's or after.
The platform may do, refuse, or decide later, as it likes, for what else happens to the account is not in sight here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from registry_bridge.capabilities import Capabilities
from registry_bridge.carrying import Policy, Standing, Step, begin, heard, policy_of
from registry_bridge.registry import (
    Answer,
    Confirmed,
    FinalAnswer,
    RefusalCode,
    Refused,
    Unknown,
    UnknownReason,
)
from tests.registry_bridge.model.explore import Event, Walk, walk

NOT_AFTER_NS = 1_000
ID = "m1"

PENDING, SETTLED, GIVEN_BACK = "pending", "settled", "given back"

Decide = Callable[[Policy, Standing, Answer, bool], Standing | FinalAnswer]


class Word(NamedTuple):
    """What the platform says in an answer, and whether its clock was past the deadline then."""

    said: str
    late: bool


class State(NamedTuple):
    """Everything that is so at one moment."""

    outcome: str = PENDING
    """What the core holds."""
    us: Standing | FinalAnswer | None = None
    """What the bridge knows: where the movement stands, an answer not yet journaled, or nothing: it is down or done."""
    overdue: bool = False
    """Our own clock is past the deadline."""
    calling: bool = False
    asked: bool = False
    """The call's own request is on its way."""
    reply: Word | None = None
    """The call's own answer is on its way."""
    copies: int = 0
    """Copies of the request somewhere in the line."""
    cancels: bool = False
    """An old cancel is somewhere in the line."""
    moved: int = 0
    done: bool = False
    refused: bool = False
    undecided: int = 0
    tomb: bool = False
    late: bool = False
    """The platform's clock is past the deadline."""


@lru_cache(maxsize=1_000)
def _answer(word: Word) -> Answer:
    time_ns = NOT_AFTER_NS + 1 if word.late else NOT_AFTER_NS
    match word.said:
        case "done":
            return Confirmed(request_id=ID, movement_id="M1", digest="d", registry_time_ns=time_ns)
        case "undecided":
            return Unknown(request_id=ID, why=UnknownReason.STILL_OPEN)
        case "not seen":
            return Unknown(request_id=ID, why=UnknownReason.NOT_SEEN, registry_time_ns=time_ns)
        case code:
            return Refused(request_id=ID, code=RefusalCode(code), leg=None, registry_time_ns=time_ns)


NO_ANSWER = Unknown(request_id=ID, why=UnknownReason.TIMED_OUT)
MOST_COPIES = 2
"""Of more than two alike in the line nothing more can be learnt: two are enough to do a thing twice."""


def as_decided(policy: Policy, standing: Standing, answer: Answer, overdue: bool) -> Standing | FinalAnswer:
    """The bridge's own decision."""
    return heard(policy, standing, answer, not_after_ns=NOT_AFTER_NS, overdue=overdue)


@dataclass(frozen=True, kw_only=True)
class World:
    """A platform as it is, a line as it is, and a bridge that believes a record about both."""

    platform: Capabilities
    believed: Capabilities | None = None
    """The record the bridge has; None when it is the truth."""
    line_repeats: bool = False
    decide: Decide = as_decided

    def walk(self) -> Walk[State]:
        """Every state there is, and what is wrong with it."""
        line_sends_once = self.believed is not None or not self.line_repeats
        policy = policy_of(self.believed or self.platform, line_sends_once=line_sends_once)
        first = State(us=begin(is_new=True))
        return walk(first, lambda state: self._events(state, policy), broken, has_ended)

    # --- what may happen ---

    def _events(self, state: State, policy: Policy) -> Iterator[Event[State]]:
        yield from self._on_our_side(state, policy)
        yield from self._on_the_line(state)
        if state.undecided:
            yield Event(name="the platform decides", outcomes=tuple(self._decided(state)))
        if not state.late:
            yield Event(
                name="the deadline passes by the platform's clock", outcomes=(state._replace(late=True),)
            )
        if not state.overdue:
            yield Event(name="the deadline passes by our clock", outcomes=(state._replace(overdue=True),))
        if state.asked or state.reply:
            dropped = state._replace(asked=False, reply=None)
            yield Event(name="the platform restarts", outcomes=(dropped,), is_fair=False)

    def _on_our_side(self, state: State, policy: Policy) -> Iterator[Event[State]]:
        us = state.us
        if state.outcome != PENDING:
            return
        if us is None:
            yield Event(name="we start again", outcomes=(state._replace(us=begin(is_new=False)),))
            return
        yield Event(name="we crash", outcomes=(_hung_up(state)._replace(us=None),), is_fair=False)
        if not isinstance(us, Standing):
            outcome = SETTLED if isinstance(us, Confirmed) else GIVEN_BACK
            yield Event(name=f"we journal: {outcome}", outcomes=(state._replace(outcome=outcome, us=None),))
        elif not state.calling:
            yield Event(name=f"we {us.step.value}", outcomes=(self._call(state, us.step),))
        else:
            yield from self._during_call(state, us, policy)

    def _call(self, state: State, step: Step) -> State:
        assert step is not Step.CANCEL or self.platform.cancel_tombstone
        called = state._replace(calling=True, asked=True)
        if self.line_repeats:
            # Whatever was handed to such a line may come out of it at any time, any number of times.
            called = called._replace(
                copies=max(state.copies, int(step is Step.SEND)), cancels=state.cancels or step is Step.CANCEL
            )
        return called

    def _during_call(self, state: State, us: Standing, policy: Policy) -> Iterator[Event[State]]:
        if state.reply is not None:
            found = self.decide(policy, us, _answer(state.reply), state.overdue)
            heard_it = state._replace(us=found, calling=False, reply=None)
            yield Event(name=f"we hear: {state.reply.said}", outcomes=(heard_it,))
            lost = state._replace(reply=None)
            yield Event(name="the answer is lost", outcomes=(lost,), is_fair=False)
        if state.asked:
            lost = state._replace(asked=False)
            yield Event(name=f"the {us.step.value} is lost", outcomes=(lost,), is_fair=False)
        after = self.decide(policy, us, NO_ANSWER, state.overdue)
        is_hopeless = not state.asked and state.reply is None
        yield Event(
            name="the call times out", outcomes=(_hung_up(state)._replace(us=after),), is_fair=is_hopeless
        )

    # --- the line ---

    def _on_the_line(self, state: State) -> Iterator[Event[State]]:
        if state.asked:
            assert isinstance(state.us, Standing)
            step = state.us.step
            left = state._replace(asked=False)
            said = {Step.SEND: self._sent, Step.ASK: self._told, Step.CANCEL: self._cancelled}[step](left)
            outcomes = tuple(new._replace(reply=Word(word, new.late)) for new, word in said)
            yield Event(name=f"the {step.value} arrives", outcomes=outcomes)
        if state.copies:
            left = state if self.line_repeats else state._replace(copies=state.copies - 1)
            yield Event(name="an old copy arrives", outcomes=tuple(new for new, _ in self._sent(left)))
        if state.cancels:
            left = state if self.line_repeats else state._replace(cancels=False)
            yield Event(name="an old cancel arrives", outcomes=tuple(new for new, _ in self._cancelled(left)))

    # --- the platform ---

    def _sent(self, state: State) -> Iterator[tuple[State, str]]:
        if state.tomb:
            yield state, "cancelled"
        elif self.platform.idempotent_ids and state.done:
            yield state, "done"
        elif self.platform.idempotent_ids and state.undecided:
            yield state, "undecided"
        elif self.platform.idempotent_ids and self.platform.final_answers and state.refused:
            yield state, "lot_frozen"
        else:
            yield from (
                (new, "done" if new.moved > state.moved else self._why(new)) for new in self._judged(state)
            )
            if not (self.platform.platform_clock and state.late):
                yield state._replace(undecided=min(state.undecided + 1, MOST_COPIES)), "undecided"

    def _why(self, state: State) -> str:
        return "too_late" if self.platform.platform_clock and state.late else "lot_frozen"

    def _judged(self, state: State) -> Iterator[State]:
        if not (self.platform.platform_clock and state.late):
            yield state._replace(moved=min(state.moved + 1, 2), done=True, refused=False)
        yield state if state.done else state._replace(refused=True)

    def _decided(self, state: State) -> Iterator[State]:
        yield from self._judged(state._replace(undecided=state.undecided - 1))

    def _told(self, state: State) -> Iterator[tuple[State, str]]:
        if state.done:
            yield state, "done"
        elif state.tomb:
            yield state, "cancelled"
        elif state.undecided:
            yield state, "undecided"
        elif state.refused:
            yield state, self._why(state)
            if not self.platform.final_answers:
                yield state, "not seen"
        else:
            yield state, "not seen"

    def _cancelled(self, state: State) -> Iterator[tuple[State, str]]:
        if state.done:
            yield state, "done"
        elif state.refused and self.platform.final_answers and self.platform.idempotent_ids:
            yield state, "lot_frozen"
        else:
            yield state._replace(tomb=True, undecided=0), "cancelled"


def _hung_up(state: State) -> State:
    """The call is over on our side; a request that is still under way may arrive later."""
    us, copies, cancels = state.us, state.copies, state.cancels
    if state.asked and isinstance(us, Standing):
        copies = min(copies + (us.step is Step.SEND), MOST_COPIES)
        cancels = cancels or us.step is Step.CANCEL
    return state._replace(calling=False, asked=False, reply=None, copies=copies, cancels=cancels)


def broken(state: State) -> str | None:
    """The property that does not hold in a state, if any."""
    if state.moved > 1:
        return "moved twice"
    if state.moved and state.outcome == GIVEN_BACK:
        return "given back here and moved there"
    if not state.moved and state.outcome == SETTLED:
        return "settled here and never moved there"
    return None


def has_ended(state: State) -> bool:
    """Whether the core has its answer."""
    return state.outcome != PENDING
