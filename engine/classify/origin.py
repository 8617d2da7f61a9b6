"""Where a variant comes from: what the calls of both parents tell of it, and what they contradict.

A parent is said to lack an allele only where the place was seen with genotype quality
:data:`engine.call.gvcf.CALLED_FROM` or more; the same quality is asked of the child's own call before a variant is
called new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.call.gvcf import CALLED_FROM
from engine.call.ploidy import ploidy_of
from engine.classify.phase import Parent
from engine.person import Sex
from engine.reference.accessions import bare_contig
from engine.reference.intervals import Interval

FATHER, MOTHER = "father", "mother"
_LINE = {FATHER: "paternal", MOTHER: "maternal"}


@dataclass(frozen=True)
class Origin:
    """Where a variant comes from.

    Attributes:
        origin: ``maternal``, ``paternal``, ``both parents``, ``de novo`` or ``unknown``.
        basis: for a new variant how well it was looked for, in words; absent otherwise.
        caution: what the genotypes of child and parents cannot be at once, and what that may mean; else absent.
    """

    origin: str
    basis: str | None = None
    caution: str | None = None


def transmitting(at: Interval, contig_length: int, sex: Sex) -> tuple[str, ...]:
    """The parents that pass on a place: the mother alone the mitochondrion and a son's X, the father alone Y.

    >>> transmitting(Interval("X", 5_000_000, 5_000_001), 155_270_560, Sex.MALE)
    ('mother',)
    """
    bare = bare_contig(at.contig)
    if bare == "MT":
        return (MOTHER,)
    if bare in ("X", "Y") and sex == Sex.MALE and ploidy_of(at, contig_length, sex)[0].copies == 1:
        return (MOTHER,) if bare == "X" else (FATHER,)
    return (FATHER, MOTHER)


def origin_of(finding: Mapping[str, Any], at: Interval, parents: Mapping[str, Parent | None]) -> Origin:
    """What the parents tell.

    Args:
        finding: row of the annotated table with ``zygosity`` and ``members``.
        at: its place.
        parents: those that pass on the place, by ``father`` and ``mother``; absent where not sequenced.
    """
    carried = {kin: _carries(parent, finding, at) for kin, parent in parents.items()}
    if finding["zygosity"] == "homozygous" and len(parents) > 1:
        return _of_two_copies(carried)
    carriers = [kin for kin, carries in carried.items() if carries]
    lacking = [kin for kin, carries in carried.items() if carries is False]
    if len(carriers) == 1 and len(carriers) + len(lacking) == len(parents):
        return Origin(_LINE[carriers[0]])
    if len(lacking) == len(parents):
        return _new(finding, at, parents)
    return Origin("unknown")


def come_together(members: Sequence[str], contig: str, parents: tuple[Parent | None, Parent | None]) -> bool | None:
    """Whether several alleles of a child come from one parent, and so lie on one chromosome.

    Args:
        members: keys of heterozygous alleles (``1-100-A-T``).
        contig: as the reference names it.
        parents: absent where not sequenced.

    Returns:
        ``None`` where a parent was not seen at a place, or one was seen to carry an allele as the other does.
    """
    father, mother = parents
    if father is None or mother is None:
        return None
    lines = {(father.has(member, contig), mother.has(member, contig)) for member in members}
    if not lines <= {(True, False), (False, True)}:
        return None
    return len(lines) == 1


def _carries(parent: Parent | None, finding: Mapping[str, Any], at: Interval) -> bool | None:
    if parent is None:
        return None
    if finding["is_compound"]:
        return parent.carries_together(finding["allele"], finding["members"], finding["contig"])
    return parent.carries(finding["allele"], at)


def _of_two_copies(carried: Mapping[str, bool | None]) -> Origin:
    """Two copies need two sources."""
    if all(carried.values()):
        return Origin("both parents")
    lacking = [kin for kin, carries in carried.items() if carries is False]
    if not lacking:
        return Origin("unknown")
    if len(lacking) > 1:
        return Origin(
            "unknown",
            caution="Both copies carry it, but father and mother were seen without it: these may not be the parents, "
            "or samples were exchanged",
        )
    (other,) = (kin for kin in carried if kin != lacking[0])
    return Origin(
        "unknown",
        caution=f"Both copies carry it, but the {lacking[0]} was seen without it: a deletion on the copy from the "
        f"{lacking[0]}, uniparental disomy of the {other}'s chromosome, or another {lacking[0]} than stated",
    )


def _new(finding: Mapping[str, Any], at: Interval, parents: Mapping[str, Parent | None]) -> Origin:
    """In nobody who could have passed it on: new, if the child's own call is as certain as theirs."""
    quality = finding["genotype_quality"]
    certain = [f"{kin} {parent.certainty(at)}" for kin, parent in parents.items() if parent]
    if finding["needs_confirmation"] or quality is None or quality < CALLED_FROM:
        return Origin(
            "unknown",
            caution=f"Seen in neither parent ({', '.join(certain)}), but the call itself is not certain "
            f"(GQ {'unknown' if quality is None else quality}, filter {finding['filter']}): not called de novo",
        )
    return Origin("de novo", f"child GQ {quality}, " + ", ".join(f"{one}, without it" for one in certain))
