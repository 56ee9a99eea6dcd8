"""The file that holds the first keys of an exchange, for its owner only: the demonstration's, or the first operator's.

The exchange itself keeps no secret in a form that could be read back, so this file is the only place they are in. It
is rewritten at each start with the address in use; keys whose secret nobody has any more are revoked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from gateway.access.keys import Algorithm, KeyStore, NewKey, Scope
from gateway.config import write_private

OPERATOR_SCOPES: Final = frozenset({Scope.OPERATE, Scope.APPROVE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Player:
    """Someone who acts with a key."""

    name: str
    scopes: frozenset[Scope]

    @property
    def key_account(self) -> str | None:
        """The account the key acts for, if any."""
        return None


FIRST_OPERATOR: Final = (Player(name="operator", scopes=OPERATOR_SCOPES),)
"""Whom an exchange begins with that is not a demonstration; everybody else's keys are issued by the operator."""


async def write_keys(
    path: Path, url: str, players: Sequence[Player], keys: KeyStore, *, label: str, at_ns: int
) -> None:
    """Write the file with the address in use; keys it lacks are made."""
    known = _read_participants(path)
    participants = {
        player.name: await _entry(player, known.get(player.name), keys, label=label, at_ns=at_ns)
        for player in players
    }
    written = {entry["key"] for entry in participants.values()}
    for key in keys.all():
        if key.label == label and key.key_id not in written and key.revoked_at_ns is None:
            await keys.revoke(key.key_id, by=label, at_ns=at_ns)
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
    if found is not None and found.revoked_at_ns is None and found.scopes == player.scopes:
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
