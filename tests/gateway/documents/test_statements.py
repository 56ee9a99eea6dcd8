"""Statements and bulletins on paper: whole, in both languages, on as many pages as it takes, and true to their digest."""

from io import BytesIO

import orjson
import pytest
from pypdf import PdfReader

from gateway.cli.faults import CommandFault
from gateway.cli.statement_proof import proof_of
from gateway.documents.bulletin import bulletin_document
from gateway.documents.statement import statement_document
from gateway.documents.typesetting import typeset
from gateway.engine.history.statement_body import digest_of
from tests.gateway.documents.reading import read_pdf
from tests.gateway.documents.statements import bulletin, long_statement

LINES, LOTS = 120, 20


@pytest.fixture(scope="module")
def printed() -> bytes:
    return typeset(statement_document(long_statement(LINES, LOTS)))


def test_a_long_statement_is_whole_on_many_pages(printed: bytes) -> None:
    told, read = long_statement(LINES, LOTS), read_pdf(printed)
    assert read.pages >= 4
    assert read.has_only_embedded_fonts
    assert read.right_edge <= 1
    for text in (
        "账户日结单",
        "Daily statement of account",
        "交收明细",
        "What settled",
        told["digest"],
        "卖方6",
    ):
        assert read.says(text), text
    for lot in told["lots"]:
        assert read.says(lot["lot"])
        for first, end in lot["serials"]:
            assert read.says(f"[{first}, {end})")
    for text in ("-8220.00", "991780.00", "1000000.00", "合计付 paid", "委托受理 accepted"):
        assert read.says(text), text


def test_every_page_has_its_number_its_digest_and_the_heads_of_its_columns(printed: bytes) -> None:
    digest = long_statement(LINES, LOTS)["digest"]
    pages = [page.extract_text() for page in PdfReader(BytesIO(printed)).pages]
    for number, text in enumerate(pages, 1):
        assert f"page {number} of {len(pages)}" in text
        assert digest in text
    for text in pages[1:3]:
        assert "Counterparty" in text
        assert "Daily statement of account" in text


def test_the_statement_is_attached_and_proves_itself(printed: bytes) -> None:
    told = long_statement(LINES, LOTS)
    (attached,) = PdfReader(BytesIO(printed)).attachments["statement.json"]
    assert orjson.loads(attached) == told
    assert b"pdfaid:part" in printed or b"pdfaid" in printed
    proof = proof_of(printed)
    assert (proof.form, proof.account, proof.trading_day) == ("pdf", "buyer", "2026-11-23")
    assert proof.digest == told["digest"]
    assert typeset(statement_document(told)) == printed


def test_a_statement_altered_anywhere_is_found_out() -> None:
    told = long_statement(3, 1)
    assert proof_of(orjson.dumps(told, option=orjson.OPT_INDENT_2)).digest == told["digest"]
    richer = {**told, "closing": {**told["closing"], "cash": "99999999.00"}}
    with pytest.raises(CommandFault, match=told["digest"]):
        proof_of(orjson.dumps(richer))
    with pytest.raises(CommandFault, match=told["digest"]):
        proof_of(typeset(statement_document(richer)))
    # Pages of one and the attachment of another, each with a digest that is right.
    other = statement_document({**richer, "digest": digest_of(richer)})
    mixed = statement_document(told)
    object.__setattr__(mixed, "attachment", other.attachment)
    with pytest.raises(CommandFault, match=r"页面|pages"):
        proof_of(typeset(mixed))


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b"%PDF-1.7 nothing", b"a,b\r\n", b"\xff\xfe"])
def test_what_is_no_statement_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(CommandFault):
        proof_of(content)


@pytest.mark.parametrize(("first", "title"), [("2026-11-23", "交易行情日报"), ("2026-11-16", "交易行情周报")])
def test_a_bulletin_says_what_is_published_and_what_is_held_over(first: str, title: str) -> None:
    read = read_pdf(typeset(bulletin_document(bulletin(first))))
    assert read.pages == 1
    assert read.right_edge <= 1
    for text in (title, "100725.00", "协议额", "履约抵销", "1234", "有 yes", "待并入后期", "Held over"):
        assert read.says(text), text
