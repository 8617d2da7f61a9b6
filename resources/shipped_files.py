"""Which file of a folder is which part of the knowledge, by the name that its publisher gave it.

A laboratory downloads what it may and wants into one folder, and leaves the names alone: they say what a file is, and
often of which release. What is recognised is declared; the import itself judges the content.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from engine.errors import KnowledgeError
from resources.declaration import FIELDS

BROUGHT = "from_storage"
"""In the folder ``sources``: what was brought here from a folder of a storage."""
GATHERED = "sources.yaml"
"""In the folder ``sources``: the declaration that :func:`declare` wrote."""


@dataclass(frozen=True)
class Shipped:
    """How one field of a declaration is shipped.

    Attributes:
        field: of the declaration.
        name: what the whole name of the file or folder must match, in lower case; a group ``release`` is its release.
        holds: for a folder, endings of files that must be in it; empty for a file.
    """

    field: str
    name: str
    holds: tuple[str, ...] = ()


_PACKED = r"(\.b?gz)?"
SHIPPED = (
    Shipped("fasta", rf"gca_000001405\.\d+_grch3[78].*\.(fna|fa){_PACKED}"),
    Shipped("fasta", rf"(homo_sapiens\.)?(grch3[78]|hg19|hg38|hs37d5|human_g1k_v37).*\.(fa|fasta|fna){_PACKED}"),
    Shipped("fasta", rf"homo_sapiens_assembly(19|38)\.fasta{_PACKED}"),
    Shipped("targets", r"targets\.bed(\.gz)?"),
    Shipped("gene_model", rf"gencode\.v(?P<release>\d+(lift37)?)\..*annotation\.gff3{_PACKED}"),
    Shipped("gene_model", rf"homo_sapiens\.grch3[78]\.(?P<release>\d+)(\.chr)?\.gff3{_PACKED}"),
    Shipped("gene_model", rf"gcf_000001405\.\d+_grch3[78].*_genomic\.gff{_PACKED}"),
    Shipped("known_sites", rf"homo_sapiens_assembly(19|38)\.dbsnp\d*\.vcf{_PACKED}"),
    Shipped("known_sites", rf"dbsnp_\d+\.(b37|hg38)\.vcf{_PACKED}"),
    Shipped("clinvar", r"clinvar_(?P<release>\d{8})\.vcf\.gz"),
    Shipped("panels", r"panels\.(csv|tsv)"),
    Shipped("frequencies", r"gnomad\.(exomes|genomes|joint)\.(v|r)(?P<release>[\d.]+\d)\.sites\.vcf\.b?gz"),
    Shipped("predictors", r"revel[-_.]?(v?(?P<release>[\d.]*\d))?.*\.(csv|tsv)(\.gz)?"),
    Shipped("predictors", r"whole_genome_snvs\.tsv\.gz"),
    Shipped("splice_predictors", r"spliceai_scores\.(masked|raw)\.snv\.hg(19|38)\.vcf\.gz"),
    Shipped(
        "constraint", r"gnomad\.v(?P<release>[\d.]+\d)\.(lof_metrics\.by_gene|constraint_metrics)\.(txt|tsv)(\.b?gz)?"
    ),
    Shipped("dosage", r"clingen_gene_curation_list_grch3[78]\.tsv"),
    Shipped("dbsnp", r"gcf_000001405\.\d+\.gz"),
    Shipped("identity_panel", r".*", (".bed", ".UD", ".mu")),
    Shipped("ancestry_panel", r"peddy-(?P<release>[\d.]+\d)\.tar\.gz"),
    Shipped("phenotypes", r".*", ("hp.obo", "phenotype.hpoa", "genes_to_phenotype.txt")),
    Shipped("star_alleles", r".*", ("_translation.json",)),
    Shipped("repeat_loci", r"strchive-loci\.json"),
)
"""Every name that is recognised; docs/knowledge.md says who publishes what."""
_COMPANIONS = re.compile(r".*\.(fai|gzi|dict|tbi|csi|md5|sha256|alt|txt|pdf|html)|readme.*")


@dataclass(frozen=True)
class Gathered:
    """What a folder holds.

    Attributes:
        files: path by field of the declaration.
        releases: release by field, where the name tells it.
        unknown: names of what was not recognised.
    """

    files: Mapping[str, Path]
    releases: Mapping[str, str]
    unknown: tuple[str, ...]


def gather(folder: Path) -> Gathered:
    """Recognise what lies right in a folder.

    Raises:
        KnowledgeError: it cannot be read, holds nothing that is known, or two files for one field.
    """
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise KnowledgeError(
            f"the folder cannot be read: {error.strerror}", file=folder, remedy="check its path and who may read it"
        ) from error
    files: dict[str, Path] = {}
    releases: dict[str, str] = {}
    unknown = []
    for entry in entries:
        members = [file.name for file in entry.iterdir()] if entry.is_dir() else None
        if (found := _recognised(entry.name, members)) is None:
            unknown += [] if _COMPANIONS.fullmatch(entry.name.lower()) else [entry.name]
            continue
        field, release = found
        if field in files:
            raise KnowledgeError(
                f"{files[field].name} and {entry.name} are both {field}",
                file=folder,
                remedy="keep one of them there; one file by chromosome is joined by bcftools concat",
            )
        files[field] = entry
        if release:
            releases[field] = release
    if not files:
        raise KnowledgeError(
            "nothing in the folder has a name that is known",
            file=folder,
            remedy="leave files as their publishers name them (docs/knowledge.md), or declare them in a YAML by hand",
        )
    return Gathered(files, releases, tuple(unknown))


def declare(gathered: Gathered, reference: Path, sources: Path) -> Path:
    """Write what was gathered as the declaration of a reference.

    Args:
        gathered: what a folder holds.
        reference: YAML of the reference; of its files stay those that the folder does not replace and that are there.
        sources: folder that its relative paths start from, in which :data:`GATHERED` is written.

    Returns:
        The declaration's path.
    """
    files = {one.field for one in SHIPPED}
    declared = yaml.safe_load(reference.read_text(encoding="utf-8"))
    kept = {
        name: value
        for name, value in declared.items()
        if name.removesuffix("_release") not in gathered.files and (name not in files or _is_there(sources, value))
    }
    found = {field: str(path.resolve()) for field, path in gathered.files.items()}
    released = {f"{field}_release": release for field, release in gathered.releases.items()}
    whole = kept | found | {name: value for name, value in released.items() if name in FIELDS}
    if "fasta" not in whole:
        raise KnowledgeError(
            "there is no reference sequence, neither in the folder nor among the sources",
            file=sources,
            remedy="put the FASTA that docs/setup.md names into the folder, under its publisher's name",
        )
    sources.mkdir(parents=True, exist_ok=True)
    path = sources / GATHERED
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True), encoding="utf-8")
    temporary.replace(path)
    return path


def is_known(name: str, members: Collection[str] | None) -> bool:
    """Whether a file is known by its name; a folder by the names of what it holds."""
    return _recognised(name, members) is not None


def _recognised(name: str, members: Collection[str] | None) -> tuple[str, str | None] | None:
    """Field and release of a file, or of a folder with members, if its name is known."""
    for one in SHIPPED:
        match = re.fullmatch(one.name, name.lower())
        if match and (members is not None) == bool(one.holds) and all(_holds(members, end) for end in one.holds):
            return one.field, _release(match.groupdict().get("release"))
    return None


def _holds(members: Collection[str] | None, ending: str) -> bool:
    return any(name.endswith(ending) for name in members or ())


def _release(text: str | None) -> str | None:
    """A date as dates are written; anything else as it stands."""
    if text and re.fullmatch(r"\d{8}", text):
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text


def _is_there(sources: Path, value: object) -> bool:
    """Whether a declared file is there, or is none: a package's tables, say."""
    return not isinstance(value, str) or "." not in value or (sources / value).exists()
