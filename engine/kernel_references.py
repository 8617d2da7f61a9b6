"""How a kernel counts the references to its arrays: by plain additions that are part of the kernel.

numba calls a function for each, which locks the memory bus lest another thread count at the same time; in kernels that
hand groups of arrays to one another that took two fifths of the time. No two threads count the references to one array
here: every call from Python is given counts of its own, and no kernel starts threads.
"""

# numba's and llvmlite's own code has hardly any types.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any, Final

import llvmlite.binding as llvm

_COUNTING: Final = """
declare void @NRT_MemInfo_call_dtor(i8*)

define linkonce_odr void @NRT_incref(i8* %array) alwaysinline {
  %absent = icmp eq i8* %array, null
  br i1 %absent, label %done, label %count
count:
  %place = bitcast i8* %array to i64*
  %before = load i64, i64* %place
  %after = add i64 %before, 1
  store i64 %after, i64* %place
  br label %done
done:
  ret void
}

define linkonce_odr void @NRT_decref(i8* %array) alwaysinline {
  %absent = icmp eq i8* %array, null
  br i1 %absent, label %done, label %count
count:
  %place = bitcast i8* %array to i64*
  %before = load i64, i64* %place
  %after = sub i64 %before, 1
  store i64 %after, i64* %place
  %last = icmp eq i64 %after, 0
  br i1 %last, label %free, label %done, !prof !0
free:
  call void @NRT_MemInfo_call_dtor(i8* %array)
  br label %done
done:
  ret void
}

!0 = !{!"branch_weights", i32 1, i32 99}
"""
"""numba's two functions (``numba.core.runtime.nrtdynmod``) without its locks; an array's count is its first word."""


def count_references_in_place(module: Any) -> None:
    """Replace the functions by which a module of LLVM code counts references; what optimises it next inlines them.

    Args:
        module: complete, and optimised so far that references that need no counting are counted no more: numba
            knows them by the calls, of which none are left afterwards.
    """
    counting = llvm.parse_assembly(_COUNTING)
    names = {function.name for function in counting.functions if not function.is_declaration}
    for function in module.functions:
        if function.name in names and not function.is_declaration:
            function.linkage = "available_externally"  # so that linking takes ours
    module.link_in(counting)
