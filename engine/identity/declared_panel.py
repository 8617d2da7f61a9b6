"""The site panel that a deployment declares: one of VerifyBamID2's in a folder, kept as one file that is read at once.

Contamination is estimated at its sites, and persons are compared at those of its autosomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import KnowledgeError
from engine.identity.ancestry import ReferencePersons, read_persons
from engine.identity.genotypes import NOT_DIPLOID, Sites
from engine.identity.panel import SitePanel, read_panel, require_reference
from engine.reference.genome import open_reference

PANEL_FILE: Final = "identity_panel.npz"
_STRETCH: Final = 1_000_000
"""Bases within which sites tend to be inherited together."""


@dataclass(frozen=True)
class PanelMeasures:
    """What a panel holds.

    Attributes:
        release: the name that its files have in common.
        sites: how many.
        components: principal components of ancestry; 0 for a panel of one population.
        stretches: stretches of a megabase that have an autosomal site: how much of a genome the panel sees.
        persons: reference persons of known population, to whose components those of a sample are compared.
    """

    release: str
    sites: int
    components: int
    stretches: int
    persons: int = 0


def build_panel(folder: Path, fasta: Path, made: Path) -> PanelMeasures:
    """Check a panel against the reference and write it as :data:`PANEL_FILE`.

    Args:
        folder: holds one panel's three files.
        fasta: the reference.
        made: where the file is written.

    Raises:
        KnowledgeError: the folder has not one panel, or the panel is damaged.
        ReferenceMismatchError: it is of another build.
    """
    panel = read_panel(_prefix(folder))
    require_reference(panel, open_reference(fasta))
    persons = read_persons(panel.prefix, panel.loadings.shape[1])
    np.savez(
        made / PANEL_FILE,
        name=np.array(panel.prefix.name),
        contigs=np.array(panel.contigs),
        positions=panel.positions,
        ref=np.array(panel.ref),
        alt=np.array(panel.alt),
        loadings=panel.loadings,
        mean_dosage=panel.mean_dosage,
        persons=np.zeros((0, panel.loadings.shape[1])) if persons is None else persons.components,
        populations=np.array(() if persons is None else persons.populations, str),
    )
    stretches = int(stretches_of(autosomal_sites(panel)).max(initial=-1)) + 1
    return PanelMeasures(panel.prefix.name, len(panel), panel.components, stretches, len(persons or ()))


def _prefix(folder: Path) -> Path:
    names = [file.name.removesuffix(".gz") for file in folder.iterdir()] if folder.is_dir() else []
    found = sorted(name.removesuffix(".bed") for name in names if name.endswith(".bed"))
    if len(found) != 1:
        raise KnowledgeError(
            f"it holds {len(found)} panels ({', '.join(found) or 'no file ends in .bed'})",
            file=folder,
            remedy="put the three files of one panel into it: PREFIX.bed, PREFIX.UD and PREFIX.mu",
        )
    return folder / found[0]


def load_panel(file: Path) -> SitePanel:
    """The panel that was built."""
    with np.load(file) as kept:
        return SitePanel(
            Path(str(kept["name"])),
            tuple(kept["contigs"].tolist()),
            kept["positions"],
            tuple(kept["ref"].tolist()),
            tuple(kept["alt"].tolist()),
            kept["loadings"],
            kept["mean_dosage"],
        )


def load_persons(file: Path) -> ReferencePersons | None:
    """The reference persons of the panel that was built, absent where it came without."""
    with np.load(file) as kept:
        populations = tuple(kept["populations"].tolist())
        return ReferencePersons(kept["persons"], populations) if populations else None


def autosomal_sites(panel: SitePanel) -> Sites:
    """The panel's sites at which persons are compared."""
    names = tuple(dict.fromkeys(contig for contig in panel.contigs if contig not in NOT_DIPLOID))
    rank = {name: number for number, name in enumerate(names)}
    number = np.array([rank.get(contig, -1) for contig in panel.contigs], np.int64)
    order = np.lexsort((panel.positions, number))
    order = order[number[order] >= 0]
    return Sites(
        number[order],
        panel.positions[order],
        tuple(panel.ref[site] for site in order),
        tuple(panel.alt[site] for site in order),
        names,
        left_out=len(panel) - order.size,
    )


def stretches_of(sites: Sites) -> NDArray[np.int64]:
    """int64[n], the number of each site's stretch of a megabase among those that have a site."""
    key = sites.contigs << 32 | sites.positions // _STRETCH
    number: NDArray[np.int64] = np.unique(key, return_inverse=True)[1].astype(np.int64)
    return number
