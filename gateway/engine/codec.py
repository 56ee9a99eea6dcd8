"""Commands, events and states as JSON bytes, and back.

A message is an array of its type's name and its fields: `["CancelOrder",{"participant":…}]`; an entry's events are
an array of such pairs. Writing is on the hot path and left to orjson, which knows dataclasses and enums by itself.
Reading is for recovery, and strict: what was read is written again, and must give the very same bytes. That refuses
an unknown field, a missing one, another type or another spelling alike, whoever made it.
"""

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final, Generic, TypeVar, get_args

import orjson
import pydantic_core
from pydantic import TypeAdapter

from matching.commands import Command
from matching.events import Event

T = TypeVar("T")

COMMANDS: Final[dict[str, type[Command]]] = {kind.__name__: kind for kind in get_args(Command)}
"""Every command by its tag."""
EVENTS: Final[dict[str, type[Event]]] = {kind.__name__: kind for kind in get_args(Event)}
"""Every event by its tag."""


class CodecError(Exception):
    """Bytes that this release did not write, or cannot understand."""


def encode_command(command: Command) -> bytes:
    """A command as JSON."""
    return to_json((type(command).__name__, command))


def encode_events(events: Sequence[Event]) -> bytes:
    """The events of one command as JSON."""
    return to_json([(type(event).__name__, event) for event in events])


def decode_command(raw: bytes) -> Command:
    """The command these bytes are. Raises CodecError."""
    command = _tagged(_parse(raw), COMMANDS)
    _require_same(encode_command(command), raw)
    return command


def decode_events(raw: bytes) -> tuple[Event, ...]:
    """The events these bytes are. Raises CodecError."""
    parsed = _parse(raw)
    if not isinstance(parsed, list):
        raise CodecError(f"events are an array, not {_shown(raw)}")
    events = tuple(_tagged(pair, EVENTS) for pair in parsed)
    _require_same(encode_events(events), raw)
    return events


class StateCodec(Generic[T]):
    """One dataclass of state as JSON: what snapshots are made of."""

    def __init__(self, kind: type[T]) -> None:
        """For states of that type."""
        self._kind = kind

    def encode(self, state: T) -> bytes:
        """The state as JSON."""
        return to_json(state)

    def decode(self, raw: bytes) -> T:
        """The state these bytes are. Raises CodecError."""
        state: T = _validated(self._kind, _parse(raw))
        _require_same(self.encode(state), raw)
        return state


_adapters: Final[dict[type, TypeAdapter[Any]]] = {}


def _validated(kind: type[T], parsed: object) -> T:
    adapter = _adapters.get(kind)
    if adapter is None:
        adapter = _adapters[kind] = TypeAdapter(kind)
    try:
        message: T = adapter.validate_python(parsed)
        return message
    except ValueError as error:
        raise CodecError(f"not a {kind.__name__}: {error}") from error


def _tagged(pair: object, kinds: dict[str, type[T]]) -> T:
    match pair:
        case [str(tag), dict(body)] if tag in kinds:
            return _validated(kinds[tag], body)
        case _:
            raise CodecError(f"unknown message {_shown(repr(pair).encode())}")


def _parse(raw: bytes) -> object:
    # Unlike orjson, this keeps whole numbers whole however long they are.
    try:
        return pydantic_core.from_json(raw)
    except ValueError as error:
        raise CodecError(f"not JSON: {_shown(raw)}") from error


def _require_same(written: bytes, read: bytes) -> None:
    if written != read:
        raise CodecError(f"read as {_shown(written)}, which is not what stands there: {_shown(read)}")


def _shown(raw: bytes) -> str:
    text = raw[:300].decode(errors="replace")
    return text if len(raw) <= len(text) else f"{text}…"


def to_json(value: object) -> bytes:
    """Dataclasses, enums and built-in values as JSON; whole numbers of any length."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        # A product of two figures may pass 64 bits, where orjson stops.
        return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    """The same in built-in types, spelt by `json` as orjson spells the original."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    assert value is None or isinstance(value, str | int), f"no message holds a {type(value).__name__}"
    return value
