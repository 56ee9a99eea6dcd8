"""Why an act of the platform's own people is not done. It states a fact they can do something about."""

from __future__ import annotations


class ActRefused(Exception):  # noqa: N818 - it states a fact
    """Nothing was changed."""

    code = "act_refused"
    status = 409


class NameTaken(ActRefused):
    """An account, methodology, lot or correction of this name exists with other content."""

    code = "name_taken"


class NameUnknown(ActRefused):
    """No such account, methodology, lot or restriction."""

    code = "name_unknown"
    status = 404


class AccountNotEmpty(ActRefused):
    """Only an account that holds nothing is closed."""

    code = "account_not_empty"


class AccountClosed(ActRefused):
    """A closed account stays closed, and nothing comes into it."""

    code = "account_closed"


class MethodologyNotInForce(ActRefused):
    """The version is published for later than the day of issue, or was withdrawn by then."""

    code = "methodology_not_in_force"


class MethodologyInUse(ActRefused):
    """Lots were issued on or after the day from which the version is to be withdrawn."""

    code = "methodology_in_use"


class PeriodReversed(ActRefused):
    """A monitoring period ends on or after the day it begins."""

    code = "period_reversed"


class TooManyFaults(ActRefused):
    """The fault switch holds no more; clear it first."""

    code = "too_many_faults"


class SerialsNotIssued(ActRefused):
    """The lot has no such serials."""

    code = "serials_not_issued"


class AlreadyCorrected(ActRefused):
    """Some of these serials were corrected before."""

    code = "already_corrected"
