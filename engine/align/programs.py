"""Which aligners there are and which versions of them; apart from the aligners, so that asking loads none of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.metadata import version
from typing import Literal

from engine.errors import ToolError

AlignerName = Literal["bwa-mem3", "bwa"]
ALIGNERS: tuple[AlignerName, ...] = ("bwa-mem3", "bwa")


def require_aligner(name: str) -> None:
    """ToolError where there is no such aligner."""
    if name not in ALIGNERS:
        raise ToolError(f"there is no aligner {name!r}", remedy=f"choose one of {', '.join(ALIGNERS)}")


def aligner_version(name: str) -> str:
    """Version of an aligner by name.

    Raises:
        ToolError: there is no such aligner, or it is not on PATH.
    """
    require_aligner(name)
    return bwa_version() if name == "bwa" else version(name)


def bwa_program() -> str:
    """Where ``bwa`` is; ToolError where it is not on PATH."""
    program = shutil.which("bwa")
    if program is None:
        raise ToolError("bwa is not on PATH", remedy="install bwa, or choose the aligner bwa-mem3")
    return program


def bwa_version() -> str:
    """What ``bwa`` says of itself."""
    said = subprocess.run([bwa_program()], capture_output=True, text=True, check=False).stderr
    found = re.search(r"^Version: (\S+)", said, re.MULTILINE)
    return found.group(1) if found else "unknown"
