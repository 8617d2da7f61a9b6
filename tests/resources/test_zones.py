"""Who may read which part of the data: declared once, applied to files and to Data Lake Storage, and held to."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from engine.cohort.columns import KEPT
from engine.ops.datasets import PREFIX as DATASETS
from engine.ops.joint_call import ASSET as JOINT_CALL
from engine.ops.studies import ASSET as STUDIES
from engine.ops.studies import MEMBERS
from genomics_assets.artifacts import KNOWLEDGE, NOTEBOOKS, OF_THE_COHORT
from resources.access_lists import DataLakeLists, LocalLists
from resources.zones import (
    ROLES,
    ZONES,
    AccessList,
    AccessListError,
    apply,
    drift,
    parse,
    read_groups,
    told,
    wanted,
    zone_of,
)
from tests.builders.data_lake import DataLake, Person, data_lake

GROUPS = {role: f"g-{role}" for role in ROLES}
PATHS = {
    "lake/samples/S1/variants/1a/S1.vcf.gz": {"bioinformatician", "geneticist"},
    "lake/samples/S1/variants/receipt.json": {"bioinformatician", "geneticist"},
    "lake/samples/S1/clinical_report/1a/S1.html": {"bioinformatician", "geneticist", "clinician"},
    "lake/samples/S1/fhir_bundle/1a/S1.fhir.json": {"geneticist", "clinician"},
    "lake/shared/cohort_allele_frequency/1a/a.parquet": {"bioinformatician", "geneticist", "analyst"},
    "lake/shared/clinvar_trial/1a/trial.json": {"bioinformatician", "geneticist", "clinician"},
    "lake/shared/clinvar/1a/c.parquet": {"bioinformatician", "geneticist", "analyst"},
    "lake/.work/S1.variants/artifact/S1.vcf": set(),
    "cohort/calls/part.parquet": {"bioinformatician", "geneticist", "analyst"},
    "landing/run7/S1.fastq.gz": {"bioinformatician"},
    "audit/audit.jsonl": {"auditor"},
    "audit/seals/key": set(),
    "registry/samples.sqlite": set(),
    "secrets/registry-password": set(),
}
"""Whose each file is, told a second time on purpose: the rules are held against it."""


def readers(path: str) -> set[str]:
    """Roles that come to a file, entering every folder that leads there."""
    parts = path.split("/")
    folders = ["", *("/".join(parts[:count]) for count in range(1, len(parts)))]
    found = set(ROLES)
    for folder in folders:
        found &= {role for role in ROLES if "x" in wanted(folder, GROUPS, is_folder=True).groups.get(GROUPS[role], "")}
    return {role for role in found if "r" in wanted(path, GROUPS, is_folder=False).groups.get(GROUPS[role], "")}


@pytest.mark.parametrize("path", PATHS)
def test_each_role_comes_to_what_is_its_own_and_nothing_else(path: str) -> None:
    assert readers(path) == PATHS[path]


@pytest.mark.parametrize("path", PATHS)
def test_what_is_made_anew_is_never_more_open_than_it_will_be(path: str) -> None:
    """Above another zone nothing is inherited: what is new there is the platform's alone until it is applied."""
    parts = path.split("/")
    chain = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    for above, below in pairwise(chain):
        inherited = wanted(above, GROUPS, is_folder=True).inherited or {}
        must = wanted(below, GROUPS, is_folder=below != path).groups
        assert all(set(rights) - {"-", "x"} <= set(must.get(who, "")) for who, rights in inherited.items())


def test_what_is_made_of_the_cohort_lies_in_its_zone_and_knowledge_does_not() -> None:
    def shared(name: str) -> str | None:
        return zone_of(f"lake/shared/{name}/1a/file")

    assert {shared(one.name) for one in (*OF_THE_COHORT, *NOTEBOOKS)} == {"cohort"}
    assert {shared(name) for name in ("cohort_tables", STUDIES, JOINT_CALL, f"{DATASETS}kgp")} == {"cohort"}
    assert {shared(one.name) for one in KNOWLEDGE} == {"knowledge"}
    assert {zone_of(f"cohort/{name}/part.parquet") for name in (*KEPT, MEMBERS)} == {"cohort"}


def test_every_zone_is_somebodys_and_every_role_reads_one() -> None:
    assert set().union(*ROLES.values()) == set(ZONES) and all(ROLES.values())
    assert zone_of("dagster_home/storage/x") is None and zone_of("lake/samples") == "lake"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[DataLake]:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    with data_lake(tmp_path) as running:
        for path in PATHS:
            if path.startswith("lake/"):
                running.make(path.removeprefix("lake/"), b"content")
        running.members = {role: {GROUPS[role]} for role in ROLES}
        yield running


def lists(lake: DataLake, who: str = "service") -> DataLakeLists:
    return DataLakeLists(lake.url, Person(who), options=lake.options)


def test_lists_are_applied_to_the_data_lake_and_it_keeps_to_them(lake: DataLake) -> None:
    assert len(apply(lists(lake), GROUPS)) > len(PATHS) and drift(lists(lake), GROUPS) == []
    assert sum("filesystem" in asked for asked in lake.asked) > 4, "the listing came in pages"
    for path, whose in PATHS.items():
        if path.startswith("lake/"):
            assert {role for role in ROLES if lake.may(role, "r", path.removeprefix("lake/"))} == whose, path
    assert not any(lake.may("stranger", "r", path) for path in lake.paths)


def test_who_reads_by_the_client_library_is_let_in_or_not(lake: DataLake) -> None:
    from azure.core.exceptions import HttpResponseError
    from azure.storage.filedatalake import DataLakeFileClient

    apply(lists(lake), GROUPS)
    account, _, name = lake.url.rpartition("/")

    def read(role: str) -> bytes:
        path = "samples/S1/clinical_report/1a/S1.html"
        client = DataLakeFileClient(account, name, path, credential=Person(role), **lake.options)
        return bytes(client.download_file().readall())

    assert read("clinician") == b"content"
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        read("analyst")


def test_what_is_new_in_a_folder_of_one_zone_is_open_at_once_and_elsewhere_shut(lake: DataLake) -> None:
    apply(lists(lake), GROUPS)
    lake.make("samples/S1/variants/2b/S1.vcf.gz", b"")
    lake.make("samples/S2/variants/1a/S2.vcf.gz", b"")
    assert lake.may("geneticist", "r", "samples/S1/variants/2b/S1.vcf.gz")
    assert not lake.may("geneticist", "r", "samples/S2/variants/1a/S2.vcf.gz")
    found = drift(lists(lake), GROUPS)
    assert {one.path.split("/")[2] for one in found if one.path.startswith("lake/samples/S2")} == {"S2"}
    apply(lists(lake), GROUPS)
    assert lake.may("geneticist", "r", "samples/S2/variants/1a/S2.vcf.gz")


def test_a_list_that_was_opened_by_hand_is_found_and_shut(lake: DataLake) -> None:
    apply(lists(lake), GROUPS)
    path = "samples/S1/fhir_bundle/1a/S1.fhir.json"
    lake.paths[path] = (b"", "user::rwx,user:mallory:r--,group::---,group:g-analyst:r--,mask::r--,other::r--")
    (found,) = drift(lists(lake), GROUPS)
    assert found.is_open and set(found.found.groups) == {"g-analyst", "user mallory", "(everybody)"}
    assert told([found]).startswith(f"OPEN lake/{path}: ")
    apply(lists(lake), GROUPS)
    assert drift(lists(lake), GROUPS) == [] and not lake.may("analyst", "r", path)


def test_a_right_beyond_the_mask_is_none() -> None:
    assert parse("user::rwx,group::r-x,group:a:rwx,mask::r--,other::---").groups == {
        "(owning group)": "r--",
        "a": "r--",
    }
    assert str(AccessList({"a": "r-x"})) == "user::rwx,group::---,group:a:r-x,mask::r-x,other::---"
    assert parse(str(AccessList({"a": "r-x"}, {"b": "r--"}))) == AccessList({"a": "r-x"}, {"b": "r--"})


def test_no_mask_hides_that_everybody_may() -> None:
    assert parse("user::rwx,group::r-x,group:a:r--,mask::---,other::r--").groups == {"(everybody)": "r--"}
    folder = parse("user::rwx,group::---,other::---,default:user::rwx,default:mask::---,default:other::rwx")
    assert folder == AccessList({}, {"(everybody)": "rwx"})


@pytest.mark.parametrize("text", ["rwx", "group:a:rw", "robot::rwx", "user::rwz"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(AccessListError, match="is no entry of an access list"):
        parse(text)


def test_who_may_not_set_lists_is_told_what_is_missing(lake: DataLake) -> None:
    with pytest.raises(
        AccessListError, match=r"does not let access lists be read or set \(403\).*Storage Blob Data Owner"
    ):
        apply(lists(lake, "clinician"), GROUPS)


# This machine's files


@pytest.fixture
def files(tmp_path: Path) -> LocalLists:
    root = tmp_path / "data"
    for path in PATHS:
        (root / path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (root / path).write_text("content")
        (root / path).chmod(0o600)
    probe = root / "audit" / "audit.jsonl"
    try:
        LocalLists(root).write("audit/audit.jsonl", AccessList({"daemon": "r--"}), is_folder=False)
    except AccessListError:
        pytest.skip(f"the file system of {probe} keeps no access lists")
    return LocalLists(root)


@pytest.fixture
def machine() -> dict[str, str]:
    """Groups that every Debian has, in the place of the laboratory's."""
    names = ("daemon", "bin", "sys", "games", "mail")
    if not all(any(one.gr_name == name for one in grp.getgrall()) for name in names):
        pytest.skip("this machine has none of the groups that Debian has")
    return dict(zip(ROLES, names, strict=True))


def test_lists_are_applied_to_files_and_a_group_that_went_is_found(files: LocalLists, machine: dict[str, str]) -> None:
    assert apply(files, machine) and drift(files, machine) == []
    path = files.root / "lake/samples/S1/clinical_report/1a/S1.html"
    assert path.stat().st_mode & 0o007 == 0
    path.chmod(0o604)
    (found,) = drift(files, machine)
    assert found.is_open and found.found.groups["(everybody)"] == "r--"
    fewer = {role: group for role, group in machine.items() if role != "analyst"}
    assert {one.is_open for one in drift(files, fewer)} == {True}


@pytest.mark.skipif(os.getuid() != 0, reason="another account is needed, which only root can become")
def test_the_kernel_keeps_to_them(files: LocalLists, machine: dict[str, str]) -> None:
    apply(files, machine)
    for above in files.root.parents:
        if above.stat().st_uid == os.getuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o011)
    nobody = pwd.getpwnam("nobody").pw_uid
    tried = (
        "import os, sys; os.setgroups([int(sys.argv[1])]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[2]))\n"
        "for path in sys.argv[3:]:\n"
        "    try: open(path).read(); print(1)\n"
        "    except PermissionError: print(0)"
    )
    for role, group in machine.items():
        number = str(grp.getgrnam(group).gr_gid)
        command = [sys.executable, "-I", "-c", tried, number, str(nobody), *(str(files.root / path) for path in PATHS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        read = {path for path, said in zip(PATHS, done.stdout.split(), strict=True) if said == "1"}
        assert read == {path for path, whose in PATHS.items() if role in whose}, role


def test_what_goes_while_it_is_looked_at_keeps_nobody_from_the_rest(
    files: LocalLists, machine: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs make and remove files all the time; a look that stopped at one would apply no list at all."""
    every = list(files.paths())
    gone = [("lake/samples/S1/gone.vcf", False), ("lake/.work/gone", True)]
    monkeypatch.setattr(LocalLists, "paths", lambda _: iter([*every[:3], *gone, *every[3:]]))
    assert len(apply(files, machine)) > len(PATHS) and drift(files, machine) == []
    files.write("lake/samples/S1/gone.vcf", AccessList({"daemon": "r--"}), is_folder=False)
    assert not (files.root / "lake/samples/S1/gone.vcf").exists()


def test_what_goes_from_the_data_lake_meanwhile_is_left_out(lake: DataLake, monkeypatch: pytest.MonkeyPatch) -> None:
    every = list(lists(lake).paths())
    monkeypatch.setattr(DataLakeLists, "paths", lambda _: iter([*every, ("lake/samples/S1/gone.vcf", False)]))
    assert apply(lists(lake), GROUPS) and drift(lists(lake), GROUPS) == []
    lists(lake).write("lake/samples/S1/gone.vcf", AccessList(), is_folder=False)


def test_links_are_left_alone(files: LocalLists, machine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("x")
    (files.root / "lake" / "samples" / "S1" / "link").symlink_to(tmp_path / "elsewhere")
    apply(files, machine)
    assert not any(path.endswith("link") for path, _ in files.paths())


def test_a_group_that_there_is_not_is_told(files: LocalLists) -> None:
    with pytest.raises(AccessListError, match="this machine has no group 'g-"):
        apply(files, GROUPS)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("groups: {surgeon: a}", "there is no role 'surgeon'"),
        ("groups: {analyst: a, clinician: a}", "two roles have one group"),
        ("groups: [a]", "does not say groups by role"),
        ("people: {}", "does not say groups by role"),
        ("groups: {analyst: 7}", "does not say groups by role"),
        ("{", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "access.yaml").write_text(content)
    with pytest.raises(AccessListError, match=why):
        read_groups(tmp_path / "access.yaml")


def test_without_a_file_nobody_has_a_role(tmp_path: Path) -> None:
    assert read_groups(None) == {}
    (tmp_path / "access.yaml").write_text("groups: {analyst: genomics-analysts}")
    assert read_groups(tmp_path / "access.yaml") == {"analyst": "genomics-analysts"}
