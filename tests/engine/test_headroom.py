from pathlib import Path

import pytest

from engine.headroom import free_disk, free_memory, gibibytes


def test_the_smaller_of_machine_and_container_is_free(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9\nMemAvailable:    4096 kB\n")
    (tmp_path / "max").write_text("3000000")
    (tmp_path / "used").write_text("1000000")
    group = (str(tmp_path / "max"), str(tmp_path / "used"))
    assert free_memory(tmp_path / "meminfo", ()) == 4096 * 1024
    assert free_memory(tmp_path / "meminfo", (group,)) == 2_000_000
    (tmp_path / "max").write_text("max\n")
    assert free_memory(tmp_path / "meminfo", (group,)) == 4096 * 1024
    assert free_memory(tmp_path / "absent", ()) > 0


@pytest.mark.parametrize("kept", ["inactive_file 900000\n", "inactive_file 5\ntotal_inactive_file 900000\n"])
def test_files_that_the_kernel_keeps_for_nobody_do_not_fill_a_container(tmp_path: Path, kept: str) -> None:
    """Counted as used, they would have a container that has read its reads refuse to build an index."""
    (tmp_path / "meminfo").write_text("MemAvailable:    4096 kB\n")
    (tmp_path / "memory.max").write_text("3000000")
    (tmp_path / "memory.current").write_text("2900000")
    (tmp_path / "memory.stat").write_text(f"anon 2000000\n{kept}")
    group = (str(tmp_path / "memory.max"), str(tmp_path / "memory.current"))
    assert free_memory(tmp_path / "meminfo", (group,)) == 1_000_000


def test_a_folder_that_does_not_exist_yet_has_its_disks_room(tmp_path: Path) -> None:
    assert free_disk(tmp_path / "a" / "b") == pytest.approx(free_disk(tmp_path), rel=0.05)


@pytest.mark.parametrize(("count", "told"), [(650 << 20, "0.6 GiB"), (130 << 30, "130 GiB")])
def test_bytes_are_told_to_people(count: int, told: str) -> None:
    assert gibibytes(count) == told
