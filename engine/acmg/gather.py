"""Gathering the facts of alleles from knowledge: the gene model, the sequence, ClinVar and population frequencies.

Of each it reads what lies about the genes concerned and no more, so that a few alleles of a person cost little however
large the knowledge is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.acmg.facts import Known, Missense, Population, VariantFacts, missense_of
from engine.annotate.clinvar import PATHOGENIC
from engine.annotate.edit import Edit, reverse_complement, trimmed
from engine.annotate.gene_model import Transcript, read_gene_model
from engine.annotate.hgvs import transcript_hgvs
from engine.annotate.terms import TERMS
from engine.duckdb_paths import as_pattern
from engine.errors import KnowledgeError
from engine.files.index_fit import require_index_fits
from engine.reference.accessions import bare_contig
from engine.reference.bundle import ReferenceBundle

Row = Mapping[str, Any]
_MARGIN = 1_000
"""Bases on either side of a transcript whose sequence is read with it."""
_BY_ACCESSION = {one.so: name for name, one in TERMS.items() if one.so}


@dataclass(frozen=True)
class Place:
    """A transcript with its sequence.

    Attributes:
        transcript: on the genome.
        offset: first base of the sequence, 0-based on the genome.
        sequence: bases about the transcript, upper case.
    """

    transcript: Transcript
    offset: int
    sequence: str

    @cached_property
    def local(self) -> Transcript:
        """The transcript in coordinates of the sequence."""
        first = self.offset
        coding = self.transcript.coding
        return replace(
            self.transcript,
            exons=tuple((start - first, end - first) for start, end in self.transcript.exons),
            coding=(coding[0] - first, coding[1] - first) if coding else None,
        )

    def protein(self, edit: Edit) -> str | None:
        """The p. name, without reference, of a change that lies within the sequence."""
        own = Edit(edit.start - self.offset, edit.end - self.offset, edit.alt)
        if own.start < 0 or own.end > len(self.sequence):
            return None
        return (transcript_hgvs(self.local, own, self.sequence).protein or "").partition(":")[2] or None

    def codon(self, position: int) -> int | None:
        """Number, from 0, of the codon that a genomic base lies in; absent outside the coding sequence."""
        coding = self.transcript.coding
        if coding is None or not coding[0] <= position < coding[1]:
            return None
        base, distance = self.transcript.place(position)
        first = self.transcript.coding_places[0] - self.transcript.phase_shift
        return None if distance else (base - first) // 3

    def next_methionine(self) -> int | None:
        """Number of the first residue behind the first that a start codon in frame codes for."""
        coding = self.local.coding
        if coding is None:
            return None
        parts = [(max(start, coding[0]), min(end, coding[1])) for start, end in self.local.exons]
        bases = "".join(self.sequence[start:end] for start, end in parts if start < end)
        bases = bases if self.transcript.strand == 1 else reverse_complement(bases)
        codons = (bases[at : at + 3] for at in range(3, len(bases) - 2, 3))
        return next((number for number, codon in enumerate(codons, start=2) if codon == "ATG"), None)

    def repeat_copies(self, edit: Edit) -> int:
        """How often the unit that is lost or gained stands there in a row before the change."""
        start, end = edit.start - self.offset, edit.end - self.offset
        changed = edit.alt or self.sequence[start:end]
        if bool(edit.alt) == (end > start) or not changed:
            return 0
        unit = _unit(changed)
        while self.sequence[start - len(unit) : start] == unit and start >= len(unit):
            start -= len(unit)
        copies = 0
        while self.sequence[start : start + len(unit)] == unit:
            copies += 1
            start += len(unit)
        return copies


def _unit(bases: str) -> str:
    """The shortest text that the bases are a repeat of.

    >>> _unit("CAGCAG"), _unit("CAT"), _unit("AAA")
    ('CAG', 'CAT', 'A')
    """
    return next(bases[:size] for size in range(1, len(bases) + 1) if bases[:size] * (len(bases) // size) == bases)


class Gatherer:
    """Hands out the facts of alleles of one person.

    Args:
        bundle: with gene model, ClinVar and frequencies as far as the reference has them.
        rows: of the annotated table, whose facts will be asked for.
    """

    def __init__(self, bundle: ReferenceBundle, rows: Sequence[Row]) -> None:
        self._bundle = bundle
        self._transcripts = _transcripts(bundle.gene_model, rows) if bundle.gene_model else {}
        self._places: dict[str, Place] = {}
        self._known: dict[str, tuple[Known, ...]] = {}
        self._harmless: dict[str, tuple[Edit, ...]] = {}
        self._release = ""

    def facts(self, row: Row, population: Population | None = None) -> VariantFacts | None:
        """The facts of an allele that do not depend on the person; absent where it lies in no known transcript.

        Args:
            row: of the annotated table.
            population: what the source of frequencies says of it, absent without a source.
        """
        transcript = self._transcripts.get(row["transcript"] or "")
        if transcript is None or row["ref"] is None or row["alt"] is None:
            return None
        edit = trimmed(row["position"] - 1, row["ref"], row["alt"])
        terms = frozenset(row["consequence"].split("&"))
        protein = (row["hgvs_p"] or "").partition(":")[2] or None
        known = tuple(one for one in self._alleles(transcript) if one.edit != edit)
        place = self._place(transcript)
        return VariantFacts(
            gene=row["gene"] or "",
            transcript=transcript,
            edit=edit,
            terms=terms,
            protein=protein,
            known=with_proteins(known, edit, place) if missense_of(protein) else known,
            clinvar_release=self._release,
            next_methionine=place.next_methionine() if "start_lost" in terms else None,
            repeat_copies=place.repeat_copies(edit),
            population=population,
            missense=self._missense(place, known, edit) if "missense_variant" in terms else Missense(),
            variation_id=row["clinvar_variation_id"],
            replaced=row["ref"] if len(row["ref"]) == len(row["alt"]) == 1 else "",
        )

    def _missense(self, place: Place, known: Sequence[Known], edit: Edit) -> Missense:
        """The residues of ClinVar's missense alleles of the gene, but for the allele's own."""
        clinvar, transcript = self._bundle.clinvar, place.transcript
        if clinvar is None:
            return Missense()
        if transcript.id not in self._harmless:
            self._harmless[transcript.id] = harmless_missense(clinvar, transcript)
        harmless = (one for one in self._harmless[transcript.id] if one != edit)
        return missense_residues(place, known, harmless)

    def _place(self, transcript: Transcript) -> Place:
        if transcript.id not in self._places:
            import pysam

            offset = max(transcript.start - _MARGIN, 0)
            with pysam.FastaFile(str(self._bundle.fasta)) as sequences:
                bases = sequences.fetch(transcript.contig, offset, transcript.end + _MARGIN).upper()
            self._places[transcript.id] = Place(transcript, offset, bases)
        return self._places[transcript.id]

    def _alleles(self, transcript: Transcript) -> tuple[Known, ...]:
        if self._bundle.clinvar is None:
            return ()
        if transcript.id not in self._known:
            self._known[transcript.id], self._release = known_alleles(self._bundle.clinvar, transcript)
        return self._known[transcript.id]


def known_alleles(clinvar: Path, transcript: Transcript) -> tuple[tuple[Known, ...], str]:
    """ClinVar's pathogenic and likely pathogenic alleles of a transcript's gene, and ClinVar's release."""
    import duckdb

    with duckdb.connect() as db:
        rows = db.execute(
            f"""
            SELECT variation_id, classification, stars, position, ref, alt, consequences, genes, release
            FROM read_parquet(?)
            WHERE contig = ? AND position BETWEEN ? AND ? AND classification IN {PATHOGENIC}
            """,
            [as_pattern(clinvar), bare_contig(transcript.contig), transcript.start - 1, transcript.end + 1],
        ).fetchall()
    known = [
        Known(
            variation_id,
            classification == "pathogenic",
            stars,
            edit := trimmed(position - 1, ref, alt),
            terms_of(accessions, edit),
        )
        for variation_id, classification, stars, position, ref, alt, accessions, genes, _ in rows
        if not genes or transcript.gene in genes
    ]
    return tuple(known), rows[0][-1] if rows else ""


def harmless_missense(clinvar: Path, transcript: Transcript) -> tuple[Edit, ...]:
    """What ClinVar's benign and likely benign missense alleles of a transcript's gene replace."""
    import duckdb

    with duckdb.connect() as db:
        rows = db.execute(
            f"""
            SELECT position, ref, alt FROM read_parquet(?)
            WHERE contig = ? AND position BETWEEN ? AND ? AND classification IN {_HARMLESS} AND stars > 0
              AND list_contains(consequences, ?) AND (len(genes) = 0 OR list_contains(genes, ?))
            """,
            [
                as_pattern(clinvar),
                bare_contig(transcript.contig),
                transcript.start - 1,
                transcript.end + 1,
                TERMS["missense_variant"].so,
                transcript.gene,
            ],
        ).fetchall()
    return tuple(trimmed(position - 1, ref, alt) for position, ref, alt in rows)


_HARMLESS = ("benign", "likely_benign")


def missense_residues(place: Place, known: Iterable[Known], harmless: Iterable[Edit]) -> Missense:
    """The residues, from 1, of missense alleles that are known to harm, and of those that are known not to."""
    harmful = [place.codon(one.edit.start) for one in known if "missense_variant" in one.terms and one.stars > 0]
    others = [place.codon(one.start) for one in harmless]
    return Missense(
        tuple(sorted(codon + 1 for codon in harmful if codon is not None)),
        tuple(sorted(codon + 1 for codon in others if codon is not None)),
    )


def terms_of(accessions: Iterable[str], edit: Edit) -> frozenset[str]:
    """Terms by their accessions; of an allele without any that shifts the frame, that it does."""
    named = frozenset(_BY_ACCESSION[one] for one in accessions if one in _BY_ACCESSION)
    shifts = (len(edit.alt) - (edit.end - edit.start)) % 3
    return named or (frozenset({"frameshift_variant"}) if shifts else frozenset())


def with_proteins(known: Iterable[Known], edit: Edit, place: Place) -> tuple[Known, ...]:
    """Those of the same codon with what they do to the protein."""
    codon = place.codon(edit.start)
    return tuple(
        replace(one, protein=place.protein(one.edit))
        if codon is not None and "missense_variant" in one.terms and place.codon(one.edit.start) == codon
        else one
        for one in known
    )


def _transcripts(gene_model: Path, rows: Sequence[Row]) -> dict[str, Transcript]:
    """The transcripts of the genes that some alleles lie in, by name."""
    places = {(row["contig"], row["position"] - 1, row["position"]) for row in rows if row["transcript"]}
    if not places:
        return {}
    if not gene_model.with_name(f"{gene_model.name}.tbi").exists():
        return {one.name: one for one in read_gene_model(gene_model).transcripts.values()}
    require_index_fits(gene_model, error=KnowledgeError, may_be_older=True)  # both were copied, in any order
    with tempfile.TemporaryDirectory() as scratch:
        excerpt = Path(scratch) / "genes.gff3"
        lines = _genes_about(gene_model, places)
        if not lines:
            return {}
        excerpt.write_text("##gff-version 3\n" + "".join(f"{line}\n" for line in lines))
        return {one.name: one for one in read_gene_model(excerpt).transcripts.values()}


def _genes_about(gene_model: Path, places: Collection[tuple[str, int, int]]) -> list[str]:
    """The lines of the genes that places lie in, in the order of the file."""
    import pysam

    lines: dict[str, None] = {}
    with pysam.TabixFile(str(gene_model)) as model:
        spans = set()
        for contig, start, end in places:
            if contig in model.contigs:
                for line in model.fetch(contig, max(start - 5, 0), end + 5):
                    fields = line.split("\t")
                    if fields[8].startswith("ID=gene:"):
                        spans.add((contig, int(fields[3]) - 1, int(fields[4])))
        for span in sorted(spans):
            lines |= dict.fromkeys(model.fetch(*span))
    return list(lines)
