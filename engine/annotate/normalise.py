"""One allele a record, in its minimal left-aligned form: what a join with any knowledge source needs.

``bcftools norm`` splits records with several alternate alleles and left-aligns insertions and deletions against the
FASTA; what FORMAT holds by allele is split along. The caller's own record stays readable: INFO/ORIGINAL holds its
position, alleles and the number of this one wherever it was changed. Genotype 1/2 becomes 1/0 in the first record and
0/1 in the second: one copy of each.
"""

from __future__ import annotations

from pathlib import Path

from engine.errors import ToolError, VariantFileError
from engine.files.variant_lines import require_variants
from engine.htslib import run_bcftools

ORIGINAL = "ORIGINAL"
# Records may pass each other when left-aligned; within this distance they are put in order again.
_SORT_WINDOW = 20_000
# norm moves a <DEL> without a length to the start of the contig.
_SYMBOLIC = 'ALT~"<"'


def normalise(vcf: Path, fasta: Path, sample: str, folder: Path, *, strict: bool = False) -> Path:
    """Write the sample's records, one alternate allele each, and return the file (BCF with index, in ``folder``).

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
    _check_sample(vcf, sample)
    selected, split, output = (folder / f"{step}.bcf" for step in ("selected", "split", "normalised"))
    told = ("--old-rec-tag", ORIGINAL, "--no-version")
    try:
        run_bcftools("view", "--no-version", "-I", "-s", sample, "-O", "u", "-o", str(selected), str(vcf))
        run_bcftools("norm", "-m", "-any", "-N", *told, "-O", "u", "-o", str(split), str(selected))
        aligned = ("-f", str(fasta), "-c", "e" if strict else "w", "-w", str(_SORT_WINDOW), "-e", _SYMBOLIC)
        run_bcftools("norm", *aligned, *told, "-O", "b1", "-W", "-o", str(output), str(split))
    except ToolError as error:
        raise VariantFileError(
            error.problem, file=vcf, sample=sample, remedy="check or call the variants again"
        ) from error
    finally:
        selected.unlink(missing_ok=True)
        split.unlink(missing_ok=True)
    return output


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
