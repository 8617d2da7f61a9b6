"""Records of a VCF or gVCF near the places that are asked about, their alleles taken apart.

A file with an index beside it is read by that, so that a whole genome's gVCF costs no more than its genes.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.call.gvcf import called_stretches
from engine.errors import ReferenceMismatchError, VariantFileError
from engine.files.index_fit import index_beside, require_index_fits
from engine.files.sample_values import genotype_in_phase, has_no_read
from engine.files.variant_lines import PASSED, JudgedRecords, variant_lines, variant_records
from engine.pharmacogenomics.changes import Change, Genome, changes
from engine.reference.accessions import bare_contig
from engine.reference.intervals import Interval, join

_APART = 5_000
"""Bases between places that are read in one go."""
_END = re.compile(r"(?:^|;)END=(\d+)")
_INDEXES = (".tbi", ".csi")
_ID = 2
"""Column that some programs leave empty."""


@dataclass
class Record:
    """A record of one sample near a place.

    Attributes:
        span: 1-based positions that REF covers.
        alleles: by chromosome the changes; absent where the genotype is missing.
        phase: absent where unphased; the phase set, empty for the whole chromosome.
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
    samples = tuple(_header(calls)[9:])
    if not samples:
        raise VariantFileError("nobody's genotypes are in it", file=calls, remedy="give calls of at least one sample")
    if len(set(samples)) < len(samples):
        raise VariantFileError("two samples have one name", file=calls, remedy="rename one of them")
    return samples


def _header(calls: Path) -> list[str]:
    header = next((line for line in variant_lines(calls) if line.startswith("#CHROM")), "")
    return header.rstrip("\n").split("\t")


class Near:
    """Which places a record may tell of."""

    def __init__(self, windows: Iterable[tuple[str, int, int]]) -> None:
        """By place its contig and the 1-based first and last position at which records tell of it."""
        self._by_contig: dict[str, list[tuple[int, int, int]]] = {}
        for index, (contig, first, last) in enumerate(windows):
            self._by_contig.setdefault(bare_contig(contig), []).append((first, last, index))
        for at in self._by_contig.values():
            at.sort()
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

    def stretches(self, contigs: Iterable[str]) -> list[Interval]:
        """Where a file is to be read by its index, under its own names of contigs."""
        found = []
        for contig in contigs:
            at = self._by_contig.get(bare_contig(contig), ())
            joined = join((max(0, first - 1 - _APART), last + _APART) for first, last, _ in at)
            found += [Interval(contig, start, end) for start, end in joined]
        return found


def records_near(calls: Path, near: Near) -> Iterator[list[str]]:
    """Columns of the records that may tell of a place, and of others.

    Raises:
        VariantFileError: the file is damaged, or the index beside it is of another file.
    """
    if _is_indexed(calls):
        yield from _by_index(calls, near)
    else:
        yield from (fields for _, fields in variant_records(calls, may_lack_ids=True, with_calls=True))


def called_near(gvcf: Path, near: Near) -> dict[str, list[tuple[int, int]]]:
    """Where a gVCF calls near the places, by contig, in order, 0-based half-open."""
    if not _is_indexed(gvcf):
        return called_stretches(gvcf)
    found: dict[str, list[tuple[int, int]]] = {}
    for at in near.stretches(_contigs(gvcf)):
        for contig, stretches in called_stretches(gvcf, at).items():
            found.setdefault(contig, []).extend(stretches)
    return {contig: join(stretches) for contig, stretches in found.items()}


def _is_indexed(path: Path) -> bool:
    index = index_beside(path)
    if index is None or index.suffix not in _INDEXES:
        return False
    require_index_fits(path, error=VariantFileError)
    return True


def _contigs(path: Path) -> list[str]:
    import pysam

    with pysam.TabixFile(str(path)) as indexed:
        return list(indexed.contigs)


def _by_index(calls: Path, near: Near) -> Iterator[list[str]]:
    import pysam

    judged = JudgedRecords.of(calls)
    try:
        with pysam.TabixFile(str(calls)) as indexed:
            for at in near.stretches(indexed.contigs):
                for line in indexed.fetch(at.contig, at.start, at.end):
                    fields = line.split("\t")
                    fields[_ID : _ID + 1] = [one or "." for one in fields[_ID : _ID + 1]]
                    judged.require(fields)
                    yield fields
    except (OSError, ValueError) as error:
        raise VariantFileError(
            f"the file cannot be read by its index: {error}", file=calls, remedy="index it again (tabix -f)"
        ) from error


def last_position(fields: Sequence[str], blocks: bool) -> int:
    """1-based last position that a record speaks of; 0 where it is to be passed over."""
    last = int(fields[1]) + len(fields[3]) - 1
    if set(fields[4].split(",")) <= {"<NON_REF>", "<*>"}:
        end = _END.search(fields[7])
        return (max(last, int(end[1])) if end else last) if blocks else 0
    return last


class Site:
    """A record of the file, its alleles taken apart once for all samples."""

    def __init__(self, fields: Sequence[str], last: int, genome: Genome | None, file: Path) -> None:
        contig, self._position, ref = fields[0], int(fields[1]), fields[3].upper()
        self._file, self._at = file, f"{contig}:{self._position:,}"
        known = genome if genome is not None and contig in genome else None
        if known is not None:
            _require_ref(fields, ref, known, file)
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
        self._passed = fields[6] in PASSED
        self._keys = fields[8] if len(fields) > 8 else "."
        keys = self._keys.split(":")
        self._set = keys.index("PS") if "PS" in keys else None
        self._has_genotype = keys[:1] == ["GT"]

    def record(self, value: str) -> Record:
        """What the record says of one sample."""
        values = value.split(":")
        is_known = self._has_genotype and not has_no_read(self._keys, value)
        text = genotype_in_phase(self._keys, value) if is_known else "./."
        try:
            alleles = tuple(self._allele(one) for one in text.replace("|", "/").split("/"))
        except (ValueError, IndexError):
            raise VariantFileError(
                "a genotype (GT) is none", file=self._file, place=self._at, remedy="make the file again"
            ) from None
        is_spanned = self._spanned > 0 and str(self._spanned) in text.replace("|", "/").split("/")
        return Record(self._span, alleles, self._phase(text, values), self._names, self._passed, is_spanned)

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


def _require_ref(fields: Sequence[str], ref: str, genome: Genome, file: Path) -> None:
    start = int(fields[1]) - 1
    read = genome.bases(fields[0], start, start + len(ref))
    if read != ref and "N" not in ref:
        raise ReferenceMismatchError(
            f"REF is {ref[:20]}, where the reference reads {read[:20] or 'nothing'}",
            file=file,
            place=f"{fields[0]}:{start + 1:,}",
            remedy="give the reference that the calls were made with",
        )
