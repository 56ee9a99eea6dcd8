"""What the pure packages may not do: reach outside, wait, know the time, count in fractions, depend on hashes.

Each rule takes a parsed module and yields what it finds. They read the text only, so a determined author
can get round them; they are there for the honest slip.
"""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import Finding

# A list of what is allowed, so that using a further module is a decision somebody takes here.
ALLOWED_IMPORTS = {
    *("matching", "settlement"),
    *("abc", "bisect", "collections", "copy", "dataclasses", "datetime", "enum", "functools", "hashlib"),
    *("heapq", "itertools", "operator", "re", "struct", "types", "typing", "typing_extensions"),
    "sortedcontainers",
}
EFFECTFUL_BUILTINS = {"breakpoint", "eval", "exec", "globals", "input", "open", "print", "__import__"}
ADDRESS_OR_SEED = {"hash", "id"}
CLOCK_READERS = {"fromtimestamp", "now", "today", "utcnow"}
FLOAT_MAKERS = {"fmean", "timestamp", "total_seconds", "truediv"}
_FLOAT_FORMAT = re.compile(r"[eEfFgG%]$")


def foreign_imports(module: ast.Module) -> Iterator[Finding]:
    """Imports of anything not on the list above, wherever in the module they stand."""
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                imported = [alias.name for alias in names]
            case ast.ImportFrom(module=name, level=level):
                imported = [name or ""] if level == 0 else []
            case _:
                continue
        for name in imported:
            if name.partition(".")[0] not in ALLOWED_IMPORTS:
                yield Finding(node.lineno, f"imports {name}")


def effects(module: ast.Module) -> Iterator[Finding]:
    """Calls of built-in functions that reach outside, or whose answer differs from run to run."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name in EFFECTFUL_BUILTINS | ADDRESS_OR_SEED:
                yield Finding(node.lineno, f"calls {name}()")


def clocks(module: ast.Module) -> Iterator[Finding]:
    """Asking the machine for the time, the date or its time zone."""
    for node in ast.walk(module):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, owner = node.func.attr, ast.unparse(node.func.value).rpartition(".")[2]
        if name in CLOCK_READERS and owner in {"date", "datetime", "dt"}:
            yield Finding(node.lineno, f"reads the clock: {owner}.{name}()")
        if name == "astimezone" and not node.args and not node.keywords:
            yield Finding(node.lineno, "asks the machine for its time zone: astimezone()")


def waiting(module: ast.Module) -> Iterator[Finding]:
    """Anything asynchronous."""
    for node in ast.walk(module):
        match node:
            case ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith() | ast.Await():
                yield Finding(node.lineno, f"is asynchronous: {type(node).__name__}")
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                if any(part.is_async for part in node.generators):
                    yield Finding(node.lineno, "is asynchronous: comprehension")


def fractions(module: ast.Module) -> Iterator[Finding]:
    """Floats, decimals, complex numbers, true division, and formats that make a float on their way."""
    for node in ast.walk(module):
        match node:
            case ast.Constant(value=float() | complex()):
                yield Finding(node.lineno, f"literal {ast.unparse(node)}")
            case ast.Name(id="float" | "complex" | "Decimal" | "Fraction" | "round" as name):
                yield Finding(node.lineno, f"uses {name}")
            case ast.Attribute(attr="Decimal" | "Fraction" as name):
                yield Finding(node.lineno, f"uses {name}")
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield Finding(node.lineno, "divides with /, use // and say where the rest goes")
            case ast.Attribute(attr=name) if name in FLOAT_MAKERS:
                yield Finding(node.lineno, f"makes a float: {name}")
            case ast.FormattedValue(format_spec=ast.JoinedStr(values=[*_, ast.Constant(value=str(spec))])):
                if _FLOAT_FORMAT.search(spec):
                    yield Finding(node.lineno, f"formats as a float: {spec}")
