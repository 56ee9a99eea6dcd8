"""Does with a running exchange everything in which a secret is said, rightly and wrongly, and keeps what was secret and what was told.

What was told is every answer that has no secret to give, what the processes wrote, what they measure, and how they were called. No
secret may be found there: as it is, percent-encoded, in base64 or in hex.
"""

import base64
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

import httpx
import psutil
import pyotp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from websockets.sync.client import connect

from registry_bridge.signing import Ed25519Signer, HmacKey, Signer, signed_headers

LEAST_CHARS: Final = 6
"""What is shorter is found anywhere by chance. Codes of six digits are searched for between other characters."""


@dataclass
class Said:
    """One exchange, what was secret there, and what it told."""

    url: str
    http: httpx.Client
    secrets: dict[str, str] = field(default_factory=dict)
    """The secret → what it is."""
    told: list[tuple[str, str]] = field(default_factory=list)
    """Where, and what."""

    def secret(self, what: str, text: str) -> str:
        assert len(text) >= LEAST_CHARS, what
        self.secrets[text] = what
        return text

    def send(
        self, method: str, target: str, body: Any = None, *, gives: str = "", **headers: str
    ) -> httpx.Response:
        """One request; its answer is told to somebody unless it `gives` a secret to whom it is for."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        answer = self.http.request(method, self.url + target, content=content, headers=headers)
        if not gives or not answer.is_success:
            self.told.append((f"answer to {method} {target}", f"{answer.headers} {answer.text}"))
        return answer

    def signed(
        self,
        key: str,
        signer: Signer,
        method: str,
        target: str,
        body: Any = None,
        *,
        gives: str = "",
        **more: str,
    ) -> httpx.Response:
        content = b"" if body is None else json.dumps(body).encode()
        now_ms = time.time_ns() // 1_000_000
        headers = signed_headers(
            signer, key=key, method=method, target=target, timestamp_ms=now_ms, body=content
        )
        self.secret("signature", headers["X-Signature"])
        return self.send(method, target, content or None, gives=gives, **{**headers, **more})

    def found(self) -> Iterator[str]:
        """Each secret that was told, and where."""
        for text, what in self.secrets.items():
            for form in forms(text):
                for where, told in self.told:
                    if form in told:
                        at = told.index(form)
                        yield f"{what} in {where}: …{told[max(0, at - 120) : at + 40]}…"


def forms(text: str) -> Iterable[str]:
    """How a secret may be written."""
    raw = text.encode()
    return {
        text,
        quote(text, safe=""),
        quote_plus(text),
        json.dumps(text)[1:-1],
        # Its beginning, which base64 writes alike whatever follows.
        base64.b64encode(raw).decode().rstrip("=")[:-1],
        base64.urlsafe_b64encode(raw).decode().rstrip("=")[:-1],
        raw.hex(),
    }


def say_everything(url: str, keys: dict[str, Any], database_password: str) -> Said:
    """Log in and fail to, make keys and use them well and badly, send what has no shape."""
    with httpx.Client(timeout=30) as http:
        said = Said(url, http)
        said.secret("database password", database_password)
        people = keys["participants"]
        for name, entry in people.items():
            said.secret(f"HMAC secret of {name}", entry["secret"])
            said.secret(f"HMAC key of {name}", base64.b64decode(entry["secret"]).hex())
            said.secret(f"password of {name}", entry["login"]["password"])
        operator = people["operator"]
        signer = HmacKey(base64.b64decode(operator["secret"]))
        _people(said, operator["key"], signer)
        _keys(said, operator["key"], signer, people)
        _nonsense(said, people)
        _stream(said, people["buyer"])
        return said


def _people(said: Said, operator: str, signer: Signer) -> None:
    """Somebody is let in, changes the password, enrols an authenticator, fails at everything, is reset."""
    new = {"person": "li.hua", "participant": "buyer", "account": "A-buyer", "scopes": ["read", "trade"]}
    added = said.signed(operator, signer, "POST", "/v1/operator/people", new, gives="password")
    assert added.status_code == 201, added.text
    first = said.secret("one-time password", added.json()["one_time_password"])
    wrong = said.secret("wrong password", "Wr0ng-&=+Пароль/guess")
    said.send("POST", "/v1/session", {"name": "li.hua", "password": wrong})
    said.send("POST", "/v1/session", {"name": wrong, "password": first})  # a password where a name belongs
    page = _log_in(said, "li.hua", first)
    chosen = said.secret("chosen password", "новый-Chosen-pass/+=&phrase")
    changed = said.send(
        "POST", "/v1/session/password", {"password": first, "new_password": chosen}, gives="csrf", **page
    )
    assert changed.is_success, changed.text
    page = _log_in(said, "li.hua", chosen)
    begun = said.send("POST", "/v1/session/totp", {"password": chosen}, gives="totp", **page).json()
    totp = pyotp.TOTP(said.secret("authenticator's secret", begun["secret"]))
    code = said.secret("code", totp.now())
    said.send("POST", "/v1/session/totp/confirm", {"code": said.secret("wrong code", "019283")}, **page)
    confirmed = said.send("POST", "/v1/session/totp/confirm", {"code": code}, gives="codes", **page)
    for recovery in confirmed.json()["recovery_codes"]:
        said.secret("recovery code", recovery)
    said.send("POST", "/v1/session", {"name": "li.hua", "password": chosen, "code": code})  # used before
    said.send("POST", "/v1/session", {"name": "li.hua", "password": chosen})
    said.send("POST", "/v1/session", {"name": "li.hua", "password": chosen, "code": recovery}, gives="csrf")
    said.send("POST", "/v1/session/totp/remove", {"password": wrong, "code": code}, **page)
    said.send(
        "DELETE",
        "/v1/session",
        **{**page, "X-CSRF-Token": said.secret("forged token", "forged-csrf-token-77")},
    )
    said.send(
        "GET", "/v1/session", Cookie=f"puhui_session={said.secret('forged cookie', 'forgedCookie0123456789')}"
    )
    reset = {"reason": "forgot it", "remove_totp": True}
    again = said.signed(operator, signer, "POST", "/v1/operator/people/li.hua/reset", reset, gives="password")
    said.secret("password after a reset", again.json()["one_time_password"])


def _log_in(said: Said, name: str, password: str) -> dict[str, str]:
    """The headers of what a page sends after a log-in."""
    said.http.cookies.clear()
    answer = said.send("POST", "/v1/session", {"name": name, "password": password}, gives="csrf")
    assert answer.status_code == 201, answer.text
    token = said.secret("session", answer.cookies["puhui_session"])
    csrf = said.secret("CSRF token", answer.json()["csrf"])
    return {"Cookie": f"puhui_session={token}", "X-CSRF-Token": csrf, "Origin": said.url}


def _keys(said: Said, operator: str, signer: Signer, people: dict[str, Any]) -> None:
    """Keys of both kinds are made, used well and badly, and revoked; somebody's secret is sent where it does not belong."""
    asked = {"participant": "buyer", "account": "A-buyer", "algorithm": "hmac-sha256", "scopes": ["read"]}
    made = said.signed(operator, signer, "POST", "/v1/operator/keys", asked, gives="secret").json()
    secret = said.secret("new HMAC secret", made["secret"])
    own = HmacKey(base64.b64decode(secret))
    assert said.signed(made["key"], own, "POST", "/v1/auth/check").is_success
    said.signed(
        made["key"],
        own,
        "GET",
        "/v1/account",
        **{"X-Signature": said.secret("forged signature", "Zm9yZ2Vk" * 5)},
    )
    said.signed(made["key"], HmacKey(b"another secret of 32 bytes or so"), "GET", "/v1/account")
    said.signed(operator, signer, "DELETE", f"/v1/operator/keys/{made['key']}")
    said.signed(made["key"], own, "GET", "/v1/account")
    private = Ed25519PrivateKey.generate()
    raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    said.secret("Ed25519 key", base64.b64encode(raw).decode())
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    asked |= {"algorithm": "ed25519", "public_key": base64.b64encode(public).decode()}
    made = said.signed(operator, signer, "POST", "/v1/operator/keys", asked).json()
    assert said.signed(made["key"], Ed25519Signer(private), "POST", "/v1/auth/check").is_success
    # What a program sends that mixes things up.
    said.signed(
        operator, signer, "POST", "/v1/operator/keys", asked | {"public_key": people["bank"]["secret"][:20]}
    )
    said.send(
        "GET", "/v1/account", **{"X-Key": people["bank"]["secret"], "X-Timestamp": "1", "X-Signature": secret}
    )
    said.send("GET", "/v1/account", Authorization=f"Bearer {secret}")
    bank = HmacKey(base64.b64decode(people["bank"]["secret"]))
    deposit = {"client_id": "d-1", "account": "A-buyer", "amount": "1.00", "bank_reference": "B-1"}
    assert said.signed(people["bank"]["key"], bank, "POST", "/v1/bank/deposits", deposit).is_success


def _nonsense(said: Said, people: dict[str, Any]) -> None:
    """Bodies and addresses that have no shape and hold secrets all the same."""
    password = people["seller"]["login"]["password"]
    for body in (
        b'{"name": "seller", "password": "' + password.encode(),
        {"name": "seller", "password": [password]},
        {"name": "seller", "password": {"is": password}},
        {"name": "seller", "password": password, "code": password},
        {"name": "seller", "passwort": password},
        {"name": "seller", "password": password * 200},
        [password],
        password,
        password.encode() + b"\xff\x00",
    ):
        said.send("POST", "/v1/session", body)
    for target in ("/v1/account?password=", "/v1/status?secret=", "/v1/session?token="):
        said.send("GET", target + quote(password, safe=""))
        said.told[-1] = (target, said.told[-1][1])


def _stream(said: Said, buyer: dict[str, Any]) -> None:
    """Log on rightly and wrongly."""
    signer = HmacKey(base64.b64decode(buyer["secret"]))
    for made_by in (HmacKey(b"another secret of 32 bytes or so"), signer):
        now_ms = time.time_ns() // 1_000_000
        headers = signed_headers(
            made_by, key=buyer["key"], method="GET", target="/v1/ws", timestamp_ms=now_ms, body=b""
        )
        signature = said.secret("signature of a log-on", headers["X-Signature"])
        with connect(said.url.replace("http", "ws") + "/v1/ws") as socket:
            for asked in (
                {"op": "logon", "id": "a", "key": buyer["key"], "timestamp": now_ms, "signature": signature},
                {
                    "op": "logon",
                    "id": "b",
                    "key": buyer["key"],
                    "timestamp": now_ms,
                    "signature": [buyer["secret"]],
                },
                {"op": "logon", "id": "c", "csrf": buyer["secret"]},
                {"op": "logon", "id": "d", "password": buyer["login"]["password"]},
            ):
                socket.send(json.dumps(asked))
                said.told.append((f"answer to a log-on {asked['id']}", str(socket.recv(timeout=30))))


def secrets_on_disk(said: Said, data_dir: Path) -> None:
    """The keys of the registry line, and what seals secrets in the database."""
    for path in (*data_dir.rglob("*.pem"), data_dir / "seal.key"):
        if not path.name.endswith(".pub.pem"):
            content = path.read_bytes().strip()
            lines = [line for line in content.splitlines() if b"-----" not in line]
            said.secret(path.name, lines[0].decode("latin-1"))


def read_what_was_told(said: Said, data_dir: Path, *more: Path) -> None:
    """What the processes wrote and measure, and how they were called."""
    said.told.append(("metrics", httpx.get(f"{said.url}/metrics").text))
    for path in (*more, *data_dir.rglob("*.log"), *data_dir.rglob("*.log.*")):
        said.told.append((str(path), path.read_text(errors="replace")))
    for process in psutil.Process().children(recursive=True):
        said.told.append((f"command line {process.pid}", " ".join(process.cmdline())))
