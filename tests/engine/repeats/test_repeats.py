"""A made-up genome with repeats of known size on either copy, from pairs of reads to units; and the arithmetic."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine import cli
from engine.align.aligner import open_aligner
from engine.align.index import build_index
from engine.align.pipeline import align_reads
from engine.errors import KnowledgeError
from engine.reference.genome import open_reference
from engine.repeats.evidence import Evidence
from engine.repeats.genotype import genotype_locus
from engine.repeats.loci import Locus, read_loci
from tests.builders.alignments import random_sequence
from tests.builders.sequencing import cut_pairs, write_lane

SPACE, UNITS, READ, DEPTH = 6_000, 20, 150, 40
PLANTED: dict[str, tuple[str, tuple[int, int]]] = {
    "SAME": ("CAG", (20, 20)),
    "TWO": ("CAG", (12, 31)),
    "NEAR": ("AAAG", (19, 21)),
    "EDGE": ("CTG", (20, 45)),
    "READ": ("CCG", (8, 70)),
    "LONG": ("GAA", (20, 200)),
    "HUGE": ("CCTG", (17, 1_000)),
    "BOTH": ("ATTCT", (110, 110)),
}
"""By locus: the unit, and how many either copy has."""


def sequence(units: tuple[int, ...]) -> str:
    parts = []
    for number, (motif, _) in enumerate(PLANTED.values()):
        parts += [random_sequence(SPACE, number + 10), motif * units[number]]
    return "".join([*parts, random_sequence(SPACE, 99)])


def catalogue() -> list[dict[str, Any]]:
    entries, at = [], 0
    for name, (motif, _) in PLANTED.items():
        at += SPACE
        region = f"chr1:{at}-{at + len(motif) * UNITS}"
        entries.append(
            {
                "LocusId": name,
                "ReferenceRegion": region,
                "LocusStructure": f"({motif})*",
                "NormalMax": 30,
                "PathologicMin": 40,
            }
        )
        at += len(motif) * UNITS
    return entries


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("repeats")
    fasta, loci, output = folder / "ref.fa", folder / "loci.json.gz", folder / "out.json"
    fasta.write_text(f">chr1\n{sequence((UNITS,) * len(PLANTED))}\n")
    loci.write_bytes(gzip.compress(json.dumps(catalogue()).encode()))
    reference = open_reference(fasta)
    build_index(reference, folder / "index")
    pairs = []
    for copy in (0, 1):
        bases = sequence(tuple(units[copy] for _, units in PLANTED.values()))
        count = len(bases) * DEPTH // 2 // (2 * READ)
        pairs += cut_pairs(bases, count, length=READ, seed=copy, errors=0.002, prefix=f"M:1:F:1:{copy + 1}")
    aligner = open_aligner("bwa-mem3", folder / "index", reference.contigs)
    lane = write_lane(folder, pairs)
    reads = align_reads([lane], "S1", reference, aligner, folder / "reads.bam", log=lambda _: None).path
    options = ["--reads", reads, "--reference", fasta, "--loci", loci, "--output", output, "--quiet"]
    assert cli.main(["repeats", *map(str, options)]) == 0
    return {locus["id"]: locus for locus in json.loads(output.read_text())}


@pytest.mark.parametrize("name", ["SAME", "TWO", "NEAR"])
def test_what_reads_span_is_counted(told: dict[str, dict[str, Any]], name: str) -> None:
    alleles = told[name]["alleles"]
    assert tuple(allele["units"] for allele in alleles) == PLANTED[name][1]
    assert all(allele["low"] == allele["high"] == allele["units"] for allele in alleles)
    assert told[name]["zygosity"] == ("homozygous" if name == "SAME" else "heterozygous")


@pytest.mark.parametrize("name", ["EDGE", "READ", "LONG", "HUGE"])
def test_an_expansion_lies_in_its_interval_beside_the_spanned_copy(told: dict[str, dict[str, Any]], name: str) -> None:
    short, long = told[name]["alleles"]
    assert short["units"] == PLANTED[name][1][0]
    planted = PLANTED[name][1][1]
    assert long["low"] <= planted <= (long["high"] or planted)
    assert long["low"] >= min(planted * 0.6, 40)
    assert told[name]["zygosity"] == "heterozygous"


def test_the_estimate_follows_the_size(told: dict[str, dict[str, Any]]) -> None:
    for name in ("LONG", "HUGE"):
        assert told[name]["alleles"][1]["units"] == pytest.approx(PLANTED[name][1][1], rel=0.35)


def test_two_long_copies_are_told_to_be_two(told: dict[str, dict[str, Any]]) -> None:
    assert told["BOTH"]["zygosity"] == "both copies long"
    for allele in told["BOTH"]["alleles"]:
        assert allele["low"] <= 110 <= allele["high"]


def test_states(told: dict[str, dict[str, Any]]) -> None:
    states = {name: locus["state"] for name, locus in told.items()}
    assert {states[name] for name in ("SAME", "NEAR")} == {"normal"}
    assert states["TWO"] == "between the ranges"
    assert {states[name] for name in ("LONG", "HUGE", "BOTH")} == {"pathogenic range"}
    assert states["EDGE"] in ("pathogenic range", "may reach the pathogenic range")


LOCUS = Locus("X_G", "G", "", "chr1", 100, 160, "CAG", ("CAG", "CCG"), ("CCG",), 10, 30)


def evidence(spanning: dict[int, int], **more: Any) -> Evidence:
    return Evidence(Counter(spanning), depth=30, read_length=150, insert=350, **more)


def test_a_copying_error_is_no_allele() -> None:
    call = genotype_locus(LOCUS, evidence({30: 20, 27: 4}))
    assert [allele.units for allele in call.alleles] == [10, 10]
    call = genotype_locus(LOCUS, evidence({30: 12, 27: 10}))
    assert [allele.units for allele in call.alleles] == [9, 10]


def test_one_copy_is_hemizygous() -> None:
    call = genotype_locus(LOCUS, evidence({30: 15}), copies=1)
    assert ([allele.units for allele in call.alleles], call.zygosity) == ([10], "hemizygous")


def test_nothing_read_is_not_called() -> None:
    call = genotype_locus(LOCUS, Evidence())
    assert (call.alleles, call.zygosity, call.state) == ((), "not called", "not told")


def test_many_units_of_a_harmless_motif_are_not_told_to_be_pathogenic() -> None:
    inside = {"inside": 60, "both_inside": 20}
    harmless = genotype_locus(LOCUS, evidence({30: 10}, motifs=Counter({"CAG": 60}), **inside))
    assert (harmless.motif, harmless.state) == ("CAG", "not told")
    harmful = genotype_locus(LOCUS, evidence({30: 10}, motifs=Counter({"CCG": 60}), **inside))
    assert (harmful.motif, harmful.state) == ("CCG", "pathogenic range")


def test_ranges_that_overlap_tell_nothing(shared_data: Path) -> None:
    loci = read_loci(shared_data / "str_loci" / "STRchive-loci.json.gz", "GRCh38")
    assert len(loci) == 80
    unclear = {locus.id for locus in loci if not locus.has_clear_range}
    assert {"CHNG3_MIR7-2", "HMNR7_VWA1"} <= unclear
    assert "HD_HTT" not in unclear
    assert len(read_loci(shared_data / "str_loci" / "hg19.stranger.json.gz", None)) == 78


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "this is not JSON"),
        ("{}", "it is no list of loci"),
        ("[]", "it is no list of loci"),
        ('[{"LocusId": "A"}]', "locus 1 (A)"),
        ('[{"LocusId": "A", "ReferenceRegion": "chr1:9-5", "LocusStructure": "(CAG)*"}]', "make no sense"),
        ('[{"id": "A", "gene": "G", "chrom": "chr1", "start_hg38": 1}]', "say which with --build"),
        (json.dumps(catalogue()[:1] * 2), "SAME comes twice"),
    ],
)
def test_a_catalogue_that_cannot_be_read_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "x.json").write_text(text + "\n")
    with pytest.raises(KnowledgeError, match="Remedy: ") as refused:
        read_loci(tmp_path / "x.json", None)
    assert told in str(refused.value)
