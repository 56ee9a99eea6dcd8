"""The shape of a module: how long, how explained, and that no error vanishes in it."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import Finding

MODULE_LINES = 400
FUNCTION_LINES = 50
BROAD = {"BaseException", "Exception"}


def long_module(module: ast.Module) -> Iterator[Finding]:
    """A module nobody reads in one sitting."""
    length = max((node.end_lineno or 0 for node in module.body), default=0)
    if length > MODULE_LINES:
        yield Finding(1, f"the module has {length} lines, more than {MODULE_LINES}")


def long_functions(module: ast.Module) -> Iterator[Finding]:
    """Functions too long to be seen whole; the docstring does not count."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = _lines(node) - (_lines(node.body[0]) if ast.get_docstring(node) else 0)
            if length > FUNCTION_LINES:
                yield Finding(node.lineno, f"{node.name} has {length} lines, more than {FUNCTION_LINES}")


def _lines(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def unexplained(module: ast.Module) -> Iterator[Finding]:
    """A module that does not open by saying what it is for."""
    if not (ast.get_docstring(module) or "").strip():
        yield Finding(1, "the module has no docstring")


def swallowed(module: ast.Module) -> Iterator[Finding]:
    """Handlers that catch everything and do nothing about it."""
    for node in ast.walk(module):
        match node:
            case ast.ExceptHandler(type=kind, body=body) if _is_broad(kind) and all(map(_is_nothing, body)):
                yield Finding(node.lineno, "catches everything and does nothing")
            case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=kinds):
                if any(map(_is_broad, kinds)):
                    yield Finding(node.lineno, "suppresses everything")


def _is_broad(kind: ast.expr | None) -> bool:
    match kind:
        case None:
            return True
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in BROAD
        case ast.Tuple(elts=kinds):
            return any(map(_is_broad, kinds))
    return False


def _is_nothing(node: ast.stmt) -> bool:
    match node:
        case ast.Pass() | ast.Continue() | ast.Break() | ast.Return(value=None | ast.Constant()):
            return True
        case ast.Expr(value=ast.Constant()):
            return True
    return False


def loose_messages(module: ast.Module) -> Iterator[Finding]:
    """Dataclasses that could be changed after they were made, or made by counting positions."""
    for node in ast.walk(module):
        if not isinstance(node, ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            if "dataclass" in ast.unparse(decorator):
                keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
                given = {keyword.arg for keyword in keywords if ast.unparse(keyword.value) == "True"}
                if missing := sorted({"frozen", "kw_only", "slots"} - given):
                    yield Finding(node.lineno, f"{node.name} is not {', '.join(missing)}")
