"""gVCF records of several samples, walked together in the reference's order.

Only what joint genotyping needs is parsed, and only when it is asked for: most lines are reference blocks that
nothing starts in. Coordinates are 0-based half-open.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.errors import ReferenceMismatchError, VariantFileError
from engine.files.compressed import file_kind
from engine.files.index_fit import require_index_fits
from engine.files.info import key_of_two_values
from engine.files.variant_lines import HIGHEST, variant_lines
from engine.genotype.gvcf_callers import caller_of

NON_REF = "<NON_REF>"
_UNSEEN = "<*>"
"""What the VCF specification (5.5) has for GATK's ``<NON_REF>``."""
# DeepVariant declares neither allele, but the smallest depth of a block, which only gVCFs have.
_DECLARED = ("##ALT=<ID=NON_REF,", "##ALT=<ID=*,", "##FORMAT=<ID=MIN_DP,")
_IS_PLACE = re.compile("[0-9]{1,10}").fullmatch
_ONLY_REFERENCE = (f"\t{NON_REF}\t", f"\t{_UNSEEN}\t")


MEDIANS = ("BaseQRankSum", "ExcessHet", "MQ", "MQRankSum", "ReadPosRankSum")
"""What is the median of the samples' values; MQ where a gVCF has no ``RAW_MQandDP``, as GATK 3 wrote it, and ExcessHet
where no diploid sample is called."""


class GvcfRecord:
    """One line of one sample's gVCF.

    Attributes:
        sample: index of the file it is from.
        contig: rank of its contig in the reference.
        start: 0-based first base.
        end: one past the last base it speaks for.
        ref: REF.
        alts: ALT alleles in order, ``<NON_REF>`` among them, which is so written whatever the file has for it.
        filters: FILTER as the caller of the gVCF set it, empty where the record passed or was not judged.
        passed: its caller judged it and found it good, which is more than that nothing was found against it.
        quality: QUAL as the caller of the gVCF wrote it.
        is_judged: it has been found sound (:mod:`engine.genotype.record_judgement`).
    """

    __slots__ = (
        "__dict__", "_format", "_info", "_values", "alts", "contig", "end", "filters", "is_judged", "passed", "quality",
        "ref", "sample", "start",
    )  # fmt: skip

    def __init__(self, sample: int, contig: int, fields: Sequence[str]) -> None:
        self.sample, self.contig = sample, contig
        self.start = int(fields[1]) - 1
        self.ref, self.alts = fields[3].upper(), fields[4].upper().replace(_UNSEEN, NON_REF).split(",")
        self.filters = _NO_FILTER if fields[6] in (".", "PASS") else frozenset(fields[6].split(";"))
        self.passed, self.quality = fields[6] == "PASS", fields[5]
        self.is_judged = False
        self._info, self._format, self._values = fields[7], fields[8], fields[9]
        self.end = self.start + len(self.ref)
        if self._info.count("END=") == 1 and self._info.startswith("END="):
            self.end = int(self._info[4:].partition(";")[0])
        elif "END=" in self._info and "END" in self.info:
            if key_of_two_values(self._info) == "END":
                raise ValueError(self._info)
            self.end = int(self.info["END"])

    @property
    def has_alternate(self) -> bool:
        """Some allele other than the reference was seen."""
        return any(alt != NON_REF for alt in self.alts)

    @cached_property
    def info(self) -> dict[str, str]:
        """INFO by key; flags are empty."""
        parts = (part.partition("=") for part in self._info.split(";"))
        return {key: value for key, _, value in parts}

    @property
    def key_of_two_values(self) -> str | None:
        """See :func:`engine.files.info.key_of_two_values`."""
        return key_of_two_values(self._info)

    @property
    def listed(self) -> tuple[list[str], list[str]]:
        """Keys of FORMAT, and the sample's values."""
        return self._format.split(":"), self._values.split(":")

    @cached_property
    def call(self) -> dict[str, str]:
        """The sample's values by FORMAT key, without those that are missing."""
        pairs = zip(*self.listed, strict=False)
        return {key: value for key, value in pairs if value != "."}

    @cached_property
    def likelihoods(self) -> list[int] | None:
        """PL, absent where the sample has none."""
        return integers(self.call.get("PL"))

    @cached_property
    def allele_depths(self) -> list[int] | None:
        """AD, absent in reference blocks."""
        return integers(self.call.get("AD"))

    @property
    def is_beyond_depth(self) -> bool:
        """AD counts reads of DP; where it counts more, one of them is not what it is said to be."""
        return "DP" in self.call and sum(self.allele_depths or ()) > int(self.call["DP"])

    @cached_property
    def ploidy(self) -> int:
        """Number of alleles in GT; where that is a single dot, as the likelihoods have it."""
        if "GT" not in self.call:
            return 1 if self.likelihoods is not None and len(self.likelihoods) == 1 + len(self.alts) else 2
        return len(self.call["GT"].lstrip("/|").replace("|", "/").split("/"))

    @property
    def phased_alleles(self) -> list[int] | None:
        """Numbers of the alleles in GT by haplotype, -1 for one that is missing; absent where GT is not phased."""
        genotype = self.call.get("GT", ".")
        names = genotype.lstrip("/|").split("|")
        if "/" in genotype or "|" not in genotype:
            return None
        return [-1 if name == "." else int(name) for name in names]

    @property
    def is_not_called(self) -> bool:
        """The caller of the gVCF has looked, and leaves the genotype open."""
        return not any(letter.isdigit() for letter in self.call.get("GT", "."))

    @property
    def is_empty(self) -> bool:
        """No read and no confidence, or a block without a read whatever its confidence: nothing is known here."""
        quality, depth = self.call.get("GQ"), self.call.get("DP")
        if quality == "0":
            return depth == "0"
        return self.call.get("MIN_DP", depth) == "0" and not self.has_alternate

    def measure(self, key: str) -> float | None:
        """A measure of INFO, absent where the record has none or one that is not finite."""
        text = self.info.get(key, ".")
        value = math.nan if text == "." else float(text)
        return value if math.isfinite(value) else None

    @cached_property
    def depth(self) -> int:
        """What the record adds to the site's DP: its own INFO DP, else MIN_DP or DP of the sample."""
        return int(self.info.get("DP") or self.call.get("MIN_DP") or self.call.get("DP") or 0)


_NO_FILTER: frozenset[str] = frozenset()


def integers(text: str | None) -> list[int] | None:
    """A list of whole numbers, absent where any of it is; ValueError where any of it is something else."""
    values = [] if text is None else text.split(",")
    return None if "." in values or not values else [int(value) for value in values]


@dataclass(frozen=True)
class Gvcf:
    """One sample's gVCF file.

    Attributes:
        path: bgzip or plain.
        sample: the name in its header.
        header: its lines that start with ``##``.
        is_piece: it is a stretch of one, which may hold no record.
    """

    path: Path
    sample: str
    header: tuple[str, ...]
    is_piece: bool = False

    @property
    def caller(self) -> str | None:
        """See :func:`engine.genotype.gvcf_callers.caller_of`."""
        return caller_of(self.header)


def open_gvcf(path: Path) -> Gvcf:
    """Read a gVCF's header.

    Raises:
        VariantFileError: it is missing, damaged, no gVCF, or not of exactly one sample.
    """
    if file_kind(path, error=VariantFileError) == "BGZF":
        require_index_fits(path, error=VariantFileError)
    header: list[str] = []
    for line in variant_lines(path):
        if line.startswith("#CHROM"):
            columns = line.rstrip("\n").split("\t")
            if len(columns) != 10:
                raise VariantFileError(
                    f"the file holds {max(len(columns) - 9, 0)} samples",
                    file=path,
                    remedy="give one gVCF for each sample",
                )
            if not columns[9].strip():
                raise VariantFileError(
                    "the sample's column has no name", file=path, remedy="name the sample (bcftools reheader --samples)"
                )
            if not any(line.startswith(_DECLARED) for line in header):
                raise VariantFileError(
                    f"this is no gVCF: its header does not declare {NON_REF} or {_UNSEEN}",
                    file=path,
                    remedy="give the gVCF that genomics-engine call or HaplotypeCaller -ERC GVCF wrote",
                )
            return Gvcf(path, columns[9], tuple(header))
        if not line.startswith("##"):
            break
        header.append(line.rstrip("\n"))
    raise VariantFileError("the file has no VCF header", file=path, remedy="give a gVCF file")


def records(gvcf: Gvcf, sample: int, contig_rank: Mapping[str, int], *, blocks: bool = True) -> Iterator[GvcfRecord]:
    """The records of one gVCF, without its reference blocks where they are not wanted.

    Raises:
        ReferenceMismatchError: a contig is not in the reference.
        VariantFileError: a line is not VCF, or out of order, or there is none.
    """
    reached = (-1, -1)
    any_record = False
    for number, line in enumerate(variant_lines(gvcf.path), start=1):
        if line.startswith("#CHROM") and any_record:
            raise VariantFileError(
                "a second header stands behind records: files were put one behind the other",
                file=gvcf.path,
                place=f"line {number}",
                remedy="give one gVCF for each sample; pieces of one are joined with bcftools concat",
            )
        if line.startswith("#"):
            continue
        any_record = True
        if not blocks and (_ONLY_REFERENCE[0] in line or _ONLY_REFERENCE[1] in line):
            continue
        fields = line.rstrip("\n").split("\t")
        place = f"line {number}"
        if len(fields) == 10 and fields[0] not in contig_rank:
            raise ReferenceMismatchError(
                f"the reference has no contig {fields[0]!r}",
                file=gvcf.path,
                place=place,
                remedy="use the reference that the sample was called with",
            )
        try:
            if len(fields) != 10 or "" in fields or not _IS_PLACE(fields[1]):
                raise ValueError(line)
            record = GvcfRecord(sample, contig_rank[fields[0]], fields)
            if not 0 <= record.start < record.end <= HIGHEST:
                raise ValueError(line)
        except (IndexError, ValueError):
            raise VariantFileError(
                "this line is not a gVCF record", file=gvcf.path, place=place, remedy="make the file again"
            ) from None
        if (record.contig, record.start) < reached:
            raise VariantFileError(
                "the records are not sorted", file=gvcf.path, place=place, remedy="sort the file (bcftools sort)"
            )
        reached = (record.contig, record.start)
        yield record
    if not any_record and not gvcf.is_piece:
        raise VariantFileError(
            "the gVCF holds no record", file=gvcf.path, sample=gvcf.sample, remedy="call the sample again"
        )


def sites(gvcfs: Sequence[Gvcf], contig_rank: Mapping[str, int]) -> Iterator[list[GvcfRecord]]:
    """Positions where some sample has an alternate allele, each with the records that speak for it.

    A sample is spoken for by the record it started last, if that reaches the position: at most one record each.
    Records come latest first, as GATK's CombineGVCFs walks them: that decides the order of the alternate alleles.
    """
    current: dict[int, GvcfRecord] = {}
    position = (-1, -1)
    # Of a single sample, a reference block has nothing to say at the sites of its variants.
    several = len(gvcfs) > 1
    streams = [records(gvcf, number, contig_rank, blocks=several) for number, gvcf in enumerate(gvcfs)]
    for record in _merged(streams):
        if (record.contig, record.start) != position:
            yield from _site(current, position)
            position = (record.contig, record.start)
        current.pop(record.sample, None)
        current[record.sample] = record
    yield from _site(current, position)


_Entry = tuple[tuple[int, int], GvcfRecord, Iterator[GvcfRecord]]


def _merged(streams: Sequence[Iterator[GvcfRecord]]) -> Iterator[GvcfRecord]:
    """All records by position; those that tie come in the order that Java's PriorityQueue gives them.

    GATK merges its inputs through that queue, and the order of ties becomes the order of alternate alleles. It is
    a binary heap like :mod:`heapq`, which however breaks ties otherwise.
    """
    heap: list[_Entry] = []
    for stream in streams:
        _offer(heap, stream)
    while heap:
        _, record, stream = heap[0]
        last = heap.pop()
        if heap:
            _sift_down(heap, last)
        yield record
        _offer(heap, stream)


def _offer(heap: list[_Entry], stream: Iterator[GvcfRecord]) -> None:
    record = next(stream, None)
    if record is None:
        return
    entry = ((record.contig, record.start), record, stream)
    heap.append(entry)
    place = len(heap) - 1
    while place and entry[0] < heap[(place - 1) // 2][0]:
        heap[place] = heap[(place - 1) // 2]
        place = (place - 1) // 2
    heap[place] = entry


def _sift_down(
    heap: list[_Entry],
    entry: _Entry,
) -> None:
    place = 0
    while 2 * place + 1 < len(heap):
        child = 2 * place + 1
        if child + 1 < len(heap) and heap[child + 1][0] < heap[child][0]:
            child += 1
        if entry[0] <= heap[child][0]:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = entry


def _site(current: Mapping[int, GvcfRecord], position: tuple[int, int]) -> Iterator[list[GvcfRecord]]:
    contig, start = position
    started = [record for record in current.values() if (record.contig, record.start) == position]
    if any(record.has_alternate for record in started):
        yield [record for record in reversed(list(current.values())) if record.contig == contig and record.end > start]
