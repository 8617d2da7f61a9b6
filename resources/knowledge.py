"""The knowledge a deployment works with: the reference bundle's declaration and what has been built from it.

A reference is declared in one YAML, ``resources/references/<name>.yaml`` or a laboratory's own file; the knowledge
assets (``reference_genome``, ``aligner_index``, ``gene_model``, ``known_sites``, ``clinvar``, ``panels``,
``phenotypes``, ``frequencies``, ``star_alleles``, ``predictors``, ``identity_panel``, ...) build its
parts into the lake, and :meth:`Knowledge.bundle` hands the built parts to the engine as one value. How a part is built
is the engine's business (``engine/reference/build.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.errors import LakeError
from engine.receipt import Receipt
from engine.reference.build import read_contigs
from engine.reference.bundle import ReferenceBundle
from engine.reference.genome import FASTA_NAME
from engine.reference.panels import PANELS, Panel, read_panels
from resources.declaration import DECLARATIONS, Declaration, read_declaration
from resources.lake import Lake
from resources.shipped_files import GATHERED

__all__ = ["DECLARATIONS", "Declaration", "Knowledge", "read_declaration"]
_OPTIONAL = (
    *("gene_model", "known_sites", "clinvar", "panels"),
    *("phenotypes", "frequencies", "star_alleles", "predictors", "splice_predictors", "constraint", "dbsnp"),
    *("identity_panel", "ancestry_panel", "repeat_loci", "scoring_files"),
)
"""Parts that a reference may lack, in the order in which they are built."""


@dataclass(frozen=True)
class Knowledge:
    """A declared reference and where its built parts lie.

    Attributes:
        declaration: what is declared.
        lake: where the built parts are published.
        as_of: receipts of parts that are taken in another version than the current one.
    """

    declaration: Declaration
    lake: Lake
    as_of: Mapping[str, Receipt] = field(default_factory=dict)

    @classmethod
    def declared(cls, reference: str, lake: Lake, sources: Path) -> Knowledge:
        """The knowledge of a reference by its name or its YAML's path; KnowledgeError if it is not declared well.

        For a name, what was gathered from a folder of downloads stands above what the platform carries.
        """
        path = Path(reference) if reference.endswith((".yaml", ".yml")) else DECLARATIONS / f"{reference}.yaml"
        if path.parent == DECLARATIONS and (sources / GATHERED).is_file():
            path = sources / GATHERED
        return cls(read_declaration(path, sources), lake)

    @property
    def parts(self) -> tuple[str, ...]:
        """The knowledge assets this reference has, in the order in which they are built."""
        declared = self.declaration
        return ("reference_genome", "aligner_index", *(part for part in _OPTIONAL if declared.source(part)))

    @property
    def optional(self) -> tuple[str, ...]:
        """Parts that a reference may lack, in the order in which they are built."""
        return _OPTIONAL

    def panels(self) -> dict[str, Panel] | None:
        """The panels that orders may name, by :func:`engine.reference.panels.panel_key`, as the declared file has them.

        Absent where the reference declares none; KnowledgeError where the file cannot be read.
        """
        source = self.declaration.panels
        return None if source is None else read_panels(source)

    def require(self, part: str) -> Receipt:
        """The receipt of a built part; LakeError where it is not built or is damaged."""
        return self.as_of[part] if part in self.as_of else self.lake.require(part)

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
            fasta=self._file(genome, FASTA_NAME.pattern),
            contigs=read_contigs(self.lake.folder(genome)),
            aligner_index=self._index_prefix(receipts.get("aligner_index")),
            gene_model=self._optional_file(receipts.get("gene_model"), r".*\.gff3\.gz"),
            known_sites=self._optional_file(receipts.get("known_sites"), r".*\.vcf\.gz"),
            clinvar=self._optional_file(receipts.get("clinvar"), r".*\.parquet"),
            targets=self._file(genome, r"targets\.bed"),
            panels=self._optional_file(receipts.get("panels"), re.escape(PANELS)),
            phenotypes=self._optional_folder(receipts.get("phenotypes")),
            frequencies=self._optional_file(receipts.get("frequencies"), r".*\.parquet"),
            star_alleles=self._optional_folder(receipts.get("star_alleles")),
            predictors=self._optional_file(receipts.get("predictors"), r".*\.parquet"),
            splice_predictors=self._optional_file(receipts.get("splice_predictors"), r".*\.parquet"),
            constraint=self._optional_file(receipts.get("constraint"), r".*\.parquet"),
            dbsnp=self._optional_file(receipts.get("dbsnp"), r".*\.parquet"),
            identity_panel=self._optional_file(receipts.get("identity_panel"), r".*\.npz"),
            ancestry_panel=self._optional_file(receipts.get("ancestry_panel"), r".*\.npz"),
            repeat_loci=self._optional_file(receipts.get("repeat_loci"), r".*\.json"),
            scoring_files=self._optional_folder(receipts.get("scoring_files")),
            versions={part: receipt.data_version for part, receipt in receipts.items()},
        )

    def earlier(self, part: str, data_version: str) -> Knowledge | None:
        """The same knowledge with a part as it was in that version; absent where that is not kept whole."""
        kept = [receipt for receipt in self.lake.history(part) if receipt.data_version == data_version]
        if not kept or not self.lake.is_whole(kept[-1]):
            return None
        return replace(self, as_of={**self.as_of, part: kept[-1]})

    def releases(self, part: str) -> tuple[Receipt, ...]:
        """Every version of a part that was ever current, oldest first, the one that is current last."""
        return tuple(self.lake.history(part))

    def _index_prefix(self, receipt: Receipt | None) -> Path:
        return Path() if receipt is None else self.lake.folder(receipt) / "index"

    def _optional_folder(self, receipt: Receipt | None) -> Path | None:
        return None if receipt is None else self.lake.folder(receipt)

    def _optional_file(self, receipt: Receipt | None, pattern: str) -> Path | None:
        return None if receipt is None else self._file(receipt, pattern)

    def _file(self, receipt: Receipt, pattern: str) -> Path:
        name = next(file.name for file in receipt.files if re.fullmatch(pattern, file.name, re.IGNORECASE))
        return self.lake.path(receipt, name)
