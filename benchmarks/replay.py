"""Plays a flow through the plain reference market: what every line is answered, and how things stand at the end.

Whoever has played the same flow on a running exchange holds its end state against this one:

    end = play(read(path), opening)
    end.cash["t01"]["available"], end.units["t01"]["SHCERCIR1"]["held"], end.depth["SHCERCIR1"]["buy"] …

A hundred thousand lines take well under a minute.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.founding import CLASSES, OPENS_NS, Openings, founding
from benchmarks.lines import Line, fen
from matching.commands import CancelOrder, Command, SubmitOrder
from matching.order import OrderId, Side, TimeInForce
from settlement.values import AccountId, AssetCode, ParticipantId
from tests.reference.market import Market
from tests.reference.vault import MONEY, Note

Amounts = dict[str, int]
"""`available`, `held`, `delivering`: fen or tonnes."""

SHOWN = ("available", "held", "delivering")
"""In recorded flows nobody freezes anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RestingOrder:
    """An order still open at the end."""

    account: str
    listing: str
    side: str
    price_fen: int
    remaining_tonnes: int


@dataclass(kw_only=True, slots=True)
class EndState:
    """Everything a client of the exchange could ask for when a flow is over."""

    cash: dict[str, Amounts] = field(default_factory=dict)
    """By account role."""
    units: dict[str, dict[str, Amounts]] = field(default_factory=dict)
    """By account role, then listing."""
    open_orders: dict[tuple[str, str], RestingOrder] = field(default_factory=dict)
    """By account role and client order id."""
    depth: dict[str, dict[str, list[tuple[int, int]]]] = field(default_factory=dict)
    """By listing and side: (price in fen, tonnes), best first."""
    trades: list[tuple[str, int, int, str, str]] = field(default_factory=list)
    """Listing, price in fen, tonnes, buyer's role, seller's role; in order."""
    outcomes: list[str] = field(default_factory=list)
    """Per line: `accepted` or `replayed` for an order, `cancelled` for a cancel, or the code of its rejection."""


class Player:
    """A reference market on which a flow is played, line by line."""

    def __init__(self, openings: Openings) -> None:
        """A market on its first day, with these accounts."""
        self.market = Market()
        self.roles = tuple(openings)
        self.order_ids: dict[tuple[str, str], OrderId] = {}
        self.trades: list[tuple[str, int, int, str, str]] = []
        self.outcomes: list[str] = []
        for command in founding(openings):
            notes = self._do(command, 0)
            assert not any(note[0] == "rejected" for note in notes), (command, notes)

    def play(self, line: Line) -> list[Note]:
        """One line; what came of it."""
        notes = self._do(command_of(line, self.order_ids), line["at_us"])
        if "cancel" not in line and notes[0][0] == "accepted":
            self.order_ids[line["account"], line["client_order_id"]] = OrderId(self.market.seq)
        self.outcomes.append(_outcome(notes))
        for note in notes:
            if note[0] == "traded":
                self.trades.append(note[1:])  # type: ignore[arg-type] # a note is whatever its first word says
        return notes

    def is_open(self, account: str, client_order_id: str) -> bool:
        """Whether that order rests."""
        return self.order_ids.get((account, client_order_id)) in self.market.open

    def end(self) -> EndState:
        """How things stand now."""
        vault = self.market.vault
        state = EndState(trades=self.trades, outcomes=self.outcomes)
        for role in self.roles:
            state.cash[role] = {bucket: vault.amount(role, MONEY, bucket) for bucket in SHOWN}
            state.units[role] = {
                code: {bucket: vault.amount(role, code, bucket) for bucket in SHOWN} for code in CLASSES
            }
        for order in self.market.open.values():
            state.open_orders[order.account, order.client_id] = RestingOrder(
                account=order.account,
                listing=order.listing,
                side=order.side,
                price_fen=order.price_fen,
                remaining_tonnes=order.tonnes,
            )
        for code, listing in self.market.listings.items():
            state.depth[code] = {side: listing.depth(side) for side in ("buy", "sell")}
        return state

    def _do(self, command: Command, at_us: int) -> list[Note]:
        return self.market.do(command, self.market.seq + 1, OPENS_NS + at_us * 1_000)


def play(lines: Iterable[Line], openings: Openings) -> EndState:
    """Play a whole flow on a fresh reference market; how things stand at its end."""
    player = Player(openings)
    for line in lines:
        player.play(line)
    return player.end()


def command_of(line: Line, order_ids: dict[tuple[str, str], OrderId]) -> Command:
    """What the gateway would tell the core for a line. An order nobody has accepted is looked for under number 0."""
    participant, account = ParticipantId(line["account"]), AccountId(line["account"])
    if "cancel" in line:
        order_id = order_ids.get((line["account"], line["cancel"]), OrderId(0))
        return CancelOrder(participant=participant, account=account, order_id=order_id)
    return SubmitOrder(
        participant=participant,
        account=account,
        client_id=line["client_order_id"],
        listing=AssetCode(line["listing"]),
        side=Side(line["side"]),
        price_fen=fen(line["price"]),
        quantity_tonnes=int(line["quantity"]),
        time_in_force=TimeInForce(line["time_in_force"]),
    )


def _outcome(notes: list[Note]) -> str:
    kind, *rest = notes[0]
    return str(rest[0]) if kind == "rejected" else str(kind)
