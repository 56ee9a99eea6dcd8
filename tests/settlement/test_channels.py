"""The matrix of uses: read from text, and never open to Class II for compliance."""

import pytest

from settlement.channels import Channel, allows, parse_channels
from settlement.lot import MethodologyClass
from settlement.retirement import RetirementPurpose

I, II = MethodologyClass.I, MethodologyClass.II  # noqa: E741 - the regulation's own names


def test_a_matrix_is_read_from_text() -> None:
    channels = parse_channels(" I: compliance_offset, donation ;II:donation,")
    assert channels == ((I, (Channel.COMPLIANCE_OFFSET, Channel.DONATION)), (II, (Channel.DONATION,)))
    assert allows(channels, I, Channel.COMPLIANCE_OFFSET)
    assert not allows(channels, I, Channel.VOLUNTARY_OFFSET)
    assert allows(channels, II, Channel.DONATION)
    assert not allows(channels, II, Channel.COMPLIANCE_OFFSET)


def test_a_class_that_is_not_named_serves_nothing() -> None:
    channels = parse_channels("II: donation")
    assert not any(allows(channels, I, channel) for channel in Channel)
    assert not any(allows((), one, channel) for one in MethodologyClass for channel in Channel)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I",
        "III: donation",
        "I: gambling",
        "I: donation; I: donation",
        "I: donation, donation",
        "II: compliance_offset",
        "I: compliance_offset; II: donation, compliance_offset",
    ],
)
def test_what_cannot_be_meant_is_not_read(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the rule book tells which parameter it was
        parse_channels(text)


def test_every_purpose_is_a_channel_and_compliance_is_none_of_them() -> None:
    purposes = {purpose.value for purpose in RetirementPurpose}
    assert {channel.value for channel in Channel} == purposes | {"compliance_offset"}
    assert "compliance_offset" not in purposes
