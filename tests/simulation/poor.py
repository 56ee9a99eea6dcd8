"""A poor market: hardly anybody has money of their own, and everybody buys with what they have just sold for.

The hostile lives meet everything, and so each thing seldom; here is the one subject of sale proceeds, all day long:
chains, sales that fail, are parked, undone or frozen, deposits and withdrawals in between, and the close.
"""

from dataclasses import replace
from random import Random

from matching.acts import RetryDeliveries, UnwindDelivery
from matching.commands import AddListing, AnnounceCalendar, CloseDay, Command, OpenDay, SubmitOrder
from matching.negotiated_commands import FileNegotiatedTransfer
from matching.order import Side, TimeInForce
from matching.rule_values import RuleValue
from settlement.commands import (
    ClientCommand,
    DepositCash,
    Outcome,
    RegisterLot,
    RequestTransferIn,
    ResolveInstruction,
)
from settlement.events import LotSlice
from settlement.values import AccountId, InstructionId, ParticipantId, TradeId
from tests.reference.market import Market
from tests.simulation import universe
from tests.simulation.hostile import Hostile
from tests.simulation.universe import CLASS_ONE, OWNERS, change

TRADERS = tuple(AccountId(name) for name in ("a1", "a2", "a3", "a5", "a1-second"))
RICH = AccountId("a3")
TONNES = 5_000
PRICE_FEN = 6_800
REFUSALS = ("account_closed", "account_closed", "account_closed", "not_authorised", "too_late")


def founding(random: Random) -> list[Command]:
    """The usual world, always open, under rules that let nearly everything pass, and units for every trader."""
    rules: dict[str, RuleValue] = {
        "hours": universe.ALWAYS,
        "close_by_clock": "no",
        "tick_fen": 1,
        "lot_tonnes": 1,
        "listed_min_tonnes": 1,
        "listed_max_tonnes": 99_999,
        "band_basis_points": 3_000,
        "settlement_cycle": random.choice(("end_of_day", "as_traded")),
        "resale_next_day": random.choice(("yes", "no")),
        "sale_proceeds": "when_traded",
        "participant_kinds": universe.ALL_KINDS,
        "position_limits": "none",
        "fee_buyer_minimum_fen": random.choice((0, 7)),
        "fee_seller_minimum_fen": random.choice((0, 9)),
        "fee_seller_ppm": random.choice((0, 500, 100_000)),
        "fee_buyer_ppm": random.choice((0, 500, 50_000)),
        "negotiated_review": random.choice(("off", "off", "all")),
        "negotiated_max_filed": 20,
        "notice_s": 0,
        "two_person_acts": "none",
        "transfers_until": "none",
    }
    commands = [sound(command) for command in universe.founding(random) if not isinstance(command, OpenDay)]
    commands.append(universe.adopt(*(change(name, value) for name, value in rules.items())))
    commands.append(OpenDay(trading_day=universe.FIRST_DAY))
    for number, account in enumerate(TRADERS):
        lot = universe.lot(f"P{number}", CLASS_ONE, (0, TONNES), f"2025-01-0{number + 1}")
        commands.append(RegisterLot(lot=lot))
        commands.append(
            RequestTransferIn(
                participant=OWNERS[account],
                account=account,
                client_id=f"units-{account}",
                instrument=CLASS_ONE,
                lots=(LotSlice(lot_id=lot.lot_id, serials=((0, TONNES),)),),
                asked="all",
            )
        )
    return commands


def sound(command: Command) -> Command:
    """The same, at the usual price and for as long as it takes."""
    match command:
        case AddListing():
            listing = replace(command.listing, first_reference_price_fen=PRICE_FEN)
            return AddListing(listing=listing)
        case AnnounceCalendar():
            return AnnounceCalendar(announcement=universe.announcement("2026-11-16", 900))
        case _:
            return command


class Poor(Hostile):
    """What is sent next in a poor market."""

    def __init__(self, seed: int, market: Market) -> None:
        super().__init__(seed, market)
        self.founding = [*founding(self.random), self.of_the_rich()]
        self.kinds = (
            (300, self.meet),
            (70, self.lean),
            (30, self.replace),
            (25, self.cancel),
            (6, self.cancel_many),
            (16, self.deposit),
            (12, self.withdrawal),
            (12, self.end_withdrawal),
            (40, self.bargain),
            (30, self.offer),
            (130, self.answer),
            (25, self.bust),
            (30, self.unpark),
            (5, self.custody_act),
            (3, self.one_rule),
            (9, self.close_day),
        )
        self.then: list[Command] = []
        """Said next, whatever chance would have."""

    def choose(self) -> Command:
        if self.founding:
            asked = self.market.vault.asked
            return confirming(asked[0].name) if asked else self.founding.pop(0)
        if self.then:
            return self.then.pop()
        return super().choose() if self.market.close_step is None or self.chance(0.1) else self.close_on()

    def close_on(self) -> Command:
        """What ends the day."""
        if self.market.close_step == "registry" and self.market.vault.asked:
            return self.answer()
        if self.market.no_statement_yet():
            return self.issue()
        return self.reconcile() if self.market.close_step == "reconcile" else self.advance_close()

    def pass_time(self) -> None:
        """A little at a time: days end by somebody's word."""
        self.at_ns += self.random.randrange(10**9)

    def account(self) -> AccountId:
        return self.random.choice(TRADERS)

    def meet(self) -> Command:
        """One sells, and the next moment another buys that very thing, with all it can or a little more."""
        price_fen = PRICE_FEN + self.random.randrange(-40, 41)
        vault = self.market.vault
        able = [one for one in TRADERS if vault.buying_power(one) > price_fen] or [RICH]
        buyer = self.random.choice(able if self.chance(0.95) else TRADERS)
        seller = self.random.choice([one for one in TRADERS if vault.owners[one] != vault.owners[buyer]])
        power = vault.buying_power(buyer) // price_fen
        tonnes = self.random.choice((power, power // 2, power + 1, self.random.randrange(1, 12)))
        tonnes = max(min(tonnes, vault.sellable(seller, CLASS_ONE), 40), 1)
        self.then.append(self.for_one(buyer, Side.BUY, tonnes, price_fen))
        return self.for_one(seller, Side.SELL, tonnes, price_fen)

    def lean(self) -> Command:
        """An order that waits, below what others ask."""
        price_fen = PRICE_FEN - self.random.randrange(60, 200)
        able = [one for one in TRADERS if self.market.vault.buying_power(one) > price_fen]
        buyer = self.random.choice(able or TRADERS)
        power = self.market.vault.buying_power(buyer) // price_fen
        return self.for_one(
            buyer, Side.BUY, self.random.choice((power // 3, power // 2, power, 1)), price_fen
        )

    def offer(self) -> Command:
        """A negotiated purchase, with all that one can buy for."""
        buyer, seller = self.random.sample(TRADERS, 2)
        power = self.market.vault.buying_power(buyer) // (PRICE_FEN + 100)
        return FileNegotiatedTransfer(
            participant=OWNERS[buyer],
            account=buyer,
            client_id=self.fresh_id(),
            listing=CLASS_ONE,
            side=Side.BUY,
            price_fen=PRICE_FEN,
            quantity_tonnes=max(power - self.random.randrange(3), 1),
            counterparty=seller,
            lots=(),
            agreement_no="",
            expires_at_ns=None,
        )

    def for_one(self, account: AccountId, side: Side, tonnes: int, price_fen: int) -> Command:
        return SubmitOrder(
            participant=OWNERS[account],
            account=account,
            client_id=self.fresh_id(),
            listing=CLASS_ONE,
            side=side,
            price_fen=price_fen,
            quantity_tonnes=tonnes,
            time_in_force=self.random.choices(tuple(TimeInForce), (80, 12, 8))[0],
            use=self.use(side) if side is Side.BUY and self.chance(0.2) else None,
        )

    def deposit(self) -> Command:
        return self.money(self.account(), self.random.choice((1, 700, 6_800, 40_000, 68_000)))

    def of_the_rich(self) -> Command:
        """One of them starts with money, and starts the chains."""
        return self.money(RICH, 3_000_000)

    def money(self, account: AccountId, amount_fen: int) -> Command:
        return DepositCash(
            participant=ParticipantId("bank"),
            account=account,
            client_id=self.fresh_id(),
            amount_fen=amount_fen,
            bank_reference=f"bank-{self.ids}",
        )

    def answer(self) -> Command:
        asked = self.market.vault.asked
        if not asked:
            return self.meet()
        movement = self.random.choice(asked)
        if self.chance(0.6):
            return confirming(movement.name)
        legs = sum(len({piece.lot_id for piece in trade.pieces}) for trade in movement.trades) or 1
        return ResolveInstruction(
            instruction_id=InstructionId(movement.name),
            outcome=Outcome.REFUSED,
            code=self.random.choice(REFUSALS),
            leg=self.random.choice((None, 1, legs, self.random.randrange(legs) + 1)),
        )

    def unpark(self) -> Command:
        """Something about a delivery that is parked, where one is."""
        parked = self.market.vault.parked()
        if not parked:
            return self.meet()
        operator, some = universe.OPERATOR, TradeId(self.random.choice(parked))
        return self.random.choice(
            (
                RetryDeliveries(operator=operator, reason="chance"),
                RetryDeliveries(operator=operator, reason="chance", trade_ids=(some,)),
                UnwindDelivery(operator=operator, reason="chance", trade_id=some),
            )
        )

    def one_rule(self) -> Command:
        choices: tuple[tuple[str, tuple[RuleValue, ...]], ...] = (
            ("sale_proceeds", ("when_settled", "when_traded", "when_traded")),
            ("settlement_cycle", ("end_of_day", "as_traded")),
            ("fee_seller_ppm", (0, 1_000_000, 500)),
        )
        name, values = self.random.choice(choices)
        return universe.adopt(change(name, self.random.choice(values), self.at_ns))

    def close_day(self) -> Command:
        return CloseDay(trading_day=self.day())

    def next(self) -> tuple[Command, int]:
        """Nobody says anything again: ids are fresh."""
        command, at_ns = super().next()
        if isinstance(command, ClientCommand):
            self.sent.clear()
        return command, at_ns


def confirming(name: str) -> Command:
    """The registry has done it."""
    return ResolveInstruction(instruction_id=InstructionId(name), outcome=Outcome.CONFIRMED)
