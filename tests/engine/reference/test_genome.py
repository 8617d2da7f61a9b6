import hashlib
import os
import shutil
from pathlib import Path

import pysam
import pytest

from engine.errors import KnowledgeError
from engine.files.bgzf import BgzfWriter
from engine.reference.genome import measure_contigs, open_reference, read_sequences
from tests.builders.alignments import random_sequence

TWO_CONTIGS = ">chr1 a > b\nACGTN\nacg\n>chrM\nGG\n"


def fasta_file(folder: Path, text: str, name: str = "ref.fa") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_indexes_and_dictionary_are_made_beside_the_fasta(tmp_path: Path) -> None:
    reference = open_reference(fasta_file(tmp_path, TWO_CONTIGS))
    assert [(contig.name, contig.length) for contig in reference.contigs] == [("chr1", 8), ("chrM", 2)]
    assert reference.contigs[0].md5 == hashlib.md5(b"ACGTNACG").hexdigest()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ref.dict", "ref.fa", "ref.fa.fai"]
    assert reference.open().fetch("chr1", 4, 7) == "Nac"


def test_a_bgzip_fasta_reads_the_same(tmp_path: Path) -> None:
    plain = open_reference(fasta_file(tmp_path, TWO_CONTIGS, "plain.fa"))
    pysam.tabix_compress(str(plain.fasta), str(tmp_path / "packed.fa.gz"))
    packed = open_reference(tmp_path / "packed.fa.gz")
    assert packed.contigs == plain.contigs
    assert packed.digest == plain.digest
    assert packed.open().fetch("chrM") == "GG"
    assert packed.gzi is not None and packed.gzi.exists()


def test_sequences_longer_than_a_chunk_arrive_whole(tmp_path: Path) -> None:
    line = "ACGTACGTAC" * 10 + "\n"
    path = fasta_file(tmp_path, f">a\n{line * 200_000}>b\n{line * 3}")
    lengths = {name: len(sequence) for name, sequence in read_sequences(path)}
    assert lengths == {"a": 20_000_000, "b": 300}


def test_a_dictionary_without_m5_is_completed(tmp_path: Path) -> None:
    path = fasta_file(tmp_path, TWO_CONTIGS)
    (tmp_path / "ref.dict").write_text("@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:8\n@SQ\tSN:chrM\tLN:2\n")
    assert open_reference(path).contigs == tuple(measure_contigs(path))


def test_indexes_go_to_the_cache_where_the_folder_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    path = fasta_file(tmp_path, TWO_CONTIGS)
    # a test run as root may write anywhere, so what the system would say is put in its mouth
    monkeypatch.setattr(os, "access", lambda *_: False)
    reference = open_reference(path, cache=cache)
    assert reference.fai.parent == reference.dictionary.parent == cache


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds no sequence|cannot be indexed"),
        (">a\nAC\n>a\nGT\n", "twice|cannot be indexed|disagree"),
        (">a\nAC-!\n", "not sequence"),
        ("ACGT\n", "cannot be indexed|not sequence"),
        (">a\nAC\nACGT\nAC\n", "cannot be indexed"),
    ],
)
def test_a_bad_fasta_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(KnowledgeError, match=problem):
        open_reference(fasta_file(tmp_path, text))


def test_a_dictionary_of_another_fasta_is_refused(tmp_path: Path) -> None:
    path = fasta_file(tmp_path, TWO_CONTIGS)
    (tmp_path / "ref.dict").write_text("@SQ\tSN:chr1\tLN:9\tM5:00\n@SQ\tSN:chrM\tLN:2\tM5:00\n")
    with pytest.raises(KnowledgeError, match="disagree"):
        open_reference(path)


@pytest.mark.parametrize(
    "text",
    [
        TWO_CONTIGS.replace("chr1 a > b", "chr1 of another release"),
        TWO_CONTIGS.replace("ACGTN\nacg", "ACGT\nNacg"),
        TWO_CONTIGS.replace("ACGTN\nacg", "ACGTNacg"),
        TWO_CONTIGS.replace("\n", "\r\n"),
    ],
)
def test_an_index_of_another_copy_of_the_same_sequences_is_refused(tmp_path: Path, text: str) -> None:
    """Names and lengths agree, and every base would be read from another place."""
    reference = open_reference(fasta_file(tmp_path, TWO_CONTIGS))
    path = fasta_file(tmp_path, text)
    with pytest.raises(KnowledgeError, match=r"chr1 does not lie where it says.*delete ref\.fa\.fai"):
        open_reference(path)
    reference.fai.unlink()
    assert open_reference(path).contigs == reference.contigs
    assert open_reference(path).open().fetch("chr1", 4, 7) == "Nac"


@pytest.mark.parametrize("stale", ["fai", "gzi"])
def test_an_index_of_another_compressed_copy_is_refused(tmp_path: Path, stale: str) -> None:
    """Lines of another length make another .fai, blocks at other places another .gzi; names and lengths agree."""
    sequence = random_sequence(200_000, 3)
    paths = []
    for name, width, level in (("one", 60, 1), ("two", 60 if stale == "gzi" else 70, 9)):
        (tmp_path / name).mkdir()
        lines = "\n".join(sequence[start : start + width] for start in range(0, len(sequence), width))
        path = tmp_path / name / "ref.fa.gz"
        with BgzfWriter(path, level=level) as packed:
            packed.write(f">chr1\n{lines}\n>chr2\nACGT\n".encode())
        assert open_reference(path).contigs == open_reference(path).contigs
        paths.append(path)
    companion = f"ref.fa.gz.{stale}"
    shutil.copy(paths[0].with_name(companion), paths[1].with_name(companion))
    with pytest.raises(KnowledgeError, match=rf"is of another copy of the FASTA.*delete {companion}"):
        open_reference(paths[1])
    paths[1].with_name(companion).unlink()
    assert open_reference(paths[1]).open().fetch("chr1", 150_000, 150_060) == sequence[150_000:150_060]


@pytest.mark.parametrize(
    "text", [">a\nACGT", ">a\nACGTA\nCG", ">a\r\nACGT\r\nAC\r\n>b x\r\nG", f">{'a' * 30_000}\nAC\n"]
)
def test_an_index_of_any_sound_fasta_is_taken(tmp_path: Path, text: str) -> None:
    path = fasta_file(tmp_path, "")
    path.write_bytes(text.encode())
    assert open_reference(path).contigs == open_reference(path).contigs == tuple(measure_contigs(path))


@pytest.mark.parametrize("folder", ["-rf", "--help", "lab [1]", "o'brien"])
def test_no_name_of_a_folder_is_an_option_of_samtools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    (tmp_path / folder).mkdir()
    plain = fasta_file(tmp_path / folder, TWO_CONTIGS)
    pysam.tabix_compress(str(plain), f"{plain}.gz")
    monkeypatch.chdir(tmp_path)
    for name in ("ref.fa", "ref.fa.gz"):
        assert open_reference(Path(folder, name)).contigs == tuple(measure_contigs(plain))


def test_a_fasta_that_was_changed_after_its_dictionary_was_made_is_refused(tmp_path: Path) -> None:
    path = fasta_file(tmp_path, TWO_CONTIGS)
    contigs = open_reference(path).contigs
    facts = path.stat()
    os.utime(tmp_path / "ref.dict", (facts.st_atime - 60, facts.st_mtime - 60))
    assert open_reference(path).contigs == contigs  # another date alone is no other FASTA
    fasta_file(tmp_path, TWO_CONTIGS.replace("GG", "GC"))
    os.utime(tmp_path / "ref.dict", (facts.st_atime - 60, facts.st_mtime - 60))
    with pytest.raises(KnowledgeError, match=r"after ref\.dict was made: chrM reads otherwise"):
        open_reference(path)
    (tmp_path / "ref.dict").unlink()
    assert open_reference(path).contigs[1].md5 == hashlib.md5(b"GC").hexdigest()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no sequence"),
        ("\ufeff>a\nAC\n", "before the first '>'"),
        (">a\nAC\n>b\n>c\nGT\n", "the contig 'b' has no base"),
        (">a\nAC\n\nGT\n", "every line of a contig but its last is equally long"),
    ],
)
def test_what_is_wrong_with_a_fasta_is_told_in_our_words(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(KnowledgeError, match=told) as caught:
        open_reference(fasta_file(tmp_path, text))
    assert "stderr" not in str(caught.value)


def test_chromosome_20_has_its_published_m5(shared_data: Path) -> None:
    contigs = list(measure_contigs(shared_data / "b37_chr20_ref" / "20.fa.gz"))
    assert [(contig.name, contig.length, contig.md5) for contig in contigs] == [
        ("20", 63_025_520, "0dec9660ec1efaaf33281c0d5ea2560f")
    ]


@pytest.mark.parametrize("name", ["chrA,complete", "a(b)", 'a"b', "a\\b", "=a", "*", "chr\xfc"])
@pytest.mark.parametrize("indexed", [False, True])
def test_a_contig_that_sam_and_vcf_cannot_name_is_refused_when_the_reference_is_opened(
    tmp_path: Path, name: str, indexed: bool
) -> None:
    fasta = tmp_path / "ref.fa"
    fasta.write_text(f">{name}\nACGTACGT\n")
    if indexed:
        fasta.with_name("ref.fa.fai").write_text(f"{name}\t8\t{len(name.encode()) + 2}\t8\t9\n")
        fasta.with_name("ref.dict").write_text(f"@SQ\tSN:{name}\tLN:8\tM5:{'0' * 32}\n")
    with pytest.raises(KnowledgeError, match="SAM and VCF do not allow") as caught:
        open_reference(fasta)
    assert caught.value.file == str(fasta)
