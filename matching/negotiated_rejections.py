"""Why negotiated transfers are refused. See `settlement.rejections` for what a reason is."""

from typing import Final

from settlement.rejections import Reason, Unit

NEGOTIATED_UNKNOWN: Final = Reason(
    code="negotiated_transfer_unknown",
    pointer="/transfer_id",
    unit=Unit.TEXT,
    zh="没有这笔可由您答复的协议转让",
    en="there is no such negotiated transfer for you to answer",
    remedy_zh="请核对编号；已了结的见 GET /v1/negotiated-transfers",
    remedy_en="check the id; those that ended are at GET /v1/negotiated-transfers",
    source="exchange",
)
NEGOTIATED_ENDED: Final = Reason(
    code="negotiated_transfer_ended",
    pointer="/transfer_id",
    unit=Unit.TEXT,
    zh="该笔协议转让已不待答复",
    en="the negotiated transfer no longer waits for an answer",
    remedy_zh="请查询其状态；如仍有意向请重新申报",
    remedy_en="look up its state; if you still mean it, file anew",
    source="exchange",
)
PROCEEDS_LOST: Final = Reason(
    code="proceeds_lost",
    pointer="",
    unit=Unit.TEXT,
    zh="买方所依赖的卖出价款不能到账",
    en="the buyer will not receive what it relied on for sales of its own, or not now",
    remedy_zh="买方存入资金后可重新申报",
    remedy_en="the buyer can deposit money and file anew",
    source="exchange",
)
NOT_YOUR_TURN: Final = Reason(
    code="not_your_turn",
    pointer="/transfer_id",
    unit=Unit.TEXT,
    zh="当前应由另一方答复",
    en="it is the other side's turn",
    remedy_zh="己方所提条件可以撤回，对方所提条件可以确认、还价或拒绝",
    remedy_en="your own terms can be withdrawn; the other side's can be confirmed, countered or declined",
    source="exchange",
)
TERMS_DIFFER: Final = Reason(
    code="terms_hash_differs",
    pointer="/terms_hash",
    unit=Unit.TEXT,
    zh="所确认的条件不是当前条件",
    en="the terms confirmed are not those that stand",
    remedy_zh="请重新阅读当前条件并引用其哈希值",
    remedy_en="read the terms again and quote their hash",
    source="exchange",
)
COUNTERPARTY_UNKNOWN: Final = Reason(
    code="counterparty_unknown",
    pointer="/counterparty",
    unit=Unit.TEXT,
    zh="没有这个对手方账户",
    en="there is no such counterparty",
    remedy_zh="对手方须为本所交易账户",
    remedy_en="name a trading account of this exchange",
    source="exchange",
)
SAME_OWNER: Final = Reason(
    code="same_beneficial_owner",
    pointer="/counterparty",
    unit=Unit.TEXT,
    zh="双方属同一受益所有人或由同一人代为办理，不得协议转让",
    en="both sides have the same beneficial owner, or one acts for the other",
    remedy_zh="协议转让须在不同交易主体之间进行",
    remedy_en="a negotiated transfer is between different participants",
    source="rule book: self_trade",
)
OPEN_OFFERS_OFF: Final = Reason(
    code="counterparty_missing",
    pointer="/counterparty",
    unit=Unit.TEXT,
    zh="须指明对手方；目前不接受公开要约",
    en="a counterparty must be named; open offers are not taken",
    remedy_zh="请填写对手方账户",
    remedy_en="name the counterparty's account",
    source="rule book: negotiated_open_offers",
)
OPEN_OFFER_STANDS: Final = Reason(
    code="open_offer_stands",
    pointer="/transfer_id",
    unit=Unit.TEXT,
    zh="公开要约只能按原条件确认",
    en="an open offer can only be confirmed as it stands",
    remedy_zh="如需其他条件，请向对方另行申报",
    remedy_en="for other terms, file a transfer of your own",
    source="rule book: negotiated_open_offers",
)
TOO_MANY_FILED: Final = Reason(
    code="too_many_negotiated_transfers",
    pointer="/account",
    unit=Unit.COUNT,
    zh="该账户进行中的协议转让已达上限",
    en="the account has cover held for as many negotiated transfers as it may have",
    remedy_zh="请先撤回不再需要的申报",
    remedy_en="withdraw those you no longer mean",
    source="rule book: negotiated_max_filed",
)
TOO_MANY_ROUNDS: Final = Reason(
    code="too_many_rounds",
    pointer="/transfer_id",
    unit=Unit.COUNT,
    zh="该笔协议转让的还价次数已达上限",
    en="terms have been made as often as one negotiation allows",
    remedy_zh="请确认或拒绝当前条件，或另行申报",
    remedy_en="confirm or decline the terms that stand, or file anew",
    source="rule book: negotiated_max_rounds",
)
NEGOTIATED_TOO_SMALL: Final = Reason(
    code="negotiated_quantity_below_minimum",
    pointer="/quantity",
    unit=Unit.TONNES,
    zh="数量低于协议转让下限",
    en="the quantity is below the minimum of a negotiated transfer",
    remedy_zh="请增加数量；小额可用挂牌交易",
    remedy_en="raise the quantity; small amounts go by listed trading",
    source="rule book: negotiated_min_tonnes",
)
NEGOTIATED_OUTSIDE_BAND: Final = Reason(
    code="negotiated_price_outside_band",
    pointer="/price",
    unit=Unit.FEN,
    zh="价格超出该数量档协议转让的价格范围",
    en="the price is outside the band of negotiated transfers of this size",
    remedy_zh="请在所列范围内定价；各数量档见 GET /v1/rules",
    remedy_en="agree a price within the band told; the tiers are at GET /v1/rules",
    source="rule book: negotiated_band_tiers, negotiated_reference",
)
AGREEMENT_CONTRADICTS: Final = Reason(
    code="agreement_contradicts",
    pointer="/agreement_no",
    unit=Unit.TEXT,
    zh="该协议编号已按其他条件申报",
    en="the agreement of this number has been filed on other terms",
    remedy_zh="请与对方核对；另一份协议请用另一编号",
    remedy_en="settle it with the other side; another agreement takes another number",
    source="exchange",
)
AGREEMENT_MALFORMED: Final = Reason(
    code="agreement_no_malformed",
    pointer="/agreement_no",
    unit=Unit.TEXT,
    zh="协议编号格式有误",
    en="the agreement number is malformed",
    remedy_zh="至多 64 个可打印字符",
    remedy_en="64 printable characters at most",
    source="exchange",
)
EXPIRY_PASSED: Final = Reason(
    code="expiry_passed",
    pointer="/expires_at",
    unit=Unit.NS,
    zh="有效期须在此刻之后",
    en="the expiry must lie ahead",
    remedy_zh="请给出之后的时刻，或不填(至协议转让时段结束)",
    remedy_en="give a later moment, or none for the end of the session",
    source="exchange",
)
LOTS_MALFORMED: Final = Reason(
    code="named_lots_malformed",
    pointer="/lots",
    unit=Unit.TONNES,
    zh="所指定的批次有误",
    en="the lots named are malformed",
    remedy_zh="每批次一次，数量合计等于转让数量，编号升序不重叠；至多 100 个批次、1000 段",
    remedy_en="each lot once, tonnes that add up to the quantity, ascending serials; 100 lots, 1,000 ranges at most",
    source="exchange",
)
LOT_OF_ANOTHER_LISTING: Final = Reason(
    code="lot_of_another_listing",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="所指定的批次不属于该产品(类别不同或不存在)",
    en="a lot named is not of this listing: of another class, or unknown",
    remedy_zh="请指定本产品的批次，见 GET /v1/account/lots",
    remedy_en="name lots of the listing, see GET /v1/account/lots",
    source="Measures 2023, Art. 14, 29",
)
LOTS_NOT_AT_HAND: Final = Reason(
    code="named_lots_not_available",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="所指定的批次或编号不在卖方账户中，或已另有承诺",
    en="the seller does not have the lots or serials named, or has promised them elsewhere",
    remedy_zh="卖方可用的批次见 GET /v1/account/lots",
    remedy_en="the seller sees what it can use at GET /v1/account/lots",
    source="exchange",
)
LOTS_NOT_YOURS_TO_NAME: Final = Reason(
    code="lots_not_yours_to_name",
    pointer="/lots",
    unit=Unit.TEXT,
    zh="确认时只有卖方可以指定批次，且仅限条件中未指定批次的",
    en="only a seller may name lots when it confirms, and only where the terms name none",
    remedy_zh="请不填批次直接确认，或以还价提出",
    remedy_en="confirm without lots, or propose them in a counter",
    source="exchange",
)
NOT_UNDER_REVIEW: Final = Reason(
    code="not_under_review",
    pointer="/transfer_id",
    unit=Unit.TEXT,
    zh="没有这笔待审核的协议转让",
    en="no such negotiated transfer is under review",
    remedy_zh="可能已审核或已到期",
    remedy_en="it may have been decided or have expired",
    source="rule book: negotiated_review",
)
REVIEW_REFUSED: Final = Reason(
    code="review_refused",
    pointer="",
    unit=Unit.TEXT,
    zh="交易所审核未予通过",
    en="the exchange's review has refused it",
    remedy_zh="理由见审核结果",
    remedy_en="the review says why",
    source="rule book: negotiated_review",
)

REASONS: Final = (
    NEGOTIATED_UNKNOWN,
    NEGOTIATED_ENDED,
    PROCEEDS_LOST,
    NOT_YOUR_TURN,
    TERMS_DIFFER,
    COUNTERPARTY_UNKNOWN,
    SAME_OWNER,
    OPEN_OFFERS_OFF,
    OPEN_OFFER_STANDS,
    TOO_MANY_FILED,
    TOO_MANY_ROUNDS,
    NEGOTIATED_TOO_SMALL,
    NEGOTIATED_OUTSIDE_BAND,
    AGREEMENT_CONTRADICTS,
    AGREEMENT_MALFORMED,
    EXPIRY_PASSED,
    LOTS_MALFORMED,
    LOT_OF_ANOTHER_LISTING,
    LOTS_NOT_AT_HAND,
    LOTS_NOT_YOURS_TO_NAME,
    NOT_UNDER_REVIEW,
    REVIEW_REFUSED,
)
"""Every reason that only negotiated transfers have."""
