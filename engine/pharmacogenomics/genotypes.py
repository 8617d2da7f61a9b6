"""What a VCF says of each sample at the places of a definition, however its caller spelled it.

Alleles of a record are taken apart into base changes and left-aligned insertions and deletions, those of the definition
likewise, and compared so: ``CATAT>CATATAT``, ``C>CAT`` and the same repeat's end are one allele. Records at one place
are put together: a site that was split into one record an alternate allele is whole again. A place is known only
where records, or a gVCF's blocks, show every base of it; one without a record is *missing*, never the reference.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from engine.pharmacogenomics.changes import REACH, Change, Genome, changes
from engine.pharmacogenomics.definitions import Locus
from engine.pharmacogenomics.records import Near, Record, Site, called_near, last_position, records_near, samples_of
from engine.reference.accessions import bare_contig

REFERENCE = ""
"""What a chromosome has where it differs in nothing from the genome."""


class Missing(StrEnum):
    """Why nothing is known of a place."""

    NO_RECORD = "no record, and nothing that shows it to be the reference"
    NO_CALL = "the genotype is missing"
    FILTERED = "the record did not pass the caller's filters"
    NOT_CALLABLE = "no record, and the gVCF does not call it"
    CONTRADICTION = "records of the place contradict each other"
    LEFT_OUT = "the gVCF has a variant that the VCF leaves out"
    HALF = "half of the genotype is missing"
    COPIES = "the genotype has not as many alleles as there are chromosomes here, or they differ where there is one"
    NOT_IN_REFERENCE = "the reference has no such contig"


@dataclass(frozen=True)
class Genotype:
    """What one sample has at a place.

    Attributes:
        alleles: bases on each chromosome, one where there is one; absent where it is not known.
        phase: absent where it is not known which allele lies with which of other places; else the phase set, empty
            for one that holds for the whole chromosome.
    """

    alleles: tuple[str | None, ...]
    phase: str | None = None

    @property
    def is_het(self) -> bool:
        """Whether the two chromosomes differ, or one is not known."""
        return len(set(self.alleles)) > 1


@dataclass
class Calls:
    """One sample's genotypes.

    Attributes:
        sample: its name.
        known: by place.
        missing: why nothing is known of the others.
    """

    sample: str
    known: dict[Locus, Genotype] = field(default_factory=dict)
    missing: dict[Locus, Missing] = field(default_factory=dict)


@dataclass
class _Place:
    """A locus and how its alleles are recognised."""

    locus: Locus
    alleles: dict[frozenset[Change], str]
    is_indel: bool

    @property
    def changes(self) -> frozenset[Change]:
        """All that make one of its alleles."""
        return frozenset(change for made in self.alleles for change in made)

    @property
    def span(self) -> range:
        """1-based positions that must be known."""
        return range(self.locus.position, self.locus.position + len(self.locus.ref))

    def allele(self, made: Sequence[Change], defining: frozenset[Change]) -> str:
        """What a chromosome with these changes has here; :data:`REFERENCE` where none of them touches the place."""
        carried = frozenset(made)
        for needed, allele in self.alleles.items():
            if needed <= carried:
                return allele
        for change in made:
            if change not in defining and self._is_touched(change):
                if change.is_one_base:
                    return change.alt
                return f"{change.ref}>{change.alt}"
        return REFERENCE

    def _is_touched(self, change: Change) -> bool:
        if self.is_indel and change.is_one_base:
            return False
        if not self.is_indel and len(change.alt) > len(change.ref):
            return False
        return bool(set(change.touched) & set(self.span))


def read_genotypes(
    calls: Path, loci: Sequence[Locus], genome: Genome | None = None, *, blocks: bool = False
) -> list[Calls]:
    """Every sample's genotypes at the places.

    Args:
        calls: VCF or gVCF, plain, gzip or BGZF.
        loci: places.
        genome: for the spelling of insertions and deletions; without it a VCF must spell them as the loci do, up to
            trimming.
        blocks: whether a gVCF's reference blocks count as genotypes, however certain; else they are passed over.

    Raises:
        VariantFileError: the file is damaged, has no sample, or a genotype that is none.
        ReferenceMismatchError: a record's REF is not the reference's.
    """
    samples = samples_of(calls)
    places = _places(loci, genome)
    near = _near(places)
    found: list[dict[int, list[Record]]] = [defaultdict(list) for _ in samples]
    for fields in records_near(calls, near):
        last = last_position(fields, blocks)
        hit = near.places(fields[0], int(fields[1]), last) if last else ()
        if not hit:
            continue
        site = Site(fields, last, genome, calls)
        for column, records in enumerate(found):
            record = site.record(fields[9 + column])
            for index in hit:
                if record not in records[index]:
                    records[index].append(record)
    defining = frozenset(change for place in places for change in place.changes)
    return [_calls(sample, places, records, defining) for sample, records in zip(samples, found, strict=True)]


def _places(loci: Sequence[Locus], genome: Genome | None) -> list[_Place]:
    return [_place(locus, genome if genome is not None and locus.contig in genome else None) for locus in loci]


def _place(locus: Locus, genome: Genome | None) -> _Place:
    alleles = {
        frozenset(changes(locus.position, locus.ref, alternate, locus.contig, genome)): alternate
        for alternate in sorted(locus.alternates, key=len, reverse=True)
    }
    return _Place(locus, alleles, any(len(alternate) != len(locus.ref) for alternate in locus.alternates))


def _near(places: Sequence[_Place]) -> Near:
    """Where records may tell of the places: about an insertion or deletion farther away than its own bases."""
    windows = []
    for place in places:
        reach = REACH if place.is_indel else 0
        windows.append((place.locus.contig, max(1, place.span[0] - reach), place.span[-1] + reach))
    return Near(windows)


def _calls(
    sample: str, places: Sequence[_Place], records: Mapping[int, list[Record]], defining: frozenset[Change]
) -> Calls:
    calls = Calls(sample)
    for index, place in enumerate(places):
        told = _genotype(place, records.get(index, ()), defining)
        if isinstance(told, Genotype):
            calls.known[place.locus] = told
        else:
            calls.missing[place.locus] = told
    return calls


def _genotype(place: _Place, records: Sequence[Record], defining: frozenset[Change]) -> Genotype | Missing:
    """What the records near a place say of it together."""
    over = [record for record in records if _tells(place, record)]
    if not over:
        return Missing.NO_RECORD
    if not all(record.passed for record in over):
        return Missing.FILTERED
    found = [
        Genotype(tuple(None if made is None else place.allele(made, defining) for made in record.alleles), record.phase)
        for record in over
    ]
    if not any(place.changes & record.names for record in over) and not _covers(place, over):
        return Missing.NO_RECORD
    if any(record.is_spanned for record in over) and not any(_is_deletion(record) for record in over):
        return Missing.NO_CALL
    told = _together(found)
    if told is None:
        return Missing.CONTRADICTION
    if all(allele is None for allele in told.alleles):
        return Missing.NO_CALL
    if None in told.alleles and set(told.alleles) <= {None, REFERENCE}:
        return Missing.NO_CALL
    alleles = tuple(place.locus.ref if allele == REFERENCE else allele for allele in told.alleles)
    return Genotype(alleles, told.phase)


def _tells(place: _Place, record: Record) -> bool:
    """Whether a record covers a base of the place or tells of one of its alleles."""
    overlaps = record.span.start < place.span.stop and place.span.start < record.span.stop
    return overlaps or bool(place.changes & record.names)


def _is_deletion(record: Record) -> bool:
    return any(len(change.ref) > len(change.alt) for made in record.alleles if made for change in made)


def _covers(place: _Place, records: Sequence[Record]) -> bool:
    """Whether records show every base of the place."""
    return set(place.span) <= {position for record in records for position in record.span}


def _together(found: Sequence[Genotype]) -> Genotype | None:
    """One genotype of all records of a place; absent where they cannot all be true."""
    telling = [one for one in found if set(one.alleles) - {REFERENCE}]
    if not telling:
        return max(found, key=lambda one: len(one.alleles))
    if len(telling) == 1:
        return telling[0]
    copies = {len(one.alleles) for one in telling}
    if len(copies) > 1:
        return None
    phases = {one.phase for one in telling}
    if len(phases) == 1 and None not in phases:
        return _by_chromosome(telling, phases.pop())
    return _by_count(telling, copies.pop())


def _by_chromosome(telling: Sequence[Genotype], phase: str | None) -> Genotype | None:
    alleles: list[str | None] = []
    for column in zip(*(one.alleles for one in telling), strict=True):
        named = {allele for allele in column if allele}
        if len(named) > 1:
            return None
        alleles.append(named.pop() if named else None if None in column else REFERENCE)
    return Genotype(tuple(alleles), phase)


def _by_count(telling: Sequence[Genotype], copies: int) -> Genotype | None:
    named = [allele for one in telling for allele in one.alleles if allele]
    if len(named) > copies:
        return None
    rest: str | None = None if any(None in one.alleles for one in telling) else REFERENCE
    return Genotype(tuple(named) + (rest,) * (copies - len(named)))


def add_reference_blocks(calls: Calls, loci: Sequence[Locus], gvcf: Path, genome: Genome) -> None:
    """Make the places without a record known where the sample's gVCF shows them to be the reference.

    Args:
        calls: of the sample.
        loci: places.
        gvcf: of the same sample.
        genome: the reference.
    """
    wanted = [locus for locus in loci if calls.missing.get(locus) == Missing.NO_RECORD]
    in_gvcf = read_genotypes(gvcf, wanted, genome, blocks=True)[0]
    called = called_near(gvcf, _near(_places(wanted, genome)))
    by_name = {bare_contig(contig): stretches for contig, stretches in called.items()}
    for locus in wanted:
        there = in_gvcf.known.get(locus)
        if there is not None and set(there.alleles) != {locus.ref}:
            calls.missing[locus] = Missing.LEFT_OUT
        elif not _is_called(locus, by_name.get(bare_contig(locus.contig), ())):
            calls.missing[locus] = Missing.NOT_CALLABLE
        else:
            del calls.missing[locus]
            calls.known[locus] = Genotype((locus.ref,) * (2 if there is None else len(there.alleles)))


def _is_called(locus: Locus, stretches: Sequence[tuple[int, int]]) -> bool:
    start, end = locus.position - 1, locus.position - 1 + len(locus.ref)
    before = bisect_left(stretches, (start + 1, 0)) - 1
    return before >= 0 and stretches[before][0] <= start and end <= stretches[before][1]
