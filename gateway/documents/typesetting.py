"""From a document to the bytes of a PDF: one page size, one embedded font for both languages, no chance.

The same document gives the same bytes whenever and wherever it is set: its date is its own, fonts of the machine are
not looked at. The file is PDF/A-2u, or PDF/A-3u where another file is attached to it, made to be read in twenty years,
unless a name in it has a sign that no font here can show: then it is an ordinary PDF with a blank in that place.
"""

import re
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Final, Literal, TypeAlias

import orjson
import pylopdf_fonts_zh_cn
import segno
import typst

from gateway.documents.document import Check, Document
from gateway.formats import NS, SHANGHAI

_TEMPLATE: Final = files("gateway.documents") / "templates" / "document.typ"
Standard: TypeAlias = Literal["a-2u", "a-3u"]

_ARCHIVE: Final[Standard] = "a-2u"
_ARCHIVE_WITH_ATTACHMENT: Final[Standard] = "a-3u"
_UNBROKEN: Final = re.compile(r"[!-~]{32}(?=[!-~])")
_BREAK: Final = "\u200b"

_ONE_AT_A_TIME: Final = threading.Lock()


def typeset(document: Document) -> bytes:
    """The PDF. Takes some hundredths of a second without holding up other threads; one is set at a time."""
    inputs = {"data": orjson.dumps(_data(document)).decode()}
    at_s = document.made_at_ns // NS
    with _ONE_AT_A_TIME:
        try:
            return _compile(
                inputs, at_s, _ARCHIVE if document.attachment is None else _ARCHIVE_WITH_ATTACHMENT
            )
        except typst.TypstError:
            # A sign without a glyph is not allowed in an archive. Anything else that is wrong fails again here.
            return _compile(inputs, at_s, None)


def _compile(inputs: dict[str, str], at_s: int, standard: Standard | None) -> bytes:
    compiler = typst.Compiler(_template(), font_paths=_fonts(), sys_inputs=inputs)
    found = compiler.compile(format="pdf", timestamp=at_s, pdf_standards=standard)
    assert isinstance(found, bytes), "a PDF is one file"
    return found


@cache
def _template() -> bytes:
    return _TEMPLATE.read_bytes()


@cache
def _fonts() -> typst.Fonts:
    directory = pylopdf_fonts_zh_cn.sans_path().parent
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(directory)])


def _data(document: Document) -> dict[str, Any]:
    day = datetime.fromtimestamp(document.made_at_ns // NS, UTC).astimezone(SHANGHAI)
    return {
        "issuer": document.issuer,
        "title": document.title,
        "fields": [
            {"label": field.label, "value": breakable(field.value), "is_code": field.is_code}
            for field in document.fields
        ],
        "tables": [
            {
                "title": table.title,
                "columns": [asdict(column) for column in table.columns],
                "rows": [[breakable(cell) for cell in row] for row in table.rows],
            }
            for table in document.tables
        ],
        "notes": document.notes,
        "check": None if document.check is None else _check(document.check),
        "attachment": None if document.attachment is None else asdict(document.attachment),
        "footer": document.footer,
        "date": (day.year, day.month, day.day),
        "one_page": document.is_one_page,
    }


def _check(check: Check) -> dict[str, Any]:
    return {"url": breakable(check.url), "caption": check.caption, "qr": qr_svg(check.url)}


def qr_svg(text: str) -> str:
    """The QR code of a text, as an SVG image."""
    image = BytesIO()
    segno.make(text, error="m", micro=False).save(image, kind="svg", xmldecl=False, border=2)
    return image.getvalue().decode()


def breakable(text: str) -> str:
    """The text with places to break a line in words longer than a line, such as digests."""
    return _UNBROKEN.sub(lambda found: found.group() + _BREAK, text)
