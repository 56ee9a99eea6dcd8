"""ISO 20022 camt.053, BankToCustomerStatement: one statement of one account in yuan.

Read with lxml, and hardened: no document type, no entities, nothing fetched, no deeper and no longer than a statement
can be. Only booked entries (`BOOK`) count. An entry's reference is the account servicer's own (`AcctSvcrRef`), of the
entry or of its only transaction.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from lxml import etree

from gateway.bank.reading import MAX_LINES, StatementFault, day_ns, end_ns, fen, name
from settlement.bank_statement import BankStatement, StatementLine

_NAMESPACE: Final = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.\d\d")
CURRENCY: Final = "CNY"
CREDIT: Final = "CRDT"
DEBIT: Final = "DBIT"
BEFORE: Final = "PRCD"
"""The closing booked of the statement before, which is dated with that statement's last day."""
OPENING: Final = frozenset({"OPBD", BEFORE})
"""Opening booked, or the closing booked before."""
CLOSING: Final = frozenset({"CLBD"})
BOOKED: Final = "BOOK"


def read_camt053(content: bytes) -> BankStatement:
    """The statement this file is.

    Raises:
        StatementFault: it is no such file, holds more than one statement, is in another currency, or lacks something.
    """
    reader = _Reader(_parse(content))
    opening_fen, opened = reader.balance(OPENING)
    closing_fen, closed = reader.balance(CLOSING)
    from_ns, until_ns = reader.period(opened, closed)
    return BankStatement(
        statement_id=name(reader.text("Id"), "Stmt/Id", "number of the statement"),
        bank_account=reader.account(),
        from_ns=from_ns,
        until_ns=until_ns,
        opening_fen=opening_fen,
        closing_fen=closing_fen,
        lines=tuple(reader.lines()),
        digest=sha256(content).hexdigest(),
    )


def _parse(content: bytes) -> etree._Element:
    parser = etree.XMLParser(
        # It comes as text, whatever encoding the file names that it once was in.
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        # What stands inside a text would cut it short: "10<!-- -->00.00" would be ten yuan.
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise StatementFault("file", f"not XML: {str(error)[:120]}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise StatementFault("file", "has a document type, which a statement never has")
    space = etree.QName(root).namespace or ""
    if etree.QName(root).localname != "Document" or _NAMESPACE.fullmatch(space) is None:
        raise StatementFault("Document", "not ISO 20022 camt.053.001")
    statements = root.findall(f"{{{space}}}BkToCstmrStmt/{{{space}}}Stmt")
    if len(statements) != 1:
        raise StatementFault("BkToCstmrStmt", f"one statement a file, not {len(statements)}")
    return statements[0]


def _text_of(element: etree._Element, where: str) -> str:
    if len(element):
        raise StatementFault(where, "elements where a text belongs")
    return (element.text or "").strip()


class _Reader:
    """One `Stmt` element."""

    def __init__(self, statement: etree._Element) -> None:
        self._statement = statement
        self._space = {"i": etree.QName(statement).namespace or ""}

    def text(self, path: str, of: etree._Element | None = None) -> str:
        """The text of the one element at a path; empty when there is none."""
        found = self._all(path, of)
        if len(found) > 1:
            raise StatementFault(path, "given more than once")
        return _text_of(found[0], path) if found else ""

    def account(self) -> str:
        """The account the statement is of."""
        held = self.text("Acct/Ccy")
        if held not in ("", CURRENCY):
            raise StatementFault("Acct/Ccy", f"an account in {held[:8]}, not {CURRENCY}")
        found = self.text("Acct/Id/IBAN") or self.text("Acct/Id/Othr/Id")
        return name(found, "Acct/Id", "account")

    def balance(self, kinds: frozenset[str]) -> tuple[int, tuple[str, str]]:
        """The balance of one of these kinds, in fen; its kind and its day."""
        label = "/".join(sorted(kinds))
        found = [one for one in self._all("Bal") if self.text("Tp/CdOrPrtry/Cd", one) in kinds]
        if len(found) != 1:
            raise StatementFault("Bal", f"{len(found)} balances {label}, not one")
        day = self.text("Dt/Dt", found[0]) or self.text("Dt/DtTm", found[0])
        kind = self.text("Tp/CdOrPrtry/Cd", found[0])
        return self._signed_fen(found[0], f"Bal {label}"), (kind, day)

    def period(self, opened: tuple[str, str], closed: tuple[str, str]) -> tuple[int, int]:
        """From when until when: as told, else by the days of the balances."""
        first, last = self.text("FrToDt/FrDtTm"), self.text("FrToDt/ToDtTm")
        if first and last:
            from_ns = day_ns(first, "FrToDt")
            return from_ns, end_ns(last, "FrToDt", from_ns)
        kind, day = opened
        _, closing_day = closed
        from_ns = day_ns(day, "Bal/Dt", days=int(kind == BEFORE))
        from_ns = min(from_ns, day_ns(closing_day, "Bal/Dt"))
        return from_ns, end_ns(closing_day, "Bal/Dt", from_ns)

    def lines(self) -> Iterator[StatementLine]:
        """Its booked entries, in their order."""
        entries = self._all("Ntry")
        if len(entries) > MAX_LINES:
            raise StatementFault("Ntry", f"{len(entries)} entries, {MAX_LINES} at most")
        for number, entry in enumerate(entries, 1):
            where = f"Ntry[{number}]"
            status = self.text("Sts/Cd", entry) or self.text("Sts", entry)
            if status != BOOKED:
                raise StatementFault(where, f"status {status[:8]!r}: a statement has booked entries only")
            reference = self.text("AcctSvcrRef", entry) or self.text(
                "NtryDtls/TxDtls/Refs/AcctSvcrRef", entry
            )
            yield StatementLine(
                reference=name(reference, where, "reference"), amount_fen=self._signed_fen(entry, where)
            )

    def _signed_fen(self, element: etree._Element, where: str) -> int:
        amounts = self._all("Amt", element)
        if len(amounts) != 1:
            raise StatementFault(where, "no amount, or more than one")
        if amounts[0].get("Ccy") != CURRENCY:
            raise StatementFault(where, f"in {str(amounts[0].get('Ccy'))[:8]}, not {CURRENCY}")
        amount_fen = fen(_text_of(amounts[0], where), where)
        way = self.text("CdtDbtInd", element)
        if way not in (CREDIT, DEBIT):
            raise StatementFault(where, "neither CRDT nor DBIT")
        return amount_fen if way == CREDIT else -amount_fen

    def _all(self, path: str, of: etree._Element | None = None) -> list[etree._Element]:
        spaced = "/".join(f"i:{step}" for step in path.split("/"))
        return (self._statement if of is None else of).findall(spaced, self._space)
