"""Annotating a cohort's alleles and laying them beside other people's, on one machine; on Spark: tests/resources."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from engine.annotate.alleles import annotate_alleles
from engine.cohort.disclosure import MINIMUM_CELL, disclosed
from engine.notebook.run import run_notebook
from engine.reference.bundle import Contig
from engine.reference.bundle_file import read_bundle, write_bundle
from notebooks import FOLDER
from tests.builders.real_cohorts import people, samples_of, tables_of
from tests.builders.tp53 import tp53_bundle
from tests.resources.test_spark import alleles_of


def test_a_bundle_is_the_same_when_it_was_a_file(shared_data: Path, tmp_path: Path) -> None:
    bundle = tp53_bundle(shared_data, tmp_path)
    write_bundle(bundle, tmp_path / "bundle.json")
    assert read_bundle(tmp_path / "bundle.json") == replace(bundle, aligner_index=bundle.aligner_index.absolute())


def test_the_notebook_annotates_as_the_library_does(shared_data: Path, tmp_path: Path) -> None:
    bundle = tp53_bundle(shared_data, tmp_path)
    alleles = alleles_of(bundle.fasta, 300)
    (tmp_path / "cohort").mkdir()
    (tmp_path / "out").mkdir()
    with duckdb.connect() as db:
        db.execute("create table alleles (contig varchar, position int, ref varchar, alt varchar)")
        db.executemany("insert into alleles values (?, ?, ?, ?)", alleles)
        counted = (
            "select *, 1 as allele_count, 12 as allele_number, 1 / 12 as allele_frequency,"
            " if(position % 2 = 0, 7, 4) as carriers from alleles"
        )
        db.execute(f"copy ({counted}) to '{tmp_path}/cohort/cohort_allele_frequency.parquet'")
    write_bundle(bundle, tmp_path / "bundle.json")
    inputs = {"cohort": tmp_path / "cohort", "bundle.json": tmp_path / "bundle.json"}
    ran = run_notebook(FOLDER / "annotate.ipynb", tmp_path / "out", inputs=inputs, parameters={}, scratch=tmp_path)
    assert ran.measures["alleles"] == 300 and int(ran.measures["pathogenic_in_clinvar"]) > 0  # type: ignore[arg-type]
    assert len(ran.figures) == 2
    made = pq.read_table(tmp_path / "out" / "annotated_alleles.parquet")
    order = [(name, "ascending") for name in ("contig", "position", "ref", "alt")]
    assert made.equals(annotate_alleles(alleles, bundle, tmp_path).sort_by(order))
    page = (tmp_path / "out" / "annotate.html").read_text()
    told = made.filter(pc.is_in(made["clinvar_classification"], pa.array(["pathogenic", "likely_pathogenic"])))
    listed = [(row["position"] % 2, f"<td>{escape(row['hgvs_c'])}</td>" in page) for row in told.to_pylist()]
    assert set(listed) == {(0, True), (1, False)}, "listed are the alleles of as many people as may be told of"


def test_the_alleles_of_503_people_are_annotated_as_the_library_does(shared_data: Path, tmp_path: Path) -> None:
    files = [shared_data / "eur503_chr20_1_4m" / f"{name}.vcf.gz" for name in ("reference", "unphased")]
    fasta, genes = shared_data / "b37_chr20_ref" / "20.fa.gz", shared_data / "genemodel_chr20" / "chr20.b37.gff3.gz"
    if missing := [path for path in (*files, fasta, genes) if not path.exists()]:
        pytest.skip(f"{missing[0]} is not beside the checkout")
    known, samples = people(shared_data), samples_of(files)
    cohort = tables_of(files, tmp_path / "made", {sample: known[sample]["gender"] for sample in samples}, [])
    tp53 = tp53_bundle(shared_data, tmp_path)
    contigs = (Contig("20", 63_025_520, ""),)
    bundle = replace(tp53, name="chr20", fasta=fasta, contigs=contigs, gene_model=genes, clinvar=None)
    write_bundle(bundle, tmp_path / "bundle.json")
    (tmp_path / "out").mkdir()
    inputs = {"cohort": cohort, "bundle.json": tmp_path / "bundle.json"}
    ran = run_notebook(FOLDER / "annotate.ipynb", tmp_path / "out", inputs=inputs, parameters={}, scratch=tmp_path)
    told = f"select distinct contig, position, ref, alt from '{cohort}/cohort_allele_frequency.parquet' order by all"
    alleles = duckdb.sql(told).fetchall()
    made = pq.read_table(tmp_path / "out" / "annotated_alleles.parquet")
    assert ran.measures["alleles"] == len(alleles) == len(made) > 20_000
    order = [(name, "ascending") for name in ("contig", "position", "ref", "alt")]
    assert made.equals(annotate_alleles(alleles, bundle, tmp_path).sort_by(order))
    terms = " ".join(made["consequence"].to_pylist())
    assert terms.count("missense_variant") > 50 < terms.count("synonymous_variant")


def test_frequencies_stay_by_source_and_agree_where_people_are_alike(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "eur503_chr20_1_4m"
    if not folder.exists():
        pytest.skip("eur503_chr20_1_4m is not beside the checkout")
    known, made = people(shared_data), {}
    for name in ("unphased", "reference"):
        vcfs = [folder / f"{name}.vcf.gz"]
        sexes = {sample: known[sample]["gender"] for sample in samples_of(vcfs)}
        made[name] = tables_of(vcfs, tmp_path / name, sexes, [])
    there = tmp_path / "there.parquet"
    columns = "contig, position, ref, alt, allele_count as count, allele_number as frequency_number"
    duckdb.sql(f"copy (select {columns} from '{made['reference']}/cohort_allele_frequency.parquet') to '{there}'")
    (tmp_path / "out").mkdir()
    inputs = {"cohort": made["unphased"], "there.parquet": there}
    path, parameters = FOLDER / "merge_and_analyze.ipynb", {"others": {"the 300": "there.parquet"}}
    ran = run_notebook(path, tmp_path / "out", inputs=inputs, parameters=parameters, scratch=tmp_path)
    ours, theirs = (f"'{made[name]}/cohort_allele_frequency.parquet'" for name in ("unphased", "reference"))
    ((shared,),) = duckdb.sql(
        f"select count(*) from {ours} join {theirs} using (contig, position, ref, alt)"
    ).fetchall()
    assert ran.measures["shared"] == shared > 10_000 and float(ran.measures["least_correlation"]) > 0.95  # type: ignore[arg-type]
    _require_counts_that_may_leave((tmp_path / "out" / "merge_and_analyze.html").read_text(), ours)
    merged = f"'{tmp_path}/out/merged_frequencies.parquet'"
    for source, table in (("cohort", ours), ("the 300", theirs)):
        told = f"select contig, position, ref, alt, allele_count, allele_number from {merged} where source = '{source}'"
        expected = f"select contig, position, ref, alt, allele_count, allele_number from {table}"
        assert duckdb.sql(f"({told}) except ({expected})").fetchall() == []
        assert duckdb.sql(f"({expected}) except ({told})").fetchall() == []


def _require_counts_that_may_leave(page: str, table: str) -> None:
    """Of each allele that a page lists enough people carry it, and do not; its frequency is that of a rounded count."""
    row = r"<td>the 300</td>\s*<td>20</td>\s*<td>(\d+)</td>\s*<td>(\w+)</td>\s*<td>(\w+)</td>\s*<td>([\d.]+)</td>"
    listed = re.findall(row, page)
    assert len(listed) == 10
    for position, ref, alt, frequency in listed:
        asked = f"from {table} where position = {position} and ref = '{ref}' and alt = '{alt}'"
        ((carriers, copies, number),) = duckdb.sql(f"select carriers, allele_count, allele_number {asked}").fetchall()
        assert carriers >= MINIMUM_CELL and (copies == number or number - copies >= 2 * MINIMUM_CELL)
        people = float(frequency) * number / 2
        assert people == pytest.approx(disclosed(copies // 2, number // 2), abs=number * 1e-6)
