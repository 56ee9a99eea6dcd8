"""Pseudonyms in the place of whoever's personal data are restricted, in everything that leaves the exchange.

It stands at the door and not where answers are made, so that no route can forget it. An id is replaced wherever it
stands as a word, a beneficiary's name wherever it occurs, and in what belongs to a restricted participant or person
(an object that names them as its account, owner, actor …) every text that somebody typed. What an id stands for in
one answer it stands for in every other, after a restart too.

Words of the contract itself, such as a state or a side, are left alone: nobody is hidden by garbling them.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from io import StringIO
from typing import Any, Final, TypeVar

import orjson

from gateway.access.people import People
from gateway.engine.views.subjects import SubjectView
from gateway.engine.views.views import Views
from gateway.http.refusals.catalogue import CATALOGUE
from matching.order import CancelReason
from matching.personal_data import SubjectKind

T = TypeVar("T")

ID_PREFIX: Final = "restricted-"
"""Of what stands for an id; it has the shape of one."""
TEXT_PREFIX: Final = "受限主体#"
"""Of what stands for a text."""

_WORD: Final = re.compile(r"[A-Za-z0-9._-]+")
_OWNERS: Final = ("account", "participant", "owner", "entity", "person", "subject")
"""Members by which an object says whose it is, or whom it is about."""
_TYPED: Final = frozenset(
    [
        "address",
        "agent",
        "agreement_no",
        "bank_reference",
        "beneficiary",
        "canonical_text",
        "client_id",
        "client_order_id",
        "detail",
        "details",
        "end_reason",
        "label",
        "reason",
        "reference",
        "registry_account",
        "remittance",
        "statement",
        "text",
    ]
)
"""Members that hold what somebody typed, or that tells who somebody is, of the object's owner."""
_VOCABULARY: Final = frozenset(
    [
        "act",
        "actions",
        "algorithm",
        "channel",
        "class",
        "code",
        "decision",
        "earmark",
        "kind",
        "listing",
        "method",
        "origin",
        "phase",
        "purpose",
        "scopes",
        "side",
        "state",
        "status",
        "taker_side",
        "time_in_force",
        "type",
    ]
)
"""Members whose values are words of the contract."""


_CODES: Final = frozenset(CATALOGUE) | frozenset(CancelReason)
"""Reasons that nobody typed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mask:
    """Who is restricted at one moment, and what stands for them."""

    ids: Mapping[str, str]
    """Every id they are known by: of the log-in, the participant, its accounts here and at the registry, its people."""
    names: Mapping[str, str]
    """Beneficiaries' names."""
    texts: Mapping[str, str]
    """Id → what stands for texts of its owner's."""
    any_name: re.Pattern[str]
    any_id: re.Pattern[str]
    """An id, also where a longer word was made of it."""

    def text(self, value: str) -> str:
        """The text without them."""
        return _WORD.sub(self._word, self.any_name.sub(lambda found: self.names[found.group()], value))

    def _word(self, found: re.Match[str]) -> str:
        word = found.group()
        known = self.ids.get(word)
        if known is not None:
            return known
        inner = word.strip("._-")
        return word.replace(inner, self.ids[inner]) if inner in self.ids else word

    def typed(self, value: str) -> str:
        """What somebody typed, without them: there an id may be part of a longer word."""
        return self.any_id.sub(lambda found: self.ids[found.group()], self.text(value))

    def body(self, value: Any, owner: str | None = None) -> Any:  # noqa: ANN401 - whatever JSON can hold
        """The same value without them; `owner` is what stands for texts of the object it belongs to."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return dict(self._members(value, owner))
            case list() | tuple():
                return [self.body(one, owner) for one in value]
            case _:
                return value

    def _members(self, value: dict[str, Any], owner: str | None) -> Iterator[tuple[str, Any]]:
        for name in _OWNERS:
            said = value.get(name)
            named = _WORD.findall(said) if isinstance(said, str) else ()
            owner = next((self.texts[word] for word in named if word in self.texts), owner)
        for name, member in value.items():
            if isinstance(member, str) and (name in _VOCABULARY or member in _CODES):
                yield name, member
            elif name in _TYPED and isinstance(member, str):
                yield name, self.typed(member) if owner is None else self.ids.get(member, owner)
            else:
                yield name, self.body(member, owner)

    def json(self, content: bytes) -> bytes:
        """The same JSON without them."""
        return orjson.dumps(self.body(orjson.loads(content)))

    def table(self, content: bytes) -> bytes:
        """The same CSV without them; its first row names the members of every other."""
        rows = list(csv.reader(StringIO(content.decode(), newline="")))
        columns = rows[0] if rows else []
        made = StringIO(newline="")
        writer = csv.writer(made)
        for row in rows:
            told = dict(self._members(dict(zip(columns, row, strict=False)), None))
            writer.writerow([*told.values(), *map(self.text, row[len(columns) :])])
        return made.getvalue().encode()

    def document(self, value: T) -> T:
        """The same document without them."""
        return self._any(value)  # type: ignore[no-any-return]

    def _any(self, value: Any) -> Any:  # noqa: ANN401 - what documents are made of
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, tuple):
            return tuple(self._any(one) for one in value)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{one.name: self._any(getattr(value, one.name)) for one in fields(value)})
        return value


def pseudonym(view: SubjectView) -> str:
    """What stands for a subject: of the shape of an id, or plainly a text."""
    prefix = TEXT_PREFIX if view.kind is SubjectKind.BENEFICIARY else ID_PREFIX
    return f"{prefix}{view.number}"


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Any of these, the longest where one begins with another; of none, nothing."""
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(_bounded, longest_first)) or r"(?!)")


def _bounded(name: str) -> str:
    """A name as a pattern: where it begins or ends with an ASCII letter or digit, not within a longer word."""
    before = r"(?<![A-Za-z0-9])" if re.match(r"[A-Za-z0-9]", name) else ""
    after = r"(?![A-Za-z0-9])" if re.search(r"[A-Za-z0-9]\Z", name) else ""
    return f"{before}{re.escape(name)}{after}"


class Masking:
    """The mask of the moment: made when somebody is restricted or released, or comes to have another account or name."""

    __slots__ = ("_made_for", "_mask", "_people", "_views")

    def __init__(self, views: Views, people: People) -> None:
        """Of the subjects these views know, with the accounts and people that are theirs."""
        self._views = views
        self._people = people
        self._made_for: tuple[int, int, int] | None = None
        self._mask: Mask | None = None

    @property
    def mask(self) -> Mask | None:
        """What to put over every answer; none while nobody is restricted."""
        now = (self._views.subjects.changes, len(self._views.accounts()), self._people.count)
        if now != self._made_for:
            self._made_for = now
            self._mask = self._make()
        return self._mask

    def _make(self) -> Mask | None:
        restricted = [one for one in self._views.subjects.all.values() if one.is_restricted]
        if not restricted:
            return None
        names = {one.subject: pseudonym(one) for one in restricted if one.kind is SubjectKind.BENEFICIARY}
        owned = [(one, name, stands) for one in restricted for name, stands in self._ids_of(one)]
        ids = {name: stands for _, name, stands in owned}
        return Mask(
            ids=ids,
            names=names,
            texts={name: f"{TEXT_PREFIX}{one.number}" for one, name, _ in owned},
            any_name=any_of(names),
            any_id=any_of(ids),
        )

    def _ids_of(self, one: SubjectView) -> Iterator[tuple[str, str]]:
        """Every id of a subject, and what stands for it."""
        stands = pseudonym(one)
        if one.kind is SubjectKind.BENEFICIARY:
            return
        if one.kind is SubjectKind.PARTICIPANT:
            people = (person for person in self._people.all() if person.participant == one.subject)
            yield from ((person.name, f"{stands}-p{number}") for number, person in enumerate(people, 1))
            accounts = (view for view in self._views.accounts().values() if view.owner == one.subject)
            for number, view in enumerate(accounts, 1):
                yield view.registry_account, f"{stands}-r{number}"
                yield view.account, f"{stands}-a{number}"
        yield one.subject, stands
