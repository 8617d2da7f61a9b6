"""Joint calls as VCF Zarr, the arrays that sgkit reads: written by bio2zarr, where it is installed.

Source: VCF Zarr specification 0.4 (sgkit-dev/vcf-zarr-spec).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from engine.errors import ToolError


def require_zarr() -> None:
    """ToolError where bio2zarr is not installed."""
    if find_spec("bio2zarr") is None:
        raise ToolError("VCF Zarr cannot be written: bio2zarr is not installed", remedy="install the extra `zarr`")


def write_zarr(calls: Path, output: Path) -> None:
    """Write calls with their index as a folder of arrays.

    Args:
        calls: VCF or BCF, indexed.
        output: the folder, made here.

    Raises:
        ToolError: bio2zarr is not installed or cannot read the calls.
    """
    require_zarr()
    import bio2zarr.vcf

    try:
        bio2zarr.vcf.convert([str(calls)], str(output))
    except (OSError, ValueError, RuntimeError) as error:
        raise ToolError(
            f"VCF Zarr cannot be written: {error}", file=calls, remedy="write .bcf instead, and report this"
        ) from error
