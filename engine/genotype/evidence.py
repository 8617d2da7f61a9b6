"""The default filters: what in a call speaks against it, added up by genotype, rather than limits of single measures.

A filter on one measure takes true variants away wherever that measure says nothing: strand bias of a homozygote that
has no reference read to compare with, mapping quality of a place that is hard to map for every read. Here a
heterozygous SNP is suspect where its alternate reads are too few *and* differ from the reference reads; each test
gives the chance of what was seen if the variant were true, in phred, and these are added (as in Fisher's combined
probability test). A heterozygous indel is suspect where few reads tell the alleles apart and little quality stands
behind them: a homopolymer that slips. Slips grow with the reads; up to four alternate reads are as few as chance makes
them of a true indel, and more must speak against those. What has no reference allele in its genotype has nothing to be
compared with and is left alone.

Where few reads cover a SNP they cannot say much; its neighbours may. Heterozygous SNPs that crowd, with a third of the
reads each, are the differences of a copy that the reference does not have (a collapsed duplication): what their reads
say for a share of a third rather than of a half counts in place of the reads that are lacking. Such a copy is read
beside the two that are known: there are half as many reads again. Where there are no more than usual, a crowd is a
haplotype that differs much and aligns badly, and speaks against nothing. Reads of the copy have all its differences: a
SNP on one phased haplotype with others of the crowd is its, one that is not phased while others are may be of the
person.

How the weights and limits were found, and what they do on each truth: ``python -m benchmarks.filters``, and
``docs/measurements.md``.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import NamedTuple

ALT_BIAS, SLIPPAGE, LOW_QUALITY = "AltBias", "Slippage", "QUAL30"

SUSPECT, SUSPECT_OF_FEW, MANY = 70.0, 54.0, 26
"""Evidence, in phred, from which a heterozygous SNP is marked: with :data:`MANY` reads or more, and as their number
nears none. Fewer reads can say less against a call, whatever it is."""
CROWD, CROWD_WITHIN = 7, 700
"""How many other heterozygous SNPs within how many bases on either side are a crowd."""
CROWD_COUNTS, NEEDS_NO_CROWD, NEEDS_NO_PHASED_CROWD = 125.0, 40, 55
"""What a crowd may add at most to the evidence, in phred, as the number of reads nears none; and the reads from which
on it adds nothing, and one that the SNP is phased with."""
IN_PHASE, OUT_OF_PHASE = 2.0, 0.5
"""How many times a crowd counts, for a SNP on one haplotype with others of it, and for one that is not phased with any
while some are phased."""
USUAL_DEPTH, DEPTH_OF_A_COPY = 1.1, 1.3
"""Reads of a crowd as a multiple of the usual: up to the one it counts nothing, from the other on in full; a copy more
gives 1.5 times as many, of which chance and mapping leave fewer."""
STRETCH, STRETCHES, FEWEST_STRETCHES = 1_000, 256, 16
"""The usual depth is the median of so many stretches of so many bases with heterozygous SNPs, the last before a record
on its contig, for calls are read once; with fewer stretches it is not known."""
SHARE_BESIDE_A_COPY, CROWD_SHARE = 1 / 3, 0.36
"""Alternate reads where a third copy, which the reference does not have, is read as well; and how many of its own a SNP
has at most for a crowd to speak against it: a true one beside a hidden copy may have half of them."""
STRAND_ODDS, STRANDS_ALIKE = 8.0, 1.5
"""Of few reads the test of chance (FS) tells little of the strands; the odds (SOR, a logarithm) tell more: phred for
each unit above that up to which strands are alike, as the number of reads nears none; nothing from :data:`MANY` on."""
STRAND_WEIGHT, BASES_WEIGHT, MAPPING_WEIGHT = 1.55, 0.8, 0.65
"""That alternate reads lie on other strands shows more than that they end worse or map worse: those of true variants
do, too."""
EXPECTED_SHARE = 0.45
"""Alternate reads of a true heterozygote: somewhat less than half, for reads that differ align less often."""
JUDGED_READS = 32
"""Reads that the share is judged by at most; the evidence of more counts as that of so many. With more, capture and
mapping move the share further than chance does, and a stretch that is seen deeper than its neighbours may have the
reads of a hidden copy, beside which a true allele is few."""
TOO_FEW = 12.0
"""Phred from which alternate reads are too few; only then does it count that they map worse."""
LEAST_QUALITY = 30.0
FEW_ALTERNATES = 5
"""Alternate reads of an indel below which chance may have left so few of a true one."""
SLIPS, SLIPS_OF_FEW = ((2.5, 0.85), (3.0, 0.8)), ((3.0, 0.7),)
"""Quality by depth and share of the reads that tell the alleles apart, below both of which an indel slips: with
:data:`FEW_ALTERNATES` alternate reads or more, and with fewer."""
_BEST_MAPPING = 60.0
_MOST_BASES, _MOST_MAPPING = 25.0, 40.0


@dataclass(frozen=True)
class Evidence:
    """What speaks against a heterozygous SNP, each the phred of a chance under the assumption that it is true.

    Attributes:
        balance: of so few alternate reads or fewer, one-sided.
        strand: of reference and alternate reads that lie on the strands as differently (FS).
        odds: what the strands of few reads differ by as odds (SOR), weighed.
        bases: of alternate bases of so much lower quality (BaseQRankSum), one-sided.
        mapping: of alternate reads that map so much worse (MQRankSum), one-sided, and what MQ lacks to 60.
    """

    balance: float
    strand: float
    odds: float
    bases: float
    mapping: float

    @property
    def total(self) -> float:
        """Balance counts twice, for every artefact must pass it."""
        mapping = MAPPING_WEIGHT * self.mapping if self.balance >= TOO_FEW else 0.0
        return 2 * self.balance + STRAND_WEIGHT * self.strand + self.odds + BASES_WEIGHT * self.bases + mapping


@dataclass(frozen=True)
class Crowd:
    """The heterozygous SNPs around one.

    Attributes:
        others: reads of the reference and of the alternate allele of each other within :data:`CROWD_WITHIN`.
        depth: their reads, as a multiple of the usual; absent where that is not known.
        is_phased: the SNP lies on one phased haplotype with one of them; absent where none of them is phased.
    """

    others: Sequence[tuple[int, int]]
    depth: float | None = None
    is_phased: bool | None = None

    @property
    def depth_share(self) -> float:
        """How far the depth is that of one copy more, from 0 to 1; 1 where nothing is known."""
        if self.depth is None:
            return 1.0
        return min(max((self.depth - USUAL_DEPTH) / (DEPTH_OF_A_COPY - USUAL_DEPTH), 0.0), 1.0)

    @property
    def is_one_copy(self) -> bool:
        """The SNP is on one haplotype with others where the depth is known; by itself that is so of true ones, too."""
        return self.depth is not None and self.is_phased is True

    @property
    def weight(self) -> float:
        """How many times it counts, by phase."""
        if self.is_phased is False:
            return OUT_OF_PHASE
        return IN_PHASE if self.is_one_copy else 1.0


NO_CROWD = Crowd(())


@dataclass(frozen=True)
class EvidenceFilters:
    """The default set; see the module. One object serves, for nothing in it is free."""

    def header_lines(self) -> list[str]:
        """FILTER definitions for a VCF header."""
        meanings = {
            ALT_BIAS: f"Heterozygous SNP with too few alternate reads that differ in strand, base quality or mapping: "
            f"evidence above {SUSPECT:g} phred, of few reads above {SUSPECT_OF_FEW:g}; of few reads that of a crowd of "
            "such SNPs is added, with a third of the reads each where there are more reads than usual",
            SLIPPAGE: f"Heterozygous indel with {_in_words(SLIPS)} of the reads tell the alleles apart; with less than "
            f"{FEW_ALTERNATES} alternate reads, {_in_words(SLIPS_OF_FEW)} of them",
            LOW_QUALITY: f"QUAL < {LEAST_QUALITY:g}",
        }
        return [f'##FILTER=<ID={name},Description="{text}">' for name, text in sorted(meanings.items())]

    def judged(self, records: Iterable[list[str]]) -> Iterator[tuple[list[str], str]]:
        """Each record of a VCF in order, all its columns, with its FILTER as its neighbours let see it."""
        waiting: deque[_Waiting] = deque()
        near: deque[_Waiting] = deque()
        usual = _UsualDepth()
        for columns in records:
            one = _waiting(columns, usual)
            while waiting and not waiting[0].is_near(one):
                yield self._released(waiting.popleft(), near)
            waiting.append(one)
            if one.snp is not None:
                near.append(one)
        while waiting:
            yield self._released(waiting.popleft(), near)

    def _released(self, one: _Waiting, near: deque[_Waiting]) -> tuple[list[str], str]:
        """A record that all its neighbours have been seen of."""
        while near and not near[0].is_near(one):
            near.popleft()
        others = [other.snp for other in near if other is not one and other.is_near(one) and other.snp is not None]
        crowd = _crowd(one.snp, others, one.usual) if one.snp is not None and len(others) >= CROWD else NO_CROWD
        return one.columns, self.verdict(one.columns, crowd)

    def verdict(self, columns: Sequence[str], crowd: Crowd = NO_CROWD) -> str:
        """FILTER of a record: ``PASS``, or the names of what it fails joined by ``;``.

        Args:
            columns: all columns of a VCF line, samples included.
            crowd: the heterozygous SNPs around it.
        """
        info = info_values(columns[7])
        failed = [LOW_QUALITY] if columns[5] != "." and float(columns[5]) < LEAST_QUALITY else []
        reads = heterozygous_reads(columns)
        if reads is not None:
            snp = _is_snp(columns)
            if snp and evidence(*reads, info).total + crowding(*reads, crowd) > suspect(sum(reads)):
                failed.append(ALT_BIAS)
            if not snp and _slips(info, columns, reads[1]):
                failed.append(SLIPPAGE)
        return ";".join(sorted(failed)) or "PASS"


def evidence(reference: int, alternate: int, info: Mapping[str, str]) -> Evidence:
    """What speaks against a heterozygous SNP with so many reads of each allele; a measure that is absent says nothing.

    >>> round(evidence(15, 15, {"FS": "2.1", "BaseQRankSum": "0.3", "MQ": "60.00"}).total)
    7
    >>> round(evidence(29, 4, {"FS": "12.0", "BaseQRankSum": "-3.1", "MQ": "48.20", "MQRankSum": "-3.4"}).total)
    151
    >>> [round(evidence(*reads, {"SOR": "4.0"}).odds) for reads in ((4, 2), (8, 7), (16, 14))]
    [15, 8, 0]
    """
    mapping = min(_phred_of_z(info, "MQRankSum"), _MOST_MAPPING)
    mapping += min(max(_BEST_MAPPING - _number(info, "MQ", _BEST_MAPPING), 0.0), _MOST_MAPPING)
    return Evidence(
        balance=_balance(reference, alternate),
        strand=_number(info, "FS", 0.0),
        odds=STRAND_ODDS * _lacking(reference + alternate) * max(_number(info, "SOR", 0.0) - STRANDS_ALIKE, 0.0),
        bases=min(_phred_of_z(info, "BaseQRankSum"), _MOST_BASES),
        mapping=mapping,
    )


def suspect(reads: int) -> float:
    """The evidence, in phred, from which a heterozygous SNP of so many reads is marked.

    >>> [round(suspect(reads)) for reads in (9, 18, 27, 60)]
    [60, 65, 70, 70]
    """
    return SUSPECT - (SUSPECT - SUSPECT_OF_FEW) * _lacking(reads)


def _lacking(reads: int) -> float:
    """The share of :data:`MANY` reads that are not there."""
    return (MANY - min(reads, MANY)) / MANY


def crowding(reference: int, alternate: int, crowd: Crowd) -> float:
    """What the heterozygous SNPs around one say against it, in phred: that a hidden copy is read there.

    Args:
        reference: its own reads of the reference allele.
        alternate: its own reads of the alternate allele.
        crowd: those of the others, and what is known of them.

    >>> thirds = Crowd([(16, 8)] * 40)
    >>> [round(crowding(reads - reads // 3, reads // 3, thirds)) for reads in (9, 18, 27, 36)]
    [97, 69, 41, 12]
    >>> [round(crowding(12, 6, Crowd([(16, 8)] * 12, depth))) for depth in (None, 1.1, 1.2, 1.5)]
    [37, 0, 19, 37]
    >>> [round(crowding(12, 6, Crowd([(16, 8)] * 12, 1.5, phased))) for phased in (None, False, True)]
    [37, 19, 75]
    >>> [crowding(*reads, Crowd(others)) for *reads, others in ((12, 6, [(16, 8)] * 5), (9, 9, [(16, 8)] * 8))]
    [0.0, 0.0]
    >>> crowding(12, 6, Crowd([(12, 12)] * 8))
    0.0
    """
    reads = reference + alternate
    if len(crowd.others) < CROWD or alternate > CROWD_SHARE * reads:
        return 0.0
    references = reference + sum(one for one, _ in crowd.others)
    alternates = alternate + sum(one for _, one in crowd.others)
    for_a_copy: float = alternates * math.log(SHARE_BESIDE_A_COPY / EXPECTED_SHARE)
    for_a_copy += references * math.log((1 - SHARE_BESIDE_A_COPY) / (1 - EXPECTED_SHARE))
    enough = NEEDS_NO_PHASED_CROWD if crowd.is_one_copy else NEEDS_NO_CROWD
    most = CROWD_COUNTS * (enough - min(reads, enough)) / enough
    return crowd.depth_share * min(max(crowd.weight * 10 * for_a_copy / math.log(10), 0.0), most)


class _Snp(NamedTuple):
    """A heterozygous SNP as its neighbours see it.

    Attributes:
        reads: of reference and alternate allele, summed over the samples that carry it.
        depth: reads of a sample that carries it, the mean.
        haplotypes: those that it is phased on, each with its sample.
    """

    reads: tuple[int, int]
    depth: float
    haplotypes: frozenset[tuple[int, str, str]]


class _Waiting(NamedTuple):
    """A record whose neighbours may still come.

    Attributes:
        columns: of the VCF line.
        contig: of the record.
        position: 1-based.
        snp: what it is, if it is a heterozygous SNP.
        usual: depth of the heterozygous SNPs before it, as far as it is known.
    """

    columns: list[str]
    contig: str
    position: int
    snp: _Snp | None
    usual: float | None

    def is_near(self, other: _Waiting) -> bool:
        return self.contig == other.contig and abs(other.position - self.position) <= CROWD_WITHIN


class _UsualDepth:
    """The median depth of the last stretches with heterozygous SNPs on a contig.

    Of each stretch the mean, so that a crowd counts no more than a place with one SNP.
    """

    def __init__(self) -> None:
        self._stretch: tuple[str, int] | None = None
        self._depths: list[float] = []
        self._means: deque[float] = deque(maxlen=STRETCHES)
        self.known: float | None = None

    def add(self, contig: str, position: int, depth: float) -> None:
        """Take a SNP in; what is known changes with the first of a stretch."""
        stretch = (contig, position // STRETCH)
        if stretch != self._stretch:
            self._finish(is_same_contig=self._stretch is not None and self._stretch[0] == contig)
            self._stretch = stretch
        self._depths.append(depth)

    def _finish(self, *, is_same_contig: bool) -> None:
        if is_same_contig:
            self._means.append(sum(self._depths) / len(self._depths))
        else:
            self._means.clear()
        self._depths.clear()
        self.known = median(self._means) if len(self._means) >= FEWEST_STRETCHES else None


def _waiting(columns: list[str], usual: _UsualDepth) -> _Waiting:
    contig, position, snp = columns[0], int(columns[1]), _compared_snp(columns)
    if snp is not None:
        usual.add(contig, position, snp.depth)
    return _Waiting(columns, contig, position, snp, usual.known)


def _crowd(one: _Snp, others: Sequence[_Snp], usual: float | None) -> Crowd:
    haplotypes = frozenset[tuple[int, str, str]]().union(*(other.haplotypes for other in others))
    phased = None if not (haplotypes or one.haplotypes) else bool(haplotypes & one.haplotypes)
    depth = None if usual is None else sum(each.depth for each in (one, *others)) / (1 + len(others)) / usual
    return Crowd([other.reads for other in others], depth, phased)


def _compared_snp(columns: Sequence[str]) -> _Snp | None:
    carriers = _heterozygotes(columns) if _is_snp(columns) else None
    if not carriers:
        return None
    reads = _summed(carriers)
    haplotypes = frozenset(one.haplotype for one in carriers if one.haplotype is not None)
    return _Snp(reads, sum(reads) / len(carriers), haplotypes)


def _is_snp(columns: Sequence[str]) -> bool:
    return all(len(alt) == len(columns[3]) or alt == "*" for alt in columns[4].split(","))


def heterozygous_reads(columns: Sequence[str]) -> tuple[int, int] | None:
    """Reads of the reference and of the called alternate allele, summed over all samples that carry one.

    ``None`` where somebody carries an alternate allele without the reference allele (one such genotype shows that the
    allele is real, or at least that nothing can be compared), or where depths are not told.
    """
    carriers = _heterozygotes(columns)
    return _summed(carriers) if carriers else None


class _Heterozygote(NamedTuple):
    """A sample that carries an alternate allele beside the reference allele.

    Attributes:
        reference: its reads of the reference allele.
        alternate: its reads of the alternate allele.
        haplotype: sample, phase set, and genotype as phased in it; absent where it is not phased.
    """

    reference: int
    alternate: int
    haplotype: tuple[int, str, str] | None


def _heterozygotes(columns: Sequence[str]) -> list[_Heterozygote] | None:
    """Carriers with reads; ``None`` as of :func:`heterozygous_reads`."""
    keys = columns[8].split(":")
    carriers = []
    for sample, column in enumerate(columns[9:]):
        call = dict(zip(keys, column.split(":"), strict=False))
        alleles = set(call.get("GT", ".").replace("|", "/").split("/")) - {"."}
        if not alleles - {"0"}:
            continue
        depths = call.get("AD", ".").split(",")
        if "0" not in alleles or "." in depths:
            return None
        carrying = sum(int(depths[int(allele)]) for allele in alleles - {"0"})
        if carrying:  # else no read tells the alleles apart, whatever it is that the call rests on
            carriers.append(_Heterozygote(int(depths[0]), carrying, _haplotype(sample, call)))
    return carriers


def _haplotype(sample: int, call: Mapping[str, str]) -> tuple[int, str, str] | None:
    phase_set, genotype = call.get("PID", "."), call.get("PGT", ".")
    return None if "." in (phase_set, genotype) else (sample, phase_set, genotype)


def _summed(carriers: Sequence[_Heterozygote]) -> tuple[int, int]:
    return sum(one.reference for one in carriers), sum(one.alternate for one in carriers)


def info_values(info: str) -> dict[str, str]:
    """INFO as text by key."""
    return {key: value for key, _, value in (part.partition("=") for part in info.split(";"))}


def _in_words(slips: Sequence[tuple[float, float]]) -> str:
    return " or ".join(f"QD < {quality:g} where less than {share:g}" for quality, share in slips)


def _slips(info: Mapping[str, str], columns: Sequence[str], alternate: int) -> bool:
    """Little quality for its reads, many of which do not reach past the repeat."""
    keys = columns[8].split(":")
    depths = [dict(zip(keys, column.split(":"), strict=False)).get("AD", ".").split(",") for column in columns[9:]]
    telling = sum(int(depth) for sample in depths for depth in sample if depth != ".")
    share = telling / max(_number(info, "DP", 0.0), telling, 1.0)
    by_depth = _number(info, "QD", math.inf)
    limits = SLIPS if alternate >= FEW_ALTERNATES else SLIPS_OF_FEW
    return any(by_depth < quality and share < telling_share for quality, telling_share in limits)


def _balance(reference: int, alternate: int) -> float:
    total = reference + alternate
    return _phred_of_so_few(alternate, total) * JUDGED_READS / max(total, JUDGED_READS)


@cache
def _phred_of_so_few(count: int, total: int) -> float:
    """Of at most ``count`` alternate reads among ``total`` of a heterozygote; in logarithms, for panels are deep."""
    share, other = math.log(EXPECTED_SHARE), math.log1p(-EXPECTED_SHARE)
    ways = math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
    of_fewer = fewer = 1.0  # as a multiple of the chance of exactly ``count``
    for reads in range(count, 0, -1):
        of_fewer *= math.exp(other - share) * reads / (total - reads + 1)
        fewer += of_fewer
    return -10 * (ways + count * share + (total - count) * other + math.log(fewer)) / math.log(10) + 0.0


def _phred_of_z(info: Mapping[str, str], key: str) -> float:
    """Of a rank sum's z, the phred of a z as low or lower; 0 where it was not tested."""
    z = _number(info, key, math.inf)
    return _phred(0.5 * math.erfc(-z / math.sqrt(2))) if math.isfinite(z) else 0.0


def _phred(chance: float) -> float:
    return -10.0 * math.log10(max(chance, 1e-300)) + 0.0


def _number(info: Mapping[str, str], key: str, absent: float) -> float:
    value = info.get(key, ".")
    return absent if value == "." else float(value)
