"""What names tell of a codon is what the sequence says, where there is sequence."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from benchmarks import criteria
from benchmarks.codons import codons_of, told_by


def test_codons_that_names_leave_open_tell_what_they_agree_on() -> None:
    codons = codons_of("Arg", {0: "C", 1: "G"}, [({1: "A"}, "Gln")])
    assert codons == {"CGA", "CGG"}
    assert (told_by(codons, {1: "T"}), told_by(codons, {0: "T"})) == ("Leu", None)


def test_comparators_by_name_are_those_by_sequence(shared_data: Path) -> None:
    panel = shared_data / "clingen_expert_panel" / "clingen_expert_panel.tsv.gz"
    with gzip.open(panel, "rt") as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if row["gene"] == "TP53"]
    genes = criteria.Genes(shared_data / "clinvar_genes_ideogram", {"TP53"})
    sequences = {"17": shared_data / "iarc_tp53_93exomes" / "17.Npadded_to_b37_coords.fa.gz"}
    told = 0
    for row in rows:
        facts = criteria._facts(row, genes, {})
        if isinstance(facts, str) or not facts.known:
            continue
        by_sequence, has_sequence = criteria._with_sequence(facts, row, sequences)
        by_name = criteria._with_codon(facts, row, genes)
        assert has_sequence
        pairs = [
            (one.protein, other.protein)
            for one, other in zip(by_name.known, by_sequence.known, strict=True)
            if one.protein not in (None, criteria.OPEN)
        ]
        own = criteria.missense_of(facts.protein)
        for one, other in pairs:
            named = criteria.missense_of(other)
            if named and criteria.ANOTHER in one:
                assert own and named[:2] == own[:2] and named[2] != own[2], row["hgvs_c"]
            else:
                assert one == other, row["hgvs_c"]
        told += len(pairs)
    assert told > 40
