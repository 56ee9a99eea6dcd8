"""Names under which the registry is asked: two lives of one exchange never share any."""

from registry_bridge.request_names import Life, RequestNames, is_lost
from settlement.values import InstructionId

NAMES = {InstructionId(f"in-{seq}"): seq for seq in range(1, 300)}


def asked_at(*known: range) -> dict[InstructionId, int]:
    return {name: seq for name, seq in NAMES.items() if any(seq in one for one in known)}


def lived(*lives: tuple[int, str], known: dict[InstructionId, int]) -> RequestNames:
    made = tuple(Life(first_seq=first_seq, mark=mark) for first_seq, mark in lives)
    return RequestNames(exchange_id="x1", lives=made, asked_at=known.get)


def test_an_exchange_that_was_never_restored_asks_as_it_always_did() -> None:
    names = lived(known=asked_at(range(1, 50)))
    assert names.request_id(InstructionId("in-7")) == "x1.in-7"
    assert names.instruction_of("x1.in-7") == names.instruction_of("x1.in-7") == "in-7"
    assert names.instruction_of("x2.in-7") is None
    assert names.instruction_of("x1-0000aaaa.in-7") is None


def test_what_was_asked_before_the_backup_goes_on_under_its_name_and_nothing_else_does() -> None:
    names = lived((101, "0000aaaa"), known=asked_at(range(1, 101), range(101, 120)))
    assert names.request_id(InstructionId("in-100")) == "x1.in-100"
    assert names.request_id(InstructionId("in-101")) == "x1-0000aaaa.in-101"
    for name in asked_at(range(1, 120)):
        assert names.instruction_of(names.request_id(name)) == name


def test_what_the_lost_life_asked_is_never_taken_for_ones_own() -> None:
    names = lived((101, "0000aaaa"), known=asked_at(range(1, 120)))
    for lost in ("x1.in-101", "x1.in-119", "x1.in-250", "x1-0000aaaa.in-100"):
        found = names.instruction_of(lost)
        assert found is not None
        assert is_lost(found)
        assert found not in NAMES
    assert names.instruction_of("x1.in-101") == "first.in-101"


def test_one_backup_put_back_twice_is_three_lives() -> None:
    known = asked_at(range(1, 130))
    first = RequestNames(exchange_id="x1", asked_at=known.get)
    second, third = lived((101, "0000aaaa"), known=known), lived((101, "0000bbbb"), known=known)
    asked = [one.request_id(InstructionId("in-110")) for one in (first, second, third)]
    assert len(set(asked)) == 3
    again = lived((101, "0000aaaa"), (121, "0000cccc"), known=known)
    assert [again.request_id(InstructionId(f"in-{seq}")) for seq in (100, 110, 121)] == [
        "x1.in-100",
        "x1-0000aaaa.in-110",
        "x1-0000cccc.in-121",
    ]
