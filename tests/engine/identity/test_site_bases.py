"""Bases at a panel's sites, from pileups and from reads; the two agree with each other and with samtools."""

import random
from pathlib import Path

import numpy as np
import pysam
import pytest

from engine.call.haplotype.reads.source import ReadSource
from engine.errors import AlignmentFileError, GenomicsError, KnowledgeError, ReferenceMismatchError
from engine.files.bgzf import LOOK_UP
from engine.identity.panel import SitePanel, read_panel, require_reference
from engine.identity.site_bases import ALT, OTHER, REF, SiteBases, bases_of_reads, read_pileup
from engine.reference.genome import open_reference
from tests.builders.alignments import SmallReference, random_sequence, write_reference
from tests.builders.panels import made_panel, write_panel

LENGTH = 60_000


def small_panel(reference: SmallReference) -> SitePanel:
    positions = np.arange(150, LENGTH - 200, 97, dtype=np.int64)
    refs = [reference.sequences["chr1"][position] for position in positions]
    alts = ["ACGT"[("ACGT".index(ref) + 1) % 4] for ref in refs]
    zeros = np.zeros((positions.size, 2))
    return SitePanel(
        Path("p"), ("chr1",) * positions.size, positions, tuple(refs), tuple(alts), zeros, np.ones(positions.size)
    )


def write_reads(path: Path, reference: SmallReference) -> None:
    """Single reads with errors, clips, insertions and deletions, some of which no caller would use."""
    numbers = random.Random(5)
    sequence = reference.sequences["chr1"]
    header = {
        "HD": {"SO": "coordinate"},
        "SQ": [{"SN": "chr1", "LN": LENGTH}],
        "RG": [{"ID": "1", "SM": "S1"}],
    }
    shapes = ["100M", "10S90M", "40M3I57M", "30M4D70M", "50M20D50M", "60M40S"]
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for start in range(100, LENGTH - 200, 7):
            read = pysam.AlignedSegment()
            read.query_name = f"r{start}"
            read.reference_id, read.reference_start = 0, start
            read.flag = numbers.choice([0, 0, 0, 0x10, 0x400, 0x100, 0x200])
            read.mapping_quality = numbers.choice([60, 60, 30, 5])
            read.cigarstring = numbers.choice(shapes)
            read.query_sequence = "".join(
                numbers.choice("ACGTN") if numbers.random() < 0.03 else base for base in sequence[start : start + 100]
            )
            read.query_qualities = pysam.qualitystring_to_array(
                "".join(chr(33 + numbers.randint(2, 40)) for _ in range(100))
            )
            read.set_tag("RG", "1")
            file.write(read)
    pysam.index(str(path))


def as_set(bases: SiteBases) -> dict[tuple[int, int, int], int]:
    rows = zip(bases.site.tolist(), bases.kind.tolist(), bases.quality.tolist(), strict=True)
    return dict(zip(rows, bases.count.tolist(), strict=True))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> SmallReference:
    return write_reference(tmp_path_factory.mktemp("reference"), {"chr1": random_sequence(LENGTH)})


@pytest.mark.parametrize("read_ahead", [LOOK_UP, 1 << 20])
def test_reads_and_the_pileup_of_samtools_say_the_same(
    tmp_path: Path, reference: SmallReference, read_ahead: int
) -> None:
    panel, reads, pileup = small_panel(reference), tmp_path / "reads.bam", tmp_path / "reads.pileup"
    write_reads(reads, reference)
    options = ("-B", "-x", "-A", "-Q", "13", "-q", "20", "--ff", "0xf04", "-f", str(reference.fasta))
    pileup.write_text(pysam.samtools.mpileup(*options, str(reads)))  # type: ignore[attr-defined]
    source = ReadSource(reads, fasta=reference.fasta, sample=None, reads_per_start=0, read_ahead=read_ahead)
    found = as_set(bases_of_reads(source, panel))
    assert found == as_set(read_pileup(pileup, panel))
    assert {kind for _, kind, _ in found} == {REF, ALT, OTHER}


def test_mates_that_overlap_are_one_molecule(tmp_path: Path, reference: SmallReference) -> None:
    panel, reads = small_panel(reference), tmp_path / "pair.bam"
    header = {"HD": {"SO": "coordinate"}, "SQ": [{"SN": "chr1", "LN": LENGTH}], "RG": [{"ID": "1", "SM": "S1"}]}
    with pysam.AlignmentFile(str(reads), "wb", header=header) as file:
        for flag, quality in ((0x63, 20), (0x93, 35)):
            read = pysam.AlignedSegment()
            read.query_name, read.flag, read.mapping_quality = "pair", flag, 60
            read.reference_id = read.next_reference_id = 0
            read.reference_start = read.next_reference_start = 120
            read.cigarstring, read.template_length = "100M", 100 if flag == 0x63 else -100
            read.query_sequence = reference.sequences["chr1"][120:220]
            read.query_qualities = pysam.qualitystring_to_array(chr(33 + quality) * 100)
            read.set_tag("RG", "1")
            file.write(read)
    pysam.index(str(reads))
    source = ReadSource(reads, fasta=reference.fasta, sample=None, reads_per_start=0)
    assert as_set(bases_of_reads(source, panel)) == {(0, REF, 35): 1}


def line(panel: SitePanel, site: int, bases: str, qualities: str, ref: str | None = None) -> str:
    depth = len(qualities)
    return (
        f"{panel.contigs[site]}\t{panel.positions[site] + 1}\t{ref or panel.ref[site]}\t{depth}\t{bases}\t{qualities}\n"
    )


def test_a_pileup_with_all_its_signs(tmp_path: Path) -> None:
    panel = made_panel(5)
    alt = panel.alt[0]
    other = next(base for base in "ACGT" if base not in (alt, panel.ref[0]))
    text = f"^I.,$+2ACk{alt}-1a*#<>{alt.lower()}N{other}".replace("k", "")
    (tmp_path / "x").write_text(line(panel, 0, text, "5" * 10) + "chr9\t1\tA\t0\t*\t*\n" + line(panel, 1, "*", "*"))
    assert as_set(read_pileup(tmp_path / "x", panel)) == {(0, REF, 20): 2, (0, ALT, 20): 2, (0, OTHER, 20): 1}


@pytest.mark.parametrize(
    ("bases", "qualities", "told"),
    [
        ("..", "5", "2 bases and 1 qualities"),
        (".!", "55", "'!' is no base of a pileup"),
        (".", "5\t1\t.\t5", "one sample are expected"),
        (".", "\x01", "no printable character"),
    ],
)
def test_a_pileup_that_lies_is_refused(tmp_path: Path, bases: str, qualities: str, told: str) -> None:
    panel = made_panel(5)
    (tmp_path / "x").write_text(line(panel, 0, ".", "5") + line(panel, 1, bases, qualities))
    with pytest.raises(AlignmentFileError, match=r"x, line 2: .*Remedy: ") as refused:
        read_pileup(tmp_path / "x", panel)
    assert told in str(refused.value)


def test_a_site_twice_another_build_or_none_is_refused(tmp_path: Path) -> None:
    panel = made_panel(5)
    pileup = tmp_path / "x"
    pileup.write_text(line(panel, 0, ".", "5") * 2)
    with pytest.raises(AlignmentFileError, match="line 2: chr1:501 stood in line 1 already"):
        read_pileup(pileup, panel)
    pileup.write_text(line(panel, 0, ".", "5", ref=panel.alt[0]))
    with pytest.raises(ReferenceMismatchError, match="use the panel of the build"):
        read_pileup(pileup, panel)
    pileup.write_text("1\t501\tA\t1\t.\t5\n")
    with pytest.raises(AlignmentFileError, match="no site of the panel has a base"):
        read_pileup(pileup, panel)


def test_a_panel_comes_back_as_it_was_written(tmp_path: Path) -> None:
    panel = made_panel(50)
    again = read_panel(write_panel(panel, tmp_path / "p"))
    assert (again.contigs, again.ref, again.alt) == (panel.contigs, panel.ref, panel.alt)
    assert np.array_equal(again.positions, panel.positions)
    assert np.allclose(again.loadings, panel.loadings)
    assert np.allclose(again.mean_dosage, panel.mean_dosage)


@pytest.mark.parametrize(
    ("suffix", "change", "told"),
    [
        (".UD", lambda text: text.split("\n", 1)[1], "it has 49 sites and p.bed has 50"),
        (".mu", lambda text: text.replace("chr1:2501", "chr1:2500"), "line 3: chr1:2500"),
        (".mu", lambda text: text[:-9], "line"),
        (".UD", lambda text: text.replace(" ", " x", 1), "line 1: numbers are expected"),
        (".UD", lambda text: "nan nan\n" + text.split("\n", 1)[1], "line 1: numbers are expected"),
        (".UD", lambda text: text.replace("\n", " 1\n", 1), "line 2: 2 components, and 3 in the first line"),
        (".bed", lambda text: text.replace("\t501\t", "\t502\t"), "line 1: 500 to 502 is not one base"),
        (".bed", lambda text: text.replace("\t500\t", "\t-500\t"), "line 1"),
        (".bed", lambda text: text.replace("chr1\t500", "chr1"), "line 1"),
        (".bed", lambda text: "", "has"),
    ],
)
def test_a_panel_whose_files_do_not_fit_is_refused(tmp_path: Path, suffix: str, change, told: str) -> None:  # type: ignore[no-untyped-def]
    file = write_panel(made_panel(50), tmp_path / "p").with_name(f"p{suffix}")
    file.write_text(change(file.read_text()))
    with pytest.raises(GenomicsError, match="Remedy: ") as refused:
        read_panel(tmp_path / "p")
    assert told in str(refused.value)


def test_a_panel_of_another_build_is_refused(tmp_path: Path, reference: SmallReference) -> None:
    genome = open_reference(reference.fasta)
    panel = small_panel(reference)
    require_reference(panel, genome)
    moved = SitePanel(
        panel.prefix, panel.contigs, panel.positions + 1, panel.ref, panel.alt, panel.loadings, panel.mean_dosage
    )
    with pytest.raises(ReferenceMismatchError, match=r"p, chr1:\d+: REF is "):
        require_reference(moved, genome)
    other = SitePanel(
        panel.prefix, ("1",) * len(panel), panel.positions, panel.ref, panel.alt, panel.loadings, panel.mean_dosage
    )
    with pytest.raises(ReferenceMismatchError, match=r"contigs \(1, \.\.\.\) are not the reference's \(chr1"):
        require_reference(other, genome)
    with pytest.raises(KnowledgeError, match=r"lacks nothing\.bed"):
        read_panel(tmp_path / "nothing")
