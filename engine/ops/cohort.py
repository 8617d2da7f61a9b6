"""Cohort: each sample's contribution, and the tables that dbt makes of all contributions in one run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from engine.annotate.columns import ANNOTATED_COLUMNS
from engine.classify.columns import FINDING_COLUMNS
from engine.code_version import code_version
from engine.cohort.columns import BESIDE, KEPT, MODELLED, TABLES, typed_table
from engine.errors import LakeError
from engine.ops.artifact import Computed, artifact
from engine.ops.inputs import (
    Artifact,
    CohortFiles,
    EverySample,
    Facts,
    Genome,
    Making,
    Options,
    Own,
    Previous,
    standings,
)
from engine.ops.services import Services, Settings, Warehouse, Work
from engine.person import Person
from engine.reanalysis.carried import TABLE as CARRIED
from engine.receipt import Measure, Receipt, Recipe, digest_text

if TYPE_CHECKING:
    from engine.cohort.tables import TestResult
    from engine.quality.data_docs import JudgedTable

_DBT = ("dbt-core", "dbt-duckdb")
"""Distributions that build the tables in a process of their own: no import tells of them."""


def _append(published: Artifact, services: Services) -> None:
    """The contribution's rows into the Delta tables, exactly once."""
    from engine.cohort.contributed import read_contribution

    receipt, sample = published.receipt, str(published.receipt.sample)
    tables = {name: read_contribution(published.folder, name) for name in TABLES}
    versions = {name: receipt.file(f"{name}.parquet").sha256 for name in TABLES}
    services.warehouse.contribute(tables, sample=sample, versions=versions)
    named = {sample, *(each for row in tables["samples"].to_pylist() for each in (row["father_id"], row["mother_id"]))}
    for gone in sorted(named & set(services.registry.withdrawn())):
        services.warehouse.remove(gone)  # withdrawn meanwhile, and what was there then has been taken out already


@artifact(
    kinds={"deltalake", "parquet"},
    columns=KEPT["calls"],
    after=_append,
)
def cohort_contribution(
    making: Making,
    raw_reads: Own,
    aligned_reads: Own,
    gvcf: Own,
    variants: Own,
    relatedness: Own,
    reference: Genome,
    person: Annotated[Person, Facts("sex", "family_id", "father_id", "mother_id")],
    settings: Annotated[Settings, Options("caller")],
) -> Computed:
    """What one sample adds to the cohort, appended to the Delta tables exactly once.

    The alleles it carries, where it was not called, what is known of it and how good it is. A position without
    coverage is missing, not reference.
    """
    from engine.cohort.contributed import write_contribution
    from engine.cohort.contribution import contribute

    measured = (raw_reads, aligned_reads, gvcf, variants, relatedness)
    tables = contribute(
        variants.file(".vcf.gz"),
        gvcf.file(".g.vcf.gz"),
        reference,
        sample=making.sample,
        person=person,
        caller=settings.caller,
        measures={each.receipt.asset: each.measures for each in measured},
        scratch=making.scratch,
    )
    write_contribution(tables, making.folder)
    return Computed(len(tables["calls"]), {name: len(rows) for name, rows in tables.items()})


@artifact(kinds={"html"}, by_sample=False, pool="cohort")
def data_docs(
    making: Making,
    tables: Annotated[CohortFiles, EverySample("annotated_variants", "findings")],
    previous: Previous,
) -> Computed:
    """Great Expectations' pages: whether every value in annotated variants, findings and cohort tables is what its
    column promises.

    One run judges the tables of many samples; what was judged before is not judged again. ``index.html`` leads on.
    """
    from engine.quality.data_docs import judge_tables

    return Computed(*judge_tables(_promised(tables), making.folder, previous.folder if previous else None))


@artifact(kinds={"html"}, by_sample=False, pool="cohort")
def cohort_qc_report(
    making: Making,
    samples: Annotated[CohortFiles, EverySample("raw_reads", "aligned_reads", "identity", "variants")],
) -> Computed:
    """The quality of all samples side by side (``index.html``), those unlike the others named.

    The same figures are there as MultiQC's custom content, and as its page where MultiQC is installed.
    """
    from engine.quality.cohort_report import PAGE, draw_with_multiqc, figures_of, outliers_of, write_cohort_report

    figures = figures_of({key: one.measures for key, one in samples.of_samples.items()})
    outliers = outliers_of(figures)
    write_cohort_report(figures, outliers, making.folder)
    program = Path(sys.executable).with_name("multiqc")
    if program.is_file():
        draw_with_multiqc(program, making.folder)
    told: dict[str, Measure] = {
        "samples": len(figures),
        "outliers": len({one.sample for one in outliers}),
        "outliers_told": "; ".join(map(str, outliers)),
        "page": PAGE,
    }
    return Computed(len(figures), told)


def _promised(tables: CohortFiles) -> Iterator[JudgedTable]:
    """Every table with the columns that it promises."""
    from engine.cohort.models import cohort_models
    from engine.quality.data_docs import JudgedTable

    promised = {
        "annotated_variants": (".annotated.parquet", ANNOTATED_COLUMNS),
        "findings": (".findings.parquet", FINDING_COLUMNS),
    }
    for (asset, sample), one in sorted(tables.of_samples.items()):
        suffix, columns = promised[asset]
        yield JudgedTable(f"{asset}.{sample}", one.receipt.data_version, one.file(suffix), columns)
    if tables.cohort:
        for model in cohort_models():
            file = tables.cohort.receipt.file(f"{model.name}.parquet")
            yield JudgedTable(model.name, file.sha256, tables.cohort.file(f"{model.name}.parquet"), model.columns)


@dataclass(frozen=True)
class PutAside:
    """A sample that is left out of the cohort tables, because it breaks their tests.

    Attributes:
        sample: its id.
        version: of its contribution; another one is tried anew.
        tests: names of the tests that it breaks by itself.
    """

    sample: str
    version: str
    tests: tuple[str, ...]

    @classmethod
    def noted(cls, receipt: Receipt | None) -> tuple[PutAside, ...]:
        """Those that a receipt of the tables tells of."""
        told = receipt.measures.get(PUT_ASIDE) if receipt else None
        rows = [str(row).split(" ") for row in told] if isinstance(told, list | tuple) else []
        return tuple(cls(sample, version, tuple(tests)) for sample, version, *tests in rows)

    def __str__(self) -> str:
        return f"{self.sample} is left out of the cohort tables: it breaks {', '.join(self.tests)}"


PUT_ASIDE = "put_aside"
"""Measure of the tables: one text for each sample left out, its id, its contribution's version and the tests."""


@dataclass(frozen=True)
class CohortTables:
    """What became of the cohort tables.

    Attributes:
        receipt: of the current tables.
        results: verdict of each test; empty where the tables were fresh: published tables have passed theirs.
    """

    receipt: Receipt
    results: Sequence[TestResult]

    @property
    def put_aside(self) -> tuple[PutAside, ...]:
        """The samples that are left out."""
        return PutAside.noted(self.receipt)


class FailedTestsError(LakeError):
    """Tables that fail a test are not published; ``results`` has every verdict."""

    def __init__(self, results: Sequence[TestResult]) -> None:
        failed = ", ".join(f"{result.model}.{result.name}" for result in results if not result.passed)
        super().__init__(
            f"the cohort tables fail {failed}, and no sample by itself is the cause; the previous tables stay",
            remedy="look at the failed checks and mend the contribution that they point to",
        )
        self.results = results


def contributions(warehouse: Warehouse) -> dict[str, str]:
    """What has been contributed to the cohort, by table: what the cohort tables' recipe says they were made from."""
    return _named({name: warehouse.files(name) for name in MODELLED})


def _named(files: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: digest_text("\n".join(Path(uri).name for uri in uris)) for name, uris in files.items()}


def build_cohort(services: Services, log: Callable[[str], None] = lambda _: None) -> CohortTables:
    """Build every cohort table in one dbt run and publish them together, if all their tests pass.

    A sample that breaks a test by itself is put aside, and the tables of all others are published; it is tried again
    when its contribution is another one.

    Args:
        services: of the deployment.
        log: takes lines for the people who watch.

    Raises:
        FailedTestsError: a test failed, and no sample by itself is the cause.
        LakeError: nobody has contributed.
        ToolError: a model could not be built.
    """
    from engine.cohort.model_versions import model_versions
    from engine.cohort.models import cohort_models
    from engine.cohort.tables import count_rows

    if services.warehouse.version("samples") < 0:
        raise LakeError("no sample has contributed to the cohort", remedy="materialize cohort_contribution first")
    with services.lake.work("cohort_tables", log=log) as work:
        files, carried = services.warehouse.listing(), services.warehouse.files(CARRIED)
        facts = _facts(services)
        recipe = Recipe(
            inputs=_named({name: files[name] for name in MODELLED} | {CARRIED: carried}),
            tools=code_version("engine.ops.cohort:build_cohort", distributions=_DBT).tools("cohort_tables")
            | dict(model_versions()),
            parameters={name: digest_text(repr(rows)) for name, rows in facts.items()},
        )
        receipt = work.fresh(recipe)
        if receipt is not None:
            return CohortTables(receipt, ())
        building = _Building(services, work, files | _written(facts, carried, work.scratch), log)
        put_aside, results = building.build(_still_put_aside(services, recipe))
        rows = {model.name: count_rows(work.folder / f"{model.name}.parquet") for model in cohort_models()}
        told = [" ".join((one.sample, one.version, *one.tests)) for one in put_aside]
        measures: dict[str, Measure] = {**rows, PUT_ASIDE: told} if told else {**rows}
        published = work.publish(records=sum(rows.values()), recipe=recipe, measures=measures)
    return CohortTables(published, results)


def _facts(services: Services) -> dict[str, list[tuple[object, ...]]]:
    """What is known of the cases beside contributions, as rows of tables of :data:`engine.cohort.columns.BESIDE`."""
    from engine.dashboards.snapshot import standings_of

    return {"strata": _strata(services), **standings_of(case for case, _ in standings(services, "statement"))}


def _strata(services: Services) -> list[tuple[object, ...]]:
    """What each sample belongs to beside its sex, as rows of :data:`engine.cohort.columns.STRATUM_COLUMNS`."""
    found: list[tuple[str, str, str]] = []
    for each in services.registry.samples():
        found += [(each.sample_id, "phenotype", term) for term in each.person.phenotype]
        if each.person.secondary_findings_consent:
            found.append((each.sample_id, "consent", "secondary findings"))
        if each.person.ancestry:
            found.append((each.sample_id, "ancestry", each.person.ancestry))
    return [*sorted(found)]


def _written(
    facts: Mapping[str, Sequence[tuple[object, ...]]], carried: Sequence[str], folder: Path
) -> dict[str, list[str]]:
    """Files of what the tables are made of beside contributions, by name."""
    import pyarrow.parquet as pq

    from engine.cohort.gene_alleles import gene_alleles

    tables = {name: typed_table(rows, BESIDE[name]) for name, rows in facts.items()} | gene_alleles(carried)
    for name, rows in tables.items():
        pq.write_table(rows, folder / f"{name}.parquet")
    return {name: [str(folder / f"{name}.parquet")] for name in tables}


def _still_put_aside(services: Services, recipe: Recipe) -> list[PutAside]:
    """The samples left out before, whose contribution is the same, as are the tests."""
    previous = services.lake.previous("cohort_tables")
    if previous is None or previous.recipe.tools != recipe.tools:
        return []
    return [one for one in PutAside.noted(previous) if one.version == _version(services, one.sample)]


def _version(services: Services, sample: str) -> str:
    receipt = services.lake.receipt(cohort_contribution.name, sample)
    return receipt.data_version if receipt else "none"


@dataclass(frozen=True)
class _Building:
    """The tables in the making."""

    services: Services
    work: Work
    files: Mapping[str, Sequence[str]]
    log: Callable[[str], None]

    def build(self, put_aside: Sequence[PutAside]) -> tuple[Sequence[PutAside], Sequence[TestResult]]:
        """Build, and find out what breaks it where something does."""
        from engine.cohort.put_aside import breaking_samples

        left_out = {one.sample for one in put_aside}
        results = self._try(left_out, self.work.folder)
        if _all_passed(results):
            return put_aside, results
        samples = [sample for sample in self._contributors if sample not in left_out]
        self.log(f"the tests of the cohort tables fail; looking for the cause among {len(samples):,} samples")
        found = breaking_samples(samples, self._failed_tests) if len(samples) > 1 else {}
        if not found or len(found) == len(samples):
            raise FailedTestsError(results)
        more = [PutAside(sample, _version(self.services, sample), tests) for sample, tests in found.items()]
        for one in more:
            self.log(str(one))
        results = self._try(left_out | found.keys(), self.work.folder)
        if not _all_passed(results):
            raise FailedTestsError(results)
        return [*put_aside, *more], results

    def _failed_tests(self, some: Sequence[str]) -> list[str]:
        """Names of the tests that tables of some samples alone fail; a test that could not run has not failed."""
        with TemporaryDirectory(dir=self.work.scratch) as folder:
            results = self._try(set(self._contributors) - set(some), Path(folder))
        return sorted({result.name for result in results if not result.passed and result.failures})

    @cached_property
    def _contributors(self) -> tuple[str, ...]:
        from engine.cohort.tables import contributors

        return contributors(self.files)

    def _try(self, put_aside: Collection[str], folder: Path) -> Sequence[TestResult]:
        from engine.cohort.tables import build_tables

        threads = self.services.settings.threads
        with TemporaryDirectory(dir=self.work.scratch) as scratch:
            return build_tables(self.files, folder, Path(scratch), threads=threads, put_aside=put_aside)


def _all_passed(results: Sequence[TestResult]) -> bool:
    return all(result.passed for result in results)
