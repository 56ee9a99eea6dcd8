"""Who acts comes from demo.json or from a private file; a file others can read is refused."""

import base64
import json
from pathlib import Path

import pytest

from gateway.cli.faults import CommandFault
from gateway.cli.identity import Target, load_signer
from registry_bridge.keys import create_key, load_verifier
from registry_bridge.signing import HmacKey

SECRET = b"0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    participant = {
        "account": "A",
        "key": "k-buyer",
        "algorithm": "hmac-sha256",
        "secret": base64.b64encode(SECRET).decode(),
    }
    content = {
        "url": "http://127.0.0.1:1/",
        "participants": {"buyer": participant, "seller": participant | {"key": "k-seller"}},
    }
    (tmp_path / "demo.json").write_text(json.dumps(content))
    return tmp_path


def test_the_usual_participant_acts_unless_another_is_named(data_dir: Path) -> None:
    assert Target(data_dir=data_dir).find_credentials("buyer").key == "k-buyer"
    assert Target(data_dir=data_dir, act_as="seller").find_credentials("buyer").key == "k-seller"
    assert Target(data_dir=data_dir).find_credentials("buyer").signer.sign(b"m") == HmacKey(SECRET).sign(b"m")


def test_the_address_is_that_of_demo_json_or_the_one_named(data_dir: Path) -> None:
    assert Target(data_dir=data_dir).find_url() == "http://127.0.0.1:1"
    assert Target(data_dir=data_dir, url="http://exchange.example/").find_url() == "http://exchange.example"


def test_somebody_unknown_is_refused_with_those_there_are(data_dir: Path) -> None:
    with pytest.raises(CommandFault, match="there are buyer, seller"):
        Target(data_dir=data_dir, act_as="nobody").find_credentials("buyer")


def test_without_demo_json_one_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CommandFault, match="puhui serve --demo"):
        Target(data_dir=tmp_path).find_url()


def test_a_broken_demo_json_is_a_sentence_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text("[]")
    with pytest.raises(CommandFault, match="not an object"):
        Target(data_dir=tmp_path).find_url()


def test_a_secret_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_text(base64.b64encode(SECRET).decode() + "\n")
    target = Target(key="k-own", secret_file=path)
    assert target.find_credentials("buyer").key == "k-own"
    assert target.find_credentials("buyer").signer.sign(b"m") == HmacKey(SECRET).sign(b"m")


def test_an_ed25519_key_of_ones_own(tmp_path: Path) -> None:
    create_key(tmp_path / "own.pem", tmp_path / "own.pub.pem")
    signature = load_signer(tmp_path / "own.pem").sign(b"m")
    assert load_verifier(tmp_path / "own.pub.pem").verify(b"m", signature)


def test_a_secret_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("c2VjcmV0")
    path.chmod(0o644)
    with pytest.raises(CommandFault, match="chmod 600"):
        load_signer(path)


@pytest.mark.parametrize(
    "content", ["not base64!", "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_secret_is_refused_without_being_quoted(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(CommandFault) as fault:
        load_signer(path)
    assert "not base64!" not in str(fault.value)
    assert "PRIVATE KEY-----" not in str(fault.value)


def test_a_key_without_its_file_is_refused() -> None:
    with pytest.raises(CommandFault, match="go together"):
        Target(key="k-own").find_credentials("buyer")
