"""One annotated row out of one record: names, consequences, ClinVar, and what the allele is part of or made of.

How records are read, put in order and written is the business of :mod:`engine.annotate.annotate`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from engine.annotate.calls import Call
from engine.annotate.compound import Allele, Combination
from engine.annotate.consequence import Hit, Judgement, complete, parse_bcsq, representative
from engine.annotate.edit import Edit, shifted, trimmed
from engine.annotate.gene_model import Transcript
from engine.annotate.hgvs import TranscriptHgvs, genomic_change, genomic_hgvs, transcript_hgvs, variant_type
from engine.annotate.known_alleles import KnownAlleles
from engine.annotate.normalise import ORIGINAL
from engine.annotate.protein import protein_change
from engine.annotate.protein_terms import corrected, with_protein
from engine.annotate.rows import (
    ClinvarPart,
    CombinedPart,
    ConsequencePart,
    Frequency,
    NamePart,
    RecordPart,
    Row,
    TranscriptConsequence,
    clinvar_part,
)
from engine.annotate.source import Contigs
from engine.annotate.terms import INTERGENIC, TERMS, TRUNCATED, by_severity, term
from engine.files.info import info_value
from engine.files.variant_lines import is_breakend
from engine.reference.accessions import bare_contig

_IS_RS = re.compile(r"rs\d+").fullmatch
_IS_SEQUENCE = re.compile("[ACGTN]+").fullmatch


class Beside(NamedTuple):
    """What is to be told beside the alleles that the caller wrote.

    Attributes:
        combined: by allele, what it makes together with others of its chromosome.
        parts: by allele, what it is made of.
        several: the alleles of both.
    """

    combined: dict[Allele, list[Combination]]
    parts: dict[Allele, list[Allele]]
    several: frozenset[Allele]

    def alleles(self) -> list[Allele]:
        """All of them, once each, as far as they are one allele."""
        wholes = (one.allele for combined in self.combined.values() for one in combined)
        parts = itertools.chain.from_iterable(self.parts.values())
        return list(dict.fromkeys(allele for allele in itertools.chain(wholes, parts) if allele))


class Annotator:
    """Makes a row and a VCF line of each record; holds the sequence of one contig at a time."""

    def __init__(self, sample: str, contigs: Contigs, clinvar: KnownAlleles, beside: Beside) -> None:
        self._sample, self._contigs, self._model, self._clinvar = sample, contigs, contigs.model, clinvar
        self._beside = beside
        self._contig = self._bare = self._sequence = ""
        self._accession: str | None = None
        self.unlisted_terms: set[str] = set()

    def row(self, fields: list[str], call: Call, frequency: Frequency) -> Row:
        """Annotate one record.

        Args:
            fields: of its VCF line.
            call: the sample's, with :attr:`Call.copies`.
            frequency: of its allele.

        Raises:
            VariantFileError: the record's contig is not in the reference.
        """
        contig, start, ref, alt, info = fields[0], int(fields[1]) - 1, fields[3], fields[4], fields[7]
        if contig != self._contig:
            self.load(contig)
        matches = self._sequence[start : start + len(ref)] == ref.upper()
        edit = trimmed(start, ref, alt) if matches and _IS_SEQUENCE(alt) and alt != ref else None
        allele = (contig, start + 1, ref, alt)
        span = (edit.start, edit.end) if edit else (start, start + len(ref))
        hits = complete(parse_bcsq(info_value(info, "BCSQ=")), contig, *span, self._model)
        if is_breakend(alt):
            hits = [Hit(hit.transcript, by_severity((*hit.terms, TRUNCATED))) for hit in hits]
        known = clinvar_part(self._clinvar.get((self._bare, *allele[1:])))
        if known.rs is None and (rs := frequency.rs or _rs_of(fields[2])):
            known = known._replace(rs=rs)
        return Row(
            RecordPart(
                self._sample,
                f"{self._bare}-{start + 1}-{ref}-{alt}",
                contig,
                start + 1,
                ref,
                alt,
                info_value(info, f"{ORIGINAL}=") or None,
                None if fields[5] == "." else float(fields[5]),
                fields[6],
            ),
            call,
            matches,
            self._name(edit),
            self._consequence(hits, edit) if hits else _INTERGENIC,
            known,
            frequency,
            *(self._told_beside(allele, call, fields[6]) if allele in self._beside.several else _ALONE),
        )

    def _known(self, allele: Allele | None) -> ClinvarPart:
        return clinvar_part(self._clinvar.get((bare_contig(allele[0]), *allele[1:])) if allele else None)

    def _told_beside(
        self, allele: Allele, call: Call, failed: str
    ) -> tuple[tuple[CombinedPart, ...], tuple[CombinedPart, ...]]:
        """What the allele makes together with others, and what ClinVar knows of its parts."""
        combined, parts = self._beside.combined.get(allele, ()), self._beside.parts.get(allele, ())
        return (
            tuple(self.whole(one) for one in combined if one.transcripts or self._is_known(one.allele)),
            tuple(self.part(allele, part, call, failed) for part in parts if self._is_known(part)),
        )

    def _is_known(self, allele: Allele | None) -> bool:
        return allele is not None and (bare_contig(allele[0]), *allele[1:]) in self._clinvar

    def whole(self, combination: Combination) -> CombinedPart:
        """What alleles of the contig that is held make together."""
        edits = [member.edit for member in combination.members]
        alleles = [f"{self._bare}-" + "-".join(map(str, member.allele[1:])) for member in combination.members]
        one = combination.allele
        return CombinedPart(
            alleles,
            combination.phased,
            f"{self._bare}-" + "-".join(map(str, one[1:])) if one else "+".join(alleles),
            self._contig,
            one[1] if one else combination.members[0].allele[1],
            one[2] if one else None,
            one[3] if one else None,
            combination.filter,
            combination.call,
            self._name(_edit_of(one)) if one else NamePart("other", self._listed_name(edits)),
            self._consequence_together(combination, edits),
            self._known(one),
        )

    def part(self, whole: Allele, part: Allele, call: Call, failed: str) -> CombinedPart:
        """A part of an allele of the contig that is held, with the call and FILTER of the whole."""
        edit = _edit_of(part)
        hits = [
            Hit(hit.transcript, with_protein(hit.terms, change) if change else hit.terms)
            for hit in complete(Judgement((), ()), part[0], edit.start, edit.end, self._model)
            for change in [self._protein(hit.transcript, edit)]
        ]
        return CombinedPart(
            [f"{self._bare}-" + "-".join(map(str, whole[1:]))],
            True,
            f"{self._bare}-" + "-".join(map(str, part[1:])),
            *part,
            failed,
            call,
            self._name(edit),
            self._consequence(hits, edit) if hits else _INTERGENIC,
            self._known(part),
        )

    def _protein(self, transcript_id: str, edit: Edit) -> str:
        protein = transcript_hgvs(self._model.transcripts[transcript_id], edit, self._sequence).protein
        return (protein or "").partition(":")[2]

    def _listed_name(self, edits: Sequence[Edit]) -> str | None:
        """``NC_000001.11:g.[100A>G;3000C>T]``."""
        changes = ";".join(genomic_change(edit, self._sequence) for edit in edits)
        return genomic_hgvs(self._accession, f"[{changes}]") if self._accession else None

    def _consequence_together(self, combination: Combination, edits: Sequence[Edit]) -> ConsequencePart:
        common = set.intersection(*(set(member.transcripts) for member in combination.members))
        one = _edit_of(combination.allele) if combination.allele else None
        if not common:
            hits = complete(Judgement((), ()), self._contig, edits[0].start, edits[-1].end, self._model)
            return self._consequence(hits, one) if hits else _INTERGENIC
        every, hits = {}, []
        for transcript_id in combination.transcripts or sorted(common):
            transcript = self._model.transcripts[transcript_id]
            named = self._named_together(transcript, edits, one)
            terms = by_severity(name for member in combination.members for name in member.transcripts[transcript_id])
            change = (named.protein or "").partition(":")[2]
            hits.append(Hit(transcript_id, with_protein(terms, change) if change else terms))
            every[transcript_id] = _transcript_consequence(transcript, hits[-1], named, one)
        return self._represented(hits, every)

    def _named_together(self, transcript: Transcript, edits: Sequence[Edit], one: Edit | None) -> TranscriptHgvs:
        """As one change within an exon; as several, listed, otherwise. The protein is read with all of them."""
        if one and any(start <= one.start and one.end <= end for start, end in transcript.exons):
            return transcript_hgvs(transcript, one, self._sequence)
        order = edits if transcript.strand == 1 else edits[::-1]
        names = [(transcript_hgvs(transcript, edit, self._sequence).coding or "").partition(":c.")[2] for edit in order]
        limits = (transcript.start, transcript.end)
        moved = [
            (shifted(edit, self._sequence, transcript.strand, limits), name.endswith("dup"))
            for edit, name in zip(order, names, strict=True)
        ]
        change = protein_change(transcript, moved, self._sequence)
        return TranscriptHgvs(
            f"{transcript.name}:c.[{';'.join(names)}]" if all(names) else None,
            change and f"{transcript.protein or transcript.name}:{change}",
        )

    def load(self, contig: str) -> None:
        """Hold the sequence of a contig."""
        self._sequence = self._contigs.sequence(contig).bases
        self._contig, self._bare = contig, bare_contig(contig)
        self._accession = self._contigs.accession(contig)

    def _name(self, edit: Edit | None) -> NamePart:
        if edit is None:
            return NamePart("other", None)
        change = genomic_change(edit, self._sequence)
        return NamePart(variant_type(change), genomic_hgvs(self._accession, change) if self._accession else None)

    def _consequence(self, hits: list[Hit], edit: Edit | None) -> ConsequencePart:
        every: dict[str, TranscriptConsequence] = {}
        told_hits = []
        for hit in hits:
            transcript = self._model.transcripts.get(hit.transcript)
            if transcript is not None:
                named = transcript_hgvs(transcript, edit, self._sequence) if edit else _NOT_NAMED
                hit = Hit(hit.transcript, corrected(hit.terms, transcript, named.protein, self._sequence))
                told_hits.append(hit)
                if hit.terms[-1] not in TERMS:  # what is not listed comes last
                    self.unlisted_terms.update(name for name in hit.terms if name not in TERMS)
                every[hit.transcript] = _transcript_consequence(transcript, hit, named, edit)
        return self._represented(told_hits, every)

    def _represented(self, hits: list[Hit], every: dict[str, TranscriptConsequence]) -> ConsequencePart:
        chosen = representative(hits, self._model)
        if chosen is None:
            return _INTERGENIC
        hit, transcript = chosen
        told = every[hit.transcript]
        return ConsequencePart(
            told.gene,
            told.gene_id,
            transcript.hgnc_id,
            told.transcript,
            transcript.standing or "longest_coding_sequence",
            told.consequence,
            told.impact,
            told.exon,
            told.intron,
            told.splice_distance,
            told.hgvs_c,
            told.hgvs_p,
            (told, *(one for name, one in every.items() if name != hit.transcript)),
        )


def _transcript_consequence(
    transcript: Transcript, hit: Hit, named: TranscriptHgvs, edit: Edit | None
) -> TranscriptConsequence:
    span = (edit.start, max(edit.end, edit.start + 1)) if edit else None
    return TranscriptConsequence(
        transcript.gene,
        transcript.gene_id,
        transcript.name,
        transcript.biotype,
        "&".join(hit.terms),
        hit.impact,
        *(transcript.numbered(*span) if span else (None, None)),
        transcript.splice_distance(edit.start, edit.end) if edit else None,
        *named,
    )


_INTERGENIC = ConsequencePart(None, None, None, None, None, INTERGENIC, term(INTERGENIC).impact)
_ALONE: tuple[tuple[CombinedPart, ...], tuple[CombinedPart, ...]] = ((), ())
_NOT_NAMED = TranscriptHgvs(None, None)


def _rs_of(ids: str) -> str | None:
    """The first dbSNP id of a record's ID."""
    if "rs" not in ids:
        return None
    return next((one for one in ids.split(";") if _IS_RS(one)), None)


def _edit_of(allele: Allele) -> Edit:
    return trimmed(allele[1] - 1, allele[2], allele[3])
