"""What a reference bundle is: the FASTA with its contigs and everything that is only true beside it.

A bundle is a value: paths and facts, no open files. It is declared in one YAML per reference, built by the
asset ``reference_genome`` and handed to every engine function that needs sequence, genes or knowledge.
Coordinates elsewhere are 0-based half-open on :attr:`Contig.name`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Contig:
    """One sequence of the reference.

    Attributes:
        name: as in the FASTA and every BAM and VCF header.
        length: in bases.
        md5: the SAM specification's M5, the md5 of the upper-cased sequence without white space.
    """

    name: str
    length: int
    md5: str


@dataclass(frozen=True)
class ReferenceBundle:
    """One reference and what belongs to it.

    Attributes:
        name: the bundle's own name (``demo``, ``GRCh37``, ``GRCh38``).
        build: the assembly its coordinates are of, ``GRCh37`` or ``GRCh38``.
        fasta: FASTA, plain or bgzip, with ``.fai`` (and ``.gzi``) and ``.dict`` beside it.
        contigs: in FASTA order.
        aligner_index: prefix of the aligner's index files.
        gene_model: Ensembl-style GFF3 (bgzip) for consequences, absent where none is declared.
        known_sites: VCF (bgzip, tabix) of common variants for recalibration, absent where none is declared.
        clinvar: Parquet of ClinVar assertions keyed by normalised allele, absent where none is declared.
        targets: BED of the regions to be called and judged, absent when it is the whole reference.
        versions: version of each part by its name (``fasta``, ``gene_model``, ``clinvar``, ...): content digests
            or release names, as they appear in receipts.
        panels: table of the gene panels that orders may name (:mod:`engine.reference.panels`), absent where none is
            declared.
        phenotypes: folder of what is known of genes, their conditions and signs (:mod:`engine.phenotype.knowledge`),
            absent where it was not asked for.
        frequencies: table of population frequencies (:mod:`engine.annotate.frequency_table`), absent where none is
            declared.
        star_alleles: folder of the named alleles of pharmacogenes (:mod:`engine.pharmacogenomics.knowledge`), absent
            where none are declared.
        predictors: table of missense predictors' scores (:mod:`engine.acmg.predictor_table`), absent where none is
            declared.
        splice_predictors: the same of splicing.
        constraint: table of genes (:mod:`engine.acmg.constraint`), absent where none is declared.
        dbsnp: table of ids by allele (:mod:`engine.annotate.dbsnp`), absent where none is declared.
        identity_panel: sites at which samples are compared (:mod:`engine.identity.declared_panel`), absent where none
            is declared.
        ancestry_panel: sites and persons by whom ancestry is told (:mod:`engine.identity.ancestry_panel`), absent where
            none is declared.
        repeat_loci: catalogue of disease loci of short tandem repeats (:mod:`engine.repeats.loci`), absent where none
            is declared.
        scoring_files: folder of scoring files (:mod:`engine.risk.knowledge`), absent where none is declared.
    """

    name: str
    build: str
    fasta: Path
    contigs: tuple[Contig, ...]
    aligner_index: Path
    gene_model: Path | None
    known_sites: Path | None
    clinvar: Path | None
    targets: Path | None
    versions: dict[str, str]
    panels: Path | None = None
    phenotypes: Path | None = None
    frequencies: Path | None = None
    star_alleles: Path | None = None
    predictors: Path | None = None
    splice_predictors: Path | None = None
    constraint: Path | None = None
    dbsnp: Path | None = None
    identity_panel: Path | None = None
    ancestry_panel: Path | None = None
    repeat_loci: Path | None = None
    scoring_files: Path | None = None

    @property
    def contig_lengths(self) -> dict[str, int]:
        """Length by contig name, in FASTA order."""
        return {contig.name: contig.length for contig in self.contigs}
