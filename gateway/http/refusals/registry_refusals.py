"""The registry's numbered refusals in words that a participant understands, as transfers and events show them.

The names and numbers are the registry line's own; a test holds this list against it.
"""

from dataclasses import dataclass
from typing import Any, Final

from gateway.http.refusals.problems import Language


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryRefusal:
    """One refusal: its number on the line, and what it means for the participant."""

    number: int
    zh: str
    en: str


REFUSALS: Final[dict[str, RegistryRefusal]] = {
    "account_unknown": RegistryRefusal(
        number=1,
        zh="登记平台没有该账户，请核对开户信息",
        en="the registry does not know the account; check how it was opened there",
    ),
    "account_frozen": RegistryRefusal(
        number=2,
        zh="该账户在登记平台被冻结，请向登记平台了解原因",
        en="the account is frozen at the registry; ask the platform for the reason",
    ),
    "lot_unknown": RegistryRefusal(
        number=3, zh="登记平台没有该批次", en="the registry does not know the lot"
    ),
    "lot_frozen": RegistryRefusal(
        number=4,
        zh="该批次或序列号在登记平台被冻结，请改选其他批次",
        en="the lot, or serials of it, are frozen at the registry; choose others",
    ),
    "serials_not_held": RegistryRefusal(
        number=5,
        zh="登记平台上该科目没有这些序列号，请核对登记平台持有量",
        en="the registry does not have these serials in that sub-account; look at your holdings there",
    ),
    "class_not_eligible": RegistryRefusal(
        number=6,
        zh="II 类方法学减排量不可用于履约抵销",
        en="Class II reductions cannot be used for a compliance offset",
    ),
    "already_retired": RegistryRefusal(
        number=7, zh="这些减排量已注销，不可再次使用", en="these reductions are retired and never move again"
    ),
    "not_authorised": RegistryRefusal(
        number=8,
        zh="登记平台未授权交易所办理该账户的划转，请联系交易所",
        en="the registry does not authorise the exchange to move them; talk to the exchange",
    ),
    "malformed": RegistryRefusal(
        number=9,
        zh="登记平台不接受该申请的格式，请联系交易所",
        en="the registry does not accept how it was asked; talk to the exchange",
    ),
    "too_late": RegistryRefusal(
        number=10,
        zh="申请到达登记平台时已过时限，未作任何划转，可重新申请",
        en="it reached the registry after its deadline and moved nothing; ask anew",
    ),
    "cancelled": RegistryRefusal(
        number=11,
        zh="申请在办理前已撤回，未作任何划转，可重新申请",
        en="it was cancelled before it was decided and moved nothing; ask anew",
    ),
    "already_bound": RegistryRefusal(
        number=12,
        zh="该登记账户已绑定其他交易账户",
        en="the registry account is bound to another trading account",
    ),
    "account_closed": RegistryRefusal(
        number=13, zh="该账户在登记平台已销户", en="the account is closed at the registry"
    ),
}
"""Name → number and words."""


def refusal_body(code: str | None, language: Language) -> dict[str, Any] | None:
    """Why the registry refused, for a person; none where it did not, or where it was not the registry."""
    found = None if code is None else REFUSALS.get(code)
    if found is None:
        return None
    return {"code": code, "number": found.number, "text": found.en if language == "en" else found.zh}
