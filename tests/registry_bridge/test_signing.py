import base64
import errno
import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry_bridge.keys import KeyFileError, create_key, ensure_key, load_signer, load_verifier
from registry_bridge.signing import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    WINDOW_MS,
    Authentic,
    Ed25519Signer,
    Ed25519Verifier,
    HmacKey,
    NotAuthentic,
    RequestVerifier,
    SeenSignatures,
    SignatureFault,
    Verifier,
    canonical_answer,
    canonical_request,
    check_answer,
    parse_timestamp_ms,
    signed_answer_headers,
    signed_headers,
)

NOW_MS = 1_795_314_600_000
HMAC = HmacKey(b"0123456789abcdef")
ED25519 = Ed25519Signer(Ed25519PrivateKey.generate())
REQUEST: dict[str, Any] = {"method": "POST", "target": "/v1/orders?a=1", "body": b'{"x":1}'}


def verifier(**more: Any) -> RequestVerifier:
    keys: dict[str, Verifier] = {"h": HMAC, "e": ED25519.verifier()}
    return RequestVerifier(keys.get, **more)


def check(
    to: RequestVerifier,
    key: str = "h",
    signer: Any = HMAC,
    at_ms: int = NOW_MS,
    now_ms: int = NOW_MS,
    **change: Any,
) -> Authentic | NotAuthentic:
    headers = signed_headers(signer, key=key, timestamp_ms=at_ms, **REQUEST)
    asked = {
        **REQUEST,
        "key": key,
        "timestamp": headers[TIMESTAMP_HEADER],
        "signature": headers[SIGNATURE_HEADER],
        "now_ms": now_ms,
    }
    return to.check(**{**asked, **change})


def fault(outcome: Authentic | NotAuthentic) -> SignatureFault:
    assert isinstance(outcome, NotAuthentic), outcome
    return outcome.fault


def test_the_canonical_string_is_the_published_one() -> None:
    digest = hashlib.sha256(b"{}").hexdigest()
    expected = f"POST\n/v1/orders?a=1\n17\n{digest}".encode()
    assert canonical_request("POST", "/v1/orders?a=1", "17", b"{}") == expected


def test_an_hmac_signature_can_be_made_with_the_standard_library_alone() -> None:
    text = f"POST\n/v1/orders?a=1\n{NOW_MS}\n{hashlib.sha256(REQUEST['body']).hexdigest()}"
    made = base64.b64encode(hmac.new(b"0123456789abcdef", text.encode(), hashlib.sha256).digest()).decode()
    assert check(verifier(), signature=made) == Authentic(key="h", timestamp_ms=NOW_MS)


@pytest.mark.parametrize(("key", "signer"), [("h", HMAC), ("e", ED25519)])
def test_a_signed_request_is_authentic_once(key: str, signer: Any) -> None:
    to = verifier()
    assert check(to, key, signer) == Authentic(key=key, timestamp_ms=NOW_MS)
    assert fault(check(to, key, signer)) is SignatureFault.SIGNATURE_REPLAYED
    assert isinstance(check(to, key, signer, at_ms=NOW_MS + 1), Authentic)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"key": None}, SignatureFault.HEADER_MISSING),
        ({"timestamp": None}, SignatureFault.HEADER_MISSING),
        ({"signature": None}, SignatureFault.HEADER_MISSING),
        ({"key": "nobody"}, SignatureFault.KEY_UNKNOWN),
        ({"timestamp": "soon"}, SignatureFault.TIMESTAMP_MALFORMED),
        ({"timestamp": f"-{NOW_MS}"}, SignatureFault.TIMESTAMP_MALFORMED),
        ({"timestamp": f"0{NOW_MS}"}, SignatureFault.TIMESTAMP_MALFORMED),
        ({"timestamp": "9" * 5000}, SignatureFault.TIMESTAMP_MALFORMED),
        ({"timestamp": "１７９５３１４６００"}, SignatureFault.TIMESTAMP_MALFORMED),
        ({"timestamp": str(NOW_MS + WINDOW_MS + 1)}, SignatureFault.CLOCK_SKEW),
        ({"timestamp": str(NOW_MS + 1)}, SignatureFault.SIGNATURE_WRONG),
        ({"signature": "!"}, SignatureFault.SIGNATURE_MALFORMED),
        ({"signature": "é" * 8}, SignatureFault.SIGNATURE_MALFORMED),
        ({"signature": "A" * 10_000}, SignatureFault.SIGNATURE_MALFORMED),
        ({"signature": ""}, SignatureFault.SIGNATURE_MALFORMED),
        ({"signature": "AAAA"}, SignatureFault.SIGNATURE_WRONG),
        ({"method": "PUT"}, SignatureFault.SIGNATURE_WRONG),
        ({"target": "/v1/orders?a=2"}, SignatureFault.SIGNATURE_WRONG),
        ({"target": "/v1/orders?a=\udcff"}, SignatureFault.SIGNATURE_WRONG),
        ({"body": b'{"x":2}'}, SignatureFault.SIGNATURE_WRONG),
        ({"key": "e"}, SignatureFault.SIGNATURE_WRONG),
    ],
)
def test_the_part_that_failed_is_named(change: dict[str, Any], expected: SignatureFault) -> None:
    assert fault(check(verifier(), **change)) is expected


@pytest.mark.parametrize("skew_ms", [-WINDOW_MS - 1, WINDOW_MS + 1])
def test_a_clock_that_is_off_is_told_by_how_much(skew_ms: int) -> None:
    outcome = check(verifier(), at_ms=NOW_MS + skew_ms)
    assert outcome == NotAuthentic(fault=SignatureFault.CLOCK_SKEW, skew_ms=skew_ms)


@pytest.mark.parametrize("skew_ms", [-WINDOW_MS, WINDOW_MS])
def test_the_window_includes_its_ends(skew_ms: int) -> None:
    assert isinstance(check(verifier(), at_ms=NOW_MS + skew_ms), Authentic)


def test_a_wrong_signature_is_not_remembered() -> None:
    to = verifier()
    check(to, body=b"other")
    assert isinstance(check(to), Authentic)


def test_a_signature_is_remembered_for_as_long_as_it_could_be_accepted() -> None:
    """One made a window ahead of our clock stays acceptable for two windows."""
    to = verifier()
    ahead = NOW_MS + WINDOW_MS
    for step_ms in range(0, 2 * WINDOW_MS + 1, 500):
        check(to, at_ms=NOW_MS + step_ms + 7, now_ms=NOW_MS + step_ms)
        outcome = check(to, at_ms=ahead, now_ms=NOW_MS + step_ms)
        assert isinstance(outcome, Authentic) is (step_ms == 0)


def test_memory_is_bounded_and_a_full_one_refuses() -> None:
    seen = SeenSignatures(capacity=3)
    to = verifier(seen=seen)
    for number in range(3):
        assert isinstance(check(to, at_ms=NOW_MS + number), Authentic)
    assert fault(check(to, at_ms=NOW_MS + 3)) is SignatureFault.SIGNATURES_TOO_MANY
    later = NOW_MS + 5 * WINDOW_MS
    assert isinstance(check(to, at_ms=later, now_ms=later), Authentic)
    assert len(seen) == 1


def test_a_clock_set_back_brings_nothing_forgotten_to_life() -> None:
    to = verifier()
    assert isinstance(check(to), Authentic)
    later = NOW_MS + 100 * WINDOW_MS
    assert isinstance(check(to, at_ms=later, now_ms=later), Authentic)
    assert fault(check(to)) is SignatureFault.SIGNATURE_REPLAYED


@pytest.mark.parametrize("text", ["", " 1", "1.0", "+1", "1e3", "0", "1" * 16])
def test_timestamps_are_plain_digits(text: str) -> None:
    assert parse_timestamp_ms(text) is None


def answered(**change: Any) -> int | NotAuthentic:
    given: dict[str, Any] = {"status": 200, "target": "/t", "body": b"ok", "request_signature": "c2ln"}
    headers = signed_answer_headers(ED25519, timestamp_ms=NOW_MS, **given)
    asked = {
        **given,
        "timestamp": headers[TIMESTAMP_HEADER],
        "signature": headers[SIGNATURE_HEADER],
    }
    return check_answer(ED25519.verifier(), **{**asked, **change})


def test_an_answer_is_bound_to_its_request() -> None:
    assert answered() == NOW_MS
    for change in (
        {"status": 404},
        {"target": "/other"},
        {"body": b"no"},
        {"timestamp": str(NOW_MS + 1)},
        {"request_signature": "b3RoZXI="},
    ):
        assert answered(**change) == NotAuthentic(fault=SignatureFault.SIGNATURE_WRONG)
    assert answered(signature=None) == NotAuthentic(fault=SignatureFault.HEADER_MISSING)
    assert answered(timestamp="x") == NotAuthentic(fault=SignatureFault.TIMESTAMP_MALFORMED)
    assert answered(signature="?") == NotAuthentic(fault=SignatureFault.SIGNATURE_MALFORMED)


def test_an_answer_can_never_be_taken_for_a_request() -> None:
    assert canonical_answer(200, "/t", "1", b"", "").startswith(b"ANSWER\n")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        HmacKey(b"short")


def test_a_raw_public_key_verifies() -> None:
    key = Ed25519PrivateKey.generate()
    raw = Ed25519Verifier.from_raw(key.public_key().public_bytes_raw())
    assert raw.verify(b"m", Ed25519Signer(key).sign(b"m"))
    assert not raw.verify(b"m", b"short")


def test_keys_live_in_files_only_their_owner_reads(tmp_path: Path) -> None:
    private, public = tmp_path / "k.pem", tmp_path / "k.pub"
    create_key(private, public)
    assert private.stat().st_mode & 0o777 == 0o600
    assert load_verifier(public).verify(b"m", load_signer(private).sign(b"m"))
    with pytest.raises(FileExistsError):
        create_key(private, public)
    assert ensure_key(private, public).sign(b"m") == load_signer(private).sign(b"m")


@pytest.mark.parametrize("written", [0, 1])
def test_a_full_disk_leaves_no_half_a_key_and_the_next_start_makes_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    private, public, done = tmp_path / "k.pem", tmp_path / "k.pub", list[int]()

    def full(descriptor: int) -> None:
        done.append(descriptor)
        if len(done) > written:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("registry_bridge.keys.os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            ensure_key(private, public)
    assert [file.name for file in tmp_path.iterdir()] == ["k.pem"][:written]
    signature = ensure_key(private, public).sign(b"m")
    assert load_verifier(public).verify(b"m", signature)


@pytest.mark.parametrize("content", [None, b"", b"nonsense", "public"])
def test_a_file_without_a_key_is_named_but_not_quoted(tmp_path: Path, content: Any) -> None:
    file = tmp_path / "k.pem"
    if content == "public":
        create_key(tmp_path / "other.pem", file)
    elif content is not None:
        file.write_bytes(content)
    with pytest.raises(KeyFileError, match=r"k\.pem"):
        load_signer(file)
    if content != "public":
        with pytest.raises(KeyFileError, match=r"k\.pem"):
            load_verifier(file)
