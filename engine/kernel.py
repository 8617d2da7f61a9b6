"""``@kernel``: how every kernel of the engine is compiled; numba's ``njit`` without the work that nobody uses.

A kernel runs without the GIL and is kept on disk, see :mod:`engine.kernel_cache`. Most kernels are called by other
kernels only, which hold copies of them. numba makes of each, all the same, machine code of its own, a wrapper for
Python and one for C, a file, and optimises it together with all that it calls: what lies eight calls deep is optimised
nine times. Here a kernel is compiled in up to two ways:

- called from Python: as numba does it, optimised together with everything it calls, and kept on disk; but references
  to arrays are counted without locks, see :mod:`engine.kernel_references`;
- called from another kernel: as LLVM code that is linked into the caller. Reference counts are pruned; what else can
  be made better is left to the kernel that Python calls, where all of it is in sight.

Compiling what set-up compiles took 237 CPU seconds with ``njit`` and takes 103; the calls are the same bytes.
"""

# numba's own code has hardly any types.
# mypy: disable-error-code="no-untyped-call,override,misc,no-any-return"

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, overload

import numba  # noqa: F401  # registers what kernels may use of numpy and math
from numba.core.codegen import JITCodeLibrary, JITCPUCodegen
from numba.core.registry import CPUDispatcher, cpu_target

from engine.kernel_cache import compiled_once
from engine.kernel_references import count_references_in_place

Function = TypeVar("Function", bound=Callable[..., Any])

_PYTHON_WRAPPER = "_ZN7cpython"
"""How numba's names of functions that Python can call begin."""


@overload
def kernel(function: Function) -> Function: ...
@overload
def kernel(*, error_model: str) -> Callable[[Function], Function]: ...
def kernel(function: Any = None, **options: Any) -> Any:
    """Compile a function when it is first called, for the types that it is called with.

    Args:
        function: of arrays, numbers, and tuples of them.
        options: of numba's ``njit``, for the few kernels that need one.

    Returns:
        What is called in the function's place, from Python and from other kernels.
    """
    if function is None:
        return lambda decorated: _compiled_when_called(decorated, options)
    return _compiled_when_called(function, options)


def _compiled_when_called(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    found = _Kernel(function, targetoptions=_OPTIONS | options)
    try:
        found.enable_caching()
    except RuntimeError:  # no folder can be written to, as for an account without a home
        _tell_that_nothing_is_kept()
    return found


@cache
def _tell_that_nothing_is_kept() -> None:
    logging.getLogger(__name__).warning(
        "compiled kernels cannot be kept and are compiled in every process, which takes minutes: "
        "name a folder that can be written to as NUMBA_CACHE_DIR"
    )


_OPTIONS = {"nopython": True, "nogil": True, "boundscheck": None, "no_cfunc_wrapper": True}


class _Kernel(CPUDispatcher):
    """What Python calls. Other kernels are given the twin without wrappers."""

    _cache: Any

    def __init__(self, py_func: Callable[..., Any], locals: Any = None, targetoptions: Any = None, **more: Any) -> None:
        super().__init__(py_func, locals, targetoptions, **more)
        self._linked = CPUDispatcher(py_func, locals, (targetoptions or {}) | {"no_cpython_wrapper": True}, **more)

    @property
    def is_compiling(self) -> bool:
        """Asked by numba to tell a kernel that calls itself."""
        return bool(super().is_compiling or self._linked.is_compiling)

    def compile(self, sig: Any) -> Any:
        """Compile for a signature, or load what another process compiled, waiting for it where it is at that."""
        folder = self._cache.cache_path
        _put_linear_algebra_off()
        if folder is None:  # nothing is kept on disk
            return super().compile(sig)
        with compiled_once(Path(folder), Path(self._cache._cache_file._index_name).stem):
            return super().compile(sig)

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """The signature for a call from another kernel."""
        return self._linked.get_call_template(args, kws)

    def get_overload(self, sig: Any) -> Any:
        """The code for a call from another kernel."""
        return self._linked.get_overload(sig)


@cache
def _put_linear_algebra_off() -> None:
    """Let numba look for SciPy's when a kernel multiplies matrices: to look at every start takes .16 CPU seconds."""
    linalg: Any = import_module("numba.np.linalg")
    look = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    import_module("numba.np.arraymath")
    linalg.ensure_blas = look


class _Library(JITCodeLibrary):
    """The code of one function: machine code only if Python can call it, or when its address is asked for."""

    _is_emitted = False

    def _is_called_from_python(self) -> bool:
        return any(
            function.name.startswith(_PYTHON_WRAPPER) and not function.is_declaration
            for function in self._final_module.functions
        )

    def _optimize_final_module(self) -> None:
        if self._is_called_from_python():
            self._optimize_with_what_it_calls()
            return
        passes, builder = self._codegen._module_pass_manager(
            loop_vectorize=False, slp_vectorize=False, opt=0, cost="cheap"
        )
        passes.run(self._final_module, builder)

    def _optimize_with_what_it_calls(self) -> None:
        """As numba does it, but for how references are counted where they must be."""
        module, codegen = self._final_module, self._codegen
        passes, builder = codegen._module_pass_manager(
            loop_vectorize=codegen._loopvect, slp_vectorize=False, opt=codegen._opt_level, cost="cheap"
        )
        passes.run(module, builder)
        count_references_in_place(module)
        passes, builder = codegen._module_pass_manager()
        passes.run(module, builder)

    def _finalize_final_module(self) -> None:
        if getattr(self, "_compiled_object", None) is not None or self._is_called_from_python():
            self._emit()
            return
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def _emit(self) -> None:
        self._is_emitted = True
        super()._finalize_final_module()

    def get_pointer_to_function(self, name: str) -> int:
        """The address of a function, zero where it is not of this library."""
        self._ensure_finalized()
        if not self._is_emitted:
            if name not in {function.name for function in self._final_module.functions if not function.is_declaration}:
                return 0
            self._emit()
        return int(super().get_pointer_to_function(name))


class _Codegen(JITCPUCodegen):
    _library_class = _Library

    def set_env(self, env_name: str, env: Any) -> None:
        """Tell emitted code where its Python objects are."""
        if self._engine.get_global_value_address(env_name):
            super().set_env(env_name, env)


cpu_target.target_context._internal_codegen = _Codegen("engine.kernels")
