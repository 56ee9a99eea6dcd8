"""Handing out documents on paper: typeset one at a time, away from the event loop, at the price of many answers."""

import asyncio
from typing import Final

from gateway.documents.document import Document
from gateway.documents.typesetting import typeset
from gateway.http.routing import Call, Reply

PDF: Final = "application/pdf"
CSV: Final = "text/csv; charset=utf-8"

PDF_COST: Final = 20
"""What setting a document takes of the readers' allowance, against a plain answer."""

PRINTING: Final = "printing:"
"""Whose turn it is to have a document set; no account has such a name. More than wait already are turned away."""


_BEGINS_FORMULA: Final = ("=", "+", "-", "@")


def shown_as_text(words: str) -> str:
    """Words of somebody else's as a cell of a table: a spreadsheet shows them and never reckons with them.

    What would begin a formula there, such as a bank's reference that a payer has chosen, gets an apostrophe in front.
    """
    return f"'{words}" if words.startswith(_BEGINS_FORMULA) else words


async def printed(call: Call, document: Document, name: str) -> Reply:
    """The document as a PDF of that name."""
    call.take(PDF_COST - 1)
    shown = document if call.mask is None else call.mask.document(document)
    async with call.services.turns.of(PRINTING):
        content = await asyncio.to_thread(typeset, shown)
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return Reply(content, headers=headers, content_type=PDF)
