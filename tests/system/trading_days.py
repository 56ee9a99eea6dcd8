"""Days of an exchange as people fill them, on a clock moved by hand: sessions, bargains, halts, money, units, uses.

What they do is drawn from a seed; what they are answered is counted. Nobody here knows the rules: much of it is refused,
and must be refused properly.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from gateway.formats import money_text, parse_money, price_text
from tests.system.clients import Answer, Client
from tests.system.running import RunningExchange, until

LISTINGS: Final = ("SHCERCIR1", "SHCERCIIR1")
CLOSE_LIMIT_S: Final = 120.0
SHANGHAI: Final = "+08:00"


class TradingDays:
    """Everybody at work, one day after the other."""

    def __init__(
        self,
        exchange: RunningExchange,
        traders: Sequence[Client],
        staff: dict[str, Client],
        *,
        seed: int,
        deposited_fen: int,
    ) -> None:
        """`deposited_fen` is all that had been paid in before."""
        self.exchange = exchange
        self.traders = list(traders)
        self.staff = staff
        self.chance = random.Random(seed)
        self.money_in_fen = deposited_fen
        self.money_out_fen = 0
        self.fees_fen = 0
        """As statements tell them."""
        self.days: list[str] = []
        """Those that were closed."""
        self.found: Counter[str] = Counter()
        self._count = 0
        self._waiting: list[dict[str, Any]] = []
        """Withdrawals that the bank has not paid yet."""

    async def play(self, orders: int) -> str:
        """A whole day, with so many orders of each trader; which day it was."""
        day: str = (await self.staff["operator"].get("/v1/operator/day"))["trading_day"]
        await self.come_to(f"{day}T09:05:00", "closed")
        await self._pay()
        await self.come_to(f"{day}T09:20:00", "pre_open")
        await self._move_units()
        await self.come_to(f"{day}T09:30:00", "listed")
        await self._trade(orders - orders // 2)
        await self._halt(day)
        await self.come_to(f"{day}T11:30:00", "break")
        assert not (await self._order(self.traders[0])).is_done, "an order in the break"
        await self._undo(day)
        await self.come_to(f"{day}T13:00:00", "listed")
        await self._trade(orders // 2)
        await self.come_to(f"{day}T14:00:00", "negotiated")
        await self._negotiate()
        await self._use()
        await self._close(day)
        self.days.append(day)
        return day

    async def come_to(self, time: str, phase: str | None = None) -> None:
        """Move the clock; what it brings has come."""
        answer = await self.staff["operator"].do("/v1/operator/clock", {"now": f"{time}{SHANGHAI}"})
        assert phase in (None, answer["phase"]), f"{time}: {answer}"

    async def adopt(self, effective_from: str, **values: int | str) -> None:
        """Announce values of the rule book, for a later day."""
        changes = [
            {
                "parameter": parameter,
                "value": value,
                "effective_from": f"{effective_from}T00:00:00{SHANGHAI}",
                "source": "a notice of this test",
                "certainty": "demonstration",
            }
            for parameter, value in values.items()
        ]
        await self.staff["operator"].do("/v1/operator/rules", {"changes": changes})

    # ---- what they do -----------------------------------------------------------------------------------------------

    async def _trade(self, rounds: int) -> None:
        for _ in range(rounds):
            self.chance.shuffle(self.traders)
            for trader in self.traders:
                await self._order(trader)

    async def _order(self, trader: Client, **more: Any) -> Answer:
        chance, listing = self.chance, self.chance.choice(LISTINGS)
        reference_fen = await self._reference_fen(listing)
        body: dict[str, Any] = {
            "client_order_id": self._name(),
            "listing": listing,
            "side": chance.choice(("buy", "sell")),
            "type": "limit",
            "price": price_text(reference_fen + chance.randint(-40, 40)),
            "quantity": str(chance.randint(1, 30)),
            "time_in_force": chance.choice(("day", "day", "day", "ioc", "fok")),
            **more,
        }
        if body["side"] == "buy" and chance.random() < 0.05:
            body["use"] = {"purpose": "voluntary_offset", "beneficiary": "a fair"}
        answer = await self._ask(trader, "order", "/v1/orders", body)
        if answer.is_done and answer.body["order"]["status"] == "new" and chance.random() < 0.1:
            await trader.call("DELETE", f"/v1/orders/{answer.body['order']['id']}")
        return answer

    async def _reference_fen(self, listing: str) -> int:
        """The price the day's band is around; it changes with the day."""
        found = (await self.staff["operator"].get(f"/v1/listings/{listing}"))["band"]
        return parse_money(found["reference"])

    async def _pay(self) -> None:
        for held in self._waiting:
            body = {"client_id": self._name(), "bank_reference": f"OUT-{self._name()}"}
            await self.staff["bank"].do(f"/v1/bank/withdrawals/{held['id']}/paid", body)
            self.money_out_fen += parse_money(held["amount"])
            self.found["withdrawals paid"] += 1
        self._waiting = []
        for trader in self.chance.sample(self.traders, max(2, len(self.traders) // 10)):
            fen = self.chance.randint(1, 99_999)
            body = {
                "client_id": self._name(),
                "account": trader.owner.account,
                "amount": money_text(fen),
                "bank_reference": f"IN-{self._name()}",
            }
            await self.staff["bank"].do("/v1/bank/deposits", body)
            self.money_in_fen += fen
            self.found["deposits"] += 1
        for trader in self.chance.sample(self.traders, 2):
            asked = {"client_id": self._name(), "amount": money_text(self.chance.randint(1, 9_999))}
            answer = await self._ask(trader, "withdrawal", "/v1/cash/withdrawals", asked)
            if answer.is_done:
                self._waiting.append(answer.body)

    async def _move_units(self) -> None:
        for trader in self.chance.sample(self.traders, 3):
            for way in ("out", "in"):
                body = {
                    "client_id": self._name(),
                    "listing": self.chance.choice(LISTINGS),
                    "quantity": str(self.chance.randint(1, 5)),
                }
                await self._ask(trader, f"transfer {way}", f"/v1/transfers-{way}", body)

    async def _halt(self, day: str) -> None:
        """Every other day a listing stands still for a while."""
        if len(self.days) % 2:
            return
        listing, word = LISTINGS[len(self.days) // 2 % 2], {"reason": "a rehearsal"}
        await self.come_to(f"{day}T10:10:00", "listed")
        await self.staff["operator"].do(f"/v1/operator/listings/{listing}/halt", word)
        refused = await self._order(self.traders[0], listing=listing)
        assert (refused.is_done, refused.status) == (False, 422), refused
        await self.come_to(f"{day}T10:40:00", "listed")
        await self.staff["operator"].do(f"/v1/operator/listings/{listing}/resume", word)
        self.found["halts"] += 1

    async def _undo(self, day: str) -> None:
        """Every third day two operators undo a trade of the morning."""
        if len(self.days) % 3 != 1:
            return
        for trader in self.traders:
            trades = (await trader.get("/v1/trades?limit=1"))["items"]
            if trades and trades[0]["trading_day"] == day:
                break
        else:
            return
        target = f"/v1/operator/trades/{trades[0]['id']}/bust"
        asked = await self.staff["operator"].do(target, {"reason": "a wrong price"})
        approved = f"/v1/operator/approvals/{asked['approval']['id']}/approve"
        await self.staff["operator2"].do(approved, {})
        self.found["trades undone"] += 1

    async def _negotiate(self) -> None:
        """Some pairs bargain; some agree, some do not, some leave it to the close."""
        people = self.chance.sample(self.traders, len(self.traders) // 2 * 2)
        for seller, buyer in list(zip(people[::2], people[1::2], strict=True))[:6]:
            listing = self.chance.choice(LISTINGS)
            fen = await self._reference_fen(listing)
            body = {
                "client_id": self._name(),
                "listing": listing,
                "side": "sell",
                "price": price_text(fen + self.chance.randint(-200, 200)),
                "quantity": str(self.chance.randint(1, 60)),
                "counterparty": buyer.owner.account,
            }
            filed = await self._ask(seller, "filing", "/v1/negotiated-transfers", body)
            if not filed.is_done:
                continue
            word = self.chance.choice(("confirm", "confirm", "confirm", "decline", None))
            if word is not None:
                answer = {"client_id": self._name()}
                if word == "confirm":
                    answer["terms_hash"] = filed.body["terms_hash"]
                target = f"/v1/negotiated-transfers/{filed.body['id']}/{word}"
                await self._ask(buyer, word, target, answer)

    async def _use(self) -> None:
        offset = {"client_id": self._name(), "compliance_year": 2029, "listing": LISTINGS[0], "quantity": "3"}
        entity = next(trader for trader in self.traders if trader.owner.name == "entity")
        await self._ask(entity, "offset", "/v1/offsets", {**offset, "beneficiary": "an entity"})
        for trader in self.chance.sample(self.traders, 2):
            body = {
                "client_id": self._name(),
                "purpose": "voluntary_offset",
                "beneficiary": "a school",
                "listing": self.chance.choice(LISTINGS),
                "quantity": "2",
            }
            await self._ask(trader, "retirement", "/v1/retirements", body)

    async def _close(self, day: str) -> None:
        """The clock closes the day; then it is compared with the registry without a break."""
        operator = self.staff["operator"]
        await self.come_to(f"{day}T15:00:00")

        async def is_over() -> bool:
            return bool((await operator.get("/v1/operator/day"))["trading_day"] != day)

        said = f"{day} is closed:\n{self.exchange.said()}"
        await until(is_over, CLOSE_LIMIT_S, said, pause_s=0.05)
        close = (await operator.get("/v1/operator/day"))["close"]
        assert (close["trading_day"], close["state"], close["breaks"]) == (day, "done", 0), close
        assert {step["state"] for step in close["steps"]} == {"done"}, close
        await until(self._is_quiet, CLOSE_LIMIT_S, "every movement has its answer", pause_s=0.05)

    async def _is_quiet(self) -> bool:
        line = await self.staff["operator"].get("/v1/operator/registry")
        return bool(line["total"]["in_flight"] == 0)

    # ---- helpers ------------------------------------------------------------------------------------------------------

    async def _ask(self, who: Client, what: str, target: str, body: dict[str, Any]) -> Answer:
        """Ask; refused or not, it is answered properly."""
        answer = await who.call("POST", target, body)
        assert answer.status < 500, f"{target} {body}: {answer}"
        self.found[what if answer.is_done else f"{what} refused ({answer.code})"] += 1
        return answer

    def _name(self) -> str:
        self._count += 1
        return f"n{self._count}"

    async def cash_fen(self) -> int:
        """All money of all traders."""
        accounts = await asyncio.gather(*(trader.get("/v1/account") for trader in self.traders))
        return sum(
            parse_money(account["cash"][bucket])
            for account in accounts
            for bucket in ("available", "held", "delivering")
        )
