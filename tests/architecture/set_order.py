"""Finds places where the order of a set leaks out.

That order depends on the hash seed of the process, so two replays of one journal could differ. What can be
seen in the text is found: displays, calls, names and attributes annotated as sets or as dictionaries of sets,
functions that return a set.
Asking a set for membership, size, sum or a sorted list is fine.
"""

import ast
from collections.abc import Iterator

from tests.architecture.sources import Finding

SET_TYPES = {"AbstractSet", "FrozenSet", "MutableSet", "Set", "frozenset", "set"}
SET_METHODS = {"copy", "difference", "intersection", "symmetric_difference", "union"}
SET_OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
ORDERLESS = {"all", "any", "bool", "frozenset", "len", "max", "min", "set", "sorted", "sum"}
ORDERED = {"deque", "dict", "enumerate", "extend", "filter", "fromkeys", "iter", "join", "list", "map"}
ORDERED |= {"next", "reversed", "tuple", "zip"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.DictComp | ast.GeneratorExp


def set_order(module: ast.Module) -> Iterator[Finding]:
    """Where a set is walked, unpacked or turned into something that has an order."""
    known = _Known(module)
    orderless = set(_generators_in_orderless_calls(module))
    for scope in (module, *(node for node in ast.walk(module) if isinstance(node, Function))):
        names = known.names_in(scope)
        for node in _own_nodes(scope):
            if node in orderless:
                continue
            for walked in _walked(node):
                if known.is_set(walked, names):
                    yield Finding(walked.lineno, f"the order of a set leaks: {ast.unparse(walked)}")


def _generators_in_orderless_calls(module: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.GeneratorExp() | ast.ListComp() as walk, *_]):
                if name in ORDERLESS and not _has_key(node):
                    yield walk


def _has_key(call: ast.Call) -> bool:
    # Among equals by the key, the first met wins or stays first: the order shows.
    return any(keyword.arg == "key" for keyword in call.keywords)


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Every node under the scope, stopping where the next function begins."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function):
            waiting.extend(ast.iter_child_nodes(node))


def _walked(node: ast.AST) -> list[ast.expr]:
    """The expressions whose order this node makes visible."""
    match node:
        case ast.For(iter=walked) | ast.Starred(value=walked) | ast.YieldFrom(value=walked):
            return [walked]
        case ast.ListComp() | ast.DictComp() | ast.GeneratorExp():
            return [part.iter for part in node.generators]
        case ast.Call(func=ast.Attribute(attr="pop", value=walked), args=[]):
            return [walked]
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            if name in ORDERED or (name in {"max", "min", "sorted"} and _has_key(node)):
                return node.args
    return []


class _Known:
    """What a module's text says about which names, attributes and functions are sets.

    A name that holds sets by key is noted with `[]` behind it.
    """

    def __init__(self, module: ast.Module) -> None:
        self.attributes: set[str] = set()
        self.functions: set[str] = set()
        for node in ast.walk(module):
            match node:
                case ast.AnnAssign(target=ast.Attribute(attr=name), annotation=kind):
                    self.attributes |= _as_known(name, kind)
                case ast.Assign(targets=[ast.Attribute(attr=name)], value=value) if self.is_set(value, set()):
                    self.attributes.add(name)
                case ast.ClassDef(body=body):
                    self.attributes |= _annotated(body)
                case ast.FunctionDef(name=name, returns=ast.expr() as kind) if _means_set(kind):
                    self.functions.add(name)
        self._module_names = self._names_of(module)

    def names_in(self, scope: ast.AST) -> set[str]:
        return self._module_names | self._names_of(scope)

    def _names_of(self, scope: ast.AST) -> set[str]:
        names: set[str] = set()
        if isinstance(scope, Function):
            arguments = [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs]
            names = names.union(*(_as_known(arg.arg, arg.annotation) for arg in arguments if arg.annotation))
        own = [node for node in _own_nodes(scope) if isinstance(node, ast.stmt)]
        names |= _annotated(own)
        for node in sorted(own, key=lambda statement: statement.lineno):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if self.is_set(value, names):
                    names.add(name)
        return names

    def is_set(self, node: ast.expr, names: set[str]) -> bool:
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Name(id=name):
                return name in names
            case ast.Attribute(attr=name):
                return name in self.attributes
            case ast.Call(func=ast.Name(id=name)):
                return name in {"frozenset", "set"} | self.functions
            case ast.Subscript(value=owner):
                return self._holds_sets(owner, names)
            case ast.Call(func=ast.Attribute(attr="get" | "setdefault", value=owner)):
                return self._holds_sets(owner, names)
            case ast.Call(func=ast.Attribute(attr=name, value=owner)):
                return name in self.functions or (name in SET_METHODS and self.is_set(owner, names))
            case ast.BinOp(left=left, right=right, op=op) if isinstance(op, SET_OPERATORS):
                return any(self.is_set(side, names) or _is_keys_view(side) for side in (left, right))
            case ast.IfExp(body=left, orelse=right):
                return self.is_set(left, names) or self.is_set(right, names)
        return False

    def _holds_sets(self, node: ast.expr, names: set[str]) -> bool:
        match node:
            case ast.Name(id=name):
                return f"{name}[]" in names
            case ast.Attribute(attr=name):
                return f"{name}[]" in self.attributes
        return False


def _is_keys_view(node: ast.expr) -> bool:
    # Walking a dictionary's keys is in order; combining two views makes a set.
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "keys"


def _annotated(body: list[ast.stmt]) -> set[str]:
    named = [node for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
    return set().union(*(_as_known(ast.unparse(node.target), node.annotation) for node in named))


def _as_known(name: str, annotation: ast.expr) -> set[str]:
    if _means_set(annotation):
        return {name}
    match annotation:
        case ast.Subscript(slice=ast.Tuple(elts=[*_, value])) if _means_set(value):
            return {f"{name}[]"}
    return set()


def _means_set(annotation: ast.expr) -> bool:
    match annotation:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in SET_TYPES
        case ast.Subscript(value=ast.Name(id="ClassVar" | "Final"), slice=inner):
            return _means_set(inner)
        case ast.Subscript(value=outer):
            return _means_set(outer)
        case ast.BinOp(left=left, right=right):
            return _means_set(left) or _means_set(right)
        case ast.Constant(value=str(text)):
            return _means_set(ast.parse(text, mode="eval").body)
    return False
