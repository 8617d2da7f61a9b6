"""Datasets of others: imported as artifacts of the lake, and asked beside the cohort, each under its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from engine.code_version import code_version
from engine.cohort.dataset import FREQUENCIES, OWN, Dataset, by_source, import_dataset, read_dataset
from engine.consent import ConsentError, permits, purpose_of
from engine.errors import KnowledgeError
from engine.ops.services import Lake, Services
from engine.receipt import Receipt, Recipe

PREFIX = "dataset_"
"""Begins the name of a dataset's artifact."""


class ListedLake(Lake, Protocol):
    """A lake that says what it holds."""

    def assets(self, sample: str | None = None) -> list[str]:
        """Names of the published artifacts that belong to no sample."""


def take(services: Services, declaration: Path, *, announce: Callable[[Recipe], None] = lambda _: None) -> Receipt:
    """Import a declared dataset, or find it imported from the same file.

    Args:
        services: of the deployment.
        declaration: its YAML.
        announce: called with what is about to be published, or is found published, when all is judged.

    Raises:
        GenomicsError: as of :func:`engine.cohort.dataset.read_dataset` and ``import_dataset``.
    """
    dataset = read_dataset(declaration)
    if not dataset.file.is_file():
        raise KnowledgeError("the dataset's file is not there", file=dataset.file, remedy="correct file in its YAML")
    genome = services.knowledge.require("reference_genome")
    reference = services.knowledge.bundle("reference_genome")
    with services.lake.work(f"{PREFIX}{dataset.name}") as work:
        recipe = Recipe(
            inputs={"reference_genome": genome.data_version},
            tools=code_version("engine.ops.datasets:take").tools(dataset.name),
            knowledge={dataset.name: dataset.release},
            parameters={**_stated(dataset), "sha256": services.lake.sha256(dataset.file)},
        )
        receipt = work.fresh(recipe)
        if receipt is not None:
            announce(recipe)
            return receipt
        measured = import_dataset(dataset, reference, work.folder, work.scratch)
        announce(recipe)
        return work.publish(records=measured.alleles, recipe=recipe, measures=asdict(measured))


def _stated(dataset: Dataset) -> dict[str, Any]:
    return {**asdict(dataset), "file": dataset.file.name}


def taken(lake: ListedLake) -> dict[str, Receipt]:
    """Every dataset that was imported, by name."""
    found = {asset.removeprefix(PREFIX): lake.receipt(asset) for asset in lake.assets() if asset.startswith(PREFIX)}
    return {name: receipt for name, receipt in found.items() if receipt}


def frequencies(
    lake: ListedLake, alleles: Sequence[str], purpose: str, sources: Sequence[str] = (), *, union: bool = False
) -> tuple[list[dict[str, Any]], list[str]]:
    """Frequencies of alleles in the cohort and in datasets whose consent covers a purpose, by source.

    Args:
        lake: where they are.
        alleles: ``contig-position-ref-alt``, contig without ``chr``.
        purpose: what for, as people write it.
        sources: to ask, all by default.
        union: whether to add them up besides.

    Returns:
        Rows as of :func:`engine.cohort.dataset.by_source`, and names of sources that were left out for want of consent.

    Raises:
        KnowledgeError: there is no such source.
        ConsentError: a source that was named may not be used for the purpose.
    """
    wanted, today = purpose_of(purpose), datetime.now(UTC).date().isoformat()
    datasets = taken(lake)
    known = {**datasets, **({OWN: own} if (own := lake.receipt("cohort_tables")) else {})}
    for name in sources:
        if name not in known:
            raise KnowledgeError(f"there is no source {name!r}", remedy=f"there are {', '.join(known) or 'none'}")
    barred = [
        name for name, one in datasets.items() if not permits((str(one.recipe.parameters["consent"]),), wanted, today)
    ]
    if refused := sorted(set(barred) & set(sources)):
        raise ConsentError(
            f"{', '.join(refused)} may not be used for {wanted}", remedy="leave it out, or ask for leave"
        )
    tables = {
        name: lake.path(lake.require(receipt.asset), "cohort_allele_frequency.parquet" if name == OWN else FREQUENCIES)
        for name, receipt in known.items()
        if name not in barred and (not sources or name in sources)
    }
    return by_source(tables, alleles, union=union), sorted(barred)
