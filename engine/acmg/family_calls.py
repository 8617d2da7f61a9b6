"""Who of a family carries a variant, by calls that were made together."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from engine.call.gvcf import CALLED_FROM
from engine.errors import ClassificationError, VariantFileError
from engine.files.variant_lines import variant_lines, variant_records
from engine.reference.accessions import bare_contig


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
    return Variant(bare_contig(parts[0]), *parts[1:])


def carriers(calls: Path, variant: Variant, named: Path | None = None) -> dict[str, bool | None]:
    """By sample whether it carries the variant; unknown where genotype quality is too low to tell, or nothing called.

    Args:
        calls: VCF of the family.
        variant: to be looked for.
        named: how the file is called, for errors.

    Raises:
        VariantFileError: the file is damaged, or has no record of the variant.
    """
    header = next((line for line in variant_lines(calls) if line.startswith("#CHROM")), "")
    samples = header.rstrip("\n").split("\t")[9:]
    for _, fields in variant_records(calls):
        place = bare_contig(fields[0]), fields[1], fields[3]
        if place == variant[:3] and variant.alt in fields[4].split(","):
            number = str(fields[4].split(",").index(variant.alt) + 1)
            return {name: _carries(fields[8], call, number) for name, call in zip(samples, fields[9:], strict=True)}
    raise VariantFileError(
        f"the variant {'-'.join(variant)} has no record",
        file=named or calls,
        remedy="write it as the VCF does, and call the family together so that all have a genotype there",
    )


def _carries(keys: str, call: str, number: str) -> bool | None:
    values = dict(zip(keys.split(":"), call.split(":"), strict=False))
    alleles = values.get("GT", ".").replace("|", "/").split("/")
    quality = values.get("GQ", ".")
    if "." in alleles or not quality.isdecimal() or int(quality) < CALLED_FROM:
        return None
    return number in alleles
