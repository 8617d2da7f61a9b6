"""Facts of an allele in one call: of a gene of three coding exons, whatever a test does not name being unknown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.acmg.decide import decide
from engine.acmg.facts import Evidence, Known, VariantFacts
from engine.annotate.edit import Edit
from engine.annotate.gene_model import Transcript

TRANSCRIPT = Transcript(
    "T1.1", "T1", "GENE", "G1", None, "protein_coding", "chr1", 1,
    exons=((1000, 1300), (2000, 2301), (3000, 3302)), coding=(1000, 3302),
)  # fmt: skip
"""903 coding bases: 300 residues. The last junction lies behind base 601; without the middle exon the frame shifts."""


def known(variation_id: str, position: int, *terms: str, pathogenic: bool = True, **more: Any) -> Known:
    """An allele of one base that ClinVar calls pathogenic, at a 0-based genomic place."""
    return Known(
        variation_id, pathogenic, more.pop("stars", 2), Edit(position, position + 1, "T"), frozenset(terms), **more
    )


TRUNCATIONS = tuple(known(str(number), 1000 + 30 * number, "stop_gained") for number in range(1, 6))
"""Five nonsense alleles in the first exon, residues 11 to 51."""


def facts(*terms: str, at: int = 1100, **more: Any) -> VariantFacts:
    """Facts of a change of one base at a 0-based genomic place."""
    more.setdefault("edit", Edit(at, at + 1, "A"))
    more.setdefault("clinvar_release", "2024-12-15")
    return VariantFacts(
        gene=more.pop("gene", "GENE"), transcript=more.pop("transcript", TRANSCRIPT), terms=frozenset(terms), **more
    )


def met(evidence: Iterable[Evidence]) -> list[str]:
    """The criteria, as experts write them."""
    return [str(one.criterion) for one in evidence]


def decided(*terms: str, **more: Any) -> list[str]:
    """The criteria that an allele with these facts meets."""
    return met(decide(facts(*terms, **more)))
