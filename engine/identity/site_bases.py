"""What reads say at the sites of a panel: REF, ALT or another base, with its quality; from a pileup or from reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import AlignmentFileError, ReferenceMismatchError
from engine.files.text import text_lines

if TYPE_CHECKING:
    from engine.call.haplotype.reads.source import ReadSource
    from engine.identity.panel import SitePanel

REF, ALT, OTHER = 0, 1, 2
LEAST_QUALITY = 13
"""Phred; bases below it are not looked at (the default of VerifyBamID2)."""
_FURTHEST = 10_000
"""Sites at most so many bases apart are fetched together."""
_MAKE_PILEUP = "make it with samtools mpileup -B -Q 13 -l PANEL.bed -f REF.fa IN.bam"
_TOKEN = re.compile(rb"\^.|\$|[+-](\d+)|[.,ACGTNacgtn*#<>]", re.DOTALL)
_NO_BASE = frozenset(b"*#<>Nn")


@dataclass(frozen=True)
class SiteBases:
    """Equal observations counted together, in the order of the sites.

    Attributes:
        site: int64[g], the index of the site in the panel.
        kind: int8[g], :data:`REF`, :data:`ALT` or :data:`OTHER`.
        quality: int16[g], Phred.
        count: int64[g], how many bases.
    """

    site: NDArray[np.int64]
    kind: NDArray[np.int8]
    quality: NDArray[np.int16]
    count: NDArray[np.int64]

    @staticmethod
    def of(site: NDArray[np.int64], kind: NDArray[np.int8], quality: NDArray[np.int16]) -> SiteBases:
        """Count equal observations."""
        keys, count = np.unique((site << 10) | (kind.astype(np.int64) << 8) | quality, return_counts=True)
        return SiteBases(keys >> 10, (keys >> 8 & 3).astype(np.int8), (keys & 255).astype(np.int16), count)

    @property
    def sites(self) -> int:
        """How many sites have a base."""
        return int(np.unique(self.site).size)

    @property
    def bases(self) -> int:
        """How many bases there are."""
        return int(self.count.sum())


def read_pileup(path: Path, panel: SitePanel) -> SiteBases:
    """The bases of a text pileup of one sample at the panel's sites; other lines are passed over.

    Deleted and skipped bases and N say nothing and are dropped with their quality. Bases count whatever their quality.

    Args:
        path: samtools' mpileup format: contig, 1-based position, REF, depth, bases, qualities (Phred+33).
        panel: the sites.

    Raises:
        AlignmentFileError: a line is malformed, a site comes twice, or no site is in the file.
        ReferenceMismatchError: REF is another than the panel's.
    """
    sites = {(panel.contigs[site], int(panel.positions[site])): site for site in range(len(panel))}
    seen: dict[int, int] = {}
    found: list[tuple[int, int, int]] = []
    for number, line in enumerate(text_lines(path, error=AlignmentFileError), start=1):
        contig, position, reference, bases, qualities = _pileup_fields(path, number, line)
        site = sites.get((contig, position - 1))
        if site is None:
            continue
        if site in seen:
            raise _bad(path, number, f"{panel.place(site)} stood in line {seen[site]:,} already")
        seen[site] = number
        if reference not in (panel.ref[site], "N"):
            raise ReferenceMismatchError(
                f"REF is {reference} and the panel has {panel.ref[site]} at {panel.place(site)}",
                file=path,
                place=f"line {number:,}",
                remedy="use the panel of the build that the reads were aligned to",
            )
        kinds = [_kind(base, panel.ref[site], panel.alt[site]) for base in _pileup_bases(path, number, bases)]
        if len(kinds) != len(qualities):
            raise _bad(path, number, f"{len(kinds)} bases and {len(qualities)} qualities")
        found += [(site, kind, ord(text) - 33) for kind, text in zip(kinds, qualities, strict=True) if kind >= 0]
    if not found:
        raise AlignmentFileError("no site of the panel has a base", file=path, remedy=_MAKE_PILEUP)
    columns = np.array(found, np.int64).T
    return SiteBases.of(columns[0], columns[1].astype(np.int8), columns[2].astype(np.int16))


def _pileup_fields(path: Path, number: int, line: str) -> tuple[str, int, str, str, str]:
    fields = line.rstrip("\n").split("\t")
    if len(fields) != 6 or not (fields[1].isdecimal() and fields[3].isdecimal()):
        raise _bad(path, number, "contig, position, REF, depth, bases and qualities of one sample are expected")
    contig, position, reference, depth, bases, qualities = fields
    if depth == "0":
        bases = qualities = ""
    if not all("!" <= quality <= "~" for quality in qualities):
        raise _bad(path, number, "a quality is no printable character")
    return contig, int(position), reference.upper(), bases, qualities


def _pileup_bases(path: Path, number: int, text: str) -> Iterator[int]:
    """The character of each read, without what tells of read ends and of inserted or deleted bases behind it."""
    raw = text.encode()
    at = 0
    while at < len(raw):
        token = _TOKEN.match(raw, at)
        if token is None:
            raise _bad(path, number, f"{text[at]!r} is no base of a pileup")
        at = token.end() + int(token[1] or 0)
        if token[0][0] not in b"^$+-":
            yield token[0][0]


def _kind(base: int, ref: str, alt: str) -> int:
    """:data:`REF`, :data:`ALT` or :data:`OTHER`; -1 where it says nothing."""
    if base in _NO_BASE:
        return -1
    letter = chr(base).upper()
    return REF if letter in (".", ",", ref) else ALT if letter == alt else OTHER


def bases_of_reads(
    source: ReadSource, panel: SitePanel, *, least_quality: int = LEAST_QUALITY, required: bool = True
) -> SiteBases:
    """The bases of reads that the caller would use, at the panel's sites; of two mates that overlap, the better base.

    Args:
        source: one sample's reads.
        panel: the sites; those of contigs that the reads' header lacks have no bases.
        least_quality: Phred; bases below it are left out.
        required: whether it is an error where no site is covered.

    Raises:
        AlignmentFileError: the file is damaged, or no site is covered.
    """
    contigs = {name: index for index, name in enumerate(source.contig_names)}
    parts = [
        _window_bases(source, contigs[panel.contigs[window[0]]], np.array(window), panel)
        for window in _windows(panel, contigs)
    ]
    parts = [part for part in parts if part.size]
    if not parts and required:
        raise AlignmentFileError(
            "no site of the panel is covered by a read",
            file=source.path,
            remedy="use the panel of the reads' build and contig names, with sites in what was sequenced",
            sample=source.sample,
        )
    site, kind, quality = np.concatenate([np.zeros((3, 0), np.int64), *parts], axis=1)
    good = quality >= least_quality
    return SiteBases.of(site[good], kind[good].astype(np.int8), quality[good].astype(np.int16))


def _windows(panel: SitePanel, contigs: Iterable[str]) -> Iterator[list[int]]:
    """Sites near each other, so that what is between them is read once."""
    known = set(contigs)
    order = sorted(
        (site for site in range(len(panel)) if panel.contigs[site] in known),
        key=lambda site: (panel.contigs[site], int(panel.positions[site])),
    )
    for _, of_contig in groupby(order, key=lambda site: panel.contigs[site]):
        window: list[int] = []
        for site in of_contig:
            if window and panel.positions[site] - panel.positions[window[-1]] > _FURTHEST:
                yield window
                window = []
            window.append(site)
        yield window


def _window_bases(source: ReadSource, contig: int, sites: NDArray[np.int64], panel: SitePanel) -> NDArray[np.int64]:
    """int64[3, n]: site, kind and quality of each base."""
    from engine.call.haplotype.reads.source import WantedReads
    from engine.identity.kernels import bases_at

    positions = panel.positions[sites]
    reads = source.fetch(WantedReads(contig, int(positions[0]), int(positions[-1]) + 1, positions, positions + 1))
    site, letter, quality, template = bases_at(reads.columns, positions)
    best = _best_of_template(site, quality, template)
    site, letter, quality = site[best], letter[best], quality[best]
    ref = np.array([ord(panel.ref[index]) for index in sites])[site]
    alt = np.array([ord(panel.alt[index]) for index in sites])[site]
    kind = np.where(letter == ref, REF, np.where(letter == alt, ALT, OTHER))
    known = letter != ord("N")
    return np.stack([sites[site], kind, quality.astype(np.int64)])[:, known]


def _best_of_template(
    site: NDArray[np.int64], quality: NDArray[np.uint8], template: NDArray[np.int32]
) -> NDArray[np.int64]:
    """The index of the best base of each template at each site: mates that overlap saw one molecule."""
    order = np.lexsort((-quality.astype(np.int16), template, site))
    first = np.ones(order.size, bool)
    first[1:] = (site[order][1:] != site[order][:-1]) | (template[order][1:] != template[order][:-1])
    return order[first]


def _bad(path: Path, number: int, what: str) -> AlignmentFileError:
    return AlignmentFileError(what, file=path, place=f"line {number:,}", remedy=_MAKE_PILEUP)
