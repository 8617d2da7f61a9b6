"""Who of a family carries a variant, by calls that were made together."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from engine.call.gvcf import CALLED_FROM
from engine.errors import ClassificationError, VariantFileError
from engine.files.sample_values import alleles
from engine.files.variant_lines import PASSED, is_unnamed, variant_lines, variant_records
from engine.reference.accessions import bare_contig

_COPIES = 2
"""Of an autosome."""


class Variant(NamedTuple):
    """A variant on an autosome, as a VCF writes it; the contig without ``chr``."""

    contig: str
    position: str
    ref: str
    alt: str


def variant_of(text: str) -> Variant:
    """The variant that is written ``20-3910800-CT-C``.

    Raises:
        ClassificationError: it is none, or lies on no autosome, where alone each child inherits it with one half.

    >>> variant_of("chr20-3910800-CT-C")
    Variant(contig='20', position='3910800', ref='CT', alt='C')
    """
    parts = text.split("-")
    if len(parts) != 4 or not parts[1].isdecimal():
        raise ClassificationError(f"{text!r} is no variant", remedy="write it as 20-3910800-CT-C")
    if bare_contig(parts[0]) not in map(str, range(1, 23)):
        raise ClassificationError(
            f"{parts[0]} is no autosome: only there does each child inherit an allele with one half",
            remedy="judge a variant of another contig by hand",
        )
    return Variant(bare_contig(parts[0]), parts[1], parts[2].upper(), parts[3].upper())


def carriers(calls: Path, variant: Variant, named: Path | None = None) -> dict[str, bool | None]:
    """By sample whether it carries the variant.

    Unknown where nothing was called that passed, quality or depth are too low to tell, or records disagree.

    Args:
        calls: VCF of the family.
        variant: to be looked for.
        named: how the file is called, for errors.

    Raises:
        VariantFileError: the file is damaged, or has no record of the variant.
    """
    header = next((line for line in variant_lines(calls) if line.startswith("#CHROM")), "")
    samples = header.rstrip("\n").split("\t")[9:]
    found: dict[str, bool | None] = {}
    for _, fields in variant_records(calls, with_calls=True):
        alternates = fields[4].upper().split(",")
        if (bare_contig(fields[0]), fields[1], fields[3].upper()) == variant[:3] and variant.alt in alternates:
            number = alternates.index(variant.alt) + 1
            for name, call in zip(samples, fields[9:], strict=True):
                carries = _carries(fields, call, number)
                found[name] = carries if found.get(name, carries) == carries else None
    if found:
        return found
    raise VariantFileError(
        f"the variant {'-'.join(variant)} has no record",
        file=named or calls,
        remedy="write it as the VCF does, and call the family together so that all have a genotype there",
    )


def _carries(fields: list[str], call: str, number: int) -> bool | None:
    quality = dict(zip(fields[8].split(":"), call.split(":"), strict=False)).get("GQ", ".")
    called = alleles(fields[8], call) or ()
    doubtful = fields[6] not in PASSED or quality == "." or float(quality) < CALLED_FROM or is_unnamed(fields, called)
    return None if doubtful or len(called) != _COPIES or None in called else number in called
