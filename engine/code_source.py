"""What of a Python file counts for the version of the code: its syntax tree, without comments and docstrings.

A file is read whole, or as the slice that one of its functions needs: the function, the module's names that it uses,
and what those use. A slice rather takes too much than too little:

- A name counts as used wherever it stands in the slice, whatever scope it belongs to there.
- Statements of the module that are neither definitions nor plain assignments may do anything: every slice has them.
- So it has imports whose names nobody uses, since they are there for what importing does.
- A definition that a decorator of this module may enter into a table of the slice belongs to it.
- A module that looks up names as text (``globals``, ``eval``, ``exec``) is not cut at all.

>>> commented = read_source("from engine.reads import bam  # the field's format\\n", "engine.made_up")
>>> commented == read_source("from engine.reads import bam\\n", "engine.made_up"), commented.imports
(True, ('engine.reads.bam',))
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from engine.code_data import digest

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
_LOOK_UP_BY_TEXT = {"globals", "locals", "eval", "exec"}
_IMPORT_BY_TEXT = {"import_module", "__import__", "run_module", "run_path", "executable"}
_MODULE_IN_TEXT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+(:\w+)?")
_DOCUMENTATION = {"__doc__", "getdoc"}
_PLACE = {"__file__", "__path__", "__spec__", "__loader__", "importlib.resources", "pkgutil"}


@dataclass(frozen=True)
class Source:
    """A file, or the slice of it that a function needs.

    Attributes:
        code: sha256 of the syntax tree, hex; comments, docstrings, formatting and what only type checkers read left
            out.
        docs: sha256 of the docstrings, hex.
        imports: dotted names that are imported, as far as the text says: ``a.b.c`` for ``from a.b import c``, whether
            ``c`` is a module or not.
        mentions: dotted names of the same root that stand in texts (``a.b.c`` for ``"a.b.c:name"``), ``a.b.*`` where
            it may be any module of ``a.b``: imports, if somebody imports by text.
        imports_by_text: whether it does.
        reads_docs: whether it looks at docstrings, so that a changed one may change what it does.
        reads_data: whether it asks where it lies, as who reads a data file beside it does.
    """

    code: str
    docs: str
    imports: Sequence[str]
    mentions: Sequence[str]
    imports_by_text: bool
    reads_docs: bool
    reads_data: bool


def read_source(text: str, module: str, *, is_package: bool = False, function: str | None = None) -> Source:
    """What counts of a module's text.

    Args:
        text: of the file.
        module: its dotted name, from which relative imports start.
        is_package: whether the file is a package's ``__init__``.
        function: take the slice of this function of the module; absent: the whole file.

    Raises:
        SyntaxError: the text is not Python.
        ValueError: the module has no such function.
    """
    tree = ast.parse(text)
    package = module if is_package else module.rpartition(".")[0]
    root = module.partition(".")[0]
    body = _at_run_time(tree.body)
    docs: list[str] = []
    if function is not None:
        body = _slice(body, function, module)
    body = [statement for statement in body if not _is_text(statement, docs)]
    for statement in body:
        _strip(statement, docs)
    nodes = [node for statement in body for node in ast.walk(statement)]
    names = set(_words(nodes))
    return Source(
        code=digest(ast.dump(statement) for statement in body),
        docs=digest(docs),
        imports=tuple(sorted(set(_imports(nodes, package)))),
        mentions=tuple(sorted(name for name in set(_mentions(nodes)) if name.startswith(f"{root}."))),
        imports_by_text=bool(names & _IMPORT_BY_TEXT),
        reads_docs=bool(names & _DOCUMENTATION),
        reads_data=bool(names & _PLACE),
    )


def _at_run_time(statements: list[ast.stmt]) -> list[ast.stmt]:
    """The statements without what stands under ``if TYPE_CHECKING``."""
    kept: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.If) and _name_of(statement.test) == "TYPE_CHECKING":
            kept += _at_run_time(statement.orelse)
        else:
            kept.append(statement)
    return kept


def _strip(statement: ast.stmt, docs: list[str]) -> None:
    """Take docstrings, and texts that stand for themselves, out of a statement's blocks; they go to ``docs``."""
    for node in ast.walk(statement):
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                running = _at_run_time(statements)
                setattr(node, block, [inner for inner in running if not _is_text(inner, docs)])


def _is_text(statement: ast.stmt, docs: list[str]) -> bool:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return False
    if isinstance(statement.value.value, str):
        docs.append(statement.value.value)
        return True
    return False


def _words(nodes: list[ast.AST]) -> Iterator[str]:
    """Names, attributes and imported modules."""
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (name for alias in node.names for name in (alias.name, f"{node.module}.{alias.name}"))


def _imports(nodes: list[ast.AST], package: str) -> Iterator[str]:
    """Imported names, and those of attributes of imported packages, which may be modules."""
    named = dict(pair for node in nodes if isinstance(node, _IMPORTS) for pair in _bound_by_import(node, package))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{_origin(node, package)}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            first, _, rest = _dotted(node).partition(".")
            yield from [f"{named[first]}.{rest}"] if first in named else []


def _bound_by_import(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, str]]:
    """Local names and the dotted names that they stand for."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, f"{_origin(node, package)}.{alias.name}"
        elif alias.asname:
            yield alias.asname, alias.name
        else:
            first = alias.name.partition(".")[0]
            yield first, first


def _mentions(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _MODULE_IN_TEXT.fullmatch(node.value):
            yield node.value.partition(":")[0]
        elif isinstance(node, ast.Call) and _name_of(node.func) in _IMPORT_BY_TEXT:
            yield from _imported_by_text(node)


def _origin(node: ast.ImportFrom, package: str) -> str:
    """The module after ``from``, dots resolved."""
    if not node.level:
        return cast(str, node.module)
    parents = package.split(".")
    base = parents[: len(parents) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _imported_by_text(call: ast.Call) -> Iterator[str]:
    """``import_module(f"engine.call.{name}")`` may import any module of ``engine.call``."""
    for argument in call.args:
        if isinstance(argument, ast.JoinedStr) and isinstance(argument.values[0], ast.Constant):
            yield f"{str(argument.values[0].value).rpartition('.')[0]}.*"


def _dotted(node: ast.expr) -> str:
    """``a.b.c`` of an attribute of an attribute of a name; empty where it starts otherwise."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _slice(body: list[ast.stmt], function: str, module: str) -> list[ast.stmt]:
    """The statements of a module that a function needs, in their order."""
    statements = [_statement(node) for node in body]
    start = {number for number, one in enumerate(statements) if one.defines and function in one.binds}
    if not start:
        raise ValueError(f"{module} has no function {function!r}")
    if any(_looks_up_by_text(node) for statement in body for node in ast.walk(statement)):
        return body
    used = frozenset[str]().union(*(one.uses for one in statements))
    always = {number for number, one in enumerate(statements) if one.always or (one.imports and not one.binds & used)}
    return [body[number] for number in sorted(_reached(statements, start | always))]


def _looks_up_by_text(node: ast.AST) -> bool:
    """Whether names of the module may be found by their text; ``vars`` of an object finds that object's alone."""
    if isinstance(node, ast.Call) and _name_of(node.func) == "vars":
        return not node.args
    return isinstance(node, ast.Name) and node.id in _LOOK_UP_BY_TEXT


@dataclass(frozen=True)
class _Statement:
    """A statement of a module: the module's names it gives a value, and all names that stand in it."""

    binds: frozenset[str]
    uses: frozenset[str]
    decorators: frozenset[str]
    defines: bool
    imports: bool
    always: bool


def _statement(node: ast.stmt) -> _Statement:
    defines, imports = isinstance(node, _DEFINITIONS), isinstance(node, _IMPORTS)
    decorators = node.decorator_list if isinstance(node, _DEFINITIONS) else []
    return _Statement(
        binds=frozenset(_binds(node)),
        uses=frozenset(inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)),
        decorators=frozenset(_callee(decorator) for decorator in decorators),
        defines=defines,
        imports=imports,
        always=not (defines or imports or _is_plain_assignment(node)),
    )


def _binds(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, _DEFINITIONS):
        yield node.name
        yield from (name for inner in ast.walk(node) if isinstance(inner, ast.Global) for name in inner.names)
    elif isinstance(node, _IMPORTS):
        yield from (name for name, _ in _bound_by_import(node, ""))
    else:
        yield from (
            inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
        )


def _is_plain_assignment(node: ast.stmt) -> bool:
    """Whether nothing happens but that names get a value."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    else:
        return False
    inner = [part for target in targets for part in ast.walk(target)]
    return not any(isinstance(part, ast.Attribute | ast.Subscript) for part in inner)


def _callee(decorator: ast.expr) -> str:
    """The first name of ``name``, ``name.attribute(...)(...)`` and the like."""
    while isinstance(decorator, ast.Call | ast.Attribute):
        decorator = decorator.func if isinstance(decorator, ast.Call) else decorator.value
    return _name_of(decorator)


def _reached(statements: list[_Statement], start: set[int]) -> set[int]:
    """The numbers of the statements that these need, themselves included."""
    reached = _used_by(statements, start)
    decorated = {number for number, one in enumerate(statements) if one.decorators}
    while entered := {n for n in decorated - reached if _may_enter(statements[n], statements, reached)}:
        reached = _used_by(statements, reached | entered)
    return reached


def _used_by(statements: list[_Statement], start: set[int]) -> set[int]:
    """The numbers of the statements that give values to the names these use, directly or not; these included."""
    reached, size = set(start), -1
    while size < len(reached):
        size = len(reached)
        names = frozenset[str]().union(*(statements[number].uses for number in reached))
        reached |= {number for number, one in enumerate(statements) if one.binds & names}
    return reached


def _may_enter(one: _Statement, statements: list[_Statement], reached: set[int]) -> bool:
    """Whether a decorator that this module defines may enter a definition into one of the variables reached."""
    local = {number for number, other in enumerate(statements) if other.defines and other.binds & one.decorators}
    used = _used_by(statements, local) & reached
    return any(not (statements[number].defines or statements[number].imports) for number in used)
