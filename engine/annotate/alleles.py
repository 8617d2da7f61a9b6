"""Annotating alleles that belong to nobody: those of a cohort, each once, as a table.

What is said of an allele depends on no other: a part of the alleles annotated by itself says the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from engine.annotate.annotate import Outputs, annotate_file
from engine.reference.bundle import ReferenceBundle
from engine.tables import read_rows

if TYPE_CHECKING:
    import pyarrow as pa

Allele = tuple[str, int, str, str]
"""Contig as the reference names it, 1-based position, reference and alternate bases."""


def annotate_alleles(alleles: Iterable[Allele], bundle: ReferenceBundle, scratch: Path) -> pa.Table:
    """Annotate alleles; columns are :data:`engine.annotate.columns.ANNOTATED_COLUMNS`, in the reference's order.

    Args:
        alleles: normalised, in any order; one that comes twice is told once.
        bundle: with a gene model; without a ClinVar table the ClinVar columns stay empty.
        scratch: folder for temporary files.

    Raises:
        KnowledgeError: the bundle has no gene model, or it is damaged.
        VariantFileError: an allele lies on a contig that the reference lacks.
    """
    order = {contig.name: number for number, contig in enumerate(bundle.contigs)}
    ordered = sorted(set(alleles), key=lambda allele: (order.get(allele[0], len(order)), *allele))
    with TemporaryDirectory(dir=scratch) as folder:
        variants, table = Path(folder, "alleles.vcf"), Path(folder, "alleles.parquet")
        variants.write_text("".join(_lines(ordered, bundle)))
        annotate_file(variants, None, bundle, Outputs(Path(folder, "annotated.vcf.gz"), table))
        return read_rows(table)


def _lines(alleles: Sequence[Allele], bundle: ReferenceBundle) -> Iterable[str]:
    yield "##fileformat=VCFv4.2\n"
    yield from (f"##contig=<ID={contig.name},length={contig.length}>\n" for contig in bundle.contigs)
    yield "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    yield from (f"{contig}\t{position}\t.\t{ref}\t{alt}\t.\tPASS\t.\n" for contig, position, ref, alt in alleles)
