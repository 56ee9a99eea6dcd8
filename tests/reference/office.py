"""Uses of owned units in the plain market: offsets, other uses, and what they are judged by.

The guards stand in the order in which they are documented; serials are lists of pieces, as in the vault. A
certificate is its number and what it says, its check digits found by trying.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from settlement.channels import Channel
from settlement.compliance_year import ComplianceYear, Filing
from settlement.lot import Lot
from settlement.lot_choice import LotChoice
from settlement.use_commands import (
    AdoptComplianceYear,
    DesignateWelfareAccount,
    FileVerifiedEmissions,
    SubmitOffset,
    SubmitRetirement,
    WithdrawUse,
)
from tests.reference import rules
from tests.reference.rules import SECOND_NS, Terms, number
from tests.reference.vault import Answer, Movement, Note, Piece, Vault, joined, told, tonnes

UseRequest = SubmitOffset | SubmitRetirement | WithdrawUse
UseSetting = AdoptComplianceYear | FileVerifiedEmissions | DesignateWelfareAccount

OFFSET = "compliance_offset"


@dataclass(eq=False)
class PlainUse:
    """Units on their way to being used up."""

    name: str
    account: str
    instrument: str
    channel: str
    year: int | None
    pieces: list[Piece]
    ask_at_ns: int
    asked: bool = False
    donated_to: str | None = None


@dataclass
class Office:
    """Everything asked about using units up. It shares the vault."""

    vault: Vault
    years: list[tuple[int, ComplianceYear]] = field(default_factory=list)
    """Each with the moment from which it holds."""
    filings: list[Filing] = field(default_factory=list)
    welfare: list[str] = field(default_factory=list)
    under_way: list[PlainUse] = field(default_factory=list)
    used: list[tuple[str, int | None, int, str, int]] = field(default_factory=list)
    """Entity, compliance year, calendar year, channel and tonnes of every completed use."""
    untold: list[tuple[str, str, int, str]] = field(default_factory=list)
    """Channel, entity, tonnes and day of every use that no published figure tells yet."""
    certificates: int = 0

    # ---- requests ---------------------------------------------------------------------------------------------------

    def decide(
        self, command: UseRequest, seq: int, at_ns: int, terms: Terms | None, *, restricted: bool
    ) -> Answer:
        if isinstance(command, WithdrawUse):
            return self.withdraw(command)
        table = channels(str(terms["use_channels"])) if terms is not None else {}
        if isinstance(command, SubmitOffset):
            chosen = self.offset(command, at_ns, table, restricted=restricted)
        else:
            chosen = self.other_use(command, table, restricted=restricted)
        if isinstance(chosen, str):
            return chosen
        instrument, pieces = chosen
        is_offset = isinstance(command, SubmitOffset)
        wait_s = 0 if terms is None else number(terms, "use_withdrawal_s")
        use = PlainUse(
            f"{'offset' if is_offset else 'retirement'}-{seq}",
            command.account,
            instrument,
            OFFSET if isinstance(command, SubmitOffset) else command.use.purpose.value,
            command.compliance_year if isinstance(command, SubmitOffset) else None,
            pieces,
            at_ns + wait_s * SECOND_NS,
            donated_to=None if isinstance(command, SubmitOffset) else command.donate_to,
        )
        self.take_out(use)
        self.under_way.append(use)
        return [("use held", use.name, use.account, use.channel, tonnes(pieces), shown(pieces))]

    def withdraw(self, command: WithdrawUse) -> Answer:
        for use in self.under_way:
            if use.name == command.use_id and use.account == command.account and not use.asked:
                self.put_back(use)
                return [("use withdrawn", use.name)]
        return "use_not_held"

    def ask_due(self, seq: int, at_ns: int, day: str | None, *, closing: bool) -> list[Note]:
        """Ask the registry for what has waited long enough; not while a day closes."""
        if closing or day is None:
            return []
        notes: list[Note] = []
        for use in self.under_way:
            if not use.asked and use.ask_at_ns <= at_ns:
                use.asked = True
                notes += [("use asked", use.name), self.send(use, seq)]
        return notes

    def send(self, use: PlainUse, seq: int) -> Note:
        movement = Movement(f"{use.name}-{seq}", use.account, use.instrument, use.pieces, used=use.name)
        self.vault.asked.append(movement)
        return told(movement)

    def take_out(self, use: PlainUse) -> None:
        place = (use.account, use.instrument)
        for piece in use.pieces:
            left: list[Piece] = []
            for held in self.vault.pieces[place]:
                if held.lot_id != piece.lot_id or held.end <= piece.first or piece.end <= held.first:
                    left.append(held)
                    continue
                for first, end in ((held.first, piece.first), (piece.end, held.end)):
                    if first < end:
                        left.append(Piece(held.issued_on, held.lot_id, first, end))
            self.vault.pieces[place] = left
        self.vault.move(use.account, use.instrument, tonnes(use.pieces), "available", "delivering")

    def put_back(self, use: PlainUse) -> None:
        self.under_way.remove(use)
        self.vault.give(use.account, use.instrument, use.pieces)
        self.vault.move(use.account, use.instrument, tonnes(use.pieces), "delivering", "available")

    # ---- the registry's answers -------------------------------------------------------------------------------------

    def done(self, movement: Movement, day: str) -> list[Note]:
        (use,) = [one for one in self.under_way if one.name == movement.used]
        self.under_way.remove(use)
        size = tonnes(use.pieces)
        if use.donated_to is None:
            self.vault.leave(use.pieces)
            self.vault.spend(use.pieces)
            self.vault.move(use.account, use.instrument, size, "delivering", "retired")
        else:
            self.vault.add(use.account, use.instrument, "delivering", -size)
            self.vault.add(use.donated_to, use.instrument, "available", size)
            self.vault.give(use.donated_to, use.instrument, use.pieces)
        return [("used", use.name, size), self.certify(use, day)]

    def undone(self, movement: Movement, code: str, seq: int) -> list[Note]:
        (use,) = [one for one in self.under_way if one.name == movement.used]
        if code == "too_late":
            return [self.send(use, seq)]
        self.put_back(use)
        return [("use refused", use.name, code)]

    def certify(self, use: PlainUse, day: str) -> Note:
        self.certificates += 1
        entity, size = self.vault.owners[use.account], tonnes(use.pieces)
        self.used.append((entity, use.year, int(day[:4]), use.channel, size))
        self.untold.append((use.channel, entity, size, day))
        body = day.replace("-", "") + str(self.certificates).zfill(8)
        check = next(two for two in range(2, 99) if int(f"{body}{two:02}") % 97 == 1)
        return ("certified", f"PH-{body[:8]}-{body[8:]}-{check:02}", use.name, entity, use.channel, size)

    def publish(self) -> list[Note]:
        """A figure for each purpose that three have behind it; of the others, that there is something."""
        notes: list[Note] = []
        for channel in Channel:
            of = [one for one in self.untold if one[0] == channel]
            if len({entity for _, entity, _, _ in of}) >= 3:
                self.untold = [one for one in self.untold if one[0] != channel]
                notes.append(("retired in all", channel.value, of[0][3], sum(size for _, _, size, _ in of)))
            elif of:
                notes.append(("retired in all", channel.value, of[0][3], None))
        return notes

    # ---- guards -----------------------------------------------------------------------------------------------------

    def offset(
        self, command: SubmitOffset, at_ns: int, table: dict[str, list[str]], *, restricted: bool
    ) -> tuple[str, list[Piece]] | str:
        account = command.account
        entity = self.vault.owners[account]
        if self.is_class_two(command):
            return "class_not_eligible"
        refused = self.shape(command) or self.no_business(account, restricted=restricted)
        if refused is not None:
            return refused
        if self.vault.kinds[entity] != "covered_entity":
            return "not_a_compliance_entity"
        if OFFSET not in table.get("I", []):
            return "channel_not_allowed"
        terms = self.year_now(command.compliance_year, at_ns)
        if terms is None:
            return "compliance_year_unknown"
        if at_ns < terms.opens_ns:
            return "compliance_year_not_open"
        if at_ns > terms.deadline_ns:
            return "compliance_deadline_passed"
        chosen = self.choose(command, lambda lot: why_not(lot, terms, entity))
        if isinstance(chosen, str):
            return chosen
        refused = self.above_cap(terms, entity, tonnes(chosen[1]))
        if refused is not None:
            return refused
        use = (command.beneficiary or entity, command.statement)
        return chosen if all(map(is_text, use)) and use[0].strip() else "use_malformed"

    def other_use(
        self, command: SubmitRetirement, table: dict[str, list[str]], *, restricted: bool
    ) -> tuple[str, list[Piece]] | str:
        refused = self.shape(command) or self.no_business(command.account, restricted=restricted)
        if refused is not None:
            return refused
        if not rules.is_use(command.use):
            return "use_malformed"
        purpose = command.use.purpose.value
        if command.donate_to is not None and purpose != "donation":
            return "not_a_donation"
        if command.donate_to is not None and (
            command.donate_to not in self.welfare or command.donate_to == command.account
        ):
            return "welfare_account_unknown"
        return self.choose(
            command,
            lambda lot: None if purpose in table.get(lot.methodology_class, []) else "channel_not_allowed",
        )

    def no_business(self, account: str, *, restricted: bool) -> str | None:
        if account in self.vault.earmarks:
            return "account_earmarked"
        if restricted:
            return "account_restricted"
        return "account_frozen" if self.vault.stopped(account) else None

    def is_class_two(self, command: SubmitOffset) -> bool:
        lots = self.vault.lots
        if any(choice.lot_id in lots and class_of(lots[choice.lot_id]) == "II" for choice in command.lots):
            return True
        if command.instrument is not None:
            return self.vault.instruments.get(command.instrument) == "II"
        mine = {class_of(lots[piece.lot_id]) for piece in self.pieces_of(command.account)}
        return not command.lots and mine == {"II"}

    def shape(self, command: SubmitOffset | SubmitRetirement) -> str | None:
        if command.instrument is not None and command.instrument not in self.vault.instruments:
            return "instrument_unknown"
        if (command.quantity_tonnes is None and not command.lots) or (
            command.quantity_tonnes is not None and command.lots
        ):
            return "quantity_or_lots"
        if command.quantity_tonnes is not None and command.quantity_tonnes < 1:
            return "quantity_not_positive"
        names = [choice.lot_id for choice in command.lots]
        if len(names) > len(set(names)):
            return "serials_malformed"
        for choice in command.lots:
            refused = self.shape_of(choice)
            if refused is not None:
                return refused
        codes = {self.vault.lots[name].instrument for name in names} | {command.instrument} - {None}
        return "several_instruments" if len(codes) > 1 else None

    def shape_of(self, choice: LotChoice) -> str | None:
        lot = self.vault.lots.get(choice.lot_id)
        if lot is None:
            return "lot_unknown"
        ranges = list(choice.serials)
        if ranges and choice.quantity_tonnes:
            return "quantity_or_lots"
        if not ranges and choice.quantity_tonnes < 1:
            return "quantity_not_positive"
        if any(first < 0 or end <= first for first, end in ranges):
            return "serials_malformed"
        if any(after[0] <= before[1] for before, after in pairwise(ranges)):
            return "serials_malformed"
        if ranges and (ranges[0][0] < lot.serials[0] or ranges[-1][1] > lot.serials[1]):
            return "serials_beyond_lot"
        return None

    # ---- which units ------------------------------------------------------------------------------------------------

    def choose(self, command: SubmitOffset | SubmitRetirement, why: "Why") -> tuple[str, list[Piece]] | str:
        if command.lots:
            return self.named(command.account, command.lots, why)
        wanted = command.quantity_tonnes or 0
        if command.instrument is not None:
            return self.oldest(command.account, command.instrument, wanted, why)
        mine = [self.vault.lots[piece.lot_id] for piece in self.pieces_of(command.account)]
        serving = {lot.instrument for lot in mine if why(lot) is None}
        candidates = sorted(serving or self.vault.instruments)
        answers = [self.oldest(command.account, code, wanted, why) for code in candidates]
        good = [answer for answer in answers if not isinstance(answer, str)]
        return (good or answers or ["units_not_owned"])[0]

    def named(self, account: str, lots: tuple[LotChoice, ...], why: "Why") -> tuple[str, list[Piece]] | str:
        chosen: list[Piece] = []
        for choice in lots:
            lot = self.vault.lots[choice.lot_id]
            if any(overlaps(gone, choice.serials) for gone in self.vault.spent.get(lot.lot_id, [])):
                return "serials_retired"
            held = [one for one in self.pieces_of(account) if one.lot_id == lot.lot_id]
            mine = joined([part for one in held for part in self.vault.unfrozen(account, one)])
            ranges = list(choice.serials) or lowest(mine, choice.quantity_tonnes)
            if ranges is None or not all(
                any(a <= first and end <= b for a, b in mine) for first, end in ranges
            ):
                return self.frozen_or_not_owned(account, held, choice)
            refused = why(lot)
            if refused is not None:
                return refused
            chosen += [Piece(lot.issued_on, lot.lot_id, first, end) for first, end in ranges]
        instrument = self.vault.lots[lots[0].lot_id].instrument
        return self.shortage(account, instrument, tonnes(chosen)) or (instrument, chosen)

    def frozen_or_not_owned(self, account: str, held: list[Piece], choice: LotChoice) -> str:
        """Whether it is a freeze that keeps these units from being used, or that they are not there."""
        free = [part for one in held for part in self.vault.unfrozen(account, one)]
        mine = {number for one in held for number in range(one.first, one.end)}
        frozen = mine - {number for first, end in free for number in range(first, end)}
        wanted = {number for first, end in choice.serials for number in range(first, end)}
        is_frozen = bool(wanted & frozen) if wanted else choice.quantity_tonnes <= len(mine)
        return "units_frozen" if is_frozen else "units_not_owned"

    def oldest(self, account: str, code: str, wanted: int, why: "Why") -> tuple[str, list[Piece]] | str:
        short = self.shortage(account, code, wanted)
        if short is not None:
            return short
        pieces = sorted(
            self.vault.pieces.get((account, code), []),
            key=lambda piece: (self.vault.lots[piece.lot_id].issued_on, piece.lot_id, piece.first),
        )
        forbidden = [why(self.vault.lots[piece.lot_id]) for piece in pieces]
        allowed = [
            Piece(piece.issued_on, piece.lot_id, first, end)
            for piece, no in zip(pieces, forbidden, strict=True)
            if no is None
            for first, end in sorted(self.vault.unfrozen(account, piece))
        ]
        if tonnes(allowed) < wanted:
            return next((no for no in forbidden if no is not None), "units_not_owned")
        chosen: list[Piece] = []
        for piece in allowed:
            here = min(wanted - tonnes(chosen), piece.end - piece.first)
            if here:
                chosen.append(Piece(piece.issued_on, piece.lot_id, piece.first, piece.first + here))
        return code, chosen

    def shortage(self, account: str, code: str, wanted: int) -> str | None:
        """Add up what would be there if it were free, one thing after the other, until it is enough."""
        vault = self.vault
        locked = vault.locked.get((account, code), 0)
        incoming = sum(
            trade.tonnes for trade in vault.trades if trade.buyer == account and trade.listing == code
        )
        free = vault.amount(account, code, "available") - locked
        committed = vault.amount(account, code, "held") + vault.amount(account, code, "delivering")
        if wanted <= free:
            return None
        if wanted <= free + committed:
            return "units_held"
        if wanted <= free + committed + locked + incoming:
            return "units_not_settled"
        frozen = vault.amount(account, code, "frozen")
        return (
            "units_frozen" if wanted <= free + committed + locked + incoming + frozen else "units_not_owned"
        )

    def pieces_of(self, account: str) -> list[Piece]:
        return [piece for (owner, _), some in self.vault.pieces.items() if owner == account for piece in some]

    # ---- what it is judged by ---------------------------------------------------------------------------------------

    def set(self, command: UseSetting, at_ns: int) -> Answer:
        if isinstance(command, AdoptComplianceYear):
            terms = command.terms
            if is_faulty_year(terms) or 0 < terms.effective_from_ns < at_ns:
                return "compliance_year_faulty"
            from_ns = max(at_ns, terms.effective_from_ns)
            self.years.append((from_ns, terms))
            return [("year", terms.year, from_ns)]
        if isinstance(command, FileVerifiedEmissions):
            filing = command.filing
            if filing.entity not in self.vault.participants:
                return "participant_unknown"
            figures = [filing.verified_emissions_tonnes or 0, filing.issued_allowances_tonnes or 0]
            figures += [one.tonnes for one in filing.other_credits]
            names = [one.credit for one in filing.other_credits]
            if len(names) > len(set(names)) or min(figures) < 0 or max(figures) > 10**12:
                return "filing_faulty"
            self.filings.append(filing)
            return [("filed", filing.entity, filing.year)]
        if command.account not in self.vault.owners:
            return "account_unknown"
        if command.account in self.vault.earmarks:
            return "account_earmarked"
        if command.designated and command.account not in self.welfare:
            self.welfare.append(command.account)
        elif not command.designated and command.account in self.welfare:
            self.welfare.remove(command.account)
        return [("welfare", command.account, command.designated)]

    def year_now(self, year: int, at_ns: int) -> ComplianceYear | None:
        found = [(from_ns, terms) for from_ns, terms in self.years if terms.year == year and from_ns <= at_ns]
        latest = max((from_ns for from_ns, _ in found), default=0)
        return [terms for from_ns, terms in found if from_ns == latest][-1] if found else None

    def above_cap(self, terms: ComplianceYear, entity: str, wanted: int) -> str | None:
        cap = terms.cap
        if cap is None or cap.enforcement.value == "soft":
            return None
        filings = [one for one in self.filings if one.entity == entity and one.year == terms.year]
        base = None
        if filings:
            filing = filings[-1]
            base = (
                filing.verified_emissions_tonnes
                if cap.base.value == "verified_emissions"
                else filing.issued_allowances_tonnes
            )
        if base is None:
            return "cap_base_not_filed"
        others = sum(one.tonnes for one in filings[-1].other_credits if one.credit in cap.joint_credits)
        total = self.used_of(entity, terms.year) + others + wanted
        # More than the share, in whole numbers: total / base > numerator / denominator.
        above = total * cap.ratio_denominator > base * cap.ratio_numerator
        return "cap_exceeded" if above else None

    def used_of(self, entity: str, year: int) -> int:
        done = sum(size for who, of, _, what, size in self.used if (who, of, what) == (entity, year, OFFSET))
        coming = [use for use in self.under_way if use.year == year]
        return done + sum(tonnes(use.pieces) for use in coming if self.vault.owners[use.account] == entity)


Why = Callable[[Lot], str | None]
"""Why a lot may not serve a use; None when it may."""


def why_not(lot: Lot, terms: ComplianceYear, entity: str) -> str | None:
    """Why a lot may not serve an entity's compliance of a year."""
    if class_of(lot) == "II":
        return "class_not_eligible"
    if lot.period_from < (terms.period_from or "0") or lot.period_to > (terms.period_to or "9"):
        return "period_not_eligible"
    if terms.methodologies and lot.methodology not in terms.methodologies:
        return "methodology_not_eligible"
    if terms.origins and lot.origin not in terms.origins:
        return "origin_not_eligible"
    excluded = [one for one in terms.exclusions if one.lot_id == lot.lot_id]
    return "lot_excluded" if any(one.entity is None or one.entity == entity for one in excluded) else None


def is_faulty_year(terms: ComplianceYear) -> bool:
    cap, dates = terms.cap, [date for date in (terms.period_from, terms.period_to) if date]
    return (
        not 2013 <= terms.year <= 2100
        or terms.opens_ns < 0
        or terms.opens_ns > terms.deadline_ns
        or (cap is not None and not 0 <= cap.ratio_numerator <= cap.ratio_denominator)
        or (cap is not None and cap.ratio_denominator < 1)
        or any([len(part) for part in date.split("-")] != [4, 2, 2] for date in dates)
        or any(not date.replace("-", "").isdigit() for date in dates)
        or dates != sorted(dates)
        or not terms.source.strip()
    )


def channels(text: str) -> dict[str, list[str]]:
    """For each class, what its units may be used for."""
    table: dict[str, list[str]] = {}
    for part in text.split(";"):
        name, _, listed = part.partition(":")
        table[name.strip()] = [word.strip() for word in listed.split(",")]
    return table


def class_of(lot: Lot) -> str:
    return lot.methodology_class.value


def is_text(text: str) -> bool:
    return len(text) <= 500 and not any(rules.unprintable(sign) for sign in text)


def overlaps(one: tuple[int, int], ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first < one[1] and one[0] < end for first, end in ranges)


def lowest(ranges: list[tuple[int, int]], wanted: int) -> list[tuple[int, int]] | None:
    """So many of the lowest serials; None when there are not so many."""
    found: list[tuple[int, int]] = []
    for first, end in ranges:
        here = min(wanted, end - first)
        if here:
            found.append((first, first + here))
            wanted -= here
    return None if wanted else found


def shown(pieces: list[Piece]) -> tuple[object, ...]:
    """Lots in their order, each with its ranges."""
    lots = list(dict.fromkeys(piece.lot_id for piece in pieces))
    return tuple(
        (lot, tuple(joined([(one.first, one.end) for one in pieces if one.lot_id == lot]))) for lot in lots
    )
