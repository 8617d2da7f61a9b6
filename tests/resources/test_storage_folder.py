"""Knowledge from a folder of a storage: known by its names, brought once, and never half."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.cli import main
from engine.errors import KnowledgeError
from engine.storage import StorageError
from resources.shipped_files import gather, is_known
from resources.storage_folder import StorageFolder, container_url, local_path
from tests.builders.azurite import Token, azurite, why_not

needs_azurite = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")
LAKE = "https://hospital.blob.core.windows.net/lake"
CONTAINER = "https://hospital.blob.core.windows.net/knowledge"


@pytest.mark.parametrize(
    "url",
    [
        f"{CONTAINER}/2026/grch38",
        f"{CONTAINER}/2026/grch38/",
        "https://hospital.dfs.core.windows.net/knowledge/2026/grch38",
        "abfss://knowledge@hospital.dfs.core.windows.net/2026/grch38",
        "abfs://knowledge@hospital.blob.core.windows.net/2026/grch38",
        "az://knowledge/2026/grch38",
    ],
)
def test_a_folder_is_named_in_the_ways_that_azure_has(url: str) -> None:
    assert container_url(url, LAKE) == (CONTAINER, "2026/grch38")


def test_a_folder_of_this_machine_may_be_a_url_too() -> None:
    assert local_path("file:///srv/my%20downloads") == Path("/srv/my downloads")
    assert local_path("downloads") == Path("downloads")
    assert local_path("file://elsewhere/downloads") is None and local_path("az://knowledge/x") is None


@pytest.mark.parametrize(
    "url",
    [
        f"{CONTAINER}/2026?sv=2024&sig=secret",
        "https://hospital.blob.core.windows.net/",
        "s3://bucket/folder",
        "file://elsewhere/downloads",
        "az:///folder",
    ],
)
def test_what_is_no_folder_is_refused_without_its_signature(url: str) -> None:
    with pytest.raises(KnowledgeError, match="no folder that knowledge can be taken from") as refused:
        container_url(url, LAKE)
    assert "secret" not in str(refused.value)


def test_a_container_of_the_lakes_account_needs_a_lake_there() -> None:
    with pytest.raises(KnowledgeError, match="no folder"):
        container_url("az://knowledge/2026", None)


@pytest.fixture
def container() -> str:
    return azurite().container()


def put(container: str, **files: bytes) -> None:
    from azure.storage.blob import ContainerClient

    with ContainerClient.from_container_url(container, credential=Token(), **azurite().options) as client:
        for name, content in files.items():
            client.upload_blob(f"2026/{name}", content, overwrite=True)


def remove(container: str, name: str) -> None:
    from azure.storage.blob import ContainerClient

    with ContainerClient.from_container_url(container, credential=Token(), **azurite().options) as client:
        client.delete_blob(f"2026/{name}")


def folder_of(container: str, path: str = "2026") -> StorageFolder:
    return StorageFolder(container, path, Token(), azurite().options)


FILES = {
    "Homo_sapiens_assembly38.fasta": b">chr1\nACGT\n",
    "clinvar_20241215.vcf.gz": b"clinvar",
    "clinvar_20241215.vcf.gz.tbi": b"index",
    "hpo/hp.obo": b"terms",
    "hpo/phenotype.hpoa": b"diseases",
    "hpo/genes_to_phenotype.txt": b"genes",
    "thesis.docx": b"a long text",
    "photos/cat.png": b"a picture",
    "photos/more/cat.png": b"a picture",
}


@needs_azurite
def test_what_is_known_is_brought_and_the_rest_is_only_told(container: str, tmp_path: Path) -> None:
    put(container, **FILES)
    into = folder_of(container).bring(tmp_path / "brought", is_known)
    found = gather(into)
    assert {field: path.name for field, path in found.files.items()} == {
        "fasta": "Homo_sapiens_assembly38.fasta", "clinvar": "clinvar_20241215.vcf.gz", "phenotypes": "hpo",
    }  # fmt: skip
    assert found.unknown == ("photos", "thesis.docx")
    held = {str(path.relative_to(into)): path.read_bytes() for path in into.rglob("*") if path.is_file()}
    brought = {name: content for name, content in FILES.items() if "photos" not in name and name != "thesis.docx"}
    assert held == brought | {"thesis.docx": b"", "photos/cat.png": b""}


@needs_azurite
def test_what_was_brought_is_brought_again_only_where_it_was_written_anew(container: str, tmp_path: Path) -> None:
    put(container, **FILES)
    into = folder_of(container).bring(tmp_path / "brought", is_known)
    kept, anew = into / "clinvar_20241215.vcf.gz", into / "hpo" / "hp.obo"
    node = kept.stat().st_ino
    put(container, **{"hpo/hp.obo": b"other"})
    remove(container, "thesis.docx")
    folder_of(container).bring(into, is_known)
    assert (kept.stat().st_ino, anew.read_bytes()) == (node, b"other")
    assert not (into / "thesis.docx").exists()


@needs_azurite
def test_a_folder_or_a_container_that_is_not_there_is_told(container: str, tmp_path: Path) -> None:
    put(container, **FILES)
    with pytest.raises(KnowledgeError, match="the folder is empty, or there is none"):
        folder_of(container, "2025").bring(tmp_path / "brought", is_known)
    absent = container.rpartition("/")[0] + "/absent"
    with pytest.raises(StorageError, match="no such container"):
        folder_of(absent).bring(tmp_path / "brought", is_known)
    assert not (tmp_path / "brought").exists()


@needs_azurite
def test_the_command_takes_a_url(
    container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(container, **FILES)
    monkeypatch.setenv("GENOMICS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GENOMICS_REFERENCE", "GRCh38")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azurite().certificate))
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", Token)
    assert main(["knowledge", "--from", f"{container}/2026"]) == 0
    printed = capsys.readouterr()
    assert "clinvar              clinvar_20241215.vcf.gz  2024-12-15" in printed.out
    assert "thesis.docx: its name is not known" in printed.err
    declared = (tmp_path / "data" / "sources" / "sources.yaml").read_text()
    assert f"clinvar: {tmp_path / 'data' / 'sources' / 'from_storage' / 'clinvar_20241215.vcf.gz'}" in declared
    assert main(["knowledge", "--from", f"{container}/nothing"]) == 1
    assert "the folder is empty, or there is none" in capsys.readouterr().err
