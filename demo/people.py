"""The six people of the demo: who they are, and the two haplotypes that each carries on every slice.

Haplotypes are those of 1000 Genomes samples with the planted variants (``demo/derive.py``); the child inherits one of
each parent's, with a crossover, so that every allele of hers can be traced.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

from demo.reference import DATA
from demo.slices import CONTIG, CONTIG_LENGTH

CROSSOVER = 3_500_000
"""0-based position on chromosome 20 where both parents' transmitted haplotype changes from the second to the first."""


@dataclass(frozen=True)
class Person:
    """One of the six.

    Attributes:
        sample: sample id, a pseudonym.
        sex: as on the sample sheet.
        founder: whose haplotypes in ``founders.vcf.gz``; absent for the child.
        phenotype: HPO terms of why the person was tested.
        story: what the demo should find.
        lanes: sequencing lanes.
        order: id of the laboratory order.
        consent: to secondary findings.
    """

    sample: str
    sex: str
    founder: str | None
    phenotype: tuple[str, ...]
    story: str
    lanes: int = 1
    order: str = ""
    consent: bool = False


PEOPLE = (
    Person(
        "demo-child", "female", None, ("HP:0001332", "HP:0012675"),
        "dystonia and iron accumulation in the brain: two pathogenic PANK2 variants in trans",
        lanes=2, order="ORDER-1001", consent=True,
    ),
    Person("demo-father", "male", "father", (), "healthy: carries PANK2 p.Gly521Arg", order="ORDER-1002"),
    Person("demo-mother", "female", "mother", (), "healthy: carries a PANK2 frameshift", order="ORDER-1003"),
    Person(
        "demo-unrelated-1", "male", "unrelated-1", ("HP:0000873",),
        "diabetes insipidus: a dominant pathogenic AVP variant", order="ORDER-1004", consent=True,
    ),
    Person("demo-unrelated-2", "female", "unrelated-2", (), "healthy: a carrier in SLC4A11", order="ORDER-1005"),
    Person("demo-unrelated-3", "male", "unrelated-3", ("HP:0001251",), "ataxia: nothing found", order="ORDER-1006"),
)  # fmt: skip
FAMILY = {"demo-child": ("demo-father", "demo-mother"), "demo-father": None, "demo-mother": None}
"""The family's members, and for the child its parents."""


@dataclass(frozen=True)
class Variant:
    """An allele on a person's haplotypes.

    Attributes:
        position: 0-based first base of ref.
        ref: reference allele.
        alt: alternate allele.
        name: rs number, or ``ClinVar:`` and the variation id where it was planted.
        carried: whether each of the two haplotypes has it.
    """

    position: int
    ref: str
    alt: str
    name: str
    carried: tuple[bool, bool]


def variants_of(person: Person) -> list[Variant]:
    """Every variant that a person carries, by position."""
    founders, records = _founders()
    variants = []
    for position, ref, alt, name, genotypes in records:
        if person.founder:
            carried = genotypes[founders.index(person.founder)]
        else:
            transmitted = 0 if position >= CROSSOVER else 1
            father, mother = (genotypes[founders.index(parent)] for parent in ("father", "mother"))
            carried = (father[transmitted], mother[transmitted])
        if any(carried):
            variants.append(Variant(position, ref, alt, name, carried))
    return variants


def write_truth(person: Person, path: Path) -> None:
    """Write a person's variants as a bgzip VCF with its tabix index."""
    import pysam

    header = f"##fileformat=VCFv4.3\n##contig=<ID={CONTIG},length={CONTIG_LENGTH}>\n"
    form = '##FORMAT=<ID=GT,Number=1,Type=String,Description="Phased genotype">\n'
    columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{person.sample}\n"
    with pysam.BGZFile(str(path), "wb") as stream:
        stream.write((header + form + columns).encode())
        for v in variants_of(person):
            genotype = "|".join(str(int(carried)) for carried in v.carried)
            line = f"{CONTIG}\t{v.position + 1}\t{v.name}\t{v.ref}\t{v.alt}\t.\tPASS\t.\tGT\t{genotype}\n"
            stream.write(line.encode())
    pysam.tabix_index(str(path), preset="vcf", force=True)


def _founders() -> tuple[list[str], list[tuple[int, str, str, str, list[tuple[bool, bool]]]]]:
    founders: list[str] = []
    records = []
    with gzip.open(DATA / "founders.vcf.gz", "rt") as stream:
        for line in stream:
            fields = line.rstrip("\n").split("\t")
            if line.startswith("#CHROM"):
                founders = fields[9:]
            elif not line.startswith("#"):
                genotypes = [(call[0] == "1", call[2] == "1") for call in fields[9:]]
                records.append((int(fields[1]) - 1, fields[3], fields[4], fields[2], genotypes))
    return founders, records
