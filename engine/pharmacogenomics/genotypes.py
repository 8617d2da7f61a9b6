"""What a VCF says of each sample at the places of a definition, however its caller spelled it.

Alleles of a record are taken apart into base changes and left-aligned insertions and deletions, those of the definition
likewise, and compared so: ``CATAT>CATATAT``, ``C>CAT`` and the same repeat's end are one allele. Records at one place
are put together: a site that was split into one record an alternate allele is whole again. A place is known only
where records, or a gVCF's blocks, show every base of it; one without a record is *missing*, never the reference.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.annotate.edit import left_aligned
from engine.errors import ReferenceMismatchError, VariantFileError
from engine.files.variant_lines import variant_lines, variant_records
from engine.pharmacogenomics.definitions import Locus
from engine.reference.accessions import bare_contig

if TYPE_CHECKING:
    import pysam

_REACH = 1000
"""Bases about an insertion or deletion within which it may be written elsewhere."""
_END = re.compile(r"(?:^|;)END=(\d+)")
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


class Change(NamedTuple):
    """One base changed, or bases inserted or deleted, in its only spelling.

    Attributes:
        position: 1-based.
        ref: replaced bases; the base before an insertion or deletion is part of it.
        alt: bases instead.
    """

    position: int
    ref: str
    alt: str

    @property
    def touched(self) -> range:
        """1-based positions of bases that are changed or deleted; of an insertion the base before it."""
        before = self.ref[:1] == self.alt[:1]
        start = self.position + (before and len(self.ref) > 1)
        return range(start, self.position + len(self.ref))

    @property
    def is_one_base(self) -> bool:
        """Whether one base is changed into another."""
        return len(self.ref) == len(self.alt) == 1


class Genome:
    """The reference's bases by position, for the contigs it has, whatever they are called."""

    def __init__(self, fasta: pysam.FastaFile) -> None:
        self._fasta = fasta
        self._names = {bare_contig(name): name for name in fasta.references}

    def __contains__(self, contig: str) -> bool:
        return bare_contig(contig) in self._names

    def bases(self, contig: str, start: int, end: int) -> str:
        """Bases, 0-based half-open, cut at the contig's ends."""
        bases: str = self._fasta.fetch(self._names[bare_contig(contig)], max(0, start), max(0, end))
        return bases.upper()


def changes(position: int, ref: str, alt: str, contig: str, genome: Genome | None) -> tuple[Change, ...]:
    """What an allele changes, each change in its only spelling.

    Args:
        position: 1-based, of REF's first base.
        ref: bases of the genome.
        alt: bases instead.
        contig: where.
        genome: without it insertions and deletions are trimmed but not moved.

    >>> changes(5, "AC", "GT", "1", None)
    (Change(position=5, ref='A', alt='G'), Change(position=6, ref='C', alt='T'))
    >>> changes(5, "CAT", "CATAT", "1", None)
    (Change(position=5, ref='C', alt='CAT'),)
    """
    if len(ref) == len(alt):
        pairs = zip(ref, alt, strict=True)
        return tuple(Change(position + n, a, b) for n, (a, b) in enumerate(pairs) if a != b)
    start = position - 1
    if genome is None:
        lead, sequence = start, ref
    else:
        lead = max(0, start - _REACH)
        sequence = genome.bases(contig, lead, start + len(ref) + 1)
    moved, ref, alt = left_aligned(start - lead, ref, alt, sequence)
    return (Change(lead + moved, ref, alt),)


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


@dataclass
class _Record:
    """A record of one sample near a place.

    Attributes:
        span: 1-based positions that REF covers.
        alleles: by chromosome the changes; absent where the genotype is missing.
        phase: as of :class:`Genotype`.
        names: changes that the record could tell of, carried or not.
        passed: whether it passed the caller's filters.
        is_spanned: whether a chromosome has nothing here, as another record tells (ALT ``*``).
    """

    span: range
    alleles: tuple[tuple[Change, ...] | None, ...]
    phase: str | None
    names: frozenset[Change]
    passed: bool
    is_spanned: bool = False


def samples_of(calls: Path) -> tuple[str, ...]:
    """Names of a VCF's samples, in its order.

    Raises:
        VariantFileError: the file is missing or damaged, or has no sample, or one twice.
    """
    header = next((line for line in variant_lines(calls) if line.startswith("#CHROM")), "")
    samples = tuple(header.rstrip("\n").split("\t")[9:])
    if not samples:
        raise VariantFileError("nobody's genotypes are in it", file=calls, remedy="give calls of at least one sample")
    if len(set(samples)) < len(samples):
        raise VariantFileError("two samples have one name", file=calls, remedy="rename one of them")
    return samples


def require_bases(loci: Iterable[Locus], genome: Genome, source: str, build: str) -> None:
    """Refuse a reference that does not read what the definition says it reads.

    Raises:
        ReferenceMismatchError: REF of a place is not the reference's.
    """
    for locus in loci:
        if locus.contig not in genome:
            continue
        start = locus.position - 1
        read = genome.bases(locus.contig, start, start + len(locus.ref))
        if read != locus.ref:
            raise ReferenceMismatchError(
                f"the allele definitions ({source}, {build}) have {locus.ref} at {locus.label}, the reference reads"
                f" {read or 'nothing'}",
                place=f"{locus.contig}:{locus.position:,}",
                remedy=f"use the reference of {build} that the calls were made with",
            )


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
    near = _Near(places)
    found: list[dict[int, list[_Record]]] = [defaultdict(list) for _ in samples]
    for number, fields in variant_records(calls):
        last = _last(fields, blocks)
        hit = near.places(fields[0], int(fields[1]), last) if last else ()
        if not hit:
            continue
        site = _Site(fields, last, genome, calls, number)
        for column, records in enumerate(found):
            record = site.record(fields[9 + column])
            for index in hit:
                if record not in records[index]:
                    records[index].append(record)
    defining = frozenset(change for place in places for change in place.changes)
    return [_calls(sample, places, records, defining) for sample, records in zip(samples, found, strict=True)]


def _last(fields: Sequence[str], blocks: bool) -> int:
    """1-based last position that a record speaks of; 0 where it is to be passed over."""
    last = int(fields[1]) + len(fields[3]) - 1
    if set(fields[4].split(",")) <= {"<NON_REF>", "<*>"}:
        end = _END.search(fields[7])
        return (max(last, int(end[1])) if end else last) if blocks else 0
    return last


def _places(loci: Sequence[Locus], genome: Genome | None) -> list[_Place]:
    return [_place(locus, genome if genome is not None and locus.contig in genome else None) for locus in loci]


def _place(locus: Locus, genome: Genome | None) -> _Place:
    alleles = {
        frozenset(changes(locus.position, locus.ref, alternate, locus.contig, genome)): alternate
        for alternate in sorted(locus.alternates, key=len, reverse=True)
    }
    return _Place(locus, alleles, any(len(alternate) != len(locus.ref) for alternate in locus.alternates))


class _Near:
    """Which places a record may tell of."""

    def __init__(self, places: Sequence[_Place]) -> None:
        self._by_contig: dict[str, list[tuple[int, int, int]]] = {}
        for index, place in enumerate(places):
            reach = _REACH if place.is_indel else 0
            first, last = place.span[0] - reach, place.span[-1] + reach
            self._by_contig.setdefault(bare_contig(place.locus.contig), []).append((first, last, index))
        for windows in self._by_contig.values():
            windows.sort()
        self._widest = max((end - first for at in self._by_contig.values() for first, end, _ in at), default=0)

    def places(self, contig: str, position: int, last: int) -> list[int]:
        """Numbers of the places near a record.

        Args:
            contig: of the record.
            position: 1-based, its first.
            last: 1-based, its last.
        """
        windows = self._by_contig.get(bare_contig(contig))
        if windows is None or last < windows[0][0]:
            return []
        begin = bisect_left(windows, (position - self._widest, 0, 0))
        upto = bisect_right(windows, (last, 1 << 62, 0))
        return [index for _, end, index in windows[begin:upto] if end >= position]


class _Site:
    """A record of the file, its alleles taken apart once for all samples."""

    def __init__(self, fields: Sequence[str], last: int, genome: Genome | None, file: Path, number: int) -> None:
        contig, self._position, ref = fields[0], int(fields[1]), fields[3].upper()
        self._file, self._number = file, number
        known = genome if genome is not None and contig in genome else None
        if known is not None:
            _require_ref(fields, ref, known, file, number)
        self._span = range(self._position, last + 1)
        self._alternates: list[tuple[Change, ...] | None] = [()]
        self._spanned = 0
        for alternate in fields[4].upper().split(","):
            if alternate.isalpha():
                self._alternates.append(changes(self._position, ref, alternate, contig, known))
            elif alternate == "*":
                # The record of the deletion says what is gone.
                self._spanned = len(self._alternates)
                self._alternates.append(())
            elif alternate != ".":
                self._alternates.append(None)
        self._names = frozenset(change for made in self._alternates if made for change in made)
        self._passed = fields[6] in {"PASS", "."}
        keys = fields[8].split(":") if len(fields) > 8 else []
        self._set = keys.index("PS") if "PS" in keys else None
        self._has_genotype = keys[:1] == ["GT"]

    def record(self, value: str) -> _Record:
        """What the record says of one sample."""
        values = value.split(":")
        text = values[0] if self._has_genotype else "./."
        try:
            alleles = tuple(self._allele(one) for one in text.replace("|", "/").split("/"))
        except (ValueError, IndexError):
            raise VariantFileError(
                "a genotype (GT) is none", file=self._file, place=f"line {self._number:,}", remedy="make the file again"
            ) from None
        is_spanned = self._spanned > 0 and str(self._spanned) in text.replace("|", "/").split("/")
        return _Record(self._span, alleles, self._phase(text, values), self._names, self._passed, is_spanned)

    def _allele(self, text: str) -> tuple[Change, ...] | None:
        if text in {".", ""}:
            return None
        number = int(text)
        if number < 0:
            raise ValueError
        return self._alternates[number]

    def _phase(self, text: str, values: Sequence[str]) -> str | None:
        if "|" not in text:
            return None
        phase_set = values[self._set] if self._set is not None and self._set < len(values) else "."
        return "" if phase_set == "." else phase_set


def _require_ref(fields: Sequence[str], ref: str, genome: Genome, file: Path, number: int) -> None:
    start = int(fields[1]) - 1
    read = genome.bases(fields[0], start, start + len(ref))
    if read != ref and "N" not in ref:
        raise ReferenceMismatchError(
            f"REF is {ref[:20]}, where the reference reads {read[:20] or 'nothing'}",
            file=file,
            place=f"line {number:,}, {fields[0]}:{start + 1:,}",
            remedy="give the reference that the calls were made with",
        )


def _calls(
    sample: str, places: Sequence[_Place], records: Mapping[int, list[_Record]], defining: frozenset[Change]
) -> Calls:
    calls = Calls(sample)
    for index, place in enumerate(places):
        told = _genotype(place, records.get(index, ()), defining)
        if isinstance(told, Genotype):
            calls.known[place.locus] = told
        else:
            calls.missing[place.locus] = told
    return calls


def _genotype(place: _Place, records: Sequence[_Record], defining: frozenset[Change]) -> Genotype | Missing:
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


def _tells(place: _Place, record: _Record) -> bool:
    """Whether a record covers a base of the place or tells of one of its alleles."""
    overlaps = record.span.start < place.span.stop and place.span.start < record.span.stop
    return overlaps or bool(place.changes & record.names)


def _is_deletion(record: _Record) -> bool:
    return any(len(change.ref) > len(change.alt) for made in record.alleles if made for change in made)


def _covers(place: _Place, records: Sequence[_Record]) -> bool:
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


def add_reference_blocks(
    calls: Calls, loci: Sequence[Locus], gvcf: Path, called: Mapping[str, Sequence[tuple[int, int]]], genome: Genome
) -> None:
    """Make the places without a record known where the sample's gVCF shows them to be the reference.

    Args:
        calls: of the sample.
        loci: places.
        gvcf: of the same sample.
        called: where it calls, by contig, sorted, 0-based half-open.
        genome: the reference.
    """
    wanted = [locus for locus in loci if calls.missing.get(locus) == Missing.NO_RECORD]
    in_gvcf = read_genotypes(gvcf, wanted, genome, blocks=True)[0]
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
