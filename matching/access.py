"""Access to the exchange as the core knows it: that somebody may be given a way in, or one of another kind.

Who makes a key, or sets a password, can act as whoever it is for; where one operator may do so alone, no other act is
ever done by two persons. Keys and passwords themselves are no business of the core: their secrets must not be in the
journal. What is journaled is all that is to be done but the secret, which is made once it is done.
"""

from dataclasses import dataclass
from enum import StrEnum

from matching.acts import Act
from settlement.values import AccountId, ParticipantId


class AccessDeed(StrEnum):
    """What is to be done, by the name the rule book has for it."""

    ISSUE_KEY = "issue_key"
    ADD_PERSON = "add_person"
    RESET_PERSON = "reset_person"
    """Another password, so that who gives it could log in."""
    ENABLE_PERSON = "enable_person"
    """Letting somebody in again who was kept out."""
    ROTATE_OWN_KEY = "rotate_own_key"
    """By a program, of its own key for another that may do the same. Nobody is let in by it who was not, and whoever
    has the key has not to be trusted more than before: it never takes a second person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PermitAccess(Act):
    """Permit one deed about access, to be done once by the operator who asks."""

    deed: AccessDeed
    person: str | None = None
    """Who logs in."""
    participant: ParticipantId
    """Who acts with the key, or when that person does."""
    account: AccountId | None = None
    scopes: tuple[str, ...]
    algorithm: str | None = None
    public_key: str | None = None
    """Base64, of a key whose secret half is its owner's."""
    networks: tuple[str, ...] = ()
    expires_at_ns: int | None = None
    label: str | None = None
    remove_totp: bool | None = None
    replaces: str | None = None
    """Of a key that takes another's place: the other, which ends."""
    overlap_s: int | None = None
    """For how long that one may still be used beside it."""

    @property
    def name(self) -> str:
        """The deed's."""
        return self.deed.value


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessPermitted:
    """An operator may do this about access, once."""

    deed: AccessDeed
    person: str | None
    participant: ParticipantId
    operator: ParticipantId
    reason: str

    @classmethod
    def of(cls, act: PermitAccess) -> "AccessPermitted":
        """What an act permits."""
        return cls(
            deed=act.deed,
            person=act.person,
            participant=act.participant,
            operator=act.operator,
            reason=act.reason,
        )
