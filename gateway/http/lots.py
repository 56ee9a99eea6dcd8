"""What is told of a lot wherever one is named: which it is, and what it was issued for."""

from typing import Annotated, Any

from pydantic import Field

from gateway.http.shapes import Answer, ClassName, Date, ListingCode
from settlement.lot import Lot


class DescribedLot(Answer):
    """A lot, and what it was issued for."""

    lot: str
    listing: ListingCode
    class_: Annotated[ClassName, Field(alias="class")]
    methodology: Annotated[str, Field(description="Code and version.")]
    project: str
    period: Annotated[str, Field(description="First and last day of the monitoring period.")]
    issued_on: Date


def described(lot: Lot) -> dict[str, Any]:
    """A lot as answers tell it."""
    return {
        "lot": lot.lot_id,
        "listing": lot.instrument,
        "class": lot.methodology_class.value,
        "methodology": f"{lot.methodology} {lot.methodology_version}",
        "project": lot.project,
        "period": f"{lot.period_from}/{lot.period_to}",
        "issued_on": lot.issued_on,
    }
