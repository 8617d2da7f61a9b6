"""Whether a record of a gVCF is what it says: every value of the number that the specification asks for.

Records come from many callers. One with the wrong number of likelihoods would be genotyped from another genotype's
place, so it is refused with its place; one without likelihoods is sound, but cannot be genotyped.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress

from engine.errors import VariantFileError
from engine.files.variant_lines import HIGHEST, is_breakend
from engine.genotype.gvcf_records import MEDIANS, NON_REF, Gvcf, GvcfRecord, integers
from engine.reference.reference_bases import ReferenceBases

_IS_GENOTYPE = re.compile(r"[/|]?(?:\d+|\.)(?:[/|](?:\d+|\.))*").fullmatch
_IS_BASES = re.compile("[ACGTN]+").fullmatch
_IS_QUALITY = re.compile(r"\.|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?").fullmatch
_IS_WHOLE = re.compile(r"[+-]?\d+", re.ASCII).fullmatch
_STRANDS = 4
MOST_READS = 10_000_000
"""More reads lie on no base; what is reckoned from a depth takes time with it."""
_BEST_MAPPING = 255
_MOST = {"PL": HIGHEST, "AD": MOST_READS, "SB": MOST_READS, "RAW_MQandDP": 1 << 62}


def judge(record: GvcfRecord, gvcf: Gvcf, contig: str, bases: ReferenceBases) -> None:
    """Look at a record once.

    Args:
        record: a record that some site needs.
        gvcf: the file it is from.
        contig: name of its contig.
        bases: the reference.

    Raises:
        VariantFileError: a value is missing from, or too many are in, a list of the record, or is no number.
        ReferenceMismatchError: its REF is not what the reference reads, or it ends behind the contig.
    """
    if record.is_judged:
        return
    place = f"{contig}:{record.start + 1:,}"

    def refused(problem: str, remedy: str) -> VariantFileError:
        return VariantFileError(problem, file=gvcf.path, sample=gvcf.sample, place=place, remedy=remedy)

    if NON_REF not in record.alts:
        raise refused(
            "the record has no <NON_REF> or <*> allele, which joint genotyping needs",
            "call the sample with the caller haplotype or gatk, or another that writes likelihoods of what it has not "
            "seen",
        )
    if structural := next(filter(_is_structural, record.alts), None):
        raise refused(
            f"ALT {structural[:40]} is a structural variant, which is not genotyped beside small ones",
            "give a gVCF of small variants; what has ALT of this kind belongs in a VCF of its own",
        )
    try:
        problem = _problem(record)
    except ValueError:
        problem = f"{_no_number(record) or 'a value'} is no whole number"
    if problem:
        raise refused(
            f"the record is not as VCF has it: {problem}",
            "make the gVCF again, or with another version of its caller",
        )
    bases.require(contig, record.start, record.ref, end=record.end, file=gvcf.path, sample=gvcf.sample)
    record.is_judged = True


def _is_structural(alt: str) -> bool:
    return is_breakend(alt) or (alt.startswith("<") and alt != NON_REF)


def _problem(record: GvcfRecord) -> str | None:
    """What is wrong with a record, absent where nothing is."""
    alleles, call = 1 + len(record.alts), record.call
    odd = [alt for alt in record.alts if alt not in (NON_REF, "*", ".") and not _IS_BASES(alt)]
    if odd or not _IS_BASES(record.ref):
        return f"{(odd or [record.ref])[0][:20]} is neither bases nor {NON_REF}"
    if record.ref in record.alts or len(set(record.alts)) < len(record.alts):
        return "an allele stands there twice"
    if twice := record.key_of_two_values:
        return f"INFO has two values of {twice[:40]}"
    keys, told = record.listed
    if len(told) > len(keys) or len(set(keys)) < len(keys):
        return f"{len(told)} values stand for the keys {':'.join(keys)[:40]}"
    genotype = call.get("GT", ".")
    if not _IS_GENOTYPE(genotype) or any(int(allele) >= alleles for allele in re.findall(r"\d+", genotype)):
        return f"GT is {genotype}, of {alleles} alleles"
    return _list_problem(record, alleles) or _number_problem(record)


def _no_number(record: GvcfRecord) -> str | None:
    """The first value, with its key, of those that are whole numbers or lists of them and that is none."""
    told = (
        (key, text)
        for values, keys in ((record.call, ("PL", "AD", "SB", "DP", "MIN_DP")), (record.info, ("DP", "RAW_MQandDP")))
        for key in keys
        for text in values.get(key, ".").split(",")
    )
    return next((f"{key} {text[:20]!r}" for key, text in told if text != "." and not _IS_WHOLE(text)), None)


def _list_problem(record: GvcfRecord, alleles: int) -> str | None:
    genotypes = math.comb(alleles + record.ploidy - 1, record.ploidy)
    for key, values, wanted in (
        ("PL", record.likelihoods, genotypes),
        ("AD", record.allele_depths, alleles),
        ("SB", integers(record.call.get("SB")), _STRANDS),
        ("RAW_MQandDP", integers(record.info.get("RAW_MQandDP")), 2),
    ):
        if values is not None and len(values) != wanted:
            return f"{key} has {len(values)} values and not {wanted}"
        if values is not None and min(values) < 0:
            return f"{key} has a value below zero"
        if values is not None and max(values) > _MOST[key]:
            return f"{key} has a value above {_MOST[key]:,}"
    return None


def _number_problem(record: GvcfRecord) -> str | None:
    call = record.call
    if not _IS_QUALITY(record.quality) or (record.quality != "." and not math.isfinite(float(record.quality))):
        return f"QUAL is {record.quality[:20]}"
    for key, number in (("DP", record.depth), *((key, int(call.get(key, 0))) for key in ("DP", "MIN_DP"))):
        if not 0 <= number <= MOST_READS:
            return f"{key} is {number}, no number of reads"
    if not _is_number(call.get("GQ", ".")) or not 0 <= float(call.get("GQ", 0)) <= HIGHEST:
        return f"GQ is {call['GQ'][:20]}"
    for key in MEDIANS:
        if not _is_number(record.info.get(key, ".")) or abs(record.measure(key) or 0.0) > HIGHEST:
            return f"{key} is {record.info[key][:20]}"
    squares, reads = integers(record.info.get("RAW_MQandDP")) or (0, 0)
    if squares > _BEST_MAPPING**2 * reads:
        return f"RAW_MQandDP is {squares},{reads}, more than so many reads can have"
    return None


def _is_number(text: str) -> bool:
    with suppress(ValueError):
        return text == "." or float(text) is not None
    return False
