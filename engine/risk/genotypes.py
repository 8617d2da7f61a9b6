"""The genotypes of a VCF at the places that scores ask about.

Plain records, of one alternate allele of bases, are read by columns (:mod:`engine.risk.call_kernels`); every other line
is judged as elsewhere (:mod:`engine.files.variant_lines`). What both would say of a plain record is the same. What did
not pass, or has no read that speaks for it, is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import VariantFileError
from engine.files.sample_values import alleles
from engine.files.variant_lines import (
    PASSED,
    RecordLines,
    is_unnamed,
    require_whole_by_index,
    variant_lines,
    variant_pieces,
)
from engine.reference.accessions import bare_contig
from engine.risk.dosages import Copies, Dosages, Site, by_contig
from engine.risk.places import Place, Places
from engine.risk.scored_rows import Numbered

_PIECE = 1 << 22
_MOST_COPIES = 2
_BASES = "ACGTN."
_NUMBER_OF_BASE = np.full(256, -1, np.int32)
_NUMBER_OF_BASE[np.frombuffer(_BASES.encode(), np.uint8)] = np.arange(len(_BASES))


def read_dosages(calls: Path, places: Places, rsids: Collection[str] = ()) -> Dosages:
    """Read the records of a VCF that lie at the places, or have the ids, asked about.

    Raises:
        VariantFileError: the file is damaged, has no sample, a genotype that is none, or two records of one allele
            that contradict each other.
    """
    require_whole_by_index(calls)
    reader = _Reader(calls, _samples(calls), places, rsids)
    for text in variant_pieces(calls, _PIECE):
        reader.add(text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text)
    reader.lines.require_header()
    return reader.dosages()


def _samples(calls: Path) -> tuple[str, ...]:
    header = next((line for line in variant_lines(calls) if line.startswith("#CHROM")), "")
    samples = tuple(header.rstrip("\n").split("\t")[9:])
    if not samples:
        raise VariantFileError("nobody's genotypes are in it", file=calls, remedy="give calls of at least one sample")
    return samples


@dataclass(frozen=True)
class _Record:
    """What a record says.

    Attributes:
        line: its number in the file.
        place: where it lies.
        ref: REF, in capitals.
        known: alleles in each sample's genotype, NaN where not known.
        copies: of each alternate allele, by sample.
    """

    line: int
    place: Place
    ref: str
    known: Copies
    copies: Sequence[tuple[str, Copies]]

    def add_to(self, sites: list[Site]) -> int | None:
        """Add it to the site of its REF; an allele that is there already is taken once.

        Returns:
            The first sample of which another record of an allele says something else, absent where there is none.
        """
        site = next((site for site in sites if site.ref == self.ref), None)
        if site is None:
            site = Site(self.ref, {}, self.known)
            sites.append(site)
        differs = np.zeros(len(self.known), np.bool_)
        for allele, copies in self.copies:
            if allele in site.copies:
                differs |= _differ(site.copies[allele], copies) | _differ(site.alleles, self.known)
            if not allele.startswith("<"):
                site.copies[allele] = np.where(np.isnan(copies), np.nan, site.copies.get(allele, copies))
        site.alleles = np.where(np.isnan(self.known), np.nan, site.alleles)
        return int(differs.argmax()) if differs.any() else None


def _differ(one: Copies, other: Copies) -> NDArray[np.bool_]:
    """Of which samples both are known, and are not the same."""
    differ: NDArray[np.bool_] = (one != other) & ~np.isnan(one) & ~np.isnan(other)
    return differ


class _Reader:
    """Takes the text of a VCF piece by piece."""

    def __init__(self, calls: Path, samples: tuple[str, ...], places: Places, rsids: Collection[str]) -> None:
        self.lines = RecordLines(calls, with_calls=True)
        self._calls, self._samples, self._places, self._rsids = calls, samples, places, frozenset(rsids)
        self._read, self._width = 0, 0
        self._names = Numbered[str]({base: number for number, base in enumerate(_BASES)})
        self._pieces: list[tuple[NDArray[Any], ...]] = []
        self._records: list[_Record] = []
        self._named: dict[str, set[Place]] = {}

    def add(self, text: bytes) -> None:
        """Whole lines."""
        from engine.risk.call_kernels import COLUMNS, IS_PLAIN, read_places

        text = self._behind_header(text)
        data = np.frombuffer(text, np.uint8)
        rows = np.empty((text.count(b"\n"), COLUMNS), np.int64)
        if len(rows):
            read_places(data, self._width, rows)
        plain = rows[:, IS_PLAIN] == 1
        at = np.full(len(rows), -1, np.int64)
        at[plain] = self._asked_about(text, rows[plain])
        plain &= ~self._have_wanted_ids(text, rows, plain)
        wanted = np.flatnonzero(plain & (at >= 0))
        plain[wanted[self._keep(text, data, rows[wanted], at[wanted], wanted)]] = False
        for number in np.flatnonzero(~plain).tolist():
            self._judge(text, rows[number], self._read + number + 1)
        self._read += len(rows)

    def _behind_header(self, text: bytes) -> bytes:
        """The text without lines of the header at its beginning; a second header is of another file."""
        at = 0
        while text[at : at + 1] == b"#":
            end = text.index(b"\n", at) + 1
            self._read += 1
            self.lines.fields(self._read, text[at:end].decode())
            at = end
        self._width = self._width or self.lines.width
        return text[at:] if at else text

    def _asked_about(self, text: bytes, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of the places asked about plain records lie at, -1 where at none."""
        from engine.risk.call_kernels import CONTIG_END, POSITION, RUN, START

        found = np.full(len(rows), -1, np.int64)
        borders = [0, *(np.flatnonzero(np.diff(rows[:, RUN])) + 1).tolist(), len(rows)]
        for first, stop in pairwise(borders) if len(rows) else ():
            contig = bare_contig(text[rows[first, START] : rows[first, CONTIG_END]].decode())
            found[first:stop] = self._places.find(contig, rows[first:stop, POSITION])
        return found

    def _have_wanted_ids(self, text: bytes, rows: NDArray[np.int64], plain: NDArray[np.bool_]) -> NDArray[np.bool_]:
        from engine.risk.call_kernels import ID, REF

        found = np.zeros(len(rows), np.bool_)
        if self._rsids:
            told = plain & (rows[:, REF] - rows[:, ID] > len(".") + 1)
            for number, start, end in zip(
                np.flatnonzero(told).tolist(), rows[told, ID].tolist(), rows[told, REF].tolist(), strict=True
            ):
                found[number] = not self._rsids.isdisjoint(text[start : end - 1].decode().split(";"))
        return found

    def _keep(
        self, text: bytes, data: NDArray[np.uint8], rows: NDArray[np.int64], at: NDArray[np.int64], lines: Any
    ) -> NDArray[np.int64]:
        """Keep the genotypes of plain records, and say which are to be looked at closer."""
        from engine.risk.call_kernels import ALT, ALT_END, REF, read_genotypes

        shape = len(rows), len(self._samples)
        copies, alleles, is_odd = np.empty(shape, np.int8), np.empty(shape, np.int8), np.zeros(len(rows), np.bool_)
        if len(rows):
            read_genotypes(data, rows, copies, alleles, is_odd)
        ref = self._numbers(text, data, rows[:, REF], rows[:, ALT] - 1)
        alt = self._numbers(text, data, rows[:, ALT], rows[:, ALT_END])
        kept = ~is_odd
        self._pieces.append((at[kept], self._read + lines[kept] + 1, ref[kept], alt[kept], copies[kept], alleles[kept]))
        return np.flatnonzero(is_odd)

    def _numbers(
        self, text: bytes, data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Numbers of the alleles that stand at some places of the text."""
        numbers = _NUMBER_OF_BASE[data[starts]]
        several = np.flatnonzero((ends - starts > 1) | (numbers < 0))
        numbers[several] = [
            self._names.number(text[start:end].decode())
            for start, end in zip(starts[several].tolist(), ends[several].tolist(), strict=True)
        ]
        return numbers

    def _judge(self, text: bytes, row: NDArray[np.int64], number: int) -> None:
        """A line that is not plain, or of which more is asked."""
        from engine.risk.call_kernels import END, START

        fields = self.lines.fields(number, text[row[START] : row[END]].decode())
        if fields is None:
            return
        place = bare_contig(fields[0]), int(fields[1])
        named = [name for name in fields[2].split(";") if name in self._rsids]
        if not named and self._places.find(place[0], np.array([place[1]]))[0] < 0:
            return
        for name in named:
            self._named.setdefault(name, set()).add(place)
        self._records.append(_record(fields, place, number))

    def dosages(self) -> Dosages:
        """What all pieces say."""
        samples = len(self._samples)
        none = (np.zeros(0, np.int64),) * 2 + (np.zeros(0, np.int32),) * 2 + (np.zeros((0, samples), np.int8),) * 2
        at, lines, ref, alt, copies, alleles = (
            np.concatenate(every) for every in zip(none, *self._pieces, strict=True)
        )
        entry = np.full(len(self._places), -1, np.int64)
        entry[at] = np.arange(len(at))
        # Of an id at two places nobody can tell which of them a score means.
        named = {name: next(iter(places)) for name, places in self._named.items() if len(places) == 1}
        dosages = Dosages(self._samples, self._places, entry, self._names, ref, alt, copies, alleles, {}, named)
        several = np.bincount(at, minlength=len(entry)) > 1
        for contig, positions in by_contig([record.place for record in self._records]).items():
            found = self._places.find(contig, np.array(positions, np.int64))
            several[found[found >= 0]] = True
        names = list(self._names)
        places = list(self._places) if several.any() else []
        records = list(self._records)
        for number in np.flatnonzero(several[at]).tolist():
            known = np.where(alleles[number] < 0, np.nan, alleles[number].astype(np.float64))
            of_alt = known * 0 + copies[number]
            place = places[at[number]]
            records.append(
                _Record(int(lines[number]), place, names[ref[number]], known, [(names[alt[number]], of_alt)])
            )
        entry[several] = -1
        for record in sorted(records, key=lambda record: record.line):
            sample = record.add_to(dosages.sites.setdefault(record.place, []))
            if sample is not None:
                raise self._contradiction(record, self._samples[sample])
        return dosages

    def _contradiction(self, record: _Record, sample: str) -> VariantFileError:
        contig, position = record.place
        return VariantFileError(
            "two records of one allele have different genotypes",
            sample=sample,
            file=self._calls,
            place=f"{contig}:{position:,}, line {record.line:,}",
            remedy="leave in the record that is right, or call the sample again",
        )


def _record(fields: Sequence[str], place: Place, number: int) -> _Record:
    ref, alternates = fields[3].upper(), fields[4].upper().split(",")
    genotypes = [_genotype(fields, value) for value in fields[9:]]
    known = np.array([np.nan if genotype is None else len(genotype) for genotype in genotypes])
    copies = [
        (allele, np.array([np.nan if one is None else one.count(index) for one in genotypes], np.float64))
        for index, allele in enumerate(alternates, start=1)
    ]
    return _Record(number, place, ref, known, copies)


def _genotype(fields: Sequence[str], value: str) -> tuple[int, ...] | None:
    """The alleles of a sample's genotype.

    Absent where any of them is missing, is told without its bases, or there are more than two; where no read lies, and
    where the record did not pass.
    """
    called = alleles(fields[8], value) if fields[6] in PASSED else None
    if called is None or len(called) > _MOST_COPIES or is_unnamed(fields, called):
        return None
    numbers = tuple(number for number in called if number is not None)
    return numbers if len(numbers) == len(called) else None
