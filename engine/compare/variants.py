"""Genotyped variants in the form in which they are compared: primitive edits of one or both copies of a contig.

A record is taken apart into SNPs, insertions and deletions, each the unit that is counted once. How units of two
call sets are matched is :mod:`engine.compare.replay`. Coordinates are 0-based half-open.

>>> [unit.copies for unit in record_units(0, "AC", ["GT"], (0, 1))]
[(Edit(start=0, end=1, alt='G'), None), (Edit(start=1, end=2, alt='T'), None)]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from engine.errors import VariantFileError
from engine.files.variant_lines import record_problem, variant_lines
from engine.reference.reference_bases import ReferenceBases

VariantType = Literal["SNP", "INDEL"]
_BASES = re.compile(r"[ACGTNacgtn]+")
_FARTHEST_SHIFT = 5_000
_LONGEST_ALIGNED = 300


class Edit(NamedTuple):
    """Replacement of reference bases, with nothing in common at either end.

    Attributes:
        start: 0-based first base replaced; an insertion lies before it.
        end: one past the last base replaced.
        alt: what stands there instead, empty for a deletion.
    """

    start: int
    end: int
    alt: str

    @property
    def is_snp(self) -> bool:
        """One base for another."""
        return self.end - self.start == len(self.alt) == 1


@dataclass(frozen=True, slots=True)
class Unit:
    """What is counted once: an edit of one copy (heterozygous), of both, or a different one of each.

    Attributes:
        copies: the edit of either copy, ``None`` where that copy is the reference; never both ``None``.
        start: 0-based first base that the edits could be written at, if shifted as far left as they go.
        end: one past the last base they could be written at, shifted as far right as they go.
        spelling: the edits shifted left, equal for two spellings of the same unit.
    """

    copies: tuple[Edit | None, Edit | None]
    start: int = 0
    end: int = 0
    spelling: tuple[Edit, ...] = ()

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits, one or two."""
        return tuple(edit for edit in self.copies if edit is not None)

    @property
    def type(self) -> VariantType:
        """SNP only if every edit is one."""
        return "SNP" if all(edit.is_snp for edit in self.edits) else "INDEL"

    @property
    def position(self) -> int:
        """0-based first base of the edits as written."""
        return min(edit.start for edit in self.edits)


def read_units(
    vcf: Path, *, sample: str | None = None, passing: bool = False, fasta: Path | None = None
) -> Iterator[tuple[str, list[Unit]]]:
    """Contigs of a VCF in file order, each with its units by position, not yet placed (see :func:`placed`).

    Missing alleles of half-called genotypes count as reference, haploid genotypes as homozygous; symbolic alleles
    and ``*`` as reference.

    Args:
        vcf: plain, gzip or bgzip; sorted by contig.
        sample: whose genotypes, by default the first sample's.
        passing: leave out records that a filter marks.
        fasta: the reference, with index; each REF on one of its contigs is compared with it.

    Raises:
        VariantFileError: the file is missing, damaged, without genotypes, or a contig comes twice.
        ReferenceMismatchError: a REF is not what the reference reads.
    """
    with ReferenceBases(fasta) as bases:
        yield from _units_by_contig(vcf, sample, passing, bases)


def _units_by_contig(
    vcf: Path, sample: str | None, passing: bool, bases: ReferenceBases
) -> Iterator[tuple[str, list[Unit]]]:
    contig, units, finished = "", list[Unit](), set[str]()
    for number, fields in _records(vcf, sample):
        if fields[0] != contig:
            if contig:
                yield contig, units
                finished.add(contig)
            contig, units = fields[0], []
            if contig in finished:
                raise VariantFileError(
                    f"the records of {contig} are not together",
                    file=vcf,
                    place=f"line {number}",
                    remedy="sort the file (bcftools sort)",
                )
        try:
            if passing and fields[6] not in ("PASS", "."):
                continue
            start, genotype = int(fields[1]) - 1, _genotype(fields)
            if any(genotype):
                bases.require(contig, start, fields[3], file=vcf)
            units += record_units(start, fields[3], fields[4].split(","), genotype)
        except (ValueError, IndexError):
            raise VariantFileError(
                "this line is not a VCF record with a genotype",
                file=vcf,
                place=f"line {number}",
                remedy="make the file again",
            ) from None
    if contig:
        yield contig, units


def _records(vcf: Path, sample: str | None) -> Iterator[tuple[int, list[str]]]:
    """Line number and columns, the tenth being the chosen sample's."""
    column, width = -1, 0
    for number, line in enumerate(variant_lines(vcf), start=1):
        if line.startswith("#CHROM"):
            names = line.rstrip("\n").split("\t")
            column, width = _sample_column(vcf, names, sample), len(names)
        elif not line.startswith("#"):
            if column < 0:
                raise VariantFileError("the file has no VCF header", file=vcf, remedy="give a VCF file")
            fields = line.rstrip("\n").split("\t")
            if problem := record_problem(fields, width):
                raise VariantFileError(
                    f"this line is not a VCF record: {problem}",
                    file=vcf,
                    place=f"line {number}",
                    remedy="make the file again",
                )
            yield number, [*fields[:9], *fields[column : column + 1]]
    if column < 0:
        raise VariantFileError("the file has no VCF header", file=vcf, remedy="give a VCF file")


def _sample_column(vcf: Path, columns: Sequence[str], sample: str | None) -> int:
    samples = columns[9:]
    if not samples or (sample is not None and sample not in samples):
        raise VariantFileError(
            f"the file has no sample {sample}" if samples else "the file has no genotypes",
            file=vcf,
            remedy=f"choose one of {', '.join(samples[:5])}" if samples else "give a VCF with a sample",
        )
    return 9 + (samples.index(sample) if sample is not None else 0)


def _genotype(fields: Sequence[str]) -> tuple[int, int]:
    """Allele of either copy, 0 where missing."""
    keys = fields[8].split(":")
    text = fields[9].split(":")[keys.index("GT")]
    alleles = [0 if allele == "." else int(allele) for allele in re.split(r"[/|]", text.lstrip("/|"))]
    if len(alleles) > 2:
        raise ValueError(text)
    return alleles[0], alleles[-1]


def record_units(start: int, ref: str, alts: Sequence[str], genotype: tuple[int, int]) -> list[Unit]:
    """Take one record apart.

    Args:
        start: 0-based POS.
        ref: REF.
        alts: ALT alleles.
        genotype: allele numbers of both copies.
    """
    first, second = (_primitives(start, ref, _allele(allele, alts)) for allele in genotype)
    both = [edit for edit in first if edit in second]
    first = [edit for edit in first if edit not in both]
    second = [edit for edit in second if edit not in both]
    units = [Unit((edit, edit)) for edit in both]
    if len(first) == len(second) == 1 and first[0].start == second[0].start:
        units.append(Unit((first[0], second[0])))
    else:
        units += [Unit((edit, None)) for edit in (*first, *second)]
    return units


def _allele(number: int, alts: Sequence[str]) -> str | None:
    """The bases of an allele, ``None`` for the reference and for what has no bases."""
    if number == 0:
        return None
    alt = alts[number - 1]
    return alt.upper() if _BASES.fullmatch(alt) else None


def _primitives(start: int, ref: str, alt: str | None) -> list[Edit]:
    """The SNPs, insertions and deletions that make ``alt`` of ``ref``."""
    if alt is None or ref.upper() == alt:
        return []
    ref = ref.upper()
    start, ref, alt = _trimmed(start, ref, alt)
    if not ref or not alt:
        return [Edit(start, start + len(ref), alt)]
    if len(ref) == len(alt):
        pairs = enumerate(zip(ref, alt, strict=True), start)
        return [Edit(place, place + 1, new) for place, (old, new) in pairs if old != new]
    if max(len(ref), len(alt)) > _LONGEST_ALIGNED:
        return [Edit(start, start + len(ref), alt)]
    return _aligned(start, ref, alt)


def _trimmed(start: int, ref: str, alt: str) -> tuple[int, str, str]:
    shared = 0
    while shared < min(len(ref), len(alt)) and ref[-1 - shared] == alt[-1 - shared]:
        shared += 1
    ref, alt = ref[: len(ref) - shared], alt[: len(alt) - shared]
    shared = 0
    while shared < min(len(ref), len(alt)) and ref[shared] == alt[shared]:
        shared += 1
    return start + shared, ref[shared:], alt[shared:]


def _aligned(start: int, ref: str, alt: str) -> list[Edit]:
    """A complex change as the fewest edits: one gap and the mismatches beside it, the gap where they are fewest."""
    short, long = sorted((ref, alt), key=len)
    gap = len(long) - len(short)
    costs = [
        sum(a != b for a, b in zip(short[:place], long, strict=False))
        + sum(a != b for a, b in zip(short[place:], long[place + gap :], strict=True))
        for place in range(len(short) + 1)
    ]
    place = costs.index(min(costs))
    if len(ref) > len(alt):
        indel = Edit(start + place, start + place + gap, "")
        pairs = [(at, at) if at < place else (at + gap, at) for at in range(len(alt))]
    else:
        indel = Edit(start + place, start + place, alt[place : place + gap])
        pairs = [(at, at) if at < place else (at, at + gap) for at in range(len(ref))]
    snps = [Edit(start + old, start + old + 1, alt[new]) for old, new in pairs if ref[old] != alt[new]]
    return sorted([*snps, indel])


def placed(unit: Unit, sequence: str) -> Unit:
    """The unit with its spelling and the stretch it could be written in, found on the contig's sequence."""
    lefts, rights = [], []
    for edit in unit.edits:
        lefts.append(_shifted_left(edit, sequence))
        rights.append(_rightmost_end(edit, sequence))
    spelling = tuple(sorted(lefts))
    return replace(unit, start=spelling[0].start, end=max(rights), spelling=spelling)


def _shifted_left(edit: Edit, sequence: str) -> Edit:
    start, end, alt = edit
    moved = alt or sequence[start:end]
    if (alt and end > start) or not moved:
        return edit
    size, shift = len(moved), 0
    while shift < min(start, _FARTHEST_SHIFT) and sequence[start - shift - 1] == moved[(size - 1 - shift) % size]:
        shift += 1
    turn = shift % size
    return Edit(start - shift, end - shift, (alt[size - turn :] + alt[: size - turn]) if alt else "")


def _rightmost_end(edit: Edit, sequence: str) -> int:
    start, end, alt = edit
    moved = alt or sequence[start:end]
    if (alt and end > start) or not moved:
        return end
    shift, limit = 0, min(len(sequence) - end, _FARTHEST_SHIFT)
    while shift < limit and sequence[end + shift] == moved[shift % len(moved)]:
        shift += 1
    return end + shift
