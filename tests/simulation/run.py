"""One simulated life of the core: hostile commands, held against the reference market, with crashes on the way.

After every command the core has said what the reference says and every balance is the same. Invariants are walked
after every command at first, then every so often, since walking costs in proportion to everything there is. Now and
then the core crashes: it comes back from a snapshot taken just now, or from the last one and the commands since.
"""

from dataclasses import dataclass
from hashlib import sha256
from random import Random

import orjson

from matching.commands import Command
from matching.events import Event
from matching.exchange import Exchange
from matching.fees import FeeTerms
from matching.order import Side
from matching.reference_price import PriceBand
from matching.state import ExchangeState, Stamp
from settlement.values import AccountId, AssetCode, LotId
from tests.reference.custody import as_ranges
from tests.reference.market import Market
from tests.reference.rules import Fee
from tests.reference.vault import MONEY, joined
from tests.simulation.hostile import Hostile
from tests.simulation.notes import notes_of

CHECKED_ALWAYS = 200
"""So many commands are followed by a walk of all invariants each."""
CHECK_EVERY = 50
CRASH_EVERY = 500
"""On average."""


@dataclass
class Step:
    """One command of a life, and what the core made of it."""

    command: Command
    stamp: Stamp
    events: tuple[Event, ...]


class Simulation:
    """The core, the reference, and chance."""

    def __init__(self, seed: int, check_every: int = CHECK_EVERY) -> None:
        self.reference = Market()
        self.hostile = Hostile(seed, self.reference)
        self.exchange = Exchange()
        self.check_every = check_every
        self.crashes = Random(f"crashes {seed}")
        self.done = 0
        self.digest = sha256()
        self.snapshot: ExchangeState = self.exchange.dump()
        self.since: list[Step] = []

    def run(self, commands: int) -> None:
        """Play so many more commands."""
        for _ in range(commands):
            self.step()

    def step(self) -> None:
        """One command, compared; perhaps a crash after it."""
        command, at_ns = self.hostile.next()
        stamp = Stamp(seq=self.done + 1, at_ns=at_ns)
        events = self.exchange.apply(command, stamp)
        expected = self.reference.do(command, stamp.seq, at_ns)
        self.done += 1
        self.since.append(Step(command, stamp, events))
        assert notes_of(events) == expected, f"{command}"
        self.digest.update(orjson.dumps(events))
        compare_balances(self.exchange, self.reference)
        if self.done <= CHECKED_ALWAYS or self.done % self.check_every == 0:
            self.check()
        if self.crashes.random() * CRASH_EVERY < 1:
            self.crash()

    def check(self) -> None:
        """Every invariant, every order, every serial."""
        self.exchange.check()
        compare(self.exchange, self.reference)

    def crash(self) -> None:
        """Lose the core, and bring it back: from now, or from the last snapshot by the commands since."""
        before, bands = self.exchange.dump(), bands_of(self.exchange)
        if self.crashes.random() < 0.5:
            self.exchange = Exchange.load(before)
        else:
            self.exchange = Exchange.load(self.snapshot)
            for step in self.since:
                assert self.exchange.apply(step.command, step.stamp) == step.events, "a replay differs"
        assert self.exchange.dump() == before, "what came back is another one"
        assert bands_of(self.exchange) == bands, "what came back trades within other bands"
        self.exchange.check()
        self.snapshot, self.since = before, []

    def fingerprint(self) -> str:
        """A digest of everything said so far and of everything known now."""
        self.digest.update(orjson.dumps(self.exchange.dump()))
        return self.digest.hexdigest()


def bands_of(exchange: Exchange) -> list[PriceBand]:
    """The band of every listing."""
    return [market.band for market in exchange.trading.markets.values()]


def plain_fee(fee: FeeTerms) -> Fee:
    """What an order pays, in the reference's words."""
    return fee.ppm, fee.minimum_fen, fee.cap_fen


def compare_balances(exchange: Exchange, reference: Market) -> None:
    """Every balance is the reference's."""
    ledger = exchange.depository.ledger
    for account, asset in reference.vault.amounts:
        balance = ledger.balance(AccountId(account), AssetCode(asset))
        have = (
            balance.available,
            balance.held,
            balance.frozen,
            balance.delivering,
            balance.retired,
        )
        amounts = reference.vault.real(account, asset)
        assert have == tuple(amounts.values()), f"{account} {asset}: {have}, not {amounts}"
        if asset == MONEY and account in reference.vault.owners:
            pledged_fen = sum(reference.vault.lacking(account).values())
            pledged_fen += reference.vault.lacking_open(account)
            figures = exchange.depository.proceeds.figures(AccountId(account))
            assert figures == (reference.vault.coming(account), pledged_fen), f"{account}: {figures}"


def compare(exchange: Exchange, reference: Market) -> None:
    """Orders in their queues, depth, totals, serials and outbox are the same in both."""
    assert list(exchange.trading.open_orders) == list(reference.open)
    for code, listing in reference.listings.items():
        for side in Side:
            depth = exchange.trading.markets[AssetCode(code)].book.depth(side, 10**6)
            assert depth == listing.depth(side.value), f"{code} {side}"
            assert [
                (
                    order.order_id,
                    order.price_fen,
                    order.quantity_tonnes,
                    order.remaining_tonnes,
                    plain_fee(order.fee),
                    order.turnover_fen,
                )
                for order in exchange.trading.markets[AssetCode(code)].book.orders()
                if order.side is side
            ] == [
                (
                    order.order_id,
                    order.price_fen,
                    order.whole_tonnes,
                    order.tonnes,
                    order.fee,
                    order.traded_fen,
                )
                for price, _ in depth
                for order in listing.book[side.value][price]
            ]
    bought_for = {order_id: order.use for order_id, order in exchange.trading.open_orders.items()}
    assert bought_for == {order_id: order.use for order_id, order in reference.open.items()}
    standing = exchange.trading.standing
    assert list(standing.halts) == reference.halted
    assert list(standing.restrictions) == reference.restricted
    assert [(scope.value, subject) for scope, subject in standing.kills] == reference.safety.killed
    safety = exchange.safety.dump()
    assert sorted((t.account, t.reason.value, t.name, t.fires_at_ns) for t in safety.timers) == sorted(
        (t.account, t.why, t.name, t.at_ns) for t in reference.safety.timers
    )
    assert {one.connection for one in safety.connections} == {
        one.connection for one in reference.safety.connections
    }
    assert exchange.operations.waiting == reference.waiting
    compare_custody(exchange, reference)
    compare_negotiated(exchange, reference)
    depository, vault = exchange.depository, reference.vault
    assert depository.movements.obligations.locked == vault.locked
    for account in vault.owners:
        for code in vault.instruments:
            place = (AccountId(account), AssetCode(code))
            assert depository.position(*place) == vault.position(*place)
            assert depository.sellable(*place) == vault.sellable(*place)
    # Total conservation: what is here is what was brought in, to the fen and the tonne.
    for asset in (MONEY, *vault.instruments):
        brought_in = vault.brought_in.get(asset, 0)
        assert depository.ledger.outside(AssetCode(asset)) == -brought_in
        here = sum(sum(amounts.values()) for place, amounts in vault.amounts.items() if place[1] == asset)
        assert here == brought_in, f"{asset}: {here} here, {brought_in} brought in"
    held = {(line.account, line.lot_id): list(line.serials) for line in depository.holdings.everything()}
    assert held == {place: ranges for place, ranges in vault.serials().items() if ranges}
    for lot_id, ranges in vault.here.items():
        assert all(depository.holdings.is_here(LotId(lot_id), (part,)) for part in ranges)
    spent = {str(lot_id): list(gone) for lot_id, gone in depository.holdings.retired.items()}
    assert spent == vault.spent
    office, desk = reference.office, exchange.using.desk
    uses_here = [(use.use_id, use.state == "retiring") for use in depository.movements.uses.under_way()]
    assert uses_here == [(use.name, use.asked) for use in office.under_way]
    assert list(desk.welfare_accounts) == office.welfare
    used: dict[tuple[str, int, str], int] = {}
    for entity, of, year, channel, size in office.used:
        line = (entity, year if of is None else of, channel)
        used[line] = used.get(line, 0) + size
    assert used == {
        (total.entity, total.year, total.channel.value): total.completed_tonnes
        for total in desk.certificates.accounts.totals()
    }
    refused = {
        record.retirement_id
        for record in depository.movements.retirements.records()
        if depository.movements.retirements.is_refused(record.retirement_id)
    }
    assert refused == set(vault.refused)
    asked = [instruction.instruction_id for instruction in exchange.pending_instructions()]
    assert asked == [movement.name for movement in vault.asked]
    assert (exchange.trading_day, exchange.phase) == (reference.day, reference.phase)
    assert exchange.close_step == reference.close_step


def compare_custody(exchange: Exchange, reference: Market) -> None:
    """Freezes, claims, removals and breaks are the same in both, and so is who brought what."""
    core, plain = exchange.depository.custody, reference.custody
    assert list(core.restrictions.freezes) == [frost.name for frost in plain.frosts]
    assert core.notices.cursor == plain.cursor
    assert [one.notice_sequence for one in core.notices.arrivals] == [one.sequence for one in plain.arrivals]
    assert list(core.breaks.open) == list(plain.breaks)
    claims = {known.claim_id: (known.state, known.serials) for known in core.corrections.claims.values()}
    assert claims == {
        known.number: (known.state, as_ranges(known.numbers)) for known in plain.claims.values()
    }
    removals = {one.removal_id: (one.state, one.account) for one in core.corrections.removals.values()}
    assert removals == {one.number: (one.state, one.account) for one in plain.removals.values()}
    brought = exchange.depository.movements.transfers.provenance.dump()
    assert {(one.account, one.lot_id): one.serials for one in brought} == {
        place: ranges for place, ranges in reference.vault.brought.items() if ranges
    }
    parked = exchange.depository.movements.obligations.parked()
    assert [delivery.trade_id for delivery in parked] == reference.vault.parked()


def compare_negotiated(exchange: Exchange, reference: Market) -> None:
    """Whatever is negotiated stands alike in both, to the last serial set aside."""
    ours = exchange.negotiation.transfers
    here = [
        (
            (one.transfer_id, one.state, one.proposer, one.terms.hash),
            (plain_fee(one.buyer_fee), plain_fee(one.seller_fee)),
            sorted(one.covered),
        )
        for one in (*ours.under_way.values(), *ours.ended.values())
    ]
    there = [
        (
            (one.number, one.state, one.proposer, one.hash()),
            (one.buyer_fee, one.seller_fee),
            sorted(one.covered),
        )
        for one in reference.negotiation.filed
    ]
    assert sorted(here) == sorted(there)
    aside: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for kept in reference.vault.aside:
        for piece in kept.pieces:
            aside.setdefault((kept.account, piece.lot_id), []).append((piece.first, piece.end))
    assert {place: list(held) for place, held in exchange.depository.holdings.aside().items()} == {
        place: joined(ranges) for place, ranges in aside.items()
    }


class LifeFailed(AssertionError):  # noqa: N818 - it states a fact
    """A life that went wrong: the seed, the fewest commands that show it, and how to see it again."""


def live(seed: int, commands: int) -> Simulation:
    """A whole life. Gone wrong, it is lived again with every invariant walked at every command."""
    simulation = Simulation(seed)
    try:
        simulation.run(commands)
        simulation.check()
    except AssertionError as error:
        prefix = shortest(seed, simulation.done)
        how = f"pytest tests/simulation --seed {seed} --commands {prefix}"
        raise LifeFailed(f"seed {seed} goes wrong after {prefix} commands; see it again: {how}") from error
    return simulation


def shortest(seed: int, most: int) -> int:
    """After how many commands of that life something is wrong already."""
    simulation = Simulation(seed, check_every=1)
    try:
        simulation.run(most)
    except AssertionError:
        return simulation.done
    return most
