"""What the compiled code of bwa-mem3 asks of a processor, asked before it would end the process without a word."""

from __future__ import annotations

import platform
from collections.abc import Mapping

from engine.errors import ToolError


def host_features() -> Mapping[str, bool]:
    """The instruction sets of this processor by LLVM's names for them."""
    import llvmlite.binding

    features: Mapping[str, bool] = llvmlite.binding.get_host_cpu_features()
    return features


def require_processor() -> None:
    """See that bwa-mem3 can run here.

    Its wheel for x86-64 is compiled for AVX2 and dies of an illegal instruction elsewhere: seen with qemu's models
    Nehalem and SandyBridge, while Haswell aligns. Virtual machines often show less than their host has.

    Raises:
        ToolError: an x86-64 processor without AVX2.
    """
    if platform.machine() in ("x86_64", "AMD64") and not host_features().get("avx2"):
        raise ToolError(
            "bwa-mem3 needs a processor with AVX2, which this machine has not or, if it is virtual, does not show",
            remedy="give the virtual machine its host's processor type, or install bwa and choose the aligner bwa",
        )
