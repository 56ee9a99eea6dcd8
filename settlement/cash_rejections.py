"""Why money, and what the settlement bank says of it, is refused."""

from typing import Final

from settlement.rejections import Reason, Unit

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
CASH_IN_DISPUTE: Final = Reason(
    code="cash_in_dispute",
    pointer="/account",
    unit=Unit.TEXT,
    zh="该账户资金与结算银行对账不符，核实前不能出金",
    en="the account's money differs from the settlement bank's; none leaves before that is settled",
    remedy_zh="请联系交易所运营人员",
    remedy_en="ask the exchange's operator",
    source="exchange rule: a break stops what it touches",
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
BANK_ACCOUNT_DIFFERS: Final = Reason(
    code="bank_account_differs",
    pointer="/bank_account",
    unit=Unit.TEXT,
    zh="对账单不是本所结算账户的",
    en="the statement is not of the exchange's settlement account",
    remedy_zh="请核对账号；结算账户见规则手册 bank_account",
    remedy_en="check the account; the settlement account is `bank_account` in the rule book",
    source="exchange rule: bank_account",
)
STATEMENT_REUSED: Final = Reason(
    code="statement_reused",
    pointer="/statement_id",
    unit=Unit.TEXT,
    zh="同一编号的对账单已导入，内容不同",
    en="a statement of this number has been imported with other content",
    remedy_zh="更正后的对账单应有新的编号",
    remedy_en="a corrected statement has a number of its own",
    source="exchange",
)
STATEMENT_LINE_OF_NOTHING: Final = Reason(
    code="statement_line_of_nothing",
    pointer="/lines",
    unit=Unit.TEXT,
    zh="对账单有金额为零的一行",
    en="the statement has a line of no money",
    remedy_zh="请向银行索取正确的对账单",
    remedy_en="ask the bank for a correct statement",
    source="exchange",
)
STATEMENT_UNBALANCED: Final = Reason(
    code="statement_unbalanced",
    pointer="/closing",
    unit=Unit.FEN,
    zh="期初余额加各行发生额不等于期末余额",
    en="the opening balance and the lines do not add up to the closing balance",
    remedy_zh="文件可能被截断或改动；请重新取得对账单",
    remedy_en="the file may be cut or altered: get the statement again",
    source="exchange",
)
STATEMENT_PERIOD: Final = Reason(
    code="statement_period",
    pointer="/from",
    unit=Unit.NS,
    zh="对账单期间为空，与已导入的重叠，或在今日之后",
    en="the statement's period is empty, overlaps one that was imported, or ends after today",
    remedy_zh="对账单须按日期依次导入，期间不重叠",
    remedy_en="statements come in order, and their periods do not overlap",
    source="exchange",
)
STATEMENT_GAP: Final = Reason(
    code="statement_gap",
    pointer="/opening",
    unit=Unit.FEN,
    zh="期初余额不等于上一份对账单的期末余额",
    en="the opening balance is not the closing balance of the statement before",
    remedy_zh="中间可能缺少一份；请先导入缺少的对账单",
    remedy_en="one may be missing in between: import that first",
    source="exchange",
)
STATEMENT_NOT_LAST: Final = Reason(
    code="statement_not_last",
    pointer="/statement",
    unit=Unit.TEXT,
    zh="只能作废最近导入的一份对账单",
    en="only the statement that was imported last can be superseded",
    remedy_zh="请从最近一份起依次作废, 再依次导入正确的对账单",
    remedy_en="supersede from the latest one back, then import the right ones in order",
    source="exchange",
)
CASH_BREAK_NOT_OPEN: Final = Reason(
    code="cash_break_not_open",
    pointer="/break_id",
    unit=Unit.TEXT,
    zh="没有这项未决的资金差异",
    en="no such difference of money is open",
    remedy_zh="可能已自行消除或已处理",
    remedy_en="it may have closed by itself, or been settled",
    source="exchange",
)

REASONS: Final = (
    AMOUNT_ABOVE_WITHDRAWABLE,
    CASH_IN_DISPUTE,
    WITHDRAWAL_UNKNOWN,
    WITHDRAWAL_ENDED,
    BANK_ACCOUNT_DIFFERS,
    STATEMENT_REUSED,
    STATEMENT_LINE_OF_NOTHING,
    STATEMENT_UNBALANCED,
    STATEMENT_PERIOD,
    STATEMENT_GAP,
    STATEMENT_NOT_LAST,
    CASH_BREAK_NOT_OPEN,
)
"""Every reason of this kind."""
