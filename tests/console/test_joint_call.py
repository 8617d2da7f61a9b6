"""``genomics cohort call``: a cohort's members genotyped together from their gVCFs, those alone who agreed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pysam
import pytest

from console.cli import main
from engine.cohort.evidence import evidence_of
from engine.errors import GenomicsError
from engine.genotype.joint import JointSummary, genotype_gvcfs
from engine.ops.joint_call import ASSET, publish
from engine.ops.knowledge import reference_genome
from engine.person import Sex
from engine.receipt import Receipt, Recipe
from engine.reference.bundle import Contig
from genomics_assets.joint_calls import joint_call
from resources.environment import Resources, build_resources
from resources.studies import RELEASED
from tests.builders.contributions import contribute, contribution
from tests.builders.deployment import START, Deployment, tiny_deployment
from tests.builders.sheets import entry
from tests.conftest import PROJECT

SPARK = PROJECT / ".spark" / "bin" / "python"
"""Where ``make spark`` puts Spark with the platform."""
HAIL = PROJECT / ".hail" / "bin" / "python"
"""Where ``make hail`` puts Hail, which needs a Spark of its own."""
PGENLIB = PROJECT / ".readers" / "pgen"
"""Where ``make readers`` puts PLINK 2's own reader."""

WHY = ("--person", "Dr A", "--reason", "recurrence in families")
PLACES = (START + 101, START + 301, START + 501)
"""1-based positions at which the first two of three samples vary."""


def gvcf(path: Path, sample: str, contig: str, length: int, bases: str, varies: bool) -> None:
    head = [
        "##fileformat=VCFv4.2",
        f"##contig=<ID={contig},length={length}>",
        '##ALT=<ID=NON_REF,Description="">',
        '##INFO=<ID=END,Number=1,Type=Integer,Description="">',
        *(
            f'##FORMAT=<ID={name},Number={number},Type={kind},Description="">'
            for name, number, kind in (
                *(("GT", "1", "String"), ("AD", "R", "Integer"), ("DP", "1", "Integer")),
                *(("GQ", "1", "Integer"), ("PL", "G", "Integer"), ("MIN_DP", "1", "Integer")),
            )
        ),
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}",
    ]
    rows, start = [], START + 1
    for place in (*(PLACES if varies else ()), START + 1_001):
        ref = bases[start - START - 1]
        told = f"END={place - 1}\tGT:DP:GQ:MIN_DP:PL\t0/0:30:90:30:0,90,900"
        rows.append(f"{contig}\t{start}\t.\t{ref}\t<NON_REF>\t.\t.\t{told}")
        if place <= PLACES[-1]:
            ref = bases[place - START - 1]
            alt = "A" if ref != "A" else "C"
            told = "DP=30\tGT:AD:DP:GQ:PL\t0/1:15,15,0:30:99:500,0,500,545,545,1045"
            rows.append(f"{contig}\t{place}\t.\t{ref}\t{alt},<NON_REF>\t490.6\t.\t{told}")
        start = place + 1
    with pysam.BGZFile(str(path), "wb", None) as stream:
        stream.write(("\n".join([*head, *rows]) + "\n").encode())
    pysam.tabix_index(str(path), preset="vcf", force=True)


def with_genome(folder: Path) -> tuple[Deployment, Resources, Contig, str]:
    """A deployment whose genome is built, its contig and the bases that the calls are about."""
    deployment = tiny_deployment(folder)
    platform = build_resources(deployment.settings)
    reference_genome.make(platform, "", log=lambda _: None)
    reference = platform.knowledge.bundle("reference_genome")
    (contig,) = reference.contigs
    with pysam.FastaFile(str(reference.fasta)) as fasta:
        bases = fasta.fetch(contig.name, START, START + 1_001).upper()
    return deployment, platform, contig, bases


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Resources]:
    """As :func:`with_samples`."""
    return with_samples(tmp_path_factory.mktemp("house"))


def with_samples(folder: Path) -> tuple[dict[str, str], Resources]:
    """Three samples with gVCFs, of whom the third did not agree, in a cohort of all who agreed."""
    deployment, platform, contig, bases = with_genome(folder)
    agreed = {"S1": ("HMB",), "S2": ("GRU",), "S3": ()}
    entries = [entry(folder / "reads", name, research_consent=said, sex=SEXES[name]) for name, said in agreed.items()]
    platform.registry.register(entries, sheet="run.csv", sheet_digest="0")
    for name in agreed:
        with platform.lake.work("gvcf", name) as work:
            path = work.folder / f"{name}.g.vcf.gz"
            gvcf(path, name, contig.name, contig.length, bases, varies=name != "S3")
            contribute(platform.warehouse, name, contribution(name) | evidence_of(path, name))
            work.publish(records=1, recipe=Recipe(), measures={"uncovered_target_bases": 0})
    return deployment.variables, platform


@pytest.fixture(autouse=True)
def _defined(house: tuple[dict[str, str], Resources], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in house[0].items():
        if name.startswith(("GENOMICS_", "XDG_")):
            monkeypatch.setenv(name, value)
    assert main(["cohort", "define", "families", "--purpose", "HMB", *WHY]) == 0


def test_genotypes_from_the_cohorts_tables_are_those_of_the_files(
    house: tuple[dict[str, str], Resources], tmp_path: Path
) -> None:
    with pysam.FastaFile(str(house[1].knowledge.bundle("reference_genome").fasta)) as fasta:
        (contig,) = fasta.references
    for region in ((), ("--region", f"{contig}:{PLACES[1]}-{PLACES[2]}")):
        made = []
        for number, how in enumerate(((), ("--from-tables",))):
            file = tmp_path / f"{len(region)}.{number}.vcf.gz"
            assert main(["cohort", "call", "families", "--file", str(file), *how, *region, *WHY]) == 0
            made.append(told(file))
        assert made[0] == made[1] and len(made[0]) == (2 if region else 3)


def test_everybody_or_some_are_called_together_as_an_asset_and_found_fresh(
    house: tuple[dict[str, str], Resources],
) -> None:
    platform = house[1]

    def made(**config: object) -> Receipt:
        of = {"ops": {ASSET: {"config": config}}}
        assert dg.materialize([joint_call], resources=vars(platform), run_config=of).success
        return platform.lake.require(ASSET)

    everybody = made()
    assert everybody.measures == {"samples": 3, "left_out": 0} and everybody.records == len(PLACES)
    calls = platform.lake.path(everybody, f"{ASSET}.vcf.gz")
    assert told(calls) == [(place, [(0, 1), (0, 1), (0, 0)]) for place in PLACES]
    assert made() == everybody, "nothing changed"
    with pysam.VariantFile(str(calls)) as opened:
        contig = opened.header.contigs[0].name
    some = made(samples=["S2"], region=f"{contig}:{PLACES[1]}-{PLACES[1]}")
    assert told(platform.lake.path(some, f"{ASSET}.vcf.gz")) == [(PLACES[1], [(0, 1)])]


_MADE_ON_SPARK = """
import dagster as dg
from pyspark import SparkContext
from genomics_assets.joint_calls import joint_call
from resources.environment import Settings, build_resources

platform = build_resources(Settings.from_environment())
assert SparkContext._gateway is None
assert dg.materialize([joint_call], resources=vars(platform)).success
assert SparkContext._gateway is not None, "Spark was not asked"
"""


def test_the_asset_is_called_on_spark_where_that_is_the_cohorts_engine(
    house: tuple[dict[str, str], Resources], tmp_path: Path
) -> None:
    if not SPARK.exists() or not shutil.which("java"):
        pytest.skip("Spark is not installed: make spark (needs Java 17)")
    variables, platform = with_samples(tmp_path)
    done = subprocess.run(
        [str(SPARK), "-c", _MADE_ON_SPARK],
        env=os.environ | variables | {"GENOMICS_COHORT_ENGINE": "spark", "PYTHONPATH": str(PROJECT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    publish(house[1])
    here, there = (one.lake.path(one.lake.require(ASSET), f"{ASSET}.vcf.gz") for one in (house[1], platform))
    assert told(there) == [(place, [(0, 1), (0, 1), (0, 0)]) for place in PLACES]
    assert there.read_bytes() == here.read_bytes()


def test_an_asset_of_a_sample_without_a_gvcf_names_it(house: tuple[dict[str, str], Resources]) -> None:
    with pytest.raises(GenomicsError, match="S9"):
        publish(house[1], ["S1", "S9"])


def test_a_sample_that_is_withdrawn_while_it_is_called_is_in_no_asset(
    house: tuple[dict[str, str], Resources], monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = house[1]
    before = platform.lake.receipt(ASSET)

    def genotyped(*told: Any, **named: Any) -> JointSummary:
        monkeypatch.setattr(platform.registry, "withdrawn", lambda: ("S2",))
        return genotype_gvcfs(*told, **named)

    monkeypatch.setattr("engine.genotype.joint.genotype_gvcfs", genotyped)
    with pytest.raises(GenomicsError, match="withdrawn while it was called"):
        publish(platform, ["S1", "S2"])
    assert platform.lake.receipt(ASSET) == before


def told(path: Path) -> list[tuple[int, list[tuple[int, ...]]]]:
    with pysam.VariantFile(str(path)) as opened:
        return [(one.pos, [call["GT"] for call in one.samples.values()]) for one in opened]


def test_those_who_agreed_are_called_together_the_whole_and_a_region_alike(
    house: tuple[dict[str, str], Resources], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, part, wide = (tmp_path / name for name in ("whole.vcf.gz", "part.bcf", "one.bcf"))
    assert main(["cohort", "call", "families", "--file", str(whole), *WHY]) == 0
    assert told(whole) == [(place, [(0, 1), (0, 1)]) for place in PLACES]
    contig = pysam.VariantFile(str(whole)).header.contigs[0].name
    region = f"{contig}:{PLACES[1]:,}-{PLACES[2] - 1}"
    assert main(["cohort", "call", "families", "--file", str(part), "--region", region, *WHY]) == 0
    assert told(part) == [one for one in told(whole) if one[0] == PLACES[1]]
    about = json.loads(part.with_name("part.bcf.json").read_text())
    assert (about["members_written"], about["records"], about["released_for"]) == (2, 1, "HMB")
    assert main(["cohort", "call", "families", "--file", str(wide), "--purpose", "GRU", *WHY]) == 0
    with pysam.VariantFile(str(wide)) as opened:
        assert list(opened.header.samples) == ["S2"]
    assert "1 left out: did not agree to it" in capsys.readouterr().err


SEXES = {"S1": Sex.FEMALE, "S2": Sex.MALE, "S3": Sex.UNKNOWN}
CALLED = np.array([[1, 1]] * 3)
"""Copies of the first allele by place and by sample."""


def by_pysam(path: Path) -> tuple[list[int], np.ndarray]:
    with pysam.VariantFile(str(path)) as opened:
        rows = [(one.pos, [sum(call["GT"]) for call in one.samples.values()]) for one in opened]
    return [place for place, _ in rows], np.array([copies for _, copies in rows])


def by_zarr(path: Path) -> tuple[list[int], np.ndarray]:
    import zarr

    group = zarr.open(str(path), mode="r")
    assert list(group["sample_id"][:]) == ["S1", "S2"] and group.attrs["vcf_zarr_version"]
    return group["variant_position"][:].tolist(), group["call_genotype"][:].sum(axis=2)


def by_pgenlib(path: Path) -> tuple[list[int], np.ndarray]:
    if not PGENLIB.exists():
        pytest.skip("pgenlib is not installed: make readers")
    sys.path.insert(0, str(PGENLIB))
    import pgenlib

    sys.path.remove(str(PGENLIB))
    rows = [line.split("\t") for line in path.with_suffix(".pvar").read_text().splitlines() if line[0] != "#"]
    assert path.with_suffix(".psam").read_text() == "#IID\tSEX\nS1\t2\nS2\t1\n"
    reader = pgenlib.PgenReader(bytes(path), raw_sample_ct=2, variant_ct=len(rows))
    copies = np.empty((len(rows), 2), np.int8)
    reader.read_range(0, len(rows), copies)
    return [int(row[1]) for row in rows], copies


def by_hail(path: Path) -> tuple[list[int], np.ndarray]:
    if not HAIL.exists() or not shutil.which("java"):
        pytest.skip("Hail is not installed: make hail (needs Java)")
    done = subprocess.run([str(HAIL), "-c", _BY_HAIL, str(path)], cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["samples"] == ["S1", "S2"] and told["AN"] == [4, 4, 4] and told["AC"] == [[2, 2]] * 3
    return told["positions"], np.array(told["copies"], np.int8)


_BY_HAIL = """
import json
import sys
import tempfile
import hail as hl

here = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false"}
folder = tempfile.mkdtemp()
hl.init(quiet=True, log=f"{folder}/hail.log", tmp_dir=folder, local="local[1]", spark_conf=here)
calls = hl.variant_qc(hl.import_vcf(sys.argv[1], reference_genome=None)).cache()
rows = calls.rows().collect()
copies = calls.aggregate_entries(hl.agg.collect(calls.GT.n_alt_alleles()))
samples = calls.s.collect()
told = {
    "samples": samples,
    "positions": [row.locus.position for row in rows],
    "copies": [copies[at : at + len(samples)] for at in range(0, len(copies), len(samples))],
    "AC": [list(row.variant_qc.AC) for row in rows],
    "AN": [row.variant_qc.AN for row in rows],
}
print(json.dumps(told))
"""


@pytest.mark.parametrize(
    ("name", "read"),
    [
        *(("a.b.vcf.bgz", by_pysam), ("a.b.vcf.bgz", by_hail), ("a.bcf", by_pysam)),
        *(("a.b.pgen", by_pgenlib), ("a.vcz", by_zarr)),
    ],
)
def test_every_format_is_opened_by_a_reader_of_its_kind(
    house: tuple[dict[str, str], Resources],
    tmp_path: Path,
    name: str,
    read: Callable[[Path], tuple[list[int], np.ndarray]],
) -> None:
    written = tmp_path / name
    assert main(["cohort", "call", "families", "--file", str(written), *WHY]) == 0
    places, copies = read(written)
    assert places == list(PLACES) and (copies == CALLED).all()
    there = sorted(path.name.removeprefix(name.rpartition(".")[0]) for path in tmp_path.iterdir())
    assert there == sorted(BESIDE[name.rpartition(".")[2]])
    assert json.loads((tmp_path / f"{name}.json").read_text())["records"] == 3
    assert main(["cohort", "call", "families", "--file", str(written), *WHY]) == 1, "it is there already"


BESIDE = {
    "bgz": [".bgz", ".bgz.csi", ".bgz.json"],
    "bcf": [".bcf", ".bcf.csi", ".bcf.json"],
    "pgen": [".pgen", ".psam", ".pvar", ".pgen.json"],
    "vcz": [".vcz", ".vcz.json"],
}


@pytest.mark.parametrize(
    ("name", "region", "problem"),
    [
        ("x.txt", "", "the file's name says no format"),
        ("x.bcf", "chr99:1-5", "is no region of the reference"),
        ("x.bcf", "chr20:9-5", "lies beyond the contig"),
        ("x.bcf", "chr20:1-999999999", "lies beyond the contig"),
    ],
)
def test_what_cannot_be_called_is_told_and_leaves_nothing(
    house: tuple[dict[str, str], Resources],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    region: str,
    problem: str,
) -> None:
    before = len(list(house[1].audit.entries_of(RELEASED)))
    asked = ["--region", region] if region else []
    assert main(["cohort", "call", "families", "--file", str(tmp_path / name), *asked, *WHY]) == 1
    assert problem in capsys.readouterr().err and not list(tmp_path.iterdir())
    assert len(list(house[1].audit.entries_of(RELEASED))) == before
