"""How results are computed: pure genomics, one folder per step of the analysis.

Nothing here knows of Dagster (except ``ops.py``), of a cloud, of where data lives or of who the patient is.
A function takes paths and values, writes the files it was told to write, and returns what it measured.
"""

import os
import sys

# Read by numba when it decorates the first kernel; see engine/kernel_cache.py for what it mends.
os.environ.setdefault(
    "NUMBA_CACHE_LOCATOR_CLASSES",
    "engine.kernel_cache.UserProvided,engine.kernel_cache.InTree,engine.kernel_cache.UserWide,"
    "IPythonCacheLocator,ZipCacheLocator",
)
if "numba" in sys.modules:
    sys.modules["numba"].config.reload_config()  # imported before us, it has read its environment already
