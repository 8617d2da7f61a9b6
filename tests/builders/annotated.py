"""Annotated variants in one line each, written as the table that classification reads."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from engine.annotate.columns import ANNOTATED_COLUMNS
from engine.classify.phase import Parent
from engine.phenotype.knowledge import build_phenotypes
from engine.phenotype.sources import packaged_release
from engine.reference.bundle import Contig, ReferenceBundle
from engine.tables import arrow_schema

LENGTHS = {"1": 249_250_621, "3": 198_022_430, "13": 115_169_878, "20": 63_025_520, "X": 155_270_560, "MT": 16_569}


@cache
def known_phenotypes() -> Path:
    """Folder of the knowledge made of the packaged release of HPO."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    build_phenotypes(packaged_release(), folder)
    return folder


def bundle(phenotypes: Path | None = None) -> ReferenceBundle:
    """GRCh37 by its contigs, and the conditions of genes; classification reads nothing else of it."""
    contigs = tuple(Contig(name, length, "") for name, length in LENGTHS.items())
    return ReferenceBundle(
        "GRCh37",
        "GRCh37",
        Path(),
        contigs,
        Path(),
        None,
        None,
        None,
        None,
        {},
        phenotypes=phenotypes or known_phenotypes(),
    )


def variant(gene: str = "PANK2", position: int = 3_899_000, **changed: Any) -> dict[str, Any]:
    """A heterozygous pathogenic missense variant on chromosome 20, with anything else as keywords."""
    row: dict[str, Any] = dict.fromkeys(column.name for column in ANNOTATED_COLUMNS)
    row |= {
        "sample_id": "S1", "contig": "20", "position": position, "ref": "C", "alt": "T", "qual": 500.0,
        "filter": "PASS", "genotype": "0/1", "copies": 1, "ploidy": 2, "depth": 30, "ref_depth": 15, "alt_depth": 15,
        "genotype_quality": 99, "ref_matches": True, "variant_type": "SNV", "gene": gene, "gene_id": f"ENSG-{gene}",
        "transcript": f"{gene}-201", "representative_by": "longest_coding_sequence", "consequence": "missense_variant",
        "impact": "MODERATE", "exon": "2/7", "hgvs_c": f"{gene}-201:c.100C>T", "hgvs_p": f"{gene}-201:p.(Arg34Cys)",
        "consequences": [], "clinvar_variation_id": str(position), "clinvar_significance": "Pathogenic",
        "clinvar_classification": "pathogenic", "clinvar_stars": 2, "clinvar_conditions": [],
        "clinvar_review_status": "criteria_provided,_multiple_submitters,_no_conflicts",
        "clinvar_condition_ids": [], "clinvar_scv": [],
    }  # fmt: skip
    row |= changed
    row["allele"] = f"{row['contig']}-{row['position']}-{row['ref']}-{row['alt']}"
    row["hgvs_g"] = f"NC_000020.10:g.{row['position']}{row['ref']}>{row['alt']}" if row["contig"] == "20" else None
    return row


def write_annotated(path: Path, *rows: dict[str, Any]) -> Path:
    """Write the rows as an annotated table."""
    pq.write_table(pa.Table.from_pylist(list(rows), schema=arrow_schema(ANNOTATED_COLUMNS)), path)
    return path


def write_parent(folder: Path, *carried: dict[str, Any], unseen: tuple[int, int] | None = None) -> Parent:
    """A parent of chromosome 20 called throughout 3 to 4 Mb, but for a stretch (1-based, closed)."""
    folder.mkdir()
    blocks = [(3_000_001, 4_000_000, 30, 90)]
    if unseen:
        blocks = [(3_000_001, unseen[0] - 1, 30, 90), (*unseen, 1, 3), (unseen[1] + 1, 4_000_000, 30, 90)]
    gvcf = folder / "parent.g.vcf.gz"
    with pysam.BGZFile(str(gvcf), "wb") as file:
        file.write(
            b"##fileformat=VCFv4.2\n##contig=<ID=20,length=63025520>\n"
            b'##INFO=<ID=END,Number=1,Type=Integer,Description="">\n'
            b'##FORMAT=<ID=GT,Number=1,Type=String,Description="">\n'
            b'##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="">\n'
            b'##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="">\n'
            b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tparent\n"
        )
        for start, end, depth, quality in blocks:
            line = f"20\t{start}\t.\tA\t<NON_REF>\t.\t.\tEND={end}\tGT:GQ:MIN_DP\t0/0:{quality}:{depth}\n"
            file.write(line.encode())
    pysam.tabix_index(str(gvcf), preset="vcf")
    return Parent(write_annotated(folder / "annotated.parquet", *carried), gvcf)
