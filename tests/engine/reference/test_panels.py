"""Gene panels as laboratories keep them and as PanelApp exports them."""

from pathlib import Path

import pytest

from engine.errors import KnowledgeError
from engine.reference.panels import PANELS, build_panels, panel_key, panel_named, read_panels

OWN = "panel\tgene\tversion\nAtaxia\tATM\t2\nAtaxia\tfxn\t2\nAtaxia\tATM\t2\nDeafness\tC10ORF2\t\n"
PANELAPP = (
    "Entity Name\tEntity type\tGene Symbol\tSources(; separated)\tLevel4\tPhenotypes\tGEL_Status\tversion\n"
    'SCN1A\tgene\tSCN1A\tExpert Review Green\tEpilepsy, early\t"Dravet; ""severe"""\t3\t4.12\n'
    "ABAT\tgene\tABAT\tExpert Review Amber\tEpilepsy, early\t\t2\t4.12\n"
    "AARS1\tgene\tAARS1\t\tEpilepsy, early\tnone\t1\t4.12\n"
    "ARX_GCN\tstr\tARX\t\tEpilepsy, early\t\t3\t4.12\n"
)


def written(folder: Path, text: str) -> Path:
    path = folder / "source.tsv"
    path.write_text(text)
    return path


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_a_laboratorys_own_table(tmp_path: Path, separator: str) -> None:
    measures = build_panels(written(tmp_path, "# ours\n" + OWN.replace("\t", separator)), tmp_path)
    assert (measures.panels, measures.genes, measures.left_out) == (2, 3, 0)
    assert measures.names == ["Ataxia (2)", "Deafness"]
    panel = panel_named(tmp_path / PANELS, "  ATAXIA ")
    assert (panel.name, panel.genes, panel.version) == ("Ataxia", ("ATM", "FXN"), "2")
    assert panel_named(tmp_path / PANELS, "Deafness").genes == ("C10orf2",)


def test_the_green_genes_of_an_export_of_panelapp(tmp_path: Path) -> None:
    second = PANELAPP.replace("Epilepsy, early", "Rett and alike").replace("SCN1A", "MECP2")
    measures = build_panels(written(tmp_path, PANELAPP + second), tmp_path)
    assert (measures.panels, measures.genes, measures.left_out) == (2, 2, 6)
    panel = panel_named(tmp_path / PANELS, "epilepsy, early")
    assert (panel.genes, panel.version) == (("SCN1A",), "4.12")


def test_what_is_built_reads_as_its_source_does(tmp_path: Path) -> None:
    source = written(tmp_path, OWN)
    build_panels(source, tmp_path)
    assert read_panels(tmp_path / PANELS) == read_panels(source)


@pytest.mark.parametrize("asked", ["ataxia;Deafness", "Ataxia ; deafness;", "Deafness; Ataxia"])
def test_an_order_may_name_several_panels(tmp_path: Path, asked: str) -> None:
    panel = panel_named(written(tmp_path, OWN), asked)
    assert set(panel.genes) == {"ATM", "FXN", "C10orf2"} and "Ataxia (2)" in panel.name and panel.version is None


@pytest.mark.parametrize("asked", ["Ataxia; Deafnes", ";", "Ataxia, Deafness"])
def test_of_several_panels_each_must_be_known(tmp_path: Path, asked: str) -> None:
    with pytest.raises(KnowledgeError, match="does not have"):
        panel_named(written(tmp_path, OWN), asked)


@pytest.mark.parametrize(("asked", "told"), [("Ataxa", "perhaps 'Ataxia' is meant"), ("xyz", "'Ataxia', 'Deafness'")])
def test_an_unknown_panel_is_answered_with_those_that_there_are(tmp_path: Path, asked: str, told: str) -> None:
    with pytest.raises(KnowledgeError) as caught:
        panel_named(written(tmp_path, OWN), asked)
    assert told in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no gene of any panel"),
        ("panel\tgene\n", "no gene of any panel"),
        ("name\tgene\nA\tATM\n", "no column panel"),
        ("panel\tsymbol\nA\tATM\n", "no column gene"),
        ("panel gene\nA ATM\n", "no column panel and no column gene"),
        ("panel\tgene\tgene\nA\tATM\tFXN\n", "gene twice"),
        ("panel\tgene\nA\t\n", "names no gene"),
        ("panel\tgene\n\tATM\n", "names no panel"),
        ("panel\tgene\nA\n", "names no gene"),
        ("panel\tgene\nA\tATM;FXN\n", "is no symbol"),
        ("panel\tgene\nA\tATM\tFXN\n", "3 cells, the header 2"),
        ("panel\tgene\tversion\nA\tATM\t1\nA\tFXN\t2\n", "of version 2 here, of 1 before"),
        ("panel\tgene\tversion\nA\tATM\t1\na\tFXN\t\n", "of version none here"),
        ("panel\tgene\nA\tA\x00TM\n", "NUL"),
        ("panel\tgene\nA\tATM", "no line end"),
        ('panel\tgene\nA\t"ATM\n', "cannot be read"),
        (PANELAPP.replace("\t3\t", "\tgreen\t"), "GEL_Status is 'green'"),
        (PANELAPP.replace("\t3\t", "\t1\t"), "no gene of any panel"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_with_its_file(tmp_path: Path, text: str, problem: str) -> None:
    source = written(tmp_path, text)
    with pytest.raises(KnowledgeError) as caught:
        read_panels(source)
    assert problem in caught.value.problem and caught.value.file == str(source)


def test_spellings_of_one_name_are_one_panel() -> None:
    assert panel_key(" Movement  DISORDERS") == panel_key("movement disorders")
