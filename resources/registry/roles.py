"""Rights in PostgreSQL: the platform signs in as a role that owns no table, and its owner alone changes tables.

``python -m resources.registry.roles ROLE`` prints what the owner runs by ``psql`` once tables are made or changed. What
people decided (:data:`ONLY_ADDED`) the platform adds to and never changes; no table is altered, emptied or dropped.

>>> rights("platform")[-1]
'GRANT EXECUTE ON FUNCTION write_persons_anew() TO "platform"'
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from resources.registry.contract import RegistryError
from resources.registry.migrations import VERSION_TABLE
from resources.registry.tables import METADATA

ONLY_ADDED = frozenset({"contents", "decisions", "history", "overrides", "sign_outs", "study_cohorts"})
"""Tables whose rows no program of ours changes or removes."""
HOLD_PERSONS = ("person_keys", "subjects")
ANEW = "write_persons_anew"
"""A function of the owner's that writes these tables anew, so that no dead row tells of a person who was forgotten."""
_ROLE = re.compile(r"[a-z_][a-z0-9_-]{0,62}")


def rights(role: str) -> list[str]:
    """The statements that leave a role what the platform needs, and nothing else.

    Raises:
        RegistryError: the role's name is none that is written without care.
    """
    if not _ROLE.fullmatch(role):
        raise RegistryError(f"{role!r} is no name of a role", remedy="take lower-case letters, digits, _ and -")
    statements = [_function(), f'REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "{role}"']
    for table in sorted(METADATA.tables):
        may = "SELECT, INSERT" if table in ONLY_ADDED else "SELECT, INSERT, UPDATE, DELETE"
        statements.append(f'GRANT {may} ON {table} TO "{role}"')
    statements.append(f'GRANT SELECT ON {VERSION_TABLE} TO "{role}"')
    statements.append(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{role}"')
    statements.append(f"REVOKE ALL ON FUNCTION {ANEW}() FROM PUBLIC")
    statements.append(f'GRANT EXECUTE ON FUNCTION {ANEW}() TO "{role}"')
    return statements


def _function() -> str:
    # VACUUM runs in no function; CLUSTER does, and leaves as little behind.
    anew = " ".join(f"CLUSTER public.{table} USING {table}_pkey;" for table in HOLD_PERSONS)
    return (
        f"CREATE OR REPLACE FUNCTION {ANEW}() RETURNS void LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = pg_catalog, pg_temp AS $$ BEGIN {anew} END $$"
    )


def main(arguments: Sequence[str]) -> int:
    """Print the statements; returns the exit code."""
    if len(arguments) != 1:
        print("usage: python -m resources.registry.roles ROLE", file=sys.stderr)
        return 2
    try:
        print("".join(f"{statement};\n" for statement in rights(arguments[0])), end="")
    except RegistryError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
