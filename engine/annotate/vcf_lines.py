"""The annotated VCF's own header lines and INFO fields.

ANN follows "Variant annotations in VCF format" 1.0 (Cingolani et al. 2015), so that any viewer reads it; the other
fields repeat what a person looks for first. Values are percent-encoded as VCF 4.3 asks.

>>> encoded("p.(Arg273=)"), encoded("Li-Fraumeni syndrome 1")
('p.(Arg273%3D)', 'Li-Fraumeni_syndrome_1')
"""

from __future__ import annotations

from typing import Any

_ANN = (
    "Allele | Annotation | Annotation_Impact | Gene_Name | Gene_ID | Feature_Type | Feature_ID | Transcript_BioType "
    "| Rank | HGVS.c | HGVS.p | cDNA.pos / cDNA.length | CDS.pos / CDS.length | AA.pos / AA.length | Distance "
    "| ERRORS / WARNINGS / INFO"
)
_FIELDS = {
    "ANN": (".", f"Functional annotations: '{_ANN}'"),
    "HGVSG": ("1", "HGVS name on the genome"),
    "GENE": ("1", "Gene of the representative consequence"),
    "CONSEQUENCE": ("1", "Representative consequence: Sequence Ontology terms joined by &"),
    "HGVSC": ("1", "HGVS name on the representative transcript"),
    "HGVSP": ("1", "HGVS name on its protein, predicted"),
    "CLNVARID": ("1", "ClinVar variation id of exactly this allele"),
    "CLNSIG": ("1", "ClinVar's germline classification"),
    "CLNREVSTAT": ("1", "ClinVar review status"),
    "CLNDN": ("1", "ClinVar's names of the conditions, joined by |"),
}
_SAFE = str.maketrans({" ": "_", ";": "%3B", "=": "%3D", ",": "%2C", "%": "%25", "\t": "_"})


def encoded(text: str) -> str:
    """A text as an INFO value."""
    return text.translate(_SAFE)


def annotated_header(lines: list[str]) -> str:
    """The header with our fields declared, in place of any that had the same names."""
    ours = tuple(f"##INFO=<ID={name}," for name in _FIELDS)
    *kept, columns = (line for line in lines if not line.startswith(ours))
    declared = [
        f'##INFO=<ID={name},Number={number},Type=String,Description="{meaning}">\n'
        for name, (number, meaning) in _FIELDS.items()
    ]
    return "".join([*kept, *declared, columns])


def annotated_info(info: str, row: dict[str, Any]) -> str:
    """INFO with our fields at its end, in place of any that had the same names."""
    kept = [item for item in info.split(";") if item.partition("=")[0] not in _FIELDS and item != "."]
    conditions = row["clinvar_conditions"]
    values = {
        "ANN": ",".join(_annotations(row)),
        "HGVSG": row["hgvs_g"],
        "GENE": row["gene"],
        "CONSEQUENCE": row["consequence"],
        "HGVSC": row["hgvs_c"],
        "HGVSP": row["hgvs_p"],
        "CLNVARID": row["clinvar_variation_id"],
        "CLNSIG": row["clinvar_significance"],
        "CLNREVSTAT": row["clinvar_review_status"],
        "CLNDN": "|".join(conditions) if conditions else None,
    }
    added = [f"{name}={value if name == 'ANN' else encoded(value)}" for name, value in values.items() if value]
    return ";".join(kept + added)


def _annotations(row: dict[str, Any]) -> list[str]:
    """One ANN entry a transcript, the representative first."""
    every = sorted(row["consequences"], key=lambda item: item["transcript"] != row["transcript"])
    return [
        "|".join(
            [
                row["alt"],
                item["consequence"],
                item["impact"],
                encoded(item["gene"]),
                item["gene_id"],
                "transcript",
                item["transcript"],
                item["biotype"],
                row["exon"] or "" if item["transcript"] == row["transcript"] else "",
                _change(item["hgvs_c"]),
                _change(item["hgvs_p"]),
                *[""] * 5,
            ]
        )
        for item in every
    ]


def _change(name: str | None) -> str:
    """ANN has the transcript in a field of its own, so its names come without."""
    return encoded(name.partition(":")[2]) if name else ""
