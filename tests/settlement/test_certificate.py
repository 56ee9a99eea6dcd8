"""Numbers with check digits, canonical text and digest: what is altered is seen."""

from dataclasses import fields, replace
from itertools import pairwise
from random import Random

import pytest

from settlement.certificate import (
    Certificate,
    CertificateNumber,
    CertifiedLot,
    Statement,
    canonical_text,
    certify,
    digest_of,
    is_number,
    number_of,
    verify_certificate,
)
from settlement.channels import Channel
from settlement.lot import MethodologyClass, Origin
from settlement.values import AccountId, AssetCode, InstructionId, LotId, ParticipantId, TradingDay

DAY = TradingDay("2026-11-23")
LOT = CertifiedLot(
    lot_id=LotId("L1"),
    methodology_class=MethodologyClass.I,
    methodology="SHCER01010012024I",
    methodology_version="1",
    origin=Origin.PROJECT,
    project="a roof of solar cells",
    period_from="2024-01-01",
    period_to="2024-12-31",
    serials=((1, 11), (21, 31)),
)
SAYS = Statement(
    reference="offset-42",
    entity=ParticipantId("p-enid"),
    account=AccountId("enid"),
    purpose=Channel.COMPLIANCE_OFFSET,
    compliance_year=2025,
    beneficiary="p-enid",
    statement="for 2025",
    instrument=AssetCode("SHCERCIR1"),
    quantity_tonnes=20,
    lots=(LOT,),
    donated_to=None,
    accepted_at_ns=1_000,
    completed_at_ns=2_000,
    deadline_ns=1_500,
    instruction_id=InstructionId("offset-42-42"),
    trading_day=DAY,
)
OTHERS = {
    "reference": "offset-43",
    "entity": "p-anna",
    "account": "anna",
    "purpose": Channel.DONATION,
    "compliance_year": 2024,
    "beneficiary": "p-anna",
    "statement": "",
    "instrument": "SHCERCIIR1",
    "quantity_tonnes": 21,
    "lots": (),
    "donated_to": "wendy",
    "accepted_at_ns": 1_001,
    "completed_at_ns": 2_001,
    "deadline_ns": None,
    "instruction_id": "offset-42-43",
    "trading_day": "2026-11-24",
}
OTHER_LOTS = {
    "lot_id": "L2",
    "methodology_class": MethodologyClass.II,
    "methodology": "SHCER02020022024II",
    "methodology_version": "2",
    "origin": Origin.SCENARIO,
    "project": "bicycles",
    "period_from": "2024-01-02",
    "period_to": "2025-12-31",
    "serials": ((1, 12), (21, 30)),
}


def test_a_certificate_is_its_number_what_it_says_and_a_digest() -> None:
    issued = certify(SAYS, 42)
    assert issued.number == number_of(DAY, 42) == "PH-20261123-00000042-" + issued.number[-2:]
    assert issued.says == SAYS
    assert len(issued.digest) == 64
    assert verify_certificate(issued)
    assert SAYS.counts_although_late
    assert not replace(SAYS, deadline_ns=2_000).counts_although_late
    assert not replace(SAYS, deadline_ns=None).counts_although_late


def test_the_canonical_text_stays_what_it_is() -> None:
    assert canonical_text(number_of(DAY, 42), SAYS) == (
        "puhui-exchange certificate 1\n"
        f"number: {number_of(DAY, 42)}\n"
        "reference: offset-42\n"
        "entity: p-enid\n"
        "account: enid\n"
        "purpose: compliance_offset\n"
        "compliance_year: 2025\n"
        "beneficiary: p-enid\n"
        "statement: for 2025\n"
        "instrument: SHCERCIR1\n"
        "quantity_tonnes: 20\n"
        "donated_to: \n"
        "accepted_at_ns: 1000\n"
        "completed_at_ns: 2000\n"
        "deadline_ns: 1500\n"
        "instruction_id: offset-42-42\n"
        "trading_day: 2026-11-23\n"
        "lot: L1 [1-11,21-31) I | SHCER01010012024I | 1 | project | a roof of solar cells | "
        "2024-01-01 | 2024-12-31\n"
    )


def test_the_samples_name_every_field() -> None:
    assert OTHERS.keys() == {field.name for field in fields(Statement)}
    assert OTHER_LOTS.keys() == {field.name for field in fields(CertifiedLot)}


@pytest.mark.parametrize("name", OTHERS)
def test_an_altered_statement_is_seen(name: str) -> None:
    issued = certify(SAYS, 42)
    altered = replace(SAYS, **{name: OTHERS[name]})  # type: ignore[arg-type]
    assert not verify_certificate(replace(issued, says=altered))


@pytest.mark.parametrize("name", OTHER_LOTS)
def test_an_altered_lot_is_seen(name: str) -> None:
    issued = certify(SAYS, 42)
    lot = replace(LOT, **{name: OTHER_LOTS[name]})  # type: ignore[arg-type]
    assert not verify_certificate(replace(issued, says=replace(SAYS, lots=(lot,))))


def test_another_number_or_digest_is_seen() -> None:
    issued = certify(SAYS, 42)
    assert not verify_certificate(replace(issued, number=number_of(DAY, 43)))
    assert not verify_certificate(replace(issued, digest=digest_of(number_of(DAY, 43), SAYS)))
    made_up = CertificateNumber("PH-20261123-00000042-00")
    forged = Certificate(number=made_up, says=SAYS, digest=digest_of(made_up, SAYS))
    assert not verify_certificate(forged)


def test_a_mistyped_number_is_no_number() -> None:
    random = Random(7)
    for count in (1, 42, 99_999_999, 100_000_000, random.randrange(10**12)):
        number = number_of(DAY, count)
        assert is_number(number)
        digits = [at for at, sign in enumerate(number) if sign.isdigit()]
        for at in digits:
            for digit in "0123456789":
                wrong = number[:at] + digit + number[at + 1 :]
                assert is_number(wrong) is (wrong == number)
        for one, two in pairwise(digits):
            signs = list(number)
            signs[one], signs[two] = signs[two], signs[one]
            swapped = "".join(signs)
            assert is_number(swapped) is (swapped == number)


@pytest.mark.parametrize(
    "text",
    ["", "PH", "PH-20261123-42-17", "PH-2026112\u0663-00000042-17", " PH-20261123-00000042-17", "PH---"],
)
def test_what_is_written_otherwise_is_no_number(text: str) -> None:
    assert not is_number(text)
