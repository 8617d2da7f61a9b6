"""The tabix index beside a file of calls."""

from __future__ import annotations

from pathlib import Path


def index_calls(calls: Path) -> None:
    """Write the index (``.tbi``) beside a VCF or gVCF that is bgzip and sorted; one that is there is replaced."""
    import pysam

    pysam.tabix_index(str(calls), preset="vcf", force=True)
