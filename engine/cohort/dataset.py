"""Data of others beside the cohort: public frequencies, a partner's genotypes; declared, imported, never mixed in.

A dataset says where it comes from, under which licence, and for which purpose it may be used. What is imported is one
row an allele, normalised against the reference as samples' own are, with its source in every row; genotypes are kept
under ids with the dataset's prefix. Frequencies stand side by side by source, and are added up only where that is
asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from numpy.typing import NDArray

from engine.cohort.columns import DATASET_CALL_COLUMNS, DATASET_FREQUENCY_COLUMNS
from engine.consent import CONSENT
from engine.duckdb_paths import as_pattern
from engine.errors import KnowledgeError, ReferenceMismatchError, ToolError, VariantFileError
from engine.files.strict_yaml import load_yaml
from engine.files.variant_lines import require_variants
from engine.htslib import run_bcftools
from engine.reference.accessions import BARE_CONTIG_SQL, bare_contig
from engine.reference.bundle import ReferenceBundle
from engine.tables import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

FREQUENCIES, CALLS = "frequencies.parquet", "calls.parquet"
OWN = "cohort"
"""The source by which the deployment's own samples are told."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,15}[-_]")
_BASES = re.compile("[ACGTN]+", re.IGNORECASE)
Row = tuple[Any, ...]
_NEEDED = ("contig", "position", "ref", "alt", "allele_count", "allele_number")
_TABLE = f"give Parquet with {', '.join(_NEEDED)}, one allele a row, none of them absent and the numbers whole"
_SORT_WINDOW = "20000"


@dataclass(frozen=True)
class Dataset:
    """A dataset as it is declared.

    Attributes:
        name: lower case letters, digits and ``_``; its source in every row.
        file: VCF, BCF, or Parquet with contig, position (1-based), ref, alt, allele_count and allele_number.
        build: of its coordinates, ``GRCh37`` or ``GRCh38``.
        source: where it comes from, in words.
        licence: under which it may be used.
        consent: what it may be used for, as :data:`engine.consent.CONSENT`.
        release: as its publisher calls it.
        sample_prefix: before each sample id, so that no id is another's; empty where it has no samples.
    """

    name: str
    file: Path
    build: str
    source: str
    licence: str
    consent: str
    release: str
    sample_prefix: str = ""


@dataclass(frozen=True)
class DatasetMeasures:
    """What was imported.

    Attributes:
        alleles: rows of frequencies.
        samples: whose genotypes they were counted of; 0 where counts were given.
        repeated: alleles that were there more than once; the one called most often is kept.
        elsewhere: contigs that the reference does not have, whose records are left out.
        not_sequence: alleles that are not given as bases, and left out.
        not_passed: alleles in records that their caller's filters mark, and left out.
        not_called: alleles at which nobody is called (AN 0), whose frequency is not known, and left out.
    """

    alleles: int
    samples: int
    repeated: int
    elsewhere: int
    not_sequence: int
    not_passed: int
    not_called: int


def read_dataset(path: Path) -> Dataset:
    """A declaration; the file is relative to it.

    Raises:
        KnowledgeError: it is missing, no YAML, lacks, misspells or repeats something, or a value is no text.
    """
    try:
        told = load_yaml(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _wrong(path, f"it cannot be read ({error})") from error
    known = {one.name for one in fields(Dataset)}
    if not isinstance(told, dict) or (unknown := sorted(map(str, told.keys() - known))):
        raise _wrong(path, f"there is no {', '.join(unknown)}" if isinstance(told, dict) else "it is no list of fields")
    if unclear := [name for name, value in told.items() if isinstance(value, float | bool | list | dict)]:
        raise _wrong(path, f"{unclear[0]} is read as {told[unclear[0]]!r}, and is to be written in quotes")
    missing = sorted(known - {"sample_prefix"} - {name for name, value in told.items() if value})
    if missing:
        raise _wrong(path, f"it does not say {', '.join(missing)}")
    words = {name: str(value) for name, value in told.items() if value}
    for name, pattern in (("name", _NAME), ("sample_prefix", _PREFIX), ("consent", re.compile(CONSENT))):
        if name in words and not pattern.fullmatch(words[name]):
            raise _wrong(path, f"{name} is {words[name]!r}")
    if words["name"] == OWN:
        raise _wrong(path, f"{OWN} is the name of the deployment's own samples")
    return Dataset(**{**words, "file": (path.parent / words["file"]).resolve()})  # type: ignore[arg-type]


def _wrong(path: Path, problem: str) -> KnowledgeError:
    return KnowledgeError(
        f"the dataset is declared wrongly: {problem}",
        file=path,
        remedy="give name, file, build, source, licence, consent (such as GRU) and release; sample_prefix, such as "
        "kgp-, where it has samples",
    )


def import_dataset(dataset: Dataset, reference: ReferenceBundle, folder: Path, scratch: Path) -> DatasetMeasures:
    """Write :data:`FREQUENCIES`, and :data:`CALLS` where there are genotypes, into ``folder``.

    Raises:
        ReferenceMismatchError: the dataset is of another build, or a contig has another length.
        VariantFileError: the file is damaged, REF is not the reference's, or counts or a prefix are missing.
    """
    import pyarrow.parquet as pq

    if dataset.build != reference.build:
        raise ReferenceMismatchError(
            f"the dataset {dataset.name} is of {dataset.build}, the reference of {reference.build}",
            file=dataset.file,
            remedy="give the dataset in the reference's build",
        )
    vcf = _of_table(dataset, scratch) if dataset.file.suffix == ".parquet" else dataset.file
    aligned, elsewhere = _aligned(dataset, vcf, reference, scratch)
    counted = _counted(dataset, aligned)
    best: dict[Row, tuple[Row, list[Row]]] = {}
    for row, calls in counted.alleles:
        if row[1:5] not in best or best[row[1:5]][0][6] < row[6]:
            best[row[1:5]] = row, calls
    frequencies = sorted(row for row, _ in best.values())
    pq.write_table(_table(frequencies, DATASET_FREQUENCY_COLUMNS), folder / FREQUENCIES, compression="zstd")
    if counted.samples:
        carried = [call for _, calls in best.values() for call in calls]
        pq.write_table(_table(carried, DATASET_CALL_COLUMNS), folder / CALLS, compression="zstd")
    repeated = len(counted.alleles) - len(best)
    left_out = (counted.not_sequence, counted.not_passed, counted.not_called)
    return DatasetMeasures(len(best), len(counted.samples), repeated, elsewhere, *left_out)


def _table(rows: Sequence[Row], columns: Any) -> pa.Table:
    import pyarrow as pa

    schema = arrow_schema(columns, bare=True)
    values = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.table([pa.array(each, field.type) for each, field in zip(values, schema, strict=True)], schema=schema)


def _of_table(dataset: Dataset, scratch: Path) -> Path:
    """A table of counts as a VCF without samples, so that it goes the same way."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = (pa.string(), pa.int64(), pa.string(), pa.string(), pa.int64(), pa.int64())
    schema = pa.schema([pa.field(*one, nullable=False) for one in zip(_NEEDED, types, strict=True)])
    try:
        rows = pq.read_table(dataset.file, columns=list(_NEEDED)).select(_NEEDED).cast(schema).to_pylist()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise VariantFileError(
            f"the table cannot be read: {error}",
            file=dataset.file,
            remedy=_TABLE,
        ) from error
    path = scratch / "counts.vcf"
    contigs = dict.fromkeys(row["contig"] for row in rows)
    place = {contig: number for number, contig in enumerate(contigs)}
    with path.open("w") as stream:
        stream.write("##fileformat=VCFv4.2\n")
        stream.writelines(f"##contig=<ID={contig}>\n" for contig in contigs)
        stream.writelines(f'##INFO=<ID={name},Number={number},Type=Integer,Description="">\n' for name, number in _INFO)
        stream.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        for row in sorted(rows, key=lambda row: (place[row["contig"]], row["position"])):
            info = f"AC={row['allele_count']};AN={row['allele_number']}"
            named = (row["contig"], row["position"], ".", row["ref"], row["alt"], ".", ".", info)
            stream.write("\t".join(map(str, named)) + "\n")
    return path


_INFO = (("AC", "A"), ("AN", "1"))


def _aligned(dataset: Dataset, vcf: Path, reference: ReferenceBundle, scratch: Path) -> tuple[Path, int]:
    """One allele a record, left-aligned, on the reference's contigs; and how many contigs are left out."""
    renamed, elsewhere = _contigs(dataset, vcf, reference)
    names, taken, split, aligned = (scratch / name for name in ("names", "taken.bcf", "split.bcf", "aligned.bcf"))
    names.write_text("".join(f"{old}\t{new}\n" for old, new in renamed.items()))
    try:
        run_bcftools("annotate", "--no-version", "--rename-chrs", str(names), "-O", "b1", "-o", str(taken), str(vcf))
        run_bcftools(
            *("norm", "--no-version", "-m", "-any", "-N", "-t", ",".join(dict.fromkeys(renamed.values()))),
            *("-O", "b1", "-o", str(split), str(taken)),
        )
        run_bcftools(
            *("norm", "--no-version", "-f", str(reference.fasta), "-c", "e", "-w", _SORT_WINDOW, "-e", 'ALT~"<"'),
            *("-O", "b1", "-o", str(aligned), str(split)),
        )
    except ToolError as error:
        raise VariantFileError(
            f"the dataset {dataset.name} does not go with the reference: {error.problem}",
            file=dataset.file,
            remedy="see that it is whole, and of the declared build",
        ) from error
    return aligned, elsewhere


def _contigs(dataset: Dataset, vcf: Path, reference: ReferenceBundle) -> tuple[dict[str, str], int]:
    """The reference's name of each contig of the dataset, and how many it does not have."""
    import pysam

    try:
        require_variants(vcf)
    except VariantFileError as error:
        if vcf == dataset.file:
            raise
        raise VariantFileError(f"a row cannot be used: {error.problem}", file=dataset.file, remedy=_TABLE) from error
    own = {bare_contig(contig.name): contig for contig in reference.contigs}
    renamed, elsewhere = {}, 0
    with pysam.VariantFile(str(vcf)) as opened:
        told = [(name, opened.header.contigs[name].length) for name in opened.header.contigs]
        if opened.header.samples and not dataset.sample_prefix:
            raise VariantFileError(
                f"the dataset {dataset.name} has samples, and no sample_prefix",
                file=dataset.file,
                remedy="declare one, such as kgp-, so that none of its ids is another sample's",
            )
    for name, length in told:
        contig = own.get(bare_contig(name))
        if contig is None:
            elsewhere += 1
        elif length and length != contig.length:
            raise ReferenceMismatchError(
                f"contig {name} of the dataset {dataset.name} has {length:,} bases, the reference's {contig.length:,}",
                file=dataset.file,
                remedy="give the dataset in the reference's build",
            )
        else:
            renamed[name] = contig.name
    if not renamed:
        raise ReferenceMismatchError(
            f"the dataset {dataset.name} has none of the reference's contigs in its header",
            file=dataset.file,
            remedy="give a file with ##contig lines of the reference's contigs",
        )
    return renamed, elsewhere


@dataclass
class _Counted:
    """What was counted of a dataset.

    Attributes:
        samples: ids with the prefix.
        alleles: rows of frequencies, each with the rows of the calls that it was counted of.
        not_sequence: alleles that are not given as bases.
        not_passed: alleles in records that their caller's filters mark.
        not_called: alleles at which nobody is called.
    """

    samples: tuple[str, ...]
    alleles: list[tuple[Row, list[Row]]] = field(default_factory=list)
    not_sequence: int = 0
    not_passed: int = 0
    not_called: int = 0


def _counted(dataset: Dataset, aligned: Path) -> _Counted:
    from cyvcf2 import VCF

    reader = VCF(str(aligned))
    samples = tuple(f"{dataset.sample_prefix}{one}" for one in reader.samples)
    counted = _Counted(samples)
    for record in reader:
        if not record.ALT or record.ALT[0] == "*":
            continue
        if not _BASES.fullmatch(record.ALT[0]):
            counted.not_sequence += 1
            continue
        if record.FILTER is not None:
            counted.not_passed += 1
            continue
        calls: list[Row] = []
        allele = (bare_contig(record.CHROM), record.POS, record.REF.upper(), record.ALT[0].upper())
        if samples:
            copies, ploidy = _copies(record, len(samples))
            count, number = int(copies.sum()), int(ploidy.sum())
            carriers = np.flatnonzero(copies)
            calls = [(dataset.name, samples[one], *allele, int(copies[one]), int(ploidy[one])) for one in carriers]
        else:
            count, number = _stated_counts(record, allele, dataset)
        if not number:
            counted.not_called += 1
        else:
            counted.alleles.append(((dataset.name, *allele, count, number, count / number), calls))
    return counted


def _copies(record: Any, samples: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Copies of the allele and called alleles of each sample; none of one without a genotype, or without a read."""
    if "GT" not in record.FORMAT:
        return np.zeros(samples, np.int64), np.zeros(samples, np.int64)
    genotypes = record.genotype.array()[:, :-1]
    depths = next((record.format(key) for key in ("DP", "AD") if key in record.FORMAT), None)
    read = np.ones(samples, bool) if depths is None else depths.any(axis=1)
    return (genotypes == 1).sum(axis=1) * read, (genotypes >= 0).sum(axis=1) * read


def _stated_counts(record: Any, allele: tuple[Any, ...], dataset: Dataset) -> tuple[int, int]:
    count, number = record.INFO.get("AC"), record.INFO.get("AN")
    if count is None or number is None:
        raise VariantFileError(
            f"the dataset {dataset.name} has neither genotypes nor AC and AN",
            file=dataset.file,
            place="-".join(map(str, allele)),
            remedy="give a file with genotypes, or with both in INFO",
        )
    if not isinstance(count, int) or not 0 <= count <= number:
        raise VariantFileError(
            f"AC {count} of AN {number} is no count of one allele",
            file=dataset.file,
            place="-".join(map(str, allele)),
            remedy="give AC for each allele (Number=A), none of them above AN",
        )
    return count, int(number)


def by_source(tables: Mapping[str, Path], alleles: Sequence[str], *, union: bool = False) -> list[dict[str, Any]]:
    """How often alleles are seen, by source; a source that does not know an allele has no row.

    Args:
        tables: of frequencies, by source.
        alleles: ``contig-position-ref-alt``, contig without ``chr``.
        union: whether to add a row of all sources that know the allele, together.
    """
    import duckdb

    found: list[dict[str, Any]] = []
    key = f"concat_ws('-', {BARE_CONTIG_SQL}, position::VARCHAR, ref, alt)"
    places = sorted({int(one.rsplit("-", 3)[1]) for one in alleles})
    with duckdb.connect() as db:
        for source, table in tables.items():
            rows = db.execute(
                f"SELECT {key} AS allele, allele_count, allele_number FROM read_parquet($1)"
                " WHERE list_contains($2, position) AND list_contains($3, allele)",
                [as_pattern(table), places, list(alleles)],
            ).fetchall()
            found += [_row(allele, source, count, number) for allele, count, number in rows]
    return sorted([*found, *(_together(found) if union else ())], key=lambda row: (row["allele"], row["source"]))


def _row(allele: str, source: str, count: int, number: int) -> dict[str, Any]:
    frequency = count / number if number else None
    return {
        "allele": allele, "source": source, "allele_count": count, "allele_number": number,
        "allele_frequency": frequency,
    }  # fmt: skip


def _together(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for allele in dict.fromkeys(row["allele"] for row in rows):
        its = [row for row in rows if row["allele"] == allele]
        counts = [sum(row[name] for row in its) for name in ("allele_count", "allele_number")]
        yield _row(allele, f"union of {', '.join(sorted(row['source'] for row in its))}", *counts)
