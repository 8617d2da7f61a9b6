"""GLnexus' own cases (DeepVariant of the 1000 Genomes, GATK, and made-up ones): as it genotypes them, or why not.

GLnexus joins overlapping records into one site, revises genotypes by allele frequencies and has no least QUAL; the
engine follows GATK, which keeps records apart and leaves out what has a QUAL below 30. Where neither matters, both
carry the same alleles.
"""

from __future__ import annotations

import gzip
import re
import tarfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.errors import GenomicsError
from engine.genotype.joint import genotype_gvcfs
from engine.reference.bundle import Contig

ALIKE = (
    "dv_1000G_chr17_2517459", "dv_1000G_chr17_8375536", "dv_1000G_chr21_5583275", "join_3_gvcfs", "join_gvcf_vcf",
    "join_gvcf_vcf_gvcf", "join_gvcfs", "join_records_basic", "join_vcf_gvcf", "lost_deletion_monoallelic_site",
    "revise_overlapping", "rs11429009", "gvcf_services_depth12", "gvcf_services_depth9",
)  # fmt: skip
BELOW_30 = {
    "edge_spanning_deletion": 2, "edge_spanning_deletion2": 2, "edge_spanning_deletion3": 1, "inconsistent_trim": 1,
    "format_fields_AD_fallback": 1, "format_fields_combi": 2, "format_fields_default_missing": 1,
    "format_fields_default_none": 1, "min_allele_copy_number": 5, "min_quality": 7,
}  # fmt: skip
"""Alleles that GLnexus tells and that GATK's least QUAL leaves out."""
APART = {
    "censor_rnc_format_fields": 2, "deepvariant": 6, "deepvariant_norm": 3, "join_records_insufficient_ref_depth": 1,
    "join_records_overlapping": 2, "join_records_overlapping_top2": 3, "join_records_prefer_small": 2,
    "join_records_unjoinable": 2, "lost_deletion": 1, "star_allele": 2, "trim_uncalled_alleles": 3,
    "format_fields_ignore_non_variants": 2,
}  # fmt: skip
"""Overlapping records, which GLnexus joins or leaves uncalled, and genotypes that it revises."""
REFUSED = {
    "DP0_noAD": "inconsistent references", "format_fields_integrated": "inconsistent references",
    "gvcf_services": "inconsistent references", "join_records_incomplete_span": "inconsistent references",
    "rs141305015": "inconsistent references", "deepvariant2": "no <NON_REF> or <*> allele",
    "strelka2": "no <NON_REF> or <*> allele", "weCall": "no <NON_REF> or <*> allele",
    "weCall_squeeze": "no <NON_REF> or <*> allele", "trim_input": "this is no gVCF", "xAtlas": "this is no gVCF",
    "vcf_services": "the file holds 3 samples",
}  # fmt: skip
"""Made-up cases that contradict themselves on the reference; callers that write no likelihoods of what is unseen."""
Carried = dict[str, Counter[tuple[str, int, str, str]]]


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> dict[str, Any]:
    packed = shared_data / "joint_goldens" / "glnexus_51_cases.tar.gz"
    with tarfile.open(packed) as archive:
        members = [member for member in archive.getmembers() if member.name.endswith(".yml")]
        read = {Path(member.name).stem: yaml.safe_load(archive.extractfile(member).read()) for member in members}
    return {name: case for name, case in read.items() if "truth_output_vcf" in case}


def gvcfs_of(case: dict[str, Any], folder: Path) -> tuple[list[Path], list[Contig]]:
    header = "".join(f"{line.strip()}\n" for line in case["input"]["header"].splitlines()).rstrip("\n")
    paths = []
    for name, body in (item for each in case["input"]["body"] for item in each.items()):
        samples, *records = [line.strip() for line in body.splitlines() if line.strip()]
        paths.append(folder / name.replace(".gvcf", ".g.vcf"))
        paths[-1].write_text("\n".join([f"{header}\t{samples}", *records, ""]))
    contigs = re.findall(r"##contig=<ID=([^,>]+)(?:,.*?length=(\d+))?", header)
    return paths, [Contig(name, int(length or 10**9), "") for name, length in contigs]


def carried(lines: Sequence[str]) -> Carried:
    """Copies of each alternate, its alleles as short as they can be, by sample."""
    (columns,) = [re.split(r"\s+", line.strip()) for line in lines if line.startswith("#CHROM")]
    found: Carried = {name: Counter() for name in columns[9:]}
    for fields in (re.split(r"\t+", line.strip()) for line in lines if line.strip() and not line.startswith("#")):
        alternates = fields[4].split(",")
        for name, value in zip(columns[9:], fields[9:], strict=True):
            for allele in re.findall(r"[1-9]\d*", value.partition(":")[0]):
                if alternates[int(allele) - 1] not in ("*", "<NON_REF>", "<*>"):
                    found[name][fields[0], *shortest(int(fields[1]), fields[3], alternates[int(allele) - 1])] += 1
    return found


def shortest(position: int, ref: str, alt: str) -> tuple[int, str, str]:
    while min(len(ref), len(alt)) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while min(len(ref), len(alt)) > 1 and ref[0] == alt[0]:
        position, ref, alt = position + 1, ref[1:], alt[1:]
    return position, ref, alt


def differing(case: dict[str, Any], folder: Path) -> int:
    """Alleles of a sample of which GLnexus and the engine tell different numbers of copies."""
    paths, contigs = gvcfs_of(case, folder)
    genotype_gvcfs(paths, contigs, folder / "joint.vcf.gz", filters=None)
    ours = carried(gzip.decompress((folder / "joint.vcf.gz").read_bytes()).decode().splitlines())
    (truth,) = [text for each in case["truth_output_vcf"] for text in each.values()]
    theirs = carried(truth.splitlines())
    return sum(theirs[name][allele] != ours[name][allele] for name in theirs for allele in theirs[name] | ours[name])


def test_every_case_is_told_of(cases: dict[str, Any]) -> None:
    assert set(cases) == {*ALIKE, *BELOW_30, *APART, *REFUSED}


@pytest.mark.parametrize("name", ALIKE)
def test_where_the_rules_are_the_same_the_genotypes_are(cases: dict[str, Any], tmp_path: Path, name: str) -> None:
    assert differing(cases[name], tmp_path) == 0


@pytest.mark.parametrize(("name", "alleles"), (BELOW_30 | APART).items())
def test_where_they_are_not_no_more_differs_than_that(
    cases: dict[str, Any], tmp_path: Path, name: str, alleles: int
) -> None:
    assert differing(cases[name], tmp_path) == alleles


@pytest.mark.parametrize(("name", "told"), REFUSED.items())
def test_what_cannot_be_genotyped_is_refused(cases: dict[str, Any], tmp_path: Path, name: str, told: str) -> None:
    paths, contigs = gvcfs_of(cases[name], tmp_path)
    with pytest.raises(GenomicsError, match=re.escape(told)):
        genotype_gvcfs(paths, contigs, tmp_path / "joint.vcf.gz", filters=None)
