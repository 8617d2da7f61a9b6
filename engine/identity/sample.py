"""Whose sample this is: contamination, sex chromosomes, and the sketch by which it is compared with others.

Where the deployment declares no panel, the sex chromosomes are told alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from engine.identity.ancestry import Ancestry, likeness, picture
from engine.identity.contamination import Contamination, estimate_contamination
from engine.identity.declared_panel import autosomal_sites, load_panel, load_persons
from engine.identity.genotypes import read_genotypes
from engine.identity.karyotype import Karyotype
from engine.identity.site_bases import bases_of_reads
from engine.identity.sketch import file_name, pack, write_sketch
from engine.receipt import Measure

if TYPE_CHECKING:
    from engine.call.haplotype.reads.source import ReadSource
    from engine.identity.panel import SitePanel

SUFFIX: Final = ".identity.json"
MOST_SITES: Final = 5_000
"""Sites at which contamination is looked for: at a depth of 30 the share is then known to a tenth of a percent."""
_WINDOW: Final = 1 << 14
"""Bases between the places that a BAM index leads to."""


@dataclass(frozen=True)
class Identity:
    """What a sample's reads and calls tell of whose it is.

    Attributes:
        karyotype: its sex chromosomes.
        contamination: another person's share, absent without a panel.
        panel: the panel's name, absent where none is declared.
        panel_sites: its sites, 0 without.
        known_sites: of these on autosomes, at how many a genotype is known.
        components: of ancestry that the panel tells.
        ancestry: which reference persons the sample is like, absent where the panel has none.
        asked_sites: sites at which bases were looked for.
        before_persons: what a picture of the sample before the panel's persons is drawn from; empty without them.
    """

    karyotype: Karyotype
    contamination: Contamination | None = None
    panel: str | None = None
    panel_sites: int = 0
    known_sites: int = 0
    components: int = 0
    ancestry: Ancestry | None = None
    asked_sites: int = 0
    before_persons: Mapping[str, Measure] = field(default_factory=dict)

    @property
    def missing_share(self) -> float | None:
        """Share of the sites looked at that no base covers; absent without a panel."""
        if not self.asked_sites:
            return None
        return 1 - (self.contamination.sites if self.contamination else 0) / self.asked_sites

    def measures(self) -> dict[str, Measure]:
        """Figures for checks, each beside what it says in words."""
        mixed, sex = self.contamination, self.karyotype
        return {
            "panel": self.panel or "none is declared",
            "panel_sites": self.panel_sites,
            "known_sites": self.known_sites,
            "contamination_sites": mixed.sites if mixed else 0,
            "freemix": round(mixed.freemix, 6) if mixed else None,
            "freemix_told": _told(mixed) if mixed else "",
            "ancestry": self.ancestry.told if self.ancestry else "",
            "missing_site_share": None if self.missing_share is None else round(self.missing_share, 4),
            "karyotype": sex.name,
            "karyotype_evidence": sex.told,
            "x_copies": sex.x_copies,
            "y_copies": sex.y_copies,
            "unusual_karyotype": sex.unusual,
            "unusual_karyotype_told": sex.why,
            "sex_contradicts_sheet": sex.contradicts_sheet,
            "sex_contradicts_sheet_told": sex.why,
            **self.before_persons,
        }


def _told(mixed: Contamination) -> str:
    return (
        f"{mixed.freemix:.1%} of the bases at {mixed.sites:,} sites are another person's, and calls of a "
        "mixture are nobody's: from some percent on prepare and sequence the sample again"
    )


def identify(
    sample: str, source: ReadSource, gvcf: Path, panel_file: Path | None, version: str, sex: Karyotype, folder: Path
) -> Identity:
    """Estimate contamination and write sketch and figures.

    Args:
        sample: sample id.
        source: its reads.
        gvcf: its gVCF.
        panel_file: the declared panel, absent where none is.
        version: data version of the panel, empty without.
        sex: its sex chromosomes.
        folder: where ``SAMPLE.identity.json`` and the sketch are written.

    Raises:
        GenomicsError: reads or gVCF are damaged, or of another build than the panel.
    """
    found = Identity(sex)
    if panel_file is not None:
        panel = load_panel(panel_file)
        asked = panel.some(soon_found(panel, MOST_SITES))
        bases = bases_of_reads(source, asked, required=False)
        mixed = estimate_contamination(bases, asked) if bases.sites else None
        genotypes = read_genotypes(gvcf, autosomal_sites(panel))
        write_sketch(pack(genotypes.copies), folder / file_name(sample, version))
        persons = load_persons(panel_file)
        like = likeness(mixed.intended, persons) if mixed and persons and panel.components else None
        shown = picture(mixed.intended, persons) if mixed and persons and panel.components > 1 else {}
        found = Identity(
            sex, mixed, panel.prefix.name, len(panel), genotypes.known, panel.components, like, len(asked), shown
        )
    (folder / f"{sample}{SUFFIX}").write_text(json.dumps(_as_json(sample, found), indent=2) + "\n")
    return found


def soon_found(panel: SitePanel, most: int) -> NDArray[np.int64]:
    """Indices of the sites that lie soonest behind a place that a BAM index leads to, in the panel's order.

    Half of the sites are looked up for a quarter of the cost, and genotypes do not care.
    """
    if len(panel) <= most:
        return np.arange(len(panel), dtype=np.int64)
    return np.sort(np.argsort(panel.positions % _WINDOW, kind="stable")[:most])


def _as_json(sample: str, found: Identity) -> dict[str, object]:
    mixed = found.contamination
    told = None if mixed is None else asdict(mixed) | {"average_depth": round(mixed.average_depth, 3)}
    if told is not None and not found.components:
        told |= {"contaminating": [], "intended": []}
    return {
        "sample": sample,
        "panel": found.panel,
        "panel_sites": found.panel_sites,
        "known_sites": found.known_sites,
        "contamination": told,
        "missing_site_share": found.missing_share,
        "ancestry": None if found.ancestry is None else asdict(found.ancestry),
        "karyotype": asdict(found.karyotype),
    }
