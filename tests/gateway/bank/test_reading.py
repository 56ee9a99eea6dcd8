"""Bank statements read from files as banks send them, and everything that is no statement refused by name."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bank.camt053 import read_camt053
from gateway.bank.csv_statement import read_csv
from gateway.bank.reading import StatementFault
from gateway.formats import parse_time
from settlement.bank_statement import BankStatement, StatementLine
from tests.gateway.bank.files import OURS, Line, camt053, csv

LINES: list[Line] = [("BANK-1", 100_000), ("BANK-2", -31_500), ("BANK 3/x", 1)]
Read = Callable[[bytes], BankStatement]
Make = Callable[[list[Line]], bytes]
FORMATS = pytest.mark.parametrize(
    ("read", "make"), [(read_camt053, camt053), (read_csv, csv)], ids=["camt053", "csv"]
)


@FORMATS
def test_a_statement_is_read_whole(read: Read, make: Make) -> None:
    content = make(LINES)
    assert read(content) == BankStatement(
        statement_id="2026-11-23-1",
        bank_account=OURS,
        from_ns=parse_time("2026-11-23T00:00:00+08:00"),
        until_ns=parse_time("2026-11-24T00:00:00+08:00"),
        opening_fen=0,
        closing_fen=68_501,
        lines=tuple(StatementLine(reference=reference, amount_fen=fen) for reference, fen in LINES),
        digest=sha256(content).hexdigest(),
    )


amounts = st.integers(-(10**12), 10**12)
references = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ./-]{0,30}[A-Za-z0-9]", fullmatch=True)


@FORMATS
@given(lines=st.lists(st.tuples(references, amounts), max_size=8))
def test_whatever_is_written_is_read_back(read: Read, make: Make, lines: list[Line]) -> None:
    found = read(make(lines))
    assert [(line.reference, line.amount_fen) for line in found.lines] == lines
    assert found.closing_fen == found.opening_fen + found.total_fen


@pytest.mark.parametrize("version", ["02", "06", "08", "13"])
def test_every_version_of_camt_053_is_read(version: str) -> None:
    assert len(read_camt053(camt053(LINES, version=version)).lines) == 3


def replaced(old: str, new: str, content: bytes | None = None) -> bytes:
    text = (camt053(LINES) if content is None else content).decode()
    assert old in text, old
    return text.replace(old, new).encode()


ENTITY = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "secrets.txt">]>'
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a0 "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]>"
)
HEADER = '<?xml version="1.0" encoding="UTF-8"?>'

COMMENTED = replaced("1000.00", "10<!-- no end -->00.00", replaced("BANK-1", "BANK<?no end?>-1"))


def test_a_comment_cuts_no_amount_short() -> None:
    assert read_camt053(COMMENTED).lines == read_camt053(camt053(LINES)).lines


@pytest.mark.parametrize("encoding", ["GB18030", "UTF-16"])
def test_the_encoding_a_file_names_is_what_it_once_was_in(encoding: str) -> None:
    """A bank's file comes as the text of a request, which is in UTF-8."""
    told = replaced('encoding="UTF-8"', f'encoding="{encoding}"')
    told = replaced("<GrpHdr>", "<GrpHdr><AddtlInf>结息：张三A</AddtlInf>", told)
    assert read_camt053(told).lines == read_camt053(camt053(LINES)).lines
    assert read_camt053(b"\xef\xbb\xbf" + told).lines == read_camt053(camt053(LINES)).lines


def test_a_time_elsewhere_is_of_the_day_it_is_in_shanghai() -> None:
    utc = replaced("2026-11-23T00:00:00+08:00", "2026-11-22T16:00:00Z")
    utc = replaced("2026-11-23T23:59:59+08:00", "2026-11-23T15:59:59.000Z", utc)
    found, same = read_camt053(utc), read_camt053(camt053(LINES))
    assert (found.from_ns, found.until_ns) == (same.from_ns, same.until_ns)


MIDNIGHT = replaced("2026-11-23T23:59:59+08:00", "2026-11-24T00:00:00+08:00")


@pytest.mark.parametrize(
    "content",
    [
        MIDNIGHT,
        replaced("2026-11-24T00:00:00+08:00", "2026-11-23T16:00:00Z", MIDNIGHT),
        replaced("2026-11-23T23:59:59+08:00", "2026-11-23T00:00:00+08:00"),
        replaced("<FrToDt>", "<FrToDt/><!--", replaced("</FrToDt>", "-->")),
        replaced(
            '<Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-23',
            '<Cd>PRCD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-22',
            replaced("<FrToDt>", "<FrToDt/><!--", replaced("</FrToDt>", "-->")),
        ),
    ],
    ids=["midnight", "midnight elsewhere", "one day", "days of balances", "closing of the day before"],
)
def test_a_day_ends_at_its_midnight_however_that_is_written(content: bytes) -> None:
    found, same = read_camt053(content), read_camt053(camt053(LINES))
    assert (found.from_ns, found.until_ns) == (same.from_ns, same.until_ns)


NO_CAMT: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not XML"),
    "cut": (camt053(LINES)[:-200], "not XML"),
    "binary": (bytes(range(256)), "not XML"),
    "json": (b"{}", "not XML"),
    "an external entity": (
        replaced("<Id>2026-11-23-1</Id>", "<Id>&x;</Id>", replaced(HEADER, ENTITY)),
        "document type",
    ),
    "a bomb": (replaced("<Id>2026-11-23-1</Id>", "<Id>&a11;</Id>", replaced(HEADER, BOMB)), "file"),
    "a document type": (replaced(HEADER, HEADER + "<!DOCTYPE Document>"), "document type"),
    "another message": (replaced("camt.053.001.08", "camt.052.001.08"), "camt.053.001"),
    "another root": (b"<statement/>", "camt.053.001"),
    "no statement": (replaced("Stmt>", "Ntfctn>"), "one statement a file"),
    "another currency": (replaced('Ccy="CNY">1000.00', 'Ccy="USD">1000.00'), "USD"),
    "an account in another currency": (replaced("<Ccy>CNY</Ccy>", "<Ccy>EUR</Ccy>"), "EUR"),
    "no opening balance": (replaced("OPBD", "ITBD"), "OPBD"),
    "no closing balance": (replaced("CLBD", "CLAV"), "CLBD"),
    "two closing balances": (replaced("OPBD", "CLBD"), "Bal"),
    "a pending entry": (replaced("BOOK", "PDNG"), "booked entries only"),
    "an entry without a reference": (replaced("<AcctSvcrRef>BANK-1</AcctSvcrRef>", ""), "reference"),
    "an amount finer than a fen": (replaced("1000.00", "1000.001"), "finer than a fen"),
    "an amount with an exponent": (replaced("1000.00", "1e3"), "not an amount"),
    "an amount below zero": (replaced(">1000.00", ">-1000.00"), "not an amount"),
    "neither in nor out": (replaced("CRDT", "BOTH"), "CRDT"),
    "no date": (replaced("<FrDtTm>2026-11-23T", "<FrDtTm>2026-13-23T"), "not a date"),
    "a date and rubbish": (replaced("T00:00:00+08:00", " rubbish"), "not a date"),
    "a time beyond all days": (replaced("2026-11-23T00:00:00", "0001-01-01T00:00:00"), "not a date"),
    "an element inside an amount": (replaced("1000.00", "10<x/>00.00"), "elements"),
    "an element inside a reference": (replaced("BANK-1", "BANK<x/>-1"), "elements"),
    "two numbers": (replaced("<Id>2026-11-23-1</Id>", "<Id>1</Id><Id>2</Id>"), "more than once"),
    "no account": (replaced(f"<Id>{OURS}</Id>", ""), "account"),
}
NO_CSV: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "line 1"),
    "cut": (b"\n".join(csv(LINES).split(b"\r\n")[:4]), "line 5"),
    "latin": (csv(LINES).replace(b"BANK-1", b"B\xe4nk"), "not UTF-8"),
    "a NUL": (csv(LINES).replace(b"BANK-1", b"BANK\0"), "NUL"),
    "another head": (csv(LINES).replace(b"opening", b"anfang"), "line 5"),
    "another heading": (csv(LINES).replace(b"reference,amount", b"amount,reference"), "line 7"),
    "a line of three": (csv(LINES) + b"a,1.00,b\r\n", "line 11"),
    "a line of none": (csv(LINES) + b"\r\n", "line 11"),
    "no reference": (csv(LINES) + b",1.00\r\n", "line 11"),
    "no amount": (csv(LINES) + b"x,\r\n", "line 11"),
    "a word for an amount": (csv(LINES) + b"x,NaN\r\n", "line 11"),
    "two minuses": (csv(LINES) + b"x,--1.00\r\n", "line 11"),
    "an open quote": (csv(LINES) + b'"x,1.00\r\n', "line"),
    "no date": (csv(LINES).replace(b"to,2026-11-23", b"to,23.11.2026"), "line 4"),
}


@pytest.mark.parametrize("name", NO_CAMT)
def test_what_is_no_camt_053_is_refused_with_its_place(name: str) -> None:
    content, why = NO_CAMT[name]
    with pytest.raises(StatementFault) as fault:
        read_camt053(content)
    assert why in str(fault.value)
    assert "root:" not in str(fault.value)
    assert len(str(fault.value)) < 250


@pytest.mark.parametrize("name", NO_CSV)
def test_what_is_no_csv_statement_is_refused_with_its_place(name: str) -> None:
    content, why = NO_CSV[name]
    with pytest.raises(StatementFault) as fault:
        read_csv(content)
    assert why in str(fault.value)
    assert len(str(fault.value)) < 250


@pytest.mark.parametrize(("read", "make"), [(read_camt053, camt053), (read_csv, csv)])
def test_a_statement_has_a_bounded_number_of_lines(
    read: Read, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("camt053", "csv_statement"):
        monkeypatch.setattr(f"gateway.bank.{module}.MAX_LINES", 3)
    assert len(read(make(LINES)).lines) == 3
    with pytest.raises(StatementFault, match="at most"):
        read(make([*LINES, ("one more", 1)]))


@given(content=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for read in (read_camt053, read_csv):
        with pytest.raises(StatementFault):
            read(content)


@given(data=st.data())
def test_a_changed_byte_is_read_or_refused_and_never_worse(data: st.DataObject) -> None:
    for read, make in ((read_camt053, camt053), (read_csv, csv)):
        content = bytearray(make(LINES))
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
        try:
            found = read(bytes(content))
        except StatementFault:
            continue
        assert found.digest == sha256(bytes(content)).hexdigest()
