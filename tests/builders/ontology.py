"""A small ontology of phenotypes in HPO's formats: two diseases of the heart, one of the skin, one without a gene."""

from __future__ import annotations

from pathlib import Path

TERMS = {
    "HP:0000001": ("All", ()),
    "HP:0000005": ("Mode of inheritance", ("HP:0000001",)),
    "HP:0000006": ("Autosomal dominant inheritance", ("HP:0000005",)),
    "HP:0000118": ("Phenotypic abnormality", ("HP:0000001",)),
    "HP:0000100": ("Abnormal heart", ("HP:0000118",)),
    "HP:0000101": ("Arrhythmia", ("HP:0000100",)),
    "HP:0000102": ("Long QT", ("HP:0000101",)),
    "HP:0000103": ("Short QT", ("HP:0000101",)),
    "HP:0000200": ("Abnormal skin", ("HP:0000118",)),
    "HP:0000201": ("Blister", ("HP:0000200",)),
}
SIGNS = (
    ("OMIM:1", "Long QT syndrome", "HP:0000102", "9/10", "P"),
    ("OMIM:1", "Long QT syndrome", "HP:0000006", "", "I"),
    ("OMIM:2", "Short QT syndrome", "HP:0000103", "HP:0040281", "P"),
    ("OMIM:2", "Short QT syndrome", "HP:0000201", "10%", "P"),
    ("OMIM:3", "Blistering", "HP:0000201", "", "P"),
    ("OMIM:4", "Blistering without a gene", "HP:0000201", "", "P"),
)
GENES = (("LQT", "OMIM:1"), ("SQT", "OMIM:2"), ("SKIN", "OMIM:3"), ("TWIN", "OMIM:3"), ("LONE", "OMIM:9"))


def write_ontology(folder: Path) -> Path:
    """Write ``hp.obo``, ``phenotype.hpoa`` and ``genes_to_phenotype.txt``; returns the folder."""
    folder.mkdir(exist_ok=True)
    stanzas = ["format-version: 1.2\ndata-version: hp/releases/2024-02-29\n"]
    for term, (name, parents) in TERMS.items():
        kinds = "".join(f"is_a: {parent} ! {TERMS[parent][0]}\n" for parent in parents)
        earlier = "alt_id: HP:0000902\n" if term == "HP:0000102" else ""
        stanzas.append(f"[Term]\nid: {term}\nname: {name}\n{earlier}{kinds}")
    stanzas.append(
        "[Term]\nid: HP:0000903\nname: obsolete Short QT\nis_obsolete: true\nreplaced_by: HP:0000103\n"
        "\n[Typedef]\nid: part_of\nname: part of\n"
    )
    (folder / "hp.obo").write_text("\n".join(stanzas))
    header = (
        "#version: 2024-02-29\ndatabase_id\tdisease_name\tqualifier\thpo_id\treference\tevidence\tonset\tfrequency\n"
    )
    rows = [
        f"{disease}\t{name}\t\t{term}\tPMID:1\tPCS\t\t{frequency}\t\t\t{aspect}\tHPO:x\n"
        for disease, name, term, frequency, aspect in SIGNS
    ]
    (folder / "phenotype.hpoa").write_text(header + "".join(rows))
    genes = "".join(f"1\t{gene}\tHP:0000001\tAll\t-\t{disease}\n" for gene, disease in GENES)
    (folder / "genes_to_phenotype.txt").write_text(
        "ncbi_gene_id\tgene_symbol\thpo_id\thpo_name\tfrequency\tdisease_id\n" + genes
    )
    return folder
