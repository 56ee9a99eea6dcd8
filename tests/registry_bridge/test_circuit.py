"""The circuit opens after failures in a row, probes once its rest is over, and rests longer each time."""

import pytest

from registry_bridge.back_off import BackOff
from registry_bridge.circuit import Circuit, CircuitSettings, CircuitState

CLOSED, HALF_OPEN, OPEN = CircuitState.CLOSED, CircuitState.HALF_OPEN, CircuitState.OPEN


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    settings = CircuitSettings(failures=3, rest=BackOff(first_s=1.0, longest_s=4.0))
    return Circuit(settings, now_s=clock, jitter=lambda: 0.0)


def fail(circuit: Circuit, times: int = 3) -> None:
    for _ in range(times):
        assert circuit.admit()
        circuit.failed()


def test_failures_in_a_row_open_it_and_others_do_not(circuit: Circuit) -> None:
    fail(circuit, 2)
    circuit.answered()
    fail(circuit, 2)
    assert circuit.state is CLOSED
    fail(circuit, 1)
    assert (circuit.state, circuit.opened, circuit.admit()) == (OPEN, 1, False)


def test_one_probe_is_let_through_when_its_rest_is_over(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    clock.now_s = 0.99
    assert not circuit.admit()
    clock.now_s = 1.0
    assert circuit.admit()
    assert (circuit.state, circuit.admit()) == (HALF_OPEN, False)
    circuit.answered()
    assert (circuit.state, circuit.admit()) == (CLOSED, True)


def test_it_rests_longer_after_each_probe_that_fails(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    for rest_s in (1.0, 2.0, 4.0, 4.0):
        clock.now_s += rest_s - 0.01
        assert not circuit.admit()
        clock.now_s += 0.01
        fail(circuit, 1)
    circuit.answered()
    fail(circuit)
    clock.now_s += 1.0
    assert circuit.admit(), "after an answer it begins anew"


def test_a_probe_called_off_leaves_the_next_to_another(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    clock.now_s = 1.0
    assert circuit.admit()
    circuit.called_off()
    assert (circuit.state, circuit.admit()) == (OPEN, True)


def test_a_call_under_way_when_it_opened_still_counts(circuit: Circuit) -> None:
    fail(circuit)
    circuit.failed()
    assert circuit.opened == 1, "it rests already"
    circuit.answered()
    assert circuit.state is CLOSED


def test_a_call_called_off_while_closed_says_nothing(circuit: Circuit) -> None:
    fail(circuit, 2)
    circuit.called_off()
    fail(circuit, 1)
    assert circuit.state is OPEN
