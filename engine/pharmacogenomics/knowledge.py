"""Named alleles as knowledge: the publishers' files of one release, checked against the genome, kept as they are.

The folder of the part holds PyPGx's tables, of which functions, phenotypes and recommendations are told, and beside
them PharmCAT's definitions where the laboratory declares these.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import KnowledgeError
from engine.pharmacogenomics.changes import Genome, require_bases
from engine.pharmacogenomics.definitions import Definition
from engine.pharmacogenomics.pharmcat import definition_files, read_definitions
from engine.pharmacogenomics.pypgx import PACKAGE, Tables, packaged_definitions, packaged_tables

PACKAGED = PACKAGE
"""What a reference's YAML says for the alleles of the package, in place of a folder."""
_RELEASE = "release.txt"


@dataclass(frozen=True)
class StarAlleleMeasures:
    """What was found in a release of definitions.

    Attributes:
        genes: genes with a definition on a contig of the reference.
        alleles: their named alleles.
        positions: at which they differ.
        left_out: genes on contigs that the reference lacks.
        release: whose, and which.
    """

    genes: int
    alleles: int
    positions: int
    left_out: int
    release: str


def build_star_alleles(source: Path, build: str, genome: Genome, folder: Path) -> StarAlleleMeasures:
    """Copy the files of a release into ``folder``, once they are found to be of this genome.

    Args:
        source: PharmCAT's folder of definitions, or that of PyPGx's tables.
        build: of the reference.
        genome: its bases.
        folder: where the part is written.

    Raises:
        KnowledgeError: a file is missing or damaged, there is no definition, or they are of another build.
        ReferenceMismatchError: the reference does not read what a definition says.
    """
    tables = packaged_tables()
    for path in sorted(tables.folder.glob("*.csv")):
        shutil.copyfile(path, folder / path.name)
    (folder / _RELEASE).write_text(f"{tables.version}\n")
    own = source != tables.folder
    every = read_definitions(source) if own else packaged_definitions(tables)
    for path in definition_files(source) if own else ():
        shutil.copyfile(path, folder / path.name)
    here = present(every, genome)
    for definition in here:
        _require_build(definition, build, source)
        require_bases(definition.loci, genome, definition.source, definition.build)
    return StarAlleleMeasures(
        len(here),
        sum(len(one.alleles) for one in here),
        sum(len(one.loci) for one in here),
        len(every) - len(here),
        ", ".join(sorted({_release(one) for one in every})),
    )


def read_star_alleles(folder: Path) -> tuple[Tables, tuple[Definition, ...]]:
    """The tables and definitions that :func:`build_star_alleles` keeps."""
    tables = Tables(folder, (folder / _RELEASE).read_text().strip())
    return tables, read_definitions(folder) if definition_files(folder) else packaged_definitions(tables)


def present(definitions: Sequence[Definition], genome: Genome) -> tuple[Definition, ...]:
    """The definitions on contigs that the reference has."""
    return tuple(definition for definition in definitions if definition.contig in genome)


def _release(definition: Definition) -> str:
    """Whose definition it is, and which."""
    named = definition.version in definition.source
    return definition.source if named else f"{definition.source} {definition.version}"


def _require_build(definition: Definition, build: str, source: Path) -> None:
    if definition.build != build:
        raise KnowledgeError(
            f"the allele definitions of {definition.gene} are of {definition.build}, the reference is {build}",
            file=source,
            remedy=f"declare definitions of {build}, or none",
        )
