"""What a reference's YAML may say, and that anything else is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import KnowledgeError
from resources.knowledge import read_declaration

GOOD = "name: lab\nbuild: GRCh38\nfasta: ref.fa\n"


def declared(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "lab.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_paths_are_relative_to_the_sources(tmp_path: Path) -> None:
    found = read_declaration(declared(tmp_path, GOOD + "clinvar_release: 2024-12-15\n"), tmp_path / "sources")
    assert (found.name, found.fasta) == ("lab", tmp_path / "sources" / "ref.fa")
    assert found.clinvar_release == "2024-12-15"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a list",
        "only words",
        "{",
        b"name: \xff\xfe",
        GOOD + "fasta: other.fa\n",
        GOOD + "build: GRCh37\n",
        GOOD + "contig_md5: {chr20: 0123, chr20: 4567}\n",
        GOOD + "contig_md5: [chr20]\n",
        GOOD + "contig_md5: {chr20: 12}\n",
        GOOD + "targets: [a.bed]\n",
        GOOD + "taregts: a.bed\n",
        GOOD + "7: a.bed\n",
        GOOD.replace("ref.fa", ".nan"),
        GOOD.replace("ref.fa", "{a: b}"),
        GOOD.replace("ref.fa", ""),
        GOOD.replace("lab", "[a]"),
        GOOD.replace("GRCh38", "hg19"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused_with_its_file(tmp_path: Path, text: str | bytes) -> None:
    path = declared(tmp_path, text)
    with pytest.raises(KnowledgeError) as caught:
        read_declaration(path, tmp_path)
    assert caught.value.file == str(path)


def test_a_key_given_twice_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"the key 'fasta' is given twice(.|\n)*line 4"):
        read_declaration(declared(tmp_path, GOOD + "fasta: other.fa\n"), tmp_path)
