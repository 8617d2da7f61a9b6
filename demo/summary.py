"""What ``make demo`` tells at the end: findings, accuracy against the planted truth, time, files, and what to try next.

Everything told is read from what was published; the same is written as JSON.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from demo.delivery import Delivered, tell_delivered
from demo.outcome import SAMPLE_ASSETS, RunResult, tell
from demo.people import PEOPLE
from engine.compare.comparison import compare
from engine.duckdb_paths import as_pattern
from engine.receipt import Receipt, canonical_json
from resources.environment import Settings
from resources.lake import Lake, LocalLake

RATIOS = ("recall", "precision")
TOLD = (
    *("category", "gene", "hgvs_c", "hgvs_p", "zygosity", "origin", "phase"),
    *("clinvar_significance", "clinvar_variation_id", "finding_id"),
    *("acmg_class", "acmg_points", "acmg_criteria", "phenotype_rank"),
)
"""What the report says of a finding: columns of the findings table."""


def report(settings: Settings, results: Sequence[RunResult], delivered: Delivered, seconds: float) -> int:
    """Tell and write the report; returns 0 if everybody's bundle was made."""
    lake = LocalLake(settings.data / "lake")
    found = {person.sample: findings_of(lake, person.sample) for person in PEOPLE}
    accuracy, missed = _accuracy(settings, lake)
    stages = _stages([result.seconds for result in results])
    cpu = _stages([result.cpu_seconds for result in results])
    tell_findings(found)
    _tell_accuracy(accuracy, missed)
    _tell_stages(stages, cpu, results, seconds)
    path = settings.data / "demo-report.json"
    facts = {
        "seconds": round(seconds, 1),
        "findings": found,
        "accuracy": accuracy,
        "missed": missed,
        "stage_seconds": stages,
        "stage_cpu_seconds": cpu,
        "runs": [asdict(result) for result in results],
        "files": {person.sample: _files(lake, person.sample) for person in PEOPLE},
        "delivered": asdict(delivered),
    }
    path.write_text(canonical_json(facts, indent=2) + "\n")
    complete = all(result.success for result in results) and not delivered.problems
    _tell_files(lake, path)
    tell_delivered(delivered, _pages(lake))
    if complete:
        _tell_next(settings)
    return 0 if complete else 1


def findings_of(lake: Lake, sample: str) -> list[dict[str, Any]] | None:
    """The rows of the findings table, ``None`` where it was not made."""
    import duckdb

    receipt = lake.receipt("findings", sample)
    if receipt is None:
        return None
    table = lake.path(receipt, next(file.name for file in receipt.files if file.name.endswith(".findings.parquet")))
    rows = duckdb.read_parquet(as_pattern(table)).order("contig, position, alt").select(*TOLD)
    return [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]


def _accuracy(settings: Settings, lake: Lake) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """By type, over all six people and within the confident regions: counts, recall, precision; and what was missed."""
    from resources.knowledge import Knowledge

    knowledge = Knowledge.declared(settings.reference, lake, settings.data / "sources")
    truth = settings.data / "truth"
    totals: dict[str, dict[str, Any]] = {}
    missed: list[str] = []
    for person in PEOPLE:
        receipt = lake.receipt("variants", person.sample)
        if receipt is None:
            continue
        calls = lake.path(receipt, f"{person.sample}.vcf.gz")
        with tempfile.TemporaryDirectory() as folder:
            differences = Path(folder) / "differences.tsv"
            summary = compare(
                truth / f"{person.sample}.vcf.gz",
                calls,
                knowledge.bundle("reference_genome").fasta,
                regions=truth / "confident.bed",
                differences=differences,
            )
            missed += [f"{person.sample} {line}" for line in missed_calls(differences, calls)]
        for kind, counts in summary.types.items():
            total = totals.setdefault(kind, {})
            for name, count in vars(counts).items():
                total[name] = total.get(name, 0) + count
    for total in totals.values():
        truth_total, query_total = total["truth_total"], total["query_total"]
        total["recall"] = total["true_positives"] / truth_total if truth_total else None
        total["precision"] = (query_total - total["false_positives"]) / query_total if query_total else None
    return totals, missed


def missed_calls(differences: Path, calls: Path) -> list[str]:
    """Each true variant that was missed, and what the calls say of its place.

    Args:
        differences: as :func:`engine.compare.comparison.compare` writes them; positions are 1-based.
        calls: VCF with index, of one sample.
    """
    import pysam

    lines = [line.split("\t") for line in differences.read_text().splitlines()[1:]]
    with pysam.VariantFile(str(calls)) as vcf:
        return [
            f"{contig}:{int(position):,} {kind}, {_said_of(vcf, contig, int(position))}"
            for what, contig, position, kind, *_ in lines
            if what == "FN"
        ]


def _said_of(vcf: Any, contig: str, position: int) -> str:
    """What a sample's calls say of a 1-based place."""
    for record in vcf.fetch(contig, position - 1, position):
        alleles, depths = "/".join(record.alts or ()), record.samples[0].get("AD")
        reads = f", {sum(depths[1:])} of {sum(depths)} reads" if depths else ""
        return f"called {record.ref}>{alleles} with filter {';'.join(record.filter) or 'PASS'}{reads}"
    return "not called"


def _stages(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Seconds of each stage, checks included, over all people, from those of each run's steps."""
    stages: dict[str, float] = {}
    for steps in runs:
        for step, seconds in steps.items():
            stage = step.removesuffix("_gate")
            stages[stage] = round(stages.get(stage, 0.0) + seconds, 3)
    return stages


def _files(lake: Lake, sample: str) -> dict[str, str]:
    receipts = {asset: lake.receipt(asset, sample) for asset in SAMPLE_ASSETS}
    return {asset: str(lake.folder(receipt)) for asset, receipt in receipts.items() if receipt}


def tell_findings(found: Mapping[str, Sequence[Mapping[str, Any]] | None]) -> None:
    """What was planted in each person, and below it what the platform found, by sample."""
    tell("\nWhat was planted, and below it what was found")
    for person in PEOPLE:
        tell(f"  {person.sample}: {person.story}")
        rows = found[person.sample]
        for row in rows or ():
            name = " ".join(str(row[part]) for part in ("gene", "hgvs_c", "hgvs_p") if row[part])
            facts = [row["zygosity"], row["origin"], f"in {row['phase']}", f"ClinVar {row['clinvar_variation_id']}"]
            told = [fact for fact in facts if fact not in ("unknown", "in unknown", "in None")]
            told += [] if row["phenotype_rank"] is None else [f"gene {row['phenotype_rank']:,} of all by the signs"]
            tell(f"      found: {row['category'].replace('_', ' '):<22} {name}, {', '.join(told)}")
            if row["acmg_criteria"]:
                met = ", ".join(f"{one['code']}={one['strength']}" for one in row["acmg_criteria"])
                points = "" if row["acmg_points"] is None else f", {row['acmg_points']} points"
                tell(f"             {met}: {row['acmg_class'].replace('_', ' ')} by these alone{points}")
        if not rows:
            tell("      found: not looked for, the run failed" if rows is None else "      found: nothing to report")


def _tell_accuracy(accuracy: dict[str, dict[str, Any]], missed: Sequence[str]) -> None:
    tell("\nAgainst the planted truth (all people, confident regions)")
    for kind, counts in accuracy.items():
        ratios = ", ".join(f"{name} {counts[name]:.4f}" for name in RATIOS if counts[name] is not None)
        tell(f"  {kind:<6} {counts['true_positives']} of {counts['truth_total']} found, {ratios}")
    for line in missed:
        tell(f"  missed {line}")


def _tell_stages(
    stages: Mapping[str, float], cpu: Mapping[str, float], results: Sequence[RunResult], seconds: float
) -> None:
    tell("\nTime of each stage with its checks, over all people, and CPU time of its work")
    for stage, spent in stages.items():
        tell(f"  {stage:<24} {spent:7.1f} s" + (f" {cpu[stage]:7.1f} s" if stage in cpu else ""))
    runs = [result for result in results if result.sample]
    fresh = sum(len(result.fresh) for result in runs)
    if fresh:
        tell(f"  {fresh} of {len(runs) * len(SAMPLE_ASSETS)} artifacts were fresh and not computed again")
    tell(f"  in all {seconds:.0f} s")


def _tell_files(lake: Lake, path: Path) -> None:
    tell("\nFiles")
    tell(f"  artifacts  {lake.place}: samples/<sample>/<asset>/ (receipt.json names the version)")
    receipt = lake.receipt("fhir_bundle", PEOPLE[0].sample)
    if receipt:
        tell(f"  a bundle   {lake.path(receipt, receipt.files[0].name)}")
    tell(f"  this report as JSON: {path}")


def _pages(lake: Lake) -> dict[str, str]:
    """The page of each person's report."""
    receipts = {person.sample: lake.receipt("clinical_report", person.sample) for person in PEOPLE}
    pages = {sample: (receipt, _page(receipt)) for sample, receipt in receipts.items() if receipt}
    return {sample: str(lake.path(receipt, page)) for sample, (receipt, page) in pages.items() if page}


def _page(receipt: Receipt) -> str | None:
    return next((file.name for file in receipt.files if file.name.endswith(".html")), None)


def _tell_next(settings: Settings) -> None:
    tell("\nWhat to try next")
    tell("  make serve                      the lineage graph, checks and plots; it prints the address to open")
    tell(f"  drop your own sample sheet      into {settings.landing} while it serves (docs/sample-sheet.md)")
    tell("  .venv/bin/genomics report demo-child    its report, the digest to sign, and how")
    tell("  .venv/bin/genomics sample demo-child    one sample's artifacts, checks and history")
