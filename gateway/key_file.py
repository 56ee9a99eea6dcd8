"""The file with the first keys and log-ins of an exchange, for its owner only: the demonstration's, or the first operators'.

The exchange itself keeps no secret in a form that could be read back, so this file is the only place they are in. It
is rewritten at each start with the address in use; keys whose secret nobody has any more are revoked, and a log-in it lacks
is made anew. A key that took another's place stays: whoever rotated has its secret.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from gateway.access.key_ends import end_of
from gateway.access.keys import Algorithm, KeyStore, NewKey, Scope
from gateway.access.passwords import generated
from gateway.access.people import NewPerson
from gateway.access.sign_in import SignIns
from gateway.private_files import write_private

OPERATOR_SCOPES: Final = frozenset({Scope.OPERATE, Scope.APPROVE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Player:
    """Someone who acts with a key, and logs in under the same name."""

    name: str
    scopes: frozenset[Scope]

    @property
    def key_account(self) -> str | None:
        """The account the key acts for, if any."""
        return None


FIRST_OPERATORS: Final = tuple(
    Player(name=name, scopes=OPERATOR_SCOPES) for name in ("operator", "operator2")
)
"""Whom an exchange begins with that is not a demonstration: two, since neither may let the other in alone. Everybody
else is let in by them."""


async def write_keys(
    path: Path,
    url: str,
    players: Sequence[Player],
    keys: KeyStore,
    sign_ins: SignIns,
    *,
    label: str,
    at_ns: int,
) -> None:
    """Write the file with the address in use; keys and passwords it lacks are made."""
    known = _read_participants(path)
    participants = {
        player.name: await _entry(player, known.get(player.name), keys, label=label, at_ns=at_ns)
        for player in players
    }
    logins = await asyncio.gather(
        *(_login(player, known.get(player.name), sign_ins, label=label) for player in players)
    )
    for player, login in zip(players, logins, strict=True):
        participants[player.name]["login"] = login
    written = {entry["key"] for entry in participants.values()}
    for key in keys.all():
        is_lost = key.label == label and key.key_id not in written and key.rotated_from is None
        if is_lost and key.revoked_at_ns is None:
            await keys.revoke(key.key_id, by=label, at_ns=at_ns, only=True)
    content = {"url": url, "participants": participants}
    write_private(path, orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")


def _read_participants(path: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    participants = content.get("participants") if isinstance(content, dict) else None
    return participants if isinstance(participants, dict) else {}


async def _entry(
    player: Player,
    known: Any,  # noqa: ANN401 - JSON
    keys: KeyStore,
    *,
    label: str,
    at_ns: int,
) -> dict[str, Any]:
    found = keys.find(str(known.get("key"))) if isinstance(known, dict) else None
    if found is not None and end_of(found, at_ns) is None and found.scopes == player.scopes:
        return dict(known)
    new = NewKey(
        participant=player.name,
        account=player.key_account,
        algorithm=Algorithm.HMAC_SHA256,
        scopes=player.scopes,
        label=label,
        created_by=label,
    )
    issued = await keys.issue(new, at_ns=at_ns)
    return {
        "account": player.key_account,
        "key": issued.key.key_id,
        "algorithm": Algorithm.HMAC_SHA256.value,
        "secret": issued.secret,
        "scopes": sorted(scope.value for scope in player.scopes),
    }


async def _login(
    player: Player,
    known: Any,  # noqa: ANN401 - JSON
    sign_ins: SignIns,
    *,
    label: str,
) -> dict[str, str]:
    """What the player logs in with; as the file has it, unless it has none."""
    person = sign_ins.people.find(player.name)
    login = known.get("login") if isinstance(known, dict) else None
    if person is not None and isinstance(login, dict) and set(login) == {"name", "password"}:
        return login
    password = generated()
    if person is not None:
        await sign_ins.reset(person, by=label, reason=label, remove_totp=True, password=password)
    else:
        new = NewPerson(
            name=player.name,
            participant=player.name,
            account=player.key_account,
            scopes=player.scopes,
            created_by=label,
        )
        await sign_ins.add(new, password=password)
    return {"name": player.name, "password": password}
