"""Why a command about units in custody is refused: transfers out, freezes, claims, breaks, notices."""

from typing import Final

from settlement.rejections import Reason, Unit

ACCOUNT_FROZEN: Final = Reason(
    code="account_frozen",
    pointer="/account",
    unit=Unit.TEXT,
    zh="该账户已被冻结",
    en="the account is frozen",
    remedy_zh="请向冻结机构了解原因；解冻后可再办理",
    remedy_en="ask who froze it for the reason; it can be used again when the freeze is lifted",
    source="Measures 2023, Art. 22; exchange rule: freezes",
)
TRANSFER_CUT_OFF: Final = Reason(
    code="transfer_cut_off",
    pointer="",
    unit=Unit.NS,
    zh="已过本交易日划转申请的截止时间",
    en="the trading day's time for transfers is over",
    remedy_zh="请在下一交易日截止时间之前申请",
    remedy_en="ask before the next trading day's cut-off",
    source="rule book: transfers_until",
)
CHOICE_MALFORMED: Final = Reason(
    code="choice_malformed",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="须填写大于零的数量，或列明批次；每个批次只列一次，注明序列号或数量其一",
    en="give a quantity above zero, or lots; each lot once, by its serials or by a quantity",
    remedy_zh="请只填数量，或只填批次",
    remedy_en="give only a quantity, or only lots",
    source="exchange",
)
SERIALS_NOT_HELD: Final = Reason(
    code="serials_not_held",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="账户未持有所列序列号，或已在交收途中",
    en="the account does not hold these serials, or they are on their way already",
    remedy_zh="请查看账户批次",
    remedy_en="look at the account's lots",
    source="exchange",
)
SERIALS_GONE: Final = Reason(
    code="serials_gone",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="所列序列号已使用注销，或经修正收回",
    en="these serials were used and cancelled, or withdrawn after a correction",
    remedy_zh="已注销或收回的减排量不得再次使用，请核对序列号",
    remedy_en="what is gone is never used again; check the serials",
    source="Measures 2023, Art. 22, 35",
)
SERIALS_FROZEN: Final = Reason(
    code="serials_frozen",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="所列序列号已被冻结",
    en="these serials are frozen",
    remedy_zh="请改选未冻结的序列号",
    remedy_en="choose serials that are not frozen",
    source="Measures 2023, Art. 22; exchange rule: freezes",
)
NOTICE_OUT_OF_ORDER: Final = Reason(
    code="notice_out_of_order",
    pointer="/sequence",
    unit=Unit.COUNT,
    zh="登记平台通知的序号不连续",
    en="the registry's notices must be taken one by one, none left out",
    remedy_zh="请从期望的序号起重新取得通知",
    remedy_en="take them again from the sequence number that is expected",
    source="exchange",
)
FREEZE_MALFORMED: Final = Reason(
    code="freeze_malformed",
    pointer="",
    unit=Unit.TEXT,
    zh="冻结须指明账户或批次；列明序列号时须指明批次",
    en="a freeze names an account or a lot; serials only with their lot",
    remedy_zh="请补全冻结对象",
    remedy_en="say what is to be frozen",
    source="exchange",
)
FREEZE_UNKNOWN: Final = Reason(
    code="freeze_unknown",
    pointer="/freeze_id",
    unit=Unit.TEXT,
    zh="没有这项由运营方作出的冻结",
    en="there is no such freeze by an operator",
    remedy_zh="登记平台、差异、追索所致的冻结由其来源解除",
    remedy_en="freezes by the registry, a break or a claim are lifted where they came from",
    source="exchange",
)
CLAIM_NOT_OPEN: Final = Reason(
    code="claim_not_open",
    pointer="/claim_id",
    unit=Unit.TEXT,
    zh="没有这项追索，或已不能如此决定",
    en="there is no such claim, or this can no longer be decided about it",
    remedy_zh="请查看追索的当前状态",
    remedy_en="look at where the claim stands",
    source="Measures 2023, Art. 22",
)
REMOVAL_NOT_REFUSED: Final = Reason(
    code="removal_not_refused",
    pointer="/removal_id",
    unit=Unit.TEXT,
    zh="没有这笔被拒绝的修正转出",
    en="no such removal of corrected units has been refused",
    remedy_zh="可能已完成，或仍在等待登记平台答复",
    remedy_en="it may be done, or still be waiting for the registry",
    source="exchange",
)
BREAK_NOT_OPEN: Final = Reason(
    code="break_not_open",
    pointer="/break_id",
    unit=Unit.TEXT,
    zh="没有这项未处理的差异",
    en="no such break is open",
    remedy_zh="可能已处理",
    remedy_en="it may have been resolved already",
    source="exchange",
)
DIFFERENCE_MALFORMED: Final = Reason(
    code="difference_malformed",
    pointer="/differences",
    unit=Unit.TEXT,
    zh="差异未指明账户、批次或划转，或序列号区间有误",
    en="a difference names an account, a lot or a movement, and its serial ranges are sound",
    remedy_zh="请补全差异内容",
    remedy_en="say what differs",
    source="exchange",
)
DELIVERY_NOT_PARKED: Final = Reason(
    code="delivery_not_parked",
    pointer="/trade_id",
    unit=Unit.TEXT,
    zh="没有这笔搁置的交收",
    en="no such delivery is parked",
    remedy_zh="可能已重新办理，或已退回",
    remedy_en="it may have been retried or unwound already",
    source="exchange",
)

DELIVERY_NOT_COVERED: Final = Reason(
    code="delivery_not_covered",
    pointer="/trade_id",
    unit=Unit.TEXT,
    zh="买方所依赖的卖出价款尚未到账",
    en="the buyer is still to receive what it lacks, for sales of its own",
    remedy_zh="请先重新办理或退回其搁置的卖出；款到即自动交收",
    remedy_en="retry or unwind its parked sales first; it goes on by itself when the money comes",
    source="exchange",
)

REASONS: Final = (
    ACCOUNT_FROZEN,
    TRANSFER_CUT_OFF,
    CHOICE_MALFORMED,
    SERIALS_NOT_HELD,
    SERIALS_GONE,
    SERIALS_FROZEN,
    NOTICE_OUT_OF_ORDER,
    FREEZE_MALFORMED,
    FREEZE_UNKNOWN,
    CLAIM_NOT_OPEN,
    REMOVAL_NOT_REFUSED,
    BREAK_NOT_OPEN,
    DIFFERENCE_MALFORMED,
    DELIVERY_NOT_PARKED,
    DELIVERY_NOT_COVERED,
)
"""Every reason of this module."""
