"""One allele a record, in its minimal left-aligned form: what a join with any knowledge source needs.

``bcftools norm`` splits records with several alternate alleles and left-aligns insertions and deletions against the
FASTA; what FORMAT holds by allele is split along. The caller's own record stays readable: INFO/ORIGINAL holds its
position, alleles and the number of this one wherever it was changed. Genotype 1/2 becomes 1/0 in the first record and
0/1 in the second: one copy of each.
"""

from __future__ import annotations

import re
from pathlib import Path

from engine.errors import ToolError, VariantFileError
from engine.files.variant_lines import require_variants
from engine.htslib import run_bcftools

ORIGINAL = "ORIGINAL"
# Records may pass each other when left-aligned; within this distance they are put in order again.
_SORT_WINDOW = 20_000
# norm moves a <DEL> without a length to the start of the contig.
_SYMBOLIC = 'ALT~"<"'
# A file that lies between two programs is gone when its name is read.
_SCRATCH = re.compile(r"/\S+/(?:judged\.vcf|(?:selected|split|normalised|consequences)\.\w+)")
_TOLD = ("--old-rec-tag", ORIGINAL, "--no-version")


def normalise(vcf: Path, fasta: Path, sample: str, folder: Path, *, strict: bool = False) -> Path:
    """Write the sample's records, one alternate allele each, left-aligned, and return the file (BCF in ``folder``).

    Args:
        vcf: VCF or BCF with the sample among its columns.
        fasta: the reference, with index.
        sample: column to keep.
        folder: for the result.
        strict: refuse a record whose REF is not what the reference reads there; else it is kept for the caller to
            count.

    Raises:
        VariantFileError: the file is damaged or has no such sample, or REF is not the reference's.
    """
    output = folder / "normalised.bcf"
    split = split_alleles(select_sample(vcf, sample, folder), vcf, sample)
    try:
        left_align(split, fasta, output, "b1", source=vcf, sample=sample, strict=strict)
    finally:
        split.unlink(missing_ok=True)
    return output


def select_sample(vcf: Path, sample: str, folder: Path, *, source: Path | None = None) -> Path:
    """The sample's column of a VCF (BCF in ``folder``).

    Arguments and errors as of :func:`normalise`; an error names ``source`` where that is given.
    """
    _check_sample(vcf, sample)
    selected = folder / "selected.bcf"
    try:
        run_bcftools("view", "--no-version", "-I", "-s", sample, "-O", "u", "-o", str(selected), str(vcf))
    except ToolError as error:
        raise _damaged(error, source or vcf, sample) from error
    return selected


def split_alleles(selected: Path, vcf: Path, sample: str) -> Path:
    """One alternate allele a record, otherwise as the caller wrote them (BCF with index, in place of ``selected``).

    Raises:
        VariantFileError: a record cannot be taken apart; it names ``vcf`` and ``sample``.
    """
    split = selected.with_name("split.bcf")
    try:
        run_bcftools("norm", "-m", "-any", "-N", *_TOLD, "-O", "b1", "-W", "-o", str(split), str(selected))
    except ToolError as error:
        raise _damaged(error, vcf, sample) from error
    finally:
        selected.unlink(missing_ok=True)
    return split


def left_align(
    split: Path, fasta: Path, output: Path, kind: str, *, source: Path, sample: str, strict: bool = False
) -> None:
    """Left-align the records of :func:`split_alleles` into ``output``.

    Args:
        split: one alternate allele a record.
        fasta: the reference, with index.
        output: is written.
        kind: bcftools' output type, such as ``b1`` or ``z1``.
        source: the VCF that an error is to name.
        sample: whose it is.
        strict: refuse a record whose REF is not what the reference reads there.

    Raises:
        VariantFileError: a record lies on no contig of the reference or beyond its end.
    """
    aligned = ("-f", str(fasta), "-c", "e" if strict else "w", "-w", str(_SORT_WINDOW), "-e", _SYMBOLIC)
    try:
        run_bcftools("norm", *aligned, *_TOLD, "-O", kind, "-o", str(output), str(split))
    except ToolError as error:
        raise _damaged(error, source, sample) from error


def _damaged(error: ToolError, vcf: Path, sample: str) -> VariantFileError:
    problem = _SCRATCH.sub(vcf.name, error.problem)
    return VariantFileError(problem, file=vcf, sample=sample, remedy="check or call the variants again")


def _check_sample(vcf: Path, sample: str) -> None:
    import pysam

    try:
        require_variants(vcf)
    except VariantFileError as error:
        raise error.about(sample=sample) from error.__cause__
    try:
        with pysam.VariantFile(str(vcf)) as opened:
            samples = list(opened.header.samples)
    except (OSError, ValueError) as error:
        raise VariantFileError(
            f"the VCF cannot be read: {error}", file=vcf, sample=sample, remedy="check or call the variants again"
        ) from error
    if sample not in samples:
        held = ", ".join(samples[:5]) or "none"
        raise VariantFileError(
            f"the VCF has no such sample (it holds {held})", file=vcf, sample=sample, remedy="give the sample's own VCF"
        )
