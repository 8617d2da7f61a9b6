"""Thin Dagster ops around engine functions: the one file of the engine that knows Dagster.

An op opens the gates of what it uses, states the recipe of what it makes, lets an engine function write into a work
folder, and publishes. It is where retries, pools and sizes are set. An artifact whose recipe is unchanged is not
computed again unless the op's config says ``recompute``.

Ops find their services by name in ``context.resources``: ``settings``, ``lake``, ``gate``, ``knowledge``, ``registry``
and ``warehouse`` (see ``resources/environment.py``). Which assets the ops make is said in ``genomics_assets/assets``.
"""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from engine.errors import GenomicsError
from engine.progress import Progress
from engine.receipt import Measure, Receipt, Recipe
from engine.tools import versions

# Data versions on op outputs are how an asset made from an op says what it holds; Dagster still calls them beta.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message="Parameter `data_version` of initializer `Output")

SERVICES = {"settings", "lake", "gate", "knowledge", "registry"}
CONFIG = {
    "recompute": dg.Field(bool, default_value=False, description="Compute again even if nothing has changed.")
}
# A full disk or a lost network share may be back a little later; bad input is not retried (see `_clear_failure`).
RETRY = dg.RetryPolicy(max_retries=1, delay=5, backoff=dg.Backoff.EXPONENTIAL)


@dataclass(frozen=True)
class Made:
    """What a computation gave: the number of records and what was measured."""

    records: int
    measures: Mapping[str, Measure] = field(default_factory=dict)


def _sample_op(*upstream: str, pool: str | None = None, services: frozenset[str] = frozenset()) -> Any:
    return dg.op(
        ins={name: dg.In(dg.Nothing) for name in upstream},
        out=dg.Out(dg.Nothing),
        required_resource_keys=SERVICES | services,
        config_schema=CONFIG,
        retry_policy=RETRY,
        pool=pool,
    )


def _publish(
    context: dg.OpExecutionContext,
    recipe: Recipe,
    compute: Callable[[Any], Made],
    *,
    sample: str | None,
) -> dg.Output[None]:
    """Make and publish the op's artifact, or find it fresh, and tell Dagster what it holds."""
    asset = context.op.name
    with context.resources.lake.work(asset, sample) as work:
        receipt = None if context.op_config["recompute"] else work.fresh(recipe)
        if receipt is not None:
            context.log.info(f"{asset} is fresh: made {receipt.created} from the same inputs by the same tools")
        else:
            made = compute(work)
            receipt = work.publish(records=made.records, recipe=recipe, measures=made.measures)
    folder = context.resources.lake.folder(receipt)
    return dg.Output(None, metadata=_metadata(receipt, folder), data_version=dg.DataVersion(receipt.data_version))


def _metadata(receipt: Receipt, folder: Path) -> dict[str, Any]:
    from engine.quality.plots import draw

    shown: dict[str, Any] = {
        "path": dg.MetadataValue.path(str(folder)),
        "records": receipt.records,
        "size (MB)": round(sum(file.bytes for file in receipt.files) / 1e6, 3),
        "files": dg.MetadataValue.md("\n".join(f"- `{f.name}` {f.bytes:,} bytes, sha256 `{f.sha256}`" for f in receipt.files)),
    }
    shown |= {name: value for name, value in receipt.measures.items() if isinstance(value, int | float | str)}
    for title, png in draw(receipt.measures).items():
        shown[title] = dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")
    shown["tools"] = dg.MetadataValue.json(dict(receipt.recipe.tools))
    shown["made from"] = dg.MetadataValue.json(dict(receipt.recipe.inputs) | dict(receipt.recipe.knowledge))
    return shown


@contextmanager
def _clear_failure(sample: str | None) -> Iterator[None]:
    """Turn an error that a user can mend into a failure that says so and is not retried."""
    try:
        yield
    except GenomicsError as error:
        raise dg.Failure(description=str(error.about(sample=sample)), allow_retries=False) from error
