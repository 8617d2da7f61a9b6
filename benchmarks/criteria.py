"""``python -m benchmarks.criteria PANEL.tsv.gz IDEOGRAM``: how often the criteria are those of ClinGen's experts.

PANEL is a table of ClinGen's classifications (``gene``, ``hgvs_c``, ``hgvs_p``, ``hgvs_g_b37``, ``hgvs_g_b38``,
``clinvar_variation_id``, ``inheritance``, ``met``), IDEOGRAM the cache folder of npm ideogram with Ensembl's
transcripts and ClinVar's pathogenic alleles (two review stars or more, GRCh38). Places are those of the g. names,
transcripts those in which the experts' c. name is that place; what the protein becomes is read from the experts' p.
name. What comparators of PS1 and PM5 make of the protein follows from the p. name and the reference bases of the
codon that names and records tell (:mod:`benchmarks.codons`); a row in which they leave it open is not compared in
these two. Where ``--sequence CONTIG=FASTA`` gives GRCh37's of a chromosome, the sequence tells it, and how often a
unit stands there. ``--scores`` is a table of predictors on GRCh37. ``--peer`` is AutoACMG's own table of results
(GitHub bihealth/auto-acmg, ``src/bench/results.csv``): its variants are compared beside ours. The allele itself is
never among ClinVar's, and the review of a panel that came after the row's counts as none.

Population frequencies are not at hand here, so PM2, BA1, BS1 and BS2 are not compared; nor are ClinVar's benign
alleles, without which PM1 finds more hot spots than there are, nor constraint for PP2.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pysam

from benchmarks.codons import Bases, codons_of, given_by
from demo.derive import clinvar_keys
from demo.gene_structures import PROTEIN_CODING, transcript_of
from engine.acmg.criteria import parse_criteria
from engine.acmg.decide import decide
from engine.acmg.facts import Known, VariantFacts, missense_of
from engine.acmg.gather import Place, missense_residues, terms_of, with_proteins
from engine.acmg.rule_set import rule_set
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
MEANT = {"LRRC56": "HRAS", "KLLN": "PTEN", "HNF1": "HNF1A"}
"""Genes whose symbol the table has for the one that name and panel speak of."""
_REPEAT = 12
OPEN = "open"
"""In place of a p. name that cannot be told."""
ANOTHER = "Xaa"
"""In place of an amino acid of which no more is told than that it is neither the old one nor the variant's."""


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

    def anchor(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Move the transcripts of genes that ideogram's cache has some bases aside.

        Which they are, and by how much, is told by the table's substitutions, each of which has a c. name and a place:
        a gene is moved where all of five or more agree on the same distance.
        """
        apart: dict[str, Counter[int]] = defaultdict(Counter)
        for row in rows:
            counted = re.fullmatch(r"(\d+)[ACGT]>[ACGT]", row["hgvs_c"].partition(":c.")[2])
            edit = _edit(row["hgvs_g_b38"])
            first = next(iter(self.transcripts[row["gene"]]), None)
            place = _coding_place(first, int(counted[1])) if counted and first else None
            if edit is not None and place is not None:
                apart[row["gene"]][edit.start - place] += 1
        for gene, distances in apart.items():
            (distance, number), *others = distances.most_common(2)
            if distance and number >= 5 and not others:
                self.transcripts[gene] = [_moved(one, distance) for one in self.transcripts[gene]]

    def known(self, transcript: Transcript) -> tuple[Known, ...]:
        """The alleles within a transcript."""
        return tuple(
            one for one in self.alleles[transcript.contig] if transcript.start <= one.edit.start < transcript.end
        )


@dataclass(frozen=True)
class Compared:
    """A row that can be compared.

    Attributes:
        row: of the panel's table.
        facts: as data give them.
        ours: strength by criterion that we say is met.
        theirs: the same by the experts.
        not_met: criteria that the experts say are not met; of any other they say nothing.
        is_open: whether what a comparator makes of the protein cannot be told.
        peer: criteria that another program says are met, absent where it was not asked.
    """

    row: Mapping[str, str]
    facts: VariantFacts
    ours: Mapping[str, str]
    theirs: Mapping[str, str]
    not_met: frozenset[str]
    is_open: bool
    peer: frozenset[str] | None

    def can_tell(self, code: str) -> bool:
        """Whether the data that a criterion needs are at hand."""
        return not (code in ("PS1", "PM5") and self.is_open) and not (
            code in ("PP3", "BP4") and not self.facts.predictions
        )


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("panel", type=Path)
    parser.add_argument("ideogram", type=Path)
    parser.add_argument("--sequence", action="append", default=[], metavar="CONTIG=FASTA", help="GRCh37's sequence")
    parser.add_argument("--show", metavar="CODE", help="print the rows in which we and the experts differ")
    parser.add_argument("--scores", type=Path, help="predictors by allele, GRCh37")
    parser.add_argument("--peer", type=Path, help="another program's criteria: AutoACMG's src/bench/results.csv")
    options = parser.parse_args()
    with gzip.open(options.panel, "rt") as table:
        rows = [row | {"gene": MEANT.get(row["gene"], row["gene"])} for row in csv.DictReader(table, delimiter="\t")]
    sequences = {contig: Path(fasta) for contig, _, fasta in (one.partition("=") for one in options.sequence)}
    scores = _scores(options.scores) if options.scores else {}
    approved = {row["clinvar_variation_id"]: row["approved"] for row in rows if row["clinvar_variation_id"]}
    told, left_out = compare(rows, options.ideogram, approved, sequences, scores, _peer(options.peer))
    print(f"{len(told):,} of {len(rows):,} rows compared; left out: {dict(left_out)}")
    for code in COMPARED:
        within = [one for one in told if one.can_tell(code)]
        _print(code, "all", within)
        _print(code, "the experts speak of it", [one for one in within if code in one.theirs or code in one.not_met])
        _print_peer(code, within)
    for code in ("PS1", "PM5"):
        _print_comparators(code, [one for one in told if one.can_tell(code)], approved)
    for one in told if options.show else ():
        if one.can_tell(options.show) and (options.show in one.ours) != (options.show in one.theirs):
            row = one.row
            print(options.show in one.ours, row["gene"], row["hgvs_c"], row["hgvs_p"], row["expert_class"], row["met"])


def compare(
    rows: Sequence[Mapping[str, str]],
    ideogram: Path,
    approved: Mapping[str, str],
    sequences: Mapping[str, Path],
    scores: Mapping[str, Mapping[str, float]],
    peer: Mapping[str, frozenset[str]],
) -> tuple[list[Compared], Counter[str]]:
    """The rows that can be compared, and how many were left out for which reason."""
    genes = Genes(ideogram, {row["gene"] for row in rows})
    genes.anchor(rows)
    told, left_out = [], Counter[str]()
    for row in rows:
        facts = _facts(row, genes, approved)
        if isinstance(facts, str):
            left_out[facts] += 1
            continue
        facts, has_sequence = _with_sequence(facts, row, sequences)
        if not has_sequence:
            facts = _with_codon(facts, row, genes)
        facts = replace(facts, predictions=scores.get(row["hgvs_g_b37"].partition("|")[0], {}))
        one = Compared(
            row, facts, {each.criterion.code: str(each.criterion.strength) for each in decide(facts)},
            {each.code: str(each.strength) for each in parse_criteria(row["met"])},
            frozenset(each.code for each in parse_criteria(row["not_met"])),
            any(each.protein == OPEN for each in facts.known), peer.get(_unversioned(row["hgvs_c"])),
        )  # fmt: skip
        told.append(one)
    return told, left_out


def _unversioned(name: str) -> str:
    """A c. name without the version of its transcript."""
    accession, _, change = name.partition(":")
    return f"{accession.partition('.')[0]}:{change}"


def _peer(table: Path | None) -> dict[str, frozenset[str]]:
    """The criteria that another program says are met, by c. name without version."""
    if table is None:
        return {}
    with table.open(newline="") as stream:
        return {
            _unversioned(row["Variant"]): frozenset(row["AutoACMG Criteria"].split(";"))
            for row in csv.DictReader(stream)
        }


def _print(code: str, which: str, told: Iterable[Compared]) -> None:
    counts = Counts()
    for one in told:
        _count(counts, code, one.ours, one.theirs, one.row)
    apart = dict(counts.missed.most_common(6)) if which == "all" else {}
    print(
        f"{code}, {which}: F1 {counts.f1:.2f}; both {counts.both}, ours alone {counts.ours}, experts alone "
        f"{counts.theirs}; of both at the same strength {counts.same_strength}{f'; apart in {apart}' if apart else ''}"
    )


def _print_peer(code: str, told: Iterable[Compared]) -> None:
    """Us and the other program on the rows that it was asked about."""
    asked = [one for one in told if one.peer is not None]
    if not asked:
        return
    counts = Counts(), Counts()
    for one in asked:
        _count(counts[0], code, one.ours, one.theirs, one.row)
        _count(counts[1], code, dict.fromkeys(one.peer or (), ""), one.theirs, one.row)
    us, peer = ((each.both, each.ours, each.theirs) for each in counts)
    print(f"{code}, {len(asked)} rows of the peer's: F1 {counts[0].f1:.2f} {us}, the peer's {counts[1].f1:.2f} {peer}")


def _print_comparators(code: str, told: Iterable[Compared], approved: Mapping[str, str]) -> None:
    """By what is known of the comparators: how often the experts and we say what."""
    kinds: dict[str, Counter[tuple[str, bool]]] = defaultdict(Counter)
    for one in told:
        said = "met" if code in one.theirs else "not met" if code in one.not_met else "silent"
        kinds[_comparators(code, one, approved)][said, code in one.ours] += 1
    for kind, counts in sorted(kinds.items()):
        words = "; ".join(
            f"{said}: {counts[said, True]} of {counts[said, True] + counts[said, False]} ours"
            for said in ("met", "not met", "silent")
        )
        print(f"{code}, {kind}: {words}")


def _comparators(code: str, one: Compared, approved: Mapping[str, str]) -> str:
    """What is known of the missense alleles of a row's residue: which there are, and since when."""
    own = missense_of(one.facts.protein)
    if own is None:
        return "no change of one amino acid"
    others = [(known, missense_of(known.protein)) for known in one.facts.known]
    days = [
        approved.get(known.variation_id, "")
        for known, other in others
        if other and other[:2] == own[:2] and (other[2] == own[2]) == (code == "PS1")
    ]
    if not days:
        return "no comparator at hand"
    if any(day and day < one.row["approved"] for day in days):
        return "a comparator that a panel classified before"
    return "comparators of no date" if "" in days else "all comparators classified by a panel that day or later"


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


def _coding_place(transcript: Transcript, number: int) -> int | None:
    """The 0-based genomic place of a base of the coding sequence, counted from 1."""
    left = number
    coding = transcript.coding or (0, 0)
    parts = [(max(start, coding[0]), min(end, coding[1])) for start, end in transcript.exons]
    for start, end in parts if transcript.strand == 1 else reversed(parts):
        if start < end and left <= end - start:
            return start + left - 1 if transcript.strand == 1 else end - left
        left -= max(end - start, 0)
    return None


def _moved(transcript: Transcript, bases: int) -> Transcript:
    exons = tuple((start + bases, end + bases) for start, end in transcript.exons)
    coding = transcript.coding and (transcript.coding[0] + bases, transcript.coding[1] + bases)
    return replace(transcript, exons=exons, coding=coding)


def _labels(transcript: Transcript, edit: Edit) -> set[str]:
    """The c. places of the bases about an edit."""
    places = {edit.start - 1, edit.start, max(edit.end - 1, edit.start)}
    if len(edit.alt) != edit.end - edit.start:  # the g. name has a repeat's last unit on the genome, not the transcript
        places |= set(range(edit.start - _REPEAT, edit.end + _REPEAT))
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
    as_far = rule_set().of_gene(facts.gene).get("PM5", {}).get("as_far") == "required"
    for one in near:
        given = given_by(codons, _in_codon(facts.transcript, one.edit.start, one.edit.alt))
        another = ANOTHER if not as_far and not given & {own[0], own[2], "Ter"} else None
        residue = next(iter(given)) if len(given) == 1 else another
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
