"""Building a sample's FHIR bundle: one transaction that a server may apply any number of times.

Order of the entries is fixed and every id derives from the content, so the same findings give the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine.errors import VariantFileError
from engine.fhir.actors import add_actors
from engine.fhir.case import CaseFacts
from engine.fhir.check import check_bundle
from engine.fhir.codes import JsonObject
from engine.fhir.diagnostic_report import add_report
from engine.fhir.lineage import Lineage
from engine.fhir.observations import Finding, Observations
from engine.fhir.provenance import add_devices, add_files, add_provenance
from engine.fhir.resources import Entries
from engine.fhir.study import add_study
from engine.receipt import canonical_json, digest_text


@dataclass(frozen=True)
class BundleSummary:
    """What was measured of a written bundle.

    Attributes:
        resources: entries.
        findings: Variant Observations.
        references: references between the resources.
        unresolved_references: of them those that lead to no resource of the bundle.
        parse_errors: resources that the FHIR R4 models refuse.
        duplicate_ids: entries whose id another has.
        unstable_ids: resources whose id changes when the bundle is built again.
        resource_types: types of the resources, in alphabetical order.
        resource_counts: resources of each type.
        problems: what is wrong, in words; empty in a good bundle.
    """

    resources: int
    findings: int
    references: int
    unresolved_references: int
    parse_errors: int
    duplicate_ids: int
    unstable_ids: int
    resource_types: list[str]
    resource_counts: list[int]
    problems: list[str]


def read_findings(findings: Path) -> list[Finding]:
    """The rows of a findings table.

    Raises:
        VariantFileError: the table is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[Finding] = pq.read_table(findings).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise VariantFileError(
            f"the findings cannot be read: {error}", file=findings, remedy="look for findings again"
        ) from error
    return rows


def build_bundle(findings: Path, case: CaseFacts, lineage: Lineage, build: str, issued: str) -> JsonObject:
    """The bundle of a sample.

    Args:
        findings: the table that :func:`engine.classify.findings.find_variants` wrote.
        case: whose sample, and what was looked at.
        lineage: where the findings come from.
        build: ``GRCh37`` or ``GRCh38``.
        issued: when the report is issued, ISO 8601 with time zone.

    Raises:
        VariantFileError: the findings table is missing or damaged.
    """
    rows = read_findings(findings)
    entries = Entries(case.laboratory.system)
    actors = add_actors(entries, case)
    files = add_files(entries, lineage, actors, case.sample)
    devices = add_devices(entries, lineage.tools)
    study = add_study(entries, case, build, lineage, files, devices, actors)
    observations = Observations(entries, case, actors, study, issued)
    results = [reference for row in rows for reference in observations.add(row)]
    results += _add_phases(observations, rows)
    report = add_report(entries, case, rows, results, study, lineage, actors, issued)
    add_provenance(entries, lineage, files, actors, report, f"report|{case.sample}", issued)
    return entries.bundle(entries.identifier("bundle", case.sample), issued)


def _add_phases(observations: Observations, rows: list[Finding]) -> list[JsonObject]:
    """One phase relation for each pair of compound heterozygous findings."""
    told: dict[tuple[str, ...], tuple[Finding, Finding]] = {}
    for row in rows:
        if row["category"] == "compound_heterozygote":
            for pair in row["pairs"]:
                told.setdefault(tuple(sorted((row["finding_id"], pair["partner"]))), (row, pair))
    return [observations.add_phase(*told[ids]) for ids in sorted(told)]


def bundle_json(bundle: JsonObject) -> str:
    """The bundle as it is written: sorted keys, two spaces, one newline at the end."""
    return canonical_json(bundle, indent=2) + "\n"


def statement_digest(findings: Path, case: CaseFacts, lineage: Lineage, build: str) -> str:
    """Digest of what a report says: findings, case, and the reads it is about.

    Not of how it came to say so: a new ClinVar release or another version of a tool amends the reports in which it
    changes something, and no other. Nor of the kin: what they change, the findings say.

    Arguments and errors as of :func:`build_bundle`.
    """
    told = replace(case, person=replace(case.person, family_id=None, father_id=None, mother_id=None))
    said = {"findings": read_findings(findings), "case": asdict(told), "reads": dict(lineage.reads), "build": build}
    return digest_text(canonical_json(said))


def write_bundle(
    findings: Path, case: CaseFacts, lineage: Lineage, build: str, issued: str, folder: Path
) -> BundleSummary:
    """Write ``<sample>.fhir.json`` into ``folder``, then read it back and judge it.

    Arguments and errors as of :func:`build_bundle`. A bundle with problems is written and measured, not refused: the
    gate decides.
    """
    path = folder / f"{case.sample}.fhir.json"
    path.write_text(bundle_json(build_bundle(findings, case, lineage, build, issued)))
    bundle = json.loads(path.read_text())
    again = build_bundle(findings, case, lineage, build, issued)
    verdict = check_bundle(bundle)
    types = Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])
    ids = [{entry["request"]["url"] for entry in built["entry"]} for built in (bundle, again)]
    return BundleSummary(
        resources=len(bundle["entry"]),
        findings=len(read_findings(findings)),
        references=verdict.references,
        unresolved_references=verdict.unresolved_references,
        parse_errors=verdict.parse_errors,
        duplicate_ids=verdict.duplicate_ids,
        unstable_ids=len(ids[0] ^ ids[1]),
        resource_types=sorted(types),
        resource_counts=[types[name] for name in sorted(types)],
        problems=list(verdict.problems),
    )
