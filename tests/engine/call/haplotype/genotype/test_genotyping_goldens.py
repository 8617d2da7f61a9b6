"""Likelihoods, realigned reads and records of 20 kb of real reads, equal to GATK's, given GATK's haplotypes."""

import re
from collections import Counter
from pathlib import Path

import pysam
import pytest

from engine.call.haplotype.alignment.cigar import text
from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.genotype.genotyping import GenotypingSettings, RegionCalls, call_region
from engine.call.haplotype.genotype.variant_call import VariantCall
from engine.call.haplotype.likelihood.read_likelihoods import read_likelihoods
from engine.call.haplotype.numerics import format_half_up, format_quality
from tests.builders.gatk_goldens import Golden
from tests.builders.gatk_regions import GenotyperInput, genotyper_inputs


@pytest.fixture(scope="module")
def inputs(shared_data: Path) -> list[GenotyperInput]:
    return list(genotyper_inputs(Golden(shared_data)))


def called(inputs: list[GenotyperInput], settings: GenotypingSettings) -> list[RegionCalls]:
    outcomes: list[RegionCalls] = []
    for one in inputs:
        outcomes.append(
            call_region(
                one.reads,
                one.filtered,
                one.trimmed,
                start=one.start,
                end=one.end,
                reference=one.reference,
                reference_start=one.reference_start,
                settings=settings,
                upstream=[deletion for outcome in outcomes for deletion in outcome.deletions],
            )
        )
    return outcomes


def as_printed(call: VariantCall) -> dict[str, str | None]:
    """Every field of a gVCF record that belongs to the call."""
    notes, phase = call.annotations, call.phase
    return {
        "POS": str(call.start + 1),
        "ALLELES": ",".join(call.alleles),
        "QUAL": format_quality(call.quality),
        "GT": ("|" if call.phased else "/").join(map(str, call.genotype)),
        "AD": ",".join(map(str, call.allele_depths)),
        "DP": str(call.genotype_depth),
        "GQ": str(min(99, call.genotype_quality)),
        "PL": ",".join(map(str, call.phred_likelihoods)),
        "SB": ",".join(map(str, call.strand_counts)),
        "PGT": phase and phase.genotype,
        "PID": phase and phase.identifier,
        "PS": phase and str(phase.start + 1),
        "depth": str(notes.depth),
        "RAW_MQandDP": f"{notes.mapq_squares},{notes.mapq_depth}",
        "MLEAC": ",".join(map(str, call.allele_counts)),
        "MLEAF": ",".join(map(str, call.allele_frequencies)),
        **_rank_sums(call),
    }


def _rank_sums(call: VariantCall) -> dict[str, str | None]:
    notes = call.annotations
    return {
        name: None if score is None else format_half_up(score, 3)
        for name, score in (
            ("BaseQRankSum", notes.base_quality_rank_sum),
            ("MQRankSum", notes.mapq_rank_sum),
            ("ReadPosRankSum", notes.read_position_rank_sum),
        )
    }


def record_fields(line: str) -> dict[str, str | None]:
    _, position, _, reference, alternates, quality, _, info, formats, sample = line.split("\t")
    notes = dict(note.split("=") for note in info.split(";") if "=" in note)
    values = dict(zip(formats.split(":"), sample.split(":"), strict=True))
    return {
        "POS": position,
        "ALLELES": f"{reference},{alternates}",
        "QUAL": quality,
        **{name: values.get(name) for name in ("GT", "AD", "DP", "GQ", "PL", "SB", "PGT", "PID", "PS")},
        "depth": notes["DP"],
        "MLEAF": ",".join(str(float(share)) for share in notes["MLEAF"].split(",")),
        **{name: notes.get(name) for name in ("RAW_MQandDP", "MLEAC", "BaseQRankSum", "MQRankSum", "ReadPosRankSum")},
    }


def test_every_record_of_the_gvcf_is_gatks_to_the_last_digit(inputs: list[GenotyperInput], shared_data: Path) -> None:
    outcomes = called(inputs, GenotypingSettings(ploidy=2, reference_confidence=True))
    lines = Golden(shared_data).lines("na12878_20kb/calls.g.vcf.gz")
    expected = [record_fields(line) for line in lines if "\t<NON_REF>\t" not in line]
    assert len(expected) == 104
    assert [as_printed(call) for outcome in outcomes for call in outcome.calls] == expected


def test_every_record_of_the_vcf_is_gatks(inputs: list[GenotyperInput], shared_data: Path) -> None:
    """QD from 35 on is random in GATK and left out."""
    calls = [
        call
        for outcome in called(inputs, GenotypingSettings(ploidy=2, reference_confidence=False, confidence=30.0))
        for call in outcome.calls
    ]
    lines = [line.split("\t") for line in Golden(shared_data).lines("na12878_100kb/calls.vcf.gz")]
    expected = [fields for fields in lines if int(fields[1]) <= 10_020_000]
    assert [(call.start + 1, ",".join(call.alleles)) for call in calls] == [
        (int(fields[1]), f"{fields[3]},{fields[4]}") for fields in expected
    ]
    compared: Counter[str] = Counter()
    for call, fields in zip(calls, expected, strict=True):
        info = dict(note.split("=") for note in fields[7].split(";"))
        notes = call.annotations
        by_depth = notes.quality_by_depth
        printed = {
            "DP": str(notes.depth),
            "FS": format_half_up(notes.fisher_strand, 3),
            "SOR": format_half_up(notes.strand_odds_ratio, 3),
            "MQ": format_half_up((notes.mapq_squares / notes.mapq_depth) ** 0.5, 2),
            **{name: score for name, score in _rank_sums(call).items() if score is not None},
        }
        if by_depth is not None and by_depth != 30.0:
            printed["QD"] = format_half_up(by_depth, 2)
        assert printed == {name: info[name] for name in printed}, fields[1]
        assert fields[5] == format_quality(call.quality)
        compared.update(printed.keys())
    assert compared["FS"] == len(expected) > 90
    assert compared["QD"] > 40


def test_every_likelihood_is_gatks(inputs: list[GenotyperInput], shared_data: Path) -> None:
    """Capped values of the reads that were kept, in order, printed in full by GATK's debugger."""
    expected: dict[int, list[list[float]]] = {}
    place = 0
    for line in Golden(shared_data).lines("na12878_20kb/genotyper.txt.gz"):
        if region := re.match(r"assemblyRegion: \w+:(\d+)-", line):
            place = int(region[1]) - 1
        if line.startswith(",-"):
            expected.setdefault(place, []).append([float(value) for value in line[1:].split(",")])
    compared = exact = 0
    for one in inputs:
        values = read_likelihoods(one.reads, one.trimmed.haplotypes).values
        for ours, theirs in zip(values.tolist(), expected[one.start], strict=True):
            assert ours == pytest.approx(theirs, abs=1e-5)
            compared += len(ours)
            exact += sum(a == b for a, b in zip(ours, theirs, strict=True))
    assert compared > 15_000
    assert exact / compared > 0.999


def test_reads_are_realigned_as_gatk_writes_them(inputs: list[GenotyperInput], shared_data: Path) -> None:
    """Start and CIGAR of every read of the regions, against GATK's --bam-output."""
    theirs: dict[str, list[tuple[object, ...]]] = {}
    with pysam.AlignmentFile(str(shared_data / "gatk_goldens/na12878_20kb/haplotypes.bam")) as file:
        for read in file:
            if read.get_tag("RG") == "NA12878":
                facts = (read.query_sequence, read.flag, read.next_reference_start, read.template_length)
                where = (read.reference_start, read.cigarstring)
                theirs.setdefault(str(read.get_tag("AR")), []).append((*facts, *where))
    compared = 0
    for one, outcome in zip(inputs, called(inputs, GenotypingSettings()), strict=True):
        span = f"chr20:{one.trimmed.padded_start + 1}-{one.trimmed.padded_end}"
        assert sorted(_facts(outcome.reads), key=str) == sorted(theirs[span], key=str), span
        compared += outcome.reads.start.size
    assert compared > 4_500


def _facts(reads: ReadColumns) -> list[tuple[object, ...]]:
    return [
        (
            reads.bases[reads.base_offset[row] : reads.base_offset[row + 1]].tobytes().decode(),
            int(reads.flag[row]),
            int(reads.mate_start[row]),
            int(reads.template_length[row]),
            int(reads.start[row]),
            text(reads.cigar[reads.cigar_offset[row] : reads.cigar_offset[row + 1]]),
        )
        for row in range(reads.start.size)
    ]
