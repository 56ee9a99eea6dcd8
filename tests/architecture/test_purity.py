"""settlement and matching decide; they do not reach outside, wait, or count in fractions."""

import ast
from pathlib import Path

import pytest

from tests.architecture.purity import clocks, effects, foreign_imports, fractions, waiting
from tests.architecture.set_order import set_order
from tests.architecture.sources import PURE, Rule, modules, named, told

RULES = (foreign_imports, effects, clocks, waiting, fractions, set_order)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", modules(*PURE), ids=named)
def test_a_pure_module_keeps(rule: Rule, path: Path) -> None:
    assert told(path, rule(ast.parse(path.read_text("utf-8")))) == []


OFFENDERS: list[tuple[Rule, str]] = [
    *(
        (foreign_imports, f"import {name}")
        for name in (
            *("aiohttp", "asyncio", "asyncpg", "decimal", "logging", "math", "os", "os.path", "pathlib"),
            *("random", "secrets", "socket", "subprocess", "sys", "threading", "time", "uuid", "gateway"),
        )
    ),
    (foreign_imports, "from os import environ"),
    (foreign_imports, "from registry_bridge.signing import sign"),
    (foreign_imports, "def late():\n    import time\n    return time"),
    (effects, "print(1)"),
    (effects, "open('x')"),
    (effects, "key = hash('x')"),
    (effects, "key = id(object())"),
    (clocks, "import datetime\ndatetime.datetime.now()"),
    (clocks, "from datetime import date\ndate.today()"),
    (clocks, "from datetime import datetime\ndatetime.fromtimestamp(1)"),
    (clocks, "def local(at):\n    return at.astimezone()"),
    (waiting, "async def later(): pass"),
    (waiting, "async def later(task):\n    return await task"),
    (waiting, "async def later(many):\n    return [one async for one in many]"),
    (fractions, "rate = 0.5"),
    (fractions, "rate = 1j"),
    (fractions, "def fee(amount: float): pass"),
    (fractions, "fee = float('1')"),
    (fractions, "fee = Decimal('1')"),
    (fractions, "import decimal\nfee = decimal.Decimal('1')"),
    (fractions, "fee = 7 / 2"),
    (fractions, "fee = 7\nfee /= 2"),
    (fractions, "fee = round(7)"),
    (fractions, "def spent(delta):\n    return delta.total_seconds()"),
    (fractions, "text = f'{7:.2f}'"),
    (set_order, "for item in {1, 2}: pass"),
    (set_order, "for item in set([1]): pass"),
    (set_order, "items = [item for item in frozenset([1])]"),
    (set_order, "items = {item: 1 for item in {1, 2}}"),
    (set_order, "items = list({1, 2})"),
    (set_order, "items = [*{1, 2}]"),
    (set_order, "text = ','.join({'a', 'b'})"),
    (set_order, "first = next(iter({1, 2}))"),
    (set_order, "first = {1, 2}.pop()"),
    (set_order, "first = min({1, 2}, key=abs)"),
    (set_order, "first = sorted((item for item in {1, -1}), key=abs)"),
    (set_order, "def walk(items: set[int]):\n    for item in items: pass"),
    (set_order, "def walk(items: 'frozenset[int] | None'):\n    yield from items"),
    (set_order, "def walk():\n    items = {1, 2}\n    more = items | {3}\n    return tuple(more)"),
    (set_order, "def walk(a, b):\n    for item in a.keys() - b: pass"),
    (set_order, "class Book:\n    open: set[int]\n    def walk(self):\n        return list(self.open)"),
    (set_order, "class Book:\n    def __init__(self):\n        self.open = set()\n    def walk(self):\n        yield from self.open"),
    (set_order, "class Book:\n    by: dict[str, set[int]]\n    def walk(self):\n        return [*self.by['a']]"),
    (set_order, "def walk(by: defaultdict[str, set[int]]):\n    for item in by.get('a', ()): pass"),
    (set_order, "def some() -> set[int]: ...\nitems = tuple(some())"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "source"), OFFENDERS)
def test_a_rule_catches_its_offender(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source))) != []


INNOCENTS: list[tuple[Rule, str]] = [
    (
        foreign_imports,
        "from datetime import date\nfrom settlement.values import Fen\nimport sortedcontainers",
    ),
    (effects, "def reopen(market):\n    return market.open()"),
    (clocks, "def day(state):\n    return state.today()"),
    (clocks, "def local(at, zone):\n    return at.astimezone(zone)"),
    (waiting, "def now(many):\n    return [one for one in many]"),
    (fractions, "half = 7 // 2\ntext = f'{half:>10} {half:,} {half:02x}'"),
    (set_order, "found = 1 in {1, 2}\nitems = sorted({1, 2})\ncount = len({1, 2})"),
    (set_order, "total = sum(item for item in {1, 2})\nlarge = {item for item in {1, 2} if item > 1}"),
    (set_order, "for key in {'a': 1}.keys(): pass"),
    (set_order, "def walk(items: list[int]):\n    for item in items: pass"),
    (set_order, "def walk(by: dict[str, set[int]]):\n    for key in by: pass\n    return sorted(by['a'])"),
    (set_order, "def walk(by: dict[frozenset[int], list[int]]):\n    return tuple(by[frozenset()])"),
    (set_order, "def fill(items: set[int]): pass\ndef walk(items: list[int]):\n    return tuple(items)"),
]


@pytest.mark.parametrize(("rule", "source"), INNOCENTS)
def test_a_rule_leaves_the_innocent_alone(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source))) == []
