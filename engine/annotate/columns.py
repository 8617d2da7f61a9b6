"""The columns of the variants' consequences, of the annotated variants and of the ClinVar table, in one place.

The tuples make the Arrow schemas, the catalogue's column schema and the documentation. Positions are 1-based here,
because these tables are read beside VCF.
"""

from __future__ import annotations

from dataclasses import replace

from engine.columns import ALT, ALT_DEPTH, CONTIG, COPIES, DEPTH, GENOTYPE_QUALITY, PLOIDY, POSITION, REF
from engine.tables import Column, struct_of

IMPACTS = ("HIGH", "MODERATE", "LOW", "MODIFIER")
"""Ensembl's impacts of a consequence, the greatest first."""

SPLICE_DISTANCE = Column(
    "splice_distance",
    "INTEGER",
    "Bases to the nearest border between exon and intron of the transcript: 1 next to it on either side, 0 across it; "
    "absent where it has no intron",
    "bases",
    minimum=0,
)

TRANSCRIPT_CONSEQUENCE = (
    Column("gene", "VARCHAR", "Gene symbol"),
    Column("gene_id", "VARCHAR", "Gene id of the gene model"),
    Column("transcript", "VARCHAR", "Transcript accession, with version where the gene model has one"),
    Column("biotype", "VARCHAR", "Ensembl biotype"),
    Column("consequence", "VARCHAR", "Sequence Ontology terms joined by &, the most severe first"),
    Column("impact", "VARCHAR", "Ensembl impact of the most severe term: HIGH, MODERATE, LOW or MODIFIER"),
    Column("exon", "VARCHAR", "Number of the exon and of all exons (8/11); absent where none is touched"),
    Column("intron", "VARCHAR", "Number of the intron and of all introns (7/10); absent where none is touched"),
    SPLICE_DISTANCE,
    Column("hgvs_c", "VARCHAR", "HGVS c. or n. name; absent outside the transcript"),
    Column("hgvs_p", "VARCHAR", "HGVS p. name, predicted; absent when no coding base is concerned"),
)

POPULATION = (
    Column("population", "VARCHAR", "Name of the population, as the source has it, in lower case"),
    Column("frequency", "DOUBLE", "Share of its alleles", "fraction", minimum=0, maximum=1),
    Column("count", "INTEGER", "How often the allele was seen in it", "alleles", minimum=0),
    Column("frequency_number", "INTEGER", "Alleles that were called in it", "alleles", minimum=0),
    Column("frequency_homozygotes", "INTEGER", "People of it with two copies", "people", minimum=0),
)

CLINVAR_COLUMNS = (
    replace(CONTIG, meaning="Contig without chr; the mitochondrion is MT"),
    POSITION,
    REF,
    ALT,
    Column("variation_id", "VARCHAR", "ClinVar variation id"),
    Column("allele_id", "VARCHAR", "ClinVar allele id; absent where the source has none"),
    Column("significance", "VARCHAR", "ClinVar's germline classification, as it writes it"),
    Column(
        "classification",
        "VARCHAR",
        "The same in one word: pathogenic, likely_pathogenic, uncertain_significance, likely_benign, benign; "
        "conflicting; without any of these pathogenic_low_penetrance, likely_pathogenic_low_penetrance or risk_allele; "
        "else other",
    ),
    Column("other_terms", "VARCHAR[]", "What ClinVar asserts beside it: low penetrance, risk factor, drug response"),
    Column("review_status", "VARCHAR", "ClinVar review status, as it writes it"),
    Column("stars", "TINYINT", "Review status as stars, 0 to 4", "stars"),
    Column("conditions", "VARCHAR[]", "Names of the conditions"),
    Column(
        "condition_ids",
        "VARCHAR[]",
        "For each condition its ids joined by comma (MONDO:MONDO:..., OMIM:..., ...), empty text where it has none",
    ),
    Column("genes", "VARCHAR[]", "Gene symbols"),
    Column("consequences", "VARCHAR[]", "Molecular consequences that ClinVar gives, as SO accessions"),
    Column("rs", "VARCHAR", "dbSNP id; absent where there is none"),
    Column("scv", "VARCHAR[]", "Submissions behind the classification; empty where the source does not list them"),
    Column("release", "VARCHAR", "ClinVar release"),
)

_CONSEQUENCE = (
    Column("sample_id", "VARCHAR", "Sample id", required=True),
    Column(
        "allele", "VARCHAR", "contig-position-ref-alt, normalised, contig without chr: the key of joins", required=True
    ),
    CONTIG,
    POSITION,
    REF,
    ALT,
    Column("original", "VARCHAR", "contig|position|ref|alts|number as the caller wrote it; absent where unchanged"),
    Column("qual", "DOUBLE", "Phred-scaled QUAL of the call; absent where the caller gave none", "Phred"),
    Column(
        "filter", "VARCHAR", "FILTER of the call: PASS, or the filters that failed joined by semicolons", required=True
    ),
    Column("genotype", "VARCHAR", "GT of the sample for this allele alone"),
    COPIES,
    PLOIDY,
    Column("phase_set", "VARCHAR", "Phase set within which genotypes are phased with each other; absent if unphased"),
    Column("haplotypes", "TINYINT[]", "Numbers, from 0, of the haplotypes of the phase set that carry the allele"),
    DEPTH,
    Column("ref_depth", "INTEGER", "Reads that carry the reference allele", "reads", minimum=0),
    ALT_DEPTH,
    Column(
        "informative_depth",
        "INTEGER",
        "Reads that carry any allele of the site, its other alternates among them: what alt_depth is a share of",
        "reads",
        minimum=0,
    ),
    GENOTYPE_QUALITY,
    Column("ref_matches", "BOOLEAN", "Whether REF is what the reference reads there"),
    Column("variant_type", "VARCHAR", "SNV, deletion, insertion, duplication, inversion, delins or other"),
    Column("hgvs_g", "VARCHAR", "HGVS g. (m.) name; absent on contigs without a RefSeq accession"),
    Column("gene", "VARCHAR", "Gene of the representative consequence; absent if intergenic"),
    Column("gene_id", "VARCHAR", "Its id in the gene model"),
    Column("hgnc_id", "VARCHAR", "HGNC id of the gene, where the gene model tells"),
    Column("transcript", "VARCHAR", "Representative transcript: MANE Select, else canonical, else longest coding"),
    Column(
        "representative_by",
        "VARCHAR",
        "Why it is: the tag, or longest_coding_sequence; of a finding asked_about, where the gene is the order's",
    ),
    Column("consequence", "VARCHAR", "Its Sequence Ontology terms joined by &, the most severe first"),
    Column("impact", "VARCHAR", "Ensembl impact of the most severe term", values=IMPACTS),
    Column("exon", "VARCHAR", "Number of the exon and of all exons (8/11); absent in introns"),
    Column("intron", "VARCHAR", "Number of the intron and of all introns (7/10); absent where none is touched"),
    SPLICE_DISTANCE,
    Column("hgvs_c", "VARCHAR", "HGVS c. or n. name on the representative transcript"),
    Column("hgvs_p", "VARCHAR", "HGVS p. name, predicted"),
    Column(
        "consequences",
        f"{struct_of(TRANSCRIPT_CONSEQUENCE)}[]",
        "Every transcript's consequence, the representative one's first",
    ),
)
_CLINVAR = (
    Column("clinvar_variation_id", "VARCHAR", "ClinVar variation id of exactly this allele; absent if unknown to it"),
    Column("clinvar_allele_id", "VARCHAR", "ClinVar allele id"),
    Column("clinvar_significance", "VARCHAR", "ClinVar's germline classification, as it writes it"),
    Column("clinvar_classification", "VARCHAR", "The same in one word, see the ClinVar table"),
    Column("clinvar_other_terms", "VARCHAR[]", "What ClinVar asserts beside it: low penetrance, risk factor, ..."),
    Column("clinvar_review_status", "VARCHAR", "ClinVar review status"),
    Column("clinvar_stars", "TINYINT", "Review status as stars, 0 to 4", "stars", minimum=0, maximum=4),
    Column("clinvar_conditions", "VARCHAR[]", "Names of the conditions"),
    Column("clinvar_condition_ids", "VARCHAR[]", "For each condition its ids joined by comma"),
    Column("clinvar_scv", "VARCHAR[]", "Submissions behind the classification"),
    Column("rs", "VARCHAR", "dbSNP id: ClinVar's, else that of the frequencies, else dbSNP's own, else the caller's"),
)
_ONE_ALLELE = (*_CONSEQUENCE, *_CLINVAR)
_FREQUENCIES = (
    Column(
        "frequency",
        "DOUBLE",
        "Share of all alleles in the source of frequencies; absent if unknown to it",
        "fraction",
        minimum=0,
        maximum=1,
    ),
    Column("frequency_count", "INTEGER", "How often the allele was seen there", "alleles", minimum=0),
    Column("frequency_number", "INTEGER", "Alleles that were called there at the site", "alleles", minimum=0),
    Column("frequency_homozygotes", "INTEGER", "People there with two copies", "people", minimum=0),
    Column("popmax", "VARCHAR", "Population in which it is most frequent: the source's word, else the greatest"),
    Column("popmax_frequency", "DOUBLE", "Its frequency in that population", "fraction", minimum=0, maximum=1),
    Column("populations", f"{struct_of(POPULATION)}[]", "The same by population"),
    Column("frequency_filter", "VARCHAR", "FILTER of the source: PASS, or why it doubts the frequency"),
)
_OF_THE_RECORD = frozenset({"sample_id", "original", "qual", "ref_matches", "consequences"})
_COMBINED = {
    column.name: replace(
        column, meaning=f"{column.meaning}; absent where no single allele is the whole", required=False
    )
    for column in (REF, ALT)
}
_COMBINED_CONSEQUENCE = (
    Column("members", "VARCHAR[]", "For a compound the alleles it is made of, for a part the allele it is part of"),
    Column("phased", "BOOLEAN", "Whether its members are known to lie on one chromosome; of a part always"),
    *(_COMBINED.get(column.name, column) for column in _CONSEQUENCE if column.name not in _OF_THE_RECORD),
)
COMBINED = (*_COMBINED_CONSEQUENCE, *_CLINVAR)
"""Columns of an allele that no record of the caller is: made of several records, or a part of one."""

PREDICTION = (
    Column("predictor", "VARCHAR", "Name of the predictor, as the rule set has it"),
    Column("score", "DOUBLE", "Its score, on its own scale", "score"),
    Column("release", "VARCHAR", "Release of the table of scores; absent where the laboratory did not name it"),
)
PREDICTIONS = Column(
    "predictions",
    f"{struct_of(PREDICTION)}[]",
    "What predictors of the protein and of splicing say of the allele, each on its own scale, with the release of "
    "the table; empty where the reference declares none, or it has no score; absent where no such table was joined. "
    "What of it counts, the criteria of a finding tell",
)

CONSEQUENCE_COLUMNS = (
    *_CONSEQUENCE,
    Column("rs", "VARCHAR", "dbSNP id that the caller wrote"),
    Column(
        "compounds",
        f"{struct_of(_COMBINED_CONSEQUENCE)}[]",
        "What the allele makes together with others that the same chromosome carries: one codon, or a frame shifted "
        "and restored. Then the separate consequences do not hold",
    ),
)
"""What reference and gene model alone decide of a variant; knowledge is joined with it."""

ANNOTATED_COLUMNS = (
    *_ONE_ALLELE,
    *_FREQUENCIES,
    Column(
        "compounds",
        f"{struct_of(COMBINED)}[]",
        "What the allele makes together with others that the same chromosome carries: one codon, a frame shifted and "
        "restored, or an allele that ClinVar knows. Then the separate consequences do not hold. Also an allele that "
        "ClinVar knows and that it and neighbours which nobody has phased may be together",
    ),
    Column(
        "known_parts",
        f"{struct_of(COMBINED)}[]",
        "Parts of a substitution of several bases that ClinVar knows by themselves",
    ),
    PREDICTIONS,
)
