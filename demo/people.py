"""The six people of the demo: who they are, why they were tested, and which alleles each carries.

Their haplotypes are those of 1000 Genomes samples with a few alleles planted; the child has one haplotype of each
parent (``demo/derive.py`` made ``people.vcf.gz``). Nobody real is described here.

>>> [variant.name for variant in variants_of("demo-child") if variant.is_planted]
['ClinVar:456524', 'ClinVar:4548']
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass

from demo.reference import DATA

FAMILY_ID = "demo-family"


@dataclass(frozen=True)
class Person:
    """One of the six, as the sample sheet describes them.

    Attributes:
        sample: sample id, a pseudonym.
        subject: id of the person.
        sex: ``female`` or ``male``.
        phenotype: HPO terms of what was seen in the person, empty for the healthy.
        order: id of the laboratory order.
        consent: to secondary findings.
        lanes: lanes of the flow cell that the sample was sequenced on.
        parents: sample ids of father and mother, absent where they are not in the demo.
        family: family id, absent for the unrelated.
        story: what the laboratory was asked and what the demo should find.
    """

    sample: str
    subject: str
    sex: str
    phenotype: tuple[str, ...]
    order: str
    consent: bool
    lanes: tuple[int, ...]
    parents: tuple[str, str] | None
    family: str | None
    story: str


PEOPLE = (
    Person(
        "demo-child", "subject-1", "female",
        ("HP:0001332", "HP:0000580", "HP:0012675"),  # dystonia, pigmentary retinopathy, iron accumulation in brain
        "ORDER-1001", True, (1, 2), ("demo-father", "demo-mother"), FAMILY_ID,
        "dystonia and iron in the brain: PANK2 p.Gly521Arg from her father, a PANK2 frameshift from her mother",
    ),
    Person(
        "demo-father", "subject-2", "male", (), "ORDER-1002", True, (1,), None, FAMILY_ID,
        "healthy: carries PANK2 p.Gly521Arg",
    ),
    Person(
        "demo-mother", "subject-3", "female", (), "ORDER-1003", False, (1,), None, FAMILY_ID,
        "healthy: carries a PANK2 frameshift",
    ),
    Person(
        "demo-unrelated-1", "subject-4", "male",
        ("HP:0000863", "HP:0000103", "HP:0001959"),  # central diabetes insipidus, polyuria, polydipsia
        "ORDER-1004", True, (2,), None, None,
        "central diabetes insipidus: one pathogenic AVP variant, which is dominant",
    ),
    Person(
        "demo-unrelated-2", "subject-5", "female", (), "ORDER-1005", True, (2,), None, None,
        "healthy, asked what she might pass on: carries an SLC4A11 frameshift",
    ),
    Person(
        "demo-unrelated-3", "subject-6", "male", ("HP:0001251",), "ORDER-1006", False, (2,), None, None,  # ataxia
        "ataxia: nothing to be found; PRNP p.Met129Val is common and harmless",
    ),
)  # fmt: skip
"""In the order of ``people.vcf.gz`` and of the sample sheet."""


@dataclass(frozen=True)
class Variant:
    """An allele on a person's haplotypes.

    Attributes:
        position: 0-based first base of ref on chromosome 20 of GRCh38.
        ref: reference allele.
        alt: alternate allele.
        name: rs number, or ``ClinVar:`` and the variation id where it was planted.
        carried: whether each of the two haplotypes has it; the child's first is her father's.
    """

    position: int
    ref: str
    alt: str
    name: str
    carried: tuple[bool, bool]

    @property
    def is_planted(self) -> bool:
        """Whether it is one of ClinVar's, put there for the demo to find."""
        return self.name.startswith("ClinVar:")


def variants_of(sample: str) -> list[Variant]:
    """Every variant that a person carries, by position; ValueError for an unknown sample."""
    samples: list[str] = []
    variants = []
    for fields in _rows():
        if fields[0] == "#CHROM":
            samples = fields
            column = samples.index(sample)
        else:
            carried = (fields[column][0] == "1", fields[column][2] == "1")
            if any(carried):
                variants.append(Variant(int(fields[1]) - 1, fields[3], fields[4], fields[2], carried))
    return variants


def _rows() -> Iterator[list[str]]:
    with gzip.open(DATA / "people.vcf.gz", "rt") as stream:
        for line in stream:
            if not line.startswith("##"):
                yield line.rstrip("\n").split("\t")
