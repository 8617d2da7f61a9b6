"""What a report must have, as a list of checks: a page that lacks one of these elements is refused.

Asked for by the European Society of Human Genetics (Deans et al. 2022, "Recommendations for reporting results of
diagnostic genomic testing", doi:10.1038/s41431-022-01091-0), which sums up what European external quality assessment
(GenQA, EMQN) marks reports by, and by ISO 15189:2022, 7.4.1.6; of pharmacogenes by ACMG's technical standard (Tayeh et
al. 2022, "Clinical pharmacogenomic testing and reporting", Genet Med 24:759). Of each it is looked whether the page
says it, in text or in the description of a picture; whether what is said is right is what the signing person answers
for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser

ESHG = "ESHG 2022"
ISO = "ISO 15189:2022"
ACMG = "ACMG 2022"


@dataclass(frozen=True)
class Requirement:
    """One element.

    Attributes:
        element: value of ``data-element`` of the page's element that says it.
        meaning: what is asked for.
        source: who asks for it.
    """

    element: str
    meaning: str
    source: str


OF_A_REPORT = (
    Requirement("title", "a title that says what the document is", ESHG),
    Requirement("laboratory", "who issues the report", ISO),
    Requirement("status", "whether it is preliminary, final, amended or corrected", ISO),
    Requirement("patient", "the patient, by two identifiers or by pseudonym", ISO),
    Requirement("sex", "the sex as stated", ESHG),
    Requirement("sample", "a unique identifier of the sample", ISO),
    Requirement("specimen", "the specimen, and when it was taken", ISO),
    Requirement("requester", "the order, and with it who asks", ISO),
    Requirement("issued", "when the report was issued", ISO),
    Requirement("question", "what was asked, with the genes or the panel", ESHG),
    Requirement("phenotype", "the clinical reason for testing", ESHG),
    Requirement("outcome", "the result, clear at a glance", ESHG),
    Requirement("conclusion", "the result in sentences that stand by themselves", ESHG),
    Requirement("next-steps", "what to do next: counselling, relatives, further tests", ESHG),
    Requirement("findings", "each variant that answers the question, or that there is none", ESHG),
    Requirement("uncertain", "variants of uncertain significance, or that there are none", ESHG),
    Requirement("secondary", "secondary findings, by the person's consent", ESHG),
    Requirement("carrier", "carrier states, or that there are none", ESHG),
    Requirement("genes", "the genes that were looked at", ESHG),
    Requirement("coverage", "how well they were covered", ESHG),
    Requirement("uncalled", "what could not be called", ESHG),
    Requirement("family", "whether parents were compared", ESHG),
    Requirement("method", "how the sample was examined", ISO),
    Requirement("build", "the genome build", ESHG),
    Requirement("versions", "versions of knowledge and tools", ESHG),
    Requirement("classification-rule", "by which rules variants are classified", ESHG),
    Requirement("limitations", "what the test cannot find", ESHG),
    Requirement("quality", "quality checks let through by a person, or that all passed", ISO),
    Requirement("signature", "who reviewed and who authorised the report", ISO),
    Requirement("digest", "what exactly was signed", ISO),
    Requirement("amendments", "the versions before, and what changed", ISO),
    Requirement("end", "where the report ends", ISO),
)
OF_A_FINDING = (
    Requirement("finding-gene", "the gene by its approved symbol", ESHG),
    Requirement("finding-transcript", "the transcript that the names are of, with its version", ESHG),
    Requirement("finding-c", "the c. name", ESHG),
    Requirement("finding-p", "the p. name, or that no protein is concerned", ESHG),
    Requirement("finding-g", "the genomic name or place, with the build", ESHG),
    Requirement("finding-zygosity", "the zygosity", ESHG),
    Requirement("finding-class", "the class", ESHG),
    Requirement("finding-evidence", "the evidence for the class", ESHG),
    Requirement("finding-condition", "the condition", ESHG),
    Requirement("finding-inheritance", "the mode of inheritance", ESHG),
    Requirement("finding-citations", "where the evidence is to be found", ESHG),
    Requirement("finding-meaning", "what it means for this person", ESHG),
    Requirement("finding-quality", "how well the reads support it", ESHG),
)


OF_A_PHARMACOGENE = (
    Requirement("drug-gene", "the gene by its approved symbol", ACMG),
    Requirement("drug-alleles", "the alleles, or that they were not called", ACMG),
    Requirement("drug-phenotype", "the phenotype, or why none is concluded", ACMG),
    Requirement("drug-uncalled", "which positions were not called", ACMG),
    Requirement("drug-source", "by whose definition the alleles are named", ACMG),
)


def missing_elements(page: str, findings: Iterable[str], pharmacogenes: Iterable[str] = ()) -> tuple[str, ...]:
    """What a page lacks, in words; empty where it is complete.

    Args:
        page: HTML.
        findings: finding_id of every finding that it must tell of.
        pharmacogenes: of every pharmacogene that it must tell of, the value of its ``data-finding``.
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    lacking = [f"{one.meaning} ({one.source})" for one in OF_A_REPORT if not reader.says(None, one.element)]
    for kind, told, required in (
        ("finding", findings, OF_A_FINDING),
        ("pharmacogene", pharmacogenes, OF_A_PHARMACOGENE),
    ):
        for number, name in enumerate(told, 1):
            lacking += [
                f"of {kind} {number} {one.meaning} ({one.source})"
                for one in required
                if not reader.says(name, one.element)
            ]
    return tuple(lacking)


_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)


class _Reader(HTMLParser):
    """Which elements of a page say something, by finding."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[tuple[str, str | None, str | None]] = []
        self._said: set[tuple[str | None, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where we are; a picture says what its description says."""
        told = dict(attrs)
        if tag in _VOID:
            self.handle_data(told.get("alt") or "")
            return
        self._open.append((tag, told.get("data-element"), told.get("data-finding")))

    def handle_endtag(self, tag: str) -> None:
        """Leave the element."""
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Text counts for every element that it stands in."""
        if data.strip() and not any(tag in ("script", "style") for tag, _, _ in self._open):
            finding = next((finding for _, _, finding in reversed(self._open) if finding), None)
            self._said |= {(finding, element) for _, element, _ in self._open if element}
            self._said |= {(None, element) for _, element, _ in self._open if element}

    def says(self, finding: str | None, element: str) -> bool:
        """Whether there is text in that element."""
        return (finding, element) in self._said
