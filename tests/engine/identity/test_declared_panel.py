"""A panel as a deployment declares it: read, compared with the reference, kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import GenomicsError
from engine.identity.declared_panel import PANEL_FILE, autosomal_sites, build_panel, load_panel, stretches_of
from engine.identity.panel import SitePanel, read_panel
from engine.identity.sample import soon_found
from engine.reference.genome import open_reference
from tests.builders.panels import made_panel, write_panel


def declared(folder: Path, panel: SitePanel) -> tuple[Path, Path]:
    """The folder of a panel, and a reference that reads as it says."""
    (folder / "panel").mkdir()
    (folder / "made").mkdir()
    write_panel(panel, folder / "panel" / "test")
    bases = {name: ["A"] * 300_000 for name in dict.fromkeys(panel.contigs)}
    for contig, position, ref in zip(panel.contigs, panel.positions.tolist(), panel.ref, strict=True):
        bases[contig][position] = ref
    fasta = folder / "r.fa"
    fasta.write_text("".join(f">{name}\n{''.join(letters)}\n" for name, letters in bases.items()))
    open_reference(fasta)
    return folder / "panel", fasta


def small_panel() -> SitePanel:
    panel = made_panel(200)
    return replace(panel, contigs=("chrX",) * 20 + ("chr1",) * 180, ref=panel.ref, mean_dosage=panel.mean_dosage)


def test_a_panel_is_kept_as_it_is(tmp_path: Path) -> None:
    panel = small_panel()
    folder, fasta = declared(tmp_path, panel)
    measures = build_panel(folder, fasta, tmp_path / "made")
    assert (measures.release, measures.sites, measures.components, measures.stretches) == ("test", 200, 2, 1)
    kept = load_panel(tmp_path / "made" / PANEL_FILE)
    assert kept.contigs == panel.contigs and kept.ref == panel.ref and kept.alt == panel.alt
    assert np.array_equal(kept.loadings, panel.loadings) and np.array_equal(kept.mean_dosage, panel.mean_dosage)
    sites = autosomal_sites(kept)
    assert (len(sites), sites.left_out, sites.names) == (180, 20, ("chr1",))
    assert set(stretches_of(sites).tolist()) == {0}


def test_a_folder_of_two_panels_is_refused(tmp_path: Path) -> None:
    folder, fasta = declared(tmp_path, small_panel())
    write_panel(small_panel(), folder / "other")
    with pytest.raises(GenomicsError, match=r"it holds 2 panels \(other, test\).*Remedy: put the three files"):
        build_panel(folder, fasta, tmp_path / "made")


def test_of_two_alternates_the_first_is_counted(tmp_path: Path) -> None:
    """As VerifyBamID2's own panels of GRCh37 have them."""
    panel = small_panel()
    prefix = write_panel(panel, tmp_path / "two")
    bed = prefix.with_name("two.bed")
    first, *rest = bed.read_text().splitlines(keepends=True)
    bed.write_text("".join([f"{first.rstrip()},{panel.ref[0]}\n", *rest]))
    assert read_panel(prefix).alt == panel.alt


def test_sites_soon_behind_a_place_of_the_index_are_chosen() -> None:
    panel = made_panel(400)
    chosen = soon_found(panel, 100)
    assert chosen.size == 100 and (np.diff(chosen) > 0).all()
    assert (panel.positions[chosen] % 16_384).max() < 4_200
    assert soon_found(panel, 400).tolist() == list(range(400))
