"""What each event about uses changes in the views."""

from collections.abc import Callable
from typing import Any, TypeAlias

from gateway.engine.entry import Entry
from gateway.engine.views.accounts import Accounts
from gateway.engine.views.uses import Uses
from settlement.events import RetirementCompleted
from settlement.use_events import (
    CertificateIssued,
    ComplianceYearAdopted,
    UseAccepted,
    UseCompleted,
    UseInstructed,
    UseRefused,
    UseWithdrawn,
    VerifiedEmissionsFiled,
    WelfareAccountDesignated,
)

Handler: TypeAlias = Callable[[Entry, Any], None]


def use_handlers(uses: Uses, accounts: Accounts) -> dict[type, Handler]:
    """What to do about each of these events."""

    def complete(_: Entry, event: UseCompleted) -> None:
        uses.end(event)
        accounts.use_up(event.account, event.lots, event.donated_to)
        if event.donated_to is None:
            uses.retire(event.lots)

    def retire(_: Entry, event: RetirementCompleted) -> None:
        accounts.use_up(event.account, event.lots, None)
        uses.retire(event.lots)

    return {
        UseAccepted: lambda _, event: uses.accept(event),
        UseInstructed: lambda _, event: uses.instruct(event),
        UseWithdrawn: lambda _, event: uses.end(event),
        UseRefused: lambda _, event: uses.end(event),
        UseCompleted: complete,
        RetirementCompleted: retire,
        CertificateIssued: lambda _, event: uses.certify(event),
        ComplianceYearAdopted: lambda _, event: uses.adopt(event),
        VerifiedEmissionsFiled: lambda _, event: uses.file(event),
        WelfareAccountDesignated: lambda _, event: uses.designate(event),
    }
