"""Header lines that are known to be needed only when the records have been written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.files.variant_lines import variant_lines


def add_header_lines(vcf: Path, lines: Sequence[str]) -> None:
    """Put definitions into the header of a BGZF VCF that is complete, before its contigs; without any it is untouched.

    Args:
        vcf: the file, written anew.
        lines: without line ends; those that the header has already are left out.
    """
    if not lines:
        return
    import pysam

    making = vcf.with_name(f".{vcf.name}.header")
    missing = dict.fromkeys(f"{line}\n" for line in lines)
    with pysam.BGZFile(str(making), "wb", None) as stream:
        for line in variant_lines(vcf):
            missing.pop(line, None)
            if missing and line.startswith(("##contig=", "#CHROM")):
                stream.write("".join(missing).encode())
                missing.clear()
            stream.write(line.encode())
    making.replace(vcf)
