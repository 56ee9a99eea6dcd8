"""What trades make of a day: open, high, low, last, volume, turnover. Listed and negotiated ones are kept apart."""

from dataclasses import dataclass

from settlement.values import TradeId


@dataclass(frozen=True, kw_only=True, slots=True)
class Print:
    """One trade of the day, as far as prices go."""

    trade_id: TradeId
    price_fen: int
    quantity_tonnes: int


class DayPrices:
    """What trades of one method have made of the day so far."""

    __slots__ = ("high_fen", "low_fen", "prints", "turnover_fen", "volume_tonnes")

    def __init__(self, prints: tuple[Print, ...] = ()) -> None:
        """The prices these trades make, oldest first."""
        self.prints: list[Print] = []
        self.high_fen: int | None = None
        self.low_fen: int | None = None
        self.volume_tonnes = 0
        self.turnover_fen = 0
        for one in prints:
            self.trade(one)

    @property
    def open_fen(self) -> int | None:
        """The first trade's price."""
        return self.prints[0].price_fen if self.prints else None

    @property
    def last_fen(self) -> int | None:
        """The latest trade's price."""
        return self.prints[-1].price_fen if self.prints else None

    def trade(self, one: Print) -> None:
        """Count one more trade."""
        price_fen = one.price_fen
        self.prints.append(one)
        self.high_fen = price_fen if self.high_fen is None else max(self.high_fen, price_fen)
        self.low_fen = price_fen if self.low_fen is None else min(self.low_fen, price_fen)
        self.volume_tonnes += one.quantity_tonnes
        self.turnover_fen += price_fen * one.quantity_tonnes

    def without(self, trade_id: TradeId) -> "DayPrices":
        """The same day without one trade."""
        return DayPrices(tuple(one for one in self.prints if one.trade_id != trade_id))
