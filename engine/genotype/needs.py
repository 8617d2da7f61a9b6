"""What genotyping a sample takes of memory and disk, told before it begins (figures: docs/measurements.md)."""

from __future__ import annotations

from pathlib import Path

from engine.headroom import Needs

MEMORY = 250 << 20
"""Bytes, whatever the length of the genome: a few records and the bases around them."""
OF_GVCF = 0.1
"""Bytes of the VCF for each byte of the gVCF."""


def genotyping_needs(gvcf: Path) -> Needs:
    """The needs of a sample, by its gVCF."""
    return Needs(MEMORY, int(OF_GVCF * gvcf.stat().st_size), 0)
