"""Why trading refuses a command. See `settlement.rejections` for what a reason is."""

from typing import Final

from matching import negotiated_rejections, personal_data_rejections, safety_rejections
from settlement.rejections import Reason, Unit

LISTING_UNKNOWN: Final = Reason(
    code="listing_unknown",
    pointer="/listing",
    unit=Unit.TEXT,
    zh="没有这个挂牌产品",
    en="there is no such listing",
    remedy_zh="可用代码见 GET /v1/listings",
    remedy_en="the listings are at GET /v1/listings",
    source="exchange",
)
LISTING_EXISTS: Final = Reason(
    code="listing_exists",
    pointer="/listing",
    unit=Unit.TEXT,
    zh="该产品已经挂牌",
    en="the instrument is listed already",
    remedy_zh="无需重复挂牌",
    remedy_en="nothing needs to be done",
    source="exchange",
)
PHASE_CLOSED: Final = Reason(
    code="phase_closed",
    pointer="",
    unit=Unit.TEXT,
    zh="当前时段不接受该操作",
    en="this is not accepted in the present phase of the day",
    remedy_zh="交易时段见 GET /v1/status 与 GET /v1/calendar",
    remedy_en="the hours are at GET /v1/status and GET /v1/calendar",
    source="rule book: hours",
)
PRICE_NOT_ON_TICK: Final = Reason(
    code="price_not_on_tick",
    pointer="/price",
    unit=Unit.FEN,
    zh="价格须为最小变动价位的正整数倍",
    en="the price must be a positive multiple of the tick",
    remedy_zh="请按最小变动价位调整价格",
    remedy_en="move the price to a multiple of the tick",
    source="rule book: tick_fen",
)
PRICE_OUTSIDE_BAND: Final = Reason(
    code="price_outside_band",
    pointer="/price",
    unit=Unit.FEN,
    zh="价格超出当日涨跌幅限制",
    en="the price is outside the day's band",
    remedy_zh="请在涨跌幅范围内报价，见 GET /v1/listings",
    remedy_en="quote within the band, see GET /v1/listings",
    source="rule book: band_basis_points",
)
QUANTITY_BELOW_MINIMUM: Final = Reason(
    code="quantity_below_minimum",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="数量低于单笔下限",
    en="the quantity is below the minimum of an order",
    remedy_zh="请增加数量",
    remedy_en="raise the quantity",
    source="rule book: listed_min_tonnes",
)
QUANTITY_ABOVE_MAXIMUM: Final = Reason(
    code="quantity_above_maximum",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="数量超过挂牌交易单笔上限",
    en="the quantity is above the maximum of a listed order",
    remedy_zh="请减少数量；大额可用协议转让",
    remedy_en="lower the quantity; large amounts go by negotiated transfer",
    source="rule book: listed_max_tonnes",
)
QUANTITY_NOT_IN_LOTS: Final = Reason(
    code="quantity_not_in_lots",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="数量须为交易单位的整数倍",
    en="the quantity must be a multiple of the trading unit",
    remedy_zh="请按交易单位调整数量",
    remedy_en="move the quantity to a multiple of the trading unit",
    source="rule book: lot_tonnes",
)
SELF_TRADE: Final = Reason(
    code="self_trade",
    pointer="",
    unit=Unit.TEXT,
    zh="将与同一受益所有人的委托成交，不予受理",
    en="the order would trade with one of the same beneficial owner",
    remedy_zh="请先撤销对手方向的自有委托",
    remedy_en="cancel your own order on the other side first",
    source="rule book: self_trade",
)
ORDER_NOT_OPEN: Final = Reason(
    code="order_not_open",
    pointer="/order_id",
    unit=Unit.TEXT,
    zh="没有这笔未了结的委托",
    en="no such order of yours is open",
    remedy_zh="可能已成交、已撤销或已过期；请查询委托",
    remedy_en="it may be filled, cancelled or expired; look it up",
    source="exchange",
)
RULE_FAULTY: Final = Reason(
    code="rule_faulty",
    pointer="/changes",
    unit=Unit.TEXT,
    zh="规则参数不可用",
    en="a rule's value cannot be meant",
    remedy_zh="请核对参数名称与取值",
    remedy_en="check the parameter's name and value",
    source="exchange",
)
RULE_BACKDATED: Final = Reason(
    code="rule_backdated",
    pointer="/changes",
    unit=Unit.NS,
    zh="规则不得溯及既往",
    en="a rule cannot take effect in the past",
    remedy_zh="请将生效时间定在此刻之后",
    remedy_en="let it take effect from now on, or later",
    source="exchange",
)
RULES_INCOMPLETE: Final = Reason(
    code="rules_incomplete",
    pointer="",
    unit=Unit.TEXT,
    zh="规则手册尚不完整，不能开市",
    en="the rule book is incomplete, the day cannot open",
    remedy_zh="请先补全所缺参数",
    remedy_en="adopt the missing parameters first",
    source="exchange",
)
CALENDAR_MALFORMED: Final = Reason(
    code="calendar_malformed",
    pointer="/trading_days",
    unit=Unit.TEXT,
    zh="交易日历格式有误",
    en="the calendar is malformed",
    remedy_zh="交易日须升序且在所公告期间之内",
    remedy_en="trading days must be ascending and within the period announced",
    source="exchange",
)
CALENDAR_NOT_ANNOUNCED: Final = Reason(
    code="calendar_not_announced",
    pointer="",
    unit=Unit.TEXT,
    zh="下一交易日尚未公告",
    en="the next trading day has not been announced",
    remedy_zh="请先公告交易日历",
    remedy_en="announce the calendar first",
    source="exchange",
)
NOT_A_TRADING_DAY: Final = Reason(
    code="not_a_trading_day",
    pointer="/trading_day",
    unit=Unit.TEXT,
    zh="该日不是交易日",
    en="that day is not a trading day",
    remedy_zh="交易日见 GET /v1/calendar",
    remedy_en="trading days are at GET /v1/calendar",
    source="exchange",
)
DAY_ALREADY_OPEN: Final = Reason(
    code="day_already_open",
    pointer="/trading_day",
    unit=Unit.TEXT,
    zh="交易日已经开始",
    en="a trading day is open already",
    remedy_zh="须先完成当日闭市",
    remedy_en="complete its close first",
    source="exchange",
)
DAY_NOT_OPEN: Final = Reason(
    code="day_not_open",
    pointer="/trading_day",
    unit=Unit.TEXT,
    zh="该交易日未在进行",
    en="that trading day is not open",
    remedy_zh="当前交易日见 GET /v1/operator/day",
    remedy_en="the present one is at GET /v1/operator/day",
    source="exchange",
)
SESSION_IN_PROGRESS: Final = Reason(
    code="session_in_progress",
    pointer="",
    unit=Unit.TEXT,
    zh="交易时段尚未结束",
    en="the sessions of the day are not over",
    remedy_zh="时段结束后自动闭市；提前闭市须说明理由",
    remedy_en="the close begins by itself after the last session; before it, say a reason",
    source="rule book: close_by_clock",
)
CLOSE_UNDER_WAY: Final = Reason(
    code="close_under_way",
    pointer="",
    unit=Unit.TEXT,
    zh="闭市正在进行",
    en="the close is under way already",
    remedy_zh="进度见 GET /v1/operator/day",
    remedy_en="its progress is at GET /v1/operator/day",
    source="exchange",
)
NOT_RECONCILING: Final = Reason(
    code="not_reconciling",
    pointer="",
    unit=Unit.TEXT,
    zh="闭市当前不在可以如此办理的步骤",
    en="the close is not at the step that this is for",
    remedy_zh="进度见 GET /v1/operator/day",
    remedy_en="its progress is at GET /v1/operator/day",
    source="exchange",
)
STATEMENTS_NOT_DUE: Final = Reason(
    code="statements_not_due",
    pointer="",
    unit=Unit.TEXT,
    zh="当前无待出具的这些账户对账单",
    en="no statements of these accounts are to be issued at present",
    remedy_zh="进度见 GET /v1/operator/day",
    remedy_en="its progress is at GET /v1/operator/day",
    source="exchange",
)
LISTING_HALTED: Final = Reason(
    code="listing_halted",
    pointer="/listing",
    unit=Unit.TEXT,
    zh="该产品已暂停交易",
    en="trading of the listing is halted",
    remedy_zh="可撤单；恢复交易见 GET /v1/status",
    remedy_en="orders can be taken back; see GET /v1/status for when it resumes",
    source="exchange rule: emergency measures",
)
NOT_HALTED: Final = Reason(
    code="not_halted",
    pointer="/listing",
    unit=Unit.TEXT,
    zh="该产品未暂停交易",
    en="trading is not halted",
    remedy_zh="无需恢复",
    remedy_en="nothing needs to be resumed",
    source="exchange",
)
ACCOUNT_RESTRICTED: Final = Reason(
    code="account_restricted",
    pointer="/account",
    unit=Unit.TEXT,
    zh="账户交易已被限制",
    en="the account's trading is restricted",
    remedy_zh="请联系交易所",
    remedy_en="ask the exchange",
    source="exchange rule: emergency measures",
)
NOT_RESTRICTED: Final = Reason(
    code="not_restricted",
    pointer="/account",
    unit=Unit.TEXT,
    zh="账户未被限制",
    en="the account is not restricted",
    remedy_zh="无需解除",
    remedy_en="nothing needs to be lifted",
    source="exchange",
)
KIND_NOT_ADMITTED: Final = Reason(
    code="kind_not_admitted",
    pointer="/account",
    unit=Unit.TEXT,
    zh="该类交易主体暂不能参与此产品的交易",
    en="participants of this kind are not admitted to the listing",
    remedy_zh="参与主体类别见 GET /v1/rules",
    remedy_en="the kinds admitted are at GET /v1/rules",
    source="rule book: participant_kinds; Measures 2023, Art. 30",
)
POSITION_LIMIT_EXCEEDED: Final = Reason(
    code="position_limit_exceeded",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="持有量将超过最大持有量限制",
    en="the purchase would exceed the position limit",
    remedy_zh="请减少数量或撤销其他买单",
    remedy_en="lower the quantity, or cancel other buy orders",
    source="rule book: position_limits",
)
QUANTITY_ALREADY_FILLED: Final = Reason(
    code="quantity_already_filled",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="新数量不大于已成交数量",
    en="the new quantity is not above what has been filled",
    remedy_zh="新数量须包含并大于已成交部分；如需全部撤回请撤单",
    remedy_en="the new quantity includes what is filled and must exceed it; to take the rest back, cancel",
    source="exchange",
)
NOTHING_TO_REPLACE: Final = Reason(
    code="nothing_to_replace",
    pointer="",
    unit=Unit.TEXT,
    zh="改单内容与原委托相同",
    en="the order is so already",
    remedy_zh="请给出不同的价格或数量",
    remedy_en="give another price or quantity",
    source="exchange",
)
TRADE_NOT_PENDING: Final = Reason(
    code="trade_not_pending",
    pointer="/trade_id",
    unit=Unit.TEXT,
    zh="该笔成交不存在或已进入交收",
    en="there is no such trade whose delivery is still pending",
    remedy_zh="交收后不可撤销",
    remedy_en="a trade cannot be undone once its delivery is instructed",
    source="exchange rule: trade cancellation before settlement only",
)
REASON_MISSING: Final = Reason(
    code="reason_missing",
    pointer="/reason",
    unit=Unit.TEXT,
    zh="须说明理由",
    en="a reason must be given",
    remedy_zh="请填写理由",
    remedy_en="say why",
    source="exchange",
)
RULE_WITHOUT_NOTICE: Final = Reason(
    code="rule_without_notice",
    pointer="/changes",
    unit=Unit.NS,
    zh="规则变更须提前公告",
    en="a rule must be announced before it takes effect",
    remedy_zh="请推迟生效时间，或按紧急措施办理",
    remedy_en="let it take effect later, or make it an emergency measure",
    source="rule book: notice_s",
)
APPROVAL_UNKNOWN: Final = Reason(
    code="approval_unknown",
    pointer="/approval_id",
    unit=Unit.TEXT,
    zh="没有这项待复核的操作",
    en="no such act waits for approval",
    remedy_zh="可能已处理",
    remedy_en="it may have been decided already",
    source="exchange",
)
SECOND_PERSON_NEEDED: Final = Reason(
    code="second_person_needed",
    pointer="",
    unit=Unit.TEXT,
    zh="须由另一人复核",
    en="another person must approve",
    remedy_zh="申请人不能复核自己的申请",
    remedy_en="who asked cannot approve",
    source="rule book: two_person_acts",
)

REASONS: Final = (
    LISTING_UNKNOWN,
    LISTING_EXISTS,
    PHASE_CLOSED,
    PRICE_NOT_ON_TICK,
    PRICE_OUTSIDE_BAND,
    QUANTITY_BELOW_MINIMUM,
    QUANTITY_ABOVE_MAXIMUM,
    QUANTITY_NOT_IN_LOTS,
    SELF_TRADE,
    ORDER_NOT_OPEN,
    RULE_FAULTY,
    RULE_BACKDATED,
    RULES_INCOMPLETE,
    CALENDAR_MALFORMED,
    CALENDAR_NOT_ANNOUNCED,
    NOT_A_TRADING_DAY,
    DAY_ALREADY_OPEN,
    DAY_NOT_OPEN,
    SESSION_IN_PROGRESS,
    CLOSE_UNDER_WAY,
    NOT_RECONCILING,
    STATEMENTS_NOT_DUE,
    LISTING_HALTED,
    NOT_HALTED,
    ACCOUNT_RESTRICTED,
    NOT_RESTRICTED,
    KIND_NOT_ADMITTED,
    POSITION_LIMIT_EXCEEDED,
    QUANTITY_ALREADY_FILLED,
    NOTHING_TO_REPLACE,
    TRADE_NOT_PENDING,
    REASON_MISSING,
    RULE_WITHOUT_NOTICE,
    APPROVAL_UNKNOWN,
    SECOND_PERSON_NEEDED,
    *negotiated_rejections.REASONS,
    *safety_rejections.REASONS,
    *personal_data_rejections.REASONS,
)
"""Every reason of this package."""
