"""How frequent an allele is: any VCF with AC, AN and AF, alone and by population (gnomAD, 1000 Genomes).

Which field is which is told by its name: ``AF_afr`` and ``nhomalt_afr`` (gnomAD), ``AF_joint_afr`` (gnomAD's joint
files), ``AFR_AF`` (1000 Genomes). Sex, subsets and subgroups (``AF_XX``, ``AF_non_cancer_afr``, ``AF_nfe_seu``) are
not taken. An allele matches by place and bases once both are split and left-aligned.

>>> fields = FrequencyFields({"AF": "A", "AC": "A", "AN": "1", "AF_afr": "A", "AN_afr": "1", "AF_XX": "A"})
>>> told = fields.read("AC=3,1;AN=200;AF_afr=0.05,0.01;AN_afr=40", 0)
>>> told.frequency, told.popmax, told.populations
(0.015, 'afr', (('afr', 0.05, None, 40, None),))
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import pysam

from engine.annotate.edit import left_aligned
from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.files.variant_lines import variant_lines, variant_records
from engine.reference.bundle import Contig
from engine.reference.contig_names import contig_aliases

Allele = tuple[str, int, str, str]
Population = tuple[str, float | None, int | None, int | None, int | None]
"""Name, frequency, alleles counted, alleles seen at all, homozygotes."""

_MEASURES = {"AF": "frequency", "AC": "count", "AN": "number", "nhomalt": "homozygotes", "Hom": "homozygotes"}
_BY_GNOMAD = re.compile(r"(AF|AC|AN|nhomalt|Hom)_([A-Za-z]{2,9})")
_BY_1000_GENOMES = re.compile(r"([A-Z]{3})_(AF|AC|AN)")
_NO_POPULATION = frozenset(
    {"male", "female", "xx", "xy", "raw", "adj", "hom", "het", "hemi", "popmax", "grpmax", "joint", "controls"}
)
# gnomAD leaves these out of its own maximum: small, bottlenecked or mixed groups.
_NOT_FOR_THE_MAXIMUM = frozenset({"asj", "fin", "mid", "ami", "oth", "remaining"})
_IS_SEQUENCE = re.compile("[ACGT]+").fullmatch
_DECLARED = re.compile(r"##INFO=<ID=([^,>]+),Number=([^,>]+)")
# A few records of a release disagree with the assembly; more mean the other build.
_MISMATCHES_ALLOWED = 0.01


class Frequency(NamedTuple):
    """What a source says of one allele; its fields are columns of :data:`engine.annotate.columns.ANNOTATED_COLUMNS`."""

    frequency: float | None = None
    frequency_count: int | None = None
    frequency_number: int | None = None
    frequency_homozygotes: int | None = None
    popmax: str | None = None
    popmax_frequency: float | None = None
    populations: tuple[Population, ...] | None = None
    frequency_filter: str | None = None
    rs: str | None = None


class FrequencyFields:
    """Which INFO fields of a source say what.

    Args:
        declared: Number by name of each INFO field that the header declares.
    """

    def __init__(self, declared: Mapping[str, str]) -> None:
        joint = "AF" not in declared and "AC" not in declared and any("_joint" in name for name in declared)
        plain = {name.replace("_joint", "") if joint else name: name for name in declared}
        self._by_allele = {name for name, number in declared.items() if number != "1"}
        self._overall = {measure: plain[name] for name, measure in _MEASURES.items() if name in plain}
        self._maximum = next((plain[name] for name in ("AF_grpmax", "AF_popmax") if name in plain), None)
        self._maximum_of = next((plain[name] for name in ("grpmax", "popmax") if name in plain), None)
        self._populations: dict[str, dict[str, str]] = {}
        for name, field in plain.items():
            if found := _population(name):
                self._populations.setdefault(found[0], {})[found[1]] = field

    @property
    def tell_frequencies(self) -> bool:
        """Whether there is an overall frequency, or the counts that make one."""
        return "frequency" in self._overall or {"count", "number"} <= set(self._overall)

    def read(self, info: str, number: int, filters: str = ".", ids: str = ".") -> Frequency:
        """What a record says.

        Args:
            info: INFO.
            number: of the allele among the record's alternates, from 0.
            filters: FILTER.
            ids: ID.
        """
        values = dict(item.partition("=")[::2] for item in info.split(";"))

        def value(name: str | None) -> str | None:
            text = values.get(name, ".") if name else "."
            if name in self._by_allele:
                listed = text.split(",")
                text = listed[number] if number < len(listed) else "."
            return None if text in (".", "", "NA") else text

        overall = _measures(self._overall, value)
        populations = tuple(
            (name, *measured)
            for name, fields in self._populations.items()
            if (measured := _measures(fields, value)) != _NOTHING
        )
        maximum = _number(value(self._maximum))
        maximum_of = value(self._maximum_of)
        if self._maximum is None:
            maximum, maximum_of = _maximum_among(populations)
        rs = next((one for one in ids.split(";") if re.fullmatch(r"rs\d+", one)), None)
        return Frequency(*overall, maximum_of, maximum, populations, None if filters == "." else filters, rs)


_Value = Callable[[str | None], str | None]
_Measures = tuple[float | None, int | None, int | None, int | None]
_NOTHING: _Measures = (None, None, None, None)


def _population(name: str) -> tuple[str, str] | None:
    """Population and measure that a field's name tells."""
    if found := _BY_GNOMAD.fullmatch(name):
        measure, population = found[1], found[2]
    elif found := _BY_1000_GENOMES.fullmatch(name):
        population, measure = found[1], found[2]
    else:
        return None
    population = population.lower()
    return None if population in _NO_POPULATION else (population, _MEASURES[measure])


def _measures(fields: Mapping[str, str], value: _Value) -> _Measures:
    count, number, homozygotes = (_count(value(fields.get(name))) for name in ("count", "number", "homozygotes"))
    frequency = _number(value(fields.get("frequency")))
    if frequency is None and count is not None and number:
        frequency = count / number
    return frequency, count, number, homozygotes


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _count(text: str | None) -> int | None:
    return None if text is None else int(float(text))


def _maximum_among(populations: Iterable[Population]) -> tuple[float | None, str | None]:
    known = [(one[1], one[0]) for one in populations if one[1] and one[0] not in _NOT_FOR_THE_MAXIMUM]
    return max(known, default=(None, None))


def match_frequencies(
    wanted: Collection[Allele], source: Path, fasta: Path, contigs: tuple[Contig, ...]
) -> dict[Allele, Frequency]:
    """What the source says of the alleles; the one seen in most people where it has an allele twice.

    Args:
        wanted: contig as in the reference, 1-based position, ref and alt, left-aligned.
        source: VCF, plain, gzip or BGZF.
        fasta: the reference, with index.
        contigs: the reference's.

    Raises:
        KnowledgeError: the source is missing, damaged, or tells no frequencies.
        ReferenceMismatchError: it belongs to another build.
    """
    head = takewhile(lambda line: line.startswith("#"), variant_lines(source))
    fields = FrequencyFields({found[1]: found[2] for line in head if (found := _DECLARED.match(line))})
    if not fields.tell_frequencies:
        raise KnowledgeError(
            "the VCF's header declares neither AF nor AC and AN",
            file=source,
            remedy="give a VCF with allele frequencies, such as gnomAD's sites",
        )
    names = contig_aliases(contigs)
    found_alleles: dict[Allele, Frequency] = {}
    keys = set(wanted)
    placed = mismatches = 0
    contig, sequence = "", ""
    with pysam.FastaFile(str(fasta)) as sequences:
        for _, record in variant_records(source, error=KnowledgeError):
            if (name := names.get(record[0])) is None:
                continue
            if name != contig:
                contig, sequence = name, sequences.fetch(name).upper()
            start, ref = int(record[1]) - 1, record[3].upper()
            placed += 1
            if sequence[start : start + len(ref)] != ref:
                mismatches += 1
                continue
            for number, alt in enumerate(record[4].upper().split(",")):
                if _IS_SEQUENCE(alt) and _IS_SEQUENCE(ref):
                    allele = (contig, *left_aligned(start, ref, alt, sequence))
                    if allele in keys:
                        told = fields.read(record[7], number, record[6], record[2])
                        other = found_alleles.get(allele)
                        if other is None or (told.frequency_number or 0) > (other.frequency_number or 0):
                            found_alleles[allele] = told
    if mismatches > _MISMATCHES_ALLOWED * placed:
        raise ReferenceMismatchError(
            f"REF disagrees with the reference at {mismatches:,} of {placed:,} records",
            file=source,
            remedy="give the frequencies of the reference's build",
        )
    if not placed:
        raise ReferenceMismatchError(
            "no record lies on a contig of the reference", file=source, remedy="give the frequencies of its build"
        )
    return found_alleles
