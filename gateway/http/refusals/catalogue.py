"""Everything that can be refused, by code: the core's reasons and the gateway's, with the HTTP status of each.

Served at GET /v1/errors, shown by `puhui explain`, and the only place a problem's words come from.
"""

from itertools import chain
from typing import Any, Final

from gateway.http.refusals import reasons
from gateway.http.refusals.access_reasons import ACCESS_REASONS, ROTATED_TOO_SOON
from gateway.http.refusals.door_reasons import DOOR_REASONS, HEADERS_TOO_SLOW, REQUEST_TOO_LONG, STANDING_BY
from gateway.http.refusals.people_reasons import PEOPLE_REASONS
from gateway.http.refusals.reasons import GATEWAY_REASONS, STATUS_OF_GATEWAY
from gateway.http.refusals.statement_reasons import STATEMENT_REASONS
from gateway.http.refusals.use_reasons import USE_REASONS as GATEWAY_USE_REASONS
from matching.rejections import REASONS as MATCHING_REASONS
from settlement.reasons import REASONS as SETTLEMENT_REASONS
from settlement.rejections import Reason

UNPROCESSABLE: Final = 422

STATUS_OF_CORE: Final[dict[str, int]] = {
    "account_unknown": 404,
    "instrument_unknown": 404,
    "instruction_unknown": 404,
    "listing_unknown": 404,
    "lot_unknown": 404,
    "participant_unknown": 404,
    "not_your_account": 403,
    "not_mandated": 403,
    "mandate_unknown": 404,
    "account_exists": 409,
    "bank_reference_reused": 409,
    "withdrawal_unknown": 404,
    "withdrawal_ended": 409,
    "cash_in_dispute": 409,
    "statement_reused": 409,
    "statement_gap": 409,
    "cash_break_not_open": 409,
    "statement_not_last": 409,
    "client_id_reused": 409,
    "instrument_exists": 409,
    "listing_exists": 409,
    "lot_exists": 409,
    "participant_exists": 409,
    "registry_account_bound": 409,
    "order_not_open": 409,
    "day_already_open": 409,
    "day_not_open": 409,
    "session_in_progress": 409,
    "close_under_way": 409,
    "not_reconciling": 409,
    "not_halted": 409,
    "not_restricted": 409,
    "kill_switch_not_on": 409,
    "connection_unknown": 404,
    "trade_not_pending": 409,
    "approval_unknown": 404,
    "notice_out_of_order": 409,
    "freeze_unknown": 404,
    "claim_not_open": 409,
    "removal_not_refused": 409,
    "break_not_open": 409,
    "delivery_not_parked": 409,
    "delivery_not_covered": 409,
    "second_person_needed": 403,
    "use_not_held": 409,
    "compliance_year_unknown": 404,
    "negotiated_transfer_unknown": 404,
    "counterparty_unknown": 404,
    "negotiated_transfer_ended": 409,
    "not_your_turn": 409,
    "terms_hash_differs": 409,
    "open_offer_stands": 409,
    "agreement_contradicts": 409,
    "not_under_review": 409,
    "personal_data_restricted": 403,
    "personal_data_not_restricted": 409,
    "participant_has_open_business": 409,
}
"""Statuses of the core's refusals that are not 422: what is not there, whose it is not, what is there already, and
acts of an operator or on an order that come too early or too late."""

CATALOGUE: Final[dict[str, Reason]] = {
    reason.code: reason
    for reason in chain(
        SETTLEMENT_REASONS,
        MATCHING_REASONS,
        GATEWAY_REASONS,
        DOOR_REASONS,
        GATEWAY_USE_REASONS,
        STATEMENT_REASONS,
        PEOPLE_REASONS,
        ACCESS_REASONS,
    )
}
"""Every reason there is, by its code."""

STATUS: Final[dict[str, int]] = {
    code: STATUS_OF_GATEWAY.get(code) or STATUS_OF_CORE.get(code, UNPROCESSABLE) for code in CATALOGUE
}
"""Code → HTTP status. What the core refuses for what it says, and is not named above, is 422."""

RETRYABLE: Final = frozenset(
    reason.code
    for reason in (
        HEADERS_TOO_SLOW,
        REQUEST_TOO_LONG,
        ROTATED_TOO_SOON,
        STANDING_BY,
        reasons.BODY_TOO_SLOW,
        reasons.TIMESTAMP_OUTSIDE_WINDOW,
        reasons.SIGNATURE_REPLAYED,
        reasons.RATE_LIMITED,
        reasons.OVERLOADED,
        reasons.NOT_READY,
        reasons.REGISTRY_UNREACHABLE,
        reasons.INTERNAL_ERROR,
        reasons.TOO_MANY_CONNECTIONS,
        reasons.TOO_MANY_IN_FLIGHT,
    )
)
"""Codes after which the same request, signed anew, may well succeed without being changed."""


def entry_of(reason: Reason) -> dict[str, Any]:
    """A reason as the catalogue tells it."""
    return {
        "code": reason.code,
        "status": STATUS[reason.code],
        "pointer": reason.pointer,
        "unit": reason.unit.value,
        "retryable": reason.code in RETRYABLE,
        "zh": reason.zh,
        "en": reason.en,
        "remedy_zh": reason.remedy_zh,
        "remedy_en": reason.remedy_en,
        "source": reason.source,
    }
