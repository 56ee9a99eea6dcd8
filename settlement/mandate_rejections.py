"""Why a mandate, or what is done by one, is refused. See `settlement.rejections` for what a reason is."""

from typing import Final

from settlement.rejections import Reason, Unit

NOT_MANDATED: Final = Reason(
    code="not_mandated",
    pointer="/account",
    unit=Unit.TEXT,
    zh="委托不包括此类操作",
    en="the mandate does not cover this",
    remedy_zh="limit 列出所委托的事项；其余须由账户所有者自己办理",
    remedy_en="limit lists what was entrusted; the owner does everything else itself",
    source="Measures 2023, Art. 30",
)
MANDATE_UNKNOWN: Final = Reason(
    code="mandate_unknown",
    pointer="/mandate",
    unit=Unit.TEXT,
    zh="没有这项有效的委托",
    en="there is no such mandate in force",
    remedy_zh="有效的委托见 GET /v1/operator/mandates",
    remedy_en="GET /v1/operator/mandates lists those in force",
    source="Measures 2023, Art. 30",
)
MANDATE_TO_OWNER: Final = Reason(
    code="mandate_to_owner",
    pointer="/participant",
    unit=Unit.TEXT,
    zh="受托人就是账户所有者",
    en="the participant owns the account",
    remedy_zh="所有者无需委托即可办理",
    remedy_en="an owner needs no mandate",
    source="Measures 2023, Art. 30",
)
MANDATE_OVER: Final = Reason(
    code="mandate_over",
    pointer="/until",
    unit=Unit.NS,
    zh="委托的终止时间已过",
    en="the mandate would be over already",
    remedy_zh="请填写未来的终止时间",
    remedy_en="name an end that is still to come",
    source="Measures 2023, Art. 30",
)
MANDATE_EMPTY: Final = Reason(
    code="mandate_empty",
    pointer="/actions",
    unit=Unit.TEXT,
    zh="委托未列出任何事项，或重复列出",
    en="the mandate entrusts nothing, or something twice",
    remedy_zh="请逐一列出所委托的事项",
    remedy_en="name each thing that is entrusted, once",
    source="Measures 2023, Art. 30",
)
DELEGATE_NOT_ADMITTED: Final = Reason(
    code="delegate_not_admitted",
    pointer="/participant",
    unit=Unit.TEXT,
    zh="此类交易主体不得受托",
    en="a participant of this kind may not act for others",
    remedy_zh="只可委托减排项目或减排场景的申请主体等规则所列主体，见 GET /v1/rules",
    remedy_en="entrust an applicant of a project or a scenario, or whom else GET /v1/rules lists",
    source="rule book: mandate_kinds; Measures 2023, Art. 30",
)

REASONS: Final = (
    NOT_MANDATED,
    MANDATE_UNKNOWN,
    MANDATE_TO_OWNER,
    MANDATE_OVER,
    MANDATE_EMPTY,
    DELEGATE_NOT_ADMITTED,
)
"""Every reason of this module."""
