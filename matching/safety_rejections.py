"""Why orders are refused under a kill switch, and what safety commands are refused for."""

from typing import Final

from settlement.rejections import Reason, Unit

KILL_SWITCH_ON: Final = Reason(
    code="kill_switch_on",
    pointer="",
    unit=Unit.TEXT,
    zh="紧急停止开关已启用，不接受新委托",
    en="a kill switch is on: no new orders are taken",
    remedy_zh="请联系交易所；挂单均已撤销，协议转让与抵销不受影响",
    remedy_en="ask the exchange; open orders were cancelled, negotiated transfers and offsets are not touched",
    source="exchange rule: emergency measures",
)
KILL_SWITCH_NOT_ON: Final = Reason(
    code="kill_switch_not_on",
    pointer="",
    unit=Unit.TEXT,
    zh="该紧急停止开关未启用",
    en="that kill switch is not on",
    remedy_zh="请查询 GET /v1/operator/kill-switches",
    remedy_en="see GET /v1/operator/kill-switches",
    source="exchange",
)
CONNECTION_UNKNOWN: Final = Reason(
    code="connection_unknown",
    pointer="",
    unit=Unit.TEXT,
    zh="没有这个受监视的连接",
    en="there is no such watched connection",
    remedy_zh="无需处理",
    remedy_en="nothing has to be done",
    source="exchange",
)

REASONS: Final = (KILL_SWITCH_ON, KILL_SWITCH_NOT_ON, CONNECTION_UNKNOWN)
