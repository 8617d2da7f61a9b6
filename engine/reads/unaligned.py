"""Little-endian integers at any byte of an array, as one machine instruction each, for kernels over packed records.

Written with numba's intrinsics because an integer put together from its bytes, each with a check for a negative
index, makes kernels several times longer to compile and slower to run. The caller keeps within the array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

_Reader = Callable[[NDArray[np.uint8], int], int]
_Writer = Callable[[NDArray[np.uint8], int, int], None]
_Code = tuple[Any, Callable[..., Any]]


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, at: Any, bits: int) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), ir.IntType(bits).as_pointer())


def _reader(bits: int, signed: bool) -> Callable[..., _Code]:
    def typed(typing_context: Any, data: Any, at: Any) -> _Code:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1], bits)
            value = builder.load(pointer, align=1)
            return (builder.sext if signed else builder.zext)(value, ir.IntType(64))

        return types.int64(data, types.int64), generate

    return typed


def _writer(bits: int) -> Callable[..., _Code]:
    def typed(typing_context: Any, data: Any, at: Any, value: Any) -> _Code:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1], bits)
            builder.store(builder.trunc(arguments[2], ir.IntType(bits)), pointer, align=1)
            return context.get_dummy_value()

        return types.void(data, types.int64, types.int64), generate

    return typed


byte_at: _Reader = intrinsic(_reader(8, signed=False))
"""``byte_at(data, at)``: an unsigned byte as int64."""

uint16_at: _Reader = intrinsic(_reader(16, signed=False))
"""``uint16_at(data, at)``: an unsigned 16-bit integer as int64."""

int32_at: _Reader = intrinsic(_reader(32, signed=True))
"""``int32_at(data, at)``: a signed 32-bit integer as int64."""

uint32_at: _Reader = intrinsic(_reader(32, signed=False))
"""``uint32_at(data, at)``: an unsigned 32-bit integer as int64."""

put_uint16: _Writer = intrinsic(_writer(16))
"""``put_uint16(data, at, value)``: the low 16 bits of an int64."""

put_int32: _Writer = intrinsic(_writer(32))
"""``put_int32(data, at, value)``: the low 32 bits of an int64."""
