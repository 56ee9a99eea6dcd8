"""Scenarios as aligned tables: what there was, who said what, what came of it, how book and accounts look then.

A scenario is blocks of lines. The first line of a block names it and its columns, `|` between them; every line after
it is a row. Blocks are played from the first to the last on a real exchange whose every invariant is walked after
each command.

    rules: parameter | value            before all else: rules other than the usual ones (reference 68.00, ±10 %)
    accounts: who | cash | units        the first one is what there is; later ones are what must be there then
    orders: who | order | outcome       commands with what they must lead to; a column `time` moves the clock first;
                                        operators speak here too: halt, resume, restrict, bust, approve
    book: buy | price | sell            the book as it must stand: `anna 10, alan 5` in order of priority at a price
    close: what | value                 close the day; rows with `registry` say what the registry refuses

Accounts may have the columns cash, cash held, cash due, units, units held, units frozen, units due: what can be used,
what covers open orders, what an authority has frozen, and what is due for delivery; and units for sale, what may be offered today. Money and prices are in yuan,
quantities in tonnes. An open order is changed by naming its price: `replace 68.00 by 5 at 68.10`. How counterparties of
negotiated transfers speak is told in `bargaining`, how authorities speak in `custody`.
"""

import re
from dataclasses import dataclass
from itertools import groupby

from matching.commands import AdvanceTime, CloseDay, Command, ReplaceOrder
from matching.events import (
    AccountRestricted,
    ActApproved,
    ActDeclined,
    ApprovalRequested,
    BandSet,
    ClosingPriceSet,
    DayPricesRevised,
    Event,
    LargeHolderNoted,
    OrderCancelled,
    OrderExpired,
    OrderReplaced,
    OrderRested,
    Rejected,
    RestrictionLifted,
    TradeBusted,
    Traded,
    TradingHalted,
    TradingResumed,
)
from matching.order import CancelReason, Order, Side, TimeInForce
from settlement.commands import RegisterLot
from settlement.events import (
    DeliveryFailed,
    DeliverySettled,
    Instruction,
    MovementInstructed,
    TransferCompleted,
    TransferFailed,
)
from settlement.rejections import Figure
from settlement.values import AccountId
from tests.matching.driver import (
    LISTING,
    MONDAY,
    Driver,
    approve,
    bust,
    cancel_all,
    decline,
    halt,
    instant,
    lift,
    lot,
    replace_order,
    restrict,
    resume,
)
from tests.scenarios import bargaining, custody

Row = dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One table of a scenario."""

    kind: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def parse(text: str) -> list[Block]:
    """The tables of a scenario, in order."""
    lines = [line.strip() for line in text.splitlines()]
    paragraphs = [list(group) for filled, group in groupby(lines, key=bool) if filled]
    return [_block(paragraph) for paragraph in paragraphs]


def _block(lines: list[str]) -> Block:
    kind, _, header = lines[0].partition(":")
    columns = _cells(header)
    rows = [_cells(line) for line in lines[1:]]
    for row in rows:
        assert len(row) == len(columns), f"{row} has not the columns {columns}"
    return Block(kind=kind, columns=columns, rows=tuple(dict(zip(columns, row, strict=True)) for row in rows))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.split("|"))


def fen(yuan: str) -> int:
    """`1,234.50` is 123450."""
    whole, _, part = yuan.replace(",", "").partition(".")
    assert len(part) == 2, f"{yuan} is not an amount with two decimals"
    return int(whole + part)


def yuan(amount_fen: int) -> str:
    """123450 is `1,234.50`."""
    return f"{amount_fen // 100:,}.{amount_fen % 100:02}"


def play(text: str) -> Driver:
    """Play a scenario; what does not come as its tables say is an AssertionError that shows both."""
    blocks = parse(text)
    rules: dict[str, int | str] = {}
    if blocks[0].kind == "rules":
        for row in blocks.pop(0).rows:
            rules[row["parameter"]] = int(row["value"]) if row["value"].isdigit() else row["value"]
    stage = Stage(rules)
    assert blocks[0].kind == "accounts", "a scenario begins with what there is"
    stage.set_up(blocks.pop(0))
    players = {"accounts": stage.accounts, "orders": stage.orders, "book": stage.book, "close": stage.close}
    for block in blocks:
        players[block.kind](block)
    return stage.driver


class Stage:
    """One exchange, played on by the rows of the tables."""

    def __init__(self, rules: dict[str, int | str]) -> None:
        self.driver = Driver(at_ns=instant(MONDAY, "08:00:00"))
        self.driver.found(**rules)
        self.driver.open()
        self.day = MONDAY

    def set_up(self, block: Block) -> None:
        """Open the accounts with what is in them."""
        for row in block.rows:
            self.driver.admit(row["who"], fen=fen(row["cash"]), tonnes=int(row["units"]))

    def accounts(self, block: Block) -> None:
        """Compare the accounts, column by column."""
        drawn = tuple({name: self._figure(row["who"], name) for name in block.columns} for row in block.rows)
        assert drawn == block.rows

    def orders(self, block: Block) -> None:
        """Play commands, and compare what came of each."""
        for row in block.rows:
            if "time" in row:
                self.driver.do(AdvanceTime(), instant(self.day, f"{row['time']}:00"))
            outcome = self._say(row["who"], row["order"])
            assert outcome == row["outcome"], f"{row['who']}: {row['order']}"

    def book(self, block: Block) -> None:
        """Compare the book: sells from dear to cheap, then buys from dear to cheap."""
        levels: dict[tuple[int, Side], list[Order]] = {}
        for order in self.driver.exchange.trading.markets[LISTING].book.orders():
            levels.setdefault((order.price_fen, order.side), []).append(order)
        drawn = []
        for (price_fen, side), orders in sorted(levels.items(), key=lambda item: item[0][0], reverse=True):
            queue = ", ".join(f"{order.account} {order.remaining_tonnes}" for order in orders)
            drawn.append({"buy": "", "sell": "", "price": yuan(price_fen), side.value: queue})
        assert drawn == list(block.rows)

    def close(self, block: Block) -> None:
        """Close the day, and compare what is asked of it."""
        refused = {row["value"] for row in block.rows if row["what"] == "registry refuses trade"}

        def answer(instruction: Instruction) -> tuple[str, int | None] | None:
            bad = [leg.leg for leg in instruction.legs if str(leg.trade_id) in refused]
            return ("frozen", bad[0]) if bad else None

        if self.driver.exchange.close_step is None:
            self.driver.accepted(CloseDay(trading_day=self.day))
        events: list[Event] = []
        for command in self.driver.close_commands(refuse=answer):
            events.extend(self.driver.accepted(command))
        assert self.driver.exchange.trading_day is not None
        self.day = self.driver.exchange.trading_day
        for row in block.rows:
            if row["what"] != "registry refuses trade":
                assert _told(events, row["what"], self.day) == row["value"], row["what"]

    def _figure(self, who: str, column: str) -> str:
        if column == "who":
            return who
        asset, _, bucket = column.partition(" ")
        if bucket == "for sale":
            return f"{self.driver.exchange.depository.sellable(AccountId(who), LISTING):,}"
        balance = self.driver.cash(who) if asset == "cash" else self.driver.units(who)
        amount = {
            "": balance.available,
            "held": balance.held,
            "due": balance.delivering,
            "frozen": balance.frozen,
        }[bucket]
        return yuan(amount) if asset == "cash" else f"{amount:,}"

    def _say(self, who: str, words: str) -> str:
        ordered = re.fullmatch(r"(buy|sell) +([\d,]+) +at +([\d,.]+)( ioc| fok)?", words)
        if ordered is not None:
            side, tonnes = Side(ordered[1]), int(ordered[2].replace(",", ""))
            time_in_force = TimeInForce((ordered[4] or "day").strip())
            return outcome_of(self.driver.order(who, side, tonnes, fen(ordered[3]), time_in_force), who)
        bargained = bargaining.command(self.driver, self.day, who, words)
        if bargained is not None:
            return outcome_of(self.driver.do(bargained), who)
        kept = custody.command(self.driver, who, words)
        if kept is not None:
            return outcome_of(self.driver.do(kept), who)
        match words.split():
            case ["replace", before, "by", whole, "at", after]:
                return outcome_of(self.driver.do(self._change(who, fen(before), int(whole), fen(after))), who)
            case ["cancel"]:
                return outcome_of(self.driver.do(cancel_all(who)), who)
            case ["deposit", money]:
                self.driver.deposit(who, fen(money))
                return "booked"
            case ["transfer", "in", amount]:
                name = self.driver.next_id()
                serials = (1, 1 + int(amount))
                self.driver.accepted(RegisterLot(lot=lot(name, serials)))
                return f"asks the registry for {_asked(self.driver.transfer_in(who, name, (serials,)))}"
            case [("confirms" | "refuses") as verb, account]:
                (pending,) = (
                    asked
                    for asked in self.driver.exchange.pending_instructions()
                    if asked.legs[0].to_account == account
                )
                return outcome_of(self.driver.answer(pending, None if verb == "confirms" else "frozen"), who)
            case ["will", "not", "be", "asked"]:
                (pending,) = self.driver.exchange.pending_instructions()
                return outcome_of(self.driver.answer(pending, "not_authorised"), who)
        return outcome_of(self.driver.do(self._act(who, words)), who)

    def _change(self, who: str, before_fen: int, tonnes: int, after_fen: int) -> ReplaceOrder:
        (order,) = (
            order
            for order in self.driver.exchange.trading.open_orders.values()
            if order.account == who and order.price_fen == before_fen
        )
        return replace_order(
            who,
            order.order_id,
            price_fen=after_fen,
            quantity_tonnes=tonnes,
            client_id=self.driver.next_id(),
        )

    def _act(self, operator: str, words: str) -> Command:
        match words.split():
            case ["halt"]:
                return halt(LISTING, operator=operator)
            case ["halt", "the", "market"]:
                return halt(operator=operator)
            case ["resume"]:
                return resume(LISTING, operator=operator)
            case ["resume", "the", "market"]:
                return resume(operator=operator)
            case ["restrict", account]:
                return restrict(account, operator=operator)
            case ["lift", account]:
                return lift(account, operator=operator)
            case ["bust", "trade", number]:
                return bust(int(number), operator=operator)
            case ["approve"]:
                return approve(list(self.driver.exchange.operations.waiting)[-1], operator=operator)
            case ["decline"]:
                return decline(list(self.driver.exchange.operations.waiting)[-1], operator=operator)
        raise AssertionError(f"nobody says {words!r}")


def outcome_of(events: tuple[Event, ...], who: str) -> str:
    """What a command led to, in words."""
    words = [_word(event, who) for event in events]
    return ", ".join(word for word in words if word)


def _word(event: Event, who: str) -> str:
    match event:
        case OrderReplaced(kept_priority=kept):
            return "keeps its place" if kept else "comes anew"
        case OrderCancelled(reason=CancelReason.SELF_TRADE, account=account, remaining_tonnes=tonnes):
            return f"takes back {tonnes} of {account}"
        case LargeHolderNoted(account=account, position_tonnes=tonnes):
            return f"{account} is reported with {tonnes:,}"
        case DeliverySettled(trade_id=trade_id):
            return f"settles trade {trade_id}"
        case _:
            said = custody.word(event) or _order_word(event, who) or _act_word(event)
            return said or bargaining.word(event, who)


def _act_word(event: Event) -> str:
    match event:
        case TradingHalted():
            return "halted"
        case TradingResumed():
            return "resumed"
        case AccountRestricted(account=account):
            return f"restricts {account}"
        case RestrictionLifted(account=account):
            return f"lifts {account}"
        case TradeBusted(trade_id=trade_id):
            return f"busts trade {trade_id}"
        case DayPricesRevised(last_fen=last_fen, volume_tonnes=tonnes):
            return f"volume {tonnes}" + ("" if last_fen is None else f" last {yuan(last_fen)}")
        case ApprovalRequested():
            return "waits for a second person"
        case ActApproved():
            return "approves"
        case ActDeclined():
            return "declines"
        case _:
            return ""


def _order_word(event: Event, who: str) -> str:
    match event:
        case Rejected(code=code, limit=limit):
            return f"refused: {code}" + (f" {_limit(limit)}" if code.endswith("price_outside_band") else "")
        case Traded(quantity_tonnes=tonnes, price_fen=price_fen, buyer=buyer, seller=seller):
            return f"trades {tonnes} at {yuan(price_fen)} with {seller if buyer == who else buyer}"
        case OrderRested(remaining_tonnes=tonnes):
            return f"rests {tonnes}"
        case OrderCancelled(remaining_tonnes=tonnes):
            return f"cancels {tonnes}"
        case TransferCompleted(quantity_tonnes=tonnes):
            return f"{tonnes} arrive"
        case TransferFailed(code=code):
            return f"nothing arrives: {code}"
        case _:
            return ""


def _limit(limit: Figure | None) -> str:
    assert isinstance(limit, tuple)
    return f"{yuan(limit[0])} to {yuan(limit[1])}"


def _asked(instruction: Instruction) -> int:
    return sum(end - first for leg in instruction.legs for first, end in leg.serials)


def _told(events: list[Event], what: str, next_day: str) -> str:
    negotiated = bargaining.told(events, what)
    if negotiated is not None:
        return negotiated
    match what:
        case "next day":
            return next_day
        case "closing price":
            return " ".join(yuan(event.close_fen) for event in events if isinstance(event, ClosingPriceSet))
        case "volume":
            return " ".join(
                str(event.volume_tonnes) for event in events if isinstance(event, ClosingPriceSet)
            )
        case "next band":
            bands = [event for event in events if isinstance(event, BandSet)]
            return " ".join(f"{yuan(band.lower_fen)} to {yuan(band.upper_fen)}" for band in bands)
        case "expires":
            expired = [event for event in events if isinstance(event, OrderExpired)]
            return ", ".join(f"{event.account} {event.remaining_tonnes}" for event in expired)
        case "settles trade":
            return " ".join(str(event.trade_id) for event in events if isinstance(event, DeliverySettled))
        case "fails trade":
            return " ".join(str(event.trade_id) for event in events if isinstance(event, DeliveryFailed))
        case "movements asked":
            return str(sum(isinstance(event, MovementInstructed) for event in events))
    raise AssertionError(f"nobody tells {what!r}")
