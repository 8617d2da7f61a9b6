"""The knowledge a deployment works with: the reference bundle's declaration and what has been built from it.

A reference is declared in one YAML, ``resources/references/<name>.yaml`` or a laboratory's own file; the knowledge
assets (``reference_genome``, ``aligner_index``, ``gene_model``, ``known_sites``, ``clinvar``) build its parts into the
lake, and :meth:`Knowledge.bundle` hands the built parts to the engine as one value. How a part is built is the
engine's business (``engine/reference/build.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from engine.errors import KnowledgeError, LakeError
from engine.quality.strict_yaml import load_yaml
from engine.receipt import Receipt
from engine.reference.build import read_contigs
from engine.reference.bundle import ReferenceBundle
from resources.lake import Lake

DECLARATIONS = Path(__file__).with_name("references")


@dataclass(frozen=True)
class Declaration:
    """One reference as declared in its YAML; relative paths are below the deployment's ``sources`` folder.

    Attributes:
        name: the bundle's own name.
        build: ``GRCh37`` or ``GRCh38``.
        fasta: FASTA, plain or bgzip.
        contig_md5: M5 that named contigs must have, so that the wrong build is refused before any work.
        targets: BED of the regions to be called and judged, absent for the whole reference.
        gene_model: Ensembl-style GFF3, plain or gzip, absent where consequences are not wanted.
        known_sites: VCF of common variants, absent where recalibration is not wanted.
        clinvar: ClinVar release as VCF or table, absent where it is not wanted.
        clinvar_release: the release's date or name, absent where the file says it.
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

    def source(self, name: str) -> Path | None:
        """A declared file by its field's name."""
        path: Path | None = getattr(self, name)
        return path


@dataclass(frozen=True)
class Knowledge:
    """A declared reference and where its built parts lie.

    Attributes:
        declaration: what is declared.
        lake: where the built parts are published.
    """

    declaration: Declaration
    lake: Lake

    @classmethod
    def declared(cls, reference: str, lake: Lake, sources: Path) -> Knowledge:
        """The knowledge of a reference by its name or its YAML's path; KnowledgeError if it is not declared well."""
        path = Path(reference) if reference.endswith((".yaml", ".yml")) else DECLARATIONS / f"{reference}.yaml"
        return cls(read_declaration(path, sources), lake)

    @property
    def parts(self) -> tuple[str, ...]:
        """The knowledge assets this reference has, in the order in which they are built."""
        declared = self.declaration
        optional = {"gene_model": declared.gene_model, "known_sites": declared.known_sites, "clinvar": declared.clinvar}
        return ("reference_genome", "aligner_index", *(part for part, path in optional.items() if path))

    def require(self, part: str) -> Receipt:
        """The receipt of a built part; LakeError where it is not built or is damaged."""
        return self.lake.require(part)

    def bundle(self, *parts: str) -> ReferenceBundle:
        """The named parts as one value, or all that the reference has; what is not named is absent in it.

        Name and build are those of the genome that was built, whatever the declaration says by now.

        Raises:
            LakeError: a part is not built, or was built by a release of the platform that did not note the build.
        """
        receipts = {
            part: self.require(part) for part in {"reference_genome": None} | dict.fromkeys(parts or self.parts)
        }
        genome = receipts["reference_genome"]
        if not {"name", "build"} <= genome.measures.keys():
            raise LakeError(
                "the reference genome was built by an earlier release, which did not note its build",
                remedy="materialize reference_genome again",
            )
        return ReferenceBundle(
            name=str(genome.measures["name"]),
            build=str(genome.measures["build"]),
            fasta=self._file(genome, r".*\.(fa|fasta)(\.gz)?"),
            contigs=read_contigs(self.lake.folder(genome)),
            aligner_index=self._index_prefix(receipts.get("aligner_index")),
            gene_model=self._optional_file(receipts.get("gene_model"), r".*\.gff3\.gz"),
            known_sites=self._optional_file(receipts.get("known_sites"), r".*\.vcf\.gz"),
            clinvar=self._optional_file(receipts.get("clinvar"), r".*\.parquet"),
            targets=self._file(genome, r"targets\.bed"),
            versions={part: receipt.data_version for part, receipt in receipts.items()},
        )

    def _index_prefix(self, receipt: Receipt | None) -> Path:
        return Path() if receipt is None else self.lake.folder(receipt) / "index"

    def _optional_file(self, receipt: Receipt | None, pattern: str) -> Path | None:
        return None if receipt is None else self._file(receipt, pattern)

    def _file(self, receipt: Receipt, pattern: str) -> Path:
        name = next(file.name for file in receipt.files if re.fullmatch(pattern, file.name))
        return self.lake.path(receipt, name)


def read_declaration(path: Path, sources: Path) -> Declaration:
    """Read and check a reference's YAML.

    Args:
        path: the YAML.
        sources: folder that relative paths in it start from.

    Raises:
        KnowledgeError: the file is missing, is not YAML, or lacks or misspells a field.
    """
    known = {field.name for field in fields(Declaration)}
    try:
        declared: dict[str, Any] = load_yaml(path.read_text())
        if not isinstance(declared, dict):
            raise TypeError("it is no list of fields with values")
        unknown = {str(name) for name in declared} - known
    except (OSError, yaml.YAMLError, TypeError, ValueError) as error:
        names = ", ".join(sorted(file.stem for file in DECLARATIONS.glob("*.yaml")))
        raise KnowledgeError(
            f"the reference's declaration cannot be read: {error}",
            file=path,
            remedy=f"set GENOMICS_REFERENCE to one of {names}, or to the path of a YAML",
        ) from error
    missing = {"name", "build", "fasta"} - set(declared)
    if unknown or missing or declared["build"] not in ("GRCh37", "GRCh38"):
        raise KnowledgeError(
            f"unknown fields: {sorted(unknown)}, missing fields: {sorted(missing)}, build: {declared.get('build')!r}",
            file=path,
            remedy=f"use the fields {', '.join(sorted(known))} and build GRCh37 or GRCh38",
        )
    _require_texts(path, declared)
    located = ("fasta", "targets", "gene_model", "known_sites", "clinvar")
    paths = {name: sources / declared[name] for name in located if declared.get(name)}
    release = declared.get("clinvar_release")
    md5 = {str(name): str(value) for name, value in (declared.get("contig_md5") or {}).items()}
    return Declaration(
        name=str(declared["name"]),
        build=declared["build"],
        contig_md5=md5,
        clinvar_release=None if release is None else str(release),
        **paths,
    )


def _require_texts(path: Path, declared: Mapping[str, Any]) -> None:
    """Names and paths are texts, and each contig's M5 is one."""
    md5 = declared.get("contig_md5") or {}
    wrong = [
        name
        for name, value in declared.items()
        if name not in ("contig_md5", "clinvar_release") and value is not None and not isinstance(value, str)
    ]
    if not isinstance(md5, dict) or not all(re.fullmatch("[0-9a-f]{32}", str(value)) for value in md5.values()):
        wrong.append("contig_md5")
    if wrong or not declared["fasta"]:
        raise KnowledgeError(
            f"the fields {', '.join(wrong) or 'fasta'} cannot be used as they are",
            file=path,
            remedy="write names and paths as text, and contig_md5 as {chr20: 32 digits in lower case}",
        )
