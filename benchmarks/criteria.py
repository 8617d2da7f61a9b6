"""``python -m benchmarks.criteria PANEL.tsv.gz IDEOGRAM``: how often the criteria are those of ClinGen's experts.

PANEL is a table of ClinGen's classifications (``gene``, ``hgvs_c``, ``hgvs_p``, ``hgvs_g_b37``, ``hgvs_g_b38``,
``clinvar_variation_id``, ``inheritance``, ``met``), IDEOGRAM the cache folder of npm ideogram with Ensembl's
transcripts and ClinVar's pathogenic alleles (two review stars or more, GRCh38). Places are those of the g. names,
transcripts those in which the experts' c. name is that place; what the protein becomes is read from the experts' p.
name. What comparators of PS1 and PM5 make of the protein follows from the p. name and the reference bases of the codon
that names and records tell (:mod:`benchmarks.codons`); a row in which they leave it open is not compared in these two.
Where ``--sequence CONTIG=FASTA`` gives GRCh37's of a chromosome, the sequence tells it, and how often a unit stands
there. ``--scores`` is a table of predictors on GRCh37. The allele itself is never among ClinVar's, and the review of a
panel that came after the row's counts as none.

Population frequencies are not at hand here, so PM2, BA1, BS1 and BS2 are not compared; nor are ClinVar's benign
alleles, without which PM1 finds more hot spots than there are, nor constraint for PP2.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pysam

from benchmarks.codons import Bases, codons_of, told_by
from demo.derive import clinvar_keys
from demo.gene_structures import PROTEIN_CODING, transcript_of
from engine.acmg.criteria import parse_criteria
from engine.acmg.decide import decide
from engine.acmg.facts import Known, VariantFacts, missense_of
from engine.acmg.gather import Place, missense_residues, terms_of, with_proteins
from engine.annotate.clinvar import stars
from engine.annotate.edit import Edit, reverse_complement, trimmed
from engine.annotate.gene_model import Transcript
from engine.annotate.hgvs import label

COMPARED = ("PVS1", "PS1", "PM1", "PM4", "PM5", "PP3", "BP4", "BP7")
_PLACE = re.compile(r"NC_0+(\d+)\.\d+:g\.(\d+)(?:_(\d+))?(.+)")
_MODES = {"Autosomal dominant": "AD", "Autosomal recessive": "AR", "X-linked": "XL"}
_BASES = re.compile("[ACGT]+")
NEIGHBOURS = frozenset({"C12orf43"})
"""Genes under which the table has alleles of the gene beside it (HNF1A), in names that no panel speaks of."""
OPEN = "open"
"""In place of a p. name that cannot be told."""


@dataclass
class Counts:
    """Of one criterion: met by both, by us alone, by the experts alone; and where both, at the same strength."""

    both: int = 0
    ours: int = 0
    theirs: int = 0
    same_strength: int = 0
    missed: Counter[str] = field(default_factory=Counter)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        whole = 2 * self.both + self.ours + self.theirs
        return 2 * self.both / whole if whole else float("nan")


class Genes:
    """Transcripts and pathogenic alleles of genes, from ideogram's caches."""

    def __init__(self, cache: Path, wanted: set[str]) -> None:
        self.contigs: dict[str, str] = {}
        starts: dict[str, int] = {}
        for row in _rows(_file(cache, "homo-sapiens-genes.tsv.gz")):
            if row[4] in wanted:
                self.contigs[row[4]], starts[row[4]] = row[0], int(row[1])
        self.transcripts: dict[str, list[Transcript]] = defaultdict(list)
        for row in _rows(_file(cache, "homo-sapiens-gene-structures.tsv.gz")):
            gene = row[0].rpartition("-")[0]
            if gene in starts and row[2] == PROTEIN_CODING:
                found = transcript_of(row, starts[gene])
                if found.coding:
                    self.transcripts[gene].append(_as_model(found, gene, self.contigs[gene]))
        self.alleles: dict[str, list[Known]] = defaultdict(list)
        self.replaced: dict[tuple[str, Edit], str] = {}
        keys = clinvar_keys(_file(cache, "homo-sapiens-variants.tsv.li.gz"))
        for row in _rows(_file(cache, "homo-sapiens-variants.tsv.gz")):
            contig, position, variation, ref, alt, _, _, review, significance, _, consequences, *_ = row
            if not (_BASES.fullmatch(ref) and _BASES.fullmatch(alt)):
                continue
            edit = trimmed(int(position) - 1, ref, alt)
            terms = [
                keys["molecular_consequences"][int(one)].partition("|")[0] for one in consequences.split(",") if one
            ]
            is_pathogenic = keys["clinical_significances"][int(significance)] != "Likely_pathogenic"
            review_stars = stars(keys["clinical_review_statuses"][int(review)])
            self.alleles[contig].append(Known(variation, is_pathogenic, review_stars, edit, terms_of(terms, edit)))
            self.replaced[contig, edit] = ref[edit.start - int(position) + 1 :][: edit.end - edit.start]

    def known(self, transcript: Transcript) -> tuple[Known, ...]:
        """The alleles within a transcript."""
        return tuple(
            one for one in self.alleles[transcript.contig] if transcript.start <= one.edit.start < transcript.end
        )


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("panel", type=Path)
    parser.add_argument("ideogram", type=Path)
    parser.add_argument("--sequence", action="append", default=[], metavar="CONTIG=FASTA", help="GRCh37's sequence")
    parser.add_argument("--show", metavar="CODE", help="print the rows in which we and the experts differ")
    parser.add_argument("--scores", type=Path, help="predictors by allele, GRCh37")
    options = parser.parse_args()
    with gzip.open(options.panel, "rt") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    approved = {row["clinvar_variation_id"]: row["approved"] for row in rows if row["clinvar_variation_id"]}
    genes = Genes(options.ideogram, {row["gene"] for row in rows})
    sequences = {contig: Path(fasta) for contig, _, fasta in (one.partition("=") for one in options.sequence)}
    scores = _scores(options.scores) if options.scores else {}
    counts = {code: Counts() for code in COMPARED}
    compared, left_out = Counter[str](), Counter[str]()
    for row in rows:
        facts = _facts(row, genes, approved)
        if isinstance(facts, str):
            left_out[facts] += 1
            continue
        compared["all"] += 1
        facts, has_sequence = _with_sequence(facts, row, sequences)
        if not has_sequence:
            facts = _with_codon(facts, row, genes)
        is_open = any(one.protein == OPEN for one in facts.known)
        prediction = scores.get(row["hgvs_g_b37"].partition("|")[0], {})
        facts = replace(facts, predictions=prediction)
        ours = {one.criterion.code: str(one.criterion.strength) for one in decide(facts)}
        theirs = {one.code: str(one.strength) for one in parse_criteria(row["met"])}
        for code in COMPARED:
            if (code in ("PS1", "PM5") and is_open) or (code in ("PP3", "BP4") and not prediction):
                continue
            compared[code] += 1
            _count(counts[code], code, ours, theirs, row)
            if code == options.show and (code in ours) != (code in theirs):
                print(code in ours, row["gene"], row["hgvs_c"], row["hgvs_p"], row["expert_class"], row["met"])
    print(f"{compared['all']:,} of {len(rows):,} rows compared; left out: {dict(left_out)}")
    for code in COMPARED:
        one = counts[code]
        print(
            f"{code}: F1 {one.f1:.2f} on {compared[code]:,} rows; both {one.both}, ours alone {one.ours}, "
            f"experts alone {one.theirs}; of both at the same strength {one.same_strength}; "
            f"apart in {dict(one.missed.most_common(6))}"
        )


def _count(one: Counts, code: str, ours: Mapping[str, str], theirs: Mapping[str, str], row: Mapping[str, str]) -> None:
    if code in ours and code in theirs:
        one.both += 1
        one.same_strength += ours[code] == theirs[code]
    elif code in ours:
        one.ours += 1
        one.missed[f"{row['gene']} ours"] += 1
    elif code in theirs:
        one.theirs += 1
        one.missed[f"{row['gene']} experts"] += 1


def _facts(row: Mapping[str, str], genes: Genes, approved: Mapping[str, str]) -> VariantFacts | str:
    """The facts of a row, or why there are none.

    Args:
        row: of the panel's table.
        genes: with transcripts and alleles.
        approved: when a panel approved its classification, by ClinVar's variation id.
    """
    if row["gene"] in NEIGHBOURS:
        return "named by a neighbouring gene"
    edit = _edit(row["hgvs_g_b38"])
    if edit is None:
        return "no place that can be read"
    change = row["hgvs_c"].partition(":c.")[2]
    counted = re.match(r"([-*]?\d+(?:[+-]\d+)?)", change)
    if not counted:
        return "no c. name"
    transcript = next(
        (one for one in genes.transcripts[row["gene"]] if counted[1] in _labels(one, edit)),
        None,
    )
    if transcript is None:
        return "no transcript in which the c. name is the place"
    protein = row["hgvs_p"].replace("*", "Ter") or None
    terms = _terms(edit, change, protein, transcript)
    if terms is None:
        return "the consequence is not told"
    known = tuple(
        _as_of(one, row["approved"], approved)
        for one in genes.known(transcript)
        if one.variation_id != row["clinvar_variation_id"] and one.edit != edit
    )
    modes = {short for long, short in _MODES.items() if long in row["inheritance"]}
    return VariantFacts(
        row["gene"], transcript, edit, terms, protein, known, "2024-12-15",
        missense=missense_residues(Place(transcript, 0, ""), known, ()),
        modes=frozenset(modes), variation_id=row["clinvar_variation_id"] or None, replaced=_replaced(row),
    )  # fmt: skip


def _as_of(allele: Known, day: str, approved: Mapping[str, str]) -> Known:
    """The allele without the review of a panel that came later: nobody compares with what is not classified yet."""
    later = approved.get(allele.variation_id, day) > day
    return replace(allele, stars=min(allele.stars, 2)) if later else allele


def _replaced(row: Mapping[str, str]) -> str:
    """The base that a substitution replaces."""
    found = re.search(r"\d([ACGT])>[ACGT]$", row["hgvs_g_b38"].partition("|")[0])
    return found[1] if found else ""


def _labels(transcript: Transcript, edit: Edit) -> set[str]:
    """The c. places of the bases about an edit."""
    places = {edit.start - 1, edit.start, max(edit.end - 1, edit.start)}
    return {label(transcript, place) for place in places if transcript.start <= place < transcript.end}


def _edit(name: str) -> Edit | None:
    found = _PLACE.fullmatch(name.partition("|")[0])
    if not found:
        return None
    start, end, change = int(found[2]) - 1, int(found[3] or found[2]), found[4]
    if ">" in change:
        return Edit(start, end, change[-1])
    if change.startswith("delins"):
        return Edit(start, end, change.removeprefix("delins"))
    if change.startswith("del"):
        return Edit(start, end, "")
    if change.startswith("dup"):
        return Edit(end, end, "N" * (end - start))
    if change.startswith("ins") and _BASES.fullmatch(change[3:]):
        return Edit(end - 1, end - 1, change[3:])
    return None


def _terms(edit: Edit, change: str, protein: str | None, transcript: Transcript) -> frozenset[str] | None:
    """Terms of the consequence, by place, length and p. name; absent where these do not tell."""
    site = re.match(r"[-*]?\d+([+-])([12])(?!\d)", change)
    if site and not re.fullmatch(r"\d+\+2dup.?", change):  # the base comes behind the site, which stays
        return frozenset({"splice_donor_variant" if site[1] == "+" else "splice_acceptor_variant"})
    offset = re.match(r"[-*]?\d+([+-]\d+)", change)
    if offset:
        return frozenset({"intron_variant"} | ({"splice_region_variant"} if abs(int(offset[1])) <= 8 else set()))
    if change.startswith(("-", "*")):
        return frozenset({"5_prime_UTR_variant" if change.startswith("-") else "3_prime_UTR_variant"})
    for mark, term in (
        ("fs", "frameshift_variant"),
        (r"ext|^p\.Ter", "stop_lost"),
        (r"Met1(?!\d)", "start_lost"),
        ("Ter", "stop_gained"),
        ("=", "synonymous_variant"),
    ):
        if protein and re.search(mark, protein):
            return frozenset({term})
    if (len(edit.alt) - (edit.end - edit.start)) % 3:
        return frozenset({"frameshift_variant"})
    if len(edit.alt) != edit.end - edit.start:
        return frozenset({"inframe_deletion" if len(edit.alt) < edit.end - edit.start else "inframe_insertion"})
    return frozenset({"missense_variant"}) if missense_of(protein) else None


def _with_sequence(
    facts: VariantFacts, row: Mapping[str, str], sequences: Mapping[str, Path]
) -> tuple[VariantFacts, bool]:
    """With the proteins of comparators, and the copies of a repeat, where the sequence is at hand."""
    fasta, old, new = sequences.get(facts.transcript.contig), _edit(row["hgvs_g_b37"]), facts.edit
    if fasta is None or old is None:
        return facts, False
    shift = new.start - old.start
    offset = facts.transcript.start - 100
    with pysam.FastaFile(str(fasta)) as file:
        (contig,) = file.references
        bases = file.fetch(contig, offset - shift, facts.transcript.end + 100 - shift).upper()
    coding = facts.transcript.coding or (0, 0)
    if "N" in bases[coding[0] - offset : coding[1] - offset] or len(bases) < coding[1] - offset:
        return facts, False
    place = Place(facts.transcript, offset, bases)
    copies = 0 if "N" in new.alt else place.repeat_copies(new)
    known = with_proteins(facts.known, new, place) if missense_of(facts.protein) else facts.known
    return replace(facts, known=known, repeat_copies=copies), True


def _with_codon(facts: VariantFacts, row: Mapping[str, str], genes: Genes) -> VariantFacts:
    """With the proteins of comparators as far as names and reference bases tell them; else :data:`OPEN`."""
    own = missense_of(facts.protein)
    ref = _replaced(row)
    place = Place(facts.transcript, 0, "")
    codon = place.codon(facts.edit.start)
    if own is None or codon is None:
        return facts
    near = [
        one
        for one in facts.known
        if "missense_variant" in one.terms and place.codon(one.edit.start) == codon == place.codon(one.edit.end - 1)
    ]
    if not near or not ref:
        return replace(facts, known=tuple(replace(one, protein=OPEN) if one in near else one for one in facts.known))
    contig = facts.transcript.contig
    known = dict(_in_codon(facts.transcript, facts.edit.start, ref))
    for one in near:
        known |= _in_codon(facts.transcript, one.edit.start, genes.replaced[contig, one.edit])
    codons = codons_of(own[0], known, [(_in_codon(facts.transcript, facts.edit.start, facts.edit.alt), own[2])])
    proteins = {}
    for one in near:
        residue = told_by(codons, _in_codon(facts.transcript, one.edit.start, one.edit.alt))
        proteins[one] = f"p.({own[0]}{own[1]}{residue})" if residue else OPEN
    return replace(facts, known=tuple(replace(one, protein=proteins.get(one, one.protein)) for one in facts.known))


def _in_codon(transcript: Transcript, start: int, bases: str) -> Bases:
    """Bases of the genome as bases of a codon."""
    first = transcript.coding_places[0] - transcript.phase_shift
    told = {}
    for at, base in enumerate(bases, start):
        read = base if transcript.strand == 1 else reverse_complement(base)
        told[(transcript.place(at)[0] - first) % 3] = read
    return told


def _scores(table: Path) -> dict[str, dict[str, float]]:
    """Scores by g. name on GRCh37, of substitutions."""
    versions = {
        "1": "10",
        "2": "11",
        "3": "11",
        "4": "11",
        "5": "9",
        "6": "11",
        "7": "13",
        "8": "10",
        "9": "11",
        "10": "10",
        "11": "9",
        "12": "11",
        "13": "10",
        "14": "8",
        "15": "9",
        "16": "9",
        "17": "10",
        "18": "9",
        "19": "9",
        "20": "10",
        "21": "8",
        "22": "10",
        "X": "10",
    }
    names = {"REVEL_score": "REVEL"}
    found: dict[str, dict[str, float]] = {}
    with gzip.open(table, "rt") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            contig = row["chrom_b37"]
            number = 23 if contig == "X" else int(contig) if contig.isdigit() else 0
            if number:
                name = f"NC_{number:06d}.{versions[contig]}:g.{row['pos_b37']}{row['ref']}>{row['alt']}"
                found[name] = {ours: float(row[theirs]) for theirs, ours in names.items() if row[theirs]}
    return found


def _as_model(found: object, gene: str, contig: str) -> Transcript:
    exons = tuple((start - 1, end) for start, end in found.exons)  # type: ignore[attr-defined]
    coding = found.coding  # type: ignore[attr-defined]
    return Transcript(
        found.name, found.name, gene, gene, None, "protein_coding", contig,  # type: ignore[attr-defined]
        -1 if found.strand == "-" else 1, exons, (coding[0][0] - 1, coding[-1][1]),  # type: ignore[attr-defined]
    )  # fmt: skip


def _file(cache: Path, name: str) -> Path:
    return next(cache.rglob(name))


def _rows(path: Path) -> Iterator[Sequence[str]]:
    with gzip.open(path, "rt") as stream:
        for line in stream:
            if not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


if __name__ == "__main__":
    main()
