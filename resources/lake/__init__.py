"""The lake: where artifacts live. :mod:`.contract` says what a lake is, every other module one place that can be one.

Callers use the contract alone: they name an asset and a sample, never a path that they made themselves.
"""

from resources.lake.contract import Lake, Work
from resources.lake.local import LocalLake

__all__ = ["Lake", "LocalLake", "Work"]
