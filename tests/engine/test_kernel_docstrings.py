"""A public kernel says of each array that it takes how long it is, of what type, and what is in it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine

ENGINE = Path(engine.__file__).parent
MODULE_DOCSTRINGS: dict[ast.FunctionDef, str] = {}
DTYPES = r"(?:u?int(?:8|16|32|64)|float(?:32|64)|bool)"


def public_kernels() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every kernel without an underscore that takes arrays, with where it is."""
    for path in sorted(ENGINE.rglob("*.py")):
        module = ast.parse(path.read_text())
        for node in module.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and is_kernel(node) and arrays(node):
                MODULE_DOCSTRINGS[node] = ast.get_docstring(module) or ""
                yield f"{path.relative_to(ENGINE).as_posix()}:{node.name}", node


def is_kernel(function: ast.FunctionDef) -> bool:
    """Whether ``@kernel``, with or without options, stands above it."""
    return any(ast.unparse(each).split("(")[0] == "kernel" for each in function.decorator_list)


def arrays(function: ast.FunctionDef) -> list[str]:
    """Names of parameters that are arrays by their annotation."""
    return [each.arg for each in function.args.args if each.annotation and "NDArray" in ast.unparse(each.annotation)]


def unsaid(function: ast.FunctionDef) -> list[str]:
    """Arrays beside whose name stands no dtype and shape, as ``int64[n + 1]``, neither here nor for the module."""
    text = f"{MODULE_DOCSTRINGS.get(function, '')}\n{ast.get_docstring(function) or ''}"
    return [name for name in arrays(function) if not re.search(rf"\b{name}(?:``)?: {DTYPES}\[", text)]


KERNELS = dict(public_kernels())


@pytest.mark.parametrize("name", KERNELS)
def test_a_public_kernel_says_shapes_and_dtypes(name: str) -> None:
    assert not unsaid(KERNELS[name])


def test_what_is_not_said_is_found() -> None:
    (function,) = ast.parse(
        "def f(a: NDArray[np.uint8], b: NDArray[np.uint8]):\n"
        '    """Sum.\n\n    Args:\n        a: uint8[n], bases.\n        b: more of them.\n    """'
    ).body
    assert isinstance(function, ast.FunctionDef)
    assert unsaid(function) == ["b"]
