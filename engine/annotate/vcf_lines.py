"""The annotated VCF's own header lines and INFO fields.

ANN follows "Variant annotations in VCF format" 1.0 (Cingolani et al. 2015), so that any viewer reads it; the other
fields repeat what a person looks for first. Values are percent-encoded as VCF 4.3 asks.

>>> encoded("p.(Arg273=)"), encoded("Li-Fraumeni syndrome 1")
('p.(Arg273%3D)', 'Li-Fraumeni_syndrome_1')
"""

from __future__ import annotations

from engine.annotate.normalise import ORIGINAL
from engine.annotate.rows import ClinvarPart, CombinedPart, ConsequencePart, Row

_ANN = (
    "Allele | Annotation | Annotation_Impact | Gene_Name | Gene_ID | Feature_Type | Feature_ID | Transcript_BioType "
    "| Rank | HGVS.c | HGVS.p | cDNA.pos / cDNA.length | CDS.pos / CDS.length | AA.pos / AA.length | Distance "
    "| ERRORS / WARNINGS / INFO"
)
_COMBINED = (
    "Allele | Made_of_or_part_of | Annotation | Gene_Name | HGVS.g | HGVS.c | HGVS.p | CLNVARID | CLNSIG | Phase"
)
_FIELDS = {
    "ANN": (".", "String", f"Functional annotations: '{_ANN}'"),
    "HGVSG": ("1", "String", "HGVS name on the genome"),
    "GENE": ("1", "String", "Gene of the representative consequence"),
    "CONSEQUENCE": ("1", "String", "Representative consequence: Sequence Ontology terms joined by &"),
    "HGVSC": ("1", "String", "HGVS name on the representative transcript"),
    "HGVSP": ("1", "String", "HGVS name on its protein, predicted"),
    "CLNVARID": ("1", "String", "ClinVar variation id of exactly this allele"),
    "CLNSIG": ("1", "String", "ClinVar's germline classification"),
    "CLNREVSTAT": ("1", "String", "ClinVar review status"),
    "CLNDN": ("1", "String", "ClinVar's names of the conditions, joined by |"),
    "POPAF": ("1", "Float", "Share of all alleles in the source of frequencies"),
    "POPAC": ("1", "Integer", "How often the allele was seen in the source of frequencies"),
    "POPAN": ("1", "Integer", "Alleles called at the site in the source of frequencies"),
    "POPHOM": ("1", "Integer", "People with two copies in the source of frequencies"),
    "POPMAX": ("1", "String", "Population in which the allele is most frequent"),
    "POPMAXAF": ("1", "Float", "Frequency in that population"),
    "POPS": (".", "String", "By population: 'Population | AF | AC | AN | Homozygotes'"),
    "POPFILTER": ("1", "String", "FILTER in the source of frequencies"),
    "COMPOUND": (
        ".",
        "String",
        "What the allele makes together with others of the same chromosome (Phase: cis), or may make with others that "
        f"nobody has phased (unknown): '{_COMBINED}'",
    ),
    "CLNPART": (".", "String", f"What ClinVar knows of a part of the allele: '{_COMBINED}'"),
}
_DECLARED = tuple(f"##INFO=<ID={name}," for name in _FIELDS)
_SAFE = str.maketrans({" ": "_", ";": "%3B", "=": "%3D", ",": "%2C", "%": "%25", "\t": "_"})


def encoded(text: str) -> str:
    """A text as an INFO value."""
    return text.translate(_SAFE)


def annotated_header(lines: list[str]) -> str:
    """The header with our fields declared, in place of any that had the same names."""
    *kept, columns = (line for line in lines if not line.startswith(_DECLARED))
    declared = [
        f'##INFO=<ID={name},Number={number},Type={kind},Description="{meaning}">\n'
        for name, (number, kind, meaning) in _FIELDS.items()
    ]
    return "".join([*kept, *declared, columns])


def our_fields(header: list[str]) -> frozenset[str]:
    """Names of INFO fields that the header of an input declares and that are ours to write."""
    ours = {*_FIELDS, ORIGINAL, "BCSQ"}
    return frozenset(name for name in ours if any(line.startswith(f"##INFO=<ID={name},") for line in header))


def has_our_fields(header: list[str]) -> bool:
    """Whether the records may hold fields of our names already: bcftools declares every field that it meets."""
    return any(line.startswith(_DECLARED) for line in header)


def annotated_info(info: str, row: Row, *, annotated_before: bool) -> str:
    """INFO with our fields at its end, in place of any that had the same names.

    Args:
        info: of the record.
        row: what is to be said.
        annotated_before: whether ``info`` may hold fields of our names.
    """
    if annotated_before or info == ".":
        info = ";".join(item for item in info.split(";") if item != "." and item.partition("=")[0] not in _FIELDS)
    consequence = row.consequence
    values = {
        "HGVSG": row.name.hgvs_g,
        "GENE": consequence.gene,
        "CONSEQUENCE": consequence.consequence,
        "HGVSC": consequence.hgvs_c,
        "HGVSP": consequence.hgvs_p,
    }
    added = [f"{name}={encoded(value)}" for name, value in values.items() if value]
    added += clinvar_items(row.clinvar)
    if row.frequency.written:
        added.append(row.frequency.written)
    if row.compounds:
        added.append("COMPOUND=" + ",".join(map(_combination, row.compounds)))
    if row.known_parts:
        added.append("CLNPART=" + ",".join(map(_combination, row.known_parts)))
    if consequence.consequences:
        added.insert(0, "ANN=" + ",".join(_annotations(row.record.alt, consequence)))
    return ";".join([info, *added] if info else added)


def clinvar_items(known: ClinvarPart) -> list[str]:
    """INFO items of what ClinVar knows."""
    values = {
        "CLNVARID": known.clinvar_variation_id,
        "CLNSIG": known.clinvar_significance,
        "CLNREVSTAT": known.clinvar_review_status,
        "CLNDN": "|".join(known.clinvar_conditions) if known.clinvar_conditions else None,
    }
    return [f"{name}={encoded(value)}" for name, value in values.items() if value]


def _combination(one: CombinedPart) -> str:
    told = (
        one.allele, "+".join(one.members), one.consequence.consequence, one.consequence.gene, one.name.hgvs_g,
        one.consequence.hgvs_c, one.consequence.hgvs_p, one.clinvar.clinvar_variation_id,
        one.clinvar.clinvar_significance, "cis" if one.phased else "unknown",
    )  # fmt: skip
    return "|".join(encoded(value.replace("|", "/")) if value else "" for value in told)


def _annotations(alt: str, consequence: ConsequencePart) -> list[str]:
    """One ANN entry a transcript, the representative first."""
    return [
        f"{alt}|{one.consequence}|{one.impact}|{encoded(one.gene)}|{one.gene_id}|transcript|{one.transcript}"
        f"|{one.biotype}|{one.exon or one.intron or ''}"
        f"|{_change(one.hgvs_c)}|{_change(one.hgvs_p)}|||||"
        for one in consequence.consequences
    ]


def _change(name: str | None) -> str:
    """ANN has the transcript in a field of its own, so its names come without."""
    return encoded(name.partition(":")[2]) if name else ""
