"""What the pages of one case show, as the services answer it; what is missing or damaged is told in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.duckdb_paths import as_pattern, looking_up
from engine.errors import GenomicsError
from engine.ops import annotation, calls, identity, interpretation, report
from engine.ops.inputs import Artifact
from engine.reads.registration import RegisteredSample
from engine.reference.accessions import bare_contig
from engine.tables import read_rows
from resources.environment import Resources
from resources.explained import explain
from resources.registry import Family
from resources.signing import Draft, Reports

Told = TypeVar("Told")
ROWS_AT_ONCE = 100
_COHORT = "cohort_tables"


@dataclass(frozen=True)
class Answered:
    """What a service answered, or why it could not."""

    value: Any = None
    problem: str = ""


def answered(ask: Callable[[], Told]) -> Answered:
    """Ask a service; a case that has not come so far is told in the service's own words."""
    try:
        return Answered(ask())
    except GenomicsError as error:
        return Answered(problem=str(error))


def draft_of(platform: Resources, sample: str) -> Draft:
    """What is said of a sample now, and how far it has come."""
    return Reports(platform).draft(sample)


def warnings_of(platform: Resources, sample: RegisteredSample) -> list[str]:
    """What whoever opens a case has to know first: that it may be another person's, and what was not agreed to."""
    told = []
    if sample.withdrawn:
        told.append(f"Withdrawn since {sample.withdrawn[:10]}: nothing of it may be used")
    for asset in (identity.identity.name, identity.relatedness.name):
        failed = answered(lambda asset=asset: _failed(platform, asset, sample.sample_id))  # type: ignore[misc]
        told += (
            [f"Whether it is this person's sample cannot be told: {failed.problem}"] if failed.problem else failed.value
        )
    if not sample.person.secondary_findings_consent:
        told.append("No consent to secondary findings: they are not looked for, and must not be told")
    return told


def _failed(platform: Resources, asset: str, sample: str) -> list[str]:
    """The failed checks that speak of whose sample it is, those let through by a person included."""
    if platform.lake.receipt(asset, sample) is None:
        return []
    failed = [one for one in platform.gate.judge(asset, sample) if not one.passed]
    return [
        f"Perhaps not this person's sample: {str(one.threshold.name).replace('_', ' ')}. {one.threshold.meaning}"
        + (" A person let it through" if platform.gate.overridden(asset, sample, one.threshold.name) else "")
        for one in failed
    ]


def exons_of(platform: Resources, sample: str) -> list[dict[str, Any]]:
    """The exons of what was asked about, those with most uncalled bases first."""
    rows = _rows(_artifact(platform, calls.exon_coverage.name, sample).file(".exon_coverage.parquet"))
    return sorted(rows, key=lambda row: (-row["uncalled"], -row["below_20x"], row["gene"], row["exon"]))


def candidates_of(platform: Resources, sample: str) -> list[dict[str, Any]]:
    """Genes by how well they and their variants explain the signs."""
    return _rows(_artifact(platform, interpretation.findings.name, sample).file(".candidate_genes.parquet"))


def unreported_of(
    platform: Resources, sample: str, *, gene: str = "", first: int = 1
) -> tuple[int, list[dict[str, Any]]]:
    """Variants in what was asked about that are not reported, with the reason: how many, and a hundred of them.

    Args:
        platform: the services of the deployment.
        sample: sample id.
        gene: of which gene; empty for every one.
        first: 1-based number of the first that is wanted; of one behind the last, the last is given.
    """
    import duckdb

    path = _artifact(platform, interpretation.findings.name, sample).file(".unreported.parquet")
    with looking_up() as db:
        rows = db.read_parquet(as_pattern(path))
        if gene:
            rows = rows.filter(duckdb.ColumnExpression("gene") == duckdb.ConstantExpression(gene))
        total = int(rows.aggregate("count(*) AS total").to_arrow_table()["total"][0].as_py())
        start = max(0, min(first, total) - 1)
        told: list[dict[str, Any]] = rows.limit(ROWS_AT_ONCE, start).to_arrow_table().to_pylist()
    return total, told


def variant_of(platform: Resources, sample: str, allele: str) -> tuple[Mapping[str, Any], Any]:
    """A call as it was annotated, and why it is or is not reported.

    Raises:
        GenomicsError: there is no such call, or an artifact is missing.
    """
    answer = explain(platform, sample, allele)
    annotated = _artifact(platform, annotation.annotated_variants.name, sample).file(".annotated.parquet")
    return _first(annotated, {"allele": answer.variant}) or dict(answer.row or {}), answer


def frequencies_of(platform: Resources, sample: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """How often populations have the alleles of some findings, by allele.

    Raises:
        GenomicsError: there are no annotated variants, or they are damaged.
    """
    import duckdb

    wanted = [(row["position"], row["allele"]) for row in rows if row["allele"] and row["position"]]
    if not wanted:
        return {}
    positions, alleles = (
        [duckdb.ConstantExpression(value) for value in column] for column in zip(*wanted, strict=True)
    )
    path = _artifact(platform, annotation.annotated_variants.name, sample).file(".annotated.parquet")
    with looking_up() as db:
        found = db.read_parquet(as_pattern(path))
        found = found.filter(duckdb.ColumnExpression("position").isin(*positions))  # rows lie in order of it
        found = found.filter(duckdb.ColumnExpression("allele").isin(*alleles))
        told = found.select("allele", "frequency", "popmax", "popmax_frequency").to_arrow_table().to_pylist()
    return {row["allele"]: row for row in told}


def cohort_frequency(platform: Resources, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """How often the cohort has the allele, absent where its tables do not know it."""
    receipt = platform.lake.receipt(_COHORT)
    if receipt is None or not row:
        return None
    table = Artifact(receipt, platform.lake).file("cohort_allele_frequency.parquet")
    return _first(table, {name: row[name] for name in ("contig", "position", "ref", "alt")})


@dataclass(frozen=True)
class Track:
    """Somebody's reads, as the viewer needs them.

    Attributes:
        member: ``own``, ``father`` or ``mother``.
        sample: sample id.
        file: name of the alignment file.
        index: name of its index.
    """

    member: str
    sample: str
    file: str
    index: str


def members_of(platform: Resources, sample: RegisteredSample) -> dict[str, RegisteredSample]:
    """The sample and its parents, as far as they are registered and take part."""
    family: Family = platform.registry.family_of(sample.sample_id)
    kin = {"own": sample, "father": family.father, "mother": family.mother}
    return {member: one for member, one in kin.items() if one is not None and not one.withdrawn}


def tracks_of(platform: Resources, sample: RegisteredSample) -> list[Track]:
    """The reads of the sample and of its parents, of those that were aligned."""
    suffix = f".{platform.settings.alignment_format}"
    tracks = []
    for member, one in members_of(platform, sample).items():
        receipt = answered(lambda one=one: platform.lake.receipt("aligned_reads", one.sample_id)).value  # type: ignore[misc]
        names = [file.name for file in receipt.files] if receipt else []
        reads = [name for name in names if name.endswith(suffix)]
        if reads:
            index = next(name for name in names if name.startswith(reads[0]) and name != reads[0])
            tracks.append(Track(member, one.sample_id, reads[0], index))
    return tracks


def reference_files(platform: Resources) -> tuple[str, ...]:
    """Names of the reference's FASTA and its indexes, the FASTA first."""
    receipt = platform.lake.receipt("reference_genome")
    names = [file.name for file in receipt.files] if receipt else []
    fasta = [name for name in names if name.endswith((".fa", ".fa.gz"))]
    return tuple(name for name in sorted(names, key=len) if fasta and name.startswith(fasta[0]))


def locus_of(row: Mapping[str, Any], around: int = 60) -> str:
    """Where the viewer opens: the allele with some bases on either side, 1-based."""
    return f"{row['contig']}:{max(1, row['position'] - around)}-{row['position'] + len(row['ref']) + around}"


def allele_of(row: Mapping[str, Any]) -> str:
    """The key of a call, as it stands in an address."""
    return f"{bare_contig(row['contig'])}-{row['position']}-{row['ref']}-{row['alt']}"


def page_file(platform: Resources, sample: str, suffix: str) -> Path:
    """The report's page as it is now, made anew where somebody has signed since.

    Raises:
        GenomicsError: there is none, or it is not what was published.
    """
    receipt = platform.gate.require(report.clinical_report.name, sample)
    return Artifact(receipt, platform.lake).file(suffix)


def _artifact(platform: Resources, asset: str, sample: str) -> Artifact:
    return Artifact(platform.lake.require(asset, sample), platform.lake)


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_rows(path).to_pylist()
    return rows


def _first(path: Path, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    import duckdb

    with looking_up() as db:
        rows = db.read_parquet(as_pattern(path))
        for name, value in wanted.items():
            rows = rows.filter(duckdb.ColumnExpression(name) == duckdb.ConstantExpression(value))
        told: list[dict[str, Any]] = rows.limit(1).to_arrow_table().to_pylist()
    return told[0] if told else None
