"""What ``@kernel`` compiles, and what it leaves out."""

import ast
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine.kernel import kernel

ENGINE = Path(engine.__file__).parent


@kernel
def first_of(values: Any) -> Any:
    if values[0] < 0:
        raise ValueError("negative")
    return values[0]


@kernel
def sum_and_first(values: Any) -> Any:
    return values.sum() + first_of(values)


@kernel
def factorial(n: int) -> int:
    return 1 if n < 2 else n * factorial(n - 1)


@kernel
def quotient(a: int, b: int) -> int:
    return a // b


@kernel(error_model="numpy")
def quotient_without_check(a: float, b: float) -> float:
    return a / b


@kernel
def sum_of_kept(values: Any, most: int) -> Any:
    kept = [values[:0]]
    for start in range(most):
        kept.append(values[start:])
    total = 0
    for rows in kept:
        total += rows.sum()
    return total


@kernel
def product(a: Any, b: Any) -> Any:
    return np.dot(a, b)


def linked_libraries(compiled: Any) -> list[Any]:
    """The code of a kernel that other kernels were given."""
    return [result.library for result in compiled._linked.overloads.values()]


def test_a_kernel_that_only_kernels_call_has_neither_machine_code_nor_a_wrapper() -> None:
    assert sum_and_first(np.array([4, 5])) == 13
    sum_and_first.recompile()  # it may have come from the disk
    assert sum_and_first(np.array([4, 5])) == 13
    libraries = linked_libraries(first_of)
    assert libraries
    for library in libraries:
        assert not library._is_emitted
        assert not [each.name for each in library.get_defined_functions() if "cpython" in each.name]


def test_the_same_kernel_can_be_called_from_python_too() -> None:
    assert sum_and_first(np.array([4.5, 5.0])) == 14.0
    assert first_of(np.array([4.5, 5.0])) == 4.5
    assert len(first_of.overloads) == 1


def test_an_error_of_an_inner_kernel_arrives() -> None:
    with pytest.raises(ValueError, match="negative"):
        sum_and_first(np.array([-1]))


def test_a_kernel_may_call_itself() -> None:
    assert factorial(10) == 3_628_800


def test_references_are_counted_in_the_kernel_without_locks() -> None:
    sum_of_kept(np.arange(9), 3)
    sum_of_kept.recompile()  # it may have come from the disk
    sum_of_kept(np.arange(9), 3)
    for result in sum_of_kept.overloads.values():
        code = result.library.get_llvm_str()
        assert "NRT_MemInfo_call_dtor" in code
        assert "@NRT_incref" not in code
        assert "@NRT_decref" not in code


def test_arrays_that_several_threads_give_to_kernels_are_given_back() -> None:
    values = np.arange(200)
    references = sys.getrefcount(values)
    with ThreadPoolExecutor(4) as threads:
        sums = set(threads.map(lambda _: int(sum_of_kept(values, 100)), range(2_000)))
    assert sums == {sum(int(values[start:].sum()) for start in range(100))}
    assert sys.getrefcount(values) == references


def test_a_kernel_starts_without_linear_algebra() -> None:
    code = (
        "from engine.call.haplotype.numerics import java_round; print(java_round(2.5), 'scipy.linalg' in sys.modules)"
    )
    code = f"import sys; {code}"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["3", "False"]


def test_kernels_may_multiply_matrices() -> None:
    assert product(np.eye(2), np.ones((2, 2))).tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_options_of_numba_are_taken() -> None:
    with pytest.raises(ZeroDivisionError):
        quotient(1, 0)
    assert quotient_without_check(1.0, 0.0) == np.inf


def test_every_kernel_of_the_engine_is_made_here() -> None:
    for path in sorted(ENGINE.rglob("*.py")):
        imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        taken = {alias.name for node in imports if node.module == "numba" for alias in node.names}
        assert not taken & {"njit", "jit", "vectorize", "guvectorize"}, path
