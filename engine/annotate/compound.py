"""Variants that one chromosome carries together, as one allele; and the parts of an allele that is several changes.

Two substitutions of one codon make an amino acid that neither makes alone, and two shifts of the frame may restore it.
Alleles are combined where the calls are known to lie on one chromosome: phased in one phase set, or present on every
chromosome. Told are those that share a codon or a shifted frame on a transcript; any neighbours besides are only looked
up in ClinVar, which may know them as one allele. So are neighbours that nobody has phased: they may be that allele, and
are told as what they may be. How it is all named is the business of
:mod:`engine.annotate.annotate`.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from engine.annotate.calls import Call, SiteReads, read_call
from engine.annotate.consequence import parse_bcsq
from engine.annotate.edit import Edit, left_aligned, trimmed
from engine.annotate.gene_model import GeneModel, Transcript
from engine.annotate.protein import CodingEdit, coding_edit
from engine.files.info import info_value
from engine.reference.accessions import bare_contig

MOST_NEIGHBOURS = 4
MOST_IN_A_CLUSTER = 8
"""Unphased variants closer to each other than that are artefacts more often than alleles, and are not tried."""
NEIGHBOURS_WITHIN = 10
"""Unchanged bases between two alleles that are looked up in ClinVar as one."""
ONE_ALLELE_WITHIN = 50
"""Bases of the genome up to which alleles that belong together are written as one; beyond they are listed."""
FRAME_RESTORED_WITHIN = 150
"""Coding bases within which a shifted frame must be restored for its alleles to be told as one."""
LONGEST_IN_PARTS = 10
HOMOPLASMIC = 0.95
"""Share of reads from which a mitochondrial variant is taken for present on every molecule."""
# csq tells strand and amino acids of what changes codons, and nothing behind the biotype of anything else.
_PIPES_OF_A_CODON = 4
_IS_SEQUENCE = re.compile("[ACGTN]+").fullmatch

Allele = tuple[str, int, str, str]
"""Contig, 1-based position, ref and alt as in the VCF."""


@dataclass(frozen=True, eq=False)
class Member:
    """An allele that the sample carries; of one that nobody has phased the chromosome is not known.

    Attributes:
        allele: as in the VCF.
        call: the sample's.
        filter: FILTER of the record.
        transcripts: by id the terms that csq gives for transcripts whose codons it changes.
    """

    allele: Allele
    call: Call
    filter: str
    transcripts: dict[str, tuple[str, ...]]

    @cached_property
    def edit(self) -> Edit:
        """What is replaced, without shared bases."""
        _, position, ref, alt = self.allele
        return trimmed(position - 1, ref, alt)

    @property
    def everywhere(self) -> bool:
        """Whether every chromosome carries it."""
        return self.call.copies == self.call.ploidy

    @property
    def is_placed(self) -> bool:
        """Whether it is known which chromosomes carry it."""
        return self.everywhere or self.call.haplotypes is not None

    def lies_with(self, other: Member) -> bool | None:
        """Whether some chromosome carries both; ``None`` where nobody knows."""
        if self.everywhere or other.everywhere:
            return True
        own, others = self.call.haplotypes, other.call.haplotypes
        if own is None or others is None or self.call.phase_set != other.call.phase_set:
            return None
        return bool(set(own) & set(others))


class Combination(NamedTuple):
    """Alleles of one chromosome that are one change.

    Attributes:
        members: in order along the genome.
        transcripts: ids of those on which they share a codon or a shifted frame; none for mere neighbours.
        allele: the whole as one normalised allele; absent where the members lie too far apart.
        phased: whether they are known to lie on one chromosome.
    """

    members: tuple[Member, ...]
    transcripts: tuple[str, ...]
    allele: Allele | None
    phased: bool = True

    @property
    def call(self) -> Call:
        """The call of the whole: what its least certain member says."""
        calls = [member.call for member in self.members]
        partial = [call for call in calls if call.copies < call.ploidy] or calls
        whole = min(partial, key=lambda call: call.copies)
        if not self.phased:
            whole = whole._replace(phase_set=None, haplotypes=None)
        return whole._replace(
            depth=_least(call.depth for call in calls),
            ref_depth=_least(call.ref_depth for call in calls),
            alt_depth=_least(call.alt_depth for call in calls),
            informative_depth=_least(call.informative_depth for call in calls),
            genotype_quality=_least(call.genotype_quality for call in calls),
        )

    @property
    def filter(self) -> str:
        """PASS where every member passed, else what failed."""
        failed = {name for member in self.members for name in member.filter.split(";")} - {"PASS", "."}
        return ";".join(sorted(failed)) or self.members[0].filter


def _least(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return min(known) if known else None


@dataclass
class Survey:
    """What a sample's records hold that may be more or less than one change each.

    Attributes:
        members: by contig, in order, those that may belong together with another.
        parts: substitutions of several bases with what they are made of.
    """

    members: dict[str, list[Member]]
    parts: dict[Allele, list[Allele]]


def survey(lines: Iterable[str], site_reads: SiteReads) -> Survey:
    """Go through VCF lines with BCSQ, one alternate allele each."""
    found = Survey({}, {})
    near: list[Member] = []
    for line in _promising(lines):
        fields = line.rstrip("\n").split("\t")
        ref, alt = fields[3], fields[4]
        if not _IS_SEQUENCE(alt) or not _IS_SEQUENCE(ref) or ref == alt:
            continue
        allele = (fields[0], int(fields[1]), ref, alt)
        if 1 < len(ref) == len(alt) and (parts := parts_of(allele)) and read_call(fields[8], fields[9]).copies:
            found.parts[allele] = parts
        if (member := _member(allele, fields, site_reads)) is None:
            continue
        if near and (near[-1].allele[0] != allele[0] or member.edit.start - near[-1].edit.end > NEIGHBOURS_WITHIN):
            _keep(near, found)
            near = []
        _add(member, near)
    _keep(near, found)
    return found


def _add(member: Member, near: list[Member]) -> None:
    """Add a record; of two of one allele the better counts."""
    for place, other in enumerate(near):
        if other.allele == member.allele:
            near[place] = max(other, member, key=_standing)
            return
    near.append(member)


def _standing(member: Member) -> tuple[bool, int]:
    return member.filter in ("PASS", "."), member.call.genotype_quality or 0


def _promising(lines: Iterable[str]) -> Iterator[str]:
    """Lines that change codons, are substitutions of several bases, or lie close to another: one in ten of a genome."""
    before, end, contig, told = "", 0, "", True
    for line in lines:
        name, place, _, ref, alt, _ = line.split("\t", 5)
        start = int(place)
        close = start - end <= NEIGHBOURS_WITHIN + 1 and name == contig
        if close and not told:
            yield before
        told = close or "|+|" in line or "|-|" in line or 1 < len(ref) == len(alt)
        if told:
            yield line
        before, end, contig = line, max(start + len(ref), end if name == contig else 0), name


def _keep(near: list[Member], found: Survey) -> None:
    """A member that has no neighbour is of interest for its codons alone, if it is known where it lies."""
    kept = near if len(near) > 1 else [member for member in near if member.transcripts and member.is_placed]
    if kept:
        found.members.setdefault(kept[0].allele[0], []).extend(kept)


def _member(allele: Allele, fields: Sequence[str], site_reads: SiteReads) -> Member | None:
    """The record as a member, if the sample carries it."""
    return member_of(allele, read_call(fields[8], fields[9], site_reads.of(fields[7])), fields)


def member_of(allele: Allele, call: Call, fields: Sequence[str]) -> Member | None:
    """A record as a member, if the sample carries it on every molecule.

    Args:
        allele: of the record.
        call: the sample's.
        fields: of the VCF line, with BCSQ.
    """
    if not call.copies or _is_partial(allele[0], call):
        return None
    bcsq = info_value(fields[7], "BCSQ=")
    coding = {item.split("|")[2] for item in bcsq.split(",") if item.count("|") >= _PIPES_OF_A_CODON}
    terms = {hit.transcript: hit.terms for hit in parse_bcsq(bcsq).hits if hit.transcript in coding}
    return Member(allele, call, fields[6], terms)


def _is_partial(contig: str, call: Call) -> bool:
    """Two heteroplasmic variants of the mitochondrion need not lie on one molecule."""
    if bare_contig(contig) != "MT":
        return False
    return not call.alt_depth or not call.informative_depth or call.alt_depth < HOMOPLASMIC * call.informative_depth


def combinations(members: Sequence[Member], model: GeneModel, sequence: str) -> Iterator[Combination]:
    """What the members on one contig make together; each set of members once.

    Args:
        members: in order along the contig.
        model: for codons and frames.
        sequence: the contig's bases.
    """
    told: dict[tuple[Member, ...], list[str]] = {}
    for transcript_id, group in _by_codon(members, model):
        told.setdefault(group, []).append(transcript_id)
    for group, transcripts in told.items():
        yield Combination(group, tuple(transcripts), _allele_of(group, sequence))
    yield from neighbours(members, sequence, {_alleles(group) for group in told})


def neighbours(
    members: Sequence[Member], sequence: str, told: Collection[tuple[Allele, ...]] = ()
) -> Iterator[Combination]:
    """What members that follow each other closely make or, as far as nobody has phased them, may make together.

    Args:
        members: in order along the contig.
        sequence: the contig's bases.
        told: alleles of the groups that are told already and are left out.
    """
    for cluster in _clusters(members):
        known = dict.fromkeys(run for run in _neighbours(cluster) if _alleles(run) not in told)
        possible = dict.fromkeys(_unphased(cluster))
        found = [(group, True) for group in known]
        found += [(group, False) for group in possible if group not in known and _alleles(group) not in told]
        for group, phased in found:
            if allele := _allele_of(group, sequence):
                yield Combination(group, (), allele, phased)


def _alleles(group: Sequence[Member]) -> tuple[Allele, ...]:
    return tuple(member.allele for member in group)


def _unphased(cluster: Sequence[Member]) -> Iterator[tuple[Member, ...]]:
    """Neighbours that may lie on one chromosome, as far as anybody knows."""
    for size in range(2, MOST_NEIGHBOURS + 1) if len(cluster) <= MOST_IN_A_CLUSTER else ():
        for chosen in itertools.combinations(cluster, size):
            lie = {one.lies_with(other) for one, other in itertools.combinations(chosen, 2)}
            run = tuple(sorted(chosen, key=lambda member: member.edit))
            if None in lie and False not in lie and _follow_closely(run):
                yield run


def _follow_closely(run: Sequence[Member]) -> bool:
    gaps = [later.edit.start - earlier.edit.end for earlier, later in itertools.pairwise(run)]
    return all(0 <= gap <= NEIGHBOURS_WITHIN for gap in gaps)


def _chromosomes(members: Sequence[Member]) -> Iterator[list[Member]]:
    """The members that are known to lie on one chromosome, for each chromosome and phase set there is."""
    sets: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    for number, member in enumerate(members):
        if not member.everywhere and member.call.phase_set:
            for haplotype in member.call.haplotypes or ():
                sets[member.call.phase_set, haplotype].add(number)
    everywhere = {number for number, member in enumerate(members) if member.everywhere}
    for numbers in dict.fromkeys(frozenset(found | everywhere) for found in (*sets.values(), set())):
        if len(numbers) > 1:
            yield [members[number] for number in sorted(numbers)]


def _by_codon(members: Sequence[Member], model: GeneModel) -> Iterator[tuple[str, tuple[Member, ...]]]:
    """Members that share a codon or a shifted frame of a transcript."""
    by_transcript: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        for transcript_id in member.transcripts:
            by_transcript[transcript_id].append(member)
    for transcript_id, listed in by_transcript.items():
        transcript = model.transcripts.get(transcript_id)
        if transcript is None or transcript.coding is None or len(listed) < 2:
            continue
        for chromosome in _chromosomes(listed):
            for group in _groups(chromosome, transcript):
                yield transcript_id, tuple(sorted(group, key=lambda member: member.edit))


def _groups(chromosome: Sequence[Member], transcript: Transcript) -> Iterator[list[Member]]:
    placed = ((coding_edit(transcript, member.edit, duplication=False), member) for member in chromosome)
    ordered = sorted(((place, member) for place, member in placed if place), key=lambda pair: pair[0])
    group: list[tuple[CodingEdit, Member]] = []
    for place, member in ordered:
        if group and not _belongs(group, place):
            yield from _told(group)
            group = []
        group.append((place, member))
    yield from _told(group)


def _belongs(group: Sequence[tuple[CodingEdit, Member]], place: CodingEdit) -> bool:
    last = group[-1][0]
    return _shift(group) % 3 != 0 or place.start // 3 <= (max(last.end, last.start + 1) - 1) // 3


def _shift(group: Sequence[tuple[CodingEdit, Member]]) -> int:
    return sum(len(place.alt) - (place.end - place.start) for place, _ in group)


def _told(group: Sequence[tuple[CodingEdit, Member]]) -> Iterator[list[Member]]:
    """The group, if it is more than one, leaves the frame whole and its members do not replace the same bases."""
    overlap = any(one.end > other.start for (one, _), (other, _) in itertools.pairwise(group))
    if len(group) < 2 or _shift(group) % 3 or overlap:
        return
    if group[-1][0].end - group[0][0].start <= FRAME_RESTORED_WITHIN:
        yield [member for _, member in group]


def _neighbours(cluster: Sequence[Member]) -> Iterator[tuple[Member, ...]]:
    """Runs of two to some members that follow each other closely on one chromosome."""
    for chromosome in _chromosomes(cluster):
        for size in range(2, MOST_NEIGHBOURS + 1):
            for first in range(len(chromosome) - size + 1):
                run = sorted(chromosome[first : first + size], key=lambda member: member.edit)
                if _follow_closely(run):
                    yield tuple(run)


def _clusters(members: Sequence[Member]) -> Iterator[list[Member]]:
    cluster: list[Member] = []
    for member in members:
        if cluster and member.edit.start - max(one.edit.end for one in cluster) > NEIGHBOURS_WITHIN:
            if len(cluster) > 1:
                yield cluster
            cluster = []
        cluster.append(member)
    if len(cluster) > 1:
        yield cluster


def _allele_of(group: Sequence[Member], sequence: str) -> Allele | None:
    whole = one_allele([member.edit for member in group], sequence)
    return whole and (group[0].allele[0], *whole)


def one_allele(edits: Sequence[Edit], sequence: str) -> tuple[int, str, str] | None:
    """Edits of one chromosome as one allele: 1-based position, ref and alt, normalised.

    Args:
        edits: in order, none within another.
        sequence: the contig's bases.

    Returns:
        Nothing where they lie too far apart, or undo each other.
    """
    start, end = edits[0].start, edits[-1].end
    if end - start > ONE_ALLELE_WITHIN:
        return None
    alt, reached = "", start
    for edit in edits:
        alt += sequence[reached : edit.start] + edit.alt
        reached = edit.end
    return None if alt == sequence[start:end] else left_aligned(start, sequence[start:end], alt, sequence)


def close_groups(edits: Sequence[Edit]) -> Iterator[list[Edit]]:
    """Every choice of two to some edits that follow each other closely, whatever chromosome they lie on.

    Args:
        edits: in order along the contig.

    >>> [len(group) for group in close_groups([Edit(1, 2, "A"), Edit(3, 4, "A"), Edit(5, 6, "A"), Edit(99, 100, "A")])]
    [2, 3, 2, 2]
    """
    for place, edit in enumerate(edits):
        yield from _longer([edit], edits[place + 1 :])


def _longer(group: list[Edit], after: Sequence[Edit]) -> Iterator[list[Edit]]:
    if len(group) == MOST_NEIGHBOURS:
        return
    for place, edit in enumerate(after):
        gap = edit.start - group[-1].end
        if gap > NEIGHBOURS_WITHIN:
            return
        if gap >= 0:
            yield [*group, edit]
            yield from _longer([*group, edit], after[place + 1 :])


def parts_of(allele: Allele) -> list[Allele]:
    """The substitutions that a substitution of several bases is made of, alone and side by side, but for the whole.

    >>> parts_of(("1", 10, "GG", "AC"))
    [('1', 10, 'G', 'A'), ('1', 11, 'G', 'C')]
    >>> parts_of(("1", 10, "GTG", "ATC"))
    [('1', 10, 'G', 'A'), ('1', 12, 'G', 'C')]
    """
    contig, position, ref, alt = allele
    if len(ref) != len(alt) or not 1 < len(ref) <= LONGEST_IN_PARTS:
        return []
    changed = [place for place in range(len(ref)) if ref[place] != alt[place]]
    spans = {
        (changed[first], changed[last] + 1)
        for first in range(len(changed))
        for last in range(first, len(changed))
        if last - first < len(changed) - 1
    }
    return [(contig, position + start, ref[start:end], alt[start:end]) for start, end in sorted(spans)]
