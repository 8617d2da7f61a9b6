import json
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from engine.align import index as index_module
from engine.align import index_kernels as kernels
from engine.align.index import Piece, build_index, ensure_index, open_index
from engine.errors import KnowledgeError
from engine.reference.genome import Reference, open_reference, read_sequences
from engine.reference.known_bases import find_pieces
from tests.builders.alignments import random_sequence

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


def test_a_reference_too_big_for_memory_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"3,000,000,000 bases takes \d+ GiB") as caught:
        index_module._check_memory(3_000_000_000, tmp_path / "ref")
    assert "bwa-mem3 index" in caught.value.remedy


def test_of_a_chromosome_masked_to_four_slices_only_these_are_indexed(tmp_path: Path, shared_data: Path) -> None:
    ((_, sequence),) = read_sequences(shared_data / "b37_chr20_ref" / "20.fa.gz")
    masked = bytearray(b"N" * len(sequence))
    for start in (3_000_000, 3_200_000, 4_680_000, 5_000_000):
        masked[start : start + 60_000] = sequence[start : start + 60_000]
    reference = reference_of(tmp_path, **{"20": masked.decode()})
    built = build_index(reference, tmp_path / "ref")
    assert sum(piece.end - piece.start for piece in built.pieces) == 240_000
    assert built.pieces[0].start == 3_000_000
