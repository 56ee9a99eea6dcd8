"""Statements and bulletins to be printed, made up but of the shape that is handed out."""

from typing import Any

from gateway.engine.history.statement_body import digest_of


def long_statement(lines: int, lots: int) -> dict[str, Any]:
    """A statement of a busy day: as many deliveries of a tonne at ¥68.50, out of as many lots."""
    settled = [
        {
            "time": f"2026-11-23T15:{number // 60 % 60:02}:{number % 60:02}.000000+08:00",
            "kind": "delivery",
            "reference": str(number),
            "listing": "SHCERCIR1",
            "quantity": "1",
            "amount": "-68.50",
            "counterparty": f"卖方{number % 7}",
        }
        for number in range(1, lines + 1)
    ]
    events = [
        {
            "event_id": 1,
            "type": "order_accepted",
            "time": "2026-11-23T09:30:00.000000+08:00",
            "order_id": "17",
            "listing": "SHCERCIR1",
            "side": "buy",
            "price": "68.50",
            "quantity": str(lines),
            "remaining": str(lines),
        }
    ]
    fen = lines * 6_850
    body = {
        "account": "buyer",
        "participant": "上海某某有限公司",
        "trading_day": "2026-11-23",
        "first_entry": 2,
        "last_entry": 4_711,
        "closed_at": "2026-11-23T15:10:00.000000+08:00",
        "opening": {"cash": "1000000.00", "units": {}},
        "closing": {
            "cash": f"{(100_000_000 - fen) // 100}.{(100_000_000 - fen) % 100:02}",
            "units": {"SHCERCIR1": str(lines)},
        },
        "fees": "0.00",
        "settled": settled,
        "events": events,
        "lots": [
            {
                "lot": f"SH-2025-{lot:04}",
                "listing": "SHCERCIR1",
                "serials": [
                    [1_000_000 * lot + 10 * part, 1_000_000 * lot + 10 * part + 1]
                    for part in range(lines // lots)
                ],
                "quantity": str(lines // lots),
            }
            for lot in range(1, lots + 1)
        ],
        "journal_digest": "ab" * 32,
    }
    return {**body, "digest": digest_of(body)}


def bulletin(first: str = "2026-11-23", last: str = "2026-11-23") -> dict[str, Any]:
    """A bulletin with a figure, one held over, and nothing."""
    line: dict[str, Any] = {
        "listing": "SHCERCIR1",
        "open": "68.00",
        "high": "69.50",
        "low": "67.00",
        "close": "67.75",
        "change": "-0.25",
        "listed_volume": "300",
        "listed_turnover": "20325.00",
        "negotiated_volume": "1200",
        "negotiated_turnover": "80400.00",
        "cumulative_volume": "1500",
        "cumulative_turnover": "100725.00",
    }
    nothing: dict[str, Any] = dict.fromkeys(("open", "high", "low"))
    retired: list[dict[str, Any]] = [
        {"purpose": "compliance_offset", "quantity": "1234", "since": "2026-11-20", "held_over": False},
        {"purpose": "voluntary_offset", "quantity": None, "since": None, "held_over": True},
        {"purpose": "donation", "quantity": "0", "since": None, "held_over": False},
    ]
    return {
        "date": last,
        "from": first,
        "published_at": "2026-11-23T15:10:00.000000+08:00",
        "listings": [line, {**line, **nothing, "listing": "SHCERCIIR1"}],
        "retired": [{**one, "cumulative": "1234"} for one in retired],
    }
