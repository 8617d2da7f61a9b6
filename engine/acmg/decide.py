"""Which criteria an allele meets, by facts that data give; what only people can judge is not decided here.

Decided: PVS1, PS1, PS2, PM1, PM2, PM3, PM4, PM5, PM6, PP2, PP3, BA1, BS1, BS2, BP2, BP3, BP4, BP7. Not decided: PS3,
PS4, PP1, PP4, BS3, BS4, BP1, BP5, which need experiments, cohorts, larger families or a clinician. PP5 and BP6 are off.
The thresholds are those of the rule set (``rules.yaml``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.acmg.criteria import Criterion, Strength
from engine.acmg.facts import (
    SPLICE_SITES,
    TRUNCATING,
    Evidence,
    Known,
    Population,
    Seen,
    VariantFacts,
    missense_of,
)
from engine.acmg.grantham import grantham
from engine.acmg.loss_of_function import decays, loss_of_function, stop_residue
from engine.acmg.rule_set import RuleSet, rule_set
from engine.annotate.edit import Edit, reverse_complement
from engine.annotate.terms import INTRON, NMD, SPLICE_REGION

_A, _VS, _S, _M, _P = Strength
DECIDED = (
    *("PVS1", "PS1", "PS2", "PM1", "PM2", "PM3", "PM4", "PM5", "PM6", "PP2", "PP3"),
    *("BA1", "BS1", "BS2", "BP2", "BP3", "BP4", "BP7"),
)
"""The criteria that data can decide."""
_IN_FRAME = frozenset({"inframe_deletion", "inframe_insertion"})
# What is said of a change that touches nothing but an intron, and no splice site.
_INTRONIC = frozenset({INTRON, SPLICE_REGION, NMD, "non_coding_transcript_variant"})


def decide(facts: VariantFacts, rules: RuleSet | None = None) -> tuple[Evidence, ...]:
    """The criteria that are met, in the order of the guidelines."""
    rules = rules or rule_set()
    found = _residue_once(list(_met(facts, rules)), rules.of_gene(facts.gene))
    met = [one for one in found if one.criterion.code not in rules.off]
    return tuple(sorted(met, key=lambda one: DECIDED.index(one.criterion.code)))


def _met(facts: VariantFacts, rules: RuleSet) -> Iterator[Evidence]:
    lost = loss_of_function(facts, rules)
    if lost:
        yield lost
        yield from _same_splice_site(facts, lost.criterion.strength, rules)
    yield from _same_residue(facts, rules)
    yield from _truncated(facts, rules)
    yield from _hot_spot(facts, rules)
    yield from _few_missense(facts, rules)
    yield from _length(facts, rules, lost is not None)
    yield from _frequency(facts, rules)
    yield from _predicted(facts, rules)
    yield from _silent(facts, rules)
    yield from _beside_others(facts)
    yield from _new(facts, rules)


def _residue_once(met: list[Evidence], panel: Mapping[str, Any]) -> list[Evidence]:
    """Of PM1 and PM5 one, where the gene's panel says so: PM1 always, or the stronger, PM5 of two that are equal."""
    beside = panel.get("PM5", {}).get("beside_PM1")
    strength = {one.criterion.code: one.criterion.strength for one in met}
    if beside is None or not {"PM1", "PM5"} <= set(strength):
        return met
    order = list(Strength).index
    is_weaker = order(strength["PM5"]) > order(strength["PM1"])
    dropped = "PM5" if beside == "never" or is_weaker else "PM1"
    return [one for one in met if one.criterion.code != dropped]


def _same_splice_site(facts: VariantFacts, of_pvs1: Strength, rules: RuleSet) -> Iterator[Evidence]:
    """PS1 of a splice site of which another base is pathogenic, by table 2 of Walker et al. 2023.

    That both change splicing alike is taken from their place: a donor that becomes GC may go on as one, and is not
    compared; where a predictor of splicing sees nothing in the variant, neither.
    """
    own = _base_of_site(facts, facts.edit)
    if "PS1" not in rules.of_gene(facts.gene) or own is None or (facts.splicing and not _may_be_spliced(facts, rules)):
        return
    same = [
        one
        for one in facts.known
        if one.is_pathogenic
        and one.stars >= rules.at("comparators", "stars")
        and one.edit != facts.edit
        and one.variation_id != facts.variation_id
        and _base_of_site(facts, one.edit) == own
    ]
    if same:
        strength = _P if of_pvs1 is _VS else _S
        what = f"another change of the two bases of this splice {own[1]}"
        yield _compared("PS1", (strength, strength), same, facts, what)


def _base_of_site(facts: VariantFacts, edit: Edit) -> tuple[int, str] | None:
    """Which splice site a single base belongs to, by the coding base beside it; absent elsewhere, and of a GC donor."""
    if edit.end - edit.start != 1 or len(edit.alt) != 1:
        return None
    beside, distance = facts.transcript.place(edit.start)
    alt = edit.alt if facts.transcript.strand == 1 else reverse_complement(edit.alt)
    if abs(distance) not in (1, 2) or (distance == 2 and alt == "C"):
        return None
    return beside, "donor" if distance > 0 else "acceptor"


def _same_residue(facts: VariantFacts, rules: RuleSet) -> Iterator[Evidence]:
    """PS1 and PM5: other missense changes of the residue that ClinVar knows as pathogenic; never a truncation."""
    own = missense_of(facts.protein)
    panel = rules.of_gene(facts.gene).get("PM5", {})
    if own is None or "missense_variant" not in facts.terms:
        return
    comparable = [
        (one, other)
        for one in facts.known
        if one.stars >= panel.get("stars", rules.at("comparators", "stars"))
        and (one.is_pathogenic or not panel.get("pathogenic_only"))
        and (other := missense_of(one.protein)) is not None
        and other[:2] == own[:2]
        and one.variation_id != facts.variation_id
    ]
    same = [one for one, other in comparable if other[2] == own[2] and one.edit != facts.edit]
    if same:
        yield _compared("PS1", (_S, _M), same, facts, "the same change of the protein by another change of the DNA")
    elif panel.get("missense") != "none":
        different = [(one, other[2]) for one, other in comparable if other[2] != own[2]]
        by_distance = panel.get("as_far", rules.at("comparators", "as_far"))
        yield from _other_amino_acid(facts, different, panel, by_distance)


def _other_amino_acid(
    facts: VariantFacts, different: list[tuple[Known, str]], panel: Mapping[str, Any], by_distance: str
) -> Iterator[Evidence]:
    """PM5, at the strength that the gene's panel gives it by how far amino acids lie apart and how many there are."""
    old, _, new = missense_of(facts.protein) or ("", 0, "")
    as_far = [(one, to) for one, to in different if _is_as_far(old, new, to)]
    if as_far:
        pathogenic = {to for one, to in as_far if one.is_pathogenic}
        strength = _S if panel.get("several") and len(pathogenic) > 1 else _M
        what = "another amino acid at the same residue"
        yield _compared("PM5", (strength, _P), [one for one, _ in as_far], facts, what)
    elif different and by_distance == "lowers":
        what = "an amino acid at the same residue that lies further from the old one"
        yield _compared("PM5", (_P, _P), [one for one, _ in different], facts, what)


def _truncated(facts: VariantFacts, rules: RuleSet) -> Iterator[Evidence]:
    """PM5 of a truncation, where a panel of experts says so of its gene."""
    panel = rules.of_gene(facts.gene)
    said = panel.get("PM5", {}).get("truncations")
    if said is None:
        return
    first, last = said["residues"]
    within = facts.terms & TRUNCATING and first <= (stop_residue(facts) or 0) <= last
    if within or (said.get("splice_sites") and facts.terms & SPLICE_SITES):
        sentence = f"A truncation within residues {first} to {last} of {facts.gene}, where the panel knows others"
        yield Evidence(Criterion("PM5", _P), sentence, panel["source"])


def _is_as_far(old: str, new: str, other: str) -> bool:
    """Whether the change is at least as great as the comparator's; of what is no amino acid, yes."""
    distances = grantham(old, new), grantham(old, other)
    return None in distances or (distances[0] or 0) >= (distances[1] or 0)


def _compared(
    code: str, strengths: tuple[Strength, Strength], known: list[Known], facts: VariantFacts, what: str
) -> Evidence:
    best = max(known, key=lambda one: (one.is_pathogenic, one.stars, -int(one.variation_id)))
    said = "pathogenic" if best.is_pathogenic else "likely pathogenic"
    named = f"{best.protein} (variation {best.variation_id}" if best.protein else f"variation {best.variation_id} ("
    return Evidence(
        Criterion(code, strengths[0] if best.is_pathogenic else strengths[1]),
        f"ClinVar knows {what} as {said}: {named}{', ' if best.protein else ''}{best.stars} stars)",
        "ClinVar",
        facts.clinvar_release or None,
        best.variation_id,
    )


def _hot_spot(facts: VariantFacts, rules: RuleSet) -> Iterator[Evidence]:
    """PM1: so many missense alleles that harm about the residue, and none that does not."""
    if "missense_variant" not in facts.terms or facts.residue is None:
        return
    panel = rules.of_gene(facts.gene)
    if "PM1" in panel:
        yield from _in_the_panels_residues(facts, panel)
        return
    reach, residue = rules.at("PM1", "residues"), facts.residue
    harmful, harmless = (
        sum(abs(one - residue) <= reach for one in residues)
        for residues in (facts.missense.harmful, facts.missense.harmless)
    )
    if harmful >= rules.at("PM1", "harmful") and not harmless:
        sentence = (
            f"A hot spot: within {reach} residues of residue {residue} ClinVar has {harmful} pathogenic or likely "
            "pathogenic missense alleles and no benign one"
        )
        yield Evidence(Criterion("PM1", _M), sentence, "ClinVar", facts.clinvar_release or None)


def _in_the_panels_residues(facts: VariantFacts, panel: Mapping[str, Any]) -> Iterator[Evidence]:
    """PM1 where a panel of experts says which residues are critical; none where it never applies the criterion."""
    yield from _in_stretches(facts, "PM1", {} if panel["PM1"] == "none" else panel["PM1"], panel["source"])


def _in_stretches(facts: VariantFacts, code: str, stretches: Mapping[str, Any], source: str) -> Iterator[Evidence]:
    for letter in (_S, _M, _P):
        for first, last in stretches.get(str(letter), ()):
            if first <= (facts.residue or 0) <= last:
                where = f"residue {first}" if first == last else f"residues {first} to {last}"
                sentence = f"The panel names {where} of {facts.gene} as critical"
                yield Evidence(Criterion(code, letter), sentence, source)
                return


def _few_missense(facts: VariantFacts, rules: RuleSet) -> Iterator[Evidence]:
    """PP2: missense causes the gene's disease, and the gene bears little of it."""
    known = facts.constraint
    if "missense_variant" not in facts.terms or known is None or known.missense_z is None:
        return
    harmful, harmless = len(facts.missense.harmful), len(facts.missense.harmless)
    if (
        known.missense_z >= rules.at("PP2", "missense_z")
        and harmful >= rules.at("PP2", "harmful")
        and harmless <= rules.at("PP2", "harmless_share") * (harmful + harmless)
    ):
        sentence = (
            f"{facts.gene} bears few missense variants (z {known.missense_z:.2f}), and they cause its disease: of "
            f"{harmful + harmless} that ClinVar decides {harmful} are pathogenic or likely pathogenic"
        )
        yield Evidence(Criterion("PP2", _P), sentence, "constraint and ClinVar", known.release or None, facts.gene)


def _length(facts: VariantFacts, rules: RuleSet, lost: bool) -> Iterator[Evidence]:
    """PM4 and BP3: a changed length of the protein, outside and inside of repeats."""
    panel = rules.of_gene(facts.gene)
    said = panel.get("PM4", {})
    if said.get("truncations") and facts.terms & TRUNCATING:
        yield from _shortened(facts, rules, panel["source"])
        return
    if lost or not (facts.terms & (_IN_FRAME | {"stop_lost"})):
        return
    name = facts.protein or "the protein"
    if facts.terms & _IN_FRAME and facts.repeat_copies >= rules.at("repeats", "copies"):
        yield Evidence(
            Criterion("BP3", _P),
            f"{name} changes the length of a repeat of {facts.repeat_copies} copies in frame",
            "reference genome",
        )
        return
    if facts.terms & _IN_FRAME and _within(facts.residue, said.get("not_in", ())):
        return
    stretches = said.get("in_frame")
    if facts.terms & _IN_FRAME and stretches is not None:
        yield from _in_stretches(facts, "PM4", {} if stretches == "none" else stretches, panel["source"])
        return
    what = "is longer than it should be" if "stop_lost" in facts.terms else "has another length, outside of repeats"
    is_one = abs(len(facts.edit.alt) - (facts.edit.end - facts.edit.start)) == 3
    strength = Strength(said.get("single", "M")) if is_one and "stop_lost" not in facts.terms else _M
    yield Evidence(Criterion("PM4", strength), f"The protein {what}: {name}", "gene model", None, facts.transcript.name)


def _within(residue: int | None, stretches: Iterable[Sequence[int]]) -> bool:
    return any(first <= (residue or 0) <= last for first, last in stretches)


def _shortened(facts: VariantFacts, rules: RuleSet, source: str) -> Iterator[Evidence]:
    """PM4 of a shorter protein that is made all the same, in a gene whose disease is not one of a lost protein."""
    stop = stop_residue(facts)
    if stop is None or decays(facts.transcript, stop, rules):
        return
    share = (facts.residues - (facts.residue or stop) + 1) / facts.residues
    strength = _M if share >= rules.at("PVS1", "large_part") else _P
    yield Evidence(Criterion("PM4", strength), f"{share:.0%} of the protein is lost, without decay of the mRNA", source)


def _frequency(facts: VariantFacts, rules: RuleSet) -> Iterator[Evidence]:
    """BA1, else BS1 and BS2; or PM2."""
    known = facts.population
    if known is None:
        return
    seen = known.seen
    mode = "recessive" if facts.is_recessive else "dominant"
    if seen is None:
        if known.largest >= rules.at("frequency", "alleles_for_absence"):
            yield _told(known, Criterion("PM2", _P), f"Not seen among {known.largest:,} alleles", None)
        return
    counted = seen.number >= rules.at("frequency", "alleles") and seen.count >= rules.at("frequency", "observations")
    if counted and seen.frequency > rules.at("frequency", "BA1"):
        if facts.variation_id not in rules.at("frequency", "BA1_exceptions"):
            yield _told(known, Criterion("BA1", _A), f"Carried by {_share(seen)}", seen)
    elif counted and seen.frequency > rules.at("frequency", "BS1", mode):
        why = f"Carried by {_share(seen)}, more than a {mode} condition lets expect"
        yield _told(known, Criterion("BS1", _S), why, seen)
    enough = seen.number >= rules.at("frequency", "alleles_for_absence")
    if enough and seen.frequency <= rules.at("frequency", "PM2", mode):
        yield _told(known, Criterion("PM2", _P), f"Rare: carried by {_share(seen)}", seen)
    if facts.is_recessive and (seen.homozygotes or 0) >= rules.at("frequency", "BS2_homozygotes"):
        why = f"{seen.homozygotes:,} people carry two copies, and the condition is recessive or X-linked"
        yield _told(known, Criterion("BS2", _S), why, seen)


def _told(known: Population, criterion: Criterion, sentence: str, seen: Seen | None) -> Evidence:
    return Evidence(criterion, sentence, known.source, known.release or None, seen.population if seen else None)


def _share(seen: Seen) -> str:
    return f"{seen.frequency:.3%} of {seen.number:,} alleles ({seen.population})"


def _predicted(facts: VariantFacts, rules: RuleSet) -> Iterator[Evidence]:
    """PP3 and BP4, of a missense variant and of splicing; PP3 by the stronger of both, BP4 where neither objects."""
    missense = list(_by_first(facts.predictions, _missense_predictors(facts.gene, rules), facts.predictor_source))
    of_protein = missense if "missense_variant" in facts.terms else []
    covered = facts.terms & (TRUNCATING | SPLICE_SITES | {"start_lost"})
    splicing = [] if covered else list(_by_first(facts.splicing, rules.at("splice_predictors"), facts.splicing_source))
    found = [*of_protein, *splicing]
    harmful = [one for one in found if one.criterion.code == "PP3"]
    if harmful:
        yield min(harmful, key=lambda one: list(Strength).index(one.criterion.strength))
        return
    # That nothing is predicted of splicing says of a changed amino acid nothing.
    harmless = of_protein if "missense_variant" in facts.terms else splicing
    yield from (one for one in harmless if not _may_be_spliced(facts, rules))


def _missense_predictors(gene: str, rules: RuleSet) -> Mapping[str, Any]:
    """Bounds by predictor: those of the gene's panel before the general ones; none where it uses no predictor."""
    of_panel = rules.of_gene(gene).get("predictors", {})
    return {} if of_panel == "none" else {**rules.at("predictors"), **of_panel}


def _by_first(scores: Mapping[str, float], known: Mapping[str, Any], version: str | None) -> Iterator[Evidence]:
    """By the first predictor of the rule set that has a score."""
    for name, bounds in known.items():
        if name in scores:
            yield from _by_score(name, scores[name], bounds, version)
            return


def _may_be_spliced(facts: VariantFacts, rules: RuleSet) -> bool:
    """Whether a predictor of splicing does not rule a change out; without a score distance alone decides."""
    for name, bounds in rules.at("splice_predictors").items():
        if name in facts.splicing:
            return bool(facts.splicing[name] > bounds["BP4"]["P"])
    return False


def _by_score(name: str, score: float, bounds: Mapping[str, Any], version: str | None) -> Iterator[Evidence]:
    for code, sign in (("PP3", 1), ("BP4", -1)):
        reached = [Strength(letter) for letter, bound in bounds[code].items() if sign * score >= sign * bound]
        if reached:
            strongest = min(reached, key=list(Strength).index)
            sentence = f"{name} {score:g} is within the range of this strength"
            yield Evidence(Criterion(code, strongest), sentence, name, version)


def _silent(facts: VariantFacts, rules: RuleSet) -> Iterator[Evidence]:
    """BP7: no amino acid is changed, and no splice site is near."""
    near = rules.at("BP7")
    _, distance = facts.transcript.place(facts.edit.start)
    if facts.edit.end - facts.edit.start != 1 or len(facts.edit.alt) != 1 or _may_be_spliced(facts, rules):
        return
    predicted = "no change of splicing is predicted" if facts.splicing else "splicing was not predicted"
    if "synonymous_variant" in facts.terms:
        if _from_exon_end(facts) < near["from_exon_end"]:
            return
        yield Evidence(
            Criterion("BP7", _P),
            f"No amino acid is changed ({facts.protein or 'synonymous'}), and the next splice site is "
            f"{_from_exon_end(facts)} bases away; {predicted}",
            "gene model",
            None,
            facts.transcript.name,
        )
        return
    after, before = near["into_intron"]["after"], near["into_intron"]["before"]
    if _INTRONIC.issuperset(facts.terms) and not -before <= distance <= after:
        sentence = f"It lies {abs(distance)} bases inside an intron; {predicted}"
        yield Evidence(Criterion("BP7", _P), sentence, "gene model", None, facts.transcript.name)


def _from_exon_end(facts: VariantFacts) -> int:
    """Bases from the nearest end of the exon at which there is a splice site, 1 for the last base itself."""
    exons = facts.transcript.exons
    number = next((index for index, (start, end) in enumerate(exons) if start <= facts.edit.start < end), None)
    if number is None:
        return 0
    start, end = exons[number]
    ends = [facts.edit.start - start + 1] if number else []
    ends += [end - facts.edit.start] if number < len(exons) - 1 else []
    return min(ends, default=end - start)


def _beside_others(facts: VariantFacts) -> Iterator[Evidence]:
    """PM3 and BP2, by what else of the gene the person carries."""
    if "AR" in facts.modes:
        yield from _in_trans(facts)
    cis = [one for one in facts.partners if one.phase == "cis"]
    dominant_trans = [one for one in facts.partners if one.phase == "trans"] if facts.modes == {"AD"} else []
    if found := [*cis, *dominant_trans]:
        one = found[0]
        where = "the same chromosome" if one.phase == "cis" else "the other chromosome, under dominant inheritance,"
        yield Evidence(
            Criterion("BP2", _P),
            f"{where[0].upper()}{where[1:]} carries a {_said(one)} allele of the gene (ClinVar {one.variation_id})",
            "calls and ClinVar",
            facts.clinvar_release or None,
            one.variation_id,
        )


def _in_trans(facts: VariantFacts) -> Iterator[Evidence]:
    """PM3: moderate by a pathogenic allele known to be in trans, supporting by two copies or where it only may be."""
    trans = sorted((one for one in facts.partners if one.phase == "trans"), key=lambda one: not one.is_pathogenic)
    unknown = [one for one in facts.partners if one.phase == "unknown" and one.is_pathogenic]
    if facts.homozygous:
        yield Evidence(Criterion("PM3", _P), "Both copies of the gene carry it", "calls")
    elif trans:
        one = trans[0]
        yield Evidence(
            Criterion("PM3", _M),
            f"The other chromosome carries a {_said(one)} allele of the gene (ClinVar {one.variation_id})",
            "calls and ClinVar",
            facts.clinvar_release or None,
            one.variation_id,
        )
    elif unknown:
        one = unknown[0]
        yield Evidence(
            Criterion("PM3", _P),
            f"The person carries a pathogenic allele of the gene (ClinVar {one.variation_id}), phase unknown",
            "calls and ClinVar",
            facts.clinvar_release or None,
            one.variation_id,
        )


def _said(one: Any) -> str:
    return "pathogenic" if one.is_pathogenic else "likely pathogenic"


def _new(facts: VariantFacts, rules: RuleSet) -> Iterator[Evidence]:
    """PS2 where both parents were seen without it, PM6 where the one who passes on the place was."""
    if not facts.de_novo:
        return
    rank = facts.phenotype_rank
    fits = rank is not None and rank <= rules.at("de_novo", "fits_within")
    signs = f"the signs fit the gene (rank {rank})" if fits else "nothing is known of whether the signs fit the gene"
    sentence = f"New in this person ({facts.de_novo_basis}); {signs}"
    both = len(facts.de_novo) > 1
    yield Evidence(Criterion("PS2" if both else "PM6", _M if fits and both else _P), sentence, "calls of the family")
