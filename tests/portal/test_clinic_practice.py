"""What a laboratory's practice asks of the portal: warnings, a second reader, locked filters, lists to take along."""

from __future__ import annotations

import argparse
import csv
import html
import io
import json
import re
import shutil
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest
from google.protobuf.json_format import ParseDict
from phenopackets.schema.v2 import phenopackets_pb2
from starlette.testclient import TestClient

from console.dashboards import power_bi
from console.submissions import clinvar
from engine.classify.ledger import replayed
from engine.errors import ReportError
from engine.ops.dashboards import gold_snapshot
from portal.clinic import cases, trail
from portal.clinic.admission import ROOT
from portal.clinic.audit_event import audit_event
from portal.clinic.rights import Role
from resources.environment import Resources
from resources.signing import Reports
from tests.builders.clinic import ACCESS, CHILD, FATHER, OTHER_WARD, OWN, WARD, Clinic, clinic_of, platform_of
from tests.builders.deployment import Deployment

PRACTICE = ACCESS | {
    "second_reader": True,
    "filters": {"Not reported on": {"report": "none"}, "Of ward 3": {"q": "W3-"}},
}
DIGEST = re.compile(r'name="digest" value="([0-9a-f]{64})"')


@pytest.fixture(scope="module")
def clinic(made_case: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    return clinic_of(platform_of(made_case, tmp_path_factory.mktemp("practice")), PRACTICE)


def test_a_locked_filter_cannot_be_widened_and_is_written_down(clinic: Clinic) -> None:
    client, _ = clinic.visit(Role.BIOINFORMATICIAN, every_case=True)
    every = client.get(f"{ROOT}/cases").text
    assert f"/cases/{CHILD}" in every and f"/cases/{FATHER}" in every and "Not reported on" in every
    locked = client.get(f"{ROOT}/cases", params={"locked": "Not reported on", "report": "draft", "q": CHILD}).text
    assert f"/cases/{FATHER}" in locked and f"/cases/{CHILD}" not in locked
    assert "Locked by the laboratory: report none" in locked and 'name="state"' not in locked
    assert "locked=Not reported on" in clinic.written(trail.ACCESS)[-1].event.details["detail"]
    assert client.get(f"{ROOT}/cases", params={"locked": "nothing"}).status_code == 404


def test_the_list_is_taken_along_by_the_same_filters(clinic: Clinic) -> None:
    client, _ = clinic.visit(Role.BIOINFORMATICIAN, every_case=True)
    told = client.get(f"{ROOT}/cases.csv", params={"locked": "Of ward 3"})
    (row,) = csv.DictReader(io.StringIO(told.text))
    assert (row["sample"], row["order"], row["report"]) == (CHILD, "W3-1", "draft")
    assert told.headers["content-disposition"] == 'attachment; filename="cases.csv"'
    own, _ = clinic.visit(Role.GENETICIST, WARD)
    assert [row["sample"] for row in csv.DictReader(io.StringIO(own.get(f"{ROOT}/cases.csv").text))] == [CHILD]


def test_who_opens_a_case_is_told_of_consent_and_of_a_swap(made_case: Deployment, tmp_path: Path) -> None:
    clinic = clinic_of(platform_of(made_case, tmp_path), ACCESS)
    client, _ = clinic.visit(Role.GENETICIST, WARD)
    lake, own = clinic.platform.lake, clinic.platform.registry.sample(CHILD)
    assert cases.warnings_of(clinic.platform, own) == []
    asked = replace(own, person=replace(own.person, secondary_findings_consent=False), withdrawn="2026-11-01T00:00:00")
    assert [one[:15] for one in cases.warnings_of(clinic.platform, asked)] == ["Withdrawn since", "No consent to s"]
    receipt = lake.require("relatedness", CHILD)
    with lake.work("relatedness", CHILD) as work:
        for file in receipt.files:
            (work.folder / file.name).write_bytes(lake.path(receipt, file.name).read_bytes() + b"\n")
        measures = dict(receipt.measures) | {"two_persons": 1, "wrong_parent": 1, "told_parents": 1}
        work.publish(records=1, recipe=receipt.recipe, measures=measures)
    shown = client.get(f"{ROOT}/cases/{CHILD}").text
    assert "two persons. Other samples of the same subject" in shown and "wrong parent" in shown
    lake.path(lake.require("relatedness", CHILD), receipt.files[0].name).write_bytes(b"")
    (told,) = cases.warnings_of(clinic.platform, own)
    assert told.startswith("Whether it is this person's sample cannot be told") and "relatedness" in told


def test_nobody_signs_what_no_second_person_has_reviewed(clinic: Clinic) -> None:
    signer, _ = clinic.visit(Role.GENETICIST, WARD, name="Dr First")
    reader, _ = clinic.visit(Role.GENETICIST, WARD, name="Dr Second")
    digest = DIGEST.search(signer.get(f"{ROOT}/cases/{CHILD}/report").text)[1]  # type: ignore[index]
    told = {"digest": digest}
    for _ in range(2):  # before anybody has reviewed it, and after the signer alone has
        refused = signer.post(f"{ROOT}/cases/{CHILD}/sign", data=told)
        assert refused.status_code == 409 and "nobody but the signer has reviewed" in refused.text
        assert signer.post(f"{ROOT}/cases/{CHILD}/review", data=told).status_code == 200
    with pytest.raises(ReportError, match="second reader"):
        Reports(clinic.platform).sign(CHILD, digest, person="Dr First")
    assert reader.post(f"{ROOT}/cases/{CHILD}/review", data=told).status_code == 200
    assert "Signed by Dr First" in signer.post(f"{ROOT}/cases/{CHILD}/sign", data=told).text


def test_a_case_is_taken_along_as_a_phenopacket_with_vrs_ids(clinic: Clinic) -> None:
    client, _ = clinic.visit(Role.GENETICIST, WARD)
    told = client.get(f"{ROOT}/api/cases/{CHILD}/phenopacket").json()
    read = ParseDict(told, phenopackets_pb2.Phenopacket())
    (one,) = read.interpretations
    described = one.diagnosis.genomic_interpretations[0].variant_interpretation.variation_descriptor
    assert described.id.startswith("ga4gh:VA.") and described.gene_context.symbol == "AVP"
    assert told["subject"] == {"id": f"subject-of-{CHILD}", "sex": "MALE"}


def test_each_classification_is_a_va_spec_statement_that_follows_from_its_evidence(clinic: Clinic) -> None:
    client, _ = clinic.visit(Role.GENETICIST, WARD)
    told = client.get(f"{ROOT}/api/cases/{CHILD}/statements").json()
    rows = [one.row for one in cases.draft_of(clinic.platform, CHILD).statement.findings]
    classes = [replayed(one).lower().replace(" ", "_") for one in told["statements"]]
    assert classes == [row["acmg_class"] for row in rows if row["acmg_class"]]
    assert told["statements"][0]["type"] == "Statement" and told["statements"][0]["hasEvidenceLines"]


def test_alignments_are_an_object_of_drs_whose_bytes_are_what_its_digest_says(clinic: Clinic, tmp_path: Path) -> None:
    from hashlib import sha256

    client, _ = clinic.visit(Role.GENETICIST, WARD)
    told = client.get(f"{ROOT}/api/ga4gh/drs/v1/objects/{CHILD}").json()
    content = client.get(told["access_methods"][0]["access_url"]["url"].removeprefix(OWN)).content
    assert len(content) == told["size"] and sha256(content).hexdigest() == told["checksums"][0]["checksum"]
    info = client.get(f"{ROOT}/api/ga4gh/drs/v1/service-info").json()
    assert info["type"] == {"group": "org.ga4gh", "artifact": "drs", "version": "1.4.0"}


def test_an_htsget_client_reads_a_region_of_a_case_by_a_ticket(clinic: Clinic, tmp_path: Path) -> None:
    client, _ = clinic.visit(Role.GENETICIST, WARD)
    at = f"{ROOT}/api/htsget/reads/{CHILD}"
    receipt = clinic.platform.lake.require("aligned_reads", CHILD)
    with pysam.AlignmentFile(str(clinic.platform.lake.path(receipt, f"{CHILD}.bam"))) as file:
        (contig, *_), start, end = file.references, 3_084_000, 3_084_700
        expected = [one.to_string() for one in file.fetch(contig, start, end)]
    asked = {"format": "BAM", "referenceName": contig, "start": str(start), "end": str(end)}
    answer = client.get(at, params=asked)
    assert answer.headers["content-type"].startswith("application/vnd.ga4gh.htsget.v1.3.0+json")
    ticket = answer.json()["htsget"]
    assert {one["class"] for one in ticket["urls"]} == {"header", "body"}
    assert sliced(client, ticket, tmp_path, [(start, end)]) == expected and len(expected) > 20
    entry = next(one for one in clinic.written(trail.ACCESS) if f"start={start}" in one.event.details.get("detail", ""))
    assert entry.event.sample == CHILD and f"referenceName={contig}" in entry.event.details["detail"]
    refused = {
        **{("format", "VCF"): (400, "UnsupportedFormat"), ("class", "body"): (400, "InvalidInput")},
        **{("start", "5"): (400, "InvalidInput"), ("referenceName", "chrNone"): (404, "NotFound")},
    }
    for (name, value), (status, kind) in refused.items():
        told = client.get(at, params={name: value})
        assert (told.status_code, told.json()["htsget"]["error"]) == (status, kind)
    assert client.get(at, params={"referenceName": contig, "start": "9", "end": "5"}).json()["htsget"]["error"] == (
        "InvalidRange"
    )
    assert client.get(f"{ROOT}/api/htsget/reads/service-info").json()["htsget"]["datatype"] == "reads"


def sliced(client: TestClient, ticket: dict[str, Any], folder: Path, regions: list[tuple[int, int]]) -> list[str]:
    """The records in some regions that a reader finds in a ticket's parts put together."""
    parts = []
    for one in ticket["urls"]:
        if one["url"].startswith("data:"):
            parts.append(b64decode(one["url"].partition(",")[2]))
            continue
        part = client.get(one["url"].removeprefix(OWN), headers=one["headers"])
        assert part.status_code == 206
        parts.append(part.content)
    (folder / "slice.bam").write_bytes(b"".join(parts))
    with pysam.AlignmentFile(str(folder / "slice.bam")) as file:
        return [
            one.to_string()
            for one in file.fetch(until_eof=True)
            if any(one.reference_start < end and (one.reference_end or 0) > start for start, end in regions)
        ]


def test_several_regions_are_asked_for_at_once_by_a_body_and_each_is_written_down(
    clinic: Clinic, tmp_path: Path
) -> None:
    client, _ = clinic.visit(Role.GENETICIST, WARD)
    at = f"{ROOT}/api/htsget/reads/{CHILD}"
    receipt = clinic.platform.lake.require("aligned_reads", CHILD)
    # Not in the file's order, and two of them overlap: each record is had once all the same.
    regions = [(3_084_500, 3_084_900), (3_082_000, 3_082_300), (3_084_000, 3_084_700)]
    with pysam.AlignmentFile(str(clinic.platform.lake.path(receipt, f"{CHILD}.bam"))) as file:
        contig = file.references[0]
        expected = [
            one.to_string()
            for one in file.fetch(contig)
            if any(one.reference_start < end and (one.reference_end or 0) > start for start, end in regions)
        ]
    told = [{"referenceName": contig, "start": start, "end": end} for start, end in regions]
    answer = client.post(at, json={"format": "bam", "fields": ["QNAME"], "regions": told})
    assert answer.headers["content-type"].startswith("application/vnd.ga4gh.htsget.v1.3.0+json")
    assert sliced(client, answer.json()["htsget"], tmp_path, regions) == expected and len(expected) > 40
    entry = [one for one in clinic.written(trail.ACCESS) if one.event.details["method"] == "POST"][-1]
    told_of_it = audit_event(entry, "https://laboratory.invalid")
    assert told_of_it["action"] == "R" and told_of_it["meta"]["profile"][0].endswith(".PatientRead")
    assert entry.event.sample == CHILD
    assert entry.event.details["detail"].split(", ") == [
        f"referenceName={contig} start={start} end={end}" for start, end in regions
    ]
    same = client.get(at, params={"referenceName": contig, "start": "3082000", "end": "3082300"})
    assert client.post(at, json={"regions": told[1:2]}).json() == same.json()
    assert client.post(at).json() == client.get(at).json()
    assert client.post(at, json={"class": "header"}).json() == client.get(at, params={"class": "header"}).json()


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"regions": []}, 400, "InvalidInput"),
        ({"regions": [{"start": 1}]}, 400, "InvalidInput"),
        ({"regions": [{"referenceName": "chr20", "start": "1"}]}, 400, "InvalidInput"),
        ({"referenceName": "chr20"}, 400, "InvalidInput"),
        ({"class": "header", "fields": ["QNAME"]}, 400, "InvalidInput"),
        ({"tags": ["RG"], "notags": ["RG"]}, 400, "InvalidInput"),
        ({"regions": [{"referenceName": "*", "start": 1}]}, 400, "InvalidInput"),
        ({"regions": [{"referenceName": "chr20", "start": 5, "end": 5}]}, 400, "InvalidRange"),
        ({"regions": [{"referenceName": "chr20", "start": 6, "end": 5}]}, 400, "InvalidRange"),
        ({"regions": [{"referenceName": "chrNone"}]}, 404, "NotFound"),
        ({"regions": [{"referenceName": "chr20"}] * 201}, 413, "PayloadTooLarge"),
        ({"format": "VCF"}, 400, "UnsupportedFormat"),
    ],
)
def test_a_body_that_is_not_as_htsget_has_it_is_refused_by_its_name(
    clinic: Clinic, body: dict[str, Any], status: int, kind: str
) -> None:
    client, _ = clinic.visit(Role.GENETICIST, WARD)
    told = client.post(f"{ROOT}/api/htsget/reads/{CHILD}", json=body)
    assert (told.status_code, told.json()["htsget"]["error"]) == (status, kind)


def test_a_question_is_in_the_body_alone_and_is_json(clinic: Clinic) -> None:
    client, _ = clinic.visit(Role.GENETICIST, WARD)
    at = f"{ROOT}/api/htsget/reads/{CHILD}"
    told = client.post(at, params={"format": "BAM"}, json={})
    assert (told.status_code, told.json()["htsget"]["error"]) == (400, "InvalidInput")
    assert client.post(at, data={"format": "BAM"}).status_code == 415
    assert client.post(at, content="[1]", headers={"Content-Type": "application/json"}).status_code == 400


def test_variants_that_are_not_reported_are_shown_a_hundred_at_a_time(made_case: Deployment, tmp_path: Path) -> None:
    clinic = clinic_of(platform_of(made_case, tmp_path), ACCESS)
    lake, genes, count = clinic.platform.lake, ("AVP", "OXT"), 2 * cases.ROWS_AT_ONCE + 30
    name = f"{CHILD}.unreported.parquet"
    receipt = lake.require("findings", CHILD)
    schema = pq.read_schema(lake.path(receipt, name))
    told = {"contig": "chr20", "ref": "A", "alt": "G", "consequence": "intron_variant", "reason": "frequent"}
    rows = [
        dict.fromkeys(schema.names)
        | {**told, "position": 3_000_000 + number, "gene": genes[number % 2], "hgvs_c": f"c.{number}A>G"}
        for number in range(1, count + 1)
    ]
    with lake.work("findings", CHILD) as work:
        for file in receipt.files:
            shutil.copyfile(lake.path(receipt, file.name), work.folder / file.name)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), work.folder / name)
        work.publish(records=receipt.records, recipe=receipt.recipe, measures=dict(receipt.measures))
    client, _ = clinic.visit(Role.GENETICIST, WARD)

    def shown(query: str = "") -> tuple[list[int], str, dict[str, str]]:
        text = client.get(f"{ROOT}/cases/{CHILD}/findings{query}").text.partition('<div id="unreported">')[2]
        numbers = [int(one) for one in re.findall(r"c\.([0-9]+)A&gt;G", text)]
        links = {told: html.unescape(link) for link, told in re.findall(r'<a href="([^"]+)">(\w+) ones</a>', text)}
        caption = re.search("<caption>(.*)</caption>", text)
        assert caption
        return numbers, caption[1], {told: link[link.index("?") :] for told, link in links.items()}

    numbers, caption, links = shown()
    assert caption == "230 variants, 1 to 100 shown" and set(links) == {"Later"}
    seen = [*numbers]
    numbers, caption, links = shown(links["Later"])
    assert caption == "230 variants, 101 to 200 shown" and set(links) == {"Earlier", "Later"}
    seen += numbers
    assert shown(links["Earlier"])[1] == "230 variants, 1 to 100 shown"
    numbers, caption, links = shown(links["Later"])
    assert caption == "230 variants, 201 to 230 shown" and set(links) == {"Earlier"}
    assert [*seen, *numbers] == list(range(1, count + 1)), "each once, in the table's order"
    assert shown(links["Earlier"])[1] == "230 variants, 101 to 200 shown"
    numbers, caption, links = shown("?gene=OXT")
    assert caption == "115 variants, 1 to 100 shown" and numbers == list(range(1, 200, 2))
    numbers, caption, links = shown(links["Later"])
    assert caption == "115 variants, 101 to 115 shown" and numbers == list(range(201, 230, 2))
    for far in ("?first=231", f"?first={10**30}"):
        numbers, caption, links = shown(far)
        assert (numbers, caption) == ([230], "230 variants, 230 to 230 shown") and set(links) == {"Earlier"}
    assert shown("?first=-5")[0] == list(range(1, 101))


def test_cards_of_drug_response_are_of_a_signed_report(clinic: Clinic) -> None:
    """The test before has signed it; another deployment's has nobody."""
    client, _ = clinic.visit(Role.CLINICIAN, WARD)
    answer = client.get(f"{ROOT}/api/cases/{CHILD}/cds-services/drug-response", params={"drug": "clopidogrel"})
    assert answer.json() == {"cards": []}, "nobody asked for drug response"
    assert [one["hook"] for one in client.get(f"{ROOT}/api/cds-services").json()["services"]] == ["order-select"]


def test_without_a_signature_there_is_no_card(made_case: Deployment, tmp_path: Path) -> None:
    client, _ = clinic_of(platform_of(made_case, tmp_path), ACCESS).visit(Role.CLINICIAN, WARD)
    answer = client.get(f"{ROOT}/api/cases/{CHILD}/cds-services/drug-response", params={"drug": "clopidogrel"})
    assert answer.status_code == 409 and "not been signed" in answer.json()["error"]


def test_the_command_line_writes_what_was_decided_and_signed_for_clinvar(clinic: Clinic, tmp_path: Path) -> None:
    """The report is signed, and nobody decided of its finding: there is nothing to submit, and that is said."""
    file = tmp_path / "submission.json"
    assert main_of(clinvar, clinic, file=file, person="Dr First") == 0
    assert json.loads(file.read_text())["germlineSubmission"] == []
    clinic.platform.catalogue.decide(
        CHILD,
        "20-3084620-C-T",
        classification="likely_pathogenic",
        criteria="PVS1,PM2=P",
        comment="seen in two families here",
        person="Dr First",
    )
    file = tmp_path / "again.json"
    assert main_of(clinvar, clinic, file=file, person="Dr First") == 0
    assert json.loads(file.read_text())["germlineSubmission"] == [], "what was signed is what was said before"


def test_the_command_line_writes_the_power_bi_project_of_the_deployment(clinic: Clinic, tmp_path: Path) -> None:
    gold_snapshot.make(clinic.platform, "", log=lambda _: None)
    assert main_of(power_bi, clinic, folder=tmp_path) == 0
    definition = tmp_path / "Genomics.SemanticModel" / "definition"
    assert {path.stem for path in (definition / "roles").iterdir()} == {"Every case", WARD, OTHER_WARD}
    receipt = clinic.platform.lake.require("gold_snapshot")
    assert receipt.data_version in (definition / "expressions.tmdl").read_text()


def main_of(command: Callable[[Resources, argparse.Namespace], int], clinic: Clinic, **options: object) -> int:
    return command(clinic.platform, argparse.Namespace(json=False, **options))
