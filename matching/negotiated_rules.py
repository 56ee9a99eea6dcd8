"""Rule-book values that only negotiated transfers have, and how they are read."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_TIER: Final = re.compile(r"(none|\d{1,5})(?: below (\d{1,12}))?", re.ASCII)


class NegotiatedReference(StrEnum):
    """What the price band of a negotiated transfer lies around."""

    SAME_DAY_CLOSE = "same_day_close"
    """The day's listed closing price once the day's listed trading is over, until then the previous close."""
    PREVIOUS_CLOSE = "previous_close"


class NegotiatedReview(StrEnum):
    """Which confirmed transfers the exchange looks at before they are executed."""

    OFF = "off"
    WITHOUT_BAND = "without_band"
    """Those so large that no price band binds them."""
    ALL = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class BandTier:
    """The band of transfers up to a size."""

    below_tonnes: int | None
    """For quantities below this; absent in the last tier, for all that are left."""
    basis_points: int | None
    """To both sides of the reference; absent where no band binds."""


def parse_tiers(text: str) -> tuple[BandTier, ...]:
    """The tiers a rule-book text names, such as `3000 below 500000; none`, by rising size.

    Raises ValueError for a text of another form, sizes that do not rise, or a last tier that leaves sizes without one.
    """
    tiers: list[BandTier] = []
    below_tonnes: int | None = 0
    for part in text.split(";"):
        found = _TIER.fullmatch(part.strip())
        if found is None:
            raise ValueError(f"not a tier: {part.strip()!r}; write `3000 below 500000; none`")
        before_tonnes, below_tonnes = below_tonnes, None if found[2] is None else int(found[2])
        if before_tonnes is None or (below_tonnes is not None and below_tonnes <= before_tonnes):
            raise ValueError(f"sizes do not rise at {part.strip()!r}")
        basis_points = None if found[1] == "none" else int(found[1])
        tiers.append(BandTier(below_tonnes=below_tonnes, basis_points=basis_points))
    if below_tonnes is not None:
        raise ValueError("the last tier must be for all that are left, without a size")
    return tuple(tiers)


def basis_points_for(tiers: tuple[BandTier, ...], quantity_tonnes: int) -> int | None:
    """How wide the band of a transfer of that size is; none where no band binds."""
    return next(
        tier.basis_points
        for tier in tiers
        if tier.below_tonnes is None or quantity_tonnes < tier.below_tonnes
    )
