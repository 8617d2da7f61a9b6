"""The ancestry panel: components, persons who were left out, missing sites, and archives that are none."""

from __future__ import annotations

import gzip
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.identity.ancestry import MOST_MISSING, UNDETERMINED
from engine.identity.ancestry_panel import (
    ANCESTRY_FILE,
    AncestryPanel,
    PanelMeasures,
    build_ancestry_panel,
    load_ancestry_panel,
)
from engine.identity.components import loadings, principal_components
from engine.identity.genotypes import UNKNOWN
from engine.identity.peddy import PublishedPanel, read_published
from engine.reference.genome import open_reference
from tests.builders.ancestry import drawn, write_archive
from tests.builders.readers import PEDDY
from tests.builders.real_cohorts import people, read_copies

DRAW = np.random.default_rng(3)
SITES = [(str(1 + number % 2), 100 + 10 * number, "A", "G") for number in range(400)]


def written_reference(path: Path, published: PublishedPanel, *, prefix: str = "", wrong: int = 0) -> Path:
    """A FASTA that has a panel's reference bases, and at some sites another."""
    with path.open("w") as fasta:
        for contig in dict.fromkeys(published.contigs):
            rows = [row for row, name in enumerate(published.contigs) if name == contig]
            letters = np.full(int(published.positions[rows].max()) + 1, ord("N"), np.uint8)
            bases = "".join(published.ref[row] for row in rows)
            letters[published.positions[rows]] = np.frombuffer(bases.encode(), np.uint8)
            letters[published.positions[rows[:wrong]]] = ord("T")
            fasta.write(f">{prefix}{contig}\n{letters.tobytes().decode()}\n")
    return path


def built(published: PublishedPanel, folder: Path, **reference: object) -> tuple[PanelMeasures, AncestryPanel]:
    fasta = written_reference(folder / "reference.fa", published, **reference)  # type: ignore[arg-type]
    measures = build_ancestry_panel(published, open_reference(fasta), folder)
    return measures, load_ancestry_panel(folder / ANCESTRY_FILE)


@pytest.fixture
def small(tmp_path: Path) -> PublishedPanel:
    copies, continents, _ = drawn(len(SITES), 30)
    return read_published(write_archive(tmp_path / "peddy-9.9.tar.gz", SITES, copies, continents), "GRCh38")


def test_what_was_written_is_read(small: PublishedPanel, tmp_path: Path) -> None:
    measures, panel = built(small, tmp_path, prefix="chr")
    assert (small.release, measures.release) == ("peddy-9.9", "peddy-9.9")
    assert Counter(small.populations) == {"AFR": 30, "EUR": 30} == dict(zip(*vars_of(measures), strict=True))
    assert (measures.sites, measures.sites_here, measures.ref_mismatches) == (400, 400, 0)
    row = {(contig, position): number for number, (contig, position, *_) in enumerate(SITES)}
    for number, ((contig, position), (ref, alt)) in enumerate(panel.sites.placed()):
        assert (ref, alt) == ("A", "G")
        assert (panel.copies[number] == small.copies[row[contig.removeprefix("chr"), position + 1]]).all()


def vars_of(measures: PanelMeasures) -> tuple[list[str], list[int]]:
    return measures.populations, measures.persons_of


def test_somebody_new_is_like_the_own_continent(small: PublishedPanel, tmp_path: Path) -> None:
    _, panel = built(small, tmp_path)
    _, _, frequency = drawn(len(SITES), 30)
    order = [SITES.index((contig, position + 1, *bases)) for (contig, position), bases in panel.sites.placed()]
    for group, population in enumerate(("AFR", "EUR")):
        copies = DRAW.binomial(2, frequency[order, group]).astype(np.int8)
        copies[DRAW.random(len(copies)) < 0.3] = UNKNOWN
        placed = panel.before(copies)
        assert placed.ancestry.population == population and placed.persons is not None
        assert placed.ancestry.missing_share == pytest.approx(np.mean(copies == UNKNOWN))
        assert placed.ancestry.told.startswith(f"{population}, of the 20 nearest reference persons: ")


def test_missing_sites_do_not_move_anybody_to_the_middle(small: PublishedPanel) -> None:
    """A sum over the sites that there are would shrink a place by the share that is missing: least squares do not."""
    made = loadings(small.copies.astype(np.int8), 2)
    whole = made.places(small.copies)
    scaled = (small.copies - made.mean[:, None]) / made.spread[:, None]
    assert whole == pytest.approx(scaled.T @ made.weights, abs=1e-3)
    known = DRAW.random(len(SITES)) < 0.3
    part = made.some(known).places(small.copies[known])
    assert np.polyfit(whole[:, 0], part[:, 0], 1)[0] == pytest.approx(1, abs=0.15)
    coordinates = principal_components(small.copies.astype(np.int8), 2).coordinates
    assert np.abs(np.corrcoef(coordinates[:, 0], whole[:, 0])[0, 1]) == pytest.approx(1, abs=1e-5)


def test_of_too_few_sites_nothing_is_told(small: PublishedPanel, tmp_path: Path) -> None:
    _, panel = built(small, tmp_path)
    copies = panel.copies[:, 0].astype(np.int8)
    copies[int(len(copies) * (1 - MOST_MISSING)) - 1 :] = UNKNOWN
    placed = panel.before(copies)
    assert placed.place is None and placed.persons is None
    assert placed.ancestry.told == "undetermined, 90.5% of the sites are missing, and at most 90% may be"


def test_what_the_reference_masks_or_lacks_is_missing_in_everybody(small: PublishedPanel, tmp_path: Path) -> None:
    fasta = tmp_path / "one.fa"
    letters = np.full(5_000, ord("N"), np.uint8)
    first = [position for contig, position, *_ in SITES if contig == "1"]
    letters[np.array(first[:150]) - 1] = ord("A")
    fasta.write_text(f">chr1\n{letters.tobytes().decode()}\n")
    measures = build_ancestry_panel(small, open_reference(fasta), tmp_path)
    assert (measures.sites, measures.sites_here, measures.ref_mismatches) == (400, 150, 0)
    panel = load_ancestry_panel(tmp_path / ANCESTRY_FILE)
    assert panel.before(panel.copies[:, 0].astype(np.int8)).ancestry.missing_share == pytest.approx(250 / 400)


def test_some_sites_of_another_base_are_left_out_and_many_refused(small: PublishedPanel, tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    measures, _ = built(small, tmp_path / "few", wrong=1)  # of either contig
    assert (measures.sites_here, measures.ref_mismatches) == (398, 2)
    with pytest.raises(ReferenceMismatchError, match="at 10 of 400 sites its REF is not the reference's base"):
        built(small, tmp_path, wrong=5)
    fasta = tmp_path / "none.fa"
    fasta.write_text(">chrX\nACGT\n")
    with pytest.raises(ReferenceMismatchError, match=r"none of its contigs \(1, \.\.\.\) is the reference's"):
        build_ancestry_panel(small, open_reference(fasta), tmp_path)


@pytest.mark.parametrize(
    ("instead", "problem"),
    [
        ({"pca.py": None}, "it has no file peddy/pca.py"),
        ({"pca.py": b"import os\n"}, "does not tell the persons' continents"),
        ({"GRCH38.sites": None}, "it has no file peddy/GRCH38.sites"),
        ({"GRCH38.sites": b"1:0:A:G\n"}, "line 1 of GRCH38.sites is no contig:position:REF:ALT"),
        ({"GRCH38.sites": b"1:5:A:A\n"}, "line 1 of GRCH38.sites is no contig:position:REF:ALT"),
        ({"GRCH38.sites": b"1:5:A:G\n"}, "GRCH38.sites.bin.gz has not a byte for each site and person"),
        ({"GRCH37.sites": b"1:5:A:G\n"}, "it has 400 sites of GRCh38 and 1 of GRCh37"),
        ({"GRCH38.sites.bin.gz": b"\x1f\x8b"}, "it cannot be read"),
        ({"GRCH38.sites.bin.gz": gzip.compress(bytes([3]) * 400 * 60)}, "has a person with 3 copies"),
    ],
)
def test_an_archive_that_is_none_is_refused(tmp_path: Path, instead: dict[str, bytes | None], problem: str) -> None:
    copies, continents, _ = drawn(len(SITES), 30)
    archive = write_archive(tmp_path / "peddy.tar.gz", SITES, copies, continents, instead=instead)
    with pytest.raises(KnowledgeError, match=problem):
        read_published(archive, "GRCh38")


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "peddy.tar.gz").write_bytes(b"nothing")
    with pytest.raises(KnowledgeError, match="it cannot be read"):
        read_published(tmp_path / "peddy.tar.gz", "GRCh37")


def test_sites_whose_alleles_changed_between_builds_are_left_out(tmp_path: Path) -> None:
    """Copies are those of GRCh37's ALT: exchanged alleles, and two sites at one place, tell nothing in GRCh38."""
    copies, continents, _ = drawn(4, 30)
    lines = [("1", 10, "A", "G"), ("1", 20, "A", "G"), ("1", 30, "A", "G"), ("1", 40, "A", "G")]
    changed = b"1:10:G:A\n1:25:A:G\n1:33:A:G\n1:33:A:G\n"
    archive = write_archive(tmp_path / "peddy.tar.gz", lines, copies, continents, instead={"GRCH38.sites": changed})
    found = read_published(archive, "GRCh38")
    assert found.positions.tolist() == [24] and (found.copies == copies[[1]]).all()
    assert len(read_published(archive, "GRCh37").contigs) == 4


@pytest.fixture(scope="module", params=("GRCh37", "GRCh38"))
def published(request: pytest.FixtureRequest) -> PublishedPanel:
    if not PEDDY.is_file():
        pytest.skip(f"{PEDDY} is not there: make readers")
    return read_published(PEDDY, request.param)


def test_the_published_panel_has_the_continents_of_1000_genomes(published: PublishedPanel, shared_data: Path) -> None:
    known = people(shared_data)
    assert list(published.populations) == [known[person]["superpopulation"] for person in sorted(known)]
    assert len(published.contigs) in (23_770, 23_530) and published.copies.shape[1] == 2_504


@pytest.fixture(scope="module")
def held_out(
    published: PublishedPanel, tmp_path_factory: pytest.TempPathFactory
) -> tuple[AncestryPanel, np.ndarray, list[str]]:
    """A panel made without 120 of its persons, who stand beside it; sites lie close together, for a small FASTA."""
    held = np.sort(np.random.default_rng(1).permutation(2_504)[:120])
    others = np.setdiff1d(np.arange(2_504), held)
    less = replace(
        published,
        positions=np.arange(len(published.contigs), dtype=np.int64),
        copies=published.copies[:, others],
        populations=tuple(published.populations[person] for person in others),
    )
    _, panel = built(less, tmp_path_factory.mktemp("held_out"))
    copies = published.copies[np.ix_(panel.sites.positions, held)].astype(np.int8)
    return panel, copies, [published.populations[one] for one in held]


@pytest.mark.parametrize(("missing", "least_told"), [(0.0, 0.95), (0.89, 0.9)])
def test_persons_left_out_are_told_like_their_own_continent(
    held_out: tuple[AncestryPanel, np.ndarray, list[str]], missing: float, least_told: float
) -> None:
    panel, copies, populations = held_out
    draw, found = np.random.default_rng(2), Counter[tuple[str, str]]()
    some = range(0, copies.shape[1], 1 if missing else 4)
    for person in some:
        own = copies[:, person].copy()
        own[draw.random(len(own)) < missing] = UNKNOWN
        found[populations[person], panel.before(own).ancestry.population] += 1
    told = {pair: count for pair, count in found.items() if pair[1] != UNDETERMINED}
    assert sum(told.values()) >= least_told * len(some)
    assert sum(count for (own, like), count in told.items() if own != like) <= 0.02 * len(some)
    assert {own for own, _ in told} == {"AFR", "AMR", "EAS", "EUR", "SAS"}


def test_real_genotypes_of_chromosome_20_are_those_of_the_panel(published: PublishedPanel, shared_data: Path) -> None:
    """503 Europeans of the phased and unphased files: 71 sites of the panel lie there, and none is turned round."""
    if len(published.contigs) != 23_770:
        pytest.skip("the files are of GRCh37")
    files = [shared_data / "eur503_chr20_1_4m" / name for name in ("reference.vcf.gz", "unphased.vcf.gz")]
    names, found = read_copies(files)
    order = {person: number for number, person in enumerate(sorted(people(shared_data)))}
    columns = [order[name] for name in names]
    compared = agreed = 0
    for row, contig in enumerate(published.contigs):
        place = (contig, int(published.positions[row]) + 1, published.ref[row], published.alt[row])
        if place in found:
            called = found[place] >= 0
            compared += int(called.sum())
            agreed += int((found[place][called] == published.copies[row, columns][called]).sum())
    assert compared > 20_000 and agreed / compared > 0.999


def test_one_chromosome_tells_no_ancestry(held_out: tuple[AncestryPanel, np.ndarray, list[str]]) -> None:
    panel, copies, _ = held_out
    here, own = panel.sites.of("20"), np.full(len(panel.sites), UNKNOWN, np.int8)
    own[here] = copies[here, 0]
    assert 400 < here.stop - here.start < 624
    assert panel.before(own).ancestry.population == UNDETERMINED


def test_a_child_of_two_continents_is_like_neither(held_out: tuple[AncestryPanel, np.ndarray, list[str]]) -> None:
    panel, copies, populations = held_out
    draw = np.random.default_rng(4)
    for one, other in (("EUR", "EAS"), ("AFR", "EUR"), ("SAS", "EAS")):
        parents = copies[:, [populations.index(one), populations.index(other)]]
        child = (draw.random(parents.shape) < parents / 2).sum(axis=1).astype(np.int8)
        found = panel.before(child).ancestry
        assert found.is_far and found.population == UNDETERMINED
