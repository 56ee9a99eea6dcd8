"""Chance that keeps the market going: as hostile as any, but what stands in the way of trading does not stand for long.

Left to itself, most of a hostile life is refused: a listing was never added, a switch stays on, the calendar has run
out. That shows what a refusal leaves alone, and little of what trading and settling move.
"""

from collections.abc import Callable

from matching.commands import AddListing, Command, OpenDay
from matching.listing import Listing
from tests.reference.market import LISTED_PHASES
from tests.simulation.hostile import Hostile
from tests.simulation.universe import CLASS_ONE

DAYS_AHEAD = 3
"""So many announced days there are to be after the present one."""


class Busy(Hostile):
    """What is sent next, and when."""

    def choose(self) -> Command:
        if self.founding and self.chance(0.9):
            return self.found()
        if self.market.close_step == "registry" and self.market.vault.asked and self.chance(0.8):
            return self.answer()
        remedy = self.remedy()
        if remedy is not None and self.chance(0.3):
            return remedy()
        if self.market.phase in LISTED_PHASES and self.chance(0.3):
            return self.random.choice((self.order, self.order, self.order, self.deposit, self.transfer_in))()
        return super().choose()

    def found(self) -> Command:
        """The next founding command, in order; the day opens once there are rules for it."""
        command = self.founding.pop(0)
        if isinstance(command, OpenDay) and self.market.terms() is None:
            self.founding.append(command)
        return command

    def remedy(self) -> Callable[[], Command] | None:
        """What would most likely bring trading on, if anything stands in its way."""
        market = self.market
        if CLASS_ONE not in market.listings:
            return lambda: AddListing(listing=Listing(code=CLASS_ONE, first_reference_price_fen=6_800))
        if market.safety.killed:
            return self.kill_switch
        if market.halted or market.restricted:
            return self.control
        if market.waiting and self.chance(0.3):
            return self.second_person
        ahead = [day for one in market.announcements for day in one.trading_days if day > (market.day or "")]
        return self.calendar if len(ahead) < DAYS_AHEAD else None
