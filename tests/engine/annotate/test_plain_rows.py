"""What is told many records at a time is what is told of each record by itself; and knowledge joined afterwards says
what it says in one pass."""

from __future__ import annotations

import gzip
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pysam
import pytest

from engine.annotate import source
from engine.annotate.annotate import Outputs, annotate_file, tell_consequences
from engine.annotate.clinvar import build_clinvar
from engine.annotate.dbsnp import DBSNP, build_dbsnp
from engine.annotate.frequency_table import FREQUENCIES, build_frequencies
from engine.annotate.joined import Consequences, join_knowledge
from engine.errors import VariantFileError
from engine.reference.bundle import Contig, ReferenceBundle

REGION = ("20", 3_000_000, 4_500_000)
CONTIGS = (Contig("20", 63_025_520, ""),)


@pytest.fixture(scope="module")
def calls(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.5 Mb of HG001, a double and two neighbours that nobody has phased among them."""
    path = tmp_path_factory.mktemp("hg001") / "calls.vcf"
    whole = shared_data / "truth_giab_chr20" / "HG001_v3.3.2_GRCh37_wholechr20.vcf.gz"
    with pysam.TabixFile(str(whole)) as file, path.open("w") as written:
        written.writelines(f"{line}\n" for line in file.header)
        written.writelines(f"{line}\n" for line in made_awkward(list(file.fetch(*REGION))))
    return path


def made_awkward(lines: list[str]) -> Iterator[str]:
    """Every fifth call unphased, some twice, without ID or quality."""
    for number, line in enumerate(lines):
        fields = line.split("\t")
        if number % 5 == 0:
            fields[9] = fields[9].replace("|", "/", 1)
        if number % 7 == 0:
            fields[2] = fields[5] = fields[7] = "."
        if number % 11 == 0:
            fields[9] = fields[9].partition(":")[0]
        yield "\t".join(fields)
        if number % 97 == 0:
            yield "\t".join(fields)


@pytest.fixture(scope="module")
def bundle(shared_data: Path, calls: Path, tmp_path_factory: pytest.TempPathFactory) -> ReferenceBundle:
    """The gene model, and a ClinVar that knows every seventh call and what neighbours make together."""
    folder = tmp_path_factory.mktemp("bundle")
    fasta = shared_data / "b37_chr20_ref" / "20.fa.gz"
    records = [line.split("\t") for line in calls.read_text().splitlines() if not line.startswith("#")]
    known = [
        (int(one[1]), one[3], one[4]) for number, one in enumerate(records) if number % 7 == 0 and "," not in one[4]
    ]
    with pysam.FastaFile(str(fasta)) as sequences:
        for one, other in itertools.pairwise(records):
            start, end = int(one[1]) - 1, int(other[1])
            if 1 < end - start < 9 and {len(one[3]), len(one[4]), len(other[3]), len(other[4])} == {1}:
                ref = sequences.fetch("20", start, end).upper()
                known.append((start + 1, ref, one[4] + ref[1:-1] + other[4]))
    lines = (
        f"20\t{position}\t{number}\t{ref}\t{alt}\t.\t.\tCLNSIG=Pathogenic;CLNREVSTAT=no_assertion;CLNDN=A_b|C"
        for number, (position, ref, alt) in enumerate(sorted(known), start=1)
    )
    (folder / "clinvar.vcf").write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + "\n".join(lines) + "\n"
    )
    build_clinvar(folder / "clinvar.vcf", fasta, CONTIGS, "made up", folder)
    genes = shared_data / "genemodel_chr20" / "chr20.b37.gff3.gz"
    return ReferenceBundle("b37", "GRCh37", fasta, CONTIGS, Path(), genes, None, folder / "clinvar.parquet", None, {})


@pytest.fixture(scope="module")
def frequencies(calls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of every third call, most with all fields and some without."""
    declared = "".join(
        f'##INFO=<ID={name},Number={number},Type=Float,Description="">\n'
        for name, number in {"AF": "A", "AC": "A", "AN": "1", "AF_afr": "A", "AN_afr": "1", "AF_nfe": "A"}.items()
    )
    path = tmp_path_factory.mktemp("frequencies") / "f.vcf"
    with path.open("w") as written:
        written.write(f"##fileformat=VCFv4.2\n{declared}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        for number, line in enumerate(calls.read_text().splitlines()):
            if line.startswith("#") or number % 3:
                continue
            contig, position, _, ref, alt, *_ = line.split("\t")
            many = alt.count(",") + 1
            info = f"AF={','.join(['0.0125'] * many)};AC={','.join(['3'] * many)};AN={240 + number % 2}"
            if number % 4:
                info += f";AF_afr={','.join(['1e-3'] * many)};AN_afr=77;AF_nfe={','.join(['.'] * many)}"
            written.write(
                f"{contig}\t{position}\trs{number}\t{ref}\t{alt}\t.\t{'AC0' if number % 5 else 'PASS'}\t{info}\n"
            )
    return path


def annotated(
    calls: Path, sample: str | None, bundle: ReferenceBundle, frequencies: Path, folder: Path, *, plain: bool
) -> tuple[list[str], list[dict[str, object]], dict[str, object]]:
    """Lines, without what the consequence caller writes and the missing values that htslib fills in; rows; summary."""
    outputs = Outputs(folder / f"{plain}.vcf.gz", folder / f"{plain}.parquet")
    summary = annotate_file(calls, sample, bundle, outputs, frequencies=frequencies, plain=plain)
    lines = gzip.decompress(outputs.vcf.read_bytes()).decode().splitlines()
    assert outputs.table is not None
    rows = pq.read_table(outputs.table).to_pylist()
    return [re.sub(r"BCSQ=[^;\t]*;|(?::\.)+$", "", line) for line in lines], rows, vars(summary)


def test_plain_records_are_told_as_each_by_itself(
    calls: Path, bundle: ReferenceBundle, frequencies: Path, tmp_path: Path
) -> None:
    one_by_one = annotated(calls, "HG001", bundle, frequencies, tmp_path, plain=False)
    together = annotated(calls, "HG001", bundle, frequencies, tmp_path, plain=True)
    assert one_by_one[2] == together[2]
    assert one_by_one[1] == together[1]
    assert one_by_one[0] == together[0]
    assert sum(bool(row["compounds"]) for row in together[1]) > 5
    assert sum(row["frequency"] is not None for row in together[1]) > 500
    assert sum(row["clinvar_variation_id"] is not None for row in together[1]) > 200
    assert len(together[1]) > 1_500 and one_by_one[2]["duplicates"]


def test_knowledge_joined_afterwards_says_what_it_says_in_one_pass(
    calls: Path, bundle: ReferenceBundle, frequencies: Path, tmp_path: Path
) -> None:
    _, rows, summary = annotated(calls, "HG001", bundle, frequencies, tmp_path, plain=True)
    tell_consequences(calls, bundle, tmp_path, "HG001")
    told = Consequences(tmp_path / "HG001.annotated.vcf.gz", tmp_path / "HG001.consequences.parquet")
    build_frequencies(frequencies, bundle.fasta, CONTIGS, tmp_path, release=None, licence=None)
    dbsnp = tmp_path / "dbsnp.vcf"
    dbsnp.write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        + "".join(
            f"20\t{row['position']}\trs{row['position']}\t{row['ref']}\t{row['alt']}\t.\t.\t.\n"
            for row in rows
            if row["rs"] is None and "<" not in str(row["alt"])
        )
    )
    build_dbsnp(dbsnp, bundle.fasta, CONTIGS, tmp_path, release=None)
    known = replace(bundle, frequencies=tmp_path / FREQUENCIES, dbsnp=tmp_path / DBSNP)
    joined = join_knowledge(told, known, tmp_path / "joined.parquet", "HG001")
    found = pq.read_table(tmp_path / "joined.parquet").to_pylist()
    unnamed = [row["position"] for row in rows if row["rs"] is None]
    assert len(unnamed) > 50 and all(row["rs"] for row in found)
    assert [row | {"rs": None} for row in found] == [row | {"rs": None} for row in rows]
    assert {row["rs"] for row in found} == {row["rs"] or f"rs{row['position']}" for row in rows}
    assert vars(joined) == {name: summary[name] for name in vars(joined) if name in summary} | {
        "predictions_matched": 0
    }
    assert b"CLNSIG=" not in gzip.decompress(told.vcf.read_bytes())


def test_consequences_that_are_no_table_are_refused(bundle: ReferenceBundle, tmp_path: Path) -> None:
    (tmp_path / "S.parquet").write_bytes(b"PAR1")
    told = Consequences(tmp_path / "S.vcf.gz", tmp_path / "S.parquet")
    with pytest.raises(VariantFileError, match="the consequences cannot be read"):
        join_knowledge(told, bundle, tmp_path / "joined.parquet", "S")


def test_what_is_read_twice_is_what_is_held(
    calls: Path, bundle: ReferenceBundle, frequencies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = annotated(calls, "HG001", bundle, frequencies, tmp_path, plain=True)
    monkeypatch.setattr(source, "_HELD", 0)
    monkeypatch.setattr("engine.annotate.batches._PIECE", 1 << 14)
    assert annotated(calls, "HG001", bundle, frequencies, tmp_path, plain=True) == held


def test_sites_without_calls_are_told_alike(
    calls: Path, bundle: ReferenceBundle, frequencies: Path, tmp_path: Path
) -> None:
    sites = tmp_path / "sites.vcf"
    lines = calls.read_text().splitlines()[:900]
    with sites.open("w") as written:
        for line in lines:
            written.write((line if line.startswith("##") else "\t".join(line.split("\t")[:8])) + "\n")
    one_by_one = annotated(sites, None, bundle, frequencies, tmp_path, plain=False)
    assert annotated(sites, None, bundle, frequencies, tmp_path, plain=True) == one_by_one
    assert {row["genotype"] for row in one_by_one[1]} == {None}
