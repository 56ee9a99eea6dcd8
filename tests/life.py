"""A life cycle held against its table: every pair of state and step, those that are drawn and those that are not."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

import pytest

S = TypeVar("S")
E = TypeVar("E")
Step_contra = TypeVar("Step_contra", contravariant=True)


class Living(Protocol[S, Step_contra]):
    """Something in a state that takes steps."""

    state: S

    def step(self, step: Step_contra, /) -> None: ...


def goes_only_where_drawn(one: Living[S, E], step: E, drawn: Mapping[tuple[S, E], S]) -> None:
    """The step leads where the table says; where it says nothing, it is a bug and changes nothing."""
    before = one.state
    after = drawn.get((before, step))
    if after is None:
        with pytest.raises(KeyError):
            one.step(step)
        assert one.state is before
    else:
        one.step(step)
        assert one.state is after
