"""bcftools' own test cases of csq, through the whole of annotation: the terms are those that bcftools expects."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pysam
import pytest

from engine.annotate.annotate import annotate_variants
from engine.annotate.terms import so_terms
from engine.reference.bundle import Contig, ReferenceBundle

Terms = dict[str, set[str]]
# We tell more than csq: the kind of a non-coding transcript's variant.
SAME = {"non_coding_transcript_exon_variant": "non_coding_transcript_variant"}
# Expected of all five changes of that file on one chromosome, as csq takes calls without a sample: two bases lost, a
# stop soon after, and eight gained 39 kb behind it. Nobody has phased them, so ours are of each record alone: the
# deletion shifts the frame, and what lies behind the stop is told as it would be without it.
OF_A_HAPLOTYPE = {("stop-gained-not-inframe-insertion", "7210"), ("stop-gained-not-inframe-insertion", "46862")}


@pytest.fixture(scope="module")
def cases(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("csq")
    with tarfile.open(shared_data / "vep_golden_pathogenic" / "bcftools_csq_tests.tar.gz") as packed:
        packed.extractall(folder, filter="data")
    return folder / "test" / "csq"


def expected(vcf: Path) -> dict[tuple[str, str, str], str]:
    """BCSQ by position, ref and alt, as bcftools' tests want it: of each record alone where there is such a file."""
    file = next((f for suffix in (".txt-l", ".txt") if (f := vcf.with_suffix(suffix)).exists()), None)
    blocks = file.read_text().split("\n\n") if file else []
    rows = [block.strip().splitlines()[-1].split("\t") for block in blocks if block.strip()]
    return {(row[0], row[1], row[2]): row[3] for row in rows if len(row) == 4 and row[2] != "."}


def by_name(bcsq: str) -> Terms:
    """Terms by transcript, or by gene (``gene:...``) where csq names no transcript."""
    told: Terms = {}
    for item in bcsq.split(","):
        fields = item.split("|")
        if len(fields) > 2:
            told.setdefault(fields[2] or f"gene:{fields[1]}", set()).update(so_terms(fields[0]))
    return told


def annotated(vcf: Path, folder: Path) -> dict[tuple[str, str, str], Terms]:
    """Our terms of each record, by what the caller wrote."""
    genes = next(iter(vcf.parent.glob("*.gff")))
    fasta = next(iter(vcf.parent.glob("*.fa")))
    with pysam.FastaFile(str(fasta)) as opened:
        contigs = tuple(Contig(*pair, "") for pair in zip(opened.references, opened.lengths, strict=True))
    bundle = ReferenceBundle("case", "GRCh37", fasta, contigs, Path(), genes, None, None, None, {})
    (folder / "in.vcf").write_text("\n".join(with_a_sample(vcf.read_text().splitlines(), contigs)) + "\n")
    annotate_variants(folder / "in.vcf", bundle, folder, "S")
    found = {}
    for row in pq.read_table(folder / "S.annotated.parquet").to_pylist():
        written = row["original"] or "|".join(map(str, (row["contig"], row["position"], row["ref"], row["alt"])))
        terms: Terms = {}
        for one in row["consequences"]:
            for name in (one["transcript"].partition(".")[0], f"gene:{one['gene']}"):
                terms.setdefault(name, set()).update(one["consequence"].split("&"))
        fields = written.split("|")
        found[fields[1], fields[2], fields[3]] = terms
    return found


def with_a_sample(lines: list[str], contigs: tuple[Contig, ...]) -> Iterator[str]:
    yield from (
        line for line in lines if line.startswith("##") and not line.startswith(("##contig", "##FORMAT=<ID=GT"))
    )
    yield from (f"##contig=<ID={contig.name},length={contig.length}>" for contig in contigs)
    yield '##FORMAT=<ID=GT,Number=1,Type=String,Description="">'
    yield "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS"
    for line in lines:
        if line and not line.startswith("#"):
            fields = line.split("\t")
            yield "\t".join([*fields[:8], *(fields[8:10] or ["GT", "0/1"])])


def test_terms_are_those_that_bcftools_expects(cases: Path, tmp_path: Path) -> None:
    different, agreed = [], 0
    for vcf in sorted(cases.glob("*/*.vcf")):
        wanted = expected(vcf)
        if not wanted:
            continue
        found = annotated(vcf, tmp_path)
        for record, bcsq in wanted.items():
            for name, terms in by_name(bcsq).items():
                ours = {SAME.get(term, term) if name.startswith("gene:") else term for term in found[record][name]}
                if ours == terms or (terms <= ours and name.startswith("gene:")):
                    agreed += 1
                elif (vcf.stem, record[0]) not in OF_A_HAPLOTYPE:
                    different.append((vcf.stem, record, name, terms, ours))
    assert different == []
    assert agreed >= 156
