"""Participants' own ids, unique for ever per account: the same request twice is the same request once.

A repeated id with the same content is answered as the first time, with other content refused. A refused request has
used its id too: an answer that a client may have missed must not change when it asks again.
"""

from dataclasses import dataclass
from hashlib import blake2b

from settlement.commands import ClientCommand
from settlement.rejections import CLIENT_ID_REUSED, Rejection

_DIGEST_BYTES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class UsedId:
    """One id and what it was used for, as written to a snapshot."""

    key: str
    first_seq: int
    digest: str


class ClientIds:
    """Every id ever used, with the sequence number it was first decided at and a digest of its content."""

    __slots__ = ("_used",)

    def __init__(self) -> None:
        """None used."""
        self._used: dict[str, tuple[int, str]] = {}

    def first_use(self, command: ClientCommand) -> int | Rejection | None:
        """When this very request was decided before; a refusal if the id stands for another; None if it is new."""
        used = self._used.get(_key(command))
        if used is None:
            return None
        first_seq, digest = used
        return first_seq if digest == _digest(command) else CLIENT_ID_REUSED.because(actual=command.client_id)

    def use(self, command: ClientCommand, seq: int) -> None:
        """Note that this request is decided at that sequence number."""
        self._used[_key(command)] = (seq, _digest(command))

    def dump(self) -> tuple[UsedId, ...]:
        """All of them, oldest first."""
        return tuple(
            UsedId(key=key, first_seq=seq, digest=digest) for key, (seq, digest) in self._used.items()
        )

    @classmethod
    def load(cls, state: tuple[UsedId, ...]) -> "ClientIds":
        """The ids that snapshot was taken of."""
        ids = cls()
        ids._used.update((used.key, (used.first_seq, used.digest)) for used in state)
        return ids


def _key(command: ClientCommand) -> str:
    return f"{command.account}|{command.id_space}|{command.client_id}"


def _digest(command: ClientCommand) -> str:
    return blake2b(command.content().encode(), digest_size=_DIGEST_BYTES).hexdigest()
