"""Site panels of VerifyBamID2: common variants with loadings, from which an ancestry gives each site's frequency.

A panel with loadings of 0 says nothing of ancestry: its sites have the frequencies of one population.

A panel is three files of one line a site in the same order: ``PREFIX.bed`` (contig, 0-based start, end, REF, ALT),
``PREFIX.UD`` (a loading for each principal component) and ``PREFIX.mu`` (a key, the mean ALT dosage, 0 to 2); each
may be compressed. The frequency of ALT among persons with components ``pc`` is ``(UD · pc + mu) / 2``.

Source: Zhang et al., Genome Research 2020, doi:10.1101/gr.246934.118, and the files of its program.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.files.text import text_lines

if TYPE_CHECKING:
    from engine.reference.genome import Reference

_FETCH_AGAIN = "fetch the panel's three files again, of one release"
_BASES = frozenset("ACGT")


@dataclass(frozen=True)
class SitePanel:
    """Sites in the order of their files.

    Attributes:
        prefix: the files' common path.
        contigs: of each site, as the file names it.
        positions: int64[n], 0-based.
        ref: the reference base of each.
        alt: the other base of each.
        loadings: float64[n, k], for each component.
        mean_dosage: float64[n], of ALT, 0 to 2.
    """

    prefix: Path
    contigs: tuple[str, ...]
    positions: NDArray[np.int64]
    ref: tuple[str, ...]
    alt: tuple[str, ...]
    loadings: NDArray[np.float64]
    mean_dosage: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.contigs)

    @property
    def components(self) -> int:
        """How many principal components move a site's frequency."""
        return int((self.loadings != 0).any(axis=0).sum())

    def place(self, site: int) -> str:
        """Contig and 1-based position of a site."""
        return f"{self.contigs[site]}:{int(self.positions[site]) + 1:,}"

    def some(self, chosen: NDArray[np.int64]) -> SitePanel:
        """The panel of some sites alone, by their indices in it."""
        return SitePanel(
            self.prefix,
            tuple(self.contigs[site] for site in chosen),
            self.positions[chosen],
            tuple(self.ref[site] for site in chosen),
            tuple(self.alt[site] for site in chosen),
            self.loadings[chosen],
            self.mean_dosage[chosen],
        )


def read_panel(prefix: Path) -> SitePanel:
    """Read a panel's three files.

    Args:
        prefix: what their names have in common, ``panel`` of ``panel.bed``, ``panel.UD`` and ``panel.mu``, or of these
            with ``.gz``.

    Raises:
        KnowledgeError: a file is missing or damaged, they have not the same sites, or hold what is no site.
    """
    bed, loadings, means = (_file(prefix, suffix) for suffix in (".bed", ".UD", ".mu"))
    sites = [_site(bed, number, fields) for number, fields in _rows(bed)]
    components = [_numbers(loadings, number, fields) for number, fields in _rows(loadings)]
    keyed = [(fields[0], _numbers(means, number, fields[1:2])) for number, fields in _rows(means)]
    for file, count in ((loadings, len(components)), (means, len(keyed))):
        if count != len(sites):
            raise KnowledgeError(
                f"it has {count:,} sites and {bed.name} has {len(sites):,}", file=file, remedy=_FETCH_AGAIN
            )
    if not sites:
        raise KnowledgeError("it has no site", file=bed, remedy=_FETCH_AGAIN)
    _require_same_width(loadings, components)
    _require_same_places(means, [key for key, _ in keyed], sites)
    return SitePanel(
        prefix,
        tuple(site[0] for site in sites),
        np.array([site[1] for site in sites], np.int64),
        tuple(site[2] for site in sites),
        tuple(site[3] for site in sites),
        np.array(components, np.float64),
        np.array([mean[0] for _, mean in keyed], np.float64),
    )


def require_reference(panel: SitePanel, reference: Reference, *, whole: bool = True) -> None:
    """Refuse a panel of another build, or of other contig names, than the reference.

    Args:
        panel: the panel.
        reference: the genome.
        whole: whether every contig of the panel must be the reference's too.

    Raises:
        ReferenceMismatchError: a site's REF is not the reference's base, or none of its contigs is there.
    """
    lengths = {contig.name: contig.length for contig in reference.contigs}
    here = [site for site in range(len(panel)) if panel.contigs[site] in lengths]
    if not here and whole:
        raise ReferenceMismatchError(
            f"the panel's contigs ({panel.contigs[0]}, ...) are not the reference's ({reference.contigs[0].name}, ...)",
            file=panel.prefix,
            remedy="use the panel of the reference's build and contig names (b37: 1, GRCh38: chr1)",
        )
    with reference.open() as fasta:
        for site in here:
            start = int(panel.positions[site])
            found = fasta.fetch(panel.contigs[site], start, start + 1).upper()
            if found != panel.ref[site]:
                raise ReferenceMismatchError(
                    f"REF is {panel.ref[site]} and the reference has {found or 'nothing'} there",
                    file=panel.prefix,
                    place=panel.place(site),
                    remedy="use the panel of the reference's build",
                )


def _file(prefix: Path, suffix: str) -> Path:
    for ending in (suffix, f"{suffix}.gz"):
        path = prefix.with_name(prefix.name + ending)
        if path.is_file():
            return path
    raise KnowledgeError(
        f"the panel lacks {prefix.name}{suffix}",
        file=prefix,
        remedy="give the path of the panel's files without .bed, .UD and .mu",
    )


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text_lines(path), start=1):
        if line.strip():
            yield number, line.split()


def _site(path: Path, number: int, fields: list[str]) -> tuple[str, int, str, str]:
    try:
        contig, start, end, ref, alt = fields[:5]
        begin = int(start)
    except ValueError:
        raise _bad(path, number, "contig, start, end, REF and ALT are expected") from None
    if begin < 0 or not end.isdecimal() or int(end) != begin + 1:
        raise _bad(path, number, f"{start} to {end} is not one base")
    alt = alt.partition(",")[0]  # of two, the panel's dosages count the first, as its program reads them
    if not {ref.upper(), alt.upper()} <= _BASES or ref.upper() == alt.upper():
        raise _bad(path, number, f"{ref} and {alt} are not two different bases")
    return contig, begin, ref.upper(), alt.upper()


def _numbers(path: Path, number: int, fields: list[str]) -> list[float]:
    try:
        numbers = [float(field) for field in fields]
    except ValueError:
        numbers = []
    if not numbers or not np.isfinite(numbers).all():
        raise _bad(path, number, "numbers are expected")
    return numbers


def _require_same_width(path: Path, rows: list[list[float]]) -> None:
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise _bad(path, number, f"{len(row)} components, and {len(rows[0])} in the first line")


def _require_same_places(path: Path, keys: list[str], sites: list[tuple[str, int, str, str]]) -> None:
    """Keys are ``contig:position_REF/ALT`` and may go on; ALT may name two bases where the site has the first."""
    for number, (key, (contig, start, ref, _)) in enumerate(zip(keys, sites, strict=True), start=1):
        if not key.startswith(f"{contig}:{start + 1}_{ref}/"):
            raise _bad(path, number, f"{key} is not the site {contig}:{start + 1} of the .bed file's line")


def _bad(path: Path, number: int, what: str) -> KnowledgeError:
    return KnowledgeError(what, file=path, place=f"line {number:,}", remedy=_FETCH_AGAIN)
