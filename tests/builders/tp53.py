"""TP53 on GRCh37 as a reference bundle, from the real data beside the checkout: genes, sequence and ClinVar."""

import gzip
from dataclasses import replace
from pathlib import Path

from engine.annotate.clinvar import build_clinvar
from engine.reference.bundle import Contig, ReferenceBundle

TO_GRCH37 = 7_577_120 - 7_673_802
"""What is added to a GRCh38 position to get the GRCh37 one, the same all along TP53."""
SIGNIFICANCES = ("Likely_pathogenic", "Pathogenic/Likely_pathogenic", "Pathogenic")
STATUSES = (
    "criteria_provided,_multiple_submitters,_no_conflicts",
    "reviewed_by_expert_panel",
    "practice_guideline",
)
COLUMNS = (
    "chrom pos ref alt variation_id gene clinical_significance review_status conditions mondo_ids consequence rsid"
)


def tp53_bundle(shared_data: Path, folder: Path) -> ReferenceBundle:
    """The bundle; its ClinVar table is built into ``folder``."""
    source = shared_data / "iarc_tp53_93exomes"
    fasta = source / "17.Npadded_to_b37_coords.fa.gz"
    contigs = (Contig("17", 7_591_000, ""),)
    table = folder / "tp53.clinvar.tsv"
    table.write_text(clinvar_table(shared_data / "clinvar_genes_ideogram" / "homo-sapiens-variants.tsv.gz"))
    build_clinvar(table, fasta, contigs, None, folder)
    return ReferenceBundle(
        name="tp53",
        build="GRCh37",
        fasta=fasta,
        contigs=contigs,
        aligner_index=Path(),
        gene_model=source / "tp53.b37.gff3.gz",
        known_sites=None,
        clinvar=folder / "clinvar.parquet",
        targets=None,
        versions={"gene_model": "ensembl-110", "clinvar": "2024-12-15", "reference_genome": "b37-chr17"},
    )


def whole_contig(shared_data: Path, folder: Path) -> ReferenceBundle:
    """The bundle whose contig is as long as headers of real samples have it, though its file ends sooner."""
    return replace(tp53_bundle(shared_data, folder), contigs=(Contig("17", 81_195_210, ""),))


def clinvar_table(cache: Path) -> str:
    """ClinVar's TP53 records in GRCh37 coordinates, as the table that :func:`build_clinvar` reads."""
    lines = ["# ClinVar 2024-12-15, TP53", "\t".join(COLUMNS.split())]
    with gzip.open(cache, "rt") as rows:
        for row in rows:
            fields = row.rstrip("\n").split("\t")
            if fields[0] == "17" and 7_668_000 < int(fields[1]) < 7_688_000:
                position, status, significance = int(fields[1]) + TO_GRCH37, int(fields[7]), int(fields[8])
                told = [SIGNIFICANCES[significance], STATUSES[status], "Li-Fraumeni_syndrome", "MONDO:0018875", "", ""]
                lines.append("\t".join(["17", str(position), fields[3], fields[4], fields[2], "TP53", *told]))
    return "\n".join([*lines, ""])
