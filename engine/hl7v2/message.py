"""A sample's report as a message: ORU^R01 of HL7 v2.5.1, coded as the Clinical Genomics component of LRI has it.

The first order group is the master panel: the result, what was studied, the report in words, and as a document where
there is one. Each finding is a panel of its own that names the first as its parent. The message renders a statement and
computes nothing; the same statement, issue and identity give the same bytes, so that its control id, which derives from
them, tells a receiver what it has already.

Source: HL7 Version 2.5.1 Implementation Guide: Laboratory Results Interface, Release 1, STU Release 3, chapter 5;
LOINC's panels 81247-9, 81306-3 and 81250-3.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from string import ascii_lowercase
from textwrap import wrap

from engine.errors import ReportError
from engine.fhir.actors import signs
from engine.fhir.codes import (
    ALLELIC_PHASE,
    BUILDS,
    DBSNP,
    GENETICS,
    GENOTYPE,
    MEDICATION,
    METABOLISM,
    PHASE,
    PRESENT,
    REPORT,
    SEQUENCING,
    VARIANT_ASSESSMENT,
    JsonObject,
    named,
)
from engine.fhir.diagnostic_report import OUTCOME
from engine.fhir.drug_response import genotype_concept, medication_concept, phenotype_concept, remarks
from engine.fhir.observations import implication_components, variant_components
from engine.fhir.study import gene_concept
from engine.hl7v2.coded import Value, coded, observation_id, text, value_of, words
from engine.hl7v2.encoding import END, Encoded, components, escape, moment, repeated, segment, subcomponents
from engine.hl7v2.parties import Address, entity, header, patient, performer
from engine.person import Identity
from engine.report.amendment import Version, summary
from engine.report.case import Gene
from engine.report.drug_response import Advice, Pharmacogene
from engine.report.issue import Issue
from engine.report.statement import StatedFinding, Statement

MASTER_PANEL, VARIANT_PANEL, PHARMACOGENE_PANEL = "81247-9", "81250-3", "82118-1"
OVERALL = "1"
"""OBX-4 of what is said of the study as a whole; findings are ``2a``, ``2b`` and so on, pharmacogenes ``3a``."""
RESULT_STATUS = {"preliminary": "P", "final": "F", "amended": "C", "corrected": "C"}
"""OBR-25 and OBX-11 by the report's status (tables 0123 and 0085)."""
DELETED = "D"
"""OBX-11 of a finding that an earlier version told of and this one does not."""
_RESULT, _REGIONS, _GENES, _BUILD = "51968-6", "81293-3", "48018-6", "62374-4"
_PANEL = (
    *("81252-9", "48018-6", "51958-7", "48004-6", "48005-3", "48019-4", "48013-7", "81290-9", "69547-8", "81254-5"),
    *("69551-0", "81255-2", "48002-0", "81304-8", "53037-8", VARIANT_ASSESSMENT, "81259-4", "53034-5", "81258-6"),
    *("82121-5", "48000-4", "94186-4"),
)
"""What is told of a variant, in the order of the guide's table 5-2; the last two have no row in it."""
_DBSNP_ID = "81255-2"
_BASIS = "82309-6"


@dataclass(frozen=True)
class Message:
    """A message.

    Attributes:
        control_id: MSH-10; that of another content is another.
        text: segments, each ended by a carriage return.
    """

    control_id: str
    text: str

    @property
    def content(self) -> bytes:
        """As it is sent: UTF-8."""
        return self.text.encode()


def build_message(
    statement: Statement,
    issue: Issue | None = None,
    identity: Identity | None = None,
    versions: Sequence[Version] = (),
    *,
    dropped: Sequence[StatedFinding] = (),
    dropped_genes: Sequence[Pharmacogene] = (),
    document: bytes | None = None,
    address: Address | None = None,
) -> Message:
    """The message of a sample.

    Args:
        statement: what is said.
        issue: how far it has come towards its signature; a draft where absent.
        identity: who the person is, absent in a pseudonymous message.
        versions: of the report, the present one last; of an amended one the message tells what changed.
        dropped: findings of earlier versions that this one does not tell of any more.
        dropped_genes: pharmacogenes alike.
        document: the report as PDF.
        address: who receives it.

    Raises:
        ReportError: the identity is another person's, or something cannot be written as UTF-8.
    """
    case, issue = statement.case, issue or Issue()
    if identity:
        case.require_own(identity)
    told = _Rendering(statement, issue).segments(summary(versions), dropped, dropped_genes, document)
    body = [patient(case, identity), *told]
    sent = issue.signature.recorded if issue.signature else statement.made

    def whole(control_id: str) -> str:
        return "".join(
            f"{one}{END}" for one in [header(case.laboratory, address or Address(), sent, control_id), *body]
        )

    try:
        control_id = sha256(whole("").encode()).hexdigest()[:20]
    except UnicodeEncodeError as error:
        raise ReportError(
            "the HL7 message holds a character that is none",
            sample=case.sample,
            remedy="correct the sheet, the identity or the reason that it comes from",
        ) from error
    return Message(control_id, whole(control_id))


class _Rendering:
    """The order groups of one report."""

    def __init__(self, statement: Statement, issue: Issue) -> None:
        self._said, self._issue, self._case = statement, issue, statement.case
        self._status = RESULT_STATUS[issue.status]
        self._issued = issue.signature.recorded if issue.signature else statement.made
        self._observed = moment(self._case.collected or self._issued)
        self._performer = performer(self._case.laboratory)
        self._marks = {one.id: f"2{_letters(number)}" for number, one in enumerate(statement.findings)}
        self._reported = {one.id: one for one in statement.findings}

    def segments(
        self,
        amendment: str | None,
        dropped: Sequence[StatedFinding],
        dropped_genes: Sequence[Pharmacogene],
        document: bytes | None,
    ) -> Iterator[str]:
        """All groups, the master panel first."""
        yield from self._group(1, MASTER_PANEL, self._case.sample, self._status)
        yield from _notes([amendment] if amendment else [])
        yield from self._observations(self._overall(document), self._status)
        yield self._specimen()
        for number, finding in enumerate(self._said.findings, 2):
            yield from self._group(number, VARIANT_PANEL, finding.id, self._status)
            yield from _notes([finding.headline, finding.sentence, *finding.notes, *finding.evidence])
            yield from self._observations(self._of_finding(finding), self._status)
        for number, finding in enumerate(dropped, 2 + len(self._said.findings)):
            yield from self._group(number, VARIANT_PANEL, finding.id, self._status)
            yield from _notes([f"No longer reported: {finding.headline}"])
            mark = f"2{_letters(number - 2)}"
            told = ((code, mark, Value("", Encoded(""))) for code in _PANEL if code in _by_code(finding))
            yield from self._observations(told, DELETED)
        yield from self._pharmacogenes(2 + len(self._said.findings) + len(dropped), dropped_genes)

    def _pharmacogenes(self, first: int, dropped: Sequence[Pharmacogene]) -> Iterator[str]:
        """A group for each pharmacogene: what was found and, after each drug, what its guideline says of it."""
        drugs = self._said.drug_response
        genes = drugs.genes if drugs else ()
        for number, gene in enumerate([*genes, *dropped]):
            mark, is_told = f"3{_letters(number)}", number < len(genes)
            yield from self._group(first + number, PHARMACOGENE_PANEL, self._filler(gene), self._status)
            notes = [gene.headline, *remarks(gene)] if is_told else [f"No longer reported: {gene.headline}"]
            yield from _notes(notes)
            rows = list(_of_pharmacogene(gene))
            if not is_told:
                gone = ((code, mark, Value("", Encoded(""))) for code, _ in rows)
                yield from self._observations(gone, DELETED)
                continue
            yield from self._observations(((code, mark, value) for code, value in rows), self._status)
            for place, advice in enumerate(drugs.for_gene(gene.gene) if drugs else (), 1):
                drug = value_of([{"valueCodeableConcept": medication_concept(advice)}], MEDICATION)
                row = (MEDICATION, f"{mark}.{place}", drug)
                yield from self._observations(iter([row]), self._status, first=len(rows) + place)
                yield from _notes([f"{advice.reason}: {advice.text}", *_cited(advice)])

    def _filler(self, gene: Pharmacogene) -> str:
        return f"{self._case.sample}-{gene.gene}"

    def _group(self, number: int, panel: str, filler: str, status: str) -> Iterator[str]:
        """ORC and OBR; of a finding with the parent's result and order numbers."""
        system = self._case.laboratory.system
        placer = self._case.person.order_id
        own = entity(filler, f"{system}/{'report' if number == 1 else 'finding'}")
        yield segment("ORC", {1: "RE", 2: entity(placer), 3: own})
        fields: dict[int, str | None] = {
            1: str(number),
            2: entity(placer),
            3: own,
            4: observation_id(named(panel)),
            7: self._observed,
            22: moment(self._issued),
            24: GENETICS["coding"][0]["code"],
            25: status,
        }
        if number > 1:
            parent = entity(self._case.sample, f"{system}/report", parts=True)
            fields[26] = components(_parts(observation_id(named(_RESULT))), OVERALL, self._said.outcome)
            fields[29] = components(entity(placer, parts=True), parent)
        if self._case.person.phenotype:
            fields[31] = repeated(*(coded(sign) for sign in signs(self._said)))
        if self._issue.signature:
            fields[32] = components(subcomponents("", self._issue.signature.person))
        yield segment("OBR", fields)

    def _overall(self, document: bytes | None) -> Iterator[tuple[str, str, Value]]:
        """What is said of the study: result, genes, build, regions, the report in words and as a document."""
        yield _RESULT, OVERALL, Value("CWE", coded(OUTCOME[self._said.outcome]))
        if genes := self._case.regions.studied:
            yield _GENES, OVERALL, Value("CWE", repeated(*(coded(gene_concept(gene)) for gene in genes)))
        yield _BUILD, OVERALL, Value("CWE", coded(BUILDS[self._said.build]))
        yield _REGIONS, OVERALL, text(self._case.regions.description)
        told = [Value("FT", escape(piece)) for piece in pieces(narrative(self._said))]
        if document is not None:
            told.append(Value("ED", components("", "AP", "PDF", "Base64", base64.b64encode(document).decode())))
        for number, value in enumerate(told):
            yield REPORT, f"{OVERALL}.{number}" if number else OVERALL, value

    def _of_finding(self, finding: StatedFinding) -> Iterator[tuple[str, str, Value]]:
        """The rows of the panel, and how the finding lies to others of its gene."""
        mark, told = self._marks[finding.id], _by_code(finding)
        for code in _PANEL:
            if code in told:
                yield code, mark, value_of(told[code], code)
        for number, phase in enumerate(self._phases(finding), 1):
            place = f"{mark}.{number}"
            yield ALLELIC_PHASE, place, Value("CWE", coded(phase))
            if basis := phase.get("basis"):
                yield _BASIS, place, Value("CWE", coded({"text": basis}))

    def _phases(self, finding: StatedFinding) -> Iterator[JsonObject]:
        for pair in self._said.phases:
            if finding.id in (pair.one, pair.other):
                other = pair.other if finding.id == pair.one else pair.one
                said = words(PHASE[pair.phase])
                yield {"text": f"{said}, to {self._marks[other]}", "basis": pair.basis}

    def _observations(self, told: Iterator[tuple[str, str, Value]], status: str, first: int = 1) -> Iterator[str]:
        """OBX for each of what is told, numbered within its group."""
        for number, (code, mark, value) in enumerate(told, first):
            fields: dict[int, str | None] = {1: str(number), 2: value.kind, 3: observation_id(named(code)), 4: mark}
            fields |= {5: value.text, 6: value.unit, 11: status, 14: self._observed, 19: moment(self._issued)}
            yield segment("OBX", fields | self._performer)

    def _specimen(self) -> str:
        collected = self._case.collected
        own = entity(self._case.sample, f"{self._case.laboratory.system}/sample", parts=True)
        placer = entity(self._case.written, f"{self._case.laboratory.system}/accession", parts=True)
        fields: dict[int, str | None] = {1: "1", 2: components(placer, own), 4: coded({"text": "DNA"})}
        return segment("SPM", fields | ({17: components(moment(collected))} if collected else {}))


def narrative(statement: Statement) -> Iterator[str]:
    """The report in words, a paragraph each."""
    yield from statement.conclusion
    yield from (f"Next step: {step.text}" for step in statement.next_steps)
    yield f"Method: {statement.methods}"
    yield from (f"Limitation: {limit}" for limit in statement.limits)
    yield from statement.failed_checks


def pieces(paragraphs: Iterable[str], most: int = 9000) -> list[str]:
    """Paragraphs as texts of at most so many characters, which fit into 65,536 however much of them is escaped.

    >>> pieces(["one", "two", "three and four"], most=8)
    ['one\\ntwo', 'three', 'and four']
    """
    lines = [line for paragraph in paragraphs for line in wrap(paragraph, most, break_on_hyphens=False)]
    told = lines[:1]
    for line in lines[1:]:
        if len(told[-1]) + 1 + len(line) <= most:
            told[-1] += f"\n{line}"
        else:
            told.append(line)
    return told


def _by_code(finding: StatedFinding) -> Mapping[str, list[JsonObject]]:
    """What FHIR tells of a finding, by code of the panel; dbSNP has a code of its own here."""
    conditions = finding.row["conditions"] or [None]
    implied = [part for condition in conditions for part in implication_components(finding, condition)]
    told: dict[str, list[JsonObject]] = {
        VARIANT_ASSESSMENT: [{"valueCodeableConcept": PRESENT}],
        "81304-8": [{"valueCodeableConcept": SEQUENCING}],
    }
    for part in [*variant_components(finding.row), *implied]:
        code = part["code"]["coding"][0]["code"]
        systems = [one["system"] for one in part.get("valueCodeableConcept", {}).get("coding", [])]
        same = told.setdefault(_DBSNP_ID if systems == [DBSNP] else code, [])
        if part not in same:
            same.append(part)
    return told


def _of_pharmacogene(gene: Pharmacogene) -> Iterator[tuple[str, Value]]:
    """The gene, its alleles and, of a gene that metabolises, the phenotype that was concluded."""
    concepts = {_GENES: gene_concept(Gene(gene.gene, gene.hgnc_id)), GENOTYPE: genotype_concept(gene)}
    if gene.is_called and gene.phenotype and "Metabolizer" in gene.phenotype:
        concepts[METABOLISM] = phenotype_concept(gene.gene, gene.phenotype)
    for code, concept in concepts.items():
        yield code, value_of([{"valueCodeableConcept": concept}], code)


def _cited(advice: Advice) -> list[str]:
    level = f", level {advice.level}" if advice.level else ""
    return [f"CPIC{level}: {advice.guideline}"] if advice.guideline else []


def _parts(value: Encoded) -> Encoded:
    """A field's components as the parts of one component."""
    return Encoded(value.replace("^", "&"))


def _notes(lines: Sequence[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        yield segment("NTE", {1: str(number), 3: escape(line)})


def _letters(number: int) -> str:
    """a, b, ... z, aa, ab and so on.

    >>> [_letters(number) for number in (0, 25, 26, 27, 702)]
    ['a', 'z', 'aa', 'ab', 'aaa']
    """
    more, last = divmod(number, len(ascii_lowercase))
    return (_letters(more - 1) if more else "") + ascii_lowercase[last]
