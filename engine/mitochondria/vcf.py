"""Mitochondrial calls as VCF 4.2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.files.calls_index import index_calls
from engine.mitochondria.calls import SHALLOW, SLIPPAGE, STRAND, MitochondrialCall
from engine.mitochondria.circle import Circle
from engine.mitochondria.deletions import LargeDeletion
from engine.release import engine_release

_HEADER = (
    f'##FILTER=<ID={STRAND},Description="Nearly all molecules of the allele are of one strand, unlike the others">',
    f'##FILTER=<ID={SLIPPAGE},Description="A run of at least six equal bases longer or shorter in less than a tenth">',
    f'##FILTER=<ID={SHALLOW},Description="At most a tenth of the median depth">',
    '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Kind of structural variant">',
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base that is deleted">',
    '##INFO=<ID=SVLEN,Number=1,Type=Integer,Description="Difference in length">',
    '##ALT=<ID=DEL,Description="Deletion">',
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="1 where at least 95% of the molecules have it, else 0/1">',
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Molecules with the reference and with the allele">',
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Molecules over the place">',
    '##FORMAT=<ID=AF,Number=A,Type=Float,Description="Heteroplasmy: share of the molecules with the allele">',
)


def write_calls(
    path: Path,
    sample: str,
    circle: Circle,
    calls: Iterable[MitochondrialCall],
    deletions: Iterable[LargeDeletion],
    *,
    contigs: Sequence[str],
) -> int:
    """Write small calls and large deletions, in order, bgzip with its index; gives how many.

    Args:
        path: the file.
        sample: its only sample.
        circle: the contig.
        calls: small ones.
        deletions: large ones.
        contigs: header lines of the reference's contigs.
    """
    import pysam

    rows = [(call.position, _call_line(circle, call)) for call in calls]
    rows += [(one.start - 1, _deletion_line(circle, one)) for one in deletions]
    header = [
        "##fileformat=VCFv4.2",
        f"##source=genomics-engine mitochondria {engine_release()}",
        *contigs,
        *_HEADER,
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", sample]),
    ]
    with pysam.BGZFile(str(path), "wb") as file:
        file.write("".join(f"{line}\n" for line in [*header, *(line for _, line in sorted(rows))]).encode())
    index_calls(path)
    return len(rows)


def _call_line(circle: Circle, call: MitochondrialCall) -> str:
    values = f"{call.genotype}:{call.reference_molecules},{call.alternate_molecules}:{call.depth}:{call.fraction:.4f}"
    fields = [circle.name, str(call.position + 1), ".", call.ref, call.alt, f"{call.quality:.1f}", call.filter, "."]
    return "\t".join([*fields, "GT:AD:DP:AF", values])


def _deletion_line(circle: Circle, one: LargeDeletion) -> str:
    info = f"SVTYPE=DEL;END={one.end};SVLEN={one.start - one.end}"
    intact = round(one.intact)
    values = f"0/1:{intact},{one.reads}:{intact + one.reads}:{one.fraction:.4f}"
    fields = [circle.name, str(one.start), ".", circle.bases[one.start - 1], "<DEL>", ".", "PASS", info]
    return "\t".join([*fields, "GT:AD:DP:AF", values])
