"""Whatever lies in a file that we read ourselves: taken or refused in our words, never a trace, a hang or a crash.

Files are made by changing a sound one as disks, editors and people who mean harm do, and by chance alone.
"""

from __future__ import annotations

import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.acmg.criteria import parse_criteria
from engine.annotate.batches import read_batches
from engine.annotate.source import open_source
from engine.errors import GenomicsError
from engine.hl7v2.acknowledgement import read_acknowledgement
from engine.quality.thresholds import load_thresholds
from engine.reads.fastq import read_fastq
from engine.reads.sample_sheet import read_sample_sheet
from engine.receipt import Receipt
from engine.reference.bundle import Contig
from engine.reference.gene_model_source import read_features
from engine.reference.genome import read_dictionary, read_sequences
from engine.reference.intervals import parse_region, read_bed
from engine.reference.panels import read_panels
from engine.repeats.loci import read_loci
from engine.risk.distribution import read_distribution
from engine.risk.scoring_file import read_scoring_file
from resources.access_file import read_access_file
from resources.declaration import read_declaration
from resources.fhir_access import FhirAccess
from resources.identity_sheet import read_identities
from resources.laboratory import read_laboratory
from resources.tiering import read_policy
from resources.zones import parse as parse_access_list
from resources.zones import read_groups
from tests.builders.hostile_doors import as_sample_names

LENGTHS = {"chr1": 1000, "chr2": 500}
CONTIGS = tuple(Contig(name, length, "") for name, length in LENGTHS.items())
EXAMPLES = 60
"""Changed files of each kind: the same ones each time, so that a test that fails fails again."""
LONGEST = 5.0
"""Seconds in which a file of some kilobytes is judged, on a machine that does much else."""


@dataclass(frozen=True)
class Parser:
    """A reader of ours.

    Attributes:
        name: of the file that it reads.
        sound: what it takes.
        read: reads the file to its end.
        in_file: whether its errors name the file.
    """

    name: str
    sound: str
    read: Callable[[Path], Any]
    in_file: bool = True


def drained(values: Iterator[Any]) -> list[Any]:
    return list(values)


def read_vcf(path: Path) -> int:
    source = open_source(path, None, path.parent, CONTIGS)
    return sum(len(batch.position) for batch in read_batches(source.text, source.header, source.column, with_info=True))


def raising(values: Iterator[Any]) -> None:
    """Rows of a table come as values or as errors: either is an answer."""
    for value in values:
        assert not isinstance(value, Exception) or isinstance(value, GenomicsError)


PARSERS = (
    Parser(
        "sheet.csv",
        "sample_id,subject_id,lane,fastq_r1,fastq_r2,sex,phenotype,order_id\nS1,P1,L001,a_R1.fastq,a_R2.fastq,female,"
        "HP:0001250;HP:0001263,ORD-7\n",
        lambda path: read_sample_sheet(path, path.parent),
    ),
    Parser(
        "who.csv",
        "sample_id,mrn,mrn_system,family,given,birth_date\nS1,47,1.2.3.4,Example,Ada,1970-01-31\n",
        lambda path: raising(read_identities(path.read_bytes(), path)),
    ),
    Parser("reads.fastq", "@r1/1\nACGTN\n+\nIIII#\n@r2/1\nAC\n+\nII\n", lambda path: drained(read_fastq(path))),
    Parser(
        "genes.gff3",
        "##gff-version 3\nchr1\tensembl\tgene\t10\t90\t.\t+\t.\tID=gene:G1;Name=A;biotype=protein_coding\n"
        "chr1\tensembl\tmRNA\t10\t90\t.\t+\t.\tID=transcript:T1;Parent=gene:G1;biotype=protein_coding\n"
        "chr1\tensembl\texon\t10\t90\t.\t+\t.\tParent=transcript:T1\n"
        "chr1\tensembl\tCDS\t10\t90\t.\t+\t0\tParent=transcript:T1\n",
        read_features,
    ),
    Parser("kit.bed", "track name=x\nchr1\t10\t20\tname\nchr2\t0\t500\n", lambda path: read_bed(path, LENGTHS)),
    Parser(
        "calls.vcf",
        '##fileformat=VCFv4.3\n##contig=<ID=chr1,length=1000>\n##INFO=<ID=DP,Number=1,Type=Integer,Description="x">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nchr1\t10\t.\tA\tC,<DEL>\t50\tPASS\tDP=3\nchr1\t12\trs1\tAT\tA\t.\t.\t.\n",
        read_vcf,
    ),
    Parser("genome.fa", ">chr1 first\nACGTNNacgt\nACGT\n>chr2\nA\n", lambda path: drained(read_sequences(path))),
    Parser("genome.dict", "@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:1000\tM5:d41d8cd98f00b204e9800998ecf8427e\n", read_dictionary),
    Parser("panels.tsv", "panel\tgene\tversion\nepilepsy\tSCN1A\t1\nepilepsy\tKCNQ2\t1\n", read_panels),
    Parser("thresholds.yaml", "aligned_reads:\n  mean_coverage:\n    minimum: 20\n", load_thresholds),
    Parser("reference.yaml", "name: x\nbuild: GRCh38\nfasta: a.fa\n", lambda path: read_declaration(path, path.parent)),
    Parser(
        "laboratory.yaml", "name: A\nsystem: https://a.example.org\n", lambda path: read_laboratory(path, path.parent)
    ),
    Parser(
        "access.yaml",
        "authorization: none\n",
        lambda path: read_access_file(path, FhirAccess, "GENOMICS_FHIR_ACCESS", "docs/fhir.md"),
    ),
    Parser("roles.yaml", "groups: {analyst: a, clinician: b}\n", read_groups),
    Parser("policy.yaml", "hold_days: 9\ntiers: {gvcf: cool}\nprices: {hot: 1.5}\n", read_policy),
    Parser("loci.json", "[]", lambda path: read_loci(path, "GRCh38")),
    Parser("score.txt", "#pgs_id=PGS1\nrsID\teffect_allele\teffect_weight\nrs1\tA\t0.5\n", read_scoring_file),
    Parser("distribution.tsv", "score\tshare\n0.1\t0.5\n", read_distribution),
    Parser(
        "receipt.json",
        '{"schema": 1, "asset": "gvcf"}',
        lambda path: Receipt.from_json(path.read_text("latin-1")),
        False,
    ),
    Parser(
        "ack.hl7",
        "MSH|^~\\&|A|B|C|D|20260101||ACK^R01|1|P|2.5.1\rMSA|AA|1\r",
        lambda path: read_acknowledgement(path.read_text("latin-1")),
        False,
    ),
    Parser("criteria", "PVS1,PM2=P", lambda path: parse_criteria(path.read_text("latin-1")), False),
    Parser("region", "chr1:1-10", lambda path: parse_region(path.read_text("latin-1"), LENGTHS), False),
    Parser("acl", "user::rwx,group:a:r-x,mask::r-x", lambda path: parse_access_list(path.read_text("latin-1")), False),
)
HARM = st.sampled_from(
    [
        *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\r", b"\n", b"\t", b",", b";", b'"', b"'", b"%", b"\\"),
        *(b"-1", b"99999999999999999999", b"NaN", b"inf", b"1e400", b"0x10", b"A" * 5000, b"[" * 500),
        *(b"../../etc/passwd", b"/dev/zero", b"<script>", b"{{7*7}}", b"=cmd|' /C calc'!A0"),
        *(b"&x", b"*x", b"!!python/object:os.system", b"\x1f\x8b\x08\x00", b"PK\x03\x04"),
        *(b"\xe2\x80\xae", b"\xed\xa0\x80"),
    ]
)


@st.composite
def changed(draw: st.DrawFn, sound: bytes) -> bytes:
    """A sound file with some harm done to it."""
    content = sound
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        kind = draw(st.sampled_from(["cut", "insert", "replace", "double", "drop", "flip"]))
        if kind == "cut":
            content = content[:at]
        elif kind == "insert":
            content = content[:at] + draw(HARM) + content[at:]
        elif kind == "replace":
            content = content[:at] + draw(HARM) + content[at + draw(st.integers(1, 9)) :]
        elif kind == "double":
            content = content + content[at : at + 200]
        elif kind == "drop":
            content = content[:at] + content[at + draw(st.integers(1, 30)) :]
        elif content[at : at + 1]:
            content = content[:at] + bytes([content[at] ^ (1 << draw(st.integers(0, 7)))]) + content[at + 1 :]
    return content


def judged(parser: Parser, path: Path) -> None:
    """Taken, or refused in our words, within the time."""
    begun = time.monotonic()
    try:
        parser.read(path)
    except GenomicsError as error:
        assert error.problem and error.remedy
        assert error.file or not parser.in_file, error
        assert not any(sign in str(error) for sign in ("\x00", "\x1b", "Traceback")), error
    assert time.monotonic() - begun < LONGEST


@pytest.mark.parametrize("parser", PARSERS, ids=lambda one: one.name)
def test_a_file_that_was_changed_is_taken_or_refused_in_our_words(
    parser: Parser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("hostile") / parser.name

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    @given(st.one_of(changed(parser.sound.encode()), st.binary(max_size=300)))
    def hostile(content: bytes) -> None:
        path.write_bytes(content)
        judged(parser, path)

    path.write_text(parser.sound)
    judged(parser, path)
    hostile()


@pytest.mark.parametrize("kind", ["folder", "nothing", "no right", "link to itself"])
@pytest.mark.parametrize(
    "parser", [one for one in PARSERS if one.in_file and one.name != "who.csv"], ids=lambda one: one.name
)
def test_what_is_no_file_is_told(parser: Parser, kind: str, tmp_path: Path) -> None:
    path = tmp_path / parser.name
    if kind == "folder":
        path.mkdir()
    elif kind == "link to itself":
        path.symlink_to(path)
    elif kind == "no right":
        path.write_bytes(b"")
    with pytest.raises(GenomicsError) as caught:
        parser.read(path)
        raise GenomicsError("an empty file was taken", remedy="none", file=path)
    assert caught.value.file


def test_every_variant_file_of_the_specifications_corpus_is_taken_or_refused(shared_data: Path, tmp_path: Path) -> None:
    archive = shared_data / "adversarial" / "hts-specs_sam_bam_vcf.tar.gz"
    if not archive.is_file():
        pytest.skip(f"the corpus is absent: {archive}")
    taken: dict[str, int] = {"passed": 0, "failed": 0}
    counted: dict[str, int] = {"passed": 0, "failed": 0}
    with tarfile.open(archive) as corpus:
        for member in corpus:
            if not member.name.endswith(".vcf"):
                continue
            content = corpus.extractfile(member)
            assert content is not None
            path = tmp_path / "calls.vcf"
            path.write_bytes(content.read())
            group = "failed" if "/failed/" in member.name else "passed"
            counted[group] += 1
            begun = time.monotonic()
            try:
                samples = [line for line in path.read_text("latin-1").splitlines() if line.startswith("#CHROM")]
                columns = samples[0].split("\t") if samples else []
                source = open_source(path, columns[9] if len(columns) > 9 else None, tmp_path, CONTIGS)
                for _ in read_batches(source.text, source.header, source.column, with_info=True):
                    pass
                taken[group] += 1
            except GenomicsError as error:
                assert error.file and error.remedy, member.name
            assert time.monotonic() - begun < LONGEST, member.name
    assert counted["passed"] > 50 and counted["failed"] > 300
    assert taken["passed"] >= 66, "of sound files those with what we do not take are refused, and no more than before"


HOSTILE_NAMES = 10_000


def test_of_ten_thousand_hostile_sample_names_none_becomes_a_place_or_a_command() -> None:
    parts = ["..", "/", "\\", "\x00", "\n", "\r", "'", '"', "$(id)", "`id`", ";", "|", "&", "<script>", "%2e%2e"]
    parts += ["\u202e", "\uff41", "=1+1", "@x", "-rf", "#{x}", "{{x}}", "S1", "7", " ", "\ud83d", "é", "CON", "nul."]
    parts += ["*", "?", "~", ":"]
    names = (
        "".join(parts[(number // len(parts) ** power + power * 7) % len(parts)] for power in range(3))
        for number in range(HOSTILE_NAMES)
    )
    found = as_sample_names(names)
    assert (found.strings, found.accepted_wrongly) == (HOSTILE_NAMES, [])
    assert found.refused < HOSTILE_NAMES
