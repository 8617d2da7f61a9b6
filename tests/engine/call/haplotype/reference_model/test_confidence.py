"""The reference model: every position of GATK's inactive regions, and the indel test against a plain restatement."""

from pathlib import Path

import numpy as np
import pytest

from engine.call.haplotype.activity.profile import activity
from engine.call.haplotype.activity.regions import RegionCutter
from engine.call.haplotype.reads.source import ReadSource, WantedReads
from engine.call.haplotype.reference_model.confidence import fill_inactive, model_tables, new_sites
from engine.call.haplotype.reference_model.confidence_kernels import _mark_informative
from tests.builders.gatk_goldens import CONTIG, Golden

START, END = 10_004_999, 10_010_000


def test_every_inactive_position_is_gatks(shared_data: Path) -> None:
    golden = Golden(shared_data)
    source = ReadSource(golden.reads, fasta=golden.reads, sample=None, reads_per_start=50)
    contig = source.contig_names.index(CONTIG)
    reads = source.fetch(WantedReads(contig, START - 500, END + 500, np.array([START - 100]), np.array([END + 100])))
    profile = activity(reads.columns, golden.sequence(START, END), START)
    regions = RegionCutter(START, source.contig_lengths[contig]).feed(profile, last=True)
    sites = new_sites(START, END, 2)
    letters = golden.sequence(START - 100, END + 100)
    fill_inactive(sites, reads, contig, letters, START - 100, regions, ~regions.active)
    compared = 0
    for line in golden.lines("na12878_100kb/bp.g.vcf.gz"):
        fields = line.split("\t")
        site = int(fields[1]) - 1 - START
        if sites.known[site]:
            keys = dict(zip(fields[8].split(":"), fields[9].split(":"), strict=True))
            assert keys["PL"] == ",".join(map(str, sites.phred[site])), fields
            shown = sites.reference_depth[site]
            assert keys["AD"] == f"{shown},{sites.depth[site] - shown}", fields
            compared += 1
    assert compared == sites.known.sum() > 2_000


def _plainly_informative(read: str, quality: list[int], reference: str, shift: int) -> list[bool]:
    """For each base: no indel of 1..10 bases from it on fits the rest as well as none."""

    def mismatches(first: int, at: int) -> int:
        pairs = zip(read[first:], quality[first:], reference[at:], strict=False)
        return sum(q for letter, q, other in pairs if letter != other)

    def excludes(k: int) -> bool:
        if len(read) - k <= 10 or len(reference) - k - shift <= 10:
            return False
        unshifted = mismatches(k, k + shift)
        indels = range(1, 11)
        return all(min(mismatches(k + size, k + shift), mismatches(k, k + shift + size)) > unshifted for size in indels)

    return [excludes(k) for k in range(len(read))]


@pytest.mark.parametrize("seed", range(40))
def test_informative_bases_are_those_no_indel_explains_as_well(seed: int) -> None:
    generator = np.random.default_rng(seed)
    alphabet = "AC" if seed % 2 else "ACGT"
    reference = "".join(generator.choice(list(alphabet), 90))
    shift = int(generator.integers(0, 40))
    length = int(generator.integers(20, 60))
    letters = list((reference + "".join(generator.choice(list("ACGT"), 40)))[shift : shift + length])
    for place in generator.integers(0, length, seed % 5):
        letters[place] = "T"
    read = "".join(letters)
    quality = generator.integers(2, 40, length)
    bits = model_tables(2).bits

    def packed(text: str) -> np.ndarray:
        return bits[np.frombuffer(text.encode(), np.uint8)]

    informative = np.zeros(length, np.uint8)
    room = np.zeros(length, np.int64)
    end = _mark_informative(
        packed(read), quality.astype(np.uint8), length, length, packed(reference), shift, 0, room, informative
    )
    informative[end:] = 0
    assert informative.astype(bool).tolist() == _plainly_informative(read, quality.tolist(), reference, shift)
