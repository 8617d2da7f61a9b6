"""The ancestry panel as a deployment keeps it: sites with loadings, and the persons before whom a sample is placed.

Components are made once, of all persons and all sites of the panel that are not rare. A sample and the persons are then
placed by the same sites, those at which the sample's genotype is known (:class:`engine.identity.components.Loadings`):
so missing sites move nobody to the middle, and make everybody's place as uncertain as the sample's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReferenceMismatchError
from engine.identity.ancestry import MOST_MISSING, Ancestry, ReferencePersons, likeness
from engine.identity.components import Loadings, Numbers, loadings
from engine.identity.genotypes import UNKNOWN, Sites
from engine.identity.peddy import PublishedPanel
from engine.reference.accessions import bare_contig
from engine.reference.genome import Reference

ANCESTRY_FILE: Final = "ancestry_panel.npz"
COMPONENTS: Final = 4
"""That tell continents apart, as peddy takes; from the fifth on (0.2% of the variance) they tell populations."""
LEAST_FREQUENCY: Final = 0.01
"""Of the rarer allele: rarer ones tell families, not continents."""
_MOST_OF_ANOTHER_BUILD: Final = 0.01
"""Share of sites whose REF is not the reference's base, above which the panel is taken to be of another build."""
_COPIES: Final = 2


@dataclass(frozen=True)
class PanelMeasures:
    """What was kept of a panel.

    Attributes:
        release: the package it came with.
        licence: of the panel.
        sites: that are not rare, of which a sample's missing share is told.
        sites_here: of these, those whose REF the reference has.
        ref_mismatches: those at which it has another base; left out.
        persons: reference persons.
        populations: their continents.
        persons_of: how many of each.
    """

    release: str
    licence: str
    sites: int
    sites_here: int
    ref_mismatches: int
    persons: int
    populations: list[str]
    persons_of: list[int]


@dataclass(frozen=True)
class AncestryPanel:
    """Sites with loadings, and persons.

    Attributes:
        name: the package it came with.
        of_sites: how many sites its components were made of; some may not be of the reference.
        sites: of the reference, in order.
        loadings: of these.
        copies: uint8[n, persons], what persons have there.
        populations: of each person, the continent.
    """

    name: str
    of_sites: int
    sites: Sites
    loadings: Loadings
    copies: NDArray[np.uint8]
    populations: tuple[str, ...]

    def before(self, copies: NDArray[np.int8]) -> Placed:
        """A sample before the persons.

        Args:
            copies: int8[n] at the panel's sites, 0 to 2 or unknown.
        """
        (known,) = np.nonzero(copies != UNKNOWN)
        missing = 1 - len(known) / self.of_sites
        if missing > MOST_MISSING or len(known) <= COMPONENTS:
            return Placed(None, None, Ancestry((), is_far=False, missing_share=missing))
        here = self.loadings.some(known)
        persons = ReferencePersons(here.places(self.copies[known]), self.populations)
        (place,) = here.places(copies[known, None])
        return Placed(place, persons, replace(likeness(tuple(place), persons), missing_share=missing))

    @cached_property
    def persons(self) -> ReferencePersons:
        """The persons by all sites of the reference."""
        return ReferencePersons(self.loadings.places(self.copies), self.populations)


@dataclass(frozen=True)
class Placed:
    """A sample before the persons of a panel.

    Attributes:
        place: float64[k], its components; absent where too few sites are known.
        persons: theirs by the same sites, absent with the place.
        ancestry: whom it is like.
    """

    place: Numbers | None
    persons: ReferencePersons | None
    ancestry: Ancestry


def build_ancestry_panel(published: PublishedPanel, reference: Reference, folder: Path) -> PanelMeasures:
    """Make the components of a published panel and write what lies on the reference as :data:`ANCESTRY_FILE`.

    Contigs are the same with and without ``chr``. A site that the reference has masked (N) or whose contig it lacks is
    missing in everybody.

    Args:
        published: of the reference's build.
        reference: the genome.
        folder: where the file is written.

    Raises:
        ReferenceMismatchError: the panel is of another build, or no contig is the reference's.
    """
    frequency = published.copies.mean(axis=1, dtype=np.float64) / _COPIES
    (common,) = np.nonzero((frequency >= LEAST_FREQUENCY) & (frequency <= 1 - LEAST_FREQUENCY))
    made = loadings(published.copies[common].astype(np.int8), COMPONENTS)
    names, bases = _on_reference(published, common, reference)
    right = bases == np.array(published.ref)[common]
    wrong = ~right & (bases != "") & (bases != "N")
    _require_build(published, common[wrong], int(right.sum()))
    rank = {name: number for number, name in enumerate(dict.fromkeys(names.values()))}
    of_contig = np.array([rank.get(names.get(row, ""), -1) for row in common.tolist()], np.int64)
    (here,) = np.nonzero(right)
    here = here[np.lexsort((published.positions[common[here]], of_contig[here]))]
    sites = _sites(published, common[here], of_contig[here], tuple(rank))
    copies = published.copies[common[here]]
    kept = AncestryPanel(published.release, len(common), sites, made.some(here), copies, published.populations)
    write_ancestry_panel(kept, folder / ANCESTRY_FILE)
    populations, counts = np.unique(published.populations, return_counts=True)
    return PanelMeasures(
        published.release,
        "MIT; persons of the 1000 Genomes Project, open",
        len(common),
        len(sites),
        int(wrong.sum()),
        len(published.populations),
        populations.tolist(),
        counts.tolist(),
    )


def _sites(
    published: PublishedPanel, rows: NDArray[np.int64], of_contig: NDArray[np.int64], names: tuple[str, ...]
) -> Sites:
    ref, alt = (tuple(bases[row] for row in rows.tolist()) for bases in (published.ref, published.alt))
    return Sites(of_contig, published.positions[rows], ref, alt, names)


def _on_reference(
    published: PublishedPanel, rows: NDArray[np.int64], reference: Reference
) -> tuple[dict[int, str], NDArray[np.str_]]:
    """Name of the contig of each row that the reference has, and its base there, empty where it has none."""
    known = {bare_contig(contig.name): contig.name for contig in reference.contigs}
    names = {row: known[published.contigs[row]] for row in rows.tolist() if published.contigs[row] in known}
    if not names:
        raise ReferenceMismatchError(
            f"none of its contigs ({published.contigs[0]}, ...) is the reference's",
            file=published.file,
            remedy="leave ancestry_panel out of the reference's YAML, or use a reference of human autosomes",
        )
    with reference.open() as fasta:
        bases = [
            fasta.fetch(names[row], int(published.positions[row]), int(published.positions[row]) + 1).upper()
            if row in names
            else ""
            for row in rows.tolist()
        ]
    return names, np.array(bases, np.str_)


def _require_build(published: PublishedPanel, wrong: NDArray[np.int64], right: int) -> None:
    if len(wrong) <= _MOST_OF_ANOTHER_BUILD * (right + len(wrong)):
        return
    row = int(wrong[0])
    raise ReferenceMismatchError(
        f"at {len(wrong):,} of {right + len(wrong):,} sites its REF is not the reference's base",
        file=published.file,
        place=f"{published.contigs[row]}:{int(published.positions[row]) + 1:,}",
        remedy="give the reference's build in its YAML: the archive has a panel for each",
    )


def write_ancestry_panel(panel: AncestryPanel, path: Path) -> None:
    """Write a panel as one file."""
    np.savez_compressed(
        path,
        name=np.array(panel.name),
        of_sites=np.array(panel.of_sites),
        names=np.array(panel.sites.names, np.str_),
        contigs=panel.sites.contigs,
        positions=panel.sites.positions,
        ref=np.array(panel.sites.ref, np.str_),
        alt=np.array(panel.sites.alt, np.str_),
        mean=panel.loadings.mean,
        spread=panel.loadings.spread,
        weights=panel.loadings.weights,
        copies=panel.copies,
        populations=np.array(panel.populations, np.str_),
    )


def load_ancestry_panel(path: Path) -> AncestryPanel:
    """The panel that :func:`write_ancestry_panel` wrote."""
    with np.load(path) as kept:
        sites = Sites(
            kept["contigs"],
            kept["positions"],
            tuple(kept["ref"].tolist()),
            tuple(kept["alt"].tolist()),
            tuple(kept["names"].tolist()),
        )
        return AncestryPanel(
            str(kept["name"]),
            int(kept["of_sites"]),
            sites,
            Loadings(kept["mean"], kept["spread"], kept["weights"]),
            kept["copies"],
            tuple(kept["populations"].tolist()),
        )
