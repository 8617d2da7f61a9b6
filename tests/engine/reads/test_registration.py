"""What a registration's digest covers; the rules as they meet the storage: tests/resources/registry/."""

from __future__ import annotations

from pathlib import Path

from engine.person import Sex
from engine.reads.fingerprint import fingerprint
from engine.reads.registration import content_digest
from tests.builders.sheets import entry, said_anew


def test_facts_that_older_sheets_could_not_state_leave_their_digest_alone(tmp_path: Path) -> None:
    """A registry of the previous release is not to run every sample anew."""
    said = entry(tmp_path, "S1", sex=Sex.FEMALE, order_id="ORD-7", phenotype=("HP:0001250",))
    known = [fingerprint(path) for path in (said.lanes[0].read1, said.lanes[0].read2)]
    assert content_digest(said, known) == "d7f270813abd957402f55b0c5bb72e97450d0b062dc76ecf0732a1dab9f66d1b"
    assert (
        content_digest(said_anew(said, ordered_genes=("PANK2",)), known)
        != "d7f270813abd957402f55b0c5bb72e97450d0b062dc76ecf0732a1dab9f66d1b"
    )
