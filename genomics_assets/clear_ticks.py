"""What a sensor says when something is wrong: one clear message in place of a trace, and another try at the next tick.

A tick that raises shows Dagster's trace; one that is skipped shows its reason, keeps its cursor, and is tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import dagster as dg

from engine.errors import GenomicsError
from engine.storage import storage_error
from genomics_assets.messages import tell

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def clear_ticks(evaluate: Callable[Arguments, Result]) -> Callable[Arguments, Result | dg.SkipReason]:
    """A sensor's function whose errors that a user can mend, the disk's too, become the reason of a skipped tick.

    Stands directly above the function, below Dagster's decorator.
    """

    @wraps(evaluate)
    def evaluated(*arguments: Arguments.args, **resources: Arguments.kwargs) -> Result | dg.SkipReason:
        try:
            return evaluate(*arguments, **resources)
        except GenomicsError as error:
            told = str(error)
        except OSError as error:
            told = str(storage_error(error))
        tell(told)
        return dg.SkipReason(told)

    return evaluated
