"""Knowledge: the reference bundle's parts, each built from what its YAML declares, each with a data version."""

from engine import ops
from genomics_assets.binding import asset_from_op

reference_genome = asset_from_op(
    ops.reference_genome,
    group="knowledge",
    kinds={"fasta"},
    by_sample=False,
    description="The reference sequence with its index, dictionary (M5 of each contig) and target regions. A contig "
    "whose M5 is not the declared one is refused before any sample is worked on.",
)
aligner_index = asset_from_op(
    ops.aligner_index,
    group="knowledge",
    kinds={"bwa"},
    by_sample=False,
    description="The aligner's index; long runs of N are left out and alignments reported in full coordinates.",
)
gene_model = asset_from_op(
    ops.gene_model,
    group="knowledge",
    kinds={"gff"},
    by_sample=False,
    description="Genes, transcripts and coding sequences (Ensembl-style GFF3), for consequences and HGVS names.",
)
known_sites = asset_from_op(
    ops.known_sites,
    group="knowledge",
    kinds={"vcf"},
    by_sample=False,
    description="Common variants, which base quality recalibration does not take for errors.",
)
clinvar = asset_from_op(
    ops.clinvar,
    group="knowledge",
    kinds={"parquet"},
    by_sample=False,
    description="ClinVar's assertions by normalised allele. A new release makes annotation, findings and report of "
    "every sample stale; reads are not touched.",
)
