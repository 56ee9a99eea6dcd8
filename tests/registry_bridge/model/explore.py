"""Walks every state of a small world once, and says what goes wrong there and how one gets to it.

A world has a first state and, in each state, events by name. An event has one outcome or several, of which the world
picks one as it likes. An event is *fair* when it cannot be held off for ever (time passes, a message that is not lost
arrives); faults are not.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True, kw_only=True, slots=True)
class Event(Generic[State]):
    """Something that may happen in a state."""

    name: str
    outcomes: tuple[State, ...]
    is_fair: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk(Generic[State]):
    """What a walk found."""

    states: int
    violation: str | None
    """The first property broken, None when all hold everywhere."""
    trace: tuple[str, ...]
    """The shortest way to it, event by event."""
    stuck: int
    """States from which the end cannot be made sure of, however fair the world is."""

    def __str__(self) -> str:
        if self.violation is None:
            return f"{self.states} states, {self.stuck} stuck"
        return f"{self.violation}:\n  " + "\n  ".join(self.trace)


def walk(
    first: State,
    events: Callable[[State], Iterable[Event[State]]],
    broken: Callable[[State], str | None],
    has_ended: Callable[[State], bool],
) -> Walk[State]:
    """Walk breadth first from ``first``, until a property is broken or every state has been seen."""
    came_from: dict[State, tuple[State, str] | None] = {first: None}
    fair: dict[State, list[tuple[State, ...]]] = {}
    frontier = [first]
    while frontier:
        found: list[State] = []
        for state in frontier:
            fair[state] = []
            for event in events(state):
                if event.is_fair:
                    fair[state].append(event.outcomes)
                for outcome in event.outcomes:
                    if outcome in came_from:
                        continue
                    came_from[outcome] = (state, event.name)
                    found.append(outcome)
                    violation = broken(outcome)
                    if violation is not None:
                        trace = _trace(came_from, outcome)
                        return Walk(states=len(came_from), violation=violation, trace=trace, stuck=0)
        frontier = found
    return Walk(states=len(came_from), violation=None, trace=(), stuck=_stuck(fair, has_ended))


def _trace(came_from: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    names: list[str] = []
    step = came_from[state]
    while step is not None:
        names.append(step[1])
        step = came_from[step[0]]
    return tuple(reversed(names))


@dataclass(kw_only=True, slots=True)
class _Choice(Generic[State]):
    """A fair event of a state, and how many of its outcomes are not known to end."""

    state: State
    left: int


def _stuck(fair: dict[State, list[tuple[State, ...]]], has_ended: Callable[[State], bool]) -> int:
    """How many states do not surely end: where no fair event leads, whatever its outcome, to one that does."""
    choices: dict[State, list[_Choice[State]]] = {}
    for state, events in fair.items():
        for outcomes in map(set, events):
            choice = _Choice(state=state, left=len(outcomes))
            for outcome in outcomes:
                choices.setdefault(outcome, []).append(choice)
    sure = [state for state in fair if has_ended(state)]
    is_sure = set(sure)
    while sure:
        for choice in choices.get(sure.pop(), ()):
            choice.left -= 1
            if not choice.left and choice.state not in is_sure:
                is_sure.add(choice.state)
                sure.append(choice.state)
    return len(fair) - len(is_sure)
