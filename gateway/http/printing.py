"""Handing out documents: on paper, typeset one at a time away from the event loop, and what tables have to mind."""

import asyncio
import re
from collections.abc import Mapping
from typing import Final

from gateway.documents.document import Document
from gateway.documents.typesetting import typeset
from gateway.http.routing import Call, Reply

PDF: Final = "application/pdf"
CSV: Final = "text/csv; charset=utf-8"

_FORMULA: Final = re.compile(r"[=+\-@\t\r](?!\d+(\.\d+)?\Z)")
"""How a cell begins that a spreadsheet would compute, figures of less than nothing apart."""

PDF_COST: Final = 20
"""What setting a document takes of the readers' allowance, against a plain answer."""

PRINTING: Final = "printing:"
"""Whose turn it is to have a document set; no account has such a name. More than wait already are turned away."""


def harmless(row: Mapping[str, str | None]) -> dict[str, str]:
    """The same row, with an apostrophe before texts that a spreadsheet would take for a formula.

    Others choose some of them: a bank its references, a counterparty its agreement's number.
    """
    cells = ((name, cell or "") for name, cell in row.items())
    return {name: f"'{cell}" if _FORMULA.match(cell) else cell for name, cell in cells}


async def printed(call: Call, document: Document, name: str) -> Reply:
    """The document as a PDF of that name."""
    call.take(PDF_COST - 1)
    mask = call.mask
    shown = document if mask is None else mask.document(document)
    shown_name = name if mask is None else mask.typed(name)
    async with call.services.turns.of(PRINTING):
        content = await asyncio.to_thread(typeset, shown)
    headers = {"Content-Disposition": f'inline; filename="{shown_name}.pdf"'}
    return Reply(content, headers=headers, content_type=PDF)
