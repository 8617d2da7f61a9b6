"""PVS1: how strong the evidence is that a variant leaves no protein, after the tree of ClinGen's SVI group.

Abou Tayoun et al. 2018 (10.1002/humu.23626), figure 1. Whether loss of function causes the gene's disease is read from
ClinVar (so many truncating or splice site alleles that are pathogenic there) or in ClinGen's dosage scores. Which part
of the protein is critical is read in ClinVar too: a part in which pathogenic alleles lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.acmg.criteria import Criterion, Strength
from engine.acmg.facts import SPLICE_SITES, TRUNCATING, Evidence, Known, VariantFacts
from engine.acmg.rule_set import RuleSet
from engine.annotate.edit import reverse_complement
from engine.annotate.gene_model import Transcript

_VS, _S, _M, _P = Strength.VERY_STRONG, Strength.STRONG, Strength.MODERATE, Strength.SUPPORTING


def loss_of_function(facts: VariantFacts, rules: RuleSet) -> Evidence | None:
    """PVS1 at its strength, absent where it is not met."""
    gene = rules.of_gene(facts.gene)
    truncations = [one for one in facts.known if one.truncates]
    mechanism = _mechanism(facts, truncations, rules)
    if gene.get("no_loss_of_function") or mechanism is None:
        return None
    if facts.terms & TRUNCATING:
        told = _truncation(facts, truncations, rules, gene)
    elif facts.terms & SPLICE_SITES:
        told = None if makes_the_usual_site(facts) else _splice_site(facts, rules)
    elif "start_lost" in facts.terms:
        told = _start(facts)
    else:
        told = _last_base(facts, gene)
    if told is None:
        return None
    strength, why = told
    return Evidence(
        Criterion("PVS1", strength),
        f"{why} Loss of function of {facts.gene} causes disease: {mechanism}",
        "ClinVar and gene model",
        facts.clinvar_release or None,
        facts.transcript.name,
    )


def _mechanism(facts: VariantFacts, truncations: list[Known], rules: RuleSet) -> str | None:
    """What shows that loss of function causes the gene's disease, absent where nothing does."""
    if len(truncations) >= rules.at("PVS1", "known_truncations"):
        number = len(truncations)
        return f"ClinVar has {number} pathogenic or likely pathogenic truncating or splice site alleles of it"
    score = facts.constraint.haploinsufficiency if facts.constraint else None
    if score == rules.at("PVS1", "haploinsufficiency"):
        return f"ClinGen's haploinsufficiency score is {score}, sufficient evidence"
    return None


_Told = tuple[Strength, str]


def _truncation(facts: VariantFacts, truncations: list[Known], rules: RuleSet, gene: Mapping[str, Any]) -> _Told | None:
    stop = stop_residue(facts)
    if stop is None:
        return None
    last = gene.get("last_critical_residue")
    if last is not None and stop > last:
        return _beyond(stop, gene)
    if decays(facts.transcript, stop, rules):
        return _VS, f"A stop at residue {stop} of {facts.residues} leads to decay of the mRNA."
    first_lost = facts.residue or stop
    if last is None and _lies_beyond(facts, truncations, first_lost, rules):
        return None
    return _part_lost(facts, first_lost, rules, f"A stop at residue {stop} escapes decay of the mRNA")


def stop_residue(facts: VariantFacts) -> int | None:
    """Where a truncated protein ends: by its p. name, or, where that does not tell, where it is changed."""
    return facts.new_stop or _residue_at(facts.transcript, facts.edit.start)


def _beyond(stop: int, gene: Mapping[str, Any]) -> _Told | None:
    """What the panel says of a stop behind the last critical residue; nothing where it has no word for it."""
    for strength, last in gene.get("beyond_it", {}).items():
        if last is None or stop <= last:
            return Strength(strength), f"A stop at residue {stop}, behind the last critical residue."
    return None


def _last_base(facts: VariantFacts, gene: Mapping[str, Any]) -> _Told | None:
    """Where a panel says so: the last base of an exon, a G, that is not any more."""
    strength, exons = gene.get("last_base_of_exon"), facts.transcript.exons
    forward = facts.transcript.strand == 1
    ends = {end - 1 for _, end in exons[:-1]} if forward else {start for start, _ in exons[1:]}
    if strength is None or facts.replaced != ("G" if forward else "C") or facts.edit.start not in ends:
        return None
    return Strength(strength), "The last base of an exon is a G no more, so that its splice site is weakened."


# A donor begins with GT, an acceptor ends in AG: by which of their two bases, on the transcript's strand.
_USUAL = {1: "G", 2: "T", -2: "A", -1: "G"}


def makes_the_usual_site(facts: VariantFacts) -> bool:
    """Whether a single base of a splice site becomes the one that nearly all such sites have: nothing is lost."""
    if not facts.replaced:
        return False
    _, distance = facts.transcript.place(facts.edit.start)
    alt = facts.edit.alt if facts.transcript.strand == 1 else reverse_complement(facts.edit.alt)
    return _USUAL.get(distance) == alt


def _lies_beyond(facts: VariantFacts, truncations: list[Known], residue: int, rules: RuleSet) -> bool:
    """Whether it lies downstream of every known truncation of a gene of which many are known."""
    places = [_residue_at(facts.transcript, one.edit.start) for one in truncations]
    known = [place for place in places if place is not None]
    enough: int = rules.at("PVS1", "beyond_last")
    return len(known) >= enough and residue > max(known)


def _part_lost(facts: VariantFacts, first: int, rules: RuleSet, escapes: str) -> _Told:
    """Strong where the part lost is critical or large, moderate where it is small and nobody knows what it does."""
    share = (facts.residues - first + 1) / facts.residues
    critical = [one for one in facts.known if (at := _residue_at(facts.transcript, one.edit.start)) and at >= first]
    if critical:
        ids = ", ".join(one.variation_id for one in critical[:3])
        return _S, f"{escapes}, but the part lost is critical: pathogenic alleles lie in it (ClinVar {ids})."
    if share > rules.at("PVS1", "large_part"):
        return _S, f"{escapes}, but {share:.0%} of the protein is lost."
    return _M, f"{escapes}; {share:.0%} of the protein is lost, of which no pathogenic allele is known."


def decays(transcript: Transcript, stop: int, rules: RuleSet) -> bool:
    """Whether a stop codon lies so far before the last junction of exons that the mRNA is taken down."""
    if len(transcript.exons) < 2:
        return False
    start, end = transcript.exons[-1] if transcript.strand == 1 else transcript.exons[0]
    junction = transcript.length - (end - start)
    place = transcript.coding_places[0] + (stop - 1) * 3
    margin: int = rules.at("PVS1", "escapes_within")
    return place + margin < junction


def _splice_site(facts: VariantFacts, rules: RuleSet) -> _Told | None:
    """The exon beside a lost splice site is taken to be skipped."""
    exon = _exon_beside(facts)
    if exon is None:
        return None
    first, last = exon
    coding = _coding_part(facts.transcript, exon)
    if coding is None:
        return None
    skipped = f"The splice site is lost; without its exon ({last - first} bases)"
    residue = coding[0] // 3 + 1
    if (last - first) % 3 or coding[0] == 0:
        if coding[0] and decays(facts.transcript, residue, rules):
            return _VS, f"{skipped} the frame is shifted, and the mRNA decays."
        return _part_lost(facts, residue, rules, f"{skipped} the frame is shifted or the start lost, without decay")
    within = [
        one
        for one in facts.known
        if (at := _place(facts.transcript, one.edit.start)) is not None and coding[0] <= at < coding[1]
    ]
    share = (coding[1] - coding[0]) / 3 / facts.residues
    if within:
        ids = ", ".join(one.variation_id for one in within[:3])
        return _S, f"{skipped} the frame is kept, but the part lost is critical (ClinVar {ids})."
    if share > rules.at("PVS1", "large_part"):
        return _S, f"{skipped} the frame is kept, but {share:.0%} of the protein is lost."
    return (
        _M,
        f"{skipped} the frame is kept; {share:.0%} of the protein is lost, of which no pathogenic allele is known.",
    )


def _start(facts: VariantFacts) -> _Told | None:
    """Moderate where pathogenic alleles lie before the next start, else supporting."""
    if facts.next_methionine is None:
        return _P, "The start codon is lost; no other start is known in frame."
    before = [
        one
        for one in facts.known
        if (at := _residue_at(facts.transcript, one.edit.start)) and 1 < at < facts.next_methionine
    ]
    start = f"The start codon is lost; the next one in frame is residue {facts.next_methionine}"
    if before:
        ids = ", ".join(one.variation_id for one in before[:3])
        return _M, f"{start}, and pathogenic alleles lie before it (ClinVar {ids})."
    return _P, f"{start}, and no pathogenic allele is known before it."


def _exon_beside(facts: VariantFacts) -> tuple[int, int] | None:
    """The exon whose splice site is changed, on the genome; that of the donor or acceptor, as the terms say."""
    exons = facts.transcript.exons
    donor = "splice_donor_variant" in facts.terms
    at_end = donor == (facts.transcript.strand == 1)
    edges = [(abs((end if at_end else start) - facts.edit.start), (start, end)) for start, end in exons]
    distance, exon = min(edges)
    return exon if distance <= max(facts.edit.end - facts.edit.start, 1) + 2 else None


def _coding_part(transcript: Transcript, exon: tuple[int, int]) -> tuple[int, int] | None:
    """The coding bases of an exon, from 0, half-open; absent where it has none."""
    if transcript.coding is None:
        return None
    start, end = max(exon[0], transcript.coding[0]), min(exon[1], transcript.coding[1])
    if start >= end:
        return None
    places = sorted((transcript.place(start)[0], transcript.place(end - 1)[0]))
    first = transcript.coding_places[0]
    return places[0] - first, places[1] - first + 1


def _place(transcript: Transcript, position: int) -> int | None:
    """The coding base, from 0, of a genomic base; absent outside the coding sequence."""
    if transcript.coding is None or not transcript.coding[0] <= position < transcript.coding[1]:
        return None
    base, distance = transcript.place(position)
    return None if abs(distance) > 2 else base - transcript.coding_places[0]


def _residue_at(transcript: Transcript, position: int) -> int | None:
    base = _place(transcript, position)
    return None if base is None else base // 3 + 1
