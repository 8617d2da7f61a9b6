"""The message of a sample: HL7 v2.5.1 by hl7apy's judgement, coded as the bundle is, the same bytes every time."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hl7apy.parser import parse_message

from engine.errors import ReportError
from engine.fhir.bundle import build_bundle
from engine.hl7v2.check import require_structure, structure_fault
from engine.hl7v2.encoding import unescape
from engine.hl7v2.message import Message, build_message
from engine.hl7v2.parties import Address
from engine.person import Identity, Sex
from engine.report.amendment import versions
from engine.report.case import Laboratory
from engine.report.issue import Issue, issue_of
from engine.report.statement import Statement
from tests.builders.annotated import variant
from tests.builders.drugs import GENES, drug_response
from tests.builders.hl7apy_judge import hl7apy_fault
from tests.builders.statements import sign_out, statement

NASTY = "A|B^C~D\\E&F\r\nG\x0bH\x1cI"
WHO = Identity(
    "P1", mrn="4711", mrn_system="urn:oid:1.2.3", family="O'Neil", given=("Ada", "May"), birth_date="1970-01-31"
)


def told(message: Message, name: str) -> list[list[str]]:
    """The segments of a name, by their fields; MSH counts its delimiter as its first."""
    lines = message.text.split("\r")
    assert lines[-1] == ""
    found = [line.split("|") for line in lines if line[:3] == name]
    return [["MSH", "|", *fields[1:]] if name == "MSH" else fields for fields in found]


def observed(message: Message) -> dict[tuple[str, str], list[str]]:
    """OBX by code and place."""
    return {(obx[3].split("^")[0], obx[4]): obx for obx in told(message, "OBX")}


def made(said: Statement, *args: Any, **options: Any) -> Message:
    message = build_message(said, *args, **options)
    assert structure_fault(message.text) is None
    return message


@pytest.fixture
def pair(tmp_path: Path) -> Statement:
    """Two variants of one gene, each from another parent."""
    return statement(
        tmp_path,
        variant("PANK2", 3_888_572, phase_set="1", haplotypes=[0], rs="rs137852959"),
        variant("PANK2", 3_888_600, phase_set="1", haplotypes=[1]),
        phenotype=("HP:0001332", "HP:0001250"),
    )


EDGES: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "negative": ([], {"ordered_genes": ("PANK2",)}),
    "carrier": ([variant("PANK2")], {}),
    "secondary": ([variant("TP53")], {"secondary_findings_consent": True}),
    "mitochondrial": (
        [variant("MT-TL1", 3_243, contig="MT", genotype="1", ploidy=1, alt_depth=30, ref_depth=70)],
        {"sex": Sex.UNKNOWN},
    ),
    "uncalled, unknown and doubtful": (
        [variant("AVP", filter="StrandBias", alt_depth=1, ref_depth=2)],
        {"ordered_genes": ("AVP", "NONE1"), "overridden_checks": ["aligned_reads, mean_coverage: let through by Dr B"]},
    ),
    "long allele": ([variant("AVP", ref="C" + "ACGT" * 200, hgvs_c="AVP-201:c.100del" + "ACGT" * 60)], {}),
    "many conditions": (
        [variant("AVP", clinvar_conditions=[f"Condition {n} " + "of long name " * 20 for n in range(9)])],
        {},
    ),
    "uncertain": (
        [
            variant(
                "PANK2", impact="HIGH", consequence="stop_gained", clinvar_classification=None,
                clinvar_significance=None, clinvar_variation_id=None, clinvar_stars=None, clinvar_review_status=None,
            )
        ],
        {"ordered_genes": ("PANK2",)},
    ),
    "hostile words": (
        [variant("AVP", hgvs_c=f"AVP-201:c.{NASTY}", clinvar_conditions=[NASTY], transcript=f"NM_{NASTY}")],
        {"subject_id": NASTY, "order_id": NASTY, "phenotype": (NASTY,), "overridden_checks": [NASTY]},
    ),
    "more than a text takes": ([variant("AVP")], {"overridden_checks": [f"{n} & let through" * 9 for n in range(200)]}),
}  # fmt: skip


@pytest.mark.parametrize("edge", EDGES)
def test_every_message_is_an_oru_r01_by_the_judgement_of_hl7apy(edge: str, tmp_path: Path) -> None:
    rows, facts = EDGES[edge]
    said = statement(tmp_path, *rows, **facts)
    message = made(said, document=b"%PDF-1.7" * 20_000)
    assert made(said, document=b"%PDF-1.7" * 20_000).content == message.content
    assert hl7apy_fault(message.text) is None
    assert len([obr for obr in told(message, "OBR") if obr[4].startswith("81250-3")]) == len(said.findings)
    assert {line[:3] for line in message.text.split("\r")} == {"MSH", "PID", "ORC", "OBR", "OBX", "NTE", "SPM", ""} - (
        set() if said.findings else {"NTE"}
    )
    if edge == "more than a text takes":
        assert {"1", "1.1", "1.2", "1.3"} <= {obx[4] for obx in told(message, "OBX") if obx[3].startswith("51969-4")}
    places = Counter((obx[3], obx[4], obr) for obx, obr in _with_group(message))
    assert set(places.values()) == {1}, "two OBX of one group are told apart by code and place"


def _with_group(message: Message) -> list[tuple[list[str], int]]:
    found, group = [], 0
    for line in message.text.split("\r"):
        group += line.startswith("OBR")
        if line.startswith("OBX"):
            found.append((line.split("|"), group))
    return found


def test_a_message_says_of_each_finding_what_the_bundle_says(pair: Statement) -> None:
    message, said = made(pair), observed(made(pair))
    coded = {code: obx[5] for (code, place), obx in said.items() if place == "2a"}
    assert coded["48018-6"] == "HGNC:15894^PANK2^HGNC-Symb"
    assert coded["48004-6"] == "PANK2-201:c.100C>T^PANK2-201:c.100C>T^HGVS.c"
    assert coded["81290-9"] == "NC_000020.10:g.3888572C>T^NC_000020.10:g.3888572C>T^HGVS.g"
    assert coded["48013-7"].endswith("refSeq-G") and coded["81252-9"].endswith("CLINVAR-V")
    assert coded["81255-2"] == "rs137852959^rs137852959^99dbSNP"
    assert (coded["53034-5"], coded["53037-8"]) == ("LA6706-1^Heterozygous^LN", "LA6668-3^Pathogenic^LN")
    assert (coded["69547-8"], coded["69551-0"], coded["81254-5"]) == ("C", "T", "3888572^3888572")
    assert (said["81258-6", "2a"][2], coded["81258-6"], coded["82121-5"]) == ("NM", "0.5", "15")
    components = [
        part
        for entry in build_bundle(pair)["entry"]
        if entry["resource"].get("code", {}).get("coding", [{}])[0].get("code") == "69548-6"
        for part in entry["resource"]["component"]
    ]
    codes = {part["code"]["coding"][0]["code"] for part in components} - {"62374-4", "92822-6"}
    assert codes <= set(coded), "what the bundle codes of a variant the message codes too"
    answers = [one["code"] for part in components for one in part.get("valueCodeableConcept", {}).get("coding", [])]
    assert {answer for answer in answers if answer.startswith("LA")} - {"LA14029-5", "LA30102-0"} <= {
        value.split("^")[0] for (_, place), obx in said.items() if place in ("2a", "2b") for value in obx[5].split("~")
    }
    assert unescape(said["82120-7", "2a.1"][5].split("^")[8]) == "Trans, to 2b"
    assert said["82309-6", "2b.1"][5].endswith("phase set")
    assert next(obr[31] for obr in told(message, "OBR")) == "HP:0001332^HP:0001332^99HPO~HP:0001250^HP:0001250^99HPO"


def test_a_finding_names_the_panel_that_it_belongs_to(pair: Statement) -> None:
    master, *findings = told(made(pair), "OBR")
    assert master[4] == "81247-9^Master HL7 genetic variant reporting panel^LN" and len(master) <= 32
    assert [one[3].split("^")[0] for one in findings] == [finding.id for finding in pair.findings]
    for one in findings:
        assert one[26] == "51968-6&Discrete variation analysis overall interpretation&LN^1^positive"
        assert one[29] == "O1^S1&&https://laboratory.invalid/genomics/report&URI"


@pytest.mark.parametrize(
    ("states", "status"),
    [((), "P"), (("preliminary",), "P"), (("final",), "F"), (("final", "amended"), "C"), (("final", "corrected"), "C")],
)
def test_the_status_is_that_of_the_sign_out(pair: Statement, states: tuple[Any, ...], status: str) -> None:
    steps = [sign_out(pair, state) for state in states]
    message = made(pair, issue_of(steps, pair.digest))
    assert {obr[25] for obr in told(message, "OBR")} == {obx[11] for obx in told(message, "OBX")} == {status}
    sent = {"P": "20261122100000+0000"}.get(status, "20261123090000+0000")
    assert {told(message, "MSH")[0][7], *(obr[22] for obr in told(message, "OBR"))} == {sent}
    signed = bool(states) and status != "P"
    assert [obr[32:33] for obr in told(message, "OBR")] == [["&Dr A"] if signed else []] * 3


def test_an_amended_report_says_what_changed_and_takes_back_what_is_no_longer_told(tmp_path: Path) -> None:
    before = statement(tmp_path / "a", variant("AVP", 3_063_456), variant("PRNP", 4_680_000))
    after = statement(tmp_path / "b", variant("AVP", 3_063_456))
    first = sign_out(before)
    second = sign_out(after, "amended", minute=5, reason="ClinVar | changed its mind")
    issue = issue_of([first, second], after.digest)
    gone = [one for one in before.findings if one.id not in {finding.id for finding in after.findings}]
    message = made(after, issue, None, versions(issue, after, {before.digest: before}), dropped=gone)
    (amendment, *_) = told(message, "NTE")
    assert "Version 2 takes the place of version 1" in amendment[3] and "ClinVar \\F\\ changed its mind" in amendment[3]
    last = told(message, "OBR")[-1]
    assert last[3].startswith(gone[0].id)
    taken_back = [obx for obx in told(message, "OBX") if obx[11] == "D"]
    assert taken_back and {obx[4] for obx in taken_back} == {"2b"} and not any(obx[5] for obx in taken_back)
    assert {obx[3] for obx in taken_back} >= {obx[3] for obx in told(message, "OBX") if obx[4] == "2a"} - {"48000-4"}


def test_a_pharmacogene_is_a_panel_with_its_drugs_below_it(tmp_path: Path) -> None:
    said = statement(tmp_path, variant("AVP"), drugs=drug_response(tmp_path))
    message = made(said)
    panels = [obr for obr in told(message, "OBR") if obr[4].startswith("82118-1^")]
    assert [obr[3].split("^")[0] for obr in panels] == [f"S1-{gene}" for gene in GENES]
    values = observed(message)
    assert values["48018-6", "3a"][5] == "HGNC:2621^CYP2C19^HGNC-Symb"
    assert values["84413-4", "3a"][5] == "^^^^^^^^CYP2C19*2/*2"
    assert values["53040-2", "3a"][5].startswith("LA9657-3^Poor metabolizer^LN")
    assert (
        values["84413-4", "3b"][5] == "LA18198-4^No call^LN^^^^^^CYP2D6 not called" and ("53040-2", "3b") not in values
    )
    drugs = {
        obx[5].split("^")[1]: place for (code, place), obx in values.items() if code == "51963-7" and "3a." in place
    }
    assert values["51963-7", drugs["clopidogrel"]][5] == "32968^clopidogrel^RXNORM"
    lines = message.text.split("\r")
    (row,) = [
        n for n, line in enumerate(lines) if line.startswith("OBX") and line.split("|")[4] == drugs["clopidogrel"]
    ]
    assert lines[row + 1].startswith("NTE|1||CYP2C19 Poor Metabolizer: Avoid ")
    assert lines[row + 2].startswith("NTE|2||CPIC, level A: https://cpicpgx.org/")


def test_pharmacogenes_that_are_told_no_longer_are_taken_back(tmp_path: Path) -> None:
    before, after = statement(tmp_path, drugs=drug_response(tmp_path)), statement(tmp_path)
    assert before.drug_response is not None
    message = made(after, dropped_genes=before.drug_response.genes)
    taken_back = {(obx[3].split("^")[0], obx[4]) for obx in told(message, "OBX") if obx[11] == "D"}
    assert {("84413-4", "3a"), ("48018-6", "3f")} <= taken_back
    assert "clopidogrel" not in message.text


def test_the_person_is_named_only_when_told(pair: Statement) -> None:
    (pid,) = told(made(pair, None, WHO), "PID")
    assert pid[3] == "4711^^^&1.2.3&ISO^MR~P1^^^&https://laboratory.invalid/genomics/subject&URI^PI"
    assert (pid[5], pid[7], pid[8]) == ("O'Neil^Ada^May^^^^L", "19700131", "F")
    (alone,) = told(made(pair), "PID")
    assert alone[3:6] == ["P1^^^&https://laboratory.invalid/genomics/subject&URI^PI", "", "^^^^^^S"]
    whole = Identity("P1", name="Ada O'Neil")
    assert told(made(pair, None, whole), "PID")[0][5] == "Ada O'Neil^^^^^^L"
    with pytest.raises(ReportError, match="the identity is that of subject 'P2'"):
        build_message(pair, None, replace(WHO, subject_id="P2"))


def test_whatever_a_person_is_called_the_message_stays_one(pair: Statement) -> None:
    who = Identity("P1", mrn=NASTY, mrn_system="https://mrn.example.org/a&b", family=NASTY, given=(NASTY, '""'))
    message = made(pair, None, who)
    (pid,) = told(message, "PID")
    assert [unescape(part) for part in pid[5].split("^")[:3]] == [NASTY, NASTY, '""']
    assert unescape(pid[3].split("^")[0]) == NASTY
    read = parse_message(message.text, find_groups=True)
    assert len(read.oru_r01_patient_result.oru_r01_order_observation) == 3


def test_the_laboratory_and_the_receiver_are_told(pair: Statement) -> None:
    laboratory = Laboratory(
        "Labor für Genomik", "urn:oid:1.2.276.0.76", "05D1234567", "urn:oid:2.16.840.1.113883.4.7", "1 Example Road"
    )
    said = replace(pair, case=replace(pair.case, laboratory=laboratory, collected="2026-11-02", written="23/0816"))
    message = made(said, address=Address("EHR", "H & Co", "T"))
    (msh,) = told(message, "MSH")
    assert (msh[4], msh[5], msh[6], msh[11], msh[12]) == ("^1.2.276.0.76^ISO", "EHR", "H \\T\\ Co", "T", "2.5.1")
    assert (msh[9], msh[18], msh[21]) == (
        "ORU^R01^ORU_R01", "UNICODE UTF-8", "LRI_CG_Component^^2.16.840.1.113883.9.195.3^ISO"
    )  # fmt: skip
    obx = told(message, "OBX")[0]
    assert obx[23] == "Labor für Genomik^^^^^&2.16.840.1.113883.4.7&ISO^XX^^^05D1234567" and obx[14] == "20261102"
    assert obx[24] == "1 Example Road" and "Labor für Genomik".encode() in message.content
    (spm,) = told(message, "SPM")
    assert spm[2].startswith("23/0816&") and spm[17] == "20261102"


def test_the_report_goes_along_in_words_and_as_the_document(pair: Statement) -> None:
    said = observed(made(pair, document=b"%PDF-1.7 the report"))
    words = unescape(said["51969-4", "1"][5]).split("\n")
    assert set(pair.conclusion) <= set(words) and f"Method: {pair.methods}" in words
    assert [line for line in words if line.startswith("Next step: ")] == [
        f"Next step: {s.text}" for s in pair.next_steps
    ]
    document = said["51969-4", "1.1"]
    assert (document[2], document[5].split("^")[1:4]) == ("ED", ["AP", "PDF", "Base64"])
    assert base64.b64decode(document[5].split("^")[4]) == b"%PDF-1.7 the report"


def test_another_content_is_another_control_id(pair: Statement) -> None:
    ids = {
        made(pair).control_id,
        made(pair, Issue(version=2)).control_id,
        made(pair, Issue("final", 1, (), sign_out(pair))).control_id,
        made(pair, None, WHO).control_id,
        made(pair, address=Address("EHR")).control_id,
    }
    assert len(ids) == 4 and all(len(one) == 20 for one in ids), "a draft's number is not told"


DAMAGE = {
    "a segment that is none": lambda text: text.replace("\rPID|", "\rPIX|"),
    "a panel without a code": lambda text: text.replace("|81250-3^", "|").replace(
        "Discrete genetic variant panel^LN", ""
    ),
    "a segment out of place": lambda text: text.replace("\rORC", "\rPV2||x\rORC", 1),
    "a field too many": lambda text: text.replace("\rSPM|", "\rSPM|" + "|" * 40 + "x", 1),
    "no number": lambda text: text.replace("|NM|", "|NM|", 1).replace("|0.5|", "|half|", 1),
    "a time that is none": lambda text: text.replace("|20261122100000+0000|", "|yesterday|", 1),
    "a type that is none": lambda text: text.replace("|NR|", "|NZ|", 1),
    "too long a code": lambda text: text.replace("|HGNC:15894^", f"|{'H' * 200}^", 1),
    "no message type": lambda text: text.replace("|ORU^R01^ORU_R01|", "||", 1),
    "an OBX without status": lambda text: text.replace("||||||P|||", "|||||||||", 1),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_message_that_is_wrong_is_refused_and_not_repeated(damage: str, pair: Statement) -> None:
    good = build_message(pair, None, WHO)
    bad = replace(good, text=DAMAGE[damage](good.text))
    assert bad.text != good.text and hl7apy_fault(bad.text)
    with pytest.raises(ReportError, match=r"sample S1: the HL7 message does not follow ORU\^R01") as refused:
        try:
            require_structure(bad, "S1")
        except ReportError as error:
            raise ReportError(str(error), remedy="") from error
    assert "Neil" not in str(refused.value) and "4711" not in str(refused.value)


def test_the_guide_shows_a_message_as_it_is_made(tmp_path: Path) -> None:
    said = statement(tmp_path, variant("AVP", 3_063_456), order_id="O-17", phenotype=("HP:0000873",))
    message = made(said, issue_of([sign_out(said)], said.digest), WHO, address=Address("EHR", "Example Hospital"))
    guide = (Path(__file__).parents[3] / "docs" / "hl7v2.md").read_text()
    shown = guide[guide.index("MSH|") : guide.rindex("```")]
    assert _core(shown.splitlines()) == _core(message.text.split("\r"))


def _core(lines: list[str]) -> list[list[str]]:
    """What the guide has to show as it is: no words of the report or of its knowledge, no control id, no units."""
    told = [line.split("|") for line in lines if line and not line.startswith("NTE")]
    told[0][9] = ""
    return [_without_words(fields) if fields[0] == "OBX" else fields for fields in told]


def _without_words(fields: list[str]) -> list[str]:
    return fields[: 5 if fields[2] == "FT" or fields[3].startswith("81259-4") else 6]


def test_a_character_that_is_none_is_refused(pair: Statement) -> None:
    with pytest.raises(ReportError, match="a character that is none"):
        build_message(pair, None, replace(WHO, family="\ud800"))
