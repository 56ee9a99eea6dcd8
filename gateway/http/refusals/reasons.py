"""Why the gateway itself refuses a request: each reason with its HTTP status.

The core's reasons are about what is asked for; those here are about how it was asked: shape, signature, permission,
load. `gateway.http.refusals.catalogue` puts them all together.
"""

from typing import Final

from settlement.rejections import Reason, Unit

STATUS_OF_GATEWAY: Final[dict[str, int]] = {}
"""Gateway code → HTTP status, filled below as each reason is written."""


def reason_of(
    code: str, status: int, says: tuple[str, str], remedy: tuple[str, str], unit: Unit = Unit.TEXT
) -> Reason:
    """A reason of the gateway's own, with its status put down."""
    STATUS_OF_GATEWAY[code] = status
    return Reason(
        code=code,
        pointer="",
        unit=unit,
        zh=says[0],
        en=says[1],
        remedy_zh=remedy[0],
        remedy_en=remedy[1],
        source="exchange",
    )


# --- shape ---------------------------------------------------------------------------------------------------------

MALFORMED_JSON: Final = reason_of(
    "malformed_json",
    400,
    ("请求体不是有效的 UTF-8 JSON", "the body is not valid UTF-8 JSON"),
    ("请按 RFC 8259 发送一个 JSON 对象", "send one JSON object as RFC 8259 describes it"),
)
DUPLICATE_FIELD: Final = reason_of(
    "duplicate_field",
    400,
    ("同一字段出现两次", "a field is given twice"),
    ("每个字段只写一次", "give each field once"),
)
UNKNOWN_FIELD: Final = reason_of(
    "unknown_field",
    400,
    ("存在未定义的字段", "a field is not known here"),
    (
        "请删去该字段或核对拼写；字段见 /v1/openapi.json",
        "remove it or check its spelling; the fields are in /v1/openapi.json",
    ),
)
MISSING_FIELD: Final = reason_of(
    "missing_field", 400, ("缺少必填字段", "a required field is missing"), ("请补上该字段", "add the field")
)
WRONG_TYPE: Final = reason_of(
    "wrong_type",
    400,
    ("字段类型不符", "a field has the wrong type"),
    ("价格、金额、数量与编号都是字符串", "prices, money, quantities and ids are strings"),
)
INVALID_CHOICE: Final = reason_of(
    "invalid_choice",
    400,
    ("取值不在允许范围内", "the value is not one of those allowed"),
    ("允许的取值见 limit", "limit lists those allowed"),
)
INVALID_TEXT: Final = reason_of(
    "invalid_text",
    400,
    ("文本过长、为空或含不允许的字符", "a text is empty, too long, or has characters that are not allowed"),
    ("请按 /v1/openapi.json 的格式填写", "write it as /v1/openapi.json says"),
)
INVALID_PRICE: Final = reason_of(
    "invalid_price",
    400,
    (
        '价格须为大于零、恰有两位小数的字符串，如 "68.50"',
        'a price is a text above zero with exactly two decimals, such as "68.50"',
    ),
    ("请以元/吨填写，不带符号与指数", "write yuan per tonne without sign or exponent"),
)
INVALID_QUANTITY: Final = reason_of(
    "invalid_quantity",
    400,
    (
        '数量须为大于零的整数吨字符串，如 "10"',
        'a quantity is a text of whole tonnes above zero, such as "10"',
    ),
    ("数量不可为零、负数或小数", "it cannot be zero, negative or fractional"),
)
INVALID_AMOUNT: Final = reason_of(
    "invalid_amount",
    400,
    (
        '金额须为大于零、恰有两位小数的字符串，如 "685.00"',
        'an amount is a text above zero with exactly two decimals, such as "685.00"',
    ),
    ("请以元填写，不带符号与指数", "write yuan without sign or exponent"),
)
INVALID_CLIENT_ID: Final = reason_of(
    "invalid_client_id",
    400,
    ("客户端编号须为 1 至 36 个 A-Za-z0-9._- 字符", "a client id is 1 to 36 of A-Za-z0-9._-"),
    ("请换一个编号", "choose another id"),
)
INVALID_TIME: Final = reason_of(
    "invalid_time",
    400,
    ("时间须按 RFC 3339 书写并带时区", "a time is written as in RFC 3339, with an offset"),
    ("例如 2026-11-23T09:30:00.000000+08:00", "such as 2026-11-23T09:30:00.000000+08:00"),
)
INVALID_DATE: Final = reason_of(
    "invalid_date",
    400,
    ("日期须写作 YYYY-MM-DD", "a date is written YYYY-MM-DD"),
    ("例如 2026-11-23", "such as 2026-11-23"),
)
INVALID_CURSOR: Final = reason_of(
    "invalid_cursor",
    400,
    ("分页游标无效", "the cursor is not one of ours"),
    ("请原样传回上一页的 next", "pass the `next` of the page before as it is"),
)
OUT_OF_RANGE: Final = reason_of(
    "out_of_range",
    400,
    ("数值超出范围", "a number is out of range"),
    ("允许范围见 limit", "limit says what is allowed"),
)
SIZE_OUT_OF_RANGE: Final = reason_of(
    "size_out_of_range",
    400,
    ("条目数超出范围", "too few or too many items"),
    ("请分批提交", "send them in portions"),
    Unit.COUNT,
)
LOTS_OR_QUANTITY: Final = reason_of(
    "lots_or_quantity",
    400,
    ("请二选一：listing 与 quantity，或 lots", "give either listing and quantity, or lots"),
    ("不可同时给出，也不可都不给", "not both, and not neither"),
)
SERIALS_OR_QUANTITY: Final = reason_of(
    "serials_or_quantity",
    400,
    ("每个批次请在 serials 与 quantity 中二选一", "of a lot give either serials or a quantity"),
    ("不可同时给出，也不可都不给", "not both, and not neither"),
)
BODY_TOO_LARGE: Final = reason_of(
    "body_too_large",
    413,
    ("请求体过大", "the body is too large"),
    ("上限（字节）见 limit", "limit is the most, in bytes"),
    Unit.COUNT,
)
BODY_TOO_SLOW: Final = reason_of(
    "body_too_slow",
    408,
    ("请求体未在时限内到达", "the body did not arrive in time"),
    ("请重新发送", "send it again"),
)
CONTENT_ENCODING: Final = reason_of(
    "content_encoding_unsupported",
    415,
    ("请求体不可压缩或另行编码", "a body is sent as it is, without a content encoding"),
    ("请去掉 Content-Encoding", "leave Content-Encoding out"),
)
HTTP_MALFORMED: Final = reason_of(
    "http_malformed",
    400,
    ("不是有效的 HTTP 请求", "this is not a valid HTTP request"),
    ("请检查请求头", "check the headers"),
)

# --- who is asking -------------------------------------------------------------------------------------------------

UNAUTHENTICATED: Final = reason_of(
    "unauthenticated",
    401,
    (
        "此接口需要签名：X-Key、X-Timestamp、X-Signature",
        "this call is signed: X-Key, X-Timestamp, X-Signature",
    ),
    ("缺少的请求头见 errors", "errors names the header that is missing"),
)
KEY_UNKNOWN: Final = reason_of(
    "key_unknown", 401, ("没有这把密钥", "there is no such key"), ("请核对 X-Key", "check X-Key")
)
KEY_REVOKED: Final = reason_of(
    "key_revoked",
    401,
    ("密钥已撤销", "the key has been revoked"),
    ("请改用其他密钥", "use another key"),
    Unit.NS,
)
KEY_EXPIRED: Final = reason_of(
    "key_expired", 401, ("密钥已过期", "the key has expired"), ("请改用其他密钥", "use another key"), Unit.NS
)
TIMESTAMP_MALFORMED: Final = reason_of(
    "timestamp_malformed",
    401,
    ("X-Timestamp 须为毫秒整数", "X-Timestamp is whole milliseconds since 1970"),
    ("例如 1795314600123", "such as 1795314600123"),
)
TIMESTAMP_OUTSIDE_WINDOW: Final = reason_of(
    "timestamp_outside_window",
    401,
    (
        "签名时间与服务器时间相差过大（毫秒）",
        "the signature's time is too far from the server's (milliseconds)",
    ),
    ("请校准时钟：GET /v1/time", "set the clock by GET /v1/time"),
    Unit.COUNT,
)
SIGNATURE_MALFORMED: Final = reason_of(
    "signature_malformed",
    401,
    ("X-Signature 不是 base64", "X-Signature is not base64"),
    ("请用标准 base64", "use plain base64"),
)
SIGNATURE_INVALID: Final = reason_of(
    "signature_invalid",
    401,
    ("签名与请求不符", "the signature does not fit the request"),
    (
        "签名内容为 METHOD、路径与查询、时间戳、请求体 SHA-256，以换行相连；可用 POST /v1/auth/check 核对",
        "sign METHOD, path with query, timestamp and the body's SHA-256, joined by newlines; POST /v1/auth/check helps",
    ),
)
SIGNATURE_REPLAYED: Final = reason_of(
    "signature_replayed",
    401,
    ("该签名已使用过，或启动前可能用过", "this signature was used, or may have been before the last start"),
    ("每次请求请用新的时间戳签名", "sign each request anew with its own timestamp"),
)
SCOPE_MISSING: Final = reason_of(
    "scope_missing",
    403,
    ("密钥没有所需权限", "the key lacks the scope this call needs"),
    ("所需权限见 limit", "limit names the scope"),
)
ACCOUNT_MISSING: Final = reason_of(
    "account_missing",
    400,
    ("密钥没有默认账户，请指明 account", "the key has no account of its own; name one"),
    ("请加上 account 字段", "add the field account"),
)

# --- where and when ------------------------------------------------------------------------------------------------

NOT_FOUND: Final = reason_of(
    "not_found",
    404,
    ("没有这个资源", "there is no such thing"),
    ("接口见 /v1/openapi.json", "the calls are in /v1/openapi.json"),
)
METHOD_NOT_ALLOWED: Final = reason_of(
    "method_not_allowed",
    405,
    ("该地址不支持此方法", "the method is not for this address"),
    ("可用方法见 limit", "limit lists those it has"),
)
CLOCK_NOT_MANUAL: Final = reason_of(
    "clock_not_manual",
    409,
    ("交易所时钟不是手动时钟", "the exchange's clock is not a manual one"),
    ("以 --clock manual 启动后方可设置", "it can be set only when started with --clock manual"),
)
CLOCK_BACKWARDS: Final = reason_of(
    "clock_backwards",
    422,
    ("时钟只能向前", "the clock only goes forward"),
    ("请给出更晚的时间", "give a later time"),
    Unit.NS,
)
KEY_NOT_SOUND: Final = reason_of(
    "key_not_sound",
    422,
    (
        "公钥须为 32 字节 Ed25519 公钥的 base64",
        "a public key is the base64 of the 32 bytes of an Ed25519 key",
    ),
    ("HMAC 密钥由交易所生成，不需提交", "HMAC secrets are made by the exchange and not sent in"),
)
ACCOUNT_OF_ANOTHER: Final = reason_of(
    "account_of_another",
    422,
    ("该账户属于另一参与者", "the account belongs to another participant"),
    ("密钥只能用于其参与者自己的账户", "a key is for an account of its own participant"),
)
RATE_LIMITED: Final = reason_of(
    "rate_limited",
    429,
    ("请求过于频繁", "too many requests of this kind"),
    (
        "请按 Retry-After 稍候；限额见 GET /v1/limits",
        "wait as Retry-After says; the limits are at GET /v1/limits",
    ),
)
OVERLOADED: Final = reason_of(
    "overloaded",
    503,
    ("系统繁忙，请求未被受理", "the exchange is busy; nothing was taken on"),
    ("请稍后以同一编号重试", "try again shortly with the same client id"),
)
NOT_READY: Final = reason_of(
    "not_ready",
    503,
    ("交易所正在启动或停止", "the exchange is starting or stopping"),
    ("请稍后以同一编号重试或查询结果", "try again, or look the client id up, in a moment"),
)
REGISTRY_UNREACHABLE: Final = reason_of(
    "registry_unreachable",
    503,
    ("暂时无法查询登记平台", "the registry cannot be asked at the moment"),
    ("请稍后重试", "try again later"),
)
SERIALS_NOT_IN_MANAGEMENT: Final = reason_of(
    "serials_not_in_management",
    422,
    ("这些序列号不在本账户的管理科目中", "these serials are not in the account's own management sub-account"),
    (
        "只能转入登记平台上本账户持有的减排量",
        "only what the account itself holds at the registry can be moved in",
    ),
)
INTERNAL_ERROR: Final = reason_of(
    "internal_error",
    500,
    ("交易所内部错误", "a fault of the exchange"),
    (
        "请以同一编号查询结果，并将 request_id 告知交易所",
        "look the client id up, and tell the exchange the request_id",
    ),
)

# --- the WebSocket -------------------------------------------------------------------------------------------------

UPGRADE_REQUIRED: Final = reason_of(
    "upgrade_required",
    426,
    ("此地址只提供 WebSocket", "this address speaks WebSocket only"),
    ("请以 WebSocket 连接", "connect with a WebSocket client"),
)
UNKNOWN_OP: Final = reason_of(
    "unknown_op", 400, ("没有这个 op", "there is no such op"), ("可用的 op 见 limit", "limit lists them")
)
UNKNOWN_CHANNEL: Final = reason_of(
    "unknown_channel",
    404,
    ("没有这个频道", "there is no such channel"),
    ("可用频道见 limit", "limit lists them"),
)
NOT_LOGGED_ON: Final = reason_of(
    "not_logged_on", 401, ("请先 logon", "log on first"), ("op 为 logon，签名一次即可", "op logon signs once")
)
ALREADY_LOGGED_ON: Final = reason_of(
    "already_logged_on",
    409,
    ("本连接已登录", "this connection is logged on already"),
    ("请另开连接", "open another connection"),
)
ALREADY_SUBSCRIBED: Final = reason_of(
    "already_subscribed",
    409,
    ("已订阅该频道", "this is subscribed already"),
    ("无需重复订阅", "once is enough"),
)
NOT_SUBSCRIBED: Final = reason_of(
    "not_subscribed", 409, ("尚未订阅该频道", "this is not subscribed"), ("请先订阅", "subscribe first")
)
RESUME_AHEAD: Final = reason_of(
    "resume_ahead",
    400,
    ("resume_from 大于已有的最后一个 event_id", "resume_from is beyond the last event_id there is"),
    ("请传入已收到的最后一个 event_id", "give the last event_id you have received"),
    Unit.COUNT,
)
TOO_MANY_CONNECTIONS: Final = reason_of(
    "too_many_connections",
    503,
    ("连接数已达上限", "no more connections are taken"),
    ("请关闭不用的连接", "close those you do not need"),
    Unit.COUNT,
)
TOO_MANY_IN_FLIGHT: Final = reason_of(
    "too_many_in_flight",
    429,
    ("本连接上待答复的请求过多", "too many requests of this connection wait for their answers"),
    ("请等待答复后再发送", "wait for answers before sending more"),
    Unit.COUNT,
)

GATEWAY_REASONS: Final = tuple(value for value in list(vars().values()) if isinstance(value, Reason))
"""Every reason of this module, in the order above."""
