"""Modules and functions of a size one can see, each explained, no error vanishing."""

import ast
from pathlib import Path

import pytest

from tests.architecture.shape import long_functions, long_module, loose_messages, swallowed, unexplained
from tests.architecture.sources import PACKAGES, PURE, Rule, modules, named, told

RULES = (long_module, long_functions, unexplained, swallowed)
LINE = "    pass\n"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", modules(*PACKAGES), ids=named)
def test_a_module_keeps(rule: Rule, path: Path) -> None:
    assert told(path, rule(ast.parse(path.read_text("utf-8")))) == []


MESSAGES = [path for path in modules(*PURE) if path.stem.endswith(("commands", "events", "rejections"))]


@pytest.mark.parametrize("path", MESSAGES, ids=named)
def test_a_message_is_frozen_keyword_only_and_slotted(path: Path) -> None:
    assert told(path, loose_messages(ast.parse(path.read_text("utf-8")))) == []


@pytest.mark.parametrize("path", modules("tests", "benchmarks"), ids=named)
def test_no_test_swallows_an_error(path: Path) -> None:
    assert told(path, swallowed(ast.parse(path.read_text("utf-8")))) == []


OFFENDERS: list[tuple[Rule, str]] = [
    (long_module, "x = 1\n" * 401),
    (long_functions, "def long():\n" + LINE * 50),
    (long_functions, "class Holder:\n    async def long(self):\n" + ("    " + LINE) * 50),
    (unexplained, "x = 1"),
    (unexplained, ""),
    (unexplained, '""" """'),
    (loose_messages, "@dataclass\nclass A: pass"),
    (loose_messages, "@dataclass(frozen=True, kw_only=True)\nclass A: pass"),
    (loose_messages, "@dataclasses.dataclass(frozen=False, kw_only=True, slots=True)\nclass A: pass"),
    (swallowed, "try:\n    go()\nexcept Exception:\n    pass"),
    (swallowed, "try:\n    go()\nexcept:\n    ..."),
    (swallowed, "for x in y:\n    try:\n        go()\n    except (ValueError, Exception):\n        continue"),
    (swallowed, "def f():\n    try:\n        go()\n    except BaseException as error:\n        return None"),
    (swallowed, "import contextlib\nwith contextlib.suppress(Exception):\n    go()"),
]


@pytest.mark.parametrize(("rule", "source"), OFFENDERS)
def test_a_rule_catches_its_offender(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source))) != []


INNOCENTS: list[tuple[Rule, str]] = [
    (long_module, "x = 1\n" * 400),
    (long_functions, "def explained():\n    '''\n" + "\n" * 60 + "    '''\n" + LINE * 48),
    (long_functions, "def long():\n" + LINE * 49),
    (unexplained, '"""What it is for."""'),
    (loose_messages, "@dataclass(frozen=True, kw_only=True, slots=True)\nclass A: pass\nclass B: pass"),
    (swallowed, "try:\n    go()\nexcept KeyError:\n    pass"),
    (swallowed, "try:\n    go()\nexcept Exception:\n    undo()\n    raise"),
]


@pytest.mark.parametrize(("rule", "source"), INNOCENTS)
def test_a_rule_leaves_the_innocent_alone(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source))) == []
