"""Every artifact that there is, known to this process whatever it has loaded before."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from engine.ops import artifact


def load_contracts() -> None:
    """Load what declares artifacts: every module of the seam but the one that knows Dagster, which declares none."""
    for module in iter_modules([str(Path(artifact.__file__).parent)]):
        if module.name != "dagster_op":
            import_module(f"engine.ops.{module.name}")
