"""The header of the BAM files we write: contigs with M5, read groups, programs; nothing that differs by run."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from engine.reads.read_names import ILLUMINA
from engine.reference.bundle import Contig


@dataclass(frozen=True)
class ReadGroup:
    """One ``@RG`` line.

    Attributes:
        id: unique in the file; every read bears it as its tag RG.
        sample: SM.
        library: LB, the unit within which duplicates are sought.
        platform_unit: PU, flow cell and lane where the read names tell, else the lane's name.
        platform: PL, in the terms of the SAM specification.
    """

    id: str
    sample: str
    library: str
    platform_unit: str
    platform: str = ILLUMINA


@dataclass(frozen=True)
class Program:
    """One ``@PG`` line; each follows the one before it.

    Attributes:
        name: ID and PN.
        version: VN.
        command: CL, what was asked of it; without paths, so that two machines write the same.
    """

    name: str
    version: str
    command: str


def header_text(contigs: tuple[Contig, ...], read_groups: list[ReadGroup], programs: list[Program]) -> str:
    """The header's text for a coordinate-sorted file (SAM specification 1.3)."""
    lines = ["@HD\tVN:1.6\tSO:coordinate"]
    lines += [f"@SQ\tSN:{contig.name}\tLN:{contig.length}\tM5:{contig.md5}" for contig in contigs]
    lines += [
        f"@RG\tID:{group.id}\tSM:{group.sample}\tLB:{group.library}\tPL:{group.platform}\tPU:{group.platform_unit}"
        for group in read_groups
    ]
    for i, program in enumerate(programs):
        previous = f"\tPP:{programs[i - 1].name}" if i else ""
        lines.append(f"@PG\tID:{program.name}\tPN:{program.name}{previous}\tVN:{program.version}\tCL:{program.command}")
    return "\n".join([*lines, ""])


def bam_header(text: str, contigs: tuple[Contig, ...]) -> bytes:
    """The header as it begins a BAM file, uncompressed (SAM specification 4.2)."""
    parts = [b"BAM\1", struct.pack("<i", len(text.encode())), text.encode(), struct.pack("<i", len(contigs))]
    for contig in contigs:
        name = contig.name.encode() + b"\0"
        parts.append(struct.pack("<i", len(name)) + name + struct.pack("<i", contig.length))
    return b"".join(parts)
