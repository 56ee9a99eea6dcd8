"""Why the gateway refuses people: log-in, sessions and what they are changed by. See `gateway.http.refusals.reasons`."""

from typing import Final

from gateway.http.refusals.reasons import reason_of
from settlement.rejections import Unit

SIGN_IN_REFUSED: Final = reason_of(
    "sign_in_refused",
    401,
    ("用户名、密码或验证码不符", "name, password or code is not right"),
    (
        "请核对后再试；一次性密码可能已过期，可请运营人员重置",
        "check them and try again; a one-time password may have run out, and an operator can give another",
    ),
)
CODE_NEEDED: Final = reason_of(
    "code_needed",
    401,
    ("还需要验证器的验证码", "a code of the authenticator is needed, too"),
    ("请连同用户名、密码一并发送 code", "send code together with name and password"),
)
SIGN_IN_LOCKED: Final = reason_of(
    "sign_in_locked",
    429,
    ("登录失败次数过多，暂时锁定", "too many log-ins failed; this is locked for a while"),
    ("请等待 Retry-After 所示秒数", "wait as many seconds as Retry-After says"),
    Unit.COUNT,
)
ORIGIN_FOREIGN: Final = reason_of(
    "origin_foreign",
    403,
    ("请求来自其他网站", "the request comes from another site"),
    ("请从本交易所的页面操作", "use the exchange's own page"),
)
CSRF_MISSING: Final = reason_of(
    "csrf_missing",
    403,
    ("缺少 X-CSRF-Token", "X-CSRF-Token is missing"),
    ("请带上 GET /v1/session 返回的 csrf", "send the csrf that GET /v1/session answers with"),
)
CSRF_WRONG: Final = reason_of(
    "csrf_wrong",
    403,
    ("csrf 不属于本会话", "the csrf token is not this session's"),
    ("请带上 GET /v1/session 返回的 csrf", "send the csrf that GET /v1/session answers with"),
)
SESSION_UNKNOWN: Final = reason_of(
    "session_unknown",
    401,
    ("没有这个会话，或会话已结束", "there is no such session, or it has ended"),
    ("请重新登录", "log in again"),
)
SESSION_EXPIRED: Final = reason_of(
    "session_expired",
    401,
    ("会话已超时", "the session has run out"),
    ("请重新登录", "log in again"),
)
PASSWORD_CHANGE_NEEDED: Final = reason_of(
    "password_change_needed",
    403,
    ("须先修改一次性密码", "the one-time password has to be changed first"),
    ("POST /v1/session/password", "POST /v1/session/password"),
)
PASSWORD_TOO_WEAK: Final = reason_of(
    "password_too_weak",
    400,
    (
        "密码须为 12 至 128 个字符，不得为用户名、原密码或单一字符",
        "a password has 12 to 128 characters, and is neither the name, the old one, nor one character again and again",
    ),
    ("请另选密码，最好由几个不相干的词组成", "choose another, best of some unrelated words"),
)
TOTP_NOT_BEGUN: Final = reason_of(
    "totp_not_begun",
    409,
    ("尚未开始绑定验证器", "no authenticator is being enrolled"),
    ("请先 POST /v1/session/totp", "begin with POST /v1/session/totp"),
)
TOTP_ENROLLED: Final = reason_of(
    "totp_enrolled",
    409,
    ("已绑定验证器", "an authenticator is enrolled already"),
    ("请先解除原验证器", "remove it first"),
)
PERSON_EXISTS: Final = reason_of(
    "person_exists",
    409,
    ("该用户名已存在（不区分大小写）", "the name is taken, whatever its capitals"),
    ("请换一个用户名", "choose another name"),
)
PERSON_UNKNOWN: Final = reason_of(
    "person_unknown",
    404,
    ("没有这个用户", "there is no such person"),
    ("用户见 GET /v1/operator/people", "GET /v1/operator/people lists them"),
)

PEOPLE_REASONS: Final = (
    SIGN_IN_REFUSED,
    CODE_NEEDED,
    SIGN_IN_LOCKED,
    ORIGIN_FOREIGN,
    CSRF_MISSING,
    CSRF_WRONG,
    SESSION_UNKNOWN,
    SESSION_EXPIRED,
    PASSWORD_CHANGE_NEEDED,
    PASSWORD_TOO_WEAK,
    TOTP_NOT_BEGUN,
    TOTP_ENROLLED,
    PERSON_EXISTS,
    PERSON_UNKNOWN,
)
"""Every reason of this module."""
