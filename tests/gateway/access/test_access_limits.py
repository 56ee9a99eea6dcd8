"""A bucket never gives more than its quota in any window, and gives it all again after a pause."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.keys import Scope
from gateway.access.limits import NS, ActionKind, Quota, RateLimits, bucket_of, bucket_of_stranger
from gateway.access.lockout import network_of

ORDER, CANCEL = ActionKind.ORDER, ActionKind.CANCEL


@given(
    st.integers(1, 20),
    st.integers(1, 60),
    st.lists(st.integers(0, 5 * NS), min_size=1, max_size=200),
)
def test_no_window_gives_more_than_twice_the_quota_and_none_at_once_more_than_it(
    quota: int, window_s: int, pauses_ns: list[int]
) -> None:
    limits = RateLimits({ORDER: Quota(quota=quota, window_s=window_s)})
    now_ns = 10**18
    granted: list[int] = []
    for pause_ns in pauses_ns:
        now_ns += pause_ns
        allowance = limits.take("a", ORDER, now_ns)
        assert allowance is not None
        if not allowance.retry_after_s:
            granted.append(now_ns)
        else:
            assert granted, "the first is always granted"
            later = limits.look("a", ORDER, now_ns + allowance.retry_after_s * NS)
            assert later is not None
            assert later.remaining >= 1
    for begin in granted:
        inside = sum(begin <= at < begin + window_s * NS for at in granted)
        assert inside <= 2 * quota
        assert sum(at == begin for at in granted) <= quota


def test_a_whole_quota_at_once_then_one_at_a_time() -> None:
    limits = RateLimits({ORDER: Quota(quota=4, window_s=2)})
    at_ns = 10**18
    left = [limits.take("a", ORDER, at_ns) for _ in range(5)]
    assert [allowance.remaining for allowance in left if allowance is not None] == [3, 2, 1, 0, 0]
    refused = left[-1]
    assert refused is not None
    assert refused.retry_after_s == 1
    granted = limits.take("a", ORDER, at_ns + NS // 2)
    assert granted is not None
    assert granted.retry_after_s == 0


def test_owners_and_kinds_do_not_share_and_an_absent_kind_is_not_limited() -> None:
    limits = RateLimits({ORDER: Quota(quota=1, window_s=60)})
    at_ns = 10**18
    assert limits.take("a", CANCEL, at_ns) is None
    for owner in ("a", "b"):
        first, second = limits.take(owner, ORDER, at_ns), limits.take(owner, ORDER, at_ns)
        assert first is not None
        assert second is not None
        assert (first.retry_after_s, second.retry_after_s > 0) == (0, True)


def test_more_than_the_quota_is_granted_only_to_a_full_bucket() -> None:
    limits = RateLimits({ORDER: Quota(quota=10, window_s=1)})
    at_ns = 10**18
    first = limits.take("a", ORDER, at_ns, cost=20)
    second = limits.take("a", ORDER, at_ns)
    assert first is not None
    assert second is not None
    assert (first.retry_after_s, first.remaining, second.retry_after_s) == (0, 0, 2)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("", ""),
    ],
)
def test_a_subscriber_of_ipv6_is_one_address_and_of_ipv4_each_is(address: str, network: str) -> None:
    assert network_of(address) == network


@dataclass(frozen=True)
class Somebody:
    """As much of a caller as its buckets depend on."""

    participant: str
    account: str | None
    caller_id: str = "k"
    program: str = "k"
    scopes: frozenset[Scope] = frozenset()
    made_alone_by: str | None = None


def test_an_account_a_participant_and_an_address_of_one_name_share_no_bucket() -> None:
    owner, member = Somebody("p", "10.0.0.1"), Somebody("10.0.0.1", None)
    buckets = [bucket_of(owner), bucket_of(member), bucket_of_stranger("10.0.0.1")]
    assert len(set(buckets)) == 3
    assert bucket_of(Somebody("another", "10.0.0.1")) == buckets[0]
    limits = RateLimits({ORDER: Quota(quota=1)})
    for bucket in buckets:
        allowance = limits.take(bucket, ORDER, 10**18)
        assert allowance is not None
        assert not allowance.retry_after_s
