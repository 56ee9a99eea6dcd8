"""Bank statements as files, made from what they should say."""

from collections.abc import Sequence

OURS = "DEMO-SETTLEMENT-1"
Line = tuple[str, int]
"""A reference, and fen; below zero where money left."""


def yuan(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def camt053(
    lines: Sequence[Line],
    *,
    number: str = "2026-11-23-1",
    account: str = OURS,
    day: str = "2026-11-23",
    opening_fen: int = 0,
    closing_fen: int | None = None,
    version: str = "08",
) -> bytes:
    closing = opening_fen + sum(fen for _, fen in lines) if closing_fen is None else closing_fen
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">
  <BkToCstmrStmt>
    <GrpHdr><MsgId>M-{number}</MsgId><CreDtTm>{day}T18:00:00+08:00</CreDtTm></GrpHdr>
    <Stmt>
      <Id>{number}</Id>
      <FrToDt><FrDtTm>{day}T00:00:00+08:00</FrDtTm><ToDtTm>{day}T23:59:59+08:00</ToDtTm></FrToDt>
      <Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>
      {_balance("OPBD", opening_fen, day)}
      {_balance("CLBD", closing, day)}
      {"".join(_entry(number, line, day) for number, line in enumerate(lines, 1))}
    </Stmt>
  </BkToCstmrStmt>
</Document>
""".encode()


def _balance(kind: str, fen: int, day: str) -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_money(fen)}<Dt><Dt>{day}</Dt></Dt></Bal>"


def _entry(number: int, line: Line, day: str) -> str:
    reference, fen = line
    return (
        f"<Ntry><NtryRef>{number}</NtryRef>{_money(fen)}<Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef></Ntry>"
    )


def _money(fen: int) -> str:
    way = "DBIT" if fen < 0 else "CRDT"
    return f'<Amt Ccy="CNY">{yuan(abs(fen))}</Amt><CdtDbtInd>{way}</CdtDbtInd>'


def csv(
    lines: Sequence[Line],
    *,
    number: str = "2026-11-23-1",
    account: str = OURS,
    day: str = "2026-11-23",
    opening_fen: int = 0,
    closing_fen: int | None = None,
) -> bytes:
    closing = opening_fen + sum(fen for _, fen in lines) if closing_fen is None else closing_fen
    head = [
        ("statement", number),
        ("account", account),
        ("from", day),
        ("to", day),
        ("opening", yuan(opening_fen)),
        ("closing", yuan(closing)),
        ("reference", "amount"),
    ]
    entries = [(reference, yuan(fen)) for reference, fen in lines]
    return "".join(f"{key},{value}\r\n" for key, value in [*head, *entries]).encode()
