"""A document to be printed: its words in both languages, as plain data that decides nothing about looks.

Whoever makes one (a certificate, a statement) says what stands in it; `typesetting` says where.
"""

from dataclasses import dataclass
from typing import TypeAlias

Words: TypeAlias = tuple[str, str]
"""The same in Chinese and in English."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A label and what stands beside it."""

    label: Words
    value: str
    is_code: bool = False
    """Whether it is a number or digest to be compared sign by sign."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A table's column."""

    title: Words
    is_figure: bool = False
    """Figures stand to the right."""
    share: int = 1
    """Of the width, against the other columns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows of texts under their columns."""

    title: Words
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """Where a reader can check the document: printed as an address and as a QR code."""

    url: str
    caption: Words


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file within the file: the same for programs."""

    name: str
    content: str
    """JSON."""
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One document."""

    issuer: Words
    title: Words
    fields: tuple[Field, ...]
    tables: tuple[Table, ...]
    notes: tuple[Words, ...]
    footer: str
    """At the foot of every page: what names this document."""
    made_at_ns: int
    """Its date in the file: that of what it tells, so that the same document is the same bytes whenever it is printed."""
    check: Check | None = None
    attachment: Attachment | None = None
    is_one_page: bool = False
    """Whether it has to be on one page: then its type is set smaller until it is."""
