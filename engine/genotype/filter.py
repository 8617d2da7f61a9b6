"""Filters by name, and those made of limits: which calls are not to be trusted, said in FILTER and never by leaving
them out.

Three sets: the default for calls of GATK's kind (:mod:`engine.genotype.evidence`), GATK's hard filters for the same
calls, and limits for calls of bcftools, which has other annotations. Measures over filtered calls are
:mod:`engine.genotype.measures`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from engine.genotype import FILTER_SETS
from engine.genotype.evidence import EvidenceFilters, info_values


class Filters(Protocol):
    """A set of filters."""

    def header_lines(self) -> list[str]:
        """FILTER definitions for a VCF header."""

    def verdict(self, columns: Sequence[str]) -> str:
        """FILTER of a record alone, given all its columns: ``PASS``, or the names of what it fails joined by ``;``."""

    def judged(self, records: Iterable[list[str]]) -> Iterator[tuple[list[str], str]]:
        """Each record of a VCF in order, all its columns, with its FILTER."""


class Rule(NamedTuple):
    """One reason to distrust a call: the value is below (or above) the limit. A value that is absent passes.

    Attributes:
        name: as in FILTER.
        key: INFO key, ``QUAL``, or a FORMAT key of the sample.
        below: limit that the value must not be below.
        above: limit that the value must not be above.
    """

    name: str
    key: str
    below: float | None = None
    above: float | None = None

    def fails(self, value: float) -> bool:
        """The value lies beyond the limit."""
        return (self.below is not None and value < self.below) or (self.above is not None and value > self.above)

    @property
    def meaning(self) -> str:
        """As in the header."""
        return f"{self.key} {'<' if self.above is None else '>'} {self.below if self.above is None else self.above:g}"


@dataclass(frozen=True)
class HardFilters:
    """Rules for SNPs and for everything else.

    Attributes:
        snp: rules for records all of whose alternate alleles have REF's length.
        indel: rules for the others.
    """

    snp: tuple[Rule, ...]
    indel: tuple[Rule, ...]

    def header_lines(self) -> list[str]:
        """FILTER definitions for a VCF header."""
        meanings: dict[str, list[str]] = {}
        for kind, rules in (("SNP", self.snp), ("indel", self.indel)):
            for rule in rules:
                meanings.setdefault(rule.name, []).append(f"{kind}: {rule.meaning}")
        return [f'##FILTER=<ID={name},Description="{"; ".join(texts)}">' for name, texts in sorted(meanings.items())]

    def verdict(self, columns: Sequence[str], sample: Mapping[str, float] | None = None) -> str:
        """FILTER of a record: ``PASS`` or the names of all rules it fails, joined by ``;``.

        Args:
            columns: the columns of a VCF line, at least as far as INFO.
            sample: values of the sample that rules name.
        """
        values = info_values(columns[7])
        if columns[5] != ".":
            values["QUAL"] = columns[5]
        failed = [rule.name for rule in self._rules(columns[3], columns[4]) if _fails(rule, values, sample or {})]
        return ";".join(sorted(failed)) or "PASS"

    def judged(self, records: Iterable[list[str]]) -> Iterator[tuple[list[str], str]]:
        """Each record with its FILTER; neighbours do not matter."""
        return ((columns, self.verdict(columns)) for columns in records)

    def _rules(self, ref: str, alts: str) -> tuple[Rule, ...]:
        snp = all(len(alt) == len(ref) or alt == "*" for alt in alts.split(","))
        return self.snp if snp else self.indel


def _fails(rule: Rule, values: Mapping[str, str], sample: Mapping[str, float]) -> bool:
    if rule.key in sample:
        return rule.fails(sample[rule.key])
    value = values.get(rule.key, ".")
    return value != "." and rule.fails(float(value))


HARD_FILTERS = HardFilters(
    snp=(
        Rule("QD2", "QD", below=2),
        Rule("QUAL30", "QUAL", below=30),
        Rule("SOR3", "SOR", above=3),
        Rule("FS60", "FS", above=60),
        Rule("MQ40", "MQ", below=40),
        Rule("MQRankSum-12.5", "MQRankSum", below=-12.5),
        Rule("ReadPosRankSum-8", "ReadPosRankSum", below=-8),
    ),
    indel=(
        Rule("QD2", "QD", below=2),
        Rule("QUAL30", "QUAL", below=30),
        Rule("FS200", "FS", above=200),
        Rule("ReadPosRankSum-20", "ReadPosRankSum", below=-20),
    ),
)
"""GATK's recommendation for germline calls that are not recalibrated by VQSR."""

BCFTOOLS_FILTERS = HardFilters(
    snp=(
        Rule("QUAL20", "QUAL", below=20),
        Rule("DP4", "DP", below=4),
        Rule("GQ15", "GQ", below=15),
        Rule("AB0.2", "AB", below=0.2),
        Rule("SP60", "SP", above=60),
    ),
    indel=(
        Rule("QUAL20", "QUAL", below=20),
        Rule("DP4", "DP", below=4),
        Rule("GQ15", "GQ", below=15),
        Rule("AB0.2", "AB", below=0.2),
    ),
)
"""For calls of bcftools: AB is the share of reads with the alternate allele of a heterozygote, SP its strand bias."""

FILTERS: Mapping[str, Filters] = dict(zip(FILTER_SETS, (EvidenceFilters(), HARD_FILTERS), strict=True))
"""For calls with GATK's annotations, by the name that a deployment chooses; the first is the default."""
DEFAULT_FILTERS = FILTER_SETS[0]
