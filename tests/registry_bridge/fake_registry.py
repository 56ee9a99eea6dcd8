"""The plainest registry that keeps the protocol: one dictionary entry for every serial.

It stands in for the platform behind the port, and is what the reference registry is compared with. Its owner's
and people's calls have the names and arguments of `HttpAdministration`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from registry_bridge.capabilities import WHOLE_PROTOCOL, Capabilities
from registry_bridge.reconcile import PositionDigest
from registry_bridge.registry import (
    AccountKind,
    AccountState,
    Answer,
    Binding,
    BindingRefused,
    Confirmed,
    FinalAnswer,
    Holding,
    JournalEntry,
    JournalPage,
    LotPage,
    Movement,
    MovementKind,
    MovementLeg,
    Notice,
    NoticeKind,
    NoticePage,
    PositionPage,
    PositionRange,
    RefusalCode,
    Refused,
    RegistryAccount,
    RegistryLot,
    RequestIdReused,
    RetirementPurpose,
    SubAccount,
    Unknown,
    UnknownReason,
)
from registry_bridge.wire import movement_digest
from registry_bridge.wire_administration import CorrectionMade, LotIssue
from settlement.lot import MethodologyClass
from settlement.serials import Serials

Place = tuple[str, str]
Serial = tuple[str, int]

WAYS = {
    MovementKind.TRANSFER_IN: (SubAccount.MANAGEMENT, SubAccount.TRADING),
    MovementKind.TRANSFER_OUT: (SubAccount.TRADING, SubAccount.MANAGEMENT),
    MovementKind.DELIVER: (SubAccount.TRADING, SubAccount.TRADING),
    MovementKind.RETIRE: (SubAccount.TRADING, None),
}


class FakeRegistry:
    """The port, and the platform's people's calls, in memory."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.accounts: dict[str, AccountKind] = {}
        self.bindings: dict[str, Binding] = {}
        self.methodologies: dict[tuple[str, str], MethodologyClass] = {}
        self.issued: dict[str, RegistryLot] = {}
        self.places: dict[Serial, Place] = {}
        self.history: list[dict[Serial, Place]] = [{}]
        self.entries: list[JournalEntry] = []
        self.told: list[Notice] = []
        self.answers: dict[str, tuple[str | None, FinalAnswer]] = {}
        self.restrictions: dict[int, tuple[str | None, str | None, Serials]] = {}
        self.closed: set[str] = set()
        self.corrected: set[Serial] = set()
        self.moves = 0
        """Calls of `move` that got here, repeated ones included."""

    # --- the port ---

    async def move(self, movement: Movement) -> Answer:
        self.moves += 1
        return self.decide(movement, by_owner=False)

    async def ask(self, request_id: str) -> Answer:
        if request_id in self.answers:
            return self.answers[request_id][1]
        return Unknown(request_id=request_id, why=UnknownReason.NOT_SEEN, registry_time_ns=self._clock())

    async def cancel(self, request_id: str) -> Answer:
        refused = self._refused(request_id, RefusalCode.CANCELLED)
        return self.answers.setdefault(request_id, (None, refused))[1]

    async def account(self, account: str) -> RegistryAccount | None:
        if account not in self.accounts:
            return None
        binding = self.bindings.get(account)
        return RegistryAccount(
            account=account,
            kind=self.accounts[account],
            frozen=self._account_frozen(account),
            closed=account in self.closed,
            trading_account=binding.trading_account if binding else None,
            holdings=tuple(
                Holding(sub_account=sub_account, lot=lot, first=first, end=end)
                for sub_account in SubAccount
                for lot in sorted(self.issued)
                for first, end in self._ranges(self.places, lot, (account, sub_account.value))
            ),
        )

    async def account_state(self, account: str) -> AccountState | None:
        found = await self.account(account)
        if found is None:
            return None
        return AccountState(
            account=account,
            kind=found.kind,
            frozen=found.frozen,
            closed=found.closed,
            trading_account=found.trading_account,
        )

    async def bind(self, account: str, trading_account: str) -> Binding | BindingRefused:
        if account not in self.accounts:
            return BindingRefused(account=account, code=RefusalCode.ACCOUNT_UNKNOWN)
        if account in self.closed:
            return BindingRefused(account=account, code=RefusalCode.ACCOUNT_CLOSED)
        found = [
            one
            for one in self.bindings.values()
            if account == one.account or trading_account == one.trading_account
        ]
        if found and (found[0].account, found[0].trading_account) != (account, trading_account):
            return BindingRefused(account=account, code=RefusalCode.ALREADY_BOUND)
        if not found and self._account_frozen(account):
            return BindingRefused(account=account, code=RefusalCode.ACCOUNT_FROZEN)
        new = Binding(account=account, trading_account=trading_account, bound_at_ns=self._clock())
        return self.bindings.setdefault(account, new)

    async def lots(self, after: int = 0) -> LotPage:
        return LotPage(lots=tuple(lot for lot in self.issued.values() if lot.sequence > after), next=None)

    async def lot(self, lot: str) -> RegistryLot | None:
        return self.issued.get(lot)

    async def positions(self, as_of: int | None = None, after: str | None = None) -> PositionPage:
        as_of = len(self.entries) if as_of is None else as_of
        positions = tuple(self._positions(self.history[as_of]))
        digest = PositionDigest()
        for position in positions:
            digest.add(position)
        return PositionPage(
            as_of=as_of, positions=positions, next=None, totals=digest.totals(), digest=digest.hexdigest()
        )

    async def journal(self, after: int = 0) -> JournalPage:
        return JournalPage(entries=tuple(self.entries[after:]), next=None)

    async def notices(self, after: int = 0) -> NoticePage:
        return NoticePage(notices=tuple(self.told[after:]), next=None)

    async def time(self) -> int:
        return self._clock()

    async def capabilities(self) -> Capabilities:
        return WHOLE_PROTOCOL

    # --- the platform's people and the owners ---

    async def open_account(self, account: str, kind: AccountKind) -> None:
        self.accounts[account] = kind

    async def close_account(self, account: str, reason: str) -> None:
        self.closed.add(account)
        self._tell(NoticeKind.ACCOUNT_CLOSED, account=account, reason=reason)

    async def correct(self, *, lot: str, serials: Serials, reason: str) -> CorrectionMade:
        named = [(lot, serial) for first, end in serials for serial in range(first, end)]
        self.corrected |= set(named)
        were = Counter(self.places[serial][1] for serial in named)
        self._withdraw(serial for serial in named if self.places[serial][1] == "management")
        self._tell(
            NoticeKind.CORRECTED,
            account=self.issued[lot].applicant,
            lot=lot,
            serials=serials,
            reason=reason,
            journal_sequence=len(self.entries),
        )
        return CorrectionMade(
            correction=len(self.told),
            withdrawn_tonnes=were["management"],
            trading_tonnes=were["trading"],
            retired_tonnes=were["retired"],
        )

    def _withdraw(self, serials: Iterable[Serial]) -> None:
        self.places |= {serial: (self.places[serial][0], "withdrawn") for serial in serials}

    async def publish_methodology(
        self, *, code: str, version: str, methodology_class: MethodologyClass, title: str
    ) -> None:
        self.methodologies[code, version] = methodology_class

    async def issue_lot(self, issue: LotIssue) -> RegistryLot:
        known = {name: getattr(issue, name) for name in LotIssue.__slots__}
        lot = RegistryLot(
            sequence=len(self.issued) + 1,
            methodology_class=self.methodologies[issue.methodology, issue.methodology_version],
            **known,
        )
        self.issued[issue.lot] = lot
        owner = (issue.applicant, "management")
        self.places |= {(issue.lot, serial): owner for serial in range(issue.first, issue.end)}
        self._tell(NoticeKind.LOT_ISSUED, account=issue.applicant, lot=issue.lot)
        return lot

    async def transfer_by_owner(
        self, *, transfer_id: str, account: str, lot: str, serials: Serials, trading_day: str
    ) -> Confirmed | Refused:
        leg = MovementLeg(
            leg=1,
            lot=lot,
            serials=serials,
            from_account=account,
            from_sub_account=SubAccount.MANAGEMENT,
            to_account=account,
            to_sub_account=SubAccount.TRADING,
        )
        movement = Movement(
            request_id=f"owner.{transfer_id}",
            kind=MovementKind.TRANSFER_IN,
            not_after_ns=(1 << 63) - 1,
            trading_day=trading_day,
            legs=(leg,),
        )
        return self.decide(movement, by_owner=True)

    async def freeze(
        self,
        *,
        account: str | None = None,
        lot: str | None = None,
        serials: Serials | None = None,
        reason: str,
    ) -> int:
        number = len(self.told) + 1
        self.restrictions[number] = (account, lot, serials or ())
        kind = NoticeKind.ACCOUNT_RESTRICTED if account else NoticeKind.LOT_FROZEN
        self._tell(kind, account=account, lot=lot, serials=serials or (), reason=reason)
        return number

    async def unfreeze(self, restriction: int, reason: str) -> None:
        account, lot, serials = self.restrictions.pop(restriction)
        self._tell(NoticeKind.UNFROZEN, account=account, lot=lot, serials=serials, reason=reason)

    # --- deciding ---

    def decide(self, movement: Movement, *, by_owner: bool) -> FinalAnswer:
        digest = movement_digest(movement)
        if movement.request_id in self.answers:
            earlier, answer = self.answers[movement.request_id]
            if earlier not in (digest, None):
                raise RequestIdReused(movement.request_id)
            return answer
        fault = self._fault(movement, by_owner=by_owner)
        if fault is None:
            answer = self._do(movement, digest, by_owner=by_owner)
        else:
            answer = self._refused(movement.request_id, *fault)
        self.answers[movement.request_id] = (digest, answer)
        return answer

    def _fault(self, movement: Movement, *, by_owner: bool) -> tuple[RefusalCode, int | None] | None:
        if self._clock() > movement.not_after_ns:
            return RefusalCode.TOO_LATE, None
        terms = movement.retirement
        if (terms is not None) != (movement.kind is MovementKind.RETIRE):
            return RefusalCode.MALFORMED, None
        offset = terms is not None and terms.purpose is RetirementPurpose.COMPLIANCE_OFFSET
        if terms is not None and offset != (terms.compliance_year is not None):
            return RefusalCode.MALFORMED, None
        seen: set[Serial] = set()
        for number, leg in enumerate(movement.legs, start=1):
            same = leg.to_account == leg.from_account
            own = movement.kind in (MovementKind.TRANSFER_IN, MovementKind.TRANSFER_OUT)
            if (leg.from_sub_account, leg.to_sub_account) != WAYS[movement.kind] or same != own:
                return RefusalCode.MALFORMED, number
            serials = set(_each(leg))
            if leg.leg != number or seen & serials:
                return RefusalCode.MALFORMED, number
            seen |= serials
        if movement.request_id.startswith("owner.") != by_owner:
            return RefusalCode.NOT_AUTHORISED, None

        def withdrawn(leg: MovementLeg) -> bool:
            return movement.kind is MovementKind.TRANSFER_OUT and set(_each(leg)) <= self.corrected

        rules = (
            (RefusalCode.ACCOUNT_UNKNOWN, lambda leg: not _accounts(leg) <= self.accounts.keys()),
            (RefusalCode.LOT_UNKNOWN, lambda leg: leg.lot not in self.issued),
            (RefusalCode.CLASS_NOT_ELIGIBLE, lambda leg: offset and self._is_second_class(leg)),
            (
                RefusalCode.NOT_AUTHORISED,
                lambda leg: not by_owner and not _accounts(leg) <= self.bindings.keys(),
            ),
            (RefusalCode.ACCOUNT_CLOSED, lambda leg: bool(_accounts(leg) & self.closed)),
            (
                RefusalCode.ACCOUNT_FROZEN,
                lambda leg: not withdrawn(leg) and any(map(self._account_frozen, _accounts(leg))),
            ),
            (RefusalCode.LOT_FROZEN, lambda leg: not withdrawn(leg) and self._leg_frozen(leg)),
            (RefusalCode.ALREADY_RETIRED, self._leg_retired),
            (RefusalCode.SERIALS_NOT_HELD, self._leg_not_held),
        )
        for code, is_broken in rules:
            for leg in movement.legs:
                if is_broken(leg):
                    return code, leg.leg
        return None

    def _do(self, movement: Movement, digest: str, *, by_owner: bool) -> Confirmed:
        for leg in movement.legs:
            target = (leg.from_account, "retired")
            if leg.to_account is not None and leg.to_sub_account is not None:
                target = (leg.to_account, leg.to_sub_account.value)
            self.places |= dict.fromkeys(_each(leg), target)
            if target[1] == "management":
                self._withdraw(serial for serial in _each(leg) if serial in self.corrected)
        sequence = len(self.entries) + 1
        self.history.append(dict(self.places))
        entry = JournalEntry(
            sequence=sequence,
            movement_id=f"M{sequence}",
            request_id=None if by_owner else movement.request_id,
            kind=movement.kind,
            trading_day=movement.trading_day,
            decided_at_ns=self._clock(),
            digest=digest,
            legs=movement.legs,
            retirement=movement.retirement,
        )
        self.entries.append(entry)
        for leg in movement.legs if by_owner else ():
            self._tell(
                NoticeKind.TRANSFERRED_IN,
                account=leg.from_account,
                lot=leg.lot,
                serials=leg.serials,
                journal_sequence=sequence,
            )
        return Confirmed(
            request_id=movement.request_id,
            movement_id=entry.movement_id,
            digest=digest,
            registry_time_ns=self._clock(),
        )

    def _refused(self, request_id: str, code: RefusalCode, leg: int | None = None) -> Refused:
        return Refused(request_id=request_id, code=code, leg=leg, registry_time_ns=self._clock())

    def _account_frozen(self, account: str) -> bool:
        return any(account == frozen for frozen, _, _ in self.restrictions.values())

    def _is_second_class(self, leg: MovementLeg) -> bool:
        return self.issued[leg.lot].methodology_class is MethodologyClass.II

    def _leg_frozen(self, leg: MovementLeg) -> bool:
        serials = {serial for _, serial in _each(leg)}
        return any(
            lot == leg.lot and (not ranges or any(serials & set(range(*span)) for span in ranges))
            for _, lot, ranges in self.restrictions.values()
        )

    def _leg_retired(self, leg: MovementLeg) -> bool:
        return any(self.places.get(serial, ("", ""))[1] == "retired" for serial in _each(leg))

    def _leg_not_held(self, leg: MovementLeg) -> bool:
        source = (leg.from_account, leg.from_sub_account.value)
        return any(self.places.get(serial) != source for serial in _each(leg))

    # --- telling ---

    def _tell(self, kind: NoticeKind, **what: object) -> None:
        notice = Notice(sequence=len(self.told) + 1, kind=kind, at_ns=self._clock(), **what)  # type: ignore[arg-type]
        self.told.append(notice)

    def _positions(self, places: dict[Serial, Place]) -> Iterator[PositionRange]:
        for account in sorted(self.accounts):
            for lot in sorted(self.issued):
                for first, end in self._ranges(places, lot, (account, "trading")):
                    yield PositionRange(account=account, lot=lot, first=first, end=end)

    def _ranges(self, places: dict[Serial, Place], lot: str, place: Place) -> Iterator[tuple[int, int]]:
        held = sorted(serial for (of, serial), where in places.items() if of == lot and where == place)
        for _, run in groupby(enumerate(held), key=lambda pair: pair[1] - pair[0]):
            serials = [serial for _, serial in run]
            yield serials[0], serials[-1] + 1


def _each(leg: MovementLeg) -> Iterator[Serial]:
    return ((leg.lot, serial) for first, end in leg.serials for serial in range(first, end))


def _accounts(leg: MovementLeg) -> set[str]:
    return {leg.from_account} | ({leg.to_account} if leg.to_account else set())
