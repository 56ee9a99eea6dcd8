"""Chance at the negotiating table: what hostile counterparties file, answer, quote and name.

It looks at the reference market to know what is under way and what lies where, never at the core.
"""

from collections.abc import Callable
from random import Random

from matching.commands import Command, ReviewNegotiatedTransfer
from matching.negotiated_commands import (
    ConfirmNegotiatedTransfer,
    CounterNegotiatedTransfer,
    DeclineNegotiatedTransfer,
    FileNegotiatedTransfer,
    WithdrawNegotiatedTransfer,
)
from matching.order import Side
from matching.terms import NegotiatedId
from settlement.named_lots import NamedLot
from settlement.values import AccountId, AssetCode, LotId, ParticipantId
from tests.reference.market import Market
from tests.reference.negotiation import PlainTransfer, other
from tests.reference.rules import number, tiers
from tests.reference.vault import MONEY
from tests.simulation.universe import CLASS_ONE, CLASS_TWO, OWNERS

ACCOUNTS = tuple(OWNERS)
SECOND_NS = 10**9


class Bargaining:
    """What counterparties say next."""

    def __init__(self, random: Random, market: Market, fresh_id: Callable[[], str]) -> None:
        self.random = random
        self.market = market
        self.fresh_id = fresh_id

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def actor(self, account: AccountId) -> ParticipantId:
        delegates = [one.delegate for one in self.market.mandates.all if one.account == account]
        if delegates and self.chance(0.4):
            return ParticipantId(self.random.choice(delegates))
        return ParticipantId("p1") if self.chance(0.01) else OWNERS.get(account, ParticipantId("p2"))

    def file(self) -> Command:
        """A proposal; now and then the other side's, or its own, once more."""
        known = [one for one in self.market.negotiation.under_way() if one.agreement_no]
        if known and self.chance(0.15):
            return self.file_again(self.random.choice(known))
        side = self.random.choice(tuple(Side))
        listing = self.random.choice((CLASS_ONE, CLASS_ONE, CLASS_ONE, CLASS_TWO))
        listing = AssetCode("NOPE") if self.chance(0.01) else listing
        account = self.able(side, listing)
        counterparty: AccountId | None = self.able(side.opposite, listing)
        if self.chance(0.12):
            counterparty = self.random.choice((None, None, None, AccountId("nobody"), account))
        price_fen = self.price(listing)
        quantity_tonnes = self.quantity(account, listing, side, price_fen)
        return (
            FileNegotiatedTransfer(
                participant=self.actor(account),
                account=account,
                client_id=self.fresh_id(),
                listing=listing,
                side=side,
                price_fen=price_fen,
                quantity_tonnes=quantity_tonnes,
                counterparty=counterparty,
                lots=self.lots(account if side is Side.SELL else counterparty, listing, quantity_tonnes),
                agreement_no=self.random.choice(("", "", "A-1", "A-2", "A\\3", "9" * 64)),
                expires_at_ns=self.expiry(),
            )
            if not self.chance(0.01)
            else self.misnumbered(account)
        )

    def misnumbered(self, account: AccountId) -> Command:
        return FileNegotiatedTransfer(
            participant=self.actor(account),
            account=account,
            client_id=self.fresh_id(),
            listing=CLASS_ONE,
            side=Side.BUY,
            price_fen=1,
            quantity_tonnes=1,
            counterparty=account,
            agreement_no=self.random.choice(("9" * 65, "a\nb", "\u200b")),
        )

    def file_again(self, one: PlainTransfer) -> Command:
        side = Side(self.random.choice((one.proposer, other(one.proposer))))
        account, counterparty = one.who(side.value), one.who(other(side.value))
        if account is None:
            side, account, counterparty = side.opposite, counterparty, account
        lots = tuple(
            NamedLot(lot_id=LotId(lot.lot_id), quantity_tonnes=lot.tonnes, serials=tuple(lot.ranges))
            for lot in one.lots
        )
        return FileNegotiatedTransfer(
            participant=self.actor(AccountId(account or "")),
            account=AccountId(account or ""),
            client_id=self.fresh_id(),
            listing=AssetCode(one.listing),
            side=side,
            price_fen=one.price_fen + self.random.choice((0, 0, 0, 1)),
            quantity_tonnes=one.tonnes + self.random.choice((0, 0, 0, 1)),
            counterparty=None if counterparty is None else AccountId(counterparty),
            lots=self.random.choice((lots, lots, (), lots[:1])),
            agreement_no=one.agreement_no,
        )

    def answer(self) -> Command:
        """Confirm, counter, decline or withdraw: rightly for the most part."""
        transfer_id, account, one = self.whom()
        draw = self.random.random()
        participant = self.actor(account)
        if draw < 0.6:
            terms_hash = "0" * 64 if one is None else one.hash()
            if self.chance(0.04):
                terms_hash = terms_hash[::-1]
            lots: tuple[NamedLot, ...] = ()
            if one is not None and (not one.lots or self.chance(0.05)):
                lots = self.lots(account, AssetCode(one.listing), one.tonnes)
            if one is not None and one.proposer == "sell" and self.chance(0.85):
                lots = ()
            return ConfirmNegotiatedTransfer(
                participant=participant,
                account=account,
                client_id=self.fresh_id(),
                transfer_id=transfer_id,
                terms_hash=terms_hash,
                lots=lots,
            )
        if draw < 0.85 and one is not None:
            side = Side(other(one.proposer))
            listing = AssetCode(one.listing)
            price_fen = self.random.choice((one.price_fen, self.price(listing)))
            tonnes = self.random.choice((one.tonnes, self.quantity(account, listing, side, price_fen)))
            seller = account if side is Side.SELL else one.seller
            return CounterNegotiatedTransfer(
                participant=participant,
                account=account,
                client_id=self.fresh_id(),
                transfer_id=transfer_id,
                price_fen=price_fen,
                quantity_tonnes=tonnes,
                lots=self.lots(seller, listing, tonnes),
                expires_at_ns=self.expiry(),
            )
        kind = DeclineNegotiatedTransfer if draw < 0.92 else WithdrawNegotiatedTransfer
        if kind is WithdrawNegotiatedTransfer and one is not None and self.chance(0.8):
            account = AccountId(one.who(one.proposer) or account)
            participant = self.actor(account)
        return kind(
            participant=participant, account=account, client_id=self.fresh_id(), transfer_id=transfer_id
        )

    def whom(self) -> tuple[NegotiatedId, AccountId, PlainTransfer | None]:
        """A transfer, and an account that says something about it: the one that is asked, mostly."""
        under_way = self.market.negotiation.under_way()
        account = self.random.choice(ACCOUNTS)
        if under_way and self.chance(0.9):
            one = self.random.choice(under_way)
        elif self.market.negotiation.filed:
            one = self.random.choice(self.market.negotiation.filed)
        else:
            return NegotiatedId(self.random.randrange(self.market.seq + 2)), account, None
        asked = one.who(other(one.proposer))
        if asked is not None and self.chance(0.92):
            account = AccountId(asked)
        elif self.chance(0.3):
            account = AccountId(one.who(one.proposer) or account)
        return NegotiatedId(one.number), account, one

    def review(self, operator: ParticipantId) -> Command:
        waiting = [one for one in self.market.negotiation.under_way() if one.state == "under_review"]
        wanted = self.random.randrange(self.market.seq + 2)
        if waiting and self.chance(0.9):
            wanted = self.random.choice(waiting).number
        return ReviewNegotiatedTransfer(
            operator=operator,
            reason="" if self.chance(0.05) else "chance",
            transfer_id=NegotiatedId(wanted),
            approved=self.chance(0.7),
        )

    def able(self, side: Side, listing: AssetCode) -> AccountId:
        """An account, mostly one with something to sell, or to pay with."""
        vault = self.market.vault
        if side is Side.SELL:
            rich = [account for account in ACCOUNTS if vault.sellable(account, listing) > 0]
        else:
            rich = [account for account in ACCOUNTS if vault.amount(account, MONEY, "available") > 100_000]
        return self.random.choice(rich if rich and self.chance(0.9) else ACCOUNTS)

    def price(self, code: AssetCode) -> int:
        listing = self.market.listings.get(code)
        if listing is None or self.chance(0.02):
            return self.random.choice((6_800, 0, -1, 1))
        tick_fen = number(listing.terms, "tick_fen")
        around_fen = self.random.choice(
            (listing.reference_fen, *(price for _, price, _ in listing.traded[-3:]))
        )
        found = [width for _, width in tiers(listing.terms["negotiated_band_tiers"]) or [] if width]
        if found and self.chance(0.3):
            width = self.random.choice(found)
            around_fen += self.random.choice((-1, 1)) * around_fen * width // 10_000
            return around_fen + self.random.choice((-1, 0, 0, 1))
        if self.chance(0.05):
            return around_fen * 3
        price_fen = around_fen + round(self.random.gauss(0, 6)) * tick_fen
        return max(price_fen - price_fen % tick_fen, tick_fen)

    def quantity(self, account: AccountId, code: AssetCode, side: Side, price_fen: int) -> int:
        listing = self.market.listings.get(code)
        if listing is None or self.chance(0.02):
            return self.random.choice((0, -1, 1, 10**12))
        lot_tonnes = number(listing.terms, "lot_tonnes")
        sizes = [size for size, _ in tiers(listing.terms["negotiated_band_tiers"]) or [] if size]
        if sizes and self.chance(0.15):
            return self.random.choice(sizes) + self.random.choice((-1, 0))
        if self.chance(0.1):
            if side is Side.SELL:
                return self.market.vault.sellable(account, code) + self.random.choice((0, 0, 1))
            most = self.market.vault.amount(account, MONEY, "available") // max(price_fen, 1)
            return min(most + self.random.choice((0, 1)), 10**9)
        wanted = self.random.choice((5, 10, 20, 50))
        if self.chance(0.9):
            have = self.market.vault.sellable(account, code)
            if side is Side.BUY:
                have = self.market.vault.amount(account, MONEY, "available") // max(price_fen * 2, 1)
            wanted = min(wanted, have)
        return max(wanted // lot_tonnes, 1) * lot_tonnes

    def lots(self, owner: str | None, code: AssetCode, quantity_tonnes: int) -> tuple[NamedLot, ...]:
        """Lots of what its owner has: serials, or just so many of them; wrong in one way or another at times."""
        if owner is None or self.chance(0.6) or quantity_tonnes < 1:
            return ()
        if self.chance(0.08):
            return self.wrong_lots(quantity_tonnes)
        wanted, found = min(quantity_tonnes, 2_000), []
        here = [lot for lot in self.market.vault.lots.values() if lot.instrument == code]
        for lot in self.random.sample(here, len(here)):
            ranges: list[tuple[int, int]] = []
            for first, end in self.market.vault.lying(owner, lot.lot_id):
                begin = first + self.random.choice((0, 0, min(2, end - first - 1)))
                taken = min(wanted, end - begin)
                if taken:
                    ranges.append((begin, begin + taken))
                wanted -= taken
            if ranges:
                tonnes = sum(end - first for first, end in ranges)
                serials = () if self.chance(0.4) else tuple(ranges)
                found.append(NamedLot(lot_id=lot.lot_id, quantity_tonnes=tonnes, serials=serials))
        return tuple(found)

    def wrong_lots(self, tonnes: int) -> tuple[NamedLot, ...]:
        lot_id = LotId(self.random.choice((*self.market.vault.lots, "L-none")))
        one = NamedLot(lot_id=lot_id, quantity_tonnes=tonnes)
        wrong = (
            (one,),
            (one, one),
            (NamedLot(lot_id=lot_id, quantity_tonnes=tonnes, serials=((1, 2), (2, 2))),),
            (NamedLot(lot_id=lot_id, quantity_tonnes=0), one),
        )
        return self.random.choice(wrong)

    def expiry(self) -> int | None:
        if self.chance(0.6):
            return None
        return self.market.at_ns + self.random.choice((20, 300, 300, 3_000, 3_000, 3_000, 0)) * SECOND_NS
