"""The sample registry: which samples there are, whose they are, which reads are theirs, and how far they have come.

The only place that knows who a patient is; everything else knows pseudonyms. One SQLite file by default, or a
PostgreSQL database by its URL; safe for several processes on both.

- :mod:`~resources.registry.registry`: what it offers; :mod:`~resources.registry.contract`: the values it answers with.
- :mod:`~resources.registry.tables`: the tables, declared once; :mod:`~resources.registry.migrations`: how an older
  database comes to have them.
- :mod:`~resources.registry.database`: what a database must offer; :mod:`~resources.registry.sqlite` and
  :mod:`~resources.registry.postgres` offer it.
"""

from resources.registry.contract import Family, HistoryEntry, Override, Registration, RegistryError
from resources.registry.registry import SampleRegistry

__all__ = ["Family", "HistoryEntry", "Override", "Registration", "RegistryError", "SampleRegistry"]
