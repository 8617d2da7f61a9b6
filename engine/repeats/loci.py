"""Catalogues of repeat loci: STRchive's, and those of ExpansionHunter's format.

STRchive (Harriet Dashnow, strchive.org, CC BY 4.0) has the coordinates of several builds, motifs as the reference reads
them, and the ranges in which the number of units is benign or pathogenic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import KnowledgeError
from engine.files.text import text_lines

_BUILDS = {"GRCh38": "hg38", "GRCh37": "hg19"}
_PLACE = re.compile(r"(.+):(\d+)-(\d+)")
_UNIT = re.compile(r"\(([ACGTRYSWKMBDHVN]+)\)[*+?]")
_LETTERS = frozenset("ACGT")
_FETCH_AGAIN = "fetch the catalogue again"


@dataclass(frozen=True)
class Locus:
    """A place with a repeat.

    Attributes:
        id: in the catalogue.
        gene: its symbol.
        disease: its name, empty where the catalogue has none.
        contig: as the catalogue names it.
        start: 0-based.
        end: one past the last base.
        motif: the unit in the reference, as the reference reads it.
        motifs: all units seen there, that of the reference first.
        pathogenic_motifs: those that make persons ill, as the reference reads them.
        benign_max: largest number of units that is benign, absent where unknown.
        pathogenic_min: smallest number that is pathogenic, absent where unknown.
    """

    id: str
    gene: str
    disease: str
    contig: str
    start: int
    end: int
    motif: str
    motifs: tuple[str, ...]
    pathogenic_motifs: tuple[str, ...]
    benign_max: float | None
    pathogenic_min: float | None

    @property
    def has_clear_range(self) -> bool:
        """Whether the number of units alone can tell: not where benign numbers lie above pathogenic ones."""
        if self.pathogenic_min is None:
            return False
        return self.benign_max is None or self.benign_max < self.pathogenic_min


def read_loci(path: Path, build: str | None) -> tuple[Locus, ...]:
    """Read a catalogue.

    Args:
        path: STRchive's JSON or one of ExpansionHunter's format; plain or compressed.
        build: ``GRCh38`` or ``GRCh37``, which of STRchive's coordinates count; not needed for the other format.

    Raises:
        KnowledgeError: it is damaged, of another format, empty, or the build is needed and not known.
    """
    try:
        entries = json.loads("".join(text_lines(path, needs_line_end=False)))
    except ValueError as error:
        raise KnowledgeError(f"this is not JSON ({error})", file=path, remedy=_FETCH_AGAIN) from None
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise KnowledgeError("it is no list of loci", file=path, remedy=_FETCH_AGAIN)
    loci = [_locus(path, number, entry, build) for number, entry in enumerate(entries, start=1)]
    twice = {locus.id for locus in loci if sum(other.id == locus.id for other in loci) > 1}
    if twice:
        raise KnowledgeError(f"{', '.join(sorted(twice))} comes twice", file=path, remedy=_FETCH_AGAIN)
    return tuple(loci)


def _locus(path: Path, number: int, entry: Mapping[str, Any], build: str | None) -> Locus:
    place = f"locus {number} ({entry.get('id') or entry.get('LocusId') or 'without id'})"
    try:
        locus = _of_expansion_hunter(entry) if "LocusId" in entry else _of_strchive(entry, build)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise KnowledgeError(f"it cannot be read ({error!r})", file=path, place=place, remedy=_FETCH_AGAIN) from None
    if locus is None:
        raise KnowledgeError(
            "the catalogue has coordinates of several builds, and the reference is of none that is known",
            file=path,
            remedy="say which with --build",
        )
    if not 0 <= locus.start < locus.end or not locus.motif or not set("".join(locus.motifs)) <= _LETTERS:
        raise KnowledgeError("coordinates or motif make no sense", file=path, place=place, remedy=_FETCH_AGAIN)
    return locus


def _of_strchive(entry: Mapping[str, Any], build: str | None) -> Locus | None:
    if build not in _BUILDS:
        return None
    name = _BUILDS[build]
    kinds = ("reference", "pathogenic", "benign", "unknown")
    motifs = {kind: _plain(entry.get(f"{kind}_motif_reference_orientation") or ()) for kind in kinds}
    together = tuple(dict.fromkeys(motif for kind in kinds for motif in motifs[kind]))
    return Locus(
        entry["id"],
        entry["gene"],
        entry.get("disease") or "",
        entry["chrom"],
        entry[f"start_{name}"],
        entry[f"stop_{name}"],
        (motifs["reference"] or together)[0],
        together,
        motifs["pathogenic"],
        entry.get("benign_max"),
        entry.get("pathogenic_min"),
    )


def _plain(motifs: Sequence[str]) -> tuple[str, ...]:
    """Those of plain bases; a letter for several bases (``GCN``) stands for each of them."""
    codes = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC", "N": "ACGT"}
    found: list[str] = []
    for motif in motifs:
        spelled = [""]
        for letter in motif:
            spelled = [begin + base for begin in spelled for base in codes.get(letter, letter)]
        found += spelled
    return tuple(found)


def _of_expansion_hunter(entry: Mapping[str, Any]) -> Locus:
    regions = entry["ReferenceRegion"] if isinstance(entry["ReferenceRegion"], list) else [entry["ReferenceRegion"]]
    region = entry.get("PathologicRegion") or regions[0]
    match = _PLACE.fullmatch(region)
    if match is None:
        raise ValueError(region)
    motifs = _plain([_UNIT.findall(entry["LocusStructure"])[regions.index(region)]])
    return Locus(
        entry["LocusId"],
        entry.get("Gene") or entry["LocusId"],
        entry.get("Disease") or "",
        match[1],
        int(match[2]),
        int(match[3]),
        motifs[0],
        motifs,
        (),
        entry.get("NormalMax"),
        entry.get("PathologicMin"),
    )
