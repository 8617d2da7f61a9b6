"""Joint calls as PLINK 2's files: genotypes (``.pgen``), alleles (``.pvar``) and samples (``.psam``).

Written is the simplest layout of the format: hard calls alone, two bits each, every variant as long as any other. It
has two alleles a row, so that a site of several has one row an allele, in which every other allele counts as not this
one; ``*`` says that a deletion spans the site and has none. Genotypes of which a part is missing are missing, phase is
not kept, and a single copy is kept as two, as PLINK keeps it where it knows contig and sex.

Source: PGEN File Format Specification (chrchang, plink-ng), chapters "The PGEN header" (storage mode 0x02) and "Main
data track"; PLINK 2.0's documentation of ``.pvar`` and ``.psam``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.person import Sex

if TYPE_CHECKING:
    import pysam

ENDINGS = (".pgen", ".pvar", ".psam")
_FIXED_WIDTH_HARD_CALLS = b"\x6c\x1b\x02"
_REFERENCE_IS_REFERENCE = 0x40
"""Header byte: no variant's REF is provisional."""
_MISSING = 3
_SEXES = {Sex.MALE: "1", Sex.FEMALE: "2", Sex.UNKNOWN: "NA"}


def write_pgen(calls: Path, output: Path, sexes: Mapping[str, Sex]) -> int:
    """Write the calls of several samples beside each other, by :data:`ENDINGS` instead of that of ``output``.

    Args:
        calls: VCF or BCF, with genotypes.
        output: path of the ``.pgen``.
        sexes: sex by sample; unknown where one is not in it.

    Returns:
        Rows: alleles other than REF.
    """
    import pysam

    genotypes, alleles, people = (output.with_suffix(ending) for ending in ENDINGS)
    with ExitStack() as opened:
        source = opened.enter_context(pysam.VariantFile(str(calls)))
        samples = list(source.header.samples)
        packed = opened.enter_context(genotypes.open("wb"))
        told = opened.enter_context(alleles.open("w"))
        packed.write(_header(0, len(samples)))
        told.write(_contigs(source) + "#CHROM\tPOS\tID\tREF\tALT\n")
        rows = 0
        for line, copies in _rows(source):
            told.write(line)
            packed.write(_packed(copies))
            rows += 1
        packed.seek(0)
        packed.write(_header(rows, len(samples)))
    named = "".join(f"{sample}\t{_SEXES[sexes.get(sample, Sex.UNKNOWN)]}\n" for sample in samples)
    people.write_text("#IID\tSEX\n" + named)
    return rows


def _header(variants: int, samples: int) -> bytes:
    return _FIXED_WIDTH_HARD_CALLS + struct.pack("<IIB", variants, samples, _REFERENCE_IS_REFERENCE)


def _contigs(source: pysam.VariantFile) -> str:
    contigs = source.header.contigs.values()
    return "".join(f"##contig=<ID={one.name},length={one.length}>\n" for one in contigs if one.length)


def _rows(source: pysam.VariantFile) -> Iterator[tuple[str, np.ndarray[Any, np.dtype[np.uint8]]]]:
    """Each allele other than REF as a line of the ``.pvar``, and its copies by sample, :data:`_MISSING` included."""
    for record in source:
        genotypes = [call.get("GT") or (None,) for call in record.samples.values()]
        for number, alt in enumerate(record.alts or (), 1):
            if alt != "*":
                copies = np.array([_copies(genotype, number) for genotype in genotypes], np.uint8)
                yield f"{record.chrom}\t{record.pos}\t{record.id or '.'}\t{record.ref}\t{alt}\n", copies


def _copies(genotype: tuple[int | None, ...], allele: int) -> int:
    """Copies of an allele out of two.

    >>> [_copies(genotype, 1) for genotype in ((0, 0), (0, 1), (2, 1), (1, 1), (1,), (None, 1))]
    [0, 1, 1, 2, 2, 3]
    """
    if None in genotype:
        return _MISSING
    copies = genotype.count(allele)
    return 2 * copies if len(genotype) == 1 else min(copies, 2)


def _packed(copies: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """Four samples a byte, the first in its lowest bits.

    >>> _packed(np.array([1, 2, 3, 0, 2], np.uint8)).hex()
    '3902'
    """
    padded = np.zeros(-(-len(copies) // 4) * 4, np.uint8)
    padded[: len(copies)] = copies
    quarters = padded.reshape(-1, 4) << np.array([0, 2, 4, 6], np.uint8)
    return bytes(np.bitwise_or.reduce(quarters, axis=1))
