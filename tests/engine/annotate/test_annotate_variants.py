"""A whole sample annotated: the TP53 exome of NA11994, who carries R273H."""

import re
from pathlib import Path

import duckdb
import pysam
import pytest

from engine.annotate.annotate import AnnotationSummary, annotate_variants
from engine.annotate.columns import ANNOTATED_COLUMNS
from engine.errors import KnowledgeError, ReferenceMismatchError, VariantFileError
from engine.reference.bundle import ReferenceBundle
from tests.builders.tp53 import tp53_bundle


@pytest.fixture(scope="module")
def bundle(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> ReferenceBundle:
    return tp53_bundle(shared_data, tmp_path_factory.mktemp("tp53"))


@pytest.fixture(scope="module")
def variants(shared_data: Path) -> Path:
    return shared_data / "iarc_tp53_93exomes" / "freebayes_joint_93.vcf.gz"


@pytest.fixture(scope="module")
def annotated(bundle: ReferenceBundle, variants: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("NA11994")
    summary = annotate_variants(variants, bundle, folder, "NA11994")
    assert summary == AnnotationSummary(
        records=9,
        not_carried=19,
        duplicates=0,
        annotated_fraction=1.0,
        ref_mismatches=0,
        clinvar_matched=1,
        clinvar_pathogenic=1,
        frequencies_matched=0,
        named_fraction=1.0,
        coding_records=2,
        consequence_names=["intron_variant", "missense_variant"],
        consequence_counts=[7, 2],
        unlisted_terms=[],
    )
    return folder


def test_r273h_has_its_names_its_clinvar_record_and_its_genotype(annotated: Path) -> None:
    row = (
        duckdb.read_parquet(str(annotated / "NA11994.annotated.parquet"))
        .filter("position = 7577120")
        .to_arrow_table()
        .to_pylist()[0]
    )
    assert (row["hgvs_g"], row["hgvs_c"], row["hgvs_p"]) == (
        "NC_000017.10:g.7577120C>T",
        "TP53-201:c.818G>A",
        "TP53-201:p.(Arg273His)",
    )
    assert (row["gene"], row["consequence"], row["impact"], row["exon"]) == (
        "TP53",
        "missense_variant",
        "MODERATE",
        "8/11",
    )
    assert (row["clinvar_variation_id"], row["clinvar_classification"], row["clinvar_stars"]) == (
        "12366",
        "pathogenic",
        3,
    )
    assert (row["genotype"], row["copies"], row["ploidy"], row["alt_depth"]) == ("0/1", 1, 2, 15)
    assert len(row["consequences"]) == 20


def test_vcf_and_parquet_say_the_same(annotated: Path) -> None:
    rows = duckdb.read_parquet(str(annotated / "NA11994.annotated.parquet")).to_arrow_table().to_pylist()
    with pysam.VariantFile(str(annotated / "NA11994.annotated.vcf.gz")) as vcf:
        records = list(vcf.fetch("17", 7_571_000, 7_591_000))
    assert [(r.pos, r.ref, r.alts, r.info["HGVSG"], r.info.get("CLNVARID")) for r in records] == [
        (row["position"], row["ref"], (row["alt"],), row["hgvs_g"], row["clinvar_variation_id"]) for row in rows
    ]
    first_annotation = records[0].info["ANN"][0].split("|")
    assert first_annotation[:2] == ["T", "missense_variant"] and first_annotation[9:11] == ["c.818G>A", "p.(Arg273His)"]


def test_columns_are_those_documented(annotated: Path) -> None:
    described = duckdb.sql(f"DESCRIBE SELECT * FROM '{annotated / 'NA11994.annotated.parquet'}'").fetchall()
    # DuckDB quotes the fields of a struct that are words of its own, such as "filter".
    assert [(name, kind.replace('"', "")) for name, kind, *_ in described] == [
        (c.name, c.type) for c in ANNOTATED_COLUMNS
    ]


def test_same_input_same_bytes(annotated: Path, bundle: ReferenceBundle, variants: Path, tmp_path: Path) -> None:
    annotate_variants(variants, bundle, tmp_path, "NA11994")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["NA11994.annotated.parquet", "NA11994.annotated.vcf.gz", "NA11994.annotated.vcf.gz.tbi"]
    for name in names:
        assert (tmp_path / name).read_bytes() == (annotated / name).read_bytes(), name


def test_a_wrong_reference_is_counted_not_hidden(bundle: ReferenceBundle, tmp_path: Path) -> None:
    vcf = write_vcf(
        tmp_path / "in.vcf", "17\t7577100\t.\tA\tC\t50\tPASS\t.\tGT\t0/1", "17\t7577120\t.\tC\tT\t50\tPASS\t.\tGT\t1/1"
    )
    summary = annotate_variants(vcf, bundle, tmp_path, "S")
    assert (summary.records, summary.ref_mismatches, summary.annotated_fraction) == (2, 1, 1.0)


def test_several_alternate_alleles_become_rows_of_their_own(bundle: ReferenceBundle, tmp_path: Path) -> None:
    vcf = write_vcf(tmp_path / "in.vcf", "17\t7577120\t.\tC\tT,*,A\t50\tPASS\t.\tGT:AD\t1/3:1,9,0,8")
    annotate_variants(vcf, bundle, tmp_path, "S")
    rows = duckdb.read_parquet(str(tmp_path / "S.annotated.parquet")).to_arrow_table().to_pylist()
    assert [(row["alt"], row["copies"], row["alt_depth"], row["hgvs_p"].partition(":")[2]) for row in rows] == [
        ("T", 1, 9, "p.(Arg273His)"),
        ("A", 1, 8, "p.(Arg273Leu)"),
    ]
    assert {row["original"] for row in rows} == {"17|7577120|C|T,*,A|1", "17|7577120|C|T,*,A|3"}


@pytest.mark.parametrize("genotype", ["0/5", "2", "het", "", "0/", "1//1", "-1/1", "١/1", "0/99999999999999999999"])
def test_a_genotype_of_alleles_that_the_record_lacks_is_refused(
    bundle: ReferenceBundle, tmp_path: Path, genotype: str
) -> None:
    """Else it would be one that does not carry the allele, without a word."""
    line = "17\t7577120\t.\tC\tT\t50\tPASS\t.\tGT\t"
    vcf = write_vcf(
        tmp_path / "in.vcf", f"{line}0/1", line.replace("7577120", "7577121").replace("\tC\t", "\tG\t") + genotype
    )
    with pytest.raises(VariantFileError, match="is not made of alleles") as caught:
        annotate_variants(vcf, bundle, tmp_path, "S")
    assert (caught.value.sample, caught.value.place) == ("S", "17:7,577,121")


def test_a_genotype_of_an_alternate_that_the_record_has_none_of_is_refused(
    bundle: ReferenceBundle, tmp_path: Path
) -> None:
    vcf = write_vcf(tmp_path / "in.vcf", "17\t7577120\t.\tC\t.\t50\tPASS\t.\tGT\t0/1")
    with pytest.raises(VariantFileError, match="is not made of alleles"):
        annotate_variants(vcf, bundle, tmp_path, "S")


def test_a_header_without_contigs_gets_the_references(bundle: ReferenceBundle, tmp_path: Path) -> None:
    vcf = write_vcf(tmp_path / "in.vcf", "17\t7577120\t.\tC\tT\t50\tPASS\t.\tGT\t0/1")
    vcf.write_text(re.sub("##contig=.*\n", "", vcf.read_text()))
    annotate_variants(vcf, bundle, tmp_path, "S")
    with pysam.VariantFile(str(tmp_path / "S.annotated.vcf.gz")) as annotated:
        assert {name: annotated.header.contigs[name].length for name in annotated.header.contigs} == (
            bundle.contig_lengths
        )
        (record,) = annotated
    assert "missense_variant" in str(record)


def test_a_deletion_is_left_aligned_in_vcf_and_shifted_right_in_hgvs(bundle: ReferenceBundle, tmp_path: Path) -> None:
    vcf = write_vcf(
        tmp_path / "in.vcf", "17\t7577694\t.\tT\t.\t50\tPASS\t.\tGT\t0/0", "17\t7577693\t.\tTT\tT\t50\tPASS\t.\tGT\t0/1"
    )
    annotate_variants(vcf, bundle, tmp_path, "S")
    row = duckdb.read_parquet(str(tmp_path / "S.annotated.parquet")).to_arrow_table().to_pylist()[0]
    assert (row["position"], row["ref"], row["alt"]) == (7577678, "CT", "C")
    assert (row["hgvs_g"], row["hgvs_c"]) == ("NC_000017.10:g.7577694del", "TP53-201:c.673-71del")


def test_symbolic_alleles_beside_a_real_one_do_not_keep_it_from_being_normalised(
    bundle: ReferenceBundle, tmp_path: Path
) -> None:
    vcf = write_vcf(tmp_path / "in.vcf", record(7577693, "TT", "T,<NON_REF>", "0/1:9,8,0"))
    annotate_variants(vcf, bundle, tmp_path, "S")
    (row,) = duckdb.read_parquet(str(tmp_path / "S.annotated.parquet")).to_arrow_table().to_pylist()
    assert (row["position"], row["ref"], row["alt"], row["alt_depth"]) == (7577678, "CT", "C", 8)
    assert row["original"].startswith("17|7577693|TT|T")


def test_a_sample_without_variants_gives_empty_tables(bundle: ReferenceBundle, tmp_path: Path) -> None:
    summary = annotate_variants(write_vcf(tmp_path / "in.vcf"), bundle, tmp_path, "S")
    assert (summary.records, summary.annotated_fraction, summary.consequence_names) == (0, 1.0, [])
    assert duckdb.read_parquet(str(tmp_path / "S.annotated.parquet")).columns == [c.name for c in ANNOTATED_COLUMNS]
    with pysam.VariantFile(str(tmp_path / "S.annotated.vcf.gz")) as vcf:
        assert list(vcf.fetch("17", 0, 100)) == []


def test_alleles_that_the_sample_does_not_carry_are_left_out(bundle: ReferenceBundle, tmp_path: Path) -> None:
    calls = [record(7577120, "C", "T", "0/0:9,0"), record(7577121, "G", "A", "./.:0,0"), record(7577122, "C", "A")]
    summary = annotate_variants(write_vcf(tmp_path / "in.vcf", *calls), bundle, tmp_path, "S")
    assert (summary.records, summary.not_carried) == (1, 2)


def test_earlier_annotations_are_replaced(bundle: ReferenceBundle, tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    annotate_variants(write_vcf(tmp_path / "in.vcf", record(7577120, "C", "T")), bundle, tmp_path / "first", "S")
    once = tmp_path / "first" / "S.annotated.vcf.gz"
    annotate_variants(once, bundle, tmp_path / "second", "S")
    with pysam.VariantFile(str(once)) as before, pysam.VariantFile(str(tmp_path / "second" / once.name)) as after:
        assert str(before.header) == str(after.header)
        assert [str(one) for one in before] == [str(one) for one in after]


def test_an_unknown_contig_is_refused(bundle: ReferenceBundle, tmp_path: Path) -> None:
    vcf = write_vcf(tmp_path / "in.vcf", record(7577120, "C", "T").replace("17", "9", 1))
    vcf.write_text(vcf.read_text().replace("ID=17", "ID=9"))
    with pytest.raises((VariantFileError, ReferenceMismatchError)):
        annotate_variants(vcf, bundle, tmp_path, "S")


def test_a_filter_with_a_space_is_refused(bundle: ReferenceBundle, tmp_path: Path) -> None:
    vcf = write_vcf(tmp_path / "in.vcf", record(7577120, "C", "T"))
    vcf.write_text(vcf.read_text().replace("\tPASS\t", "\tlow quality\t"))
    with pytest.raises(VariantFileError, match="FILTER 'low quality' holds a space") as refused:
        annotate_variants(vcf, bundle, tmp_path, "S")
    assert refused.value.place == "17:7,577,120"


def test_a_symbolic_allele_is_kept_without_names(bundle: ReferenceBundle, tmp_path: Path) -> None:
    annotate_variants(write_vcf(tmp_path / "in.vcf", record(7577120, "C", "<DEL>")), bundle, tmp_path, "S")
    (row,) = duckdb.read_parquet(str(tmp_path / "S.annotated.parquet")).to_arrow_table().to_pylist()
    assert (row["variant_type"], row["hgvs_g"], row["hgvs_c"], row["gene"]) == ("other", None, None, "TP53")


def test_a_vcf_without_the_sample_is_refused(bundle: ReferenceBundle, variants: Path, tmp_path: Path) -> None:
    with pytest.raises(VariantFileError, match="no such sample"):
        annotate_variants(variants, bundle, tmp_path, "NA99999")


def test_a_truncated_vcf_is_refused(bundle: ReferenceBundle, variants: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.vcf.gz"
    broken.write_bytes(variants.read_bytes()[:20_000])
    with pytest.raises(VariantFileError):
        annotate_variants(broken, bundle, tmp_path, "NA11994")


def test_a_bundle_without_gene_model_is_refused(bundle: ReferenceBundle, variants: Path, tmp_path: Path) -> None:
    bare = ReferenceBundle(**{**bundle.__dict__, "gene_model": None})
    with pytest.raises(KnowledgeError, match="no gene model"):
        annotate_variants(variants, bare, tmp_path, "NA11994")


def record(position: int, ref: str, alt: str, call: str = "0/1:9,8") -> str:
    return f"17\t{position}\t.\t{ref}\t{alt}\t50\tPASS\t.\tGT:AD\t{call}"


def write_vcf(path: Path, *records: str) -> Path:
    path.write_text(
        "##fileformat=VCFv4.2\n##contig=<ID=17,length=7591000>\n"
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depth by allele">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n" + "".join(f"{record}\n" for record in records)
    )
    return path
