"""The reference's YAML: what is declared wrongly is refused in words, before anything is built."""

from pathlib import Path

import pytest

from engine.errors import KnowledgeError
from resources.declaration import DECLARATIONS, read_declaration

GOOD = "name: lab\nbuild: GRCh38\nfasta: GRCh38.fna.gz\n"


@pytest.mark.parametrize("name", ["demo", "GRCh37", "GRCh38"])
def test_the_references_that_come_along_are_declared_well(name: str, tmp_path: Path) -> None:
    declared = read_declaration(DECLARATIONS / f"{name}.yaml", tmp_path)
    assert (declared.name, declared.fasta.parent) == (name, tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "declares no fields"),
        ("- GRCh38.fa\n", "no list of fields"),
        ("GRCh38.fa\n", "no list of fields"),
        (GOOD + "fasta: other.fa\n", "the key 'fasta' is given twice"),
        (
            GOOD + 'contig_md5:\n  "20": ' + 2 * "0123456789abcdef" + "\n  20: " + 32 * "0" + "\n",
            "the M5 of 20 must|20",
        ),
        (GOOD.replace("GRCh38\n", "hg19\n", 1), "build is 'hg19'"),
        (GOOD.replace("build: GRCh38\n", ""), "build must be given"),
        (GOOD.replace("build: GRCh38", "build:"), "build must be given"),
        (GOOD.replace("GRCh38.fna.gz", "[GRCh38.fa]"), "must be the path of one file"),
        (GOOD.replace("GRCh38.fna.gz", "38"), "must be the path of one file"),
        (GOOD.replace("GRCh38.fna.gz", "GRCh38.2bit"), "must end in one of .fa"),
        (GOOD + "targets: {a: b}\n", "must be the path of one file"),
        (GOOD + "contig_md5: [x]\n", "M5 of contigs by their names"),
        (GOOD + "contig_md5: {chr1: 12}\n", "the M5 of chr1 must be 32 hexadecimal digits"),
        (GOOD + "clinvar_release: [2024]\n", "a date or a name"),
        (GOOD + "clinvar_release: 2024-13-45\n", "not YAML"),
        (GOOD + "clinvar_release: .nan\n", "a date or a name"),
        (GOOD.replace("name: lab", 'name: "a\\nb"'), "name is"),
        (GOOD.replace("GRCh38.fna.gz", '"a\\0b.fa"'), "must be the path of one file"),
        (GOOD + "targets: " + 3_000 * "[" + "\n", "not YAML: it is nested"),
        (GOOD.replace("name: lab", "name: {a: b}"), "name is"),
        (GOOD + "gene_modle: x.gff3\n", "no field gene_modle"),
        (GOOD.replace("\nbuild", "\n\tbuild"), "not YAML"),
        (GOOD + "? [a]\n: b\n", "not YAML"),
        ("name: !!python/object:os.system x\n", "not YAML"),
        ("{a: [}\n", "not YAML"),
    ],
)
def test_a_declaration_that_cannot_be_used_is_refused_in_words(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(text)
    with pytest.raises(KnowledgeError, match=told) as caught:
        read_declaration(path, tmp_path)
    assert caught.value.file == str(path) and caught.value.remedy


def test_what_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    with pytest.raises(KnowledgeError, match="cannot be read: No such file"):
        read_declaration(path, tmp_path)
    path.write_bytes(b"name: \xff\n")
    with pytest.raises(KnowledgeError, match="not UTF-8"):
        read_declaration(path, tmp_path)


@pytest.mark.parametrize("suffix", [".fa", ".fasta", ".fna", ".fas", ".ffn", ".fna.gz", ".fasta.bgz", ".FA"])
def test_every_usual_suffix_of_a_fasta_is_taken(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(GOOD.replace(".fna.gz", suffix))
    assert read_declaration(path, tmp_path).fasta == tmp_path / f"GRCh38{suffix}"
