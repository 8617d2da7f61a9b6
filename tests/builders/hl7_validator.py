"""HL7's own validator (as HAPI has it, from Maven Central) over FHIR resources, and what its warnings are about.

``make hapi`` installs it. It has no terminology server: of code systems that only one has it says that they are
unknown, once for every code.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from release.fhir_definitions import PACKAGES

HAPI = Path(__file__).parent.parent.parent / ".hapi"
"""Where ``make hapi`` puts HAPI and HL7's packages."""
CODES = Path(__file__).parent.parent / "hapi" / "codes"
"""Code systems that no package has: media types (BCP 13), without which each of them is an error."""
EXAMPLES = "hl7.fhir.r4.examples"
"""FHIR R4 itself, which HAPI has in its own jars."""


@dataclass(frozen=True)
class Message:
    """What the validator says of a place.

    Attributes:
        file: of the resource.
        severity: ``fatal``, ``error``, ``warning`` or ``information``.
        place: FHIRPath of the element.
        id: HL7's name of the message.
        message: the words.
    """

    file: Path
    severity: str
    place: str
    id: str
    message: str

    @property
    def is_error(self) -> bool:
        """Whether HL7 refuses the resource."""
        return self.severity in ("fatal", "error")


_BEYOND_REACH = (
    *("http://loinc.org", "http://www.genenames.org", "http://www.sequenceontology.org", "http://varnomen.hgvs.org"),
    *("http://human-phenotype-ontology.org", "http://purl.obolibrary.org/obo/mondo.owl", "http://www.ensembl.org"),
    *(f"http://www.ncbi.nlm.nih.gov/{name}" for name in ("refseq", "clinvar", "projects/SNP")),
    *("http://www.omim.org", "http://www.nlm.nih.gov/research/umls/rxnorm"),
)
EXPLAINED = {
    "a code system that only a terminology server has: LOINC, HGNC, Sequence Ontology, HPO, MONDO, HGVS, RefSeq, "
    "ClinVar, dbSNP, Ensembl, OMIM, RxNorm": (
        rf"CodeSystem is unknown and can't be validated: ({'|'.join(map(re.escape, _BEYOND_REACH))}) for "
    ),
    "the same, where the value set is a part of one: the validator stumbles over the code system that it lacks": (
        r'Error Cannot invoke "org\.hl7\.fhir\.r5\.model\.CodeSystem\.getConcept\(\)" because '
        r'"this\.codeSystem" is null'
    ),
    "a reference that may follow either of two profiles, and follows both": (
        r"Found multiple matching profiles for urn:uuid:\S+ among choices: \S+/(Procedure|followup-recommendation)\|"
    ),
    "how a phase is known, in words: the answer that LOINC's list LL4050-2 has for it is in no source at hand": (
        r"No code provided, and a code should be provided from the value set .*http://loinc\.org/vs/LL4050-2"
    ),
    "a next step in words: LOINC's list LL1037-2 has no answer for it": (
        r"No code provided, and a code should be provided from the value set .*http://loinc\.org/vs/LL1037-2"
    ),
    "a pharmacogene's phenotype in CPIC's word, for which the guide's value set has no code": (
        r"No code provided, and a code should be provided from the value set .*/ValueSet/therapeutic-implication-vs"
    ),
    "the list of secondary findings by its version, in words: HL7's value set ends with ACMG's second": (
        r"No code provided, and a code should be provided from the value set .*/ValueSet/secondary-finding\|"
    ),
}
"""Warnings that are not ours to mend: why, and what they look like."""
OF_TESTS = {
    "a gene that a test made up, which has no number": (
        r"No code provided, and a code should be provided from the value set .*genomics-reporting/ValueSet/hgnc-vs\|"
    ),
    "a signature of the year 2126, which a test makes so that it is the latest": (
        r"The value '2126-\S+' is outside the range of reasonable years"
    ),
}
"""The same of bundles that tests build of what is not so."""


def is_installed() -> bool:
    """Whether ``make hapi`` was run."""
    return (HAPI / "classes" / "Judge.class").is_file()


def judge(files: Sequence[Path], heap: str = "2g") -> list[Message]:
    """What HL7's validator says of resources in files; half a minute passes until it begins.

    Raises:
        RuntimeError: it ended before it had judged every file.
    """
    packages = [HAPI / "packages" / f"{name}-{version}.tgz" for name, version in PACKAGES.items() if name != EXAMPLES]
    classes = f"{HAPI / 'classes'}:{HAPI / 'lib'}/*"
    told = ":".join(map(str, packages))
    command = ["java", f"-Xmx{heap}", "-cp", classes, "Judge", told, str(CODES), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    judged = {line["file"] for line in lines if line["severity"] == "judged"}
    if done.returncode or judged != set(map(str, files)):
        raise RuntimeError(f"HL7's validator judged {len(judged)} of {len(files)} files: {done.stderr[-2000:]}")
    said = [line for line in lines if line["severity"] != "judged"]
    return [Message(Path(one["file"]), *(one[name] for name in ("severity", "place", "id", "message"))) for one in said]


def explanation(message: Message, known: Mapping[str, str] = EXPLAINED) -> str | None:
    """Why a warning is not ours to mend, or nothing."""
    return next((why for why, words in known.items() if re.match(words, message.message)), None)


def ours(messages: Iterable[Message], known: Mapping[str, str] = EXPLAINED) -> Iterator[Message]:
    """Errors, and warnings that nothing explains."""
    for one in messages:
        if one.is_error or (one.severity == "warning" and explanation(one, known) is None):
            yield one
