"""What authorities do to units in the plain market: freezes, corrections, breaks, notices.

Serials are sets of numbers wherever that is simplest, freezes a list, and what is frozen is counted anew for every
account after every command.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from settlement.commands import ReportBreaks, TakeNotice
from settlement.difference import BreakKind, Difference
from settlement.notice import Notice
from tests.reference.vault import Answer, Movement, Note, Piece, Vault, joined, told, tonnes

Target = tuple[str | None, str | None, tuple[tuple[int, int], ...]]

NEXT_OF_CLAIM = {
    ("open", "dismiss"): "dismissed",
    ("open", "compensate"): "compensated",
    ("open", "freeze"): "frozen",
    ("open", "remove"): "removed",
    ("frozen", "dismiss"): "dismissed",
    ("frozen", "compensate"): "compensated",
    ("frozen", "remove"): "removed",
}


@dataclass(eq=False)
class Frost:
    """One freeze."""

    name: str
    source: str
    registry_account: str | None
    lot: str | None
    ranges: tuple[tuple[int, int], ...] = ()

    @property
    def target(self) -> Target:
        return (self.registry_account, self.lot, self.ranges)


@dataclass(eq=False)
class Claimed:
    """Corrected serials somebody else has, or nobody any more."""

    number: int
    against: str
    lot: str
    numbers: set[int]
    state: str
    notice: int


@dataclass(eq=False)
class Taken:
    """Corrected serials that are to leave, or are leaving."""

    number: int
    account: str
    lot: str
    numbers: set[int]
    state: str = "waiting"


@dataclass
class Custody:
    """Freezes, claims, removals, breaks and the feed of notices."""

    vault: Vault
    frosts: list[Frost] = field(default_factory=list)
    claims: dict[int, Claimed] = field(default_factory=dict)
    removals: dict[int, Taken] = field(default_factory=dict)
    breaks: dict[int, Difference] = field(default_factory=dict)
    arrivals: list[Notice] = field(default_factory=list)
    cursor: int = 0
    newly_stopped: list[str] = field(default_factory=list)
    """Accounts frozen by the command at hand."""
    last_claim: int = 0
    last_removal: int = 0
    last_break: int = 0

    # ---- freezes ----------------------------------------------------------------------------------------------------

    def bound(self, registry_account: str | None) -> str | None:
        found = [
            account for account, known in self.vault.registry_accounts.items() if known == registry_account
        ]
        return found[0] if found else None

    def stops(self, account: str) -> bool:
        mine = self.vault.registry_accounts.get(account)
        return any(frost.lot is None and frost.registry_account == mine for frost in self.frosts)

    def freeze(self, frost: Frost) -> Note:
        self.frosts.append(frost)
        account = self.bound(frost.registry_account)
        if frost.lot is None and account is not None:
            self.newly_stopped.append(account)
        return ("freeze", frost.name, account)

    def thaw(self, name: str) -> Note:
        (frost,) = (one for one in self.frosts if one.name == name)
        self.frosts.remove(frost)
        return ("thaw", name, self.bound(frost.registry_account))

    def named(self, account: str, lot: str) -> list[tuple[int, int]]:
        """The ranges of a lot that are frozen where this account has them; overlapping as they come."""
        whole = self.vault.lots[lot].serials
        mine = self.vault.registry_accounts[account]
        return [
            part
            for frost in self.frosts
            if frost.lot == lot and frost.registry_account in (None, mine)
            for part in (frost.ranges or (whole,))
        ]

    def named_tonnes(self, account: str, instrument: str) -> int:
        """How many of the account's serials freezes name."""
        return sum(
            tonnes([piece]) - sum(end - first for first, end in self.vault.unfrozen(account, piece))
            for piece in self.vault.pieces.get((account, instrument), [])
        )

    # ---- what follows at the end of a command -----------------------------------------------------------------------

    def places(self) -> list[tuple[str, str]]:
        return sorted((account, asset) for account, asset in self.vault.amounts if asset != "CNY")

    def missing(self, account: str, instrument: str) -> int:
        free = sum(self.vault.amount(account, instrument, bucket) for bucket in ("available", "frozen"))
        return self.named_tonnes(account, instrument) - free

    def settle(self, account: str, instrument: str, seq: int) -> list[Note]:
        """Freeze there what is named, as far as it is free; and send off what is to leave."""
        before = self.vault.amount(account, instrument, "frozen")
        self.fill(account, instrument)
        notes: list[Note] = []
        for removal in self.removals.values():
            if removal.account != account or self.vault.lots[removal.lot].instrument != instrument:
                continue
            size = len(removal.numbers)
            there = self.held(account, removal.lot) - self.aside(account, removal.lot)
            free = self.vault.amount(account, instrument, "frozen") >= size and removal.numbers <= there
            if removal.state == "waiting" and free:
                notes.extend(self.send(removal, instrument, seq))
                self.fill(account, instrument)
        after = self.vault.amount(account, instrument, "frozen")
        return notes if after == before else [*notes, ("frozen", account, instrument, after)]

    def fill(self, account: str, instrument: str) -> None:
        free = sum(self.vault.amount(account, instrument, bucket) for bucket in ("available", "frozen"))
        frozen = min(self.named_tonnes(account, instrument), free)
        place = self.vault.amounts[account, instrument]
        place["available"], place["frozen"] = free - frozen, frozen

    def send(self, removal: Taken, instrument: str, seq: int) -> list[Note]:
        removal.state = "instructed"
        account = removal.account
        pieces = self.vault.take_these(account, instrument, removal.lot, as_ranges(removal.numbers))
        self.vault.move(account, instrument, len(removal.numbers), "frozen", "delivering")
        locked = self.vault.locked.pop((account, instrument), 0)
        left = min(
            locked, sum(self.vault.amount(account, instrument, one) for one in ("available", "frozen"))
        )
        if left:
            self.vault.locked[account, instrument] = left
        movement = Movement(f"rem-{seq}-{removal.number}", account, instrument, pieces)
        movement.leaves, movement.removal = True, removal.number
        self.vault.asked.append(movement)
        return [("removal asked", removal.number), told(movement)]

    def credit(self) -> list[Note]:
        notes: list[Note] = []
        for notice in list(self.arrivals):
            account = self.bound(notice.registry_account)
            lot = self.vault.lots.get(notice.lot_id or "")
            if account is None or lot is None:
                continue
            inside = all(lot.serials[0] <= first and end <= lot.serials[1] for first, end in notice.serials)
            if not inside or any(self.vault.is_here(lot.lot_id, *part) for part in notice.serials):
                continue
            if any(self.vault.is_used_up(lot.lot_id, *part) for part in notice.serials):
                continue
            self.arrivals.remove(notice)
            pieces = [Piece(lot.issued_on, lot.lot_id, first, end) for first, end in notice.serials]
            for piece in pieces:
                self.vault.here.setdefault(piece.lot_id, []).append((piece.first, piece.end))
            self.vault.come_in(account, lot.instrument, pieces)
            notes.append(("came in", account, lot.instrument, tonnes(pieces), notice.sequence))
        return notes

    # ---- notices ----------------------------------------------------------------------------------------------------

    def take(self, command: TakeNotice, policy: str) -> Answer:
        notice = command.notice
        if notice.sequence > self.cursor + 1:
            return "notice_out_of_order"
        if notice.sequence <= self.cursor:
            return []
        self.cursor = notice.sequence
        fault = self.fault(notice)
        taken = ("notice", notice.sequence, notice.kind, self.bound(notice.registry_account), fault)
        return [taken] if fault is not None else [taken, *self.obey(notice, policy)]

    def fault(self, notice: Notice) -> str | None:
        if not are_sound(notice.serials):
            return "serials_malformed"
        lot = self.vault.lots.get(notice.lot_id or "")
        match notice.kind:
            case "lot_issued" | "lot_changed":
                return self.fault_of_lot(notice)
            case "account_restricted" | "account_closed":
                return "freeze_malformed" if notice.registry_account is None else None
            case "lot_frozen":
                return "freeze_malformed" if notice.lot_id is None else None
            case "unfrozen":
                return None if self.frozen_by(notice) is not None else "freeze_unknown"
            case "corrected":
                if lot is None:
                    return "lot_unknown"
                beyond = any(first < lot.serials[0] or end > lot.serials[1] for first, end in notice.serials)
                return "serials_malformed" if beyond else None
        if notice.registry_account is None or notice.lot_id is None or not notice.serials:
            return "serials_malformed"
        return None

    def fault_of_lot(self, notice: Notice) -> str | None:
        lot = notice.lot
        if lot is None:
            return None
        if lot.instrument not in self.vault.instruments:
            return "instrument_unknown"
        if self.vault.instruments[lot.instrument] != lot.methodology_class:
            return "lot_class_differs"
        if not 0 <= lot.serials[0] < lot.serials[1]:
            return "serials_malformed"
        known = self.vault.lots.get(lot.lot_id)
        if known is not None and (known.instrument != lot.instrument or known.serials != lot.serials):
            return "lot_exists"
        return None

    def frozen_by(self, notice: Notice) -> Frost | None:
        target = (notice.registry_account, notice.lot_id, notice.serials)
        found = [one for one in self.frosts if one.source == "registry" and one.target == target]
        return found[0] if found else None

    def obey(self, notice: Notice, policy: str) -> list[Note]:
        name = f"notice-{notice.sequence}"
        match notice.kind:
            case "lot_issued" | "lot_changed":
                lot = notice.lot
                if lot is None or self.vault.lots.get(lot.lot_id) == lot:
                    return []
                known = lot.lot_id in self.vault.lots
                self.vault.lots[lot.lot_id] = lot
                self.vault.reissue(lot)
                return [("lot changed" if known else "lot", lot.lot_id)]
            case "account_restricted" | "account_closed":
                return [self.freeze(Frost(name, "registry", notice.registry_account, None))]
            case "lot_frozen":
                frost = Frost(name, "registry", notice.registry_account, notice.lot_id, notice.serials)
                return [self.freeze(frost)]
            case "unfrozen":
                frozen = self.frozen_by(notice)
                assert frozen is not None
                return [self.thaw(frozen.name)]
            case "corrected":
                return self.correct(notice, policy)
        self.arrivals.append(notice)
        return []

    # ---- corrections ------------------------------------------------------------------------------------------------

    def correct(self, notice: Notice, policy: str) -> list[Note]:
        lot = str(notice.lot_id)
        wrong = numbers(notice.serials or (self.vault.lots[lot].serials,))
        notes: list[Note] = []
        for account in sorted(self.vault.owners):
            theirs = numbers(self.vault.brought.get((account, lot), ())) & wrong
            held = theirs & self.held(account, lot)
            leaving = {
                number
                for movement in self.vault.asked
                if movement.leaves and movement.account == account
                for piece in movement.pieces
                if piece.lot_id == lot
                for number in range(piece.first, piece.end)
            }
            claimed = {one for known in self.claims.values() if known.lot == lot for one in known.numbers}
            sold = theirs - held - leaving - claimed
            held -= self.going(lot)
            if held:
                notes.extend(self.remove(account, lot, held))
            if sold:
                notes.extend(self.claim(account, lot, sold, notice.sequence, policy))
        return notes

    def held(self, account: str, lot: str) -> set[int]:
        instrument = self.vault.lots[lot].instrument
        pieces = self.vault.pieces.get((account, instrument), [])
        lying = numbers(tuple((piece.first, piece.end) for piece in pieces if piece.lot_id == lot))
        return lying | self.aside(account, lot)

    def aside(self, account: str, lot: str) -> set[int]:
        return {
            number
            for kept in self.vault.aside
            if kept.account == account
            for piece in kept.pieces
            if piece.lot_id == lot
            for number in range(piece.first, piece.end)
        }

    def going(self, lot: str) -> set[int]:
        return {one for known in self.removals.values() if known.lot == lot for one in known.numbers}

    def claim(self, against: str, lot: str, sold: set[int], notice: int, policy: str) -> list[Note]:
        self.last_claim += 1
        state = "frozen" if policy == "freeze_holder" else "open"
        claim = Claimed(self.last_claim, against, lot, sold, state, notice)
        self.claims[claim.number] = claim
        notes: list[Note] = [("claim", claim.number, against, lot, as_ranges(sold), state)]
        if state == "frozen":
            notes.append(self.freeze(Frost(f"claim-{claim.number}", "claim", None, lot, as_ranges(sold))))
        return notes

    def remove(self, account: str, lot: str, held: set[int]) -> list[Note]:
        self.last_removal += 1
        removal = Taken(self.last_removal, account, lot, held)
        self.removals[removal.number] = removal
        frost = Frost(f"removal-{removal.number}", "correction", None, lot, as_ranges(held))
        return [("removal", removal.number, account, lot, as_ranges(held)), self.freeze(frost)]

    def decide(self, number: int, decision: str) -> list[Note]:
        claim = self.claims.pop(number)
        before, claim.state = claim.state, NEXT_OF_CLAIM[claim.state, decision]
        notes: list[Note] = [("claim decided", number, decision, claim.state)]
        if claim.state == "frozen":
            self.claims[number] = claim
            frost = Frost(f"claim-{number}", "claim", None, claim.lot, as_ranges(claim.numbers))
            notes.append(self.freeze(frost))
        elif before == "frozen":
            notes.append(self.thaw(f"claim-{number}"))
        if claim.state == "removed":
            for account in sorted(self.vault.owners):
                held = (self.held(account, claim.lot) & claim.numbers) - self.going(claim.lot)
                if held:
                    notes.extend(self.remove(account, claim.lot, held))
        return notes

    def removed(self, number: int) -> list[Note]:
        del self.removals[number]
        return [("removed", number), self.thaw(f"removal-{number}")]

    def not_removed(self, number: int, code: str) -> list[Note]:
        self.removals[number].state = "waiting" if code == "too_late" else "refused"
        return [("not removed", number, code)]

    # ---- breaks -----------------------------------------------------------------------------------------------------

    def report(self, command: ReportBreaks) -> Answer:
        for found in command.differences:
            nameless = (
                found.registry_account is None and found.lot_id is None and found.instruction_id is None
            )
            if nameless and found.kind not in {BreakKind.TOTALS_DIFFER, BreakKind.MOVEMENT_ON_ONE_SIDE}:
                return "difference_malformed"
            if not are_sound(found.only_here) or not are_sound(found.only_there):
                return "difference_malformed"
        notes: list[Note] = []
        for found in command.differences:
            if any(same(found, known) for known in self.breaks.values()):
                continue
            self.last_break += 1
            self.breaks[self.last_break] = found
            account = found.registry_account
            notes.append(("break", self.last_break, found.kind, self.bound(account)))
            if account is not None:
                notes.append(self.freeze(Frost(f"break-{self.last_break}-account", "break", account, None)))
            if found.lot_id is not None:
                frost = Frost(f"break-{self.last_break}-lot", "break", account, found.lot_id)
                notes.append(self.freeze(frost))
        return notes

    def resolve(self, number: int) -> list[Note]:
        found = self.breaks.pop(number)
        notes: list[Note] = [("break resolved", number, self.bound(found.registry_account))]
        if found.registry_account is not None:
            notes.append(self.thaw(f"break-{number}-account"))
        if found.lot_id is not None:
            notes.append(self.thaw(f"break-{number}-lot"))
        return notes


def same(found: Difference, known: Difference) -> bool:
    """Whether two are one difference: all but its words."""
    return all(
        getattr(found, name) == getattr(known, name)
        for name in ("kind", "registry_account", "lot_id", "only_here", "only_there", "instruction_id")
    )


def are_sound(ranges: tuple[tuple[int, int], ...]) -> bool:
    """Ascending, not empty, neither overlapping nor touching."""
    return all(0 <= first < end for first, end in ranges) and all(
        before[1] < after[0] for before, after in pairwise(ranges)
    )


def numbers(ranges: tuple[tuple[int, int], ...]) -> set[int]:
    """Every serial in these ranges."""
    return {number for first, end in ranges for number in range(first, end)}


def as_ranges(serials: set[int]) -> tuple[tuple[int, int], ...]:
    """The same serials as ranges."""
    return tuple(joined([(number, number + 1) for number in serials]))
