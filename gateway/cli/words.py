"""In which language the command line speaks: Chinese, unless the locale asks for English."""

import os
from typing import Final, Literal

Language = Literal["zh", "en"]

_LOCALE_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
"""In the order POSIX gives them; the first that is set decides."""


def language() -> Language:
    """English where the locale begins with `en`, otherwise Chinese."""
    named = next((value for name in _LOCALE_VARIABLES if (value := os.environ.get(name))), "")
    return "en" if named.lower().startswith("en") else "zh"


def say(zh: str, en: str) -> str:
    """One sentence, in the language of the moment."""
    return en if language() == "en" else zh


ORDER_STATUS: Final = {
    "new": "已报",
    "partially_filled": "部分成交",
    "filled": "全部成交",
    "cancelled": "已撤单",
    "expired": "已失效",
    "rejected": "已拒绝",
}

SIDE: Final = {"buy": "买入", "sell": "卖出"}

NEGOTIATED_STATE: Final = {
    "filed": "已申报",
    "confirmed": "已确认",
    "under_review": "审核中",
    "executed": "已成交",
    "declined": "已拒绝",
    "withdrawn": "已撤回",
    "expired": "已失效",
    "rejected": "未通过核对",
}

NEGOTIATED_REASON: Final = {"own_time": "有效期已到", "session_end": "时段结束"}

NEGOTIATED_CHANGE: Final = {
    "price": "价格",
    "quantity": "数量",
    "lots": "批次",
    "expires_at": "有效期",
}

PHASE: Final = {
    "pre_open": "开市前",
    "listed": "挂牌交易",
    "break": "午间休市",
    "negotiated": "协议转让",
    "continuous": "连续交易",
    "closing": "闭市处理",
    "closed": "已闭市",
}

USE_STATE: Final = {
    "held": "已受理, 可撤回",
    "retiring": "登记平台办理中",
    "completed": "已完成",
    "refused": "登记平台拒绝",
    "withdrawn": "已撤回",
}

USE_PURPOSE: Final = {
    "compliance_offset": "履约抵销",
    "voluntary_offset": "自愿碳抵消",
    "voluntary_cancellation": "自愿碳注销",
    "donation": "公益捐赠",
    "damage_compensation": "生态环境损害赔偿",
}

WITHDRAWAL_STATE: Final = {"held": "待支付", "paid": "已支付", "returned": "已退回"}


def term(table: dict[str, str], word: str) -> str:
    """A word of the contract as people read it: its Chinese term, or the word itself in English."""
    return word.replace("_", " ") if language() == "en" else table.get(word, word)
