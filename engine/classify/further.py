"""What else in a person's genome is told beside small variants, and why: events over exons, repeats, the mitochondrion.

Nothing here is judged by rules as small variants are: an event is told because it takes, doubles or breaks an exon of a
gene that was asked about, a repeat because its number of units reaches the range that the catalogue calls pathogenic, a
mitochondrial allele because ClinVar does, a large deletion because it is one. What was not asked about is not told:
repeats only in genes that the order names, because one in another would be a finding that nobody agreed to hear of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from engine.annotate.clinvar import PATHOGENIC, ClinvarMatch
from engine.annotate.gene_model import Transcript
from engine.annotate.known_alleles import KnownAlleles
from engine.classify.acmg_secondary_findings import secondary_findings_genes
from engine.classify.cnv_points import in_words, points_of
from engine.classify.question import Question
from engine.errors import VariantFileError
from engine.genotype.homozygosity import Run
from engine.mitochondria.calls import MitochondrialCall
from engine.mitochondria.deletions import LargeDeletion
from engine.reference.accessions import refseq_accession
from engine.structural.events import StructuralVariant
from engine.structural.smn import STRETCH, SmnCopies

Kind = Literal["structural variant", "repeat expansion", "mitochondrial variant", "homozygosity", "uniparental disomy"]
_COPIES = {("DEL", "0/1"): 1, ("DEL", "1/1"): 0, ("DUP", "0/1"): 3, ("DUP", "1/1"): 4}
_COPIES_OF_ONE = {("DEL", "1/1"): 0, ("DUP", "1/1"): 2}
"""The same where a person has one copy, as a male of X: genotypes are told as if there were two."""
_WORDS = {
    "DEL": "deletion",
    "DUP": "tandem duplication",
    "INV": "inversion",
    "INS": "insertion",
    "BND": "break",
}
SMN1 = "SMN1"
REPEAT_EXPANSIONS, SMN1_COPIES = "repeat expansions", "copies of SMN1"
"""What is looked for, in words, and told only in genes that the order names."""
_OFF_REPEAT = 10
"""Bases by which the place of an insertion in a repeat may be off: as many may be alike at its ends."""
_ALSO_SEEN = "The caller of structural variants sees it as an insertion, which is not told a second time."
_MUCH_HOMOZYGOUS = 0.03
"""Share of the autosomes in long runs, from which it is told: half of what a child of first cousins has."""


@dataclass(frozen=True)
class FurtherFinding:
    """One thing that is told.

    Attributes:
        key: the same whenever it is found again.
        kind: what it is.
        genes: symbols of the genes that it concerns.
        headline: in one line.
        sentence: why it is told.
        notes: what speaks against taking it at its word, in sentences.
        contig: where, empty for the genome as a whole.
        position: 1-based, first base.
        end: 1-based, last base.
        type: of a structural variant, as VCF has it; empty otherwise.
        copies: of the stretch in the cell, absent where not told.
        inner: 1-based, the bases that are surely in it; absent where the ends are sharp.
        outer: 1-based, the bases that may be.
        motif: of a repeat.
        units: of its longer copy, the estimate.
        least_units: the same, at least.
        most_units: the same, at most; absent where reads cannot tell.
        fraction: share of the molecules with it (heteroplasmy).
        ref: reference bases of a small allele.
        alt: what stands there.
        accession: RefSeq accession of the contig, empty where none is known.
        zygosity: of a structural variant, ``hemizygous`` where there is one copy; empty where it is not known.
    """

    key: str
    kind: Kind
    genes: tuple[str, ...]
    headline: str
    sentence: str
    notes: tuple[str, ...] = ()
    contig: str = ""
    position: int = 0
    end: int = 0
    type: str = ""
    copies: int | None = None
    inner: tuple[int, int] | None = None
    outer: tuple[int, int] | None = None
    motif: str | None = None
    units: float | None = None
    least_units: float | None = None
    most_units: float | None = None
    fraction: float | None = None
    ref: str | None = None
    alt: str | None = None
    accession: str = ""
    zygosity: str = ""


def with_accessions(
    findings: Iterable[FurtherFinding], build: str, lengths: Mapping[str, int]
) -> Iterator[FurtherFinding]:
    """The findings with the name that NCBI has for their contigs, of those that lie on one.

    Args:
        findings: in whatever order.
        build: ``GRCh37`` or ``GRCh38``.
        lengths: of contigs, in bases: the mitochondrion's tells which of two sequences it is.
    """
    for one in findings:
        known = refseq_accession(build, one.contig, lengths.get(one.contig, 0)) if one.contig else None
        yield replace(one, accession=known or "")


def finding_of(told: dict[str, Any]) -> FurtherFinding:
    """A finding from its JSON."""
    tuples = {name: tuple(told[name]) for name in ("genes", "notes", "inner", "outer") if told[name] is not None}
    return FurtherFinding(**{**told, **tuples})


def structural_findings(
    events: Iterable[StructuralVariant],
    transcripts: Sequence[Transcript],
    question: Question,
    haploinsufficient: Collection[str] | None = None,
    usual: Callable[[StructuralVariant], int] = lambda _: 2,
) -> list[FurtherFinding]:
    """Passing events that touch an exon of a gene that was asked about.

    Args:
        events: of the sample.
        transcripts: one of each gene.
        question: what was asked; of an open question every gene but those on the list of secondary findings.
        haploinsufficient: genes of which loss of one copy is known to cause disease; absent where the reference
            declares no dosage, and then no points are told.
        usual: copies that the person has of the stretch of an event, if nothing happened to it.
    """
    asked = [one for one in transcripts if _is_asked(one, question)]
    found = []
    for event in events:
        touched = [one for one in asked if _touches(event, one)] if event.passes else []
        if touched:
            told = _structural(event, touched, usual(event))
            points = () if haploinsufficient is None else points_of(event, transcripts, haploinsufficient)
            words = (in_words(points, told.genes),) if points else ()
            found.append(replace(told, notes=(*told.notes, *words)))
    return found


def _is_asked(one: Transcript, question: Question) -> bool:
    if one.gene in question.genes:
        return True
    return question.is_open and one.coding is not None and one.gene not in secondary_findings_genes()


def _touches(event: StructuralVariant, one: Transcript) -> bool:
    """Whether bases of an exon are in it; of an insertion or a break, whether it lies within an exon."""
    if event.contig != one.contig:
        return False
    start, end = (event.start + 1, event.end) if event.kind in ("DEL", "DUP", "INV") else (event.start, event.start + 1)
    return any(first < end and start < last for first, last in one.exons)


def _structural(event: StructuralVariant, touched: Sequence[Transcript], usual: int) -> FurtherFinding:
    genes = tuple(dict.fromkeys(one.gene for one in touched))
    exons = sum(first < event.end and event.start + 1 < last for one in touched for first, last in one.exons)
    genotype = event.genotype.replace("|", "/")
    by_genotype = (_COPIES_OF_ONE if usual == 1 else _COPIES).get((event.kind, genotype))
    copies = by_genotype if event.copies is None else event.copies
    evidence = "the depth of reads" if event.by_depth else f"{event.pairs} pairs and {event.split_reads} split reads"
    spans = event.kind in ("DEL", "DUP", "INV")
    first, last = (event.start + 2, event.end) if spans else (event.start + 1, event.start + 1)
    place = f"{event.contig}:{first:,}-{last:,}" if spans else f"{event.contig}:{first:,}"
    is_estimate = event.kind == "INS" and len(event.inserted) < event.length
    size = f" of {'about ' * is_estimate}{event.length:,} bases"
    if event.kind == "INS" and not event.length:
        size = " of unknown length"
    elif not event.length:
        size = f" joined to {event.mate.strip('N')}"
    notes = [f"Told by {evidence}; confirm it by another method before it is acted on."]
    if is_estimate:
        notes.append("How long it is was estimated: no read holds all of what was put in.")
    if usual == 1:
        zygosity = "hemizygous" if event.by_depth or genotype == "1/1" else ""
    else:
        zygosity = {"0/1": "heterozygous", "1/1": "homozygous"}.get(genotype, "")
    word = "gain" if event.by_depth and event.kind == "DUP" else _WORDS[event.kind]  # where it lies no depth says
    what = f"{zygosity} {word}".strip()
    before, behind = event.start_within + event.maybe_before, event.end_within + event.maybe_behind
    inner = outer = None
    if before or behind:
        inner = first + event.start_within, max(last - event.end_within, first + event.start_within)
        outer = first - before, last + behind
        if event.maybe_before or event.maybe_behind:
            notes.append(f"Between targets nothing was read: it may reach from {outer[0]:,} to {outer[1]:,}.")
    return FurtherFinding(
        key=f"structural|{event.kind}|{event.contig}|{event.start}|{event.end}|{event.length}|{event.mate}",
        kind="structural variant",
        genes=genes,
        headline=f"{', '.join(genes)}: {what}{size} at {place}{'' if zygosity else ', of unknown zygosity'}",
        sentence=f"It touches {max(exons, 1)} exon{'s' if exons > 1 else ''} of {', '.join(genes)}. Nobody has judged "
        "whether it is the cause.",
        notes=tuple(notes),
        contig=event.contig,
        position=first,
        end=last,
        type=event.kind,
        copies=copies,
        inner=inner,
        outer=outer,
        zygosity=zygosity,
    )


def repeat_findings(loci: Iterable[Mapping[str, Any]], question: Question) -> list[FurtherFinding]:
    """Repeats in a gene that the order names, whose longer copy is or may be in the pathogenic range.

    Args:
        loci: as :func:`engine.repeats.sample.as_json` writes them.
        question: what was asked.
    """
    return [
        _repeat(locus)
        for locus in loci
        if locus["gene"] in question.genes and locus["state"] in ("pathogenic range", "may reach the pathogenic range")
    ]


def _repeat(locus: Mapping[str, Any]) -> FurtherFinding:
    longer = locus["alleles"][-1]
    high = "more" if longer["high"] is None else f"{longer['high']:.0f}"
    span = f"{longer['low']:.0f}" if longer["low"] == longer["high"] else f"{longer['low']:.0f} to {high}"
    reaches = "lies in" if locus["state"] == "pathogenic range" else "may reach"
    disease = f" ({locus['disease']})" if locus["disease"] else ""
    contig, _, span_of = str(locus["place"]).rpartition(":")
    first, _, last = span_of.partition("-")
    return FurtherFinding(
        key=f"repeat|{locus['id']}",
        kind="repeat expansion",
        genes=(locus["gene"],),
        headline=f"{locus['gene']}: {span} units of {locus['motif']} at {contig}:{int(first):,}-{int(last):,}",
        sentence=f"The longer copy {reaches} the range that the catalogue calls pathogenic{disease}: from "
        f"{locus['pathogenic_min']:g} units. It is {locus['zygosity']}.",
        notes=(f"Counted by {longer['by']}, short ones; size it by PCR or Southern blot before it is acted on.",),
        contig=contig,
        position=int(first),
        end=int(last),
        motif=locus["motif"],
        units=longer["units"],
        least_units=longer["low"],
        most_units=longer["high"],
    )


def told_once(structural: Sequence[FurtherFinding], repeats: Sequence[FurtherFinding]) -> list[FurtherFinding]:
    """The structural findings and the repeats, without insertions and gains that are one of these repeats' own.

    What a long repeat has more than the reference is also an insertion to whoever looks for those, of a length that is
    worse known; the repeat says that it was seen.
    """
    within = {one.key: repeat for repeat in repeats for one in structural if _is_of(one, repeat)}
    seen = {repeat.key for repeat in within.values()}
    noted = [replace(one, notes=(*one.notes, _ALSO_SEEN)) if one.key in seen else one for one in repeats]
    return [*(one for one in structural if one.key not in within), *noted]


def _is_of(event: FurtherFinding, repeat: FurtherFinding) -> bool:
    """Whether bases were put in within a repeat, or bases of it are there more often."""
    if event.contig != repeat.contig or event.type not in ("INS", "DUP"):
        return False
    return repeat.position - _OFF_REPEAT <= event.position and event.end <= repeat.end + _OFF_REPEAT


def smn_findings(found: SmnCopies, question: Question) -> list[FurtherFinding]:
    """Fewer than two copies of SMN1, where the order names the gene."""
    if SMN1 not in question.genes or found.smn1 is None or found.smn1 > 1:
        return []
    copies, others = _copies_in_words(found.smn1), _copies_in_words(found.smn2)
    means, course = "as carriers of spinal muscular atrophy have", ""
    if found.smn1 == 0:
        means, course = "as in spinal muscular atrophy", " Fewer copies of SMN2 go with a more severe course."
    return [
        FurtherFinding(
            key=f"smn|{found.smn1}|{found.smn2}",
            kind="structural variant",
            genes=(SMN1,),
            headline=f"{SMN1}: {copies} with the C of c.840 at {found.contig}:{found.position:,}",
            sentence=f"Exon 7 is there in {copies} of {SMN1}, {means}; SMN2 has {others}.{course}",
            notes=(
                f"Told by {found.reads_smn1} fragments with C and {found.reads_smn2} with T, and a depth of "
                f"{found.depth:g} copies; confirm it by MLPA before it is acted on.",
                "A copy that was converted to SMN2 counts as lost.",
            ),
            contig=found.contig,
            position=found.position,
            end=found.position,
            type="DEL",
            copies=found.smn1,
            inner=(found.position, found.position),
            outer=(max(1, found.position - STRETCH), found.position + STRETCH),
            zygosity="heterozygous" if found.smn1 else "homozygous",
        )
    ]


def _copies_in_words(copies: int | None) -> str:
    return {None: "an unknown number of copies", 0: "no copy", 1: "one copy"}.get(copies, f"{copies} copies")


def mitochondrial_findings(
    contig: str, calls: Iterable[MitochondrialCall], deletions: Iterable[LargeDeletion], clinvar: KnownAlleles
) -> list[FurtherFinding]:
    """Alleles that ClinVar calls pathogenic or likely pathogenic, and large deletions, each with its heteroplasmy."""
    known = [
        (call, clinvar.get(("MT", call.position + 1, call.ref, call.alt))) for call in calls if call.filter == "PASS"
    ]
    found = [
        _mitochondrial(contig, call, match) for call, match in known if match and match.classification in PATHOGENIC
    ]
    return [*found, *(_large_deletion(contig, gone) for gone in deletions)]


def _mitochondrial(contig: str, call: MitochondrialCall, match: ClinvarMatch) -> FurtherFinding:
    words = match.classification.replace("_", " ")
    conditions = f" for {', '.join(match.conditions)}" if match.conditions else ""
    return FurtherFinding(
        key=f"mitochondrial|{call.position}|{call.ref}|{call.alt}",
        kind="mitochondrial variant",
        genes=(),
        headline=f"{contig}: m.{call.position + 1}{call.ref}>{call.alt} in {call.fraction:.1%} of the molecules",
        sentence=f"ClinVar calls it {words}{conditions} (variation {match.variation_id}).",
        notes=("The share in blood says little of the share in muscle or other tissue.",),
        contig=contig,
        position=call.position + 1,
        end=call.position + len(call.ref),
        fraction=round(call.fraction, 4),
        ref=call.ref,
        alt=call.alt,
    )


def _large_deletion(contig: str, gone: LargeDeletion) -> FurtherFinding:
    return FurtherFinding(
        key=f"mitochondrial|deletion|{gone.start}|{gone.end}",
        kind="mitochondrial variant",
        genes=(),
        headline=f"{contig}: {gone.end - gone.start:,} bases deleted at {gone.start + 1:,}-{gone.end:,} in "
        f"{gone.fraction:.1%} of the molecules",
        sentence="Single large deletions cause Kearns-Sayre, Pearson and progressive external ophthalmoplegia "
        "syndromes.",
        notes=(f"Told by {gone.reads} split reads; with age some molecules lose bases in everybody.",),
        contig=contig,
        position=gone.start + 1,
        end=gone.end,
        type="DEL",
        fraction=round(gone.fraction, 4),
    )


def homozygosity_findings(runs: Sequence[Run], share: float) -> list[FurtherFinding]:
    """Long runs of homozygosity, where together they are as much as relatives' children have."""
    if share < _MUCH_HOMOZYGOUS:
        return []
    longest = max(run.end - run.start for run in runs)
    return [
        FurtherFinding(
            key="homozygosity",
            kind="homozygosity",
            genes=(),
            headline=f"{share:.1%} of the autosomes lie in runs of homozygosity",
            sentence=f"{len(runs)} run{'s' if len(runs) > 1 else ''} of a megabase or more, the longest of "
            f"{longest:,} bases: parents who are related, or two copies from one parent. Recessive variants lie there "
            "in both copies.",
            notes=(),
        )
    ]


def uniparental_findings(told: str) -> list[FurtherFinding]:
    """Contigs that a child has of one parent alone.

    Args:
        told: in words, as :class:`engine.genotype.trio.TrioMeasures` has them; empty where there is none.
    """
    if not told:
        return []
    which, _, meaning = told.partition(": ")
    return [
        FurtherFinding(
            key="uniparental disomy",
            kind="uniparental disomy",
            genes=(),
            headline=f"Uniparental disomy: {which}",
            sentence=f"{meaning[:1].upper()}{meaning[1:]}.",
            notes=("Told by the genotypes of child, father and mother; confirm it before it is acted on.",),
        )
    ]


@dataclass(frozen=True)
class Further:
    """What was told of a sample beside small variants.

    Attributes:
        findings: by kind, along the genome.
        examined: what was looked for, in words.
        not_examined: what was not, and why.
    """

    findings: tuple[FurtherFinding, ...] = ()
    examined: tuple[str, ...] = ()
    not_examined: tuple[tuple[str, str], ...] = ()


def read_further(path: Path) -> Further:
    """As it was written.

    Raises:
        VariantFileError: the file is damaged.
    """
    try:
        return further_of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VariantFileError(
            f"the further findings cannot be read: {error!r}", file=path, remedy="materialize further_findings again"
        ) from error


def further_of(told: Mapping[str, Any]) -> Further:
    """From its JSON."""
    return Further(
        tuple(finding_of(one) for one in told["findings"]),
        tuple(told["examined"]),
        tuple((str(what), str(why)) for what, why in told["not_examined"]),
    )


def write_further(path: Path, further: Further) -> None:
    """Write it as JSON."""
    path.write_text(json.dumps(asdict(further), indent=2) + "\n", encoding="utf-8")
