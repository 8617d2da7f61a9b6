"""Whose sample this is: contamination, sex chromosomes, ancestry, and the sketch by which it is compared with others.

Where the deployment declares no panel, the sex chromosomes are told alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from engine.identity.ancestry import Ancestry, ReferencePersons, likeness, picture
from engine.identity.ancestry_panel import AncestryPanel, load_ancestry_panel
from engine.identity.contamination import Contamination, estimate_contamination
from engine.identity.declared_panel import autosomal_sites, load_panel, load_persons
from engine.identity.genotypes import UNKNOWN, JoinedSites, Sites, read_genotypes
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
class Panels:
    """The panels that a deployment declares, each absent where it declares none.

    Attributes:
        identity: sites at which contamination is estimated and samples are compared.
        version: its data version, empty without.
        ancestry: sites and persons by which a sample's ancestry is told.
    """

    identity: Path | None = None
    version: str = ""
    ancestry: Path | None = None


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
        asked_sites: sites at which bases were looked for.
        ancestry: which reference persons the sample is like, absent where no panel has any.
        place: components of the ancestry panel, empty without one or where too few of its sites are known.
        before_persons: what a picture of the sample before reference persons is drawn from; empty without them.
    """

    karyotype: Karyotype
    contamination: Contamination | None = None
    panel: str | None = None
    panel_sites: int = 0
    known_sites: int = 0
    components: int = 0
    asked_sites: int = 0
    ancestry: Ancestry | None = None
    place: tuple[float, ...] = ()
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
            "ancestry_population": self.ancestry.population if self.ancestry else "",
            "ancestry_missing_share": _rounded(self.ancestry.missing_share if self.ancestry else None),
            "ancestry_components": [round(value, 4) for value in self.place],
            "missing_site_share": _rounded(self.missing_share),
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


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _told(mixed: Contamination) -> str:
    return (
        f"{mixed.freemix:.1%} of the bases at {mixed.sites:,} sites are another person's, and calls of a "
        "mixture are nobody's: from some percent on prepare and sequence the sample again"
    )


def identify(sample: str, source: ReadSource, gvcf: Path, panels: Panels, sex: Karyotype, folder: Path) -> Identity:
    """Estimate contamination, place among reference persons, and write sketch and figures.

    Args:
        sample: sample id.
        source: its reads.
        gvcf: its gVCF.
        panels: that the deployment declares.
        sex: its sex chromosomes.
        folder: where ``SAMPLE.identity.json`` and the sketch are written.

    Raises:
        GenomicsError: reads or gVCF are damaged, or of another build than the panel.
    """
    found = Identity(sex)
    panel = load_panel(panels.identity) if panels.identity else None
    ancestry = load_ancestry_panel(panels.ancestry) if panels.ancestry else None
    if panel is not None:
        persons = load_persons(panels.identity) if panels.identity and ancestry is None else None
        found = _mixed(found, source, panel, persons)
    compared = autosomal_sites(panel) if panel else None
    copies = _genotypes(gvcf, [compared, ancestry.sites if ancestry else None])
    if compared is not None:
        sketched = next(copies)
        write_sketch(pack(sketched), folder / file_name(sample, panels.version))
        found = replace(found, known_sites=int((sketched != UNKNOWN).sum()))
    if ancestry is not None:
        found = _placed(found, ancestry, next(copies))
    (folder / f"{sample}{SUFFIX}").write_text(json.dumps(_as_json(sample, found), indent=2) + "\n")
    return found


def _mixed(found: Identity, source: ReadSource, panel: SitePanel, persons: ReferencePersons | None) -> Identity:
    """With contamination, and whom of the panel's persons the sample is like."""
    asked = panel.some(soon_found(panel, MOST_SITES))
    bases = bases_of_reads(source, asked, required=False)
    mixed = estimate_contamination(bases, asked) if bases.sites else None
    return replace(
        found,
        contamination=mixed,
        panel=panel.prefix.name,
        panel_sites=len(panel),
        components=panel.components,
        asked_sites=len(asked),
        ancestry=likeness(mixed.intended, persons) if mixed and persons and panel.components else None,
        before_persons=picture(mixed.intended, persons) if mixed and persons and panel.components > 1 else {},
    )


def _genotypes(gvcf: Path, lists: Sequence[Sites | None]) -> Iterator[NDArray[np.int8]]:
    """Copies at each list of sites that there is, by one pass over the gVCF."""
    joined = JoinedSites.of(*[one for one in lists if one is not None])
    if not len(joined.sites):
        return iter(joined.apart(np.zeros(0, np.int8)))
    return iter(joined.apart(read_genotypes(gvcf, joined.sites).copies))


def _placed(found: Identity, panel: AncestryPanel, copies: NDArray[np.int8]) -> Identity:
    """With the place before the ancestry panel's persons."""
    placed = panel.before(copies)
    if placed.place is None or placed.persons is None:
        return replace(found, ancestry=placed.ancestry)
    place = tuple(placed.place.tolist())
    return replace(found, ancestry=placed.ancestry, place=place, before_persons=picture(place, placed.persons))


def write_placed(measured: Mapping[str, Mapping[str, Measure]], path: Path) -> None:
    """Write where samples stand before the ancestry panel's persons as Parquet, one row a sample, in their order.

    Columns: ``sample_id``, ``population`` (or that it is undetermined), ``missing_share`` (0 to 1) and ``components``,
    a list that is empty where too few sites are known. Who was not measured by such a panel is left out.

    Args:
        measured: measures of the artifact ``identity`` by sample.
        path: to be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"population": pa.string(), "missing_share": pa.float64(), "components": pa.list_(pa.float64())}
    told = {sample: one for sample, one in sorted(measured.items()) if one.get("ancestry_missing_share") is not None}
    columns = [pa.array([one[f"ancestry_{name}"] for one in told.values()], kind) for name, kind in kinds.items()]
    pq.write_table(pa.table([pa.array(list(told), pa.string()), *columns], ["sample_id", *kinds]), path)


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
        "ancestry": None if found.ancestry is None else _ancestry_as_json(found.ancestry, found.place),
        "karyotype": asdict(found.karyotype),
    }


def _ancestry_as_json(ancestry: Ancestry, place: Sequence[float]) -> dict[str, object]:
    return asdict(ancestry) | {"population": ancestry.population, "components": [round(value, 4) for value in place]}
