"""What a record of a VCF says of its samples, judged against the specification (VCF 4.3, section 1.6.2).

Every reader of others' calls asks here whether a genotype is one: a number that stands for no allele, a list of another
length than the header declares, a value too many. What is no genotype is refused by the reader, with its place; what is
one may still tell nothing, as 0/0 where no read lies.

>>> Formats(['##FORMAT=<ID=AD,Number=R,Type=Integer,Description="">']).problem("GT:AD", "0/1:12", 1)
'AD has 1 values and not 2'
>>> alleles("GT:DP", "0|1:30"), alleles("GT:DP", "0/0:0"), alleles("GT:DP", "./1:9"), alleles("DP", "9")
((0, 1), None, (None, 1), None)
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import lru_cache

_DECLARED = re.compile(r"##FORMAT=<(?:.*,)?ID=([^,>]+),(?:.*,)?Number=([^,>]+)[,>]").match
_IS_GENOTYPE = re.compile(r"[/|]?(?:0|[1-9]\d{0,8}|\.)(?:[/|](?:0|[1-9]\d{0,8}|\.))*", re.ASCII).fullmatch
_ALLELE = re.compile(r"\d+|\.", re.ASCII)
_IS_COUNT = re.compile(r"\.|\d{1,10}", re.ASCII).fullmatch
_IS_QUALITY = re.compile(r"\.|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII).fullmatch
_BEGINS_A_KEY = re.compile(r"[A-Za-z_]").match
_LISTS = ("AD", "PL")
_DIPLOID = 2


class Formats:
    """FORMAT as a header declares it."""

    def __init__(self, header: Iterable[str] = ()) -> None:
        """Args:
        header: its lines; others are passed over.
        """
        self._number: dict[str, str] = {}
        for line in header:
            self.declare(line)

    def declare(self, line: str) -> None:
        """Take a line of the header into account."""
        if (found := _DECLARED(line)) is not None:
            self._number[found[1]] = found[2]

    def problem(self, keys: str, call: str, alternates: int) -> str | None:
        """What is wrong with a sample's column, absent where nothing is.

        Args:
            keys: FORMAT.
            call: the column.
            alternates: how many alternate alleles the record has.
        """
        names, values = _names(keys), call.split(":")
        if len(values) > len(names):
            return f"{len(values)} values stand for the keys {keys[:40]}"
        if not all(map(_BEGINS_A_KEY, names)) and keys != ".":
            return f"FORMAT {keys[:40]!r} holds what is no key"
        if len(set(names)) < len(names):
            return f"FORMAT {keys[:40]} has a key twice"
        if "GT" in names[1:]:
            return f"GT is not the first of FORMAT {keys[:40]}"
        if call in (".", ""):
            return None if call or not names else "a sample's column is empty"
        ploidy = _DIPLOID
        if names[0] == "GT":
            numbers = _numbers(values[0])
            if numbers is None or max((number or 0 for number in numbers), default=0) > alternates:
                return f"GT is {values[0][:20]!r}, of {1 + alternates} alleles"
            ploidy = len(numbers)
        for name, value in zip(names[1:] if names[0] == "GT" else names, values[names[0] == "GT" :], strict=False):
            if problem := self._value_problem(name, value, 1 + alternates, ploidy):
                return problem
        return None

    def _value_problem(self, name: str, value: str, alleles: int, ploidy: int) -> str | None:
        if name in _LISTS and value != "." and self._number.get(name) in ("R", "G"):
            told = value.split(",")
            if name == "AD" and len(told) != alleles:
                return f"AD has {len(told)} values and not {alleles}"
            # Some write a genotype of one copy with the likelihoods of two.
            wanted = {math.comb(alleles + copies - 1, copies) for copies in (ploidy, max(ploidy, _DIPLOID))}
            if name == "PL" and len(told) not in wanted:
                return f"PL has {len(told)} values and not {math.comb(alleles + ploidy - 1, ploidy)}"
            if not all(map(_IS_COUNT, told)):
                return f"{name} is {value[:20]!r}"
        if (name == "DP" and not _IS_COUNT(value)) or (name == "GQ" and not _IS_QUALITY(value)):
            return f"{name} is {value[:20]!r}"
        return None


@lru_cache(maxsize=64)
def _names(keys: str) -> tuple[str, ...]:
    return tuple(keys.split(":"))


@lru_cache(maxsize=512)
def _numbers(genotype: str) -> tuple[int | None, ...] | None:
    """The alleles of a genotype, absent where it is none."""
    if not _IS_GENOTYPE(genotype):
        return None
    return tuple(None if one == "." else int(one) for one in _ALLELE.findall(genotype))


def alleles(keys: str, call: str) -> tuple[int | None, ...] | None:
    """Numbers of the alleles that a sample was called to have, ``None`` for one that is missing.

    Absent where there is no genotype, or no read that it could rest on.

    Args:
        keys: FORMAT.
        call: the sample's column, in which :meth:`Formats.problem` found nothing.
    """
    names, values = _names(keys), call.split(":")
    if names[0] != "GT" or has_no_read(keys, call):
        return None
    return _numbers(values[0])


def genotype_in_phase(keys: str, call: str) -> str:
    """GT, its alleles in the order of the haplotypes where they are phased; ``.`` where there is none.

    GATK's GenotypeGVCFs leaves the alleles of every phased genotype ascending and tells by PGT where they lie.

    >>> [genotype_in_phase("GT:PGT:PID:PS", call) for call in ("0|2:1|0:5_A_T:5", "0|1:0|1:5_A_T:5", "0|1:1|0:5_A_T:9")]
    ['2|0', '0|1', '0|1']
    """
    told = dict(zip(_names(keys), call.split(":"), strict=False))
    genotype = told.get("GT", ".").lstrip("/|")
    is_one_set = told.get("PID", ".").partition("_")[0] == told.get("PS", ".") != "."
    if is_one_set and told.get("PGT") == "1|0" and genotype.startswith("0|"):
        return f"{genotype[2:]}|0"
    return genotype


def has_no_read(keys: str, call: str) -> bool:
    """Whether a sample's column says that nothing was read there: of no depth, or where none is told of no allele."""
    told = dict(zip(_names(keys), call.split(":"), strict=False))
    depth = told.get("DP", ".")
    if depth != ".":
        return not depth.strip("0")
    depths = told.get("AD", ".")
    return "." not in depths and not depths.strip("0,")
