"""Reading a PDF back with libraries that had no part in making it."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pypdfium2
import zxingcpp
from pypdf import PdfReader


@dataclass(frozen=True)
class Printed:
    """What a reader finds in a PDF."""

    pages: int
    text: str
    """Of all pages, without white space: where lines break says nothing."""
    fonts: tuple[str, ...]
    has_only_embedded_fonts: bool
    qr_codes: tuple[str, ...]
    right_edge: float
    """How far the text reaches, as a share of the page's width."""

    def says(self, text: str) -> bool:
        """Whether it is printed there."""
        return "".join(text.split()) in self.text


def read_pdf(content: bytes) -> Printed:
    """Read a PDF."""
    reader = PdfReader(BytesIO(content))
    fonts = [font for page in reader.pages for font in _fonts(page["/Resources"].get_object())]
    text = "".join(page.extract_text() for page in reader.pages)
    document = pypdfium2.PdfDocument(content)
    try:
        codes = [code for page in document for code in _codes(page)]
        edges = [edge for page in document for edge in _right_edges(page)]
    finally:
        document.close()
    return Printed(
        pages=len(reader.pages),
        text="".join(text.replace("\u200b", "").split()),
        fonts=tuple(sorted({str(font["/BaseFont"]) for font in fonts})),
        has_only_embedded_fonts=bool(fonts) and all(_is_embedded(font) for font in fonts),
        qr_codes=tuple(codes),
        right_edge=max(edges),
    )


def _fonts(resources: Any) -> Iterator[Any]:
    for font in resources["/Font"].values():
        yield font.get_object()


def _is_embedded(font: Any) -> bool:
    for descendant in font["/DescendantFonts"]:
        descriptor = descendant.get_object()["/FontDescriptor"].get_object()
        if not {"/FontFile", "/FontFile2", "/FontFile3"} & descriptor.keys():
            return False
    return True


def _codes(page: Any) -> Iterator[str]:
    image = page.render(scale=3).to_pil()
    for code in zxingcpp.read_barcodes(image):
        yield code.text


def _right_edges(page: Any) -> Iterator[float]:
    text = page.get_textpage()
    for index in range(text.count_rects()):
        yield text.get_rect(index)[2] / page.get_width()
