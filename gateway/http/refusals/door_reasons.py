"""Why a connection or a request is refused before any route has seen it. See `gateway.http.refusals.reasons`."""

from typing import Final

from gateway.http.refusals.reasons import reason_of
from settlement.rejections import Unit

HEADERS_TOO_SLOW: Final = reason_of(
    "headers_too_slow",
    408,
    ("请求头未在时限内到达", "the headers did not arrive in time"),
    ("请重新连接后再发送", "connect and send it again"),
)
HEADERS_TOO_LARGE: Final = reason_of(
    "headers_too_large",
    431,
    ("请求头过多或过长", "there are too many headers, or they are too long"),
    ("请减少请求头；上限见 docs/operating.md", "send fewer or shorter ones"),
)
URL_TOO_LONG: Final = reason_of(
    "url_too_long",
    414,
    ("请求的地址过长", "the request's address is too long"),
    ("上限（字节）见 limit", "limit is the most, in bytes"),
    Unit.COUNT,
)
REQUEST_TOO_LONG: Final = reason_of(
    "request_timed_out",
    503,
    ("请求未在时限内处理完毕，结果未知", "the request took too long; what became of it is not known yet"),
    (
        "请以同一编号重试，或按编号查询结果",
        "send it again with the same client id, or look that id up",
    ),
)

STANDING_BY: Final = reason_of(
    "standing_by",
    503,
    ("本进程为备用, 由另一进程提供服务", "this process stands by for another one, which serves"),
    (
        "请向交易所的对外地址发送；此处未受理任何内容",
        "send it to the exchange's own address; nothing was taken on here",
    ),
)

PUBLIC_ONLY: Final = reason_of(
    "public_only",
    503,
    ("本进程只提供公开信息", "this process serves the public only"),
    (
        "登录, 交易与查询账户请使用交易所的对外地址；此处未受理任何内容",
        "log in, trade and look at accounts at the exchange's own address; nothing was taken on here",
    ),
)

DOOR_REASONS: Final = (
    HEADERS_TOO_SLOW,
    HEADERS_TOO_LARGE,
    URL_TOO_LONG,
    REQUEST_TOO_LONG,
    STANDING_BY,
    PUBLIC_ONLY,
)
"""Every reason of this module."""
