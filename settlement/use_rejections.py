"""Why a use is refused. See `settlement.rejections` for what a reason is."""

from typing import Final

from settlement.rejections import Reason, Unit

CLASS_NOT_ELIGIBLE: Final = Reason(
    code="class_not_eligible",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="II 类方法学减排量不能用于履约抵销",
    en="Class II reductions cannot serve a compliance offset",
    remedy_zh="请改用 I 类减排量；II 类可用于其他用途",
    remedy_en="use Class I; Class II serves every other use",
    source="Measures 2023, Art. 29",
)
CHANNEL_NOT_ALLOWED: Final = Reason(
    code="channel_not_allowed",
    pointer="/purpose",
    unit=Unit.TEXT,
    zh="该类减排量不能用于此用途",
    en="units of this class may not be used for that",
    remedy_zh="各类减排量的消纳渠道见 GET /v1/rules",
    remedy_en="what each class may be used for is at GET /v1/rules",
    source="rule book: use_channels; Measures 2023, Art. 29",
)
NOT_A_COMPLIANCE_ENTITY: Final = Reason(
    code="not_a_compliance_entity",
    pointer="/account",
    unit=Unit.TEXT,
    zh="只有纳入配额管理的单位可以提交履约抵销",
    en="only an entity with a compliance obligation can submit an offset",
    remedy_zh="请以纳管单位的账户提交",
    remedy_en="submit from the account of a covered entity",
    source="Measures 2023, Art. 29",
)
COMPLIANCE_YEAR_UNKNOWN: Final = Reason(
    code="compliance_year_unknown",
    pointer="/compliance_year",
    unit=Unit.TEXT,
    zh="没有公布该履约年度的抵销规则",
    en="no offset rules have been announced for that compliance year",
    remedy_zh="请核对履约年度",
    remedy_en="check the compliance year",
    source="Measures 2023, Art. 29: rules of the authority",
)
COMPLIANCE_YEAR_NOT_OPEN: Final = Reason(
    code="compliance_year_not_open",
    pointer="/compliance_year",
    unit=Unit.NS,
    zh="该履约年度的抵销尚未开始",
    en="offsets of that compliance year are not yet taken",
    remedy_zh="请在开始时间之后提交",
    remedy_en="submit after it has opened",
    source="compliance year: opens",
)
COMPLIANCE_DEADLINE_PASSED: Final = Reason(
    code="compliance_deadline_passed",
    pointer="/compliance_year",
    unit=Unit.NS,
    zh="该履约年度的抵销提交截止时间已过",
    en="the deadline of that compliance year has passed",
    remedy_zh="截止以交易所时钟为准",
    remedy_en="the exchange's clock decides",
    source="compliance year: deadline",
)
QUANTITY_OR_LOTS: Final = Reason(
    code="quantity_or_lots",
    pointer="",
    unit=Unit.TEXT,
    zh="须填写数量或指定批次，且只能二选一",
    en="name a quantity or lots, one of the two",
    remedy_zh="请只填写其中一项；每个批次填序列号或数量",
    remedy_en="give one of them; for each lot, serials or a quantity",
    source="exchange",
)
QUANTITY_NOT_POSITIVE: Final = Reason(
    code="quantity_not_positive",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="数量须为正整数吨",
    en="the quantity must be a whole number of tonnes above zero",
    remedy_zh="请填写大于零的整数",
    remedy_en="give a whole number above zero",
    source="Measures 2023, Art. 41",
)
SEVERAL_INSTRUMENTS: Final = Reason(
    code="several_instruments",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="一次申请只能使用同一产品代码的批次",
    en="one request uses lots of one instrument",
    remedy_zh="请按产品代码分别提交",
    remedy_en="submit one request for each instrument",
    source="exchange",
)
SERIALS_BEYOND_LOT: Final = Reason(
    code="serials_beyond_lot",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="序列号区间超出该批次（不能跨批次）",
    en="the serials go beyond the lot: a range lies within one lot",
    remedy_zh="请按批次分别写明序列号区间",
    remedy_en="name the serials of each lot apart",
    source="exchange",
)
SERIALS_RETIRED: Final = Reason(
    code="serials_retired",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="序列号已注销，不能重复使用",
    en="these serials have been retired and cannot be used again",
    remedy_zh="请核对序列号",
    remedy_en="check the serials",
    source="Measures 2023, Art. 35",
)
UNITS_NOT_OWNED: Final = Reason(
    code="units_not_owned",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="账户没有这么多该减排量",
    en="the account does not own these units",
    remedy_zh="请核对账户持有量与序列号",
    remedy_en="check what the account holds",
    source="exchange",
)
UNITS_HELD: Final = Reason(
    code="units_held",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="减排量已被委托或其他申请占用",
    en="the units are held by an order or another request",
    remedy_zh="请先撤销相应委托或申请",
    remedy_en="take that order or request back first",
    source="exchange",
)
UNITS_NOT_SETTLED: Final = Reason(
    code="units_not_settled",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="当日买入、尚未完成交收的减排量不能使用",
    en="units bought today cannot be used before they are settled",
    remedy_zh="请待交收完成后再提交",
    remedy_en="wait for the settlement",
    source="exchange rule: units can be used after settlement",
)
UNITS_FROZEN: Final = Reason(
    code="units_frozen",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="减排量已被冻结",
    en="the units are frozen",
    remedy_zh="请联系交易所",
    remedy_en="ask the exchange",
    source="Measures 2023, Art. 22",
)
PERIOD_NOT_ELIGIBLE: Final = Reason(
    code="period_not_eligible",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="该批次的监测期不在该履约年度可用范围内",
    en="the lot's monitoring period is not eligible for that compliance year",
    remedy_zh="请改用监测期符合要求的批次",
    remedy_en="use lots of an eligible monitoring period",
    source="compliance year: monitoring periods",
)
METHODOLOGY_NOT_ELIGIBLE: Final = Reason(
    code="methodology_not_eligible",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="该批次的方法学不在该履约年度可用范围内",
    en="the lot's methodology is not eligible for that compliance year",
    remedy_zh="请改用方法学符合要求的批次",
    remedy_en="use lots of an eligible methodology",
    source="compliance year: methodologies",
)
ORIGIN_NOT_ELIGIBLE: Final = Reason(
    code="origin_not_eligible",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="该批次的来源（项目或场景）不在该履约年度可用范围内",
    en="the lot's origin is not eligible for that compliance year",
    remedy_zh="请改用来源符合要求的批次",
    remedy_en="use lots of an eligible origin",
    source="compliance year: origins",
)
LOT_EXCLUDED: Final = Reason(
    code="lot_excluded",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="该批次不得用于该履约年度的抵销",
    en="the lot is excluded from that compliance year's offsets",
    remedy_zh="纳管边界内产生的减排量不能用于自身履约；请改用其他批次",
    remedy_en="reductions from within one's own boundary do not count; use other lots",
    source="compliance year: exclusions; Measures 2023, Art. 17",
)
CAP_EXCEEDED: Final = Reason(
    code="cap_exceeded",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="超出该履约年度的抵销上限",
    en="the offset would exceed the cap of that compliance year",
    remedy_zh="请减少数量；已用与剩余额度可先试算",
    remedy_en="lower the quantity; a quote tells what is left",
    source="compliance year: cap",
)
CAP_BASE_NOT_FILED: Final = Reason(
    code="cap_base_not_filed",
    pointer="/compliance_year",
    unit=Unit.TEXT,
    zh="该单位的抵销上限基数尚未报备",
    en="what the entity's cap is a share of has not been filed",
    remedy_zh="请联系主管部门",
    remedy_en="ask the authority",
    source="compliance year: cap",
)
WELFARE_ACCOUNT_UNKNOWN: Final = Reason(
    code="welfare_account_unknown",
    pointer="/donate_to",
    unit=Unit.TEXT,
    zh="该账户不是公益账户",
    en="that account is not a public-welfare account",
    remedy_zh="请改用已公布的公益账户，或选择注销",
    remedy_en="name a designated one, or let the units be retired",
    source="Measures 2023, Art. 31",
)
NOT_A_DONATION: Final = Reason(
    code="not_a_donation",
    pointer="/donate_to",
    unit=Unit.TEXT,
    zh="只有公益捐赠可以划转至公益账户",
    en="only a donation moves to a public-welfare account",
    remedy_zh="其他用途请勿填写受赠账户",
    remedy_en="leave the account out of other uses",
    source="Measures 2023, Art. 31",
)
USE_NOT_HELD: Final = Reason(
    code="use_not_held",
    pointer="/use_id",
    unit=Unit.TEXT,
    zh="没有这笔可撤回的申请",
    en="there is no such request of yours that can still be taken back",
    remedy_zh="已提交登记平台或已完成的申请不可撤回",
    remedy_en="once the registry has been asked there is no way back",
    source="Measures 2023, Art. 35",
)
COMPLIANCE_YEAR_FAULTY: Final = Reason(
    code="compliance_year_faulty",
    pointer="/terms",
    unit=Unit.TEXT,
    zh="履约年度规则有误",
    en="the terms of the compliance year cannot be meant",
    remedy_zh="请核对时间、比例与日期",
    remedy_en="check the times, the ratio and the dates",
    source="exchange",
)
FILING_FAULTY: Final = Reason(
    code="filing_faulty",
    pointer="/filing",
    unit=Unit.TEXT,
    zh="报备数据有误",
    en="the filing cannot be meant",
    remedy_zh="请核对吨数与履约年度",
    remedy_en="check the tonnes and the year",
    source="exchange",
)
ACCOUNT_EARMARKED: Final = Reason(
    code="account_earmarked",
    pointer="/account",
    unit=Unit.TEXT,
    zh="该账户资金为专款，只能买入用于指定用途并注销的减排量",
    en="the account's money is earmarked: it only buys units to be retired for its purpose",
    remedy_zh="请填写指定用途后买入，其他业务请用普通账户",
    remedy_en="buy for that use; do everything else from another account",
    source="Measures 2023, Art. 32",
)

USE_REASONS: Final = (
    CLASS_NOT_ELIGIBLE,
    CHANNEL_NOT_ALLOWED,
    NOT_A_COMPLIANCE_ENTITY,
    COMPLIANCE_YEAR_UNKNOWN,
    COMPLIANCE_YEAR_NOT_OPEN,
    COMPLIANCE_DEADLINE_PASSED,
    QUANTITY_OR_LOTS,
    QUANTITY_NOT_POSITIVE,
    SEVERAL_INSTRUMENTS,
    SERIALS_BEYOND_LOT,
    SERIALS_RETIRED,
    UNITS_NOT_OWNED,
    UNITS_HELD,
    UNITS_NOT_SETTLED,
    UNITS_FROZEN,
    PERIOD_NOT_ELIGIBLE,
    METHODOLOGY_NOT_ELIGIBLE,
    ORIGIN_NOT_ELIGIBLE,
    LOT_EXCLUDED,
    CAP_EXCEEDED,
    CAP_BASE_NOT_FILED,
    WELFARE_ACCOUNT_UNKNOWN,
    NOT_A_DONATION,
    USE_NOT_HELD,
    COMPLIANCE_YEAR_FAULTY,
    FILING_FAULTY,
    ACCOUNT_EARMARKED,
)
"""Every reason of uses, in the order the guards ask; other guards of the package are asked among them."""
