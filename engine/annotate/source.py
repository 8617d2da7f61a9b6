"""The calls to be annotated and the contigs they lie on, read batch by batch and sorted out.

The input is read once; where it is too large to be held, what is plain is read a second time when it is written, so
that memory does not grow with the number of variants.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.annotate.batches import FIXED, Batch, read_batches, read_header
from engine.annotate.call_columns import CallColumns, CallError
from engine.annotate.compound import NEIGHBOURS_WITHIN
from engine.annotate.gene_model import GeneModel
from engine.annotate.known_alleles import KnownAlleles
from engine.annotate.normalise import ORIGINAL
from engine.annotate.places import Places
from engine.annotate.sequences import Sequence, Sequences
from engine.annotate.sorting import Findings, KnownReach, Sorted, set_compounds_apart, sort_out
from engine.annotate.tags import Tags
from engine.errors import VariantFileError
from engine.files.compressed import VerifiedFile
from engine.files.index_fit import require_index_fits
from engine.files.variant_lines import require_variants
from engine.htslib import run_bcftools
from engine.reference.accessions import bare_contig, refseq_accession
from engine.reference.bundle import Contig, ReferenceBundle

if TYPE_CHECKING:
    import pyarrow as pa

SITE = "site"
"""Name of the column that stands for everybody where a file has no calls."""
_HELD = 40_000_000
"""Bytes of text that are held rather than read twice; as columns they take five times as much."""


@dataclass(frozen=True)
class Source:
    """Calls, as text.

    Attributes:
        file: that an error is to name.
        text: VCF, plain, gzip or BGZF.
        header: its header's lines.
        sample: whose calls are annotated; absent where the file has none and each of its alleles is.
    """

    file: Path
    text: Path
    header: list[str]
    sample: str | None

    @property
    def named(self) -> str:
        """The sample, or what stands for it."""
        return self.sample or SITE

    @property
    def column(self) -> int | None:
        """Number of the sample's column, from 0."""
        return None if self.sample is None else self.header[-1].rstrip("\n").split("\t").index(self.sample)


def open_source(variants: Path, sample: str | None, scratch: Path, contigs: tuple[Contig, ...]) -> Source:
    """Open a VCF or BCF.

    Args:
        variants: the file.
        sample: whose calls are wanted; absent for a file without any.
        scratch: folder for a BCF as text.
        contigs: of the reference; a header that declares none gets them.

    Raises:
        VariantFileError: the file is damaged or has no such sample, or an index beside it is of another file.
    """
    try:
        text = _as_text(variants, scratch)
        header = read_header(text)
        if not header or not header[-1].startswith("#CHROM"):
            raise VariantFileError(
                "the file has no VCF header", file=variants, remedy="give a VCF file, whole from its first line"
            )
        samples = header[-1].rstrip("\n").split("\t")[FIXED + 1 :]
        if (sample is None and samples) or (sample is not None and sample not in samples):
            held = ", ".join(samples[:5]) or "none"
            raise VariantFileError(
                f"the VCF has no such sample (it holds {held})", file=variants, remedy="give the sample's own VCF"
            )
        header = _with_contigs(header, contigs)
    except VariantFileError as error:
        raise error.about(sample=sample) from error.__cause__
    return Source(variants, text, header, sample)


def _with_contigs(header: list[str], contigs: tuple[Contig, ...]) -> list[str]:
    """The header with the reference's contigs, where it declares none of its own."""
    if any(line.startswith("##contig=") for line in header):
        return header
    lines = [f"##contig=<ID={contig.name},length={contig.length}>\n" for contig in contigs]
    return [*header[:-1], *lines, header[-1]]


def header_of(variants: Path) -> list[str]:
    """The header's lines of a VCF or BCF.

    Raises:
        VariantFileError: the file is missing or damaged.
    """
    import pysam

    with VerifiedFile(variants, error=VariantFileError) as file:
        is_bcf = next(file.pieces(), b"").startswith(b"BCF")
    if not is_bcf:
        return read_header(variants)
    with pysam.VariantFile(str(variants)) as opened:
        return str(opened.header).splitlines(keepends=True)


def _as_text(variants: Path, scratch: Path) -> Path:
    with VerifiedFile(variants, error=VariantFileError) as file:
        is_bcf = next(file.pieces(), b"").startswith(b"BCF")
    if not is_bcf:
        if file.kind == "BGZF":
            require_index_fits(variants, error=VariantFileError)
        return variants
    require_variants(variants)
    text = scratch / "text.vcf"
    run_bcftools("view", "--no-version", "-I", "-O", "v", "-o", str(text), str(variants))
    return text


class Contigs:
    """Sequence, accession and places of one contig at a time.

    Args:
        bundle: the reference.
        model: its genes.
        sample: that an error is to name.
        stack: closes the FASTA.
        sequences: of the FASTA, where it is open already.
    """

    def __init__(
        self,
        bundle: ReferenceBundle,
        model: GeneModel,
        sample: str | None,
        stack: ExitStack,
        sequences: Sequences | None = None,
    ) -> None:
        self.model = model
        self.bundle = bundle
        self._sample = sample
        self._sequences = sequences or stack.enter_context(Sequences(bundle.fasta))
        self._sequence = Sequence("", "")
        self._places = Places(GeneModel({}), "")

    def sequence(self, contig: str) -> Sequence:
        """A contig's bases.

        Raises:
            VariantFileError: the reference has no such contig.
        """
        if contig != self._sequence.contig:
            if contig not in self.bundle.contig_lengths:
                raise VariantFileError(
                    f"contig {contig} is not in the reference {self.bundle.name}",
                    remedy="call the variants against this reference",
                    sample=self._sample,
                )
            self._sequence = Sequence("", "")
            self._sequence = self._sequences.of(contig)
            self._places = Places(self.model, contig)
        return self._sequence

    def places(self, contig: str) -> Places:
        """A contig's places."""
        self.sequence(contig)
        return self._places

    def accession(self, contig: str) -> str | None:
        """RefSeq's accession of a contig."""
        return refseq_accession(self.bundle.build, contig, self.bundle.contig_lengths[contig])


@dataclass
class Held:
    """A batch that is sorted out, with the sample's calls by columns."""

    told: Sorted
    calls: dict[str, pa.Array]


@dataclass
class Noted:
    """Records of which something is to be told.

    Attributes:
        count: how many.
        first: place of the first of them, ``contig:position``; absent without any.
    """

    count: int = 0
    first: str | None = None

    def add(self, batch: Batch, which: NDArray[np.bool_]) -> None:
        """Note some records of a batch."""
        if which.any():
            self.first = self.first or f"{batch.contig}:{batch.position[which][0]:,}"
            self.count += int(which.sum())


class Sorting:
    """All batches of a source, sorted out.

    Args:
        source: the calls.
        contigs: of the reference.
        known: what ClinVar knows.
        plain: whether any record may be plain.

    Attributes:
        left_out: records that the sample does not carry.
        beyond_depth: records with more reads of the alleles (AD) than reads (DP).
        unchanged: records whose alternate is REF itself.
    """

    def __init__(self, source: Source, contigs: Contigs, known: KnownAlleles, *, plain: bool = True) -> None:
        self._source, self._contigs, self._known = source, contigs, known
        self._plain = plain and not any(line.startswith(f"##INFO=<ID={ORIGINAL},") for line in source.header)
        self._declared = _Declared.of(source.header)
        self._reach: tuple[str, KnownReach] | None = None
        self._held: list[Held] | None = []
        self._settled: list[Findings] = []
        self._size = 0
        self.left_out = 0
        self.beyond_depth, self.unchanged = Noted(), Noted()

    def write_judged(self, vcf: Path) -> None:
        """Go through the source, and write what is to be judged record by record."""
        lines = vcf.with_suffix(".lines")
        used = Tags()
        with lines.open("w") as written:
            before: Held | None = None
            for held in self._sorted_out():
                if before is not None:
                    _set_straddling_apart(before.told, held.told)
                    self._settle(before, written, used)
                before = held
            if before is not None:
                self._settle(before, written, used)
        with vcf.open("w") as whole, lines.open() as records:
            whole.writelines(self._header(used))
            shutil.copyfileobj(records, whole, 1 << 20)
        lines.unlink()

    def batches(self) -> Iterator[Held]:
        """The batches again, as they were sorted out."""
        if self._held is not None:
            yield from self._held
            return
        source = self._source
        again = read_batches(source.text, source.header, source.column, again=True)
        for batch, found in zip(again, self._settled, strict=True):
            calls = {} if source.sample is None else _calls(batch, self._declared).arrays
            yield Held(found.of(batch), calls)

    def _sorted_out(self) -> Iterator[Held]:
        source = self._source
        for batch in read_batches(source.text, source.header, source.column):
            try:
                sequence, places = self._contigs.sequence(batch.contig), self._contigs.places(batch.contig)
            except VariantFileError as error:
                error.place = f"{batch.contig}:{int(batch.position[0]):,}"
                raise error.about(file=source.file) from None
            self.unchanged.add(batch, _are_unchanged(batch))
            calls = None
            if source.sample is not None:
                calls = _sound_calls(source, batch, self._declared)
                self.beyond_depth.add(batch, _are_beyond_depth(calls))
            told = sort_out(batch, None if calls is None else calls.copies, sequence, places)
            if not self._plain:
                told.is_plain[:] = False
                told.is_left_out[:] = False
            elif calls is not None:
                set_compounds_apart(told, self._reach_on(batch.contig, sequence))
            yield Held(told, {} if calls is None else calls.arrays)

    def _reach_on(self, contig: str, sequence: Sequence) -> KnownReach:
        if self._reach is None or self._reach[0] != contig:
            self._reach = contig, KnownReach(self._known.on(bare_contig(contig)), sequence)
        return self._reach[1]

    def _settle(self, held: Held, written: IO[str], used: Tags) -> None:
        told = held.told
        self.left_out += int(told.is_left_out.sum())
        for number in np.flatnonzero(told.is_judged).tolist():
            fields = told.batch.fields(number)
            if self._source.sample is None:
                fields += ["GT", "/".join(map(str, range(fields[4].count(",") + 2)))]
            used.add(fields)
            written.write("\t".join(fields) + "\n")
        self._settled.append(told.findings())
        self._size += len(told.batch.text)
        if self._size > _HELD:
            self._held = None
        if self._held is not None:
            self._held.append(held)

    def _header(self, used: Tags) -> Iterator[str]:
        *facts, columns = self._source.header
        yield from facts
        yield from used.declared(facts)
        named = columns.rstrip("\n").split("\t")[:FIXED]
        yield "\t".join([*named, "FORMAT", self._source.named]) + "\n"


def _set_straddling_apart(before: Sorted, after: Sorted) -> None:
    """What lies on either side of the border between two batches, and may belong together, is judged together."""
    if before.batch.contig != after.batch.contig:
        return
    gap = NEIGHBOURS_WITHIN + 1
    first, end = int(after.first.min()), int(before.end.max())
    if first > end + gap:
        return
    for told, near in ((before, before.end + gap >= first), (after, after.first - gap <= end)):
        runs = told.runs(gap)
        told.not_plain(np.isin(runs, runs[near]))


_IS_GENOTYPE = re.compile(r"[/|]?(?:\d+|\.)(?:[/|](?:\d+|\.))*", re.ASCII)


class _Declared(NamedTuple):
    """What a header says of the sample's values.

    Attributes:
        reads_by_allele: AD has a value for each allele; some callers write another AD, and declare it so.
        whole: keys that hold whole numbers.
    """

    reads_by_allele: bool
    whole: frozenset[str]

    @classmethod
    def of(cls, header: list[str]) -> _Declared:
        """Read a header's lines."""
        formats = {found[1]: found[2] for line in header if (found := _FORMAT.match(line))}
        whole = (key for key, kind in formats.items() if kind.endswith(",Type=Integer"))
        return cls(formats.get("AD", "R").startswith("R"), frozenset(whole))


_FORMAT = re.compile(r"##FORMAT=<ID=([^,>]+),Number=([^,>]+,Type=\w+)")


def _sound_calls(source: Source, batch: Batch, declared: _Declared) -> CallColumns:
    """The sample's calls of a batch.

    Args:
        source: that an error names.
        batch: of it.
        declared: in its header.

    Raises:
        VariantFileError: a call names alleles that its record lacks, or has values that are not what FORMAT says.
    """
    try:
        calls = _calls(batch, declared)
        _require_genotypes(calls.arrays["genotype"], _alleles(batch))
    except CallError as problem:
        raise VariantFileError(
            str(problem),
            sample=source.sample,
            file=source.file,
            place=f"{batch.contig}:{int(batch.position[problem.row]):,}",
            remedy="correct the record, or call the sample again",
        ) from None
    return calls


def _calls(batch: Batch, declared: _Declared) -> CallColumns:
    counted = _alleles(batch) if declared.reads_by_allele else None
    return CallColumns(batch.columns["FORMAT"], batch.columns["SAMPLE"], counted, declared.whole)


def _alleles(batch: Batch) -> NDArray[np.int64]:
    """How many alleles each record has, the reference's among them."""
    import pyarrow.compute as pc

    alternates = np.asarray(pc.count_substring(batch.alt, ",")).astype(np.int64) + 1
    found: NDArray[np.int64] = 1 + np.where(pc.equal(batch.alt, "."), 0, alternates)
    return found


def _require_genotypes(genotype: pa.Array, alleles: NDArray[np.int64]) -> None:
    """A genotype names alleles of its record; one that does not would be taken for one without the allele."""
    coded = genotype.dictionary_encode()
    highest = np.array([_highest_allele(text) for text in coded.dictionary.to_pylist()], np.int64)
    wrong = np.flatnonzero(highest[coded.indices.to_numpy()] >= alleles)
    if len(wrong):
        number = int(wrong[0])
        told = genotype[number].as_py()[:20]
        raise CallError(number, f"the genotype {told!r} is not made of alleles of the record")


def _highest_allele(genotype: str) -> int:
    """Number of the highest allele, 0 where none is called; of what is no genotype one that no record has."""
    if not _IS_GENOTYPE.fullmatch(genotype):
        return np.iinfo(np.int64).max
    return min(max(map(int, re.findall(r"\d+", genotype)), default=0), np.iinfo(np.int64).max)


def _are_beyond_depth(calls: CallColumns) -> NDArray[np.bool_]:
    """AD counts reads of DP; where it counts more, one of them is not what it is said to be."""
    import pyarrow.compute as pc

    return np.asarray(pc.fill_null(pc.greater(calls.allele_reads, calls.arrays["depth"]), False))


def _are_unchanged(batch: Batch) -> NDArray[np.bool_]:
    """The alternate is REF itself: the record names no variant, whatever its genotype says."""
    import pyarrow.compute as pc

    return np.asarray(pc.equal(batch.ref, batch.alt))
