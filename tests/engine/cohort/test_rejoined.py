"""Samples genotyped together from the cohort's tables, beside GATK's GenotypeGVCFs on their gVCFs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engine.cohort.columns import REFERENCE_BANDS, TABLES
from engine.cohort.evidence import evidence_of
from engine.cohort.rejoined import write_gvcfs
from engine.errors import LakeError
from engine.genotype.joint import genotype_gvcfs
from engine.reference.bundle import Contig
from engine.reference.intervals import Interval
from tests.engine.genotype.test_joint import CONTIG, HET_SNP, block, genotypes, joint, lines_of, variant, write

TRIO = ("HG001", "NA12891", "NA12892")
TP53 = ("NA06984", "NA06985", "NA07000", "NA10847", "NA11829", "NA11994", "NA12003", "NA12878")


def files_of(folder: Path, gvcfs: Sequence[tuple[str, Path]]) -> dict[str, list[str]]:
    """The tables of each sample as Parquet files."""
    files: dict[str, list[str]] = {"ref_blocks": [], "variant_records": []}
    for sample, gvcf in gvcfs:
        for name, rows in evidence_of(gvcf, sample).items():
            assert rows.schema.names == [column.name for column in TABLES[name]]
            pq.write_table(rows, folder / f"{sample}.{name}.parquet")
            files[name].append(str(folder / f"{sample}.{name}.parquet"))
    return files


@pytest.mark.parametrize(
    ("folder", "samples", "contig"),
    [("trio_10kb", TRIO, Contig("20", 63_025_520, "")), ("tp53", TP53, Contig("17", 81_195_210, ""))],
)
def test_sites_genotypes_and_numbers_from_the_tables_are_gatks(
    shared_data: Path, tmp_path: Path, folder: str, samples: tuple[str, ...], contig: Contig
) -> None:
    golden = shared_data / "gatk_goldens" / folder
    files = files_of(tmp_path, [(sample, golden / f"{sample}.g.vcf.gz") for sample in samples])
    gvcfs = write_gvcfs(files, samples, (contig,), tmp_path)
    genotype_gvcfs(gvcfs, (contig,), tmp_path / "joint.vcf.gz", filters=None)
    made, expected = lines_of(tmp_path / "joint.vcf.gz"), lines_of(golden / "genotyped.vcf.gz")
    assert len(made) == len(expected) > 10
    for ours, theirs in zip(made, expected, strict=True):
        assert told(ours) == told(theirs)


def told(line: list[str]) -> tuple[object, ...]:
    """Place, genotypes in bases, copies of each alternate and AN; ALT has no order.

    GATK's order of alternates is that of its queue, which blocks that were joined pass differently.
    """
    alleles = [line[3], *line[4].split(",")]
    spelt = [
        sorted("." if one == "." else alleles[int(one)] for one in re.split("[/|]", each)) for each in genotypes(line)
    ]
    info = dict(part.partition("=")[::2] for part in line[7].split(";"))
    return (*line[:4], spelt, dict(zip(alleles[1:], info["AC"].split(","), strict=True)), info["AN"])


def test_what_nobody_saw_is_no_call_and_what_a_block_says_is_reference(tmp_path: Path) -> None:
    seen = {
        "A": [block(1, 99), variant(100, "A", "G", *HET_SNP), block(101, 200)],
        "B": [block(1, 400, "0,25,400")],
        "C": [block(1, 50)],
        "D": [block(1, 99), block(100, 100, "0,0,0"), block(101, 200)],
    }
    gvcfs = [(sample, write(tmp_path, sample, *lines)) for sample, lines in seen.items()]
    of_files, (record,) = joint(tmp_path, *(path for _, path in gvcfs), filters=None)
    files = files_of(tmp_path, gvcfs)
    (tmp_path / "made").mkdir()
    made = write_gvcfs(files, "ABCD", CONTIG, tmp_path / "made")
    of_tables, (again,) = joint(tmp_path, *made, filters=None)
    assert of_tables == of_files and told(again) == told(record)
    assert genotypes(again) == ["0/1", "0/0", "./.", "./."]
    nothing = write_gvcfs(files, "A", CONTIG, tmp_path / "made", Interval("c", 150, 160))
    assert [line.split("\t")[1] for line in nothing[0].read_text().splitlines() if line[0] != "#"] == ["101"]


def test_blocks_of_one_band_are_one_row_of_the_least(tmp_path: Path) -> None:
    lines = [
        *(block(1, 10, "0,60,900"), block(11, 20, "0,45,700", 15), block(21, 30, "0,39,800")),
        *(block(31, 40, "0,0,0"), block(41, 50, "0,30,300"), block(52, 60, "0,30,310")),
    ]
    rows = evidence_of(write(tmp_path, "A", *lines), "A")["ref_blocks"].to_pylist()
    told = [(row["start"], row["end"], row["genotype_quality"], row["depth"], row["likelihood_alt"]) for row in rows]
    assert told == [
        (0, 20, 45, 15, 700),
        (20, 30, 39, 20, 800),
        (30, 40, 0, 20, 0),
        (40, 50, 30, 20, 300),
        (51, 60, 30, 20, 310),
    ]
    assert REFERENCE_BANDS == (1, 20, 40) and {row["ref"] for row in rows} == {"A"}


def test_one_copy_has_two_likelihoods(tmp_path: Path) -> None:
    haploid = block(1, 10, "0,60").replace("0/0", "0")
    (path,) = write_gvcfs(files_of(tmp_path, [("A", write(tmp_path, "A", haploid))]), "A", CONTIG, tmp_path)
    line = path.read_text().splitlines()[-1].split("\t")
    assert line[9].split(":")[0] == "0" and line[9].split(":")[-1] == "0,60"


def test_a_sample_whose_rows_are_of_an_earlier_release_is_refused(tmp_path: Path) -> None:
    for files in ({}, {name: [] for name in TABLES}, files_of(tmp_path, [("A", write(tmp_path, "A", block(1, 9)))])):
        with pytest.raises(LakeError, match="has not contributed since") as caught:
            write_gvcfs(files, ["B"], CONTIG, tmp_path)
        assert "cohort_contribution" in caught.value.remedy
