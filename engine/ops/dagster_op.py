"""Where a contract becomes a Dagster op: retries, pool and metadata; and the op that builds the cohort's tables.

The one module here that imports Dagster. An op makes its artifact by :meth:`engine.ops.artifact.Contract.make` and
tells Dagster what came of it.
"""

import os
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from engine.errors import GenomicsError
from engine.ops.artifact import Contract, NotApplicable, Published
from engine.ops.services import Lake, Services, Settings
from engine.ops.shown import Shown, figures, plot_address, tables
from engine.receipt import Receipt
from engine.storage import StorageError, storage_error

# Data versions on op outputs are how an asset made from an op says what it holds; Dagster still calls them beta.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message="Parameter `data_version` of initializer `Output")

CONFIG = {"recompute": dg.Field(bool, default_value=False, description="Compute again even if nothing has changed.")}
CohortEvent = dg.AssetCheckResult | dg.MaterializeResult[None]
CPU_SECONDS = "CPU seconds"
"""Name in an artifact's metadata: what the step took, near nothing where the artifact was fresh."""
# A full disk or a lost network share may be back a little later; bad input is not retried (see `clear_failure`).
RETRY = dg.RetryPolicy(max_retries=1, delay=5, backoff=dg.Backoff.EXPONENTIAL)


def op_of(contract: Contract, settings: Settings, parts: Collection[str]) -> dg.OpDefinition:
    """The op that makes a contract's artifact.

    Args:
        contract: of the artifact.
        settings: of the deployment; its options decide some edges.
        parts: the parts of knowledge that the reference has.
    """

    @dg.op(
        name=contract.name,
        description=contract.description,
        ins={name: dg.In(dg.Nothing) for name in contract.edges(settings, parts)},
        out=dg.Out(dg.Nothing, is_required=False),
        required_resource_keys=set(Services.names()),
        config_schema=CONFIG,
        retry_policy=RETRY,
        code_version=contract.code.digest,
        pool=contract.pool,
    )
    def op(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
        services = Services.of(context.resources)
        sample = context.partition_key if contract.by_sample else ""
        recompute = bool(context.op_execution_context.op_config["recompute"])
        before = _cpu_seconds()
        with clear_failure(sample or None):
            made = contract.make(services, sample, log=context.log.info, recompute=recompute)
        if not isinstance(made, NotApplicable):
            # Of the asset, not of the output: Dagster's event log would keep the output's beside the asset's.
            context.add_asset_metadata(_metadata(made, services.lake, cpu_seconds=_cpu_seconds() - before))
            yield dg.Output(None, data_version=dg.DataVersion(made.receipt.data_version))

    return op


@contextmanager
def clear_failure(sample: str | None) -> Iterator[None]:
    """Turn an error that a user can mend into a failure that says so; tried again is only what the disk refused."""
    try:
        yield
    except OSError as error:
        told = storage_error(error)
        raise dg.Failure(description=str(told.about(sample=sample)), allow_retries=True) from error
    except StorageError as error:
        raise dg.Failure(description=str(error.about(sample=sample)), allow_retries=True) from error
    except GenomicsError as error:
        raise dg.Failure(description=str(error.about(sample=sample)), allow_retries=False) from error


def _cpu_seconds() -> float:
    """CPU time that this process and those it has waited for have taken."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _metadata(made: Published, lake: Lake, *, cpu_seconds: float) -> dict[str, Any]:
    """What the web UI shows of an artifact."""
    receipt = made.receipt
    shown: dict[str, Any] = {title: table_value(table) for title, table in tables(receipt, lake).items()}
    shown |= _plots(receipt)
    shown |= {
        "path": dg.MetadataValue.path(str(lake.folder(receipt))),
        "records": receipt.records,
        "size (MB)": round(sum(file.bytes for file in receipt.files) / 1e6, 3),
        "files": dg.MetadataValue.md(
            "\n".join(f"- `{file.name}` {file.bytes:,} bytes, sha256 `{file.sha256}`" for file in receipt.files)
        ),
    }
    shown |= {name: _rounded(value) for name, value in receipt.measures.items() if isinstance(value, int | float | str)}
    shown["tools"] = dg.MetadataValue.json(dict(receipt.recipe.tools))
    shown["made from"] = dg.MetadataValue.json(dict(receipt.recipe.inputs) | dict(receipt.recipe.knowledge))
    shown[CPU_SECONDS] = round(cpu_seconds, 2)
    return shown


def table_value(table: Shown) -> dg.MetadataValue:
    """A table as the web UI shows it; what stands in it is text, whatever it looks like."""
    if not table.rows:
        return dg.MetadataValue.text("none")
    columns = [dg.TableColumn(column.name, description=column.meaning) for column in table.columns]
    records = [dg.TableRecord(dict(row)) for row in table.rows]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def _plots(receipt: Receipt) -> dict[str, Any]:
    from engine.quality.plots import titles_of

    titles = [*titles_of(receipt.measures), *figures(receipt)]
    return {title: dg.MetadataValue.md(f"![{title}]({plot_address(receipt, title)})") for title in titles}


def _rounded(value: float | str) -> float | str:
    """For people, six digits; the receipt has them all."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def build_cohort_tables(
    context: dg.AssetExecutionContext,
) -> Iterator[CohortEvent]:
    """Build every cohort table in one dbt run and publish them together, if all their tests pass."""
    from engine.cohort.models import cohort_models
    from engine.cohort.tables import TestResult
    from engine.ops.cohort import FailedTestsError, build_cohort

    services = Services.of(context.resources)
    with clear_failure(None):
        try:
            built = build_cohort(services, context.log.warning)
        except FailedTestsError as failed:
            yield from map(_check_result, failed.results)
            raise
    # Tables are published only with all tests passed: what is fresh has passed them.
    passed = [TestResult(model.name, test, True, 0, None) for model in cohort_models() for test in model.tests]
    broken = {test for one in built.put_aside for test in one.tests}
    told = "; ".join(map(str, built.put_aside))
    yield from (_check_result(result, told if result.name in broken else "") for result in built.results or passed)
    for model in cohort_models():
        file = built.receipt.file(f"{model.name}.parquet")
        yield dg.MaterializeResult(
            asset_key=model.name,
            data_version=dg.DataVersion(file.sha256[:32]),
            metadata={
                "path": dg.MetadataValue.path(str(services.lake.path(built.receipt, file.name))),
                "dagster/row_count": built.receipt.measures[model.name],
                "size (MB)": round(file.bytes / 1e6, 3),
                "left out": told or "no sample",
            },
        )


def _check_result(result: Any, put_aside: str = "") -> dg.AssetCheckResult:
    """The verdict of a dbt test; one that passes because samples were put aside has failed, and names them."""
    if put_aside:
        return dg.AssetCheckResult(
            asset_key=result.model,
            check_name=result.name,
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{put_aside}. The tables of all other samples pass, and are published.",
        )
    return dg.AssetCheckResult(
        asset_key=result.model,
        check_name=result.name,
        passed=result.passed,
        metadata={"failures": result.failures, "message": result.message or ""},
    )
