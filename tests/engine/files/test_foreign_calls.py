"""Calls of other programs, given to every reader that takes them: right, unknown, or refused with sample and place.

Each reader is asked how many copies of one allele a person has at one place. What is no genotype of its record is
refused; what is one, yet rests on nothing, is not known and never the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest

from engine.acmg.family_calls import Variant, carriers
from engine.annotate.annotate import Outputs, annotate_file
from engine.annotate.normalise import normalise
from engine.call.gvcf import called_stretches
from engine.cohort.analysis.genotypes import read_genotypes as read_matrix
from engine.cohort.contribution import contribute
from engine.cohort.dataset import CALLS, FREQUENCIES, Dataset, import_dataset
from engine.errors import VariantFileError
from engine.genotype.homozygosity import find_runs
from engine.htslib import run_bcftools
from engine.identity.genotypes import read_genotypes as read_gvcf
from engine.identity.genotypes import read_sites
from engine.person import Sex
from engine.pharmacogenomics.changes import Genome
from engine.pharmacogenomics.definitions import Locus
from engine.pharmacogenomics.genotypes import read_genotypes
from engine.phenotype.candidates import candidate_genes
from engine.reference.bundle import Contig, ReferenceBundle
from engine.risk.genotypes import read_dosages
from engine.risk.score import score_samples, wanted
from engine.risk.scoring_file import read_scoring_file
from tests.builders.alignments import random_sequence
from tests.builders.people import person
from tests.builders.small_genome import Gene, genome

SEQUENCE = random_sequence(1_000, 5)
PLACE = 500
REF = SEQUENCE[PLACE - 1]
ALT = {"A": "G", "C": "T", "G": "A", "T": "C"}[REF]
THIRD = next(base for base in "ACGT" if base not in (REF, ALT))
SOUND = "0/1:14,16:30:99:385,0,350"
HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=chr20,length=1000>\n"
    '##FILTER=<ID=LowQual,Description="x">\n##ALT=<ID=NON_REF,Description="x">\n'
    '##INFO=<ID=END,Number=1,Type=Integer,Description="x">\n##INFO=<ID=ANN,Number=.,Type=String,Description="x">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">\n##FORMAT=<ID=AD,Number=R,Type=Integer,Description="x">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="x">\n##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="x">\n'
    '##FORMAT=<ID=PL,Number=G,Type=Integer,Description="x">\n'
    '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="x">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
)


@dataclass(frozen=True)
class Record:
    """The record at the place."""

    call: str = SOUND
    alt: str = ALT
    keys: str = "GT:AD:DP:GQ:PL"
    filter: str = "PASS"
    ref: str = REF

    def line(self) -> str:
        annotation = "ANN=" + ",".join(f"{alt}|stop_gained|HIGH|GENE" for alt in self.alt.split(",") if alt.isalpha())
        values = ("chr20", PLACE, ".", self.ref, self.alt, 50, self.filter, annotation, self.keys, self.call)
        return "\t".join(map(str, values)) + "\n"


def block(start: int, end: int, call: str = "0/0:60:20") -> str:
    return f"chr20\t{start}\t.\t{SEQUENCE[start - 1]}\t<NON_REF>\t.\t.\tEND={end}\tGT:GQ:MIN_DP\t{call}\n"


def packed(folder: Path, name: str, *lines: str) -> Path:
    plain, path = folder / name, folder / f"{name}.gz"
    plain.write_text(HEADER + "".join(lines))
    pysam.tabix_compress(str(plain), str(path), force=True)
    return path


def reference(folder: Path) -> ReferenceBundle:
    fasta = folder / "reference.fa"
    fasta.write_text(f">chr20\n{SEQUENCE}\n")
    pysam.faidx(str(fasta))  # type: ignore[attr-defined]
    return ReferenceBundle("t", "GRCh38", fasta, (Contig("chr20", 1_000, ""),), Path(), None, None, None, None, {})


def gvcf(folder: Path, *records: Record) -> Path:
    lines = [record.line() for record in records] or [block(PLACE, PLACE)]
    return packed(folder, "g.vcf", block(1, PLACE - 1), *lines, block(PLACE + 1, 1_000))


def calls(folder: Path, *records: Record) -> Path:
    return packed(folder, "calls.vcf", *(record.line() for record in records))


def of_scores(folder: Path, *records: Record) -> float | None:
    row = f"rs1\t20\t{PLACE}\t{ALT}\t{REF}\t1\n"
    scoring = folder / "score.txt"
    names = "rsID\tchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight"
    scoring.write_text(f"#pgs_id=PGS1\n#pgs_name=x\n#genome_build=GRCh38\n{names}\n{row}")
    score = read_scoring_file(scoring)
    places, rsids = wanted([score])
    dosages = read_dosages(calls(folder, *records), places, rsids)
    (sample,) = score_samples(score, dosages, least_matched=0.5).samples
    return sample.total


def of_drugs(folder: Path, *records: Record) -> float | None:
    locus = Locus("chr20", PLACE, REF, (ALT,))
    with pysam.FastaFile(str(reference(folder).fasta)) as fasta:
        (told,) = read_genotypes(calls(folder, *records), [locus], Genome(fasta))
    known = told.known.get(locus)
    return None if known is None or None in known.alleles or len(known.alleles) > 2 else known.alleles.count(ALT)


def of_segregation(folder: Path, *records: Record) -> float | None:
    path = calls(folder, *records)
    try:
        return carriers(path, Variant("20", str(PLACE), REF, ALT))["S1"]
    except VariantFileError as error:
        if "has no record" in error.problem:
            return None
        raise


def of_phenotypes(folder: Path, *records: Record) -> float | None:
    return 1 if candidate_genes(calls(folder, *records), "S1") else None


def of_relatives(folder: Path, *records: Record) -> float | None:
    listed = folder / "sites.vcf"
    listed.write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        f"chr20\t{PLACE}\t.\t{REF}\t{ALT}\t.\t.\t.\n"
    )
    copies = int(read_gvcf(gvcf(folder, *records), read_sites(listed)).copies[0])
    return None if copies < 0 else copies


def of_the_cohort(folder: Path, *records: Record) -> float | None:
    tables = contribute(
        calls(folder, *records), gvcf(folder), reference(folder), sample="S1", person=person(sex=Sex.FEMALE),
        caller="x", measures={}, scratch=folder,
    )  # fmt: skip
    rows, missing = tables["calls"].to_pylist(), tables["no_calls"].to_pylist()
    assert all((row["ref"], row["alt"], row["ploidy"]) == (REF, ALT, 2) for row in rows)
    if rows:
        return rows[0]["copies"]
    return None if any(row["start"] < PLACE <= row["end"] for row in missing) else 0


def of_partners(folder: Path, *records: Record) -> float | None:
    declared = Dataset("p", calls(folder, *records), "GRCh38", "s", "l", "GRU", "1", "p-")
    (folder / "out").mkdir()
    import_dataset(declared, reference(folder), folder / "out", folder)
    seen = pq.read_table(folder / "out" / FREQUENCIES).to_pylist()
    carried = pq.read_table(folder / "out" / CALLS).to_pylist()
    assert all((row["ref"], row["alt"]) == (REF, ALT) for row in carried)
    if not any(row["allele_number"] == 2 for row in seen):
        return None
    return sum(row["copies"] for row in carried)


READERS = (of_scores, of_drugs, of_segregation, of_phenotypes, of_relatives, of_the_cohort, of_partners)
Reader = Callable[..., float | None]
for_every_reader = pytest.mark.parametrize("told", READERS, ids=lambda reader: reader.__name__)

NO_CALL = {
    "no such allele": "0/3:14,16:30:99:385,0,350",
    "letters": "x/y:14,16:30:99:385,0,350",
    "below zero": "0/-1:14,16:30:99:385,0,350",
    "empty": ":14,16:30:99:385,0,350",
    "half of it": "0/:14,16:30:99:385,0,350",
    "no separator": "01:14,16:30:99:385,0,350",
    "another separator": "0\\1:14,16:30:99:385,0,350",
    "a fraction": "0/1.0:14,16:30:99:385,0,350",
    "AD of one": "0/1:16:30:99:385,0,350",
    "AD of three": "0/1:14,16,3:30:99:385,0,350",
    "AD in words": "0/1:14,x:30:99:385,0,350",
    "AD below zero": "0/1:14,-5:30:99:385,0,350",
    "PL of two": "0/1:14,16:30:99:385,0",
    "PL of six": "0/1:14,16:30:99:385,0,350,1,2,3",
    "PL in words": "0/1:14,16:30:99:a,b,c",
    "GQ below zero": "0/1:14,16:30:-3:385,0,350",
    "GQ in words": "0/1:14,16:30:high:385,0,350",
    "DP in words": "0/1:14,16:many:99:385,0,350",
    "more values than keys": f"{SOUND}:7:8",
}


NO_GENOTYPE = list(NO_CALL)[:8]


@for_every_reader
def test_what_is_no_call_is_refused(told: Reader, tmp_path: Path) -> None:
    taken = {}
    for name, call in NO_CALL.items():
        if told is of_scores and name not in NO_GENOTYPE:
            continue  # its other values are not read
        folder = tmp_path / name.replace(" ", "-")
        folder.mkdir()
        try:
            taken[name] = told(folder, Record(call))
        except VariantFileError as error:
            assert error.file and error.remedy and error.place, name
    assert not taken


@for_every_reader
def test_a_sample_with_two_columns_is_refused(told: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.HEADER", HEADER.replace("\tS1\n", "\tS1\tS1\n"))
    with pytest.raises(VariantFileError) as caught:
        told(tmp_path, Record(f"{SOUND}\t0/0:30,0:30:99:0,90,900"))
    assert caught.value.file and caught.value.remedy


@pytest.mark.parametrize(
    "changed",
    [{"position": -4}, {"alt": "-"}, {"alt": ""}, {"alt": "G\tT"}, {"alt": "G\nT"}, {"contig": "chr 20"}, {"ref": "R"},
     {"position": 5_000}, {"ref": THIRD}, {"allele_count": 11}, {"alt": REF}],
)  # fmt: skip
def test_a_row_of_a_partners_table_is_refused_by_the_tables_name(changed: dict[str, object], tmp_path: Path) -> None:
    row = {"contig": "chr20", "position": PLACE, "ref": REF, "alt": ALT, "allele_count": 1, "allele_number": 10}
    table = tmp_path / "partner.parquet"
    pq.write_table(pa.table({name: [value] for name, value in (row | changed).items()}), table)
    (tmp_path / "out").mkdir()
    with pytest.raises(VariantFileError) as caught:
        declared = Dataset("p", table, "GRCh38", "s", "l", "GRU", "1")
        import_dataset(declared, reference(tmp_path), tmp_path / "out", tmp_path)
    assert caught.value.file == str(table) and caught.value.remedy


BINARY_NO_CALL = (
    "no such allele", "AD of one", "AD of three", "AD below zero", "PL of two", "PL of six", "GQ below zero"
)  # fmt: skip
"""Of the calls that are none those that a BCF can hold: it has numbers where VCF has text."""


def as_binary(folder: Path, *records: Record) -> Path:
    path = folder / "calls.bcf"
    run_bcftools("view", "--no-version", "-O", "b", "-o", str(path), str(calls(folder, *records)))
    return path


def by_bcftools_import(folder: Path, path: Path) -> None:
    (folder / "out").mkdir()
    import_dataset(Dataset("p", path, "GRCh38", "s", "l", "GRU", "1", "p-"), reference(folder), folder / "out", folder)


def by_bcftools_roh(_: Path, path: Path) -> None:
    find_runs(path)


def by_bcftools_norm(folder: Path, path: Path) -> None:
    normalise(path, reference(folder).fasta, "S1", folder)


def by_annotation(folder: Path, path: Path) -> None:
    gene = Gene("A", ((400, 430), (460, 700)), ((480, 690),), contig="chr20")
    bundle = genome(folder, {"chr20": SEQUENCE}, [gene])
    annotate_file(path, "S1", bundle, Outputs(folder / "out.vcf.gz", folder / "out.parquet"))


for_every_door = pytest.mark.parametrize(
    "door", [by_bcftools_import, by_bcftools_roh, by_bcftools_norm, by_annotation], ids=lambda door: door.__name__
)
Door = Callable[[Path, Path], None]


def taken_by(door: Door, folder: Path, record: Record, write: Callable[..., Path]) -> VariantFileError | None:
    folder.mkdir()
    path = write(folder, record)
    try:
        door(folder, path)
    except VariantFileError as error:
        assert (error.file, bool(error.remedy), bool(error.place)) == (str(path), True, True)
        return error
    return None


@for_every_door
@pytest.mark.parametrize("write", [calls, as_binary], ids=["vcf", "bcf"])
def test_calls_are_judged_before_bcftools_is_given_them(door: Door, write: Callable[..., Path], tmp_path: Path) -> None:
    found = {
        name: taken_by(door, tmp_path / f"{number}", Record(NO_CALL[name]), write)
        for number, name in enumerate(BINARY_NO_CALL)
    }
    assert [name for name, error in found.items() if error is None] == []
    assert {error.sample for error in found.values() if error} == {"S1"}
    assert taken_by(door, tmp_path / "sound", Record(), write) is None


@pytest.mark.parametrize(
    "told", [of_scores, of_drugs, of_segregation, of_phenotypes, of_relatives], ids=lambda one: one.__name__
)
def test_a_reader_of_text_says_that_a_bcf_is_one(told: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = as_binary(tmp_path, Record())
    monkeypatch.setattr(f"{__name__}.packed", lambda *_: binary)
    with pytest.raises(VariantFileError, match="this is a BCF file") as caught:
        told(tmp_path, Record())
    assert caught.value.file == str(binary) and "bcftools view" in caught.value.remedy


@for_every_door
def test_records_of_a_bcf_are_judged_as_those_of_a_vcf(door: Door, tmp_path: Path) -> None:
    twice = Record("1/2:0,14,16:30:99:385,0,350,1,2,3", alt=f"{ALT},{ALT.lower()}")
    for name, record in {"twice": twice, "several bases": Record(alt="R")}.items():
        assert taken_by(door, tmp_path / name, record, as_binary) is not None


@pytest.mark.parametrize("write", [calls, as_binary], ids=["vcf", "bcf"])
def test_a_matrix_has_no_genotype_of_an_allele_that_its_record_lacks(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(VariantFileError, match="GT is '0/3', of 2 alleles"):
        read_matrix(write(tmp_path, Record(NO_CALL["no such allele"])))


UNKNOWN = {
    "no read, called the reference": [Record("0/0:0:0", keys="GT:DP:GQ")],
    "no read, yet sure": [Record("0/0:0:99", keys="GT:DP:GQ")],
    "no read, called a variant": [Record("0/1:0,0:0:99:385,0,350")],
    "reads of no allele": [Record("0/0:0,0:99", keys="GT:AD:GQ")],
    "no genotype": [Record("14,16:30:99", keys="AD:DP:GQ")],
    "no FORMAT": [Record(".", keys=".")],
    "an empty column": [Record(".")],
    "missing": [Record("./.:0,30:30:90:900,90,0")],
    "half missing": [Record("./1:0,16:30:99:385,0,350")],
    "the allele not seen": [Record("0/2:14,0,16:30:99:385,0,350,1,2,3", alt=f"{ALT},<NON_REF>")],
    "three copies": [Record("0/1/1:14,16:30:99:385,0,350,9")],
    "marked by its caller": [Record(filter="LowQual")],
    "marked, and passed": [Record(filter="PASS;LowQual")],
    "two records that disagree": [Record(), Record("1/1:0,30:30:90:900,90,0")],
}
NOT_ASKED = {
    (of_scores, "two records that disagree"),  # refused, with sample and place
    (of_phenotypes, "three copies"), (of_phenotypes, "half missing"), (of_phenotypes, "two records that disagree"),
    (of_phenotypes, "no genotype"), (of_phenotypes, "no FORMAT"),  # without genotypes every allele counts as carried
    (of_segregation, "two records that disagree"),  # both say that it is carried
    (of_partners, "two records that disagree"),  # the record called more often is kept, and the other counted
    (of_partners, "half missing"), (of_partners, "the allele not seen"),  # counted are the alleles that are told
    (of_partners, "three copies"),
}  # fmt: skip


@for_every_reader
def test_what_rests_on_nothing_is_not_known(told: Reader, tmp_path: Path) -> None:
    known = {}
    for number, (name, records) in enumerate(UNKNOWN.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        if (told, name) not in NOT_ASKED and (copies := told(folder, *records)) is not None:
            known[name] = copies
    assert not known


SOUND_CALLS = {
    "as GATK writes it": Record(),
    "phased": Record(SOUND.replace("/", "|")),
    "its bases in small letters": Record(ref=REF.lower(), alt=ALT.lower()),
    "with the allele not seen": Record("0/1:14,16,0:30:99:385,0,350,427,398,725", alt=f"{ALT},<NON_REF>"),
    "by its other name": Record("0/1:14,16,0:30:99:385,0,350,427,398,725", alt=f"{ALT},<*>"),
    "beside another alternate": Record("0/2:14,0,16:30:99:385,400,500,0,400,350", alt=f"{THIRD},{ALT}"),
    "not filtered": Record(filter="."),
    "without likelihoods": Record("0/1:14,16:30:99", keys="GT:AD:DP:GQ"),
    "without depths": Record("0/1:99", keys="GT:GQ"),
    "with empty lists": Record("0/1:.:30:99:.", keys="GT:AD:DP:GQ:PL"),
}


LEFT_ALIGNED = {"phased", "its bases in small letters", "with the allele not seen", "beside another alternate"}
"""Of the sound calls those that readers take which have bcftools align them first, for that takes its time."""


@for_every_reader
def test_what_is_sound_is_one_copy_however_it_is_spelt(told: Reader, tmp_path: Path) -> None:
    wrong = {}
    for number, (name, record) in enumerate(SOUND_CALLS.items()):
        if told in (of_the_cohort, of_partners) and name not in LEFT_ALIGNED:
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        if (copies := told(folder, record)) != 1:
            wrong[name] = copies
    assert not wrong


@pytest.mark.parametrize("told", [of_scores, of_segregation, of_the_cohort, of_partners], ids=lambda one: one.__name__)
def test_a_copy_that_a_deletion_covers_takes_none_from_the_other(told: Reader, tmp_path: Path) -> None:
    assert told(tmp_path, Record("1/2:0,14,16:30:99:385,0,350,1,2,3", alt=f"{ALT},*")) == 1


@pytest.mark.parametrize("allele", ["<DEL>", f"{REF}[chr20:900[", "<NON_REF>"])
@pytest.mark.parametrize("told", [of_scores, of_drugs, of_relatives, of_the_cohort], ids=lambda one: one.__name__)
def test_an_allele_without_bases_is_no_copy_of_the_reference(told: Reader, allele: str, tmp_path: Path) -> None:
    assert told(tmp_path, Record(alt=allele)) is None


@pytest.mark.parametrize("call", ["./.:60:20", ".:60:20", "0/1:60:20"])
def test_a_block_that_is_not_called_reference_is_not_called(call: str, tmp_path: Path) -> None:
    path = packed(tmp_path, "g.vcf", block(1, 400), block(401, 600, call), block(601, 1_000, "0|0:60:20"))
    assert called_stretches(path) == {"chr20": [(0, 400), (600, 1_000)]}


@pytest.mark.parametrize(("call", "copies"), [("1/1", 1), ("1|1", 1), ("1", 1), ("0/1", None)])
def test_a_mans_x_has_one_copy_whoever_called_it(call: str, copies: int | None, tmp_path: Path) -> None:
    """A caller that knows no sex writes two; the cohort counted two of one, and no table could be made."""
    bundle = replace(reference(tmp_path), contigs=(Contig("chr20", 1_000, ""), Contig("chrX", 156_040_895, "")))
    with bundle.fasta.open("a") as fasta:
        fasta.write(">chrX\n" + "A" * 12_000 + "\n")
    pysam.faidx(str(bundle.fasta))  # type: ignore[attr-defined]
    declared = HEADER.replace("#CHROM", "##contig=<ID=chrX,length=156040895>\n#CHROM")
    paths = tmp_path / "v.vcf", tmp_path / "g.vcf"
    paths[0].write_text(f"{declared}chrX\t9001\t.\tA\tG\t50\tPASS\t.\tGT:DP:GQ\t{call}:30:99\n")
    paths[1].write_text(f"{declared}chrX\t1\t.\tA\t<NON_REF>\t.\t.\tEND=12000\tGT:GQ:MIN_DP\t0/0:60:30\n")
    tables = contribute(
        *paths, bundle, sample="S1", person=person(sex=Sex.MALE), caller="x", measures={}, scratch=tmp_path
    )
    rows = tables["calls"].to_pylist()
    assert [(row["copies"], row["ploidy"]) for row in rows] == ([] if copies is None else [(1, 1)])
    assert any(row["start"] == 9_000 and row["missing_copies"] == 2 for row in tables["no_calls"].to_pylist()) == (
        copies is None
    )
