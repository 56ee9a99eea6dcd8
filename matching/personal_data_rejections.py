"""Why personal data cannot be restricted, and why nothing is done with those that are."""

from typing import Final

from settlement.rejections import Reason, Unit

SUBJECT_RESTRICTED: Final = Reason(
    code="personal_data_restricted",
    pointer="",
    unit=Unit.TEXT,
    zh="该主体的个人信息已限制处理，除存储和必要的安全保护外不作他用",
    en="the personal data of this subject are restricted: they are kept and not processed otherwise",
    remedy_zh="须由交易所工作人员解除限制后方可办理",
    remedy_en="an operator has to release them first",
    source="Personal Information Protection Law (2021), Art. 47",
)
SUBJECT_NOT_RESTRICTED: Final = Reason(
    code="personal_data_not_restricted",
    pointer="",
    unit=Unit.TEXT,
    zh="该主体的个人信息未被限制处理",
    en="the personal data of this subject are not restricted",
    remedy_zh="已限制的主体见 GET /v1/operator/personal-data",
    remedy_en="GET /v1/operator/personal-data lists those that are",
    source="exchange",
)
SUBJECT_HAS_BUSINESS: Final = Reason(
    code="participant_has_open_business",
    pointer="/name",
    unit=Unit.TEXT,
    zh="该交易主体尚有未了结的委托、交收、划转、提现或用途申请",
    en="the participant has open orders, deliveries, transfers, withdrawals or uses",
    remedy_zh="履行合同所必需的处理不能停止；请待 actual 所列账户了结后再办理",
    remedy_en="what a contract needs cannot stop: wait until the account named in actual has nothing under way",
    source="Personal Information Protection Law (2021), Art. 47",
)

REASONS: Final = (SUBJECT_RESTRICTED, SUBJECT_NOT_RESTRICTED, SUBJECT_HAS_BUSINESS)
"""Every reason of this module."""
