import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.align import index as index_module
from engine.align import index_kernels as kernels
from engine.align import low_memory_index
from engine.align.index import AlignerIndex, Piece, build_index, ensure_index, index_files, open_index
from engine.align.shared_memory import named_by_content, share_index, unshare_indexes
from engine.errors import KnowledgeError, ToolError
from engine.headroom import gibibytes
from engine.reference.genome import Reference, open_reference, read_sequences
from engine.reference.known_bases import find_pieces
from tests.builders.alignments import random_sequence

PROJECT = Path(__file__).resolve().parents[3]

needs_bwa = pytest.mark.skipif(shutil.which("bwa") is None, reason="bwa is not on PATH")


def reference_of(folder: Path, **contigs: str) -> Reference:
    folder.mkdir(exist_ok=True)
    fasta = folder / "ref.fa"
    fasta.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in contigs.items()))
    return open_reference(fasta)


def test_pieces_are_what_lies_between_long_runs_of_n() -> None:
    sequence = "N" * 5000 + "ACGT" * 10 + "N" * 999 + "ACGT" + "N" * 1000 + "AC" + "N" * 1500
    assert find_pieces(np.frombuffer(sequence.encode(), dtype=np.uint8)) == [(5000, 6043), (7043, 7045)]
    assert find_pieces(np.frombuffer(b"N" * 2000, dtype=np.uint8)) == []
    assert find_pieces(np.frombuffer(b"NNACGTNN", dtype=np.uint8)) == [(0, 8)]


@pytest.mark.parametrize("length", [1, 3, 4, 31, 32, 60, 96, 127, 500])
def test_fm_index_equals_one_made_by_sorting_all_suffixes(length: int) -> None:
    codes = np.random.default_rng(length).integers(0, 4, length).astype(np.uint8)
    text = np.concatenate([codes, 3 - codes[::-1]])
    suffixes = sorted(range(len(text)), key=lambda start: text[start:].tobytes())
    checkpoints, sampled, sentinel = kernels.fm_index(text, np.array(suffixes, dtype=np.int32))
    rows = [len(text), *suffixes]
    transform = [int(text[start - 1]) if start else None for start in rows]
    assert transform.index(None) == sentinel
    assert len(checkpoints) == len(rows) // 64 + 1
    assert len(sampled) == len(rows) // 8 + 1
    assert [int(value) for value in sampled[: (len(rows) + 7) // 8]] == rows[::8]
    for block in range(len(checkpoints)):
        before, inside = transform[: 64 * block], transform[64 * block : 64 * block + 64]
        assert [int(count) for count in checkpoints[block, :4]] == [before.count(base) for base in range(4)]
        masks = ["".join("1" if base == wanted else "0" for base in inside).ljust(64, "0") for wanted in range(4)]
        assert [f"{int(mask):064b}" for mask in checkpoints[block, 4:]] == masks


@needs_bwa
def test_packed_files_are_those_of_bwa(tmp_path: Path) -> None:
    rng = random.Random(4)
    letters = "".join(rng.choices("ACGTNRacgtn", weights=[10] * 4 + [3, 1] + [5] * 4 + [1], k=4001))
    reference = reference_of(tmp_path, a="NN" + letters + "NNN", b="N" * 300 + letters[::-1], c="ACG")
    build_index(reference, tmp_path / "ours")
    bwa = shutil.which("bwa")
    subprocess.run([bwa, "index", "-p", tmp_path / "bwa", reference.fasta], check=True, capture_output=True)
    assert Path(f"{tmp_path}/ours.pac").read_bytes() == Path(f"{tmp_path}/bwa.pac").read_bytes()
    lengths = [line.split()[:2] for line in Path(f"{tmp_path}/bwa.ann").read_text().splitlines()[0::2]]
    assert [line.split()[:2] for line in Path(f"{tmp_path}/ours.ann").read_text().splitlines()[0::2]] == lengths
    theirs = [line.split()[:2] for line in Path(f"{tmp_path}/bwa.amb").read_text().splitlines()[1:]]
    ours = [line.split()[:2] for line in Path(f"{tmp_path}/ours.amb").read_text().splitlines()[1:]]
    assert sum(int(length) for _, length in ours) == sum(int(length) for _, length in theirs)


def test_an_index_opens_with_its_pieces_and_its_manifest_names_the_reference(tmp_path: Path) -> None:
    reference = reference_of(tmp_path, a="N" * 2000 + random_sequence(900), b=random_sequence(500, seed=2))
    built = build_index(reference, tmp_path / "index" / "ref")
    assert built.pieces == (Piece(0, 2000, 2900), Piece(1, 0, 500))
    assert built.numbered
    assert open_index(built.prefix, reference.contigs) == built
    manifest = json.loads(Path(f"{built.prefix}.bwa-mem3.json").read_text())
    assert manifest["reference"] == reference.digest
    assert not [path for path in (tmp_path / "index").iterdir() if path.name.startswith(".")]


def test_an_index_of_another_reference_is_refused_and_built_anew(tmp_path: Path) -> None:
    first = reference_of(tmp_path / "first", a=random_sequence(900))
    second = reference_of(tmp_path / "second", a=random_sequence(900, seed=3))
    prefix = tmp_path / "ref"
    build_index(first, prefix)
    with pytest.raises(KnowledgeError, match="another reference"):
        open_index(prefix, second.contigs)
    assert ensure_index(second, prefix).contigs == second.contigs


@pytest.mark.parametrize("suffix", index_module.BWA_MEM3_FILES)
def test_a_partial_or_damaged_index_is_refused(tmp_path: Path, suffix: str) -> None:
    reference = reference_of(tmp_path, a=random_sequence(900))
    prefix = tmp_path / "ref"
    build_index(reference, prefix)
    file = Path(f"{prefix}{suffix}")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(KnowledgeError, match="damaged"):
        open_index(prefix, reference.contigs)
    file.unlink()
    with pytest.raises(KnowledgeError, match="not complete"):
        open_index(prefix, reference.contigs)


@needs_bwa
def test_an_index_made_by_the_aligner_itself_is_taken_as_it_is(tmp_path: Path) -> None:
    reference = reference_of(tmp_path, a="N" * 3000 + random_sequence(900), b=random_sequence(400, seed=2))
    subprocess.run([shutil.which("bwa"), "index", reference.fasta], check=True, capture_output=True)
    opened = open_index(reference.fasta, reference.contigs, aligner="bwa")
    assert (opened.pieces, opened.numbered) == ((Piece(0, 0, 3900), Piece(1, 0, 400)), False)
    other = reference_of(tmp_path / "other", a=random_sequence(900))
    with pytest.raises(KnowledgeError, match="other contigs"):
        open_index(reference.fasta, other.contigs, aligner="bwa")


def test_a_foreign_index_whose_files_do_not_belong_together_is_refused(tmp_path: Path) -> None:
    reference = reference_of(tmp_path, **{"0": random_sequence(900)})
    prefix = tmp_path / "ref"
    build_index(reference, prefix)
    Path(f"{prefix}.bwa-mem3.json").unlink()
    assert not open_index(prefix, reference.contigs).numbered
    Path(f"{prefix}.0123").write_bytes(Path(f"{prefix}.0123").read_bytes()[:-1])
    with pytest.raises(KnowledgeError, match="do not belong together"):
        open_index(prefix, reference.contigs)


def test_a_reference_of_nothing_but_n_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="nothing but N"):
        build_index(reference_of(tmp_path, a="N" * 5000), tmp_path / "ref")


def test_a_reference_too_big_for_memory_or_disk_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = reference_of(tmp_path, a=random_sequence(900))
    with pytest.raises(KnowledgeError, match=r"900 bases takes 0\.2 GiB of memory to build and 0\.0 GiB are") as caught:
        build_index(reference, tmp_path / "ref", memory=1 << 20)
    assert "bwa" in caught.value.remedy and not list(tmp_path.glob("ref.*.64"))
    monkeypatch.setattr(index_module, "free_disk", lambda folder: 100)
    with pytest.raises(KnowledgeError, match=r"of disk and 0\.0 GiB are free"):
        build_index(reference, tmp_path / "ref")


def slowly(reference: Reference, prefix: Path, said: list[str], threads: int = 2) -> None:
    """Build with as much memory as the slow way takes, and no more."""
    build_index(reference, prefix, threads=threads, memory=(550 << 20), log=said.append)


@pytest.mark.parametrize("lengths", [(70,), (4_000, 31, 7), (63_999,), (64_000, 64_000)])
def test_the_index_built_in_little_memory_is_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lengths: tuple[int, ...]
) -> None:
    contigs = {f"c{at}": random_sequence(length, seed=at) for at, length in enumerate(lengths)}
    contigs["c0"] = contigs["c0"][:20] + "NRN" + contigs["c0"][23:]
    reference = reference_of(tmp_path, **contigs)
    monkeypatch.setattr(index_module, "_FAST_MEMORY", 1 << 30)
    said: list[str] = []
    slowly(reference, tmp_path / "slow", said)
    build_index(reference, tmp_path / "fast", memory=2 << 30)
    assert "in the slow way" in said[0]
    for suffix in index_module.BWA_MEM3_FILES:
        assert Path(f"{tmp_path}/slow{suffix}").read_bytes() == Path(f"{tmp_path}/fast{suffix}").read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_an_interrupted_build_goes_on_from_its_transform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = reference_of(tmp_path, a=random_sequence(5_000))
    monkeypatch.setattr(index_module, "_FAST_MEMORY", 1 << 30)
    with monkeypatch.context() as cut:
        cut.setattr(low_memory_index, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            slowly(reference, tmp_path / "ref", [])
    with pytest.raises(KnowledgeError, match="not complete"):
        open_index(tmp_path / "ref", reference.contigs)
    (left,) = tmp_path.glob(".ref.*.unfinished")
    said: list[str] = []
    monkeypatch.setattr(low_memory_index, "_build_transform", interrupted)
    slowly(reference, tmp_path / "ref", said)
    assert "the transform of an earlier run is there" in said
    assert open_index(tmp_path / "ref", reference.contigs).pieces == (Piece(0, 0, 5_000),)
    assert not left.exists()


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_transform_that_is_not_of_a_whole_text_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = reference_of(tmp_path, a=random_sequence(5_000))
    monkeypatch.setattr(index_module, "_FAST_MEMORY", 1 << 30)
    with monkeypatch.context() as cut:
        cut.setattr(low_memory_index, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            slowly(reference, tmp_path / "ref", [])
    (transform,) = tmp_path.glob(".ref.*.unfinished/text.bwt")
    damaged = bytearray(transform.read_bytes())
    damaged[600] ^= 0b0101_0101
    transform.write_bytes(damaged)
    with pytest.raises(ToolError, match="not one of a whole text") as caught:
        slowly(reference, tmp_path / "ref", [])
    assert caught.value.file == str(transform.parent) and "remove this folder" in caught.value.remedy


@pytest.fixture
def shared_memory() -> Iterator[Path]:
    place = Path("/dev/shm")
    if not place.is_dir() or any(place.glob("bwaidx-*")):
        pytest.skip("there is no shared memory, or an index of somebody else is in it")
    yield place
    unshare_indexes()


def test_an_index_in_shared_memory_is_taken_by_what_is_in_it_and_not_by_its_name(
    tmp_path: Path, shared_memory: Path
) -> None:
    import bwa_mem3

    one = reference_of(tmp_path / "one", a=random_sequence(900))
    other = reference_of(tmp_path / "other", a=random_sequence(900, seed=3))
    shared = build_index(one, tmp_path / "one" / "index")
    like_named = build_index(other, tmp_path / "other" / "index")
    assert share_index(shared) > 0
    assert share_index(shared) == 0
    (held,) = shared_memory.glob("bwaidx-*")
    with named_by_content(shared) as prefix:
        assert bwa_mem3.shm.is_staged(str(prefix)) and held.name == f"bwaidx-{prefix.name}"
    with named_by_content(like_named) as prefix:
        assert not bwa_mem3.shm.is_staged(str(prefix))
    bwa_mem3.shm.stage(str(shared.prefix))
    assert bwa_mem3.shm.is_staged(str(like_named.prefix)), "by name alone the other's would be taken"


def test_of_a_chromosome_masked_to_four_slices_only_these_are_indexed(tmp_path: Path, shared_data: Path) -> None:
    ((_, sequence),) = read_sequences(shared_data / "b37_chr20_ref" / "20.fa.gz")
    masked = bytearray(b"N" * len(sequence))
    for start in (3_000_000, 3_200_000, 4_680_000, 5_000_000):
        masked[start : start + 60_000] = sequence[start : start + 60_000]
    reference = reference_of(tmp_path, **{"20": masked.decode()})
    built = build_index(reference, tmp_path / "ref")
    assert sum(piece.end - piece.start for piece in built.pieces) == 240_000
    assert built.pieces[0].start == 3_000_000


def test_what_the_documents_say_of_building_is_what_is_asked_for() -> None:
    """The figures of a human genome, of 2,935 Mb that are not N, in three documents."""
    documents = {path.name: " ".join(path.read_text().split()) for path in (PROJECT / "docs").glob("*.md")}
    fast, slow = index_module._needs_of_ways(2_935_000_000)
    assert f"24 bytes a base in the fast way, {gibibytes(fast.memory)} for a human genome" in documents["engine.md"]
    assert f"with {gibibytes(fast.memory)} less than one" in documents["setup.md"]
    assert "takes 24 bytes of memory a base" in documents["operators-guide.md"]
    assert fast.memory / 2_935_000_000 == pytest.approx(24, abs=0.1)
    assert slow.memory < 16 * 2**30


def test_the_files_of_one_aligner_are_not_those_of_the_other(tmp_path: Path) -> None:
    index = AlignerIndex(tmp_path / "x", (), (), numbered=True)
    names = {aligner: {file.name for file in index_files(index, aligner)} for aligner in ("bwa", "bwa-mem3")}
    assert names["bwa"] - names["bwa-mem3"] == {"x.bwt", "x.sa"}
    assert names["bwa-mem3"] - names["bwa"] == {"x.0123", "x.bwt.2bit.64"}
