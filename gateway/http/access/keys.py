"""Keys: testing a signature, and an operator's issuing, listing and revoking."""

import base64
import binascii
import time
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Protocol

from pydantic import Field

from gateway.access.keys import AccessKey, Algorithm, KeyFault, NewKey, Scope, require_sound
from gateway.access.limits import ActionKind
from gateway.access.networks import read_network
from gateway.access.permits import Permit
from gateway.formats import time_text
from gateway.http.approvals import ACCEPTED, ApprovalAnswer, permitted, spending
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.routing import SUPERVISED, Call, Reply, Route
from gateway.http.shapes import (
    NAME_PATTERN,
    AccountName,
    Answer,
    Name,
    NetworkIn,
    OperatorRequest,
    ReasonForTwo,
    Request,
    SecretRequest,
    Time,
    TimeIn,
)
from matching.access import AccessDeed, PermitAccess
from registry_bridge.signing import TIMESTAMP_HEADER
from settlement.rejections import ACCOUNT_UNKNOWN, PARTICIPANT_UNKNOWN
from settlement.values import AccountId, ParticipantId

CREATED: Final = 201

ScopeName = Literal[
    "read", "trade", "negotiate", "offset", "transfer", "bank", "operate", "approve", "authority", "supervise"
]
_OF_NO_PARTICIPANT: Final = {"bank", "operate", "approve", "authority", "supervise"}
_OF_PARTICIPANTS: Final = {"trade", "negotiate", "offset", "transfer"}
AlgorithmName = Literal["ed25519", "hmac-sha256"]
NETWORKS_MOST: Final = 32
MADE_ALONE_BY: Final = (
    "The operator on whose word alone it was made, or given a password; it takes no part in acts of two."
)
Networks = Annotated[
    list[str],
    Field(description="From where it may be used, in CIDR notation; from anywhere if there are none."),
]

PublicKeyText = Annotated[
    str | None, Field(max_length=64, description="Base64 of the 32 raw bytes of an Ed25519 public key.")
]
EndsAt = Annotated[
    Time | None, Field(description="Until when it may be used beside the key that took its place.")
]


class RevocationQuery(Request):
    """What is to end with a key."""

    only: Annotated[
        Literal["true", "false"],
        Field(description="Whether the keys that took its place, one after another, are to stay."),
    ] = "false"


class KeyRequest(OperatorRequest, SecretRequest):
    """A key to be made. Of an Ed25519 key only the public half is sent; an HMAC secret is made by the exchange."""

    participant: Name
    account: AccountName | None = None
    algorithm: AlgorithmName = "ed25519"
    public_key: PublicKeyText = None
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=10)]
    expires_at: TimeIn | None = None
    label: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    networks: Annotated[
        list[NetworkIn],
        Field(
            max_length=NETWORKS_MOST,
            description="From where it may be used; from anywhere if there are none.",
        ),
    ] = []  # noqa: RUF012 - pydantic copies it
    reason: ReasonForTwo = None


class Key(Answer):
    """A key, without its secret."""

    key: Name
    participant: Name
    account: AccountName | None
    algorithm: AlgorithmName
    scopes: list[ScopeName]
    label: str
    created_at: Time
    created_by: str
    expires_at: Time | None
    revoked_at: Time | None
    networks: Networks
    made_alone_by: Annotated[Name | None, Field(description=MADE_ALONE_BY)]
    rotated_from: Annotated[Name | None, Field(description="The key whose place it took.")]
    rotated_to: Annotated[Name | None, Field(description="The key that took its place.")]
    ends_at: EndsAt


class IssuedKey(Key):
    """A key just made."""

    secret: Annotated[
        str | None,
        Field(description="Base64; for HMAC only, shown this once. Its decoded bytes are the key."),
    ]


class Keys(Answer):
    """Every key, oldest first."""

    items: list[Key]
    next: None


class AuthCheck(Answer):
    """What a good signature gives."""

    key: Name
    participant: Name
    account: AccountName | None
    algorithm: AlgorithmName
    scopes: list[ScopeName]
    expires_at: Time | None
    networks: Networks
    ends_at: EndsAt
    clock_skew_ms: Annotated[int, Field(description="The sender's clock minus the exchange's.")]
    server_time: Time


async def check_auth(call: Call) -> Reply:
    """Test a signature: answered only when it is good."""
    key = call.signed_by
    assert isinstance(key, AccessKey), "this route is for programs"
    now_ns = time.time_ns()
    return Reply(
        {
            "key": key.key_id,
            "participant": key.participant,
            "account": key.account,
            "algorithm": key.algorithm.value,
            "scopes": sorted(key.scopes),
            "expires_at": None if key.expires_at_ns is None else time_text(key.expires_at_ns),
            "networks": [str(network) for network in key.networks],
            "ends_at": None if key.ends_at_ns is None else time_text(key.ends_at_ns),
            "clock_skew_ms": int(call.headers[TIMESTAMP_HEADER]) - now_ns // 1_000_000,
            "server_time": time_text(now_ns),
        }
    )


async def issue_key(call: Call) -> Reply:
    """Make a key for a participant; where the rule book asks for two persons, once another has agreed."""
    body: KeyRequest = call.body
    require_known(call, body)
    require_public_key(Algorithm(body.algorithm), body.public_key)
    command = PermitAccess(
        operator=call.participant,
        reason=body.reason or "",
        deed=AccessDeed.ISSUE_KEY,
        participant=ParticipantId(body.participant),
        account=None if body.account is None else AccountId(body.account),
        scopes=tuple(sorted(set(body.scopes))),
        algorithm=body.algorithm,
        public_key=body.public_key,
        networks=tuple(str(network) for network in body.networks),
        expires_at_ns=body.expires_at,
        label=body.label or None,
    )
    permit = await permitted(call, command)
    if isinstance(permit, Reply):
        return permit
    key, secret = await make_key(call, command, permit)
    return Reply({**key, "secret": secret}, status=CREATED)


async def make_key(call: Call, command: PermitAccess, permit: Permit) -> tuple[dict[str, Any], str | None]:
    """The key that was permitted, and its secret where it has one of our making. Raises Refused."""
    require_known(call, command)
    assert command.algorithm is not None, "a key without an algorithm was permitted"
    new = NewKey(
        participant=command.participant,
        account=command.account,
        algorithm=Algorithm(command.algorithm),
        scopes=frozenset(Scope(scope) for scope in command.scopes),
        label=command.label or "",
        created_by=call.participant,
        expires_at_ns=command.expires_at_ns,
        public_key=public_key_of(command.public_key),
        networks=tuple(read_network(network) for network in command.networks),
        permit=permit,
    )
    with spending():
        issued = await call.services.keys.issue(new, at_ns=time.time_ns())
    return key_body(issued.key), issued.secret


def require_public_key(algorithm: Algorithm, text: str | None) -> None:
    """A public key is needed for Ed25519, and for that alone. Raises Refused."""
    try:
        require_sound(algorithm, public_key_of(text))
    except KeyFault as fault:
        raise refusal(reasons.KEY_NOT_SOUND, pointer="/public_key", actual=str(fault)) from None


class ActsFor(Protocol):
    """Whom a key or a person is to act for."""

    @property
    def participant(self) -> str:
        """Who acts."""
        ...

    @property
    def account(self) -> str | None:
        """The account that is meant when a request names none."""
        ...

    @property
    def scopes(self) -> Sequence[str]:
        """What it may do."""
        ...


def require_known(call: Call, body: ActsFor) -> None:
    """A key or a person is for a participant there is, and for an account of theirs. Raises Refused.

    The exchange's own people, the bank and the supervisor take no part in the market and are not admitted to it.
    """
    views, participant, account = call.services.views, body.participant, body.account
    opened = None if account is None else views.account(account)
    is_of_market = not _OF_NO_PARTICIPANT & set(body.scopes) or bool(_OF_PARTICIPANTS & set(body.scopes))
    if is_of_market and participant not in views.participants:
        raise refusal(PARTICIPANT_UNKNOWN, pointer="/participant", actual=participant)
    if account is not None and opened is None:
        raise refusal(ACCOUNT_UNKNOWN, pointer="/account", actual=account)
    if opened is not None and opened.owner != participant:
        raise refusal(reasons.ACCOUNT_OF_ANOTHER, pointer="/account", actual=account)


def public_key_of(text: str | None) -> bytes | None:
    """The bytes of a public key. Raises Refused."""
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise refusal(reasons.KEY_NOT_SOUND, pointer="/public_key") from None


async def list_keys(call: Call) -> Reply:
    """Every key, without secrets."""
    return Reply({"items": [key_body(key) for key in call.services.keys.all()], "next": None})


async def revoke_key(call: Call) -> Reply:
    """Revoke a key for good, and the keys that took its place; from this answer on they are refused.

    Whoever had a key that leaked may have rotated it. Revoking twice is the same.
    """
    name, query = call.path["key"], call.query
    revoked = await call.services.keys.revoke(
        name, by=call.participant, at_ns=time.time_ns(), only=query.only == "true"
    )
    if revoked is None:
        raise refusal(reasons.NOT_FOUND, actual=name)
    return Reply(key_body(revoked))


def key_body(key: AccessKey) -> dict[str, Any]:
    """A key as answers tell it."""
    return {
        "key": key.key_id,
        "participant": key.participant,
        "account": key.account,
        "algorithm": key.algorithm.value,
        "scopes": sorted(key.scopes),
        "label": key.label,
        "created_at": time_text(key.created_at_ns),
        "created_by": key.created_by,
        "expires_at": None if key.expires_at_ns is None else time_text(key.expires_at_ns),
        "revoked_at": None if key.revoked_at_ns is None else time_text(key.revoked_at_ns),
        "networks": [str(network) for network in key.networks],
        "made_alone_by": key.made_alone_by,
        "rotated_from": key.rotated_from,
        "rotated_to": key.rotated_to,
        "ends_at": None if key.ends_at_ns is None else time_text(key.ends_at_ns),
    }


ROUTES: Final = (
    Route(
        method="POST",
        path="/v1/auth/check",
        handler=check_auth,
        scope="any",
        by="key",
        kind=ActionKind.READ,
        summary="Test a signature",
        tag="access",
        answer=AuthCheck,
    ),
    Route(
        method="POST",
        path="/v1/operator/keys",
        handler=issue_key,
        scope=Scope.OPERATE,
        kind=ActionKind.OPERATE,
        summary="Make a key",
        tag="operator",
        body=KeyRequest,
        answer=IssuedKey,
        status=CREATED,
        otherwise={ACCEPTED: ApprovalAnswer},
        leads_to={"/v1/operator/keys/{key}": "/key"},
    ),
    Route(
        method="GET",
        path="/v1/operator/keys",
        handler=list_keys,
        scope=Scope.OPERATE,
        or_scopes=SUPERVISED,
        kind=ActionKind.OPERATE,
        summary="Every key, without secrets",
        tag="operator",
        answer=Keys,
    ),
    Route(
        method="DELETE",
        path="/v1/operator/keys/{key}",
        handler=revoke_key,
        scope=Scope.OPERATE,
        kind=ActionKind.OPERATE,
        summary="Revoke a key for good",
        tag="operator",
        answer=Key,
        query=RevocationQuery,
        path_parameters={"key": NAME_PATTERN},
    ),
)
