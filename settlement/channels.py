"""What units may be used for, by class of their methodology (减排量消纳渠道; Measures 2023, Art. 29).

The matrix is rule-book data. Whatever the data says, Class II never serves compliance: such a text is not read, and
the compliance offset takes eligible lots only (`settlement.eligibility`).
"""

from enum import StrEnum
from typing import TypeAlias

from settlement.lot import MethodologyClass


class Channel(StrEnum):
    """Everything units can be used up for."""

    COMPLIANCE_OFFSET = "compliance_offset"
    """履约抵销: against an entity's obligation in the allowance market. Class I only."""
    VOLUNTARY_OFFSET = "voluntary_offset"
    """自愿碳抵消: of one's own operation, a meeting or an event (Art. 31)."""
    VOLUNTARY_CANCELLATION = "voluntary_cancellation"
    """自愿碳注销 (Art. 31)."""
    DONATION = "donation"
    """公益捐赠: to a public-welfare account, or cancelled for the common good (Art. 31)."""
    DAMAGE_COMPENSATION = "damage_compensation"
    """生态环境损害赔偿: replacement for a damage to the environment (Art. 32)."""


Channels: TypeAlias = tuple[tuple[MethodologyClass, tuple[Channel, ...]], ...]
"""For each class, what its units may be used for."""


def parse_channels(text: str) -> Channels:
    """Read `I: compliance_offset, donation; II: donation`. Raises ValueError for what cannot be meant."""
    found: dict[MethodologyClass, tuple[Channel, ...]] = {}
    for part in text.split(";"):
        name, colon, listed = part.partition(":")
        methodology_class = MethodologyClass(name.strip())
        if not colon or methodology_class in found:
            raise ValueError("each class once, with a colon and its uses: I: donation; II: donation")
        channels = tuple(Channel(word.strip()) for word in listed.split(",") if word.strip())
        if len(channels) != len(set(channels)):
            raise ValueError(f"a use of class {methodology_class} is named twice")
        found[methodology_class] = channels
    if Channel.COMPLIANCE_OFFSET in found.get(MethodologyClass.II, ()):
        raise ValueError("Class II never serves compliance (Measures 2023, Art. 29)")
    return tuple(found.items())


def allows(channels: Channels, methodology_class: MethodologyClass, channel: Channel) -> bool:
    """Whether units of that class may be used for that."""
    return any(listed is methodology_class and channel in uses for listed, uses in channels)
