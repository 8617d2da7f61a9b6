"""Writing measures in Picard's text format, which MultiQC and laboratories' scripts read.

A file has a comment that names the Picard tool whose columns it has, a table and a histogram. Columns that are not
measured hold ``?``, as Picard itself writes them. No date and no path is written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.reads import measure_kernels as kernels
from engine.reads.duplicates import DuplicationMetrics
from engine.reads.measures import DEPTHS, AlignmentHistograms, insert_size_figures, median_of

Value = str | int | float | None
_ORIENTATIONS = ("FR", "RF", "TANDEM")
_LEAST_SHARE = 0.05
_MULTIPLES = range(1, 101)


def write_metrics(
    sample: str,
    histograms: AlignmentHistograms,
    duplication: Sequence[DuplicationMetrics],
    set_sizes: Sequence[Sequence[int]],
    folder: Path,
) -> tuple[Path, ...]:
    """Write every table of a sample into a folder, as ``sample.what_metrics.txt``; the files in the order written."""
    tables = {
        "alignment_summary_metrics": _alignment_summary(sample, histograms),
        "insert_size_metrics": _insert_sizes(sample, histograms.insert_sizes),
        "duplication_metrics": _duplication(sample, duplication, set_sizes),
        "quality_by_cycle_metrics": _quality_by_cycle(sample, histograms.quality_by_cycle),
        "quality_distribution_metrics": _quality_distribution(sample, histograms.qualities),
        "wgs_metrics": _coverage(sample, histograms),
    }
    paths = []
    for name, text in tables.items():
        path = folder / f"{sample}.{name}.txt"
        path.write_text(text)
        paths.append(path)
    by_interval = folder / f"{sample}.coverage_by_interval.tsv"
    by_interval.write_text(_by_interval(histograms))
    return (*paths, by_interval)


def _file(
    tool: str,
    sample: str,
    table: tuple[str, Sequence[Mapping[str, Value]]] | None,
    histogram: tuple[str, Sequence[str], Iterable[Sequence[Value]]] | None,
) -> str:
    """One metrics file: table as class and rows, histogram as type of its first column, columns and rows."""
    lines = ["## htsjdk.samtools.metrics.StringHeader", f"# {tool} INPUT={sample}.bam", ""]
    if table:
        kind, rows = table
        lines += [f"## METRICS CLASS\t{kind}", "\t".join(rows[0] if rows else ())]
        lines += ["\t".join(map(_text, row.values())) for row in rows]
        lines.append("")
    if histogram:
        kind, columns, entries = histogram
        lines += [f"## HISTOGRAM\t{kind}", "\t".join(columns)]
        lines += ["\t".join(map(_text, entry)) for entry in entries]
        lines.append("")
    return "\n".join([*lines, ""])


def _text(value: Value) -> str:
    """A value as Picard writes it: at most six decimals, ``?`` for what is not known."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "?"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return str(value)


def _ratio(one: float, other: float) -> float:
    return one / other if other else 0.0


def _alignment_summary(sample: str, histograms: AlignmentHistograms) -> str:
    first, second = histograms.counts
    categories = {"FIRST_OF_PAIR": (first, histograms.lengths[0]), "SECOND_OF_PAIR": (second, histograms.lengths[1])}
    categories["PAIR"] = (first + second, histograms.lengths.sum(axis=0))
    rows = [
        _alignment_row(category, counts.tolist(), lengths, sample) for category, (counts, lengths) in categories.items()
    ]
    lengths = histograms.lengths.sum(axis=0)
    entries = [(int(length), int(lengths[length])) for length in np.flatnonzero(lengths)]
    return _file(
        "CollectAlignmentSummaryMetrics",
        sample,
        ("picard.analysis.AlignmentSummaryMetrics", rows),
        ("java.lang.Integer", ("READ_LENGTH", "PAIRED_TOTAL_LENGTH_COUNT"), entries),
    )


def _alignment_row(category: str, counts: list[int], lengths: NDArray[np.int64], sample: str) -> dict[str, Value]:
    reads, mapped = counts[kernels.READS], counts[kernels.MAPPED]
    improper = mapped - counts[kernels.PROPER]
    present = np.flatnonzero(lengths)
    mean, spread, middle, deviation = _length_figures(lengths)
    return {
        "CATEGORY": category,
        "TOTAL_READS": reads,
        "PF_READS": reads,
        "PCT_PF_READS": _ratio(reads, reads),
        "PF_NOISE_READS": None,
        "PF_READS_ALIGNED": mapped,
        "PCT_PF_READS_ALIGNED": _ratio(mapped, reads),
        "PF_ALIGNED_BASES": counts[kernels.ALIGNED_BASES],
        "PF_HQ_ALIGNED_READS": counts[kernels.CONFIDENT_READS],
        "PF_HQ_ALIGNED_BASES": counts[kernels.CONFIDENT_BASES],
        "PF_HQ_ALIGNED_Q20_BASES": counts[kernels.CONFIDENT_Q20_BASES],
        "PF_HQ_MEDIAN_MISMATCHES": None,
        "PF_MISMATCH_RATE": _ratio(counts[kernels.MISMATCHES], counts[kernels.ALIGNED_BASES]),
        "PF_HQ_ERROR_RATE": _ratio(counts[kernels.CONFIDENT_MISMATCHES], counts[kernels.CONFIDENT_BASES]),
        "PF_INDEL_RATE": _ratio(counts[kernels.INDELS], counts[kernels.ALIGNED_BASES]),
        "MEAN_READ_LENGTH": mean,
        "SD_READ_LENGTH": spread,
        "MEDIAN_READ_LENGTH": middle,
        "MAD_READ_LENGTH": deviation,
        "MIN_READ_LENGTH": int(present[0]) if len(present) else 0,
        "MAX_READ_LENGTH": int(present[-1]) if len(present) else 0,
        "MEAN_ALIGNED_READ_LENGTH": None,
        "READS_ALIGNED_IN_PAIRS": counts[kernels.PAIRED_ALIGNED],
        "PCT_READS_ALIGNED_IN_PAIRS": _ratio(counts[kernels.PAIRED_ALIGNED], mapped),
        "PF_READS_IMPROPER_PAIRS": improper,
        "PCT_PF_READS_IMPROPER_PAIRS": _ratio(improper, mapped),
        "BAD_CYCLES": None,
        "STRAND_BALANCE": _ratio(counts[kernels.FORWARD], mapped),
        "PCT_CHIMERAS": _ratio(counts[kernels.CHIMERAS], counts[kernels.CHIMERA_CANDIDATES]),
        "PCT_ADAPTER": None,
        "PCT_SOFTCLIP": _ratio(counts[kernels.SOFT_CLIPPED], counts[kernels.BASES]),
        "PCT_HARDCLIP": _ratio(counts[kernels.HARD_CLIPPED], counts[kernels.BASES]),
        "AVG_POS_3PRIME_SOFTCLIP_LENGTH": None,
        "SAMPLE": sample,
        "LIBRARY": "",
        "READ_GROUP": "",
    }


def _length_figures(lengths: NDArray[np.int64]) -> tuple[float, float, float, float]:
    """Mean, standard deviation, median, median absolute deviation."""
    total = int(lengths.sum())
    if not total:
        return 0.0, 0.0, 0.0, 0.0
    values = np.arange(len(lengths))
    mean = float((lengths * values).sum() / total)
    variance = float((lengths * (values - mean) ** 2).sum() / max(total - 1, 1))
    middle = median_of(lengths)
    deviations = np.bincount(np.abs(values - middle).astype(np.int64), weights=lengths).astype(np.int64)
    return mean, variance**0.5, middle, median_of(deviations)


def _insert_sizes(sample: str, inserts: NDArray[np.int64]) -> str:
    kept = [row for row in range(len(_ORIENTATIONS)) if inserts[row].sum() > 0 and _share(inserts, row) >= _LEAST_SHARE]
    rows = [_insert_row(_ORIENTATIONS[row], inserts[row], sample) for row in kept]
    columns = ("insert_size", *(f"All_Reads.{_ORIENTATIONS[row].lower()}_count" for row in kept))
    entries = [
        (int(size), *(int(inserts[row, size]) for row in kept)) for size in np.flatnonzero(inserts[kept].sum(axis=0))
    ]
    return _file(
        "CollectInsertSizeMetrics",
        sample,
        ("picard.analysis.InsertSizeMetrics", rows),
        ("java.lang.Integer", columns, entries),
    )


def _share(inserts: NDArray[np.int64], row: int) -> float:
    return float(inserts[row].sum() / inserts.sum())


def _insert_row(orientation: str, histogram: NDArray[np.int64], sample: str) -> dict[str, Value]:
    figures = insert_size_figures(histogram)
    assert figures is not None
    row: dict[str, Value] = {
        "MEDIAN_INSERT_SIZE": figures.median,
        "MODE_INSERT_SIZE": int(np.argmax(histogram)),
        "MEDIAN_ABSOLUTE_DEVIATION": figures.mad,
        "MIN_INSERT_SIZE": figures.smallest,
        "MAX_INSERT_SIZE": figures.largest,
        "MEAN_INSERT_SIZE": figures.mean,
        "STANDARD_DEVIATION": figures.sd,
        "READ_PAIRS": figures.pairs,
        "PAIR_ORIENTATION": orientation,
    }
    return row | {"SAMPLE": sample, "LIBRARY": "", "READ_GROUP": ""}


def _duplication(sample: str, duplication: Sequence[DuplicationMetrics], set_sizes: Sequence[Sequence[int]]) -> str:
    rows: list[Mapping[str, Value]] = [
        {
            "LIBRARY": library.library,
            "UNPAIRED_READS_EXAMINED": library.unpaired_reads_examined,
            "READ_PAIRS_EXAMINED": library.read_pairs_examined,
            "SECONDARY_OR_SUPPLEMENTARY_RDS": library.secondary_or_supplementary_reads,
            "UNMAPPED_READS": library.unmapped_reads,
            "UNPAIRED_READ_DUPLICATES": library.unpaired_read_duplicates,
            "READ_PAIR_DUPLICATES": library.read_pair_duplicates,
            "READ_PAIR_OPTICAL_DUPLICATES": library.read_pair_optical_duplicates,
            "PERCENT_DUPLICATION": library.duplication,
            "ESTIMATED_LIBRARY_SIZE": "" if library.estimated_library_size is None else library.estimated_library_size,
        }
        for library in duplication
    ]
    columns = ("BIN", "CoverageMult", "all_sets", "optical_sets", "non_optical_sets")
    entries = _return_on_sequencing(duplication, set_sizes)
    return _file(
        "MarkDuplicates", sample, ("picard.sam.DuplicationMetrics", rows), ("java.lang.Double", columns, entries)
    )


def _return_on_sequencing(
    duplication: Sequence[DuplicationMetrics], set_sizes: Sequence[Sequence[int]]
) -> list[tuple[Value, ...]]:
    """How many times the unique pairs one gets from sequencing 1 to 100 times as much; only for a single library."""
    size = duplication[0].estimated_library_size if len(duplication) == 1 else None
    if size is None:
        return []
    pairs = duplication[0].read_pairs_examined
    unique = pairs - duplication[0].read_pair_duplicates
    entries: list[tuple[Value, ...]] = []
    for multiple in _MULTIPLES:
        times = size * (1 - math.exp(-multiple * pairs / size)) / unique
        entries.append((f"{multiple}.0", times, *(row[multiple] for row in set_sizes)))
    return entries


def _quality_by_cycle(sample: str, means: tuple[NDArray[np.float64], NDArray[np.float64]]) -> str:
    both = np.concatenate(means)
    entries = [(cycle + 1, float(mean)) for cycle, mean in enumerate(both)]
    return _file("MeanQualityByCycle", sample, None, ("java.lang.Integer", ("CYCLE", "MEAN_QUALITY"), entries))


def _quality_distribution(sample: str, qualities: NDArray[np.int64]) -> str:
    entries = [(int(quality), int(qualities[quality])) for quality in np.flatnonzero(qualities)]
    return _file("QualityScoreDistribution", sample, None, ("java.lang.Byte", ("QUALITY", "COUNT_OF_Q"), entries))


def _coverage(sample: str, histograms: AlignmentHistograms) -> str:
    depths = histograms.depths
    positions = int(depths.sum())
    values = np.arange(len(depths))
    total = sum(entry.mean * len(entry.interval) for entry in histograms.intervals)
    mean = _ratio(total, positions)
    at_least = np.cumsum(depths[::-1])[::-1]
    variance = _ratio(float((depths * (values - mean) ** 2).sum()), max(positions - 1, 1))
    row: dict[str, Value] = {
        "GENOME_TERRITORY": positions,
        "MEAN_COVERAGE": mean,
        "SD_COVERAGE": variance**0.5,
        "MEDIAN_COVERAGE": median_of(depths) if positions else 0.0,
    }
    row |= _left_out(histograms)
    row |= {f"PCT_{depth}X": _ratio(int(at_least[depth]), positions) for depth in DEPTHS}
    entries = [(depth, int(depths[depth])) for depth in range(int(np.max(np.flatnonzero(depths), initial=0)) + 1)]
    return _file(
        "CollectWgsMetrics",
        sample,
        ("picard.analysis.WgsMetrics", [row]),
        ("java.lang.Integer", ("coverage", "high_quality_coverage_count"), entries),
    )


def _left_out(histograms: AlignmentHistograms) -> dict[str, Value]:
    """Shares of the aligned bases that are not counted as coverage, each under the first reason that holds.

    Reads without a mapped mate are counted, and no depth is cut off: these shares are 0. All bases on the reference are
    looked at, on the territory or not.
    """
    counts = histograms.counts.sum(axis=0).tolist()
    reasons = {
        "MAPQ": counts[kernels.LOW_MAPQ_BASES],
        "DUPE": counts[kernels.DUPLICATE_BASES],
        "UNPAIRED": 0,
        "BASEQ": counts[kernels.LOW_QUALITY_BASES],
        "OVERLAP": counts[kernels.OVERLAPPING_BASES],
        "CAPPED": 0,
    }
    examined = counts[kernels.EXAMINED_BASES]
    shares: dict[str, Value] = {f"PCT_EXC_{reason}": _ratio(bases, examined) for reason, bases in reasons.items()}
    return shares | {"PCT_EXC_TOTAL": _ratio(sum(reasons.values()), examined)}


def _by_interval(histograms: AlignmentHistograms) -> str:
    lines = ["\t".join(["contig", "start", "end", "mean_coverage", *(f"fraction_{depth}x" for depth in DEPTHS)])]
    for entry in histograms.intervals:
        where = (entry.interval.contig, str(entry.interval.start), str(entry.interval.end))
        lines.append("\t".join([*where, _text(entry.mean), *(_text(fraction) for fraction in entry.fractions)]))
    return "\n".join([*lines, ""])
