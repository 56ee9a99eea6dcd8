"""Why a command is refused: a stable code, a sentence in both languages, and on whose word.

A `Reason` is written once, here or beside the guard's package, and served as the catalogue of errors. A `Rejection`
is one refusal: the reason's code with the figures that led there. What only the exchange itself can cause is not a
rejection but an assertion, and stops the process.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

Figure: TypeAlias = int | str | tuple[int, int]
"""A limit or an actual value. Its unit follows from the reason; a pair is a range, both ends included."""


class Unit(StrEnum):
    """How a reason's figures are to be read."""

    FEN = "fen"
    TONNES = "tonnes"
    NS = "ns"
    TEXT = "text"
    COUNT = "count"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One way to be refused. Codes are stable within /v1 and read as a plain statement."""

    code: str
    pointer: str
    """JSON pointer of the field it is about; empty where it is about the whole."""
    unit: Unit
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str
    source: str
    """Article and edition, or exchange rule, or `exchange` where it is the exchange's own rule."""

    def because(self, *, limit: Figure | None = None, actual: Figure | None = None) -> "Rejection":
        """A refusal for this reason."""
        return Rejection(code=self.code, limit=limit, actual=actual)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """One refusal; the code names the reason."""

    code: str
    limit: Figure | None = None
    actual: Figure | None = None


ACCOUNT_UNKNOWN: Final = Reason(
    code="account_unknown",
    pointer="/account",
    unit=Unit.TEXT,
    zh="没有这个交易账户",
    en="there is no such trading account",
    remedy_zh="请核对账户号；账户由交易所开立",
    remedy_en="check the account; accounts are opened by the exchange",
    source="Measures 2023, Art. 10",
)
ACCOUNT_EXISTS: Final = Reason(
    code="account_exists",
    pointer="/account",
    unit=Unit.TEXT,
    zh="账户已经存在",
    en="the account exists already",
    remedy_zh="请换一个账户号",
    remedy_en="choose another account",
    source="exchange",
)
REGISTRY_ACCOUNT_BOUND: Final = Reason(
    code="registry_account_bound",
    pointer="/registry_account",
    unit=Unit.TEXT,
    zh="该登记账户已绑定另一交易账户",
    en="the registry account is bound to another trading account",
    remedy_zh="一个交易账户只绑定一个登记账户",
    remedy_en="one trading account is bound to one registry account",
    source="Measures 2023, Art. 10",
)
PARTICIPANT_UNKNOWN: Final = Reason(
    code="participant_unknown",
    pointer="/participant",
    unit=Unit.TEXT,
    zh="没有这个交易主体",
    en="there is no such participant",
    remedy_zh="请先登记交易主体",
    remedy_en="register the participant first",
    source="Measures 2023, Art. 30",
)
PARTICIPANT_EXISTS: Final = Reason(
    code="participant_exists",
    pointer="/participant",
    unit=Unit.TEXT,
    zh="交易主体已经登记",
    en="the participant is registered already",
    remedy_zh="无需重复登记",
    remedy_en="nothing needs to be done",
    source="exchange",
)
NOT_YOUR_ACCOUNT: Final = Reason(
    code="not_your_account",
    pointer="/account",
    unit=Unit.TEXT,
    zh="无权以该账户行事",
    en="you may not act for this account",
    remedy_zh="为他人行事须有委托",
    remedy_en="acting for another needs a mandate",
    source="Measures 2023, Art. 30",
)
CLIENT_ID_REUSED: Final = Reason(
    code="client_id_reused",
    pointer="/client_id",
    unit=Unit.TEXT,
    zh="同一客户端编号已用于另一内容",
    en="this client id was used before with other content",
    remedy_zh="每个新请求请用新编号；重试须内容完全一致",
    remedy_en="use a new id for each new request; a retry must be the same in every field",
    source="exchange",
)
DEADLINE_PASSED: Final = Reason(
    code="deadline_passed",
    pointer="",
    unit=Unit.NS,
    zh="请求到达时已过其自带的截止时间，未予受理",
    en="the request's own deadline had passed when it was decided; nothing was done",
    remedy_zh="请用新编号与新截止时间重新提交",
    remedy_en="submit again with a new client id and a later deadline",
    source="exchange",
)
INSTRUMENT_UNKNOWN: Final = Reason(
    code="instrument_unknown",
    pointer="/listing",
    unit=Unit.TEXT,
    zh="没有这个产品代码",
    en="there is no such instrument",
    remedy_zh="可用代码见 GET /v1/listings",
    remedy_en="the codes are at GET /v1/listings",
    source="exchange",
)
INSTRUMENT_EXISTS: Final = Reason(
    code="instrument_exists",
    pointer="/listing",
    unit=Unit.TEXT,
    zh="产品代码已经存在",
    en="the instrument exists already",
    remedy_zh="请换一个代码",
    remedy_en="choose another code",
    source="exchange",
)
LOT_EXISTS: Final = Reason(
    code="lot_exists",
    pointer="/lot",
    unit=Unit.TEXT,
    zh="该批次已登记且内容不同",
    en="the lot is known already, with other content",
    remedy_zh="请与登记平台核对",
    remedy_en="check with the registry",
    source="exchange",
)
LOT_CLASS_DIFFERS: Final = Reason(
    code="lot_class_differs",
    pointer="/class",
    unit=Unit.TEXT,
    zh="批次的方法学类别与产品代码不符",
    en="the lot's methodology class is not the instrument's",
    remedy_zh="I 类与 II 类减排量各有代码，不可混用",
    remedy_en="Class I and Class II have codes of their own and never mix",
    source="Measures 2023, Art. 14, 29",
)
LOT_UNKNOWN: Final = Reason(
    code="lot_unknown",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="没有这个批次",
    en="there is no such lot",
    remedy_zh="请核对批次编号",
    remedy_en="check the lot's name",
    source="exchange",
)
SERIALS_MALFORMED: Final = Reason(
    code="serials_malformed",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="序列号区间为空、重叠、未排序或超出批次",
    en="the serial ranges are empty, overlap, are not ascending, or lie outside the lot",
    remedy_zh="区间左闭右开，升序且互不相交",
    remedy_en="ranges are half-open, ascending and disjoint",
    source="exchange",
)
SERIALS_ALREADY_HERE: Final = Reason(
    code="serials_already_here",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="这些序列号已在交易科目，或正在转入途中",
    en="these serials are at the exchange already, or on their way in",
    remedy_zh="请查看账户批次与未完成的转入",
    remedy_en="look at the account's lots and the transfers under way",
    source="exchange",
)
LOT_IN_TOO_MANY_PIECES: Final = Reason(
    code="lot_in_too_many_pieces",
    pointer="/lots",
    unit=Unit.COUNT,
    zh="该批次在交易所的序列号区间过多",
    en="the lot would lie at the exchange in too many serial ranges",
    remedy_zh="请转入相邻、连续的序列号",
    remedy_en="transfer adjoining serials in",
    source="exchange",
)
AMOUNT_NOT_POSITIVE: Final = Reason(
    code="amount_not_positive",
    pointer="/amount",
    unit=Unit.FEN,
    zh="金额须大于零",
    en="the amount must be above zero",
    remedy_zh="请填写正数金额",
    remedy_en="give an amount above zero",
    source="exchange",
)
BANK_REFERENCE_REUSED: Final = Reason(
    code="bank_reference_reused",
    pointer="/bank_reference",
    unit=Unit.TEXT,
    zh="该银行流水号已入账",
    en="this bank reference has been booked already",
    remedy_zh="同一笔款项只入账一次",
    remedy_en="one payment is booked once",
    source="exchange",
)
AMOUNT_ABOVE_WITHDRAWABLE: Final = Reason(
    code="amount_above_withdrawable",
    pointer="/amount",
    unit=Unit.FEN,
    zh="超过可取资金",
    en="more than may be withdrawn",
    remedy_zh="冻结中、交收中的资金不可取；请减少金额或撤销买单",
    remedy_en="money held or being delivered cannot leave: lower the amount, or cancel buy orders",
    source="exchange rule: proceeds leave after settlement",
)
WITHDRAWAL_UNKNOWN: Final = Reason(
    code="withdrawal_unknown",
    pointer="",
    unit=Unit.TEXT,
    zh="该账户没有这笔出金",
    en="the account has no such withdrawal",
    remedy_zh="请核对出金编号与账户",
    remedy_en="check the withdrawal's id and its account",
    source="exchange",
)
WITHDRAWAL_ENDED: Final = Reason(
    code="withdrawal_ended",
    pointer="",
    unit=Unit.TEXT,
    zh="这笔出金已付出或已退回",
    en="this withdrawal has been paid or returned already",
    remedy_zh="结果不再改变；若银行事后退款，请作为入金报告",
    remedy_en="its end does not change; what the bank sends back later is reported as a deposit",
    source="exchange",
)
INSUFFICIENT_CASH: Final = Reason(
    code="insufficient_cash",
    pointer="/quantity",
    unit=Unit.FEN,
    zh="可用资金不足",
    en="not enough cash available",
    remedy_zh="请入金、减少数量或撤销其他买单",
    remedy_en="deposit, lower the quantity, or cancel other buy orders",
    source="exchange rule: full prefunding (100 %)",
)
INSUFFICIENT_UNITS: Final = Reason(
    code="insufficient_units",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="可用减排量不足",
    en="not enough units available",
    remedy_zh="请从管理科目转入、减少数量或撤销其他卖单",
    remedy_en="transfer units in, lower the quantity, or cancel other sell orders",
    source="exchange rule: no short sales; Measures 2023, Art. 41",
)
INSTRUCTION_UNKNOWN: Final = Reason(
    code="instruction_unknown",
    pointer="/instruction_id",
    unit=Unit.TEXT,
    zh="没有这笔待办划转",
    en="no such movement is pending",
    remedy_zh="可能已有最终结果",
    remedy_en="it may have been decided already",
    source="exchange",
)
USE_OF_A_SALE: Final = Reason(
    code="use_of_a_sale",
    pointer="/use",
    unit=Unit.TEXT,
    zh="只有买入可以指定用途",
    en="only a purchase can be for a use",
    remedy_zh="卖出委托请勿填写用途",
    remedy_en="leave the use out of a sale",
    source="Measures 2023, Art. 31, 32, 35",
)
USE_MALFORMED: Final = Reason(
    code="use_malformed",
    pointer="/use",
    unit=Unit.TEXT,
    zh="用途须写明受益人，文字不超过 500 字且不含不可见字符",
    en="a use names its beneficiary, in texts of at most 500 characters without control characters",
    remedy_zh="请补全受益人或缩短说明",
    remedy_en="name the beneficiary, or shorten the statement",
    source="Measures 2023, Art. 31, 32",
)
RETIREMENT_NOT_REFUSED: Final = Reason(
    code="retirement_not_refused",
    pointer="/retirement_id",
    unit=Unit.TEXT,
    zh="没有这笔被拒绝的注销",
    en="no such retirement has been refused",
    remedy_zh="可能已完成，或仍在等待登记平台答复",
    remedy_en="it may be done, or still be waiting for the registry",
    source="exchange",
)

REASONS: Final = (
    ACCOUNT_UNKNOWN,
    ACCOUNT_EXISTS,
    REGISTRY_ACCOUNT_BOUND,
    PARTICIPANT_UNKNOWN,
    PARTICIPANT_EXISTS,
    NOT_YOUR_ACCOUNT,
    CLIENT_ID_REUSED,
    DEADLINE_PASSED,
    INSTRUMENT_UNKNOWN,
    INSTRUMENT_EXISTS,
    LOT_EXISTS,
    LOT_CLASS_DIFFERS,
    LOT_UNKNOWN,
    SERIALS_MALFORMED,
    SERIALS_ALREADY_HERE,
    LOT_IN_TOO_MANY_PIECES,
    AMOUNT_NOT_POSITIVE,
    AMOUNT_ABOVE_WITHDRAWABLE,
    WITHDRAWAL_UNKNOWN,
    WITHDRAWAL_ENDED,
    BANK_REFERENCE_REUSED,
    INSUFFICIENT_CASH,
    INSUFFICIENT_UNITS,
    INSTRUCTION_UNKNOWN,
    USE_OF_A_SALE,
    USE_MALFORMED,
    RETIREMENT_NOT_REFUSED,
)
"""Every reason of this package, in the order the guards ask."""
