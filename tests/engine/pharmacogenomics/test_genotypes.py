"""Genotypes at the places of a definition, however the VCF spells them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pysam
import pytest

from engine.errors import ReferenceMismatchError, VariantFileError
from engine.pharmacogenomics.changes import Genome, require_bases
from engine.pharmacogenomics.definitions import Locus
from engine.pharmacogenomics.genotypes import Calls, Genotype, Missing, add_reference_blocks, read_genotypes
from tests.builders.pharmacogenes import CONTIG, PLACES, write_calls, write_genome

LOCI = tuple(Locus(CONTIG, position, ref, tuple(alts), rsid) for position, ref, alts, rsid in PLACES)
FIRST, SECOND, REPEAT, FOURTH = LOCI


@pytest.fixture
def genome(tmp_path: Path) -> Iterator[Genome]:
    fasta = write_genome(tmp_path)
    pysam.faidx(str(fasta))
    with pysam.FastaFile(str(fasta)) as file:
        yield Genome(file)


def read(folder: Path, genome: Genome | None, *records: str) -> Calls:
    """The one sample's genotypes."""
    return read_genotypes(write_calls(folder / "calls.vcf", records), LOCI, genome)[0]


@pytest.mark.parametrize(
    "record",
    [
        "20 GTA GTATA 0/1",
        "20 G GTA 0/1",
        "22 A ATA 0/1",
        "21 TATATATA TATATATATA 0/1",
        "28 A ATA 0/1",
        "24 ATATAC ATATATAC 0/1",
        "20 GTA G,GTATA 0/2",
    ],
)
def test_one_insertion_in_a_repeat_is_the_same_allele_however_it_is_written(
    tmp_path: Path, genome: Genome, record: str
) -> None:
    assert read(tmp_path, genome, record).known[REPEAT] == Genotype(("GTA", "GTATA"))


def test_two_alternates_of_a_repeat_in_one_record_or_in_two(tmp_path: Path, genome: Genome) -> None:
    both = {"G", "GTATA"}
    assert set(read(tmp_path, genome, "20 GTA G,GTATA 1/2").known[REPEAT].alleles) == both
    split = read(tmp_path, genome, "20 GTA G 0/1", "20 G GTA 1/0")
    assert set(split.known[REPEAT].alleles) == both
    half = read(tmp_path, genome, "20 GTA G ./1", "20 G GTA 1/.")
    assert set(half.known[REPEAT].alleles) == both
    phased = read(tmp_path, genome, "20 GTA G 0|1", "20 G GTA 1|0")
    assert phased.known[REPEAT] == Genotype(("GTATA", "G"), "")


def test_records_that_cannot_both_be_true_leave_the_place_missing(tmp_path: Path, genome: Genome) -> None:
    calls = read(tmp_path, genome, "10 C T 1/1", "10 C A 0/1")
    assert calls.missing[SECOND] == Missing.CONTRADICTION
    phased = read(tmp_path, genome, "10 C T 0|1", "10 C A 0|1")
    assert phased.missing[SECOND] == Missing.CONTRADICTION


def test_several_bases_changed_in_one_record(tmp_path: Path, genome: Genome) -> None:
    calls = read(tmp_path, genome, "4 TTGCAAC TCGCAAT 0|1", "10 C T 0|0")
    assert calls.known[FIRST] == Genotype(("T", "C"), "")
    assert calls.known[SECOND] == Genotype(("C", "T"), "")


def test_a_base_within_a_deletion_is_not_the_reference(tmp_path: Path, genome: Genome) -> None:
    calls = read(tmp_path, genome, "38 TCC T 0/1")
    assert calls.known[FOURTH] == Genotype(("C", "TCC>T"))
    starred = read(tmp_path, genome, "38 TCC T 0/1", "40 C G,* 1/2")
    assert set(starred.known[FOURTH].alleles) == {"G", "TCC>T"}
    alone = read(tmp_path, genome, "40 C G,* 1/2")
    assert alone.missing[FOURTH] == Missing.NO_CALL


def test_a_base_that_no_allele_names_is_kept(tmp_path: Path, genome: Genome) -> None:
    assert read(tmp_path, genome, "40 C A 0/1").known[FOURTH] == Genotype(("C", "A"))


def test_why_nothing_is_known(tmp_path: Path, genome: Genome) -> None:
    calls = read(tmp_path, genome, "5 T C ./.", "! 10 C T 0/1", "20 G A 0/0")
    assert calls.known == {}
    assert calls.missing == {
        FIRST: Missing.NO_CALL,
        SECOND: Missing.FILTERED,
        REPEAT: Missing.NO_RECORD,  # its record shows one of three bases
        FOURTH: Missing.NO_RECORD,
    }


def test_half_a_genotype_is_known_where_it_is_an_alternate(tmp_path: Path, genome: Genome) -> None:
    calls = read(tmp_path, genome, "5 T C 1/.", "10 C T 0/.")
    assert calls.known == {FIRST: Genotype(("C", None))}
    assert calls.missing[SECOND] == Missing.NO_CALL


def test_records_of_every_base_show_a_place_of_several(tmp_path: Path, genome: Genome) -> None:
    calls = read(tmp_path, genome, "20 G . 0/0", "21 T . 0/0", "22 A . 0/0")
    assert calls.known[REPEAT] == Genotype(("GTA", "GTA"))


def test_phase_sets_and_contig_names(tmp_path: Path, genome: Genome) -> None:
    calls = read(tmp_path, genome, "2:5 T C 0|1@5", "2:10 C T 1|0@5", "2:40 C G 0/1")
    assert calls.known[FIRST] == Genotype(("T", "C"), "5")
    assert calls.known[SECOND] == Genotype(("T", "C"), "5")
    assert calls.known[FOURTH].phase is None


def test_haplotypes_are_those_of_pgt_beside_what_gatk_writes_of_every_phased_genotype(
    tmp_path: Path, genome: Genome
) -> None:
    path = write_calls(tmp_path / "calls.vcf", ["2:5 T C 0|1@5", "2:10 C T 0|1@5"])
    first, second = (line for line in path.read_text().splitlines() if line.startswith("2\t"))
    as_gatk_writes = [
        (first, first.replace("GT:PS", "GT:PS:PGT:PID") + ":0|1:5_T_C"),
        (second, second.replace("GT:PS", "GT:PS:PGT:PID") + ":1|0:5_T_C"),
    ]
    text = path.read_text()
    for before, after in as_gatk_writes:
        assert before != after and text.count(before) == 1
        text = text.replace(before, after)
    path.write_text(text)
    (calls,) = read_genotypes(path, LOCI, genome)
    assert calls.known[FIRST] == Genotype(("T", "C"), "5")
    assert calls.known[SECOND] == Genotype(("T", "C"), "5")


def test_every_sample_has_its_own(tmp_path: Path, genome: Genome) -> None:
    calls = write_calls(tmp_path / "c.vcf", ["5 T C 0/1 1/1"], samples=("A", "B"))
    first, second = read_genotypes(calls, LOCI, genome)
    assert (first.sample, first.known[FIRST].alleles) == ("A", ("T", "C"))
    assert (second.sample, second.known[FIRST].alleles) == ("B", ("C", "C"))


@pytest.mark.parametrize("record", ["5 T C 0/2", "5 T C 0/x", "5 T C -1/1"])
def test_a_genotype_that_is_none(tmp_path: Path, genome: Genome, record: str) -> None:
    with pytest.raises(VariantFileError, match="chr2:5: the call is not as VCF has it: GT is"):
        read(tmp_path, genome, record)


def test_calls_of_another_genome(tmp_path: Path, genome: Genome) -> None:
    with pytest.raises(ReferenceMismatchError, match="REF is A, where the reference reads T"):
        read(tmp_path, genome, "5 A C 0/1")
    wrong = Locus(CONTIG, 5, "A", ("C",), "rs1")
    with pytest.raises(ReferenceMismatchError, match=r"have A at rs1 \(chr2:5\), the reference reads T"):
        require_bases([wrong], genome, "TEST", "GRCh38")
    require_bases([*LOCI, Locus("chr9", 5, "A", ("C",))], genome, "TEST", "GRCh38")


def gvcf(folder: Path, records: Sequence[str]) -> Path:
    """A gVCF; a record is ``position end ref alt genotype``."""
    head = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "S1"])
    lines = []
    for record in records:
        position, end, ref, alt, genotype = record.split()
        info = f"END={end}" if alt == "<NON_REF>" else "."
        lines.append(f"{CONTIG}\t{position}\t.\t{ref}\t{alt}\t.\t.\t{info}\tGT:DP:GQ\t{genotype}:30:60")
    path = folder / "s.g.vcf"
    path.write_text("\n".join(["##fileformat=VCFv4.2", head, *lines]) + "\n")
    return path


def test_a_gvcf_shows_what_was_looked_at(tmp_path: Path, genome: Genome) -> None:
    calls = read(tmp_path, genome, "5 T C 0/1")
    blocks = gvcf(
        tmp_path, ["1 9 A <NON_REF> 0/0", "10 10 C T,<NON_REF> 0/1", "18 21 A <NON_REF> 0/0", "35 50 C <NON_REF> 0/0"]
    )
    add_reference_blocks(calls, LOCI, blocks, genome)
    assert calls.known == {FIRST: Genotype(("T", "C")), FOURTH: Genotype(("C", "C"))}
    assert calls.missing == {SECOND: Missing.LEFT_OUT, REPEAT: Missing.NOT_CALLABLE}


def test_a_block_of_one_chromosome_is_one_allele(tmp_path: Path, genome: Genome) -> None:
    calls = read(tmp_path, genome)
    add_reference_blocks(calls, LOCI, gvcf(tmp_path, ["1 59 A <NON_REF> 0"]), genome)
    assert {one.alleles for one in calls.known.values()} == {("T",), ("C",), ("GTA",)}


def test_a_block_in_the_calls_themselves_shows_nothing(tmp_path: Path, genome: Genome) -> None:
    alone = read_genotypes(gvcf(tmp_path, ["1 59 A <NON_REF> 0/0"]), LOCI, genome)[0]
    assert alone.known == {} and set(alone.missing.values()) == {Missing.NO_RECORD}


def test_a_file_with_an_index_says_the_same(tmp_path: Path, genome: Genome) -> None:
    plain = write_calls(tmp_path / "c.vcf", ["5 T C 0/1", "28 A ATA 0/1"])
    blocks = gvcf(tmp_path, ["1 19 A <NON_REF> 0/0", "23 50 T <NON_REF> 0/0"])
    read_plain = read_genotypes(plain, LOCI, genome)[0]
    add_reference_blocks(read_plain, LOCI, blocks, genome)
    indexed = [Path(pysam.tabix_index(str(path), preset="vcf", force=True)) for path in (plain, blocks)]
    assert all(path.with_name(f"{path.name}.tbi").is_file() for path in indexed)
    read_indexed = read_genotypes(indexed[0], LOCI, genome)[0]
    add_reference_blocks(read_indexed, LOCI, indexed[1], genome)
    assert read_indexed == read_plain
    assert read_plain.known[SECOND] == Genotype(("C", "C")) and not read_plain.missing


def test_an_index_of_another_file_is_refused(tmp_path: Path, genome: Genome) -> None:
    path = Path(pysam.tabix_index(str(write_calls(tmp_path / "c.vcf", ["5 T C 0/1"])), preset="vcf", force=True))
    index = path.with_name(f"{path.name}.tbi")
    kept = index.read_bytes()
    pysam.tabix_index(str(write_calls(tmp_path / "c.vcf", ["5 T C 0/1"] * 99)), preset="vcf", force=True)
    index.write_bytes(kept)
    with pytest.raises(VariantFileError, match="of another file"):
        read_genotypes(path, LOCI, genome)
