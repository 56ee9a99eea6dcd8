"""A document comes out of the typesetter as it was said, in both languages, on paper that is the same every time."""

import os
import subprocess
import sys
from hashlib import sha256

import pytest

from gateway.documents.document import Check, Column, Document, Field, Table
from gateway.documents.typesetting import breakable, typeset
from tests.gateway.documents.reading import read_pdf

URL = f"http://127.0.0.1:8080/v1/certificates/PH-20261123-00000042-17?digest={'0123456789abcdef' * 4}"
SERIALS = "[1000001, 1000011)"


def document(
    *, beneficiary: str = "上海某某会议 2026", rows: int = 2, is_one_page: bool = True, url: str | None = URL
) -> Document:
    """An example."""
    return Document(
        issuer=("碳普惠减排量交易所", "puhui exchange"),
        title=("履约抵销凭证", "Certificate of compliance offset"),
        fields=(
            Field(label=("编号", "Number"), value="PH-20261123-00000042-17", is_code=True),
            Field(label=("受益人", "Beneficiary"), value=beneficiary),
        ),
        tables=(
            Table(
                title=("批次", "Lots"),
                columns=(
                    Column(title=("批次", "Lot"), share=3),
                    Column(title=("序列号", "Serials"), share=4),
                    Column(title=("吨", "Tonnes"), is_figure=True),
                ),
                rows=tuple((f"LOT-{number}", SERIALS, "10") for number in range(rows)),
            ),
        ),
        notes=(("已注销，不可重复使用。", "Retired; never used again."),),
        footer="PH-20261123-00000042-17",
        made_at_ns=1_795_361_163_000_000_000,
        check=None if url is None else Check(url=url, caption=("扫码核验", "Scan to check")),
        is_one_page=is_one_page,
    )


def test_says_in_both_languages_what_it_was_given() -> None:
    printed = read_pdf(typeset(document()))
    assert printed.pages == 1
    for text in (
        "碳普惠减排量交易所",
        "履约抵销凭证",
        "Certificate of compliance offset",
        "受益人",
        "上海某某会议 2026",
        "LOT-1",
        SERIALS,
        "扫码核验",
        "Scan to check",
        URL,
        "已注销，不可重复使用。",
    ):
        assert printed.says(text), text


def test_every_font_comes_with_the_file() -> None:
    printed = read_pdf(typeset(document()))
    assert printed.has_only_embedded_fonts
    assert all("NotoSansSC" in font for font in printed.fonts)


def test_the_qr_code_leads_to_the_check() -> None:
    assert read_pdf(typeset(document())).qr_codes == (URL,)
    assert read_pdf(typeset(document(url=None))).qr_codes == ()


def test_is_made_for_the_archive() -> None:
    content = typeset(document())
    assert b"<pdfaid:part>2</pdfaid:part>" in content
    assert b"<pdfaid:conformance>U</pdfaid:conformance>" in content


@pytest.mark.parametrize(
    "beneficiary", ["减排" * 250, "x" * 500, "long words " * 45, "#set page[x] $a$ *b* `c` \\ <d> @e"]
)
def test_one_page_is_one_page_and_nothing_hangs_over_its_edge(beneficiary: str) -> None:
    printed = read_pdf(typeset(document(beneficiary=beneficiary, rows=24)))
    assert printed.pages == 1
    assert printed.says(beneficiary)
    assert printed.says("LOT-23")
    assert printed.right_edge < 1
    assert printed.qr_codes == (URL,)


def test_a_long_document_has_numbered_pages() -> None:
    printed = read_pdf(typeset(document(rows=120, is_one_page=False)))
    assert printed.pages == 3
    assert printed.says("LOT-119")
    assert printed.says("page 3 of 3")
    assert printed.text.count("Tonnes") == printed.pages


def test_a_sign_no_font_has_spoils_nothing() -> None:
    content = typeset(document(beneficiary="会议 \U0001f600 2026"))
    assert read_pdf(content).says("PH-20261123-00000042-17")
    assert b"pdfaid:part" not in content


def test_the_same_document_is_the_same_bytes_in_another_process() -> None:
    content = typeset(document())
    assert typeset(document()) == content
    program = (
        "import hashlib, tests.gateway.documents.test_typesetting as made\n"
        "print(hashlib.sha256(made.typeset(made.document())).hexdigest())"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "4711", "TZ": "America/Lima"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == sha256(content).hexdigest()


def test_another_document_is_other_bytes() -> None:
    assert typeset(document()) != typeset(document(beneficiary="上海某某会议 2025"))


def test_long_codes_get_places_to_break() -> None:
    assert breakable("a" * 64) == "a" * 32 + "\u200b" + "a" * 32
    assert breakable("a" * 32) == "a" * 32
    assert breakable("短 and short") == "短 and short"
