"""Small changes to a module's source, each of which makes it another program: a mutant."""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

_OPERATORS = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_FUNCTIONS = {
    "mean": "sum",
    "sum": "mean",
    "max": "min",
    "min": "max",
    "maximum": "minimum",
    "any": "all",
    "all": "any",
    "argmax": "argmin",
    "argsort": "argmax",
    "exp": "expm1",
    "log": "log1p",
    "log1p": "log",
    "sqrt": "square",
    "square": "abs",
    "rsqrt": "reciprocal",
    "softplus": "relu",
    "relu": "abs",
    "sigmoid": "tanh",
    "zeros": "ones",
    "isfinite": "isnan",
    "logical_and": "logical_or",
    "cosine_distance": "euclidean_distance",
}
#: Calls that may be left out, so that their first argument comes through as it is.
_TRANSPARENT = frozenset(
    {"abs", "clip", "maximum", "sqrt", "square", "relu", "sigmoid", "softplus", "stop_gradient", "transpose", "unit"}
)


@dataclass(frozen=True)
class Mutant:
    """A module with one change.

    Attributes:
        file: Path of the module from the root of the repository.
        function: Qualified name of the function that is changed; empty at the top of the module.
        original: The changed statement (of a compound one its head), as `ast.unparse` writes it.
        mutated: The same after the change; empty if it is deleted.
        lines: First and last line of the statement.
        source: The module's text.
        outside: Functions of the module that are not mutated.
        number: Number of the change among all of the module's.
    """

    file: str
    function: str
    original: str
    mutated: str
    lines: tuple[int, int]
    source: str
    outside: frozenset[str]
    number: int

    @property
    def key(self) -> tuple[str, str, str, str]:
        """A key that names the mutant while its statement is unchanged."""
        return self.file, self.function, self.original, self.mutated

    @property
    def tree(self) -> ast.Module:
        """The whole module, changed."""
        module = ast.parse(self.source)
        next(islice(_changed(module, self.outside), self.number, None))
        return ast.fix_missing_locations(module)


def mutants(file: str, source: str, outside: frozenset[str] = frozenset()) -> Iterator[Mutant]:
    """Every mutant of a module.

    The content of a `raise`, a string, an annotation, a decorator or a docstring is not mutated.

    Args:
        file: Path of the module.
        source: Its text.
        outside: Qualified names of functions (or classes) that are not mutated.

    Yields:
        Mutants in the order of the source; of changes to the same text only the first.
    """
    seen = set[tuple[str, str, str, str]]()
    for number, (function, original, statement, change) in enumerate(_changed(ast.parse(source), outside)):
        mutated = "" if change.deletes else _head(statement)
        mutant = Mutant(file, function, original, mutated, _lines(statement), source, outside, number)
        if mutant.key not in seen and original != mutated:
            seen.add(mutant.key)
            yield mutant


def digest(source: str) -> str:
    """A hash of a module's code, without words, which tells whether it is still the module that was mutated."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:16]


def _changed(module: ast.Module, outside: frozenset[str]) -> Iterator[tuple[str, str, ast.stmt, "_Change"]]:
    """Function, original text, statement and change, for one change after another: each is made until the next."""
    for function, owner, statement in _statements(module, ""):
        if any(function == name or function.startswith(f"{name}.") for name in outside):
            continue
        original = _head(statement)
        for change in _changes(statement, owner):
            yield function, original, statement, change
            change.revert()


class _Change:
    """A change that has been made to the tree in place, and the way back."""

    def __init__(self, owner: object, name: str, old: object, deletes: bool = False):
        self._owner, self._name, self._old = owner, name, old
        self.deletes = deletes

    def revert(self) -> None:
        setattr(self._owner, self._name, self._old)


def _changes(statement: ast.stmt, owner: list[ast.stmt]) -> Iterator[_Change]:
    for node, field, replacement in _replacements(statement):
        old = getattr(node, field)
        setattr(node, field, replacement)
        ast.fix_missing_locations(statement)
        yield _Change(node, field, old)
    if _is_deletable(statement):
        holder = _Holder(owner, statement)
        holder.value = ast.copy_location(ast.Pass(), statement)
        yield _Change(holder, "value", statement, deletes=True)


class _Holder:
    """A place in a block of statements, as an attribute."""

    def __init__(self, block: list[ast.stmt], statement: ast.stmt):
        self._block, self._at = block, block.index(statement)

    @property
    def value(self) -> ast.stmt:
        return self._block[self._at]

    @value.setter
    def value(self, statement: ast.stmt) -> None:
        self._block[self._at] = statement


def _statements(node: ast.AST, function: str) -> Iterator[tuple[str, list[ast.stmt], ast.stmt]]:
    """Every statement with the function it is in and its block; inner ones after the outer one."""
    for block_name in ("body", "orelse", "finalbody"):
        block = getattr(node, block_name, None)
        if not isinstance(block, list):
            continue
        for statement in list(block):
            name = function
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                name = f"{function}.{statement.name}".lstrip(".")
            if not isinstance(statement, ast.Raise | ast.Import | ast.ImportFrom | ast.Pass):
                yield name, block, statement
            yield from _statements(statement, name)


def _expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement's own expressions: not of the statements in it, and of no annotation or string."""
    if isinstance(statement, ast.FunctionDef):
        roots: list[ast.AST] = [statement.args]
    elif isinstance(statement, ast.ClassDef):
        roots = []
    else:
        roots = [statement]
    while roots:
        node = roots.pop(0)
        yield node
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "body", "orelse", "finalbody") and not isinstance(
                value, ast.expr
            ):
                continue
            if field == "annotation":
                continue
            children = value if isinstance(value, list) else [value]
            roots += [c for c in children if isinstance(c, ast.AST) and not isinstance(c, ast.JoinedStr | ast.arg)]


def _replacements(statement: ast.stmt) -> Iterator[tuple[ast.AST, str, object]]:
    """Changes as (node, field, new value)."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return  # a docstring
    for node in _expressions(statement):
        if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign):
            for operator in _OPERATORS.get(type(node.op), ()):
                yield node, "op", operator()
        if isinstance(node, ast.Compare) and len(node.ops) >= 1:
            for at, old in enumerate(node.ops):
                for operator in _OPERATORS.get(type(old), ()):
                    yield node, "ops", [*node.ops[:at], operator(), *node.ops[at + 1 :]]
        if isinstance(node, ast.Constant):
            for value in _other_constants(node.value):
                yield node, "value", value
        if isinstance(node, ast.Attribute) and node.attr in _FUNCTIONS:
            yield node, "attr", _FUNCTIONS[node.attr]
        if isinstance(node, ast.Name) and node.id in _FUNCTIONS and isinstance(node.ctx, ast.Load):
            yield node, "id", _FUNCTIONS[node.id]
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            for at in range(len(node.value.elts) - 1):
                yield node.value, "elts", _swapped(node.value.elts, at)
        yield from _simpler_children(node)


def _simpler_children(node: ast.AST) -> Iterator[tuple[ast.AST, str, object]]:
    """A child that becomes a part of itself: -x becomes x, clip(x, 0, 1) becomes x, x.T becomes x."""
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.expr):
            for simpler in _parts(value):
                yield node, field, simpler
        elif isinstance(value, list) and field in ("args", "elts"):
            for at, element in enumerate(value):
                for simpler in _parts(element):
                    yield node, field, [*value[:at], simpler, *value[at + 1 :]]


def _parts(node: object) -> Iterator[ast.expr]:
    if isinstance(node, ast.UnaryOp) and not isinstance(node.operand, ast.Constant):
        yield node.operand
    if isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    if isinstance(node, ast.Call) and node.args:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called == "where" and len(node.args) == 3:
            yield from node.args[1:]
        if called in _TRANSPARENT:
            yield node.args[0]


def _other_constants(value: object) -> tuple[object, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value + 1, value - 1)
    if isinstance(value, float):
        return (value * 2,)
    return ()


def _swapped(elements: list[ast.expr], at: int) -> list[ast.expr]:
    return [*elements[:at], elements[at + 1], elements[at], *elements[at + 2 :]]


def _is_deletable(statement: ast.stmt) -> bool:
    """Statements that can be deleted without a missing name: calls for their effect, corrections, guards."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call)
    if isinstance(statement, ast.AugAssign):
        return True
    if isinstance(statement, ast.If):
        return not statement.orelse
    if isinstance(statement, ast.Assign):
        names = {n.id for t in statement.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
        read = {n.id for n in ast.walk(statement.value) if isinstance(n, ast.Name)}
        return bool(names) and names <= read
    return False


def _head(statement: ast.stmt) -> str:
    if isinstance(statement, ast.FunctionDef):
        return f"def {statement.name}({ast.unparse(statement.args)})"
    return ast.unparse(statement).split("\n")[0]


def _lines(statement: ast.stmt) -> tuple[int, int]:
    body = getattr(statement, "body", None)
    if isinstance(statement, ast.FunctionDef):
        return statement.body[0].lineno, statement.end_lineno or statement.lineno
    last = body[0].lineno - 1 if isinstance(body, list) and body else statement.end_lineno
    return statement.lineno, max(statement.lineno, last or 0)
