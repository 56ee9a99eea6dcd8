"""A listing: an instrument admitted to listed trading, with the price its first day's band is computed from."""

from dataclasses import dataclass

from settlement.values import AssetCode


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What is fixed when an instrument is listed. All else about its trading is in the rule book."""

    code: AssetCode
    first_reference_price_fen: int
    """Announced; the band applies from the first trade on."""
    demonstration: bool = False
    """Whether the code is made up for demonstrations: no such product has been published."""
