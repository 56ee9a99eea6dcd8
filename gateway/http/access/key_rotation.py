"""A key's place taken by another that may do the same: by the key itself, or by the operator.

Nothing is widened: participant, account, scopes, networks and expiry stay. What differs is who holds the key. Of its own
key a program changes nothing but that; where the operator rotates somebody else's, whoever asks is told a secret that
lets them act as the key's owner, which takes the persons that making a key takes.
"""

import time
from typing import Annotated, Any, Final

from pydantic import Field

from gateway.access.key_ends import end_of
from gateway.access.key_rotation import NS_PER_S, KeyOver, PublicKeyUsed, Rotation
from gateway.access.keys import AccessKey, Scope
from gateway.access.limits import ActionKind
from gateway.access.permits import Permit, PermitSpent
from gateway.http.access.keys import (
    CREATED,
    IssuedKey,
    Key,
    PublicKeyText,
    key_body,
    make_key,
    public_key_of,
    require_public_key,
)
from gateway.http.approvals import ACCEPTED, ApprovalAnswer, permitted, spending
from gateway.http.refusals import reasons
from gateway.http.refusals.access_reasons import (
    KEY_NOT_OWN,
    KEY_OVER,
    KEY_REPLACED,
    OVERLAP_TOO_LONG,
    PUBLIC_KEY_USED,
    ROTATED_TOO_SOON,
)
from gateway.http.refusals.problems import Refused, refusal
from gateway.http.replays import raise_if_refused
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import (
    NAME_PATTERN,
    ClientId,
    Name,
    OperatorRequest,
    OwnId,
    ReasonForTwo,
    SecretRequest,
)
from matching.access import AccessDeed, PermitAccess
from settlement.values import AccountId, ParticipantId

OVERLAP_MOST_S: Final = 31 * 86_400
"""Beyond what anybody means; the bound that counts is `key_overlap_s`."""
OverlapIn = Annotated[
    int,
    Field(
        ge=0,
        le=OVERLAP_MOST_S,
        strict=True,
        examples=[0],
        description="For how many seconds the old key may still be used; with 0 it ends at once.",
    ),
]


class RotationRequest(OperatorRequest, SecretRequest):
    """How a key is rotated. Of an Ed25519 key the new public half is sent; an HMAC secret is made by the exchange."""

    public_key: PublicKeyText = None
    overlap_s: OverlapIn = 0
    reason: ReasonForTwo = None


class OwnRotationRequest(OwnId, SecretRequest):
    """How a program rotates its own key."""

    client_id: ClientId
    key: Annotated[Name, Field(description="The key that signs, named so that none is replaced by mistake.")]
    public_key: PublicKeyText = None
    overlap_s: OverlapIn = 0


class RotatedKey(IssuedKey):
    """A key just made, and the one whose place it took."""

    replaced: Key


async def rotate_own(call: Call) -> Reply:
    """Replace the key that signs by another that may do the same; it ends at once, or after an overlap.

    Under the same `client_id` the same key is told the same again, for as long as it may be used.
    """
    body: OwnRotationRequest = call.body
    key = call.signed_by
    assert isinstance(key, AccessKey), "this route is for programs"
    if body.key != key.key_id:
        raise refusal(KEY_NOT_OWN, pointer="/key", limit=key.key_id, actual=body.key)
    if not call.decided:
        _require_rotatable(call, key, body)
        _require_not_too_soon(call, key)
    command = _command(key, body, AccessDeed.ROTATE_OWN_KEY, operator=key.participant, reason="")
    entry = await call.submit(command)
    raise_if_refused(entry)
    permit = Permit(number=entry.seq, made_alone_by=key.made_alone_by)
    return await _once(call, key, command, permit)


async def rotate_key(call: Call) -> Reply:
    """Replace a key by another that may do the same. Where making a key takes a second person, this does too."""
    body: RotationRequest = call.body
    name = call.path["key"]
    key = call.services.keys.find(name)
    if key is None:
        raise refusal(reasons.NOT_FOUND, actual=name)
    if not call.decided:
        _require_rotatable(call, key, body)
    command = _command(key, body, AccessDeed.ISSUE_KEY, operator=call.participant, reason=body.reason or "")
    permit = await permitted(call, command)
    if isinstance(permit, Reply):
        return permit
    return await _once(call, key, command, permit)


async def make_or_rotate(
    call: Call, command: PermitAccess, permit: Permit
) -> tuple[dict[str, Any], str | None]:
    """The key that was permitted, a new one or one that takes another's place. Raises Refused."""
    if command.replaces is None:
        return await make_key(call, command, permit)
    with spending():
        return await _rotate(call, command, permit)


def _command(
    key: AccessKey,
    body: RotationRequest | OwnRotationRequest,
    deed: AccessDeed,
    *,
    operator: str,
    reason: str,
) -> PermitAccess:
    return PermitAccess(
        operator=ParticipantId(operator),
        reason=reason,
        deed=deed,
        participant=ParticipantId(key.participant),
        account=None if key.account is None else AccountId(key.account),
        scopes=tuple(sorted(key.scopes)),
        algorithm=key.algorithm.value,
        public_key=body.public_key,
        networks=tuple(str(network) for network in key.networks),
        expires_at_ns=key.expires_at_ns,
        label=key.label or None,
        replaces=key.key_id,
        overlap_s=body.overlap_s,
    )


def _require_rotatable(call: Call, key: AccessKey, body: RotationRequest | OwnRotationRequest) -> None:
    most_s = call.services.settings.key_overlap_s
    if body.overlap_s > most_s:
        raise refusal(OVERLAP_TOO_LONG, pointer="/overlap_s", limit=most_s, actual=body.overlap_s)
    require_public_key(key.algorithm, body.public_key)
    if key.rotated_to is not None or end_of(key, time.time_ns()) is not None:
        raise _over(KeyOver(key.key_id, key.rotated_to))


def _require_not_too_soon(call: Call, key: AccessKey) -> None:
    """A program gone wild would else fill memory and database with keys, none of which can ever be removed."""
    least_s = call.services.settings.key_rotation_s
    age_s = (time.time_ns() - key.created_at_ns) // NS_PER_S
    if key.rotated_from is not None and key.created_by == key.participant and age_s < least_s:
        headers = {"Retry-After": str(min(least_s, least_s - age_s))}
        raise refusal(ROTATED_TOO_SOON, limit=least_s, actual=max(0, age_s), headers=headers)


async def _once(call: Call, key: AccessKey, command: PermitAccess, permit: Permit) -> Reply:
    """Rotate; or, where this very act was done before and nobody knows the answer, what would have been answered."""
    keys = call.services.keys
    try:
        made, secret = await _rotate(call, command, permit)
    except PermitSpent as spent:
        done = keys.find(str(spent))
        assert done is not None, "a key is never removed"
        made, secret = key_body(done), await keys.secret_of(done.key_id)
    replaced = keys.find(key.key_id)
    assert replaced is not None, "a key is never removed"
    return Reply({**made, "secret": secret, "replaced": key_body(replaced)}, status=CREATED)


async def _rotate(call: Call, command: PermitAccess, permit: Permit) -> tuple[dict[str, Any], str | None]:
    """Raises Refused and PermitSpent."""
    assert command.replaces is not None, "a key without an old one is made, not rotated"
    rotation = Rotation(
        old=command.replaces,
        by=call.participant,
        permit=permit,
        overlap_s=command.overlap_s or 0,
        public_key=public_key_of(command.public_key),
    )
    try:
        issued = await call.services.keys.rotate(rotation, at_ns=time.time_ns())
    except KeyOver as over:
        raise _over(over) from None
    except PublicKeyUsed:
        raise refusal(PUBLIC_KEY_USED, pointer="/public_key") from None
    return key_body(issued.key), issued.secret


def _over(over: KeyOver) -> Refused:
    if over.by_key is not None:
        return refusal(KEY_REPLACED, actual=over.by_key)
    return refusal(KEY_OVER, actual=str(over))


ROUTES: Final = (
    Route(
        "/v1/auth/rotate",
        rotate_own,
        "Replace one's own key",
        RotatedKey,
        method="POST",
        scope="any",
        by="key",
        kind=ActionKind.OPERATE,
        tag="access",
        body=OwnRotationRequest,
        status=CREATED,
        is_callers_own=True,
    ),
    Route(
        "/v1/operator/keys/{key}/rotate",
        rotate_key,
        "Replace a key by another that may do the same",
        RotatedKey,
        method="POST",
        scope=Scope.OPERATE,
        kind=ActionKind.OPERATE,
        tag="operator",
        body=RotationRequest,
        body_optional=True,
        status=CREATED,
        otherwise={ACCEPTED: ApprovalAnswer},
        path_parameters={"key": NAME_PATTERN},
    ),
)
