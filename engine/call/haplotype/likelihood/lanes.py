"""Explicit vectors of single-precision numbers for numba kernels: one lane, one independent problem.

Here is only the vocabulary (load, store, add, multiply, fused multiply-add, choose); what is computed in the lanes
belongs to the kernels. LLVM does not turn short loops over lanes into vector code by itself (measured: 0.2-0.8
thousand million cells a second against 5 and more), so the vectors are spelled out.

Every operation, multiply-add included, is rounded as IEEE 754 says, and each lane is computed apart: results depend
neither on the width nor on the processor. One without fused multiply-add (before 2013) is slow, not different.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any, Final

import llvmlite.binding
from llvmlite import ir
from numba.core import cgutils as untyped_cgutils
from numba.core import types
from numba.extending import intrinsic, models, register_model


def _host_lanes() -> int:
    features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 16
    return 8 if features.get("avx") else 4


LANES: Final = _host_lanes()
"""How many float32 one vector register of this processor holds: 16, 8 or 4."""

_HAS_MXCSR: Final = platform.machine() in ("x86_64", "AMD64")
_FLUSH_TO_ZERO: Final = 1 << 15

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)

cgutils: Any = untyped_cgutils
_operation: Callable[[Callable[..., Any]], Callable[..., Any]] = intrinsic
"""numba's decorator; callers see only the arguments after the typing context."""


class _Float32Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


_LANES_TYPE = _Float32Lanes()


@register_model(_Float32Lanes)
class _Float32LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)  # type: ignore[no-untyped-call]


def _element(context: Any, builder: Any, kind: Any, array: Any, index: Any, vector: ir.Type) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), vector.as_pointer())


@_operation
def load(typing_context: Any, array: Any, index: Any) -> Any:
    """``array[index : index + LANES]`` of a contiguous float32 array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _element(context, builder, signature.args[0], arguments[0], arguments[1], _VECTOR)
        return builder.load(place, align=4)

    return _LANES_TYPE(array, types.intp), generate


@_operation
def store(typing_context: Any, array: Any, index: Any, lanes: Any) -> Any:
    """``array[index : index + LANES] = lanes`` of a contiguous float32 array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _element(context, builder, signature.args[0], arguments[0], arguments[1], _VECTOR)
        builder.store(arguments[2], place, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, _LANES_TYPE), generate


@_operation
def splat(typing_context: Any, value: Any) -> Any:
    """The float32 ``value`` in every lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(undefined, arguments[0], ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(first, undefined, ir.Constant(_INTEGERS, [0] * LANES))

    return _LANES_TYPE(types.float32), generate


@_operation
def add(typing_context: Any, a: Any, b: Any) -> Any:
    """``a + b`` lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(arguments[0], arguments[1])

    return _LANES_TYPE(_LANES_TYPE, _LANES_TYPE), generate


@_operation
def multiply(typing_context: Any, a: Any, b: Any) -> Any:
    """``a * b`` lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fmul(arguments[0], arguments[1])

    return _LANES_TYPE(_LANES_TYPE, _LANES_TYPE), generate


@_operation
def fused(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` lane by lane, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f32")
        return builder.call(function, arguments)

    return _LANES_TYPE(_LANES_TYPE, _LANES_TYPE, _LANES_TYPE), generate


@_operation
def choose_by_bit(typing_context: Any, codes: Any, index: Any, bit: Any, chosen: Any, other: Any) -> Any:
    """Per lane ``chosen`` where ``codes[index + lane] & bit`` (int32), else ``other``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _element(context, builder, signature.args[0], arguments[0], arguments[1], _INTEGERS)
        zero = ir.Constant(_INTEGERS, [0] * LANES)
        first = builder.insert_element(zero, arguments[2], ir.Constant(ir.IntType(32), 0))
        bits = builder.shuffle_vector(first, zero, zero)
        mask = builder.icmp_signed("!=", builder.and_(builder.load(place, align=4), bits), zero)
        return builder.select(mask, arguments[3], arguments[4])

    return _LANES_TYPE(codes, types.intp, types.int32, _LANES_TYPE, _LANES_TYPE), generate


def _mxcsr(builder: Any, operation: str, place: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{operation}mxcsr")
    builder.call(function, [builder.bitcast(place, ir.IntType(8).as_pointer())])


def _control_word(change: Callable[[Any, Any, Any], Any]) -> Callable[..., Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(32)
        if not _HAS_MXCSR:
            return ir.Constant(word, 0)
        place = cgutils.alloca_once(builder, word)
        _mxcsr(builder, "st", place)
        before = builder.load(place)
        builder.store(change(builder, before, arguments), place)
        _mxcsr(builder, "ld", place)
        return before

    return generate


@_operation
def flush_to_zero(typing_context: Any) -> Any:
    """From here on, in this thread, results too small for a normal float32 become 0; give the state before.

    Numbers below 1e-38 cost some processors a hundred cycles each and mean nothing beside results of 1e-28 and
    more. Other processors than x86 compute them in full at no cost.
    """
    return types.int32(), _control_word(
        lambda builder, before, _: builder.or_(before, ir.Constant(ir.IntType(32), _FLUSH_TO_ZERO))
    )


@_operation
def restore_control(typing_context: Any, before: Any) -> Any:
    """Undo :func:`flush_to_zero`, given what it returned."""
    return types.int32(types.int32), _control_word(lambda builder, _, arguments: arguments[0])
