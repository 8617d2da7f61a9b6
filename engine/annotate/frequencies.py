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

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.annotate.batches import Batch, read_batches
from engine.annotate.edit import left_aligned
from engine.annotate.rows import Frequency, Population
from engine.annotate.sorting import Sorted, first_letters
from engine.annotate.source import Contigs
from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.files.variant_lines import variant_lines
from engine.reference.contig_names import contig_aliases

_REACH = 1_000
"""Bases by which an allele may be written elsewhere than here."""
Allele = tuple[str, int, str, str]
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


class FrequencyWindow:
    """The alleles of a source around some records."""

    def __init__(self, known: dict[Allele, Frequency], contig: str) -> None:
        self._known, self._contig = known, contig

    def get(self, allele: Allele) -> Frequency | None:
        """What the source says of an allele: contig as in the reference, 1-based position, ref and alt."""
        return self._known.get(allele)

    def find(self, positions: NDArray[np.int64], ref: Sequence[str], alt: Sequence[str]) -> dict[int, Frequency]:
        """What it says, by number of the allele."""
        if not self._known:
            return {}
        alleles = zip(itertools.repeat(self._contig), positions.tolist(), ref, alt, strict=False)
        found = ((number, self._known.get(allele)) for number, allele in enumerate(alleles))
        return {number: told for number, told in found if told is not None}


class Frequencies:
    """A source of frequencies, read along with the records that are annotated.

    Args:
        source: VCF, plain, gzip or BGZF, sorted; nothing is known where it is absent.
        contigs: of the reference.

    Raises:
        KnowledgeError: the source is missing, damaged, or tells no frequencies.
    """

    def __init__(self, source: Path | None, contigs: Contigs) -> None:
        self._source, self._contigs = source, contigs
        self._placed = self._mismatches = 0
        self._elsewhere = True
        if source is None:
            return
        self._header = list(itertools.takewhile(lambda line: line.startswith("#"), variant_lines(source)))
        self._fields = FrequencyFields(
            {found[1]: found[2] for line in self._header if (found := _DECLARED.match(line))}
        )
        if not self._fields.tell_frequencies:
            raise KnowledgeError(
                "the VCF's header declares neither AF nor AC and AN",
                file=source,
                remedy="give a VCF with allele frequencies, such as gnomAD's sites",
            )
        self._names = contig_aliases(contigs.bundle.contigs)
        self._contig = ""
        self._held: list[Batch] = []
        self._ahead: Batch | None = None
        self._passed: set[str | None] = set()
        self._begin()

    def window(self, told: Sorted) -> FrequencyWindow:
        """The source's alleles where a batch of records lies."""
        contig = told.batch.contig
        if self._source is None:
            return FrequencyWindow({}, contig)
        wanted = _Wanted(told)
        known: dict[Allele, Frequency] = {}
        for batch in self._along(contig, int(told.first.min()), int(told.end.max())):
            self._add(batch, contig, wanted, known)
        return FrequencyWindow(known, contig)

    def require_the_build(self) -> None:
        """Once all is read.

        Raises:
            ReferenceMismatchError: the source belongs to another build.
        """
        if self._source is not None and self._elsewhere:
            raise ReferenceMismatchError(
                "no record lies on a contig of the reference",
                file=self._source,
                remedy="give the frequencies of the reference's build",
            )
        if self._mismatches > _MISMATCHES_ALLOWED * self._placed:
            raise ReferenceMismatchError(
                f"REF disagrees with the reference at {self._mismatches:,} of {self._placed:,} records",
                file=self._source,
                remedy="give the frequencies of the reference's build",
            )

    def _along(self, contig: str, first: int, end: int) -> list[Batch]:
        """The source's batches that reach into a span of a contig."""
        if contig != self._contig:
            self._go_to(contig)
        self._held = [one for one in self._held if one.position[-1] >= first - _REACH]
        while self._ahead is not None and self._name(self._ahead) == contig and self._ahead.position[0] <= end + _REACH:
            self._held.append(self._ahead)
            self._look_at_the_build(self._ahead, contig)
            self._ahead = next(self._batches, None)
        return [one for one in self._held if one.position[0] <= end + _REACH and one.position[-1] >= first - _REACH]

    def _go_to(self, contig: str) -> None:
        """Read on to a contig; from the beginning where it lies behind."""
        self._contig, self._held = contig, []
        if contig in self._passed:
            self._begin()
        while self._ahead is not None and self._name(self._ahead) != contig:
            self._passed.add(self._name(self._ahead))
            self._ahead = next(self._batches, None)
        self._passed.add(contig)

    def _begin(self) -> None:
        assert self._source is not None
        self._batches = read_batches(self._source, self._header, None)
        self._passed = set()
        self._ahead = next(self._batches, None)

    def _name(self, batch: Batch) -> str | None:
        name = self._names.get(batch.contig)
        self._elsewhere = self._elsewhere and name is None
        return name

    def _look_at_the_build(self, batch: Batch, contig: str) -> None:
        """Compare the first base of each REF with the reference."""
        letters = self._contigs.sequence(contig).letters
        inside = batch.position <= len(letters)
        there = letters[batch.position[inside] - 1]
        self._placed += len(batch)
        self._mismatches += len(batch) - int((there == first_letters(batch.ref)[inside]).sum())

    def _add(self, batch: Batch, contig: str, wanted: _Wanted, known: dict[Allele, Frequency]) -> None:
        sequence = self._contigs.sequence(contig)
        for number in wanted.rows(batch).tolist():
            fields = batch.fields(number)
            start, ref = int(fields[1]) - 1, fields[3].upper()
            if not sequence.bases.startswith(ref, start):
                continue
            for place, alt in enumerate(fields[4].upper().split(",")):
                if _IS_SEQUENCE(alt) and _IS_SEQUENCE(ref) and alt != ref:
                    allele = (contig, *left_aligned(start, ref, alt, sequence.bases))
                    told = self._fields.read(fields[7], place, fields[6], fields[2])
                    other = known.get(allele)
                    if other is None or (told.frequency_number or 0) > (other.frequency_number or 0):
                        known[allele] = told


class _Wanted:
    """Where the alleles of a batch lie."""

    def __init__(self, told: Sorted) -> None:
        taken = np.flatnonzero(~told.is_left_out)
        self._positions = np.unique(told.batch.position[taken])
        several = taken[told.end[taken] - told.first[taken] > 1]
        order = np.argsort(told.first[several], kind="stable")
        self._starts = told.first[several][order]
        self._reach = np.maximum.accumulate(told.end[several][order])

    def rows(self, batch: Batch) -> NDArray[np.int64]:
        """Records of a source that may hold one of the alleles."""
        import pyarrow.compute as pc

        index = np.minimum(np.searchsorted(self._positions, batch.position), max(len(self._positions) - 1, 0))
        hit = self._positions[index] == batch.position if len(self._positions) else np.zeros(len(batch), np.bool_)
        if len(self._starts):
            ends = batch.position + pc.utf8_length(batch.ref).to_numpy()
            place = np.searchsorted(self._starts, ends, "left") - 1
            single = (pc.utf8_length(batch.ref).to_numpy() == 1) & (pc.utf8_length(batch.alt).to_numpy() == 1)
            hit |= (place >= 0) & (self._reach[place] >= batch.position - 1) & ~single
        return np.flatnonzero(hit)
