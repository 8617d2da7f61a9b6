"""What ``make demo`` says of each person at its end."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest

from demo.people import PEOPLE
from demo.summary import TOLD, findings_of, missed_calls, tell_findings
from engine.classify.columns import FINDING_COLUMNS
from engine.receipt import Recipe
from engine.tables import arrow_schema
from resources.lake import LocalLake

FINDING = {
    "category": "compound_heterozygote", "gene": "PANK2", "hgvs_c": "T1:c.1A>G", "hgvs_p": None,
    "zygosity": "heterozygous", "origin": "maternal", "phase": "trans", "clinvar_variation_id": "4548",
    "acmg_class": "uncertain_significance", "acmg_points": 2, "phenotype_rank": 1,
    "acmg_criteria": [{"code": "PM3", "strength": "M"}],
}  # fmt: skip


def test_what_was_found_is_told_apart_from_what_was_planted(capsys: pytest.CaptureFixture[str]) -> None:
    first, second, *others = (person.sample for person in PEOPLE)
    carrier = FINDING | {"category": "carrier", "origin": "unknown", "phase": None}
    carrier |= {"acmg_criteria": [], "phenotype_rank": None}
    tell_findings({first: [FINDING, carrier], second: None} | {sample: [] for sample in others})
    told = capsys.readouterr().out
    assert (
        "found: compound heterozygote  PANK2 T1:c.1A>G, heterozygous, maternal, in trans, ClinVar 4548, gene 1 of "
        in told
    )
    assert told.count("PM3=M: uncertain significance by these alone, 2 points") == 1
    assert "found: carrier                PANK2 T1:c.1A>G, heterozygous, ClinVar 4548\n" in told
    assert told.count("found: not looked for, the run failed") == 1
    assert told.count("found: nothing to report") == len(others)
    assert all(person.story in told for person in PEOPLE)


def test_what_is_told_is_read_from_the_table_along_the_genome(tmp_path: Path) -> None:
    lake = LocalLake(tmp_path / "lake")
    rows = [FINDING | {"contig": "chr20", "position": position, "alt": "A"} for position in (200, 100)]
    schema = arrow_schema(FINDING_COLUMNS)
    rows[0]["gene"] = "LATER"
    table = pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema)
    with lake.work("findings", "S1") as work:
        pq.write_table(table, work.folder / "S1.findings.parquet")
        work.publish(records=2, recipe=Recipe(), measures={})
    told = findings_of(lake, "S1")
    assert told is not None and [set(row) for row in told] == [set(TOLD)] * 2
    assert [row["gene"] for row in told] == ["PANK2", "LATER"]
    assert findings_of(lake, "S2") is None


def test_what_was_missed_is_told_with_what_the_calls_say_of_its_place(tmp_path: Path) -> None:
    differences = tmp_path / "differences.tsv"
    rows = ["FN\tchr20\t100\tSNP\t100-100:A/ref", "FP\tchr20\t100\tSNP\tx", "FN\tchr20\t300\tINDEL\t300-301:/ref"]
    differences.write_text("\n".join(["kind\tcontig\tposition\ttype\tedits", *rows, ""]))
    header = [
        "##fileformat=VCFv4.2",
        '##FILTER=<ID=AltBias,Description="x">',
        "##contig=<ID=chr20,length=1000>",
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="x">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1",
    ]
    calls = tmp_path / "S1.vcf"
    calls.write_text("\n".join([*header, "chr20\t100\t.\tG\tA\t46\tAltBias\t.\tAD\t23,4", ""]))
    indexed = pysam.tabix_index(str(calls), preset="vcf", force=True)
    told = missed_calls(differences, Path(indexed))
    assert told == ["chr20:100 SNP, called G>A with filter AltBias, 4 of 27 reads", "chr20:300 INDEL, not called"]
