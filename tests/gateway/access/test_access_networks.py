"""Networks a key may be used from: as they are written, and who lies in them."""

import pytest

from gateway.access.networks import is_within, read_network


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.113.9", "203.0.113.9/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
    ],
)
def test_a_network_is_read(written: str, read: str) -> None:
    assert str(read_network(written)) == read


@pytest.mark.parametrize(
    "written", ["", "203.0.113.9/24", "203.0.113", "2001:db8::1/32", "fe80::%eth0/64", "any", "10.0.0.0/33"]
)
def test_what_is_no_network_is_not_read(written: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_network(written)


@pytest.mark.parametrize(
    ("address", "is_in"),
    [
        ("203.0.113.255", True),
        ("::ffff:203.0.113.1", True),
        ("203.0.114.0", False),
        ("2001:db8:ffff::1", True),
        ("2001:db9::", False),
        ("::1", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_an_address_lies_in_a_network_or_not(address: str, *, is_in: bool) -> None:
    networks = (read_network("203.0.113.0/24"), read_network("2001:db8::/32"))
    assert is_within(address, networks) is is_in
