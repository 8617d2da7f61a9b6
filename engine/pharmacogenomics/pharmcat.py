"""Named alleles as PharmCAT writes them: one JSON file a gene (``GENE_translation.json``) and ``exemptions.json``.

PharmCAT (https://pharmcat.clinpgx.org, definitions by CPIC and ClinPGx) gives every allele's base by place, null where
the allele has the reference's. ``exemptions.json`` says which places a gene cannot do without, which alleles are
passed over, and which diplotype is preferred where unphased genotypes allow several.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import KnowledgeError
from engine.files.text import text_lines
from engine.pharmacogenomics.definitions import CODES, Definition, Locus, NamedAllele, Rule

SUFFIXES = (".json", ".json.gz")
EXEMPTIONS = "exemptions"
_REMEDY = "use PharmCAT's GENE_translation.json, or leave --definitions out for the packaged ones"


def read_definitions(folder: Path, genes: Collection[str] | None = None) -> tuple[Definition, ...]:
    """Read all definitions of a folder, by gene.

    Args:
        folder: with the JSON files, plain or gzip.
        genes: only these.

    Raises:
        KnowledgeError: there is none, one is damaged or no definition, or a gene asked for or defined twice.
    """
    if not folder.is_dir():
        raise KnowledgeError("there is no such folder of allele definitions", file=folder, remedy=_REMEDY)
    exemptions: Mapping[str, Any] = {}
    found: dict[str, Definition] = {}
    for path in definition_files(folder):
        content = _json(path)
        if path.name.startswith(EXEMPTIONS):
            exemptions = content
            continue
        definition = _checked(path, content)
        if definition.gene in found:
            raise KnowledgeError(f"{definition.gene} is defined twice", file=path, remedy="keep one of the files")
        found[definition.gene] = definition
    if not found:
        raise KnowledgeError("the folder holds no allele definition", file=folder, remedy=_REMEDY)
    return tuple(
        _exempted(definition, exemptions.get(gene, {}))
        for gene, definition in sorted(found.items())
        if genes is None or gene in genes
    )


def definition_files(folder: Path) -> list[Path]:
    """The JSON files of a folder, in order of name."""
    return [path for path in sorted(folder.iterdir()) if path.name.endswith(SUFFIXES)]


def read_definition(path: Path, exemptions: Path | None = None) -> Definition:
    """Read one gene's definition, with what ``exemptions.json`` says of the gene.

    Raises:
        KnowledgeError: a file is missing, damaged or no definition.
    """
    definition = _checked(path, _json(path))
    return definition if exemptions is None else _exempted(definition, _json(exemptions).get(definition.gene, {}))


def _json(path: Path) -> dict[str, Any]:
    try:
        # JSON needs no line end: its closing brace tells that the file is whole.
        content = json.loads("".join(text_lines(path, needs_line_end=False)))
    except ValueError as error:
        raise KnowledgeError(f"this is not JSON: {error}", file=path, remedy=_REMEDY) from None
    if not isinstance(content, dict):
        raise KnowledgeError("this is no allele definition: it is not one object", file=path, remedy=_REMEDY)
    return content


def _checked(path: Path, content: Mapping[str, Any]) -> Definition:
    try:
        return _definition(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise KnowledgeError(
            f"this is no allele definition of PharmCAT's format: {error!s}", file=path, remedy=_REMEDY
        ) from None


def _definition(content: Mapping[str, Any]) -> Definition:
    loci = tuple(_locus(variant) for variant in content["variants"])
    if not loci:
        raise ValueError("it names no place")
    alleles = tuple(_allele(allele, loci) for allele in content["namedAlleles"])
    references = [allele for allele in alleles if allele.is_reference]
    if len(references) != 1 or any(base is None for base in references[0].bases):
        raise ValueError("exactly one allele must be the reference and have a base at every place")
    if len({allele.name for allele in alleles}) < len(alleles):
        raise ValueError("an allele is named twice")
    return Definition(
        gene=content["gene"],
        contig=content["chromosome"],
        loci=loci,
        alleles=alleles,
        rule=Rule.WHOLE,
        source=str(content.get("source") or "source not stated"),
        version=str(content.get("version") or content.get("modificationDate") or "not stated"),
        build=str(content["genomeBuild"]).partition(".")[0],
        names=dict(content.get("suballelesMap") or {}),
    )


def _locus(variant: Mapping[str, Any]) -> Locus:
    names = [name.strip() for name in str(variant.get("chromosomeHgvsName") or "").split(";")]
    alternates = tuple(str(alt).upper() for alt in variant["alts"])
    exact = {name[-1]: name for name in names if len(name) > 2 and name[-2] == ">"}
    return Locus(
        contig=variant["chromosome"],
        position=int(variant["position"]),
        ref=str(variant["ref"]).upper(),
        alternates=alternates,
        rsid=variant.get("rsid") or "",
        names={alt: exact[alt] for alt in alternates if alt in exact},
    )


def _allele(allele: Mapping[str, Any], loci: tuple[Locus, ...]) -> NamedAllele:
    name, bases = str(allele["name"]), tuple(base and str(base).upper() for base in allele["alleles"])
    if len(bases) != len(loci):
        raise ValueError(f"{name} has {len(bases)} bases for {len(loci)} places")
    for base, locus in zip(bases, loci, strict=True):
        if base is not None and base not in CODES and base not in (locus.ref, *locus.alternates):
            raise ValueError(f"{name} has {base} at {locus.label}, where {locus.ref} may be {locus.alternates}")
    return NamedAllele(name, bases, bool(allele.get("reference")))


def _exempted(definition: Definition, exemption: Mapping[str, Any]) -> Definition:
    required = set(exemption.get("requiredPositions") or ())
    ignored = {name.lower() for name in exemption.get("ignoredAlleles") or ()}
    groups = exemption.get("unphasedDiplotypePriorities") or ()
    return replace(
        definition,
        alleles=tuple(allele for allele in definition.alleles if allele.name.lower() not in ignored),
        required=frozenset(n for n, locus in enumerate(definition.loci) if locus.position in required),
        preferred=tuple((frozenset(group["list"]), group["pick"]) for group in groups),
    )
