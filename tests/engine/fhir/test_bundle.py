"""The FHIR bundle of a sample: what it says, and that it says it the same way every time."""

import base64
import hashlib
import html
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.annotate.annotate import annotate_variants
from engine.annotate.columns import COMBINED
from engine.classify.findings import select_reportable
from engine.errors import ReportError
from engine.fhir.bundle import BundleSummary, build_bundle, write_bundle
from engine.fhir.check import check_bundle, faults, references_of, validator
from engine.fhir.report_document import Document
from engine.person import Identity, Sex
from engine.receipt import ArtifactFile, Receipt, Recipe
from engine.reference.panels import Panel
from engine.report.case import CaseFacts, Gene, Laboratory, Regions
from engine.report.issue import Issue, SignOut
from engine.report.lineage import Lineage
from engine.report.statement import Statement, read_findings, state
from tests.builders.annotated import bundle as grch37
from tests.builders.annotated import variant, write_annotated, write_parent
from tests.builders.people import person, subject
from tests.builders.tp53 import tp53_bundle

ISSUED = "2026-11-22T10:00:00Z"
READS = {"S1_R1.fastq.gz": "11" * 32, "S1_R2.fastq.gz": "22" * 32}
WOMAN = person(sex=Sex.FEMALE, order_id="O1", phenotype=("HP:0001332",))
CASE = CaseFacts("S1", WOMAN, Regions("5 genes"))
SIGNED = Issue("final", signature=SignOut("S1", "d", "final", "Dr Who", "2026-11-23T09:00:00+00:00"))


def receipt(asset: str, made_from: str | None, *files: str, **recipe: dict[str, str]) -> Receipt:
    described = tuple(ArtifactFile(name, f"{name}|{asset}".encode().hex().ljust(64, "0")[:64], 1000) for name in files)
    recipe.setdefault("inputs", {made_from: "v"} if made_from else {})
    return Receipt(asset, "S1", f"{asset}-1", described, 1, Recipe(**recipe), {}, "2026-01-01T00:00:00Z")


LINEAGE = Lineage(
    READS,
    (
        receipt("raw_reads", None, "reads.json", tools={"isal": "1.9"}),
        receipt("aligned_reads", "raw_reads", "S1.bam", "S1.bam.bai", tools={"bwa-mem3": "0.4.4"}),
        receipt("variants", "aligned_reads", "S1.vcf.gz", tools={"pysam": "0.24"}),
        receipt("annotated_variants", "variants", "S1.annotated.vcf.gz", knowledge={"clinvar": "2024-12-15"}),
        receipt("findings", "annotated_variants", "S1.findings.parquet"),
    ),
)


def findings(folder: Path, *rows: dict[str, Any], **known: Any) -> Path:
    table = write_annotated(folder / "annotated.parquet", *rows)
    select_reportable(table, subject(**known), grch37(), folder, "S1")
    return folder / "S1.findings.parquet"


def stated(found: Path, case: CaseFacts = CASE, lineage: Lineage = LINEAGE) -> Statement:
    return state(read_findings(found), case, lineage, "GRCh37", ISSUED)


def built(
    folder: Path, *rows: dict[str, Any], case: CaseFacts = CASE, lineage: Lineage = LINEAGE, **options: Any
) -> dict[str, Any]:
    found = findings(folder, *rows, secondary_findings_consent=case.person.secondary_findings_consent)
    bundle = build_bundle(stated(found, case, lineage), **options)
    assert [str(fault) for fault in faults(bundle)] == []
    return bundle


def of_type(bundle: dict[str, Any], kind: str, profile: str = "") -> list[dict[str, Any]]:
    return [
        entry["resource"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == kind
        and (not profile or entry["resource"].get("meta", {}).get("profile", [""])[0].endswith(f"/{profile}"))
    ]


def components(resource: dict[str, Any]) -> dict[str, Any]:
    """Value by component code; of a CodeableConcept the first code."""
    values = {}
    for part in resource["component"]:
        (value,) = (part[key] for key in part if key.startswith("value"))
        coded = value.get("coding") if isinstance(value, dict) else None
        values.setdefault(part["code"]["coding"][0]["code"], coded[0]["code"] if coded else value)
    return values


@pytest.fixture(scope="module")
def r273h(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], BundleSummary]:
    """The bundle of NA11994's TP53 exome, called by freebayes."""
    folder = tmp_path_factory.mktemp("tp53")
    reference = tp53_bundle(shared_data, folder)
    annotate_variants(shared_data / "iarc_tp53_93exomes" / "freebayes_joint_93.vcf.gz", reference, folder, "NA11994")
    known = subject(sex=Sex.FEMALE, secondary_findings_consent=True)
    select_reportable(folder / "NA11994.annotated.parquet", known, reference, folder, "NA11994")
    case = CaseFacts("NA11994", known.person, Regions("TP53", (Gene("TP53", "HGNC:11998"),)))
    summary = write_bundle(stated(folder / "NA11994.findings.parquet", case), folder)
    return json.loads((folder / "NA11994.fhir.json").read_text()), summary


def test_r273h_arrives_with_zygosity_clinvar_id_and_hgvs(r273h: tuple[dict[str, Any], BundleSummary]) -> None:
    bundle, summary = r273h
    (variant_observation,) = of_type(bundle, "Observation", "variant")
    said = components(variant_observation)
    assert said["53034-5"] == "LA6706-1"  # heterozygous
    assert said["81252-9"] == "12366"
    assert said["81290-9"] == "NC_000017.10:g.7577120C>T"
    assert said["48004-6"] == "TP53-201:c.818G>A"
    assert said["48005-3"] == "TP53-201:p.(Arg273His)"
    assert said["48018-6"] == "HGNC:11998"
    assert (said["69547-8"], said["69551-0"], said["81254-5"]) == (
        "C",
        "T",
        {"low": {"value": 7577120}, "high": {"value": 7577120}},
    )
    assert said["82121-5"]["value"] == 15
    assert variant_observation["extension"][0]["valueCodeableConcept"] == {"text": "ACMG SF v3.3"}
    (implication,) = of_type(bundle, "Observation", "diagnostic-implication")
    assert components(implication)["53037-8"] == "LA6668-3"
    assert components(implication)["condition-inheritance"] == "HP:0000006"
    assert implication["derivedFrom"] == [{"reference": f"urn:uuid:{variant_observation['id']}"}]
    (report,) = of_type(bundle, "DiagnosticReport")
    assert report["conclusionCode"][0]["coding"][0]["code"] == "LA6576-8"
    assert "TP53 TP53-201:c.818G>A p.(Arg273His): pathogenic, heterozygous (secondary)" in report["conclusion"]
    assert (summary.findings, summary.unresolved_references, summary.parse_errors, summary.problems) == (1, 0, 0, [])


def test_provenance_leads_back_to_the_reads(r273h: tuple[dict[str, Any], BundleSummary]) -> None:
    bundle, _ = r273h
    (report,) = of_type(bundle, "DiagnosticReport")
    documents = {f"urn:uuid:{one['id']}": one["identifier"][0]["value"] for one in of_type(bundle, "DocumentReference")}
    sources: dict[str, list[str]] = {}
    for provenance in of_type(bundle, "Provenance"):
        used = [entity["what"]["reference"] for entity in provenance["entity"] if "reference" in entity["what"]]
        for target in provenance["target"]:
            sources[target["reference"]] = used
    reached, waiting = set(), [f"urn:uuid:{report['id']}"]
    while waiting:
        found = sources.get(waiting.pop(), [])
        waiting += [name for name in found if name not in reached]
        reached |= set(found)
    assert set(READS.values()) <= {documents[name] for name in reached}
    (last,) = (p for p in of_type(bundle, "Provenance") if p["target"][0]["reference"] == f"urn:uuid:{report['id']}")
    assert {"clinvar"} == {entity["what"]["display"] for entity in last["entity"] if "display" in entity["what"]}
    devices = {f"urn:uuid:{one['id']}": one for one in of_type(bundle, "Device")}
    tools = [devices[agent["who"]["reference"]] for agent in last["agent"] if agent["who"]["reference"] in devices]
    assert {tool["deviceName"][0]["name"] for tool in tools} == {"isal", "bwa-mem3", "pysam"}


def test_every_result_leads_back_to_the_reads_and_to_who_answers_for_it(tmp_path: Path) -> None:
    bundle = built(tmp_path, variant("PANK2", 3_888_572), variant("PANK2", 3_888_600), issue=SIGNED)
    (report,) = of_type(bundle, "DiagnosticReport")
    (person,) = of_type(bundle, "Practitioner")
    (study,) = (one for one in of_type(bundle, "Procedure") if "genomic-study" in one["meta"]["profile"][0][-13:])
    (last,) = (one for one in of_type(bundle, "Provenance") if len(one["target"]) > 2)
    targets = [one["reference"] for one in last["target"]]
    assert targets[:2] == [f"urn:uuid:{report['id']}", f"urn:uuid:{study['id']}"]
    assert targets[2:] == [one["reference"] for one in report["result"]]
    answers = {one["type"]["coding"][0]["code"]: one["who"]["reference"] for one in last["agent"][:2]}
    assert answers["attester"] == f"urn:uuid:{person['id']}" and "author" in answers
    draft = built(tmp_path, variant("PANK2", 3_888_572))
    assert "attester" not in json.dumps(of_type(draft, "Provenance"))


@pytest.mark.parametrize(("name", "kind"), [("S1.report.pdf", "application/pdf"), ("S1.report.html", "text/html")])
def test_the_page_that_was_signed_goes_along(name: str, kind: str, tmp_path: Path) -> None:
    page = Document(name, b"%PDF-1.7 the page" * 5_000)
    bundle = built(tmp_path, variant("PANK2"), issue=SIGNED, document=page)
    (report,) = of_type(bundle, "DiagnosticReport")
    (form,) = report["presentedForm"]
    assert base64.b64decode(form["data"]) == page.content and form["size"] == len(page.content)
    assert form["hash"] == base64.b64encode(hashlib.sha1(page.content).digest()).decode()
    assert (form["contentType"], form["title"], form["creation"]) == (kind, name, "2026-11-23T09:00:00+00:00")
    (document,) = (one for one in of_type(bundle, "DocumentReference") if "type" in one)
    assert document["content"][0]["attachment"] == form and document["docStatus"] == "final"
    assert document["context"]["related"] == [{"reference": f"urn:uuid:{report['id']}"}]
    assert document["authenticator"] == report["resultsInterpreter"][0]
    (again,) = (
        one for one in of_type(built(tmp_path, issue=Issue(), document=page), "DocumentReference") if "type" in one
    )
    assert (again["id"], again["docStatus"]) == (document["id"], "preliminary") and "authenticator" not in again
    assert check_bundle(bundle).problems == ()


def test_every_step_names_what_it_was_made_from(tmp_path: Path) -> None:
    bundle = built(tmp_path)
    titles = {
        f"urn:uuid:{one['id']}": one["content"][0]["attachment"]["title"]
        for one in of_type(bundle, "DocumentReference")
    }
    steps = {
        titles[provenance["target"][0]["reference"]]: sorted(
            titles[entity["what"]["reference"]] for entity in provenance["entity"] if "reference" in entity["what"]
        )
        for provenance in of_type(bundle, "Provenance")
        if provenance["target"][0]["reference"] in titles
    }
    assert steps == {
        "S1.bam": ["S1_R1.fastq.gz", "S1_R2.fastq.gz"],
        "S1.vcf.gz": ["S1.bam"],
        "S1.annotated.vcf.gz": ["S1.vcf.gz"],
    }


def test_nothing_found_is_said_with_what_was_looked_at(tmp_path: Path) -> None:
    regions = Regions("2 genes", (Gene("AVP", "HGNC:894"),), (Gene("PRNP"),), 120, 31.4, 0.97)
    case = CaseFacts("S1", person(sex=Sex.MALE), regions)
    bundle = built(tmp_path, case=case)
    (report,) = of_type(bundle, "DiagnosticReport")
    assert report["conclusionCode"][0]["coding"][0]["display"] == "Inconclusive"
    assert "result" not in report and "basedOn" not in report
    assert report["conclusion"] == (
        "No pathogenic or likely pathogenic variant was found outside the genes of ACMG SF v3.3: the order names none. "
        "Studied: 2 genes, mean coverage 31x, 97.0% of bases at "
        "20x or more, 120 bases could not be called, not fully called: PRNP. Secondary findings were not looked for: "
        "there is no consent."
    )
    (analysis,) = of_type(bundle, "Procedure", "genomic-study-analysis")
    (studied,) = (e for e in analysis["extension"] if e["url"].endswith("-regions"))
    assert [(part["url"], part.get("valueCodeableConcept", {}).get("text")) for part in studied["extension"]] == [
        ("description", None),
        ("studied", None),
        ("called", None),
        ("uncalled", "PRNP"),
    ]


def test_of_many_genes_not_called_the_bundle_names_those_that_the_page_names(tmp_path: Path) -> None:
    genes = tuple(Gene(f"G{number:02}") for number in range(94))
    case = CaseFacts("S1", person(ordered_genes=("G90",)), Regions("a genome", uncalled=genes, uncalled_bases=94))
    bundle = built(tmp_path, case=case)
    (analysis,) = of_type(bundle, "Procedure", "genomic-study-analysis")
    (studied,) = (e for e in analysis["extension"] if e["url"].endswith("-regions"))
    description, *uncalled = studied["extension"]
    assert description["valueString"] == (
        "a genome; 94 genes were not fully called, of which 20 are listed here and all in the report's file "
        "S1.uncalled_genes.tsv"
    )
    assert [part["valueCodeableConcept"]["text"] for part in uncalled] == ["G90", *(f"G{n:02}" for n in range(19))]
    assert {part["url"] for part in uncalled} == {"uncalled"} and "G20" not in json.dumps(bundle)
    assert not check_bundle(bundle).problems


def test_compound_heterozygous_variants_are_tied_by_their_phase(tmp_path: Path) -> None:
    bundle = built(
        tmp_path,
        variant("PANK2", 3_888_572, phase_set="1", haplotypes=[0]),
        variant("PANK2", 3_888_600, phase_set="1", haplotypes=[1]),
    )
    (phase,) = of_type(bundle, "Observation", "sequence-phase-relationship")
    assert phase["valueCodeableConcept"]["coding"][0]["code"] == "Trans"
    variants = {f"urn:uuid:{one['id']}" for one in of_type(bundle, "Observation", "variant")}
    assert {one["reference"] for one in phase["derivedFrom"]} == variants
    (report,) = of_type(bundle, "DiagnosticReport")
    assert report["conclusion"].count("heterozygous (compound heterozygote, in trans)") == 2


def test_a_check_that_a_person_overridden_checks_is_told_in_the_report(tmp_path: Path) -> None:
    told = "aligned_reads, mean_coverage: observed 12, expected at least 20: let through by Dr Example (one gene asked)"
    (good,) = of_type(built(tmp_path), "DiagnosticReport")
    (report,) = of_type(built(tmp_path, case=replace(CASE, overridden_checks=(told,))), "DiagnosticReport")
    assert told in json.dumps(report["extension"]) and "let through" not in json.dumps(good)
    assert report["conclusion"].endswith("Quality checks that failed and were let through by a person: 1.")


def test_a_call_that_did_not_pass_needs_confirmation_and_decides_nothing(tmp_path: Path) -> None:
    doubtful = variant("AVP", 3_082_646, filter="AltBias;StrandBias")
    bundle = built(tmp_path, doubtful)
    (observation,) = of_type(bundle, "Observation", "variant")
    assert observation["note"] == [
        {"text": "Needs confirmation: the call did not pass the filters (AltBias;StrandBias)."}
    ]
    (report,) = of_type(bundle, "DiagnosticReport")
    assert report["conclusionCode"][0]["coding"][0]["display"] == "Inconclusive"
    assert "needs confirmation: filter AltBias;StrandBias" in report["conclusion"]
    bundle = built(tmp_path, doubtful, variant("AVP", 3_082_700))
    (report,) = of_type(bundle, "DiagnosticReport")
    assert report["conclusionCode"][0]["coding"][0]["display"] == "Positive"


def test_an_allele_from_one_parent_says_from_which(tmp_path: Path) -> None:
    one, other = variant("PANK2", 3_888_572), variant("PANK2", 3_899_342)
    father, mother = write_parent(tmp_path / "father", one), write_parent(tmp_path / "mother", other)
    found = findings(tmp_path, one, other, father=father, mother=mother)
    bundle = build_bundle(stated(found))
    told = [components(observation)["94186-4"] for observation in of_type(bundle, "Observation", "variant")]
    assert told == ["LA26321-2", "LA26320-4"]  # paternal, maternal
    (phase,) = of_type(bundle, "Observation", "sequence-phase-relationship")
    assert (phase["valueCodeableConcept"]["coding"][0]["code"], phase["method"]) == ("Trans", {"text": "by parents"})


def test_a_new_variant_is_said_to_be_new_with_its_quality(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    father, mother = write_parent(tmp_path / "father"), write_parent(tmp_path / "mother")
    found = findings(tmp_path / "f", variant("PRNP", 3_888_572), father=father, mother=mother)
    bundle = build_bundle(stated(found))
    (told,) = of_type(bundle, "Observation", "variant")
    assert components(told)["94186-4"] == "LA26807-0"
    assert told["note"][0]["text"].startswith("De novo: child GQ 99, father GQ 90")
    (report,) = of_type(bundle, "DiagnosticReport")
    assert ", de novo" in report["conclusion"]
    assert check_bundle(bundle).problems == ()


def test_each_pair_is_told_with_its_own_phase(tmp_path: Path) -> None:
    bundle = built(
        tmp_path,
        variant("PANK2", 3_888_572, phase_set="5", haplotypes=[0]),
        variant("PANK2", 3_888_600, phase_set="5", haplotypes=[0]),
        variant("PANK2", 3_888_700, phase_set="5", haplotypes=[1]),
    )
    phases = [
        told["valueCodeableConcept"]["coding"][0]["code"]
        for told in of_type(bundle, "Observation", "sequence-phase-relationship")
    ]
    assert sorted(phases) == ["Cis", "Trans", "Trans"]


def test_what_clinvar_says_is_told_in_its_own_words(tmp_path: Path) -> None:
    bundle = built(tmp_path, variant("AVP", clinvar_classification="pathogenic_low_penetrance"))
    (implied,) = of_type(bundle, "Observation", "diagnostic-implication")[:1]
    assert components(implied)["53037-8"] == {"text": "pathogenic, low penetrance"}
    bundle = built(
        tmp_path, variant("AVP", clinvar_classification="likely_pathogenic", clinvar_other_terms=["drug response"])
    )
    (implied,) = of_type(bundle, "Observation", "diagnostic-implication")[:1]
    said = components(implied)
    assert said["53037-8"] == "LA26332-9"
    assert said["conclusion-string"] == "Likely pathogenic; also drug response variant of AVP, heterozygous"


def test_cautions_are_notes_and_stand_in_the_conclusion(tmp_path: Path) -> None:
    one, other = variant("PRNP", 3_888_572), variant("PRNP", 3_888_573, ref="G", clinvar_classification=None)
    whole = variant("PRNP", 3_888_572, ref="CG", alt="TT", clinvar_significance=None, clinvar_classification=None)
    whole["members"], whole["phased"] = [one["allele"], other["allele"]], True
    one["compounds"] = [{column.name: whole[column.name] for column in COMBINED}]
    bundle = built(tmp_path, one, other)
    (told,) = of_type(bundle, "Observation", "variant")
    assert other["allele"] in told["note"][0]["text"]
    (report,) = of_type(bundle, "DiagnosticReport")
    assert "Caution: The same chromosome carries" in report["conclusion"]


def test_a_transcript_is_coded_only_by_an_accession(tmp_path: Path) -> None:
    bundle = built(tmp_path, variant("AVP", transcript="ENST00000380293.3", representative_by="MANE_Select"))
    (told,) = of_type(bundle, "Observation", "variant")
    (coded,) = (
        part["valueCodeableConcept"] for part in told["component"] if part["code"]["coding"][0]["code"] == "51958-7"
    )
    assert (coded["coding"][0]["code"], coded["text"]) == ("ENST00000380293.3", "ENST00000380293.3 (MANE Select)")
    bundle = built(tmp_path, variant("AVP"))
    (told,) = of_type(bundle, "Observation", "variant")
    assert components(told)["51958-7"] == {"text": "AVP-201 (longest coding sequence)"}


def test_one_implication_for_each_condition(tmp_path: Path) -> None:
    bundle = built(tmp_path, variant("PRNP", 4_680_000))
    implications = of_type(bundle, "Observation", "diagnostic-implication")
    named = {part["valueCodeableConcept"]["text"] for one in implications for part in one["component"]
             if part["code"]["coding"][0]["code"] == "81259-4"}  # fmt: skip
    assert len(implications) == len(named) == 5 and "Fatal familial insomnia" in named


def test_several_modes_of_inheritance_are_told_in_words_and_signs_by_name(tmp_path: Path) -> None:
    said = stated(findings(tmp_path, variant("AVP")), replace(CASE, person=WOMAN))
    condition = dict(said.findings[0].row["conditions"][0]) | {"inheritance": "AD/AR"}
    both = replace(said.findings[0], row=dict(said.findings[0].row) | {"conditions": [condition]})
    bundle = build_bundle(replace(said, findings=(both,), signs={"HP:0001332": "Dystonia"}))
    assert [str(fault) for fault in faults(bundle)] == []
    (implied,) = of_type(bundle, "Observation", "diagnostic-implication")
    told = "Autosomal dominant inheritance or Autosomal recessive inheritance"
    assert components(implied)["condition-inheritance"] == {"text": told}
    (order,) = of_type(bundle, "ServiceRequest")
    assert order["reasonCode"][0]["coding"][0]["display"] == "Dystonia"


def test_a_mitochondrial_variant_has_no_chromosome_code(tmp_path: Path) -> None:
    found = variant("MT-TL1", 3_243, contig="MT", genotype="1", ploidy=1, alt_depth=30, ref_depth=70)
    (observation,) = of_type(built(tmp_path, found), "Observation", "variant")
    said = components(observation)
    assert "48000-4" not in said and said["53034-5"] == "LA6703-8"


def test_identity_is_there_only_when_given(tmp_path: Path) -> None:
    (pseudonymous,) = of_type(built(tmp_path), "Patient")
    assert set(pseudonymous) == {"resourceType", "id", "identifier", "gender", "text"}
    known = Identity("P1", family="Doe", given=("Jane",), birth_date="1980-01-01")
    bundle = built(tmp_path, identity=known, issue=SIGNED)
    (patient,) = of_type(bundle, "Patient")
    assert patient["name"] == [{"family": "Doe", "given": ["Jane"]}] and patient["birthDate"] == "1980-01-01"
    assert patient["id"] == pseudonymous["id"]
    (report,) = of_type(bundle, "DiagnosticReport")
    assert report["status"] == "final" and len(report["resultsInterpreter"]) == 1


def test_a_patient_bears_the_hospitals_number_with_who_assigned_it(tmp_path: Path) -> None:
    known = Identity("P1", mrn="4711", mrn_system="urn:oid:1.2.3.4")
    (patient,) = of_type(built(tmp_path, identity=known), "Patient")
    (number,) = [one for one in patient["identifier"] if one.get("use") == "usual"]
    assert (number["system"], number["value"]) == ("urn:oid:1.2.3.4", "4711")
    assert number["type"]["coding"][0]["code"] == "MR" and len(patient["identifier"]) == 2


def test_the_laboratory_is_told_as_its_own_file_says(tmp_path: Path) -> None:
    told = Laboratory(
        "Example Laboratory",
        "https://lab.example",
        "05D1",
        "urn:oid:2.16.840.1.113883.4.7",
        "1 Example Road",
        "+49 30 1",
        "lab@example.org",
    )
    (organization,) = of_type(built(tmp_path, case=replace(CASE, laboratory=told)), "Organization")
    assert organization["name"] == "Example Laboratory" and organization["address"] == [{"text": "1 Example Road"}]
    assert {"system": "urn:oid:2.16.840.1.113883.4.7", "value": "05D1"} in organization["identifier"]
    assert [one["system"] for one in organization["telecom"]] == ["phone", "email"]


def test_a_name_known_as_a_whole_is_told_as_a_whole(tmp_path: Path) -> None:
    (patient,) = of_type(built(tmp_path, identity=Identity("P1", name="Jane Doe")), "Patient")
    assert patient["name"] == [{"text": "Jane Doe"}] and "birthDate" not in patient


def test_a_report_does_not_bear_the_name_of_another_person(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="sample S1: the identity is that of subject 'P2', the report is about 'P1'"):
        built(tmp_path, identity=Identity("P2", name="Jane Doe"))


def test_kin_do_not_amend_a_report_unless_the_findings_say_so(tmp_path: Path) -> None:
    found = findings(tmp_path, variant("AVP"))
    digest = stated(found).digest
    kin = {"annotated_variants of father": "1", "annotated_variants of mother": "2"}
    beside_kin = replace(CASE, person=replace(WOMAN, family_id="F1", father_id="DAD", mother_id="MUM"))
    compared = Lineage(READS, (*LINEAGE.receipts[:-1], receipt("findings", None, "S1.findings.parquet", inputs=kin)))
    assert stated(found, beside_kin, compared).digest == digest
    asked_more = replace(CASE, person=replace(WOMAN, phenotype=("HP:0001332", "HP:0001250")))
    assert stated(found, asked_more).digest != digest


def test_same_findings_same_bytes_and_no_identity_of_the_machine(tmp_path: Path) -> None:
    found = findings(tmp_path, variant("AVP"))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = write_bundle(stated(found), tmp_path / "a")
    write_bundle(stated(found), tmp_path / "b")
    text = (tmp_path / "a" / "S1.fhir.json").read_text()
    assert text == (tmp_path / "b" / "S1.fhir.json").read_text()
    assert str(tmp_path) not in text
    assert (first.unstable_ids, first.duplicate_ids, first.parse_errors, first.unresolved_references) == (0, 0, 0, 0)


def test_a_later_report_updates_the_same_resources(tmp_path: Path) -> None:
    before = built(tmp_path, variant("AVP"))
    later = variant("AVP", clinvar_classification="likely_pathogenic")
    after = built(tmp_path, later, issue=replace(SIGNED, status="amended"))
    for kind in ("Patient", "DiagnosticReport", "Observation", "Specimen"):
        assert [one["id"] for one in of_type(before, kind)] == [one["id"] for one in of_type(after, kind)]
    assert all(entry["request"]["method"] == "PUT" for entry in after["entry"])


def test_file_locations_are_told_where_the_store_has_an_address(tmp_path: Path) -> None:
    located = Lineage(READS, LINEAGE.receipts, "https://lake.example.org/genomics/")
    urls = {
        one["content"][0]["attachment"].get("url")
        for one in of_type(built(tmp_path, lineage=located), "DocumentReference")
    }
    assert "https://lake.example.org/genomics/aligned_reads/S1/aligned_reads-1/S1.bam" in urls


@pytest.mark.parametrize("written", ["23/0816", "23 0816", "Ü-7"])
def test_the_specimen_bears_the_id_that_the_laboratory_writes(tmp_path: Path, written: str) -> None:
    bundle = built(tmp_path, variant("AVP"), case=replace(CASE, written=written))
    (specimen,) = of_type(bundle, "Specimen")
    system = CASE.laboratory.system
    assert specimen["accessionIdentifier"] == {"system": f"{system}/accession", "value": written}
    assert specimen["identifier"] == [{"system": f"{system}/sample", "value": "S1"}]
    assert not check_bundle(bundle).problems
    assert "accessionIdentifier" not in of_type(built(tmp_path, variant("AVP")), "Specimen")[0]


def test_the_check_finds_a_dangling_reference_a_bad_resource_and_a_double(tmp_path: Path) -> None:
    bundle = built(tmp_path, variant("AVP"))
    (report,) = of_type(bundle, "DiagnosticReport")
    report["subject"] = {"reference": "urn:uuid:nobody"}
    del of_type(bundle, "Observation")[0]["status"]
    bundle["entry"].append(bundle["entry"][0])
    verdict = check_bundle(bundle)
    assert (verdict.unresolved_references, verdict.parse_errors, verdict.duplicate_ids) == (1, 1, 1)
    assert any("nobody" in problem for problem in verdict.problems)


def test_references_are_found_wherever_they_stand() -> None:
    nested = {"a": [{"b": {"reference": "x"}}], "reference": "y", "c": {"d": {"e": [{"reference": "z"}]}}}
    assert sorted(references_of(nested)) == ["x", "y", "z"]


ASKED = person(sex=Sex.FEMALE, order_id="O1", ordered_genes=("TP53", "PANK2"))
BY_PANEL = person(sex=Sex.FEMALE, order_id="O1", panel="Ataxia")
AGREED = person(sex=Sex.FEMALE, order_id="O1", secondary_findings_consent=True)


TUMOURS = Panel("Tumours", ("TP53", "PANK2"), "3")
MANY = Panel("Many", tuple(f"GENE{number}" for number in range(1, 31)))


@pytest.mark.parametrize(
    ("facts", "panel", "regions", "outcome", "said"),
    [
        ({"panel": "tumours"}, TUMOURS, {}, "Negative", " in TP53, PANK2 (the panel Tumours, version 3). "),
        ({"panel": "many"}, MANY, {}, "Negative", "was found in 30 genes of the panel Many. "),
        (
            {"panel": "tumours", "ordered_genes": ("AVP",)},
            None, {}, "Inconclusive",
            "outside the genes of ACMG SF v3.3 that the order does not name (AVP): the order asks for the panel "
            "tumours, whose genes are not known here",
        ),
        (
            {"panel": "tumours"}, TUMOURS, {"beyond": ("PANK2",)}, "Inconclusive",
            "Asked about and not assessed throughout: PANK2. ",
        ),
        (
            {"ordered_genes": ("TP35",)}, None, {"unknown": ("TP35",)}, "Inconclusive",
            "Asked about and not assessed, because the gene model does not have them: TP35. ",
        ),
    ],
)  # fmt: skip
def test_nothing_is_negative_in_a_gene_that_was_not_looked_at(
    tmp_path: Path, facts: dict[str, Any], panel: Panel | None, regions: dict[str, Any], outcome: str, said: str
) -> None:
    found = findings(tmp_path, asked=panel, **facts)
    case = CaseFacts("S1", person(**facts), Regions("exome", **regions), panel=panel)
    (report,) = of_type(build_bundle(stated(found, case)), "DiagnosticReport")
    assert report["conclusionCode"][0]["coding"][0]["display"] == outcome
    assert said in report["conclusion"]


@pytest.mark.parametrize(
    ("whose", "rows", "uncalled", "outcome", "said"),
    [
        (AGREED, [], (), "Negative", "No pathogenic or likely pathogenic variant was found. "),
        (ASKED, [], (), "Negative", "No pathogenic or likely pathogenic variant was found in TP53, PANK2. "),
        (WOMAN, [], (), "Inconclusive", "was found outside the genes of ACMG SF v3.3: the order names none. "),
        (
            BY_PANEL,
            [],
            (),
            "Inconclusive",
            "the order asks for the panel Ataxia, whose genes are not known here",
        ),
        (WOMAN, [variant("TP53")], (), "Inconclusive", "was found outside the genes of ACMG SF v3.3"),
        (ASKED, [variant("TP53")], (), "Positive", "pathogenic, heterozygous (primary)"),
        (ASKED, [], ("PANK2",), "Inconclusive", "Asked about and not assessed throughout: PANK2. "),
        (ASKED, [], ("AVP",), "Negative", "not fully called: AVP"),
        (ASKED, [variant("PANK2")], (), "Negative", "pathogenic, heterozygous (carrier)"),
        (AGREED, [variant("PANK2")], (), "Negative", "pathogenic, heterozygous (carrier)"),
    ],
)
def test_the_outcome_is_of_what_was_asked_about(
    tmp_path: Path, whose: Any, rows: list[dict[str, Any]], uncalled: tuple[str, ...], outcome: str, said: str
) -> None:
    regions = Regions("exome", uncalled=tuple(Gene(name) for name in uncalled))
    case = CaseFacts("S1", whose, regions)
    found = findings(
        tmp_path,
        *rows,
        ordered_genes=whose.ordered_genes,
        secondary_findings_consent=whose.secondary_findings_consent,
    )
    bundle = build_bundle(stated(found, case))
    (report,) = of_type(bundle, "DiagnosticReport")
    assert report["conclusionCode"][0]["coding"][0]["display"] == outcome
    assert said in report["conclusion"]
    assert not check_bundle(bundle).problems


def test_a_variant_that_nobody_has_judged_is_listed_and_decides_nothing(tmp_path: Path) -> None:
    novel = variant(
        "TP53", impact="HIGH", consequence="stop_gained", clinvar_classification=None, clinvar_significance=None,
        clinvar_variation_id=None, clinvar_stars=None, clinvar_review_status=None, clinvar_conditions=None,
        clinvar_condition_ids=None,
    )  # fmt: skip
    found = findings(tmp_path, novel, ordered_genes=("TP53",))
    case = CaseFacts("S1", person(ordered_genes=("TP53",)), Regions("exome"))
    bundle = build_bundle(stated(found, case))
    (report,) = of_type(bundle, "DiagnosticReport")
    assert report["conclusionCode"][0]["coding"][0]["display"] == "Inconclusive"
    assert report["conclusion"].startswith("No pathogenic or likely pathogenic variant was found in TP53. TP53 ")
    assert "uncertain significance: ClinVar does not know it, heterozygous (uncertain)" in report["conclusion"]
    implications = of_type(bundle, "Observation", "diagnostic-implication")
    assert implications
    for implication in implications:
        assert components(implication)["53037-8"] == "LA26333-7"
        assert components(implication)["conclusion-string"].startswith("Uncertain: stop gained of TP53, heterozygous")
    assert not check_bundle(bundle).problems
    assert not faults(bundle)


def test_a_bundle_that_breaks_a_rule_is_refused_by_resource_and_element_and_not_written(tmp_path: Path) -> None:
    wrong = replace(CASE, collected="2026-02-30", person=replace(WOMAN, order_id="O 1"))
    found = findings(tmp_path, variant("PRNP"))
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(
        ReportError, match=r"Specimen\.collection\.collectedDateTime is no date of the calendar"
    ) as told:
        write_bundle(stated(found, wrong), folder)
    assert "sample S1" in str(told.value) and "; and " in str(told.value)
    assert list(folder.iterdir()) == []


def test_every_resource_says_in_words_what_it_is(tmp_path: Path) -> None:
    bundle = built(tmp_path, variant("PANK2", hgvs_c="PANK2-201:c.100C>T"), issue=SIGNED)
    told = {one["resource"]["resourceType"]: one["resource"]["text"]["div"] for one in bundle["entry"]}
    assert "PANK2" in of_type(bundle, "Observation", "variant")[0]["text"]["div"]
    assert "c.100C&gt;T" in of_type(bundle, "Observation", "variant")[0]["text"]["div"]
    assert of_type(bundle, "DiagnosticReport")[0]["conclusion"] in html.unescape(told["DiagnosticReport"])
    assert not [problem for problem in validator().bundle(bundle) if problem.rule == "dom-6"]


def test_every_file_says_of_which_type_it_is(tmp_path: Path) -> None:
    files = of_type(built(tmp_path), "DocumentReference")
    types = {one["content"][0]["attachment"]["title"]: one["content"][0]["attachment"]["contentType"] for one in files}
    assert types["S1_R1.fastq.gz"] == types["S1.bam"] == types["S1.vcf.gz"] == "application/gzip"


def test_next_steps_are_proposals_that_the_report_names(tmp_path: Path) -> None:
    bundle = built(tmp_path, variant("PANK2", genotype="1/1", copies=2, ref_depth=0, filter="LowQual"))
    tasks = {f"urn:uuid:{one['id']}": one for one in of_type(bundle, "Task")}
    (report,) = of_type(bundle, "DiagnosticReport")
    named = [one["valueReference"]["reference"] for one in report["extension"] if one["url"].endswith("-action")]
    assert named == list(tasks) and {"requested"} == {one["status"] for one in tasks.values()}
    codes = [one["code"]["coding"][0]["code"] for one in tasks.values() if "coding" in one["code"]]
    assert codes[:2] == ["LA14021-2", "LA14020-4"]
    implication = of_type(bundle, "Observation", "diagnostic-implication")[-1]
    assert next(iter(tasks.values()))["reasonReference"] == {"reference": f"urn:uuid:{implication['id']}"}
