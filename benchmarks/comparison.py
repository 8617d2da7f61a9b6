"""What the measurements say: a table of steps, ratios between the engine and its peers, and accuracy."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any

from benchmarks.chains import Setting, Step
from benchmarks.measure import Cost

FREEBAYES_QUALITY = 20
_RECALIBRATION = ("BaseRecalibrator", "ApplyBQSR")
_BEST_PRACTICES = ("bwa mem", "samtools sort", "MarkDuplicates", *_RECALIBRATION, "HaplotypeCaller")
_RATIOS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "FASTQ to gVCF, GATK best practices": (("engine align", "engine call"), _BEST_PRACTICES),
    "FASTQ to gVCF, without recalibration": (
        ("engine align", "engine call"),
        tuple(step for step in _BEST_PRACTICES if step not in _RECALIBRATION),
    ),
    "FASTQ to gVCF, both recalibrated": (
        ("engine align", "engine recalibrate", "engine call, recalibrating"),
        _BEST_PRACTICES,
    ),
    "FASTQ to marked BAM": (("engine align",), ("bwa mem", "samtools sort", "MarkDuplicates")),
    "calling, HaplotypeCaller": (("engine call (GATK's BAM)",), ("HaplotypeCaller",)),
    "calling, freebayes": (("engine call (GATK's BAM)",), ("freebayes",)),
    "calling, beside one thread": (("engine call",), ("engine call, 1 thread",)),
    "genotyping, GenotypeGVCFs": (("engine genotype (GATK's BAM)",), ("GenotypeGVCFs",)),
}


def ratios(costs: Mapping[str, Cost]) -> dict[str, dict[str, float]]:
    """The engine's share of its peers' cost, by user CPU and by wall time, where all steps ran."""
    found = {}
    for name, (ours, theirs) in _RATIOS.items():
        if all(step in costs for step in (*ours, *theirs)):
            own, peer = (reduce(Cost.__add__, (costs[step] for step in steps)) for steps in (ours, theirs))
            found[name] = {"user": own.user / peer.user, "wall": own.wall / peer.wall}
    return found


def accuracy(at: Setting, truth: Path, regions: Path | None = None) -> dict[str, dict[str, Any]]:
    """Counts, recall, precision and F1 of every VCF that was made, within the regions (BED) or else the window.

    Filters differ between callers, so every record counts; what the hard filters make of the engine's calls is a row
    of its own.
    """
    from engine.compare.comparison import compare
    from engine.reference.intervals import write_bed

    if regions is None:
        regions = at.folder / "window.bed"
        write_bed([at.window], regions)
    _filter_freebayes(at.folder / "freebayes.vcf", at.folder / "freebayes.filtered.vcf")
    files = {
        "GATK HaplotypeCaller": "gatk.vcf.gz",
        "engine, the same BAM": "same.vcf.gz",
        "engine, its own BAM": "engine.vcf.gz",
        "bcftools -X illumina-1.20": "bcftools.vcf.gz",
        f"freebayes, QUAL >= {FREEBAYES_QUALITY}": "freebayes.filtered.vcf",
    }
    made = {name: at.folder / file for name, file in files.items() if (at.folder / file).exists()}
    found = {
        name: compare(truth, file, at.reference, regions, only_passing=False).as_json() for name, file in made.items()
    }
    if "engine, the same BAM" in made:
        filtered = compare(truth, made["engine, the same BAM"], at.reference, regions)
        found["engine, hard filters"] = filtered.as_json()
    return found


def _filter_freebayes(calls: Path, filtered: Path) -> None:
    if not calls.exists():
        return
    with filtered.open("w") as out:
        for line in _lines(calls):
            if line.startswith("#") or float(line.split("\t", 6)[5]) >= FREEBAYES_QUALITY:
                out.write(line)


def _lines(path: Path) -> Sequence[str]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        return list(lines)


def table(steps: Sequence[Step], costs: Mapping[str, Cost], report: Mapping[str, Any]) -> str:
    """Everything as text."""
    lines = [f"{report['window']}, {report['pairs']:,} pairs, {report['threads']} threads, {report['machine']}", ""]
    lines += [f"{'step':<28} {'what':<30} {'user s':>8} {'wall s':>8} {'peak MB':>8}"]
    for step in steps:
        cost = costs.get(step.name)
        told = f"{cost.user:8.1f} {cost.wall:8.1f} {cost.peak_mb:8.0f}" if cost else f"{'not run':>8}"
        lines.append(f"{step.name:<28} {step.does:<30} {told}")
    lines += ["", f"{'the engine against':<40} {'user CPU':>10} {'wall':>10}"]
    for name, ratio in report["ratios"].items():
        lines.append(f"{name:<40} {_fraction(ratio['user']):>10} {_fraction(ratio['wall']):>10}")
    lines += ["", *scores_table(report["accuracy"]), ""]
    lines += [f"{name} {version or 'not installed'}" for name, version in report["versions"].items()]
    return "\n".join(lines)


def scores_table(found: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> list[str]:
    """:func:`accuracy` as text, a line for each caller."""
    lines = [f"{'accuracy':<28} {'SNP recall  precision  F1':^30} {'indel recall  precision  F1':^30}"]
    for name, kinds in found.items():
        lines.append(f"{name:<28} {_scores(kinds['SNP']):^30} {_scores(kinds['INDEL']):^30}")
    return lines


def _fraction(ratio: float) -> str:
    return f"1/{1 / ratio:.1f}" if ratio < 1 else f"{ratio:.2f}"


def _scores(counts: Mapping[str, float | None]) -> str:
    values = (counts["recall"], counts["precision"], counts["f1"])
    return "  ".join("  -   " if value is None else f"{value:.4f}" for value in values)


def as_json(costs: Mapping[str, Cost]) -> dict[str, dict[str, float]]:
    """Costs by step."""
    return {name: {key: round(value, 3) for key, value in asdict(cost).items()} for name, cost in costs.items()}
