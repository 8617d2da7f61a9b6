"""ClinVar as a table keyed by normalised allele: built once per release, joined by every sample.

Source is ClinVar's own VCF release, or a table (TSV) that names its columns ``chrom pos ref alt variation_id gene
clinical_significance review_status conditions mondo_ids consequence rsid``, several values in one field divided by
``|``. What a classification means for a person is the business of :mod:`engine.classify`.

>>> classify_significance("Pathogenic/Likely_pathogenic|risk_factor"), stars("reviewed_by_expert_panel")
('pathogenic', 3)
>>> classify_significance("Conflicting_classifications_of_pathogenicity")
'conflicting'
>>> classify_significance("Pathogenic,_low_penetrance"), other_terms("Likely_pathogenic|drug_response")
('pathogenic_low_penetrance', ['drug response'])
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.annotate.columns import CLINVAR_COLUMNS
from engine.annotate.contradictions import EXAMPLES, Contradictions
from engine.annotate.edit import left_aligned
from engine.annotate.sequences import Sequences
from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.files.compressed import COPY_AGAIN
from engine.files.text import text_lines
from engine.files.variant_lines import variant_records
from engine.reference.accessions import bare_contig
from engine.reference.bundle import Contig
from engine.tables import arrow_schema

# ClinVar, "Review status": the number of gold stars.
_STARS = {
    "practice_guideline": 4,
    "reviewed_by_expert_panel": 3,
    "criteria_provided,_multiple_submitters,_no_conflicts": 2,
    "criteria_provided,_multiple_submitters": 2,
    "criteria_provided,_single_submitter": 1,
    "criteria_provided,_conflicting_classifications": 1,
    "criteria_provided,_conflicting_interpretations": 1,
}
_TIERS = ("pathogenic", "likely_pathogenic", "uncertain_significance", "likely_benign", "benign")
PATHOGENIC = ("pathogenic", "likely_pathogenic")
"""Classifications that are told as causing disease; those of low penetrance are told by their own name."""
LOW_PENETRANCE = tuple(f"{tier}_low_penetrance" for tier in PATHOGENIC)
_BATCH = 100_000
_COLUMNS = frozenset(
    {"chrom", "pos", "ref", "alt", "variation_id", "gene", "clinical_significance", "review_status"}
    | {"conditions", "mondo_ids", "consequence", "rsid"}
)
# A few records of a release disagree with the assembly; more mean the other build.
_MISMATCHES_ALLOWED = 0.01


_Facts = tuple[tuple[Any, ...], bool]
"""The table's columns from ``variation_id`` on, and whether conditions and ids were given one for one."""
_Record = tuple[str, int, str, str, _Facts]
"""Bare contig, 0-based start, ref, alt as the source writes them, and the rest."""


@dataclass(frozen=True)
class ClinvarMeasures:
    """What a ClinVar table holds.

    Attributes:
        records: of the source that are told of in the table: as many as it has alleles, or more where several speak of
            one.
        pathogenic: alleles that are pathogenic or likely pathogenic.
        elsewhere: records of the source that lie on no contig of the reference, or where it reads N.
        not_sequence: records whose alleles are not given as bases, or whose ALT is REF.
        ref_mismatches: records left out because their REF is not what the reference reads.
        unpaired_conditions: alleles whose conditions and ids the source does not give one for one; their ids are left
            out, because they could be another condition's.
        contradictions: alleles of which several records say different things, see :func:`_settled`.
        contradiction_examples: the first of them, in words.
        unknown_classifications: records whose classification holds a term that is not known here: it is told as it
            stands, and counts for nothing.
        unknown_classification_examples: the first of them, in words.
        release: date or name, empty where neither the declaration nor the file tells.
    """

    records: int
    pathogenic: int
    elsewhere: int
    not_sequence: int
    ref_mismatches: int
    unpaired_conditions: int
    contradictions: int
    contradiction_examples: list[str]
    unknown_classifications: int
    unknown_classification_examples: list[str]
    release: str


@lru_cache(maxsize=4096)
def classify_significance(text: str) -> str:
    """ClinVar's germline classification in one word.

    One of the five tiers; ``conflicting``; where no submitter gives a tier, ``pathogenic_low_penetrance``,
    ``likely_pathogenic_low_penetrance`` or ``risk_allele``; else ``other``. Where ClinVar joins two neighbouring tiers
    (``Pathogenic/Likely_pathogenic``) the more extreme one is taken. What else is asserted beside the tier, such as a
    drug response, is told by :func:`other_terms`.
    """
    terms = _terms(text)
    if any(term.startswith("conflicting") for term in terms):
        return "conflicting"
    for classification, words in _CLASSES:
        if not words.isdisjoint(terms):
            return classification
    return "other"


def other_terms(text: str) -> list[str]:
    """What ClinVar asserts beside the classification, in plain words and its order, such as ``risk factor``.

    Empty where the classification says it all.
    """
    return list(_other_terms(text))


@lru_cache(maxsize=4096)
def _other_terms(text: str) -> tuple[str, ...]:
    said = classify_significance(text)
    plain = {"not provided", "", *(tier.replace("_", " ") for tier in _TIERS)}
    told = (term.replace("_", " ").replace(",", ", ").replace("vus-", "VUS-") for term in _terms(text))
    return tuple(term for term in told if term not in plain and term.replace(", ", " ") != said.replace("_", " "))


def _terms(text: str) -> list[str]:
    """The single terms in lower case; ``,_low_penetrance`` and ``,_high`` belong to the term before them."""
    joined = re.sub(r",_*(?=(?:low_penetrance|high|mid|low)(?:$|[/|,;]))", "\0", text.lower().replace(" ", "_"))
    return [term.strip("_").replace("\0", ",") for term in re.split(r"[/|,;]", joined)]


# From the most telling; the tiers first, so that what one submitter calls low penetrance does not outweigh them.
_CLASSES: tuple[tuple[str, frozenset[str]], ...] = (
    *((tier, frozenset({tier})) for tier in ("pathogenic", "likely_pathogenic", "benign", "likely_benign")),
    ("pathogenic_low_penetrance", frozenset({"pathogenic,low_penetrance"})),
    ("likely_pathogenic_low_penetrance", frozenset({"likely_pathogenic,low_penetrance"})),
    ("risk_allele", frozenset({"established_risk_allele", "likely_risk_allele"})),
    (
        "uncertain_significance",
        frozenset({"uncertain_significance", "uncertain_risk_allele", "vus", "vus-high", "vus-mid", "vus-low"})
        | {f"{name},{level}" for name in ("uncertain_significance", "vus") for level in ("high", "mid", "low")},
    ),
)

# What ClinVar asserts beside or instead of a tier ("Representation of classifications"), and what earlier releases did.
_BESIDE_TIERS = frozenset(
    {"", ".", "-", "affects", "association", "association_not_found", "confers_sensitivity", "drug_response"}
    | {"histocompatibility", "not_provided", "other", "protective", "risk_factor"}
    | {f"no_{what}_for_the_single_variant" for what in ("classification", "classifications", "interpretation")}
    | {"no_classifications_from_unflagged_records", "no_classification_provided", "no_known_pathogenicity"}
)


@lru_cache(maxsize=4096)
def unknown_terms(text: str) -> tuple[str, ...]:
    """What a classification holds that is none of ClinVar's terms.

    >>> unknown_terms("Pathogenic|drug_response"), unknown_terms("Pathogenic,_very_low_penetrance")
    ((), ('very_low_penetrance',))
    """
    known = _BESIDE_TIERS.union(*(words for _, words in _CLASSES))
    return tuple(term for term in _terms(text) if term not in known and not term.startswith("conflicting"))


def unknown_classifications_told(count: int, examples: Sequence[str]) -> str:
    """A warning in one line."""
    return (
        f"the classification of {count:,} records of ClinVar holds terms that are not known here and count for nothing:"
        f" {' | '.join(examples)}{' | ...' if count > len(examples) else ''}"
    )


def stars(review_status: str) -> int:
    """Gold stars of a review status."""
    return _STARS.get(review_status, 0)


def build_clinvar(
    source: Path,
    fasta: Path,
    contigs: Sequence[Contig],
    release: str | None,
    folder: Path,
    *,
    sequences: Sequences | None = None,
) -> ClinvarMeasures:
    """Write ``clinvar.parquet``, alleles normalised against the reference and sorted, into ``folder``.

    Args:
        source: ClinVar's VCF or a table (plain, gzip or bgzip), of the reference's build.
        fasta: the reference, with index.
        contigs: of the reference.
        release: ClinVar's date or name, absent where the source is to tell (``##fileDate=``, ``# ClinVar``).
        folder: for the table.
        sequences: of the FASTA, where it is open already.

    Raises:
        KnowledgeError: the source is missing, damaged or neither ClinVar's VCF nor such a table.
        ReferenceMismatchError: the source belongs to another build.
    """
    reader = _Reader(release or "")
    with nullcontext(sequences) if sequences else Sequences(fasta) as opened:
        rows = sorted(reader.rows(source, opened, contigs), key=lambda row: row[:4])
    if not (rows or reader.elsewhere or reader.not_sequence or reader.ref_mismatches):
        raise KnowledgeError("the file holds no record", file=source, remedy=_GIVE_CLINVAR)
    if not reader.placed:
        raise ReferenceMismatchError(
            "no record lies on a contig of the reference",
            file=source,
            remedy="give the ClinVar release of the reference's build, with chromosomes named 1 or chr1",
        )
    judged = len(rows) + reader.ref_mismatches
    if reader.ref_mismatches > _MISMATCHES_ALLOWED * judged:
        raise ReferenceMismatchError(
            f"REF disagrees with the reference at {reader.ref_mismatches:,} of {judged:,} records",
            file=source,
            remedy="give the ClinVar release of the reference's build",
        )
    contradictions = Contradictions()
    settled = _settled(rows, contradictions)
    _write(settled, reader.release, {bare_contig(contig.name): number for number, contig in enumerate(contigs)}, folder)
    return ClinvarMeasures(
        records=len(rows),
        pathogenic=sum(row[_CLASSIFICATION] in PATHOGENIC for row in settled),
        elsewhere=reader.elsewhere,
        not_sequence=reader.not_sequence,
        ref_mismatches=reader.ref_mismatches,
        unpaired_conditions=reader.unpaired_conditions,
        contradictions=contradictions.count,
        contradiction_examples=contradictions.examples,
        unknown_classifications=reader.unknown_classifications,
        unknown_classification_examples=list(reader.unknown_examples),
        release=reader.release,
    )


_ID, _SIGNIFICANCE, _CLASSIFICATION, _STATUS = 4, 6, 7, 10
"""Columns of a row: variation id, significance, classification and stars."""
_SIDES = {
    **dict.fromkeys((*PATHOGENIC, *LOW_PENETRANCE), "pathogenic"),
    "uncertain_significance": "uncertain",
    **dict.fromkeys(("likely_benign", "benign"), "benign"),
    "conflicting": "conflicting",
}
"""Classifications by what they come to for a person; of others no record contradicts another."""


def _settled(rows: list[tuple[Any, ...]], contradictions: Contradictions) -> list[tuple[Any, ...]]:
    """One row of each allele, of rows sorted by allele.

    Of several records those with most stars count, as ClinVar has it for submissions. Where these do not agree on
    whether the allele is pathogenic, uncertain or benign, it is ``conflicting``, as ClinVar calls what submitters
    disagree on; else the most telling tier is taken (:data:`_TIERS`), of equal ones the lowest id.
    """
    settled = []
    for allele, group in itertools.groupby(rows, key=lambda row: row[:_ID]):
        same = list(group)
        if len(same) > 1:
            same.sort(key=lambda row: (-row[_STATUS], _rank(row[_CLASSIFICATION]), int(row[_ID])))
            if len({row[_CLASSIFICATION] for row in same}) > 1:
                contradictions.add(allele, [_said(row) for row in same])
        settled.append(_best(same))
    return settled


def _best(same: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    first, *others = same
    equal = [row for row in others if row[_STATUS] == first[_STATUS]]
    if len({_SIDES[row[_CLASSIFICATION]] for row in (first, *equal) if row[_CLASSIFICATION] in _SIDES}) < 2:
        return first
    told = "|".join(
        dict.fromkeys(("Conflicting_records_of_one_allele", *(row[_SIGNIFICANCE] for row in (first, *equal))))
    )
    return (*first[:_SIGNIFICANCE], told, "conflicting", other_terms(told), *first[_CLASSIFICATION + 2 :])


def _rank(classification: str) -> int:
    return _TELLING.index(classification) if classification in _TELLING else len(_TELLING)


_TELLING = (
    "conflicting",
    *PATHOGENIC,
    *LOW_PENETRANCE,
    "benign",
    "likely_benign",
    "risk_allele",
    "uncertain_significance",
)


def _said(row: tuple[Any, ...]) -> str:
    return f"variation {row[_ID]} {row[_SIGNIFICANCE] or 'without a classification'} ({row[_STATUS]} stars)"


class _Reader:
    """Reads ClinVar's records and counts those that are left out."""

    def __init__(self, release: str) -> None:
        self.release = release
        self.placed = self.elsewhere = self.not_sequence = self.ref_mismatches = self.unpaired_conditions = 0
        self.unknown_classifications = 0
        self.unknown_examples: dict[str, None] = {}

    def rows(self, source: Path, sequences: Sequences, contigs: Sequence[Contig]) -> Iterator[tuple[Any, ...]]:
        """The table's rows without the release, in the order of the source."""
        names = {bare_contig(contig.name): contig.name for contig in contigs}
        loaded, sequence = "", ""
        for contig, start, ref, alt, facts in self._records(source):
            if contig not in names:
                self.elsewhere += 1
                continue
            self.placed += 1
            if contig != loaded:
                loaded, sequence = contig, sequences.of(names[contig]).bases
            if not _IS_SEQUENCE(ref) or not _IS_SEQUENCE(alt) or ref == alt:
                self.not_sequence += 1
            elif (there := sequence[start : start + len(ref)]) != ref:
                if not there or "N" in there:
                    self.elsewhere += 1
                else:
                    self.ref_mismatches += 1
            else:
                columns, paired = facts
                self.unpaired_conditions += not paired
                self._look_at_terms(columns[0], columns[2])
                yield contig, *left_aligned(start, ref, alt, sequence), *columns

    def _look_at_terms(self, variation: str, significance: str) -> None:
        if unknown := unknown_terms(significance):
            self.unknown_classifications += 1
            if len(self.unknown_examples) < EXAMPLES:
                self.unknown_examples[f"variation {variation} {', '.join(unknown)}"] = None

    def _records(self, source: Path) -> Iterator[_Record]:
        head = list(itertools.takewhile(lambda line: line.startswith("#"), text_lines(source)))
        told = re.search(r"^##fileDate=(\S+)|^# ClinVar ([\w.-]+)", "".join(head), re.MULTILINE)
        self.release = self.release or (told[1] or told[2] if told else "")
        is_vcf = any(line.startswith(("##fileformat=VCF", "#CHROM\t")) for line in head)
        rows = _vcf_rows(source) if is_vcf else _table_rows(source)
        for number, row in rows:
            try:
                record = _of_vcf(row) if isinstance(row, list) else _of_table(row)
            except (ValueError, KeyError) as error:
                raise _no_clinvar(source, number, str(error)) from None
            _require_one_alternate(source, number, record[3])
            if not _IS_ID(identifier := record[4][0][0]):
                raise _no_clinvar(source, number, f"its id {identifier[:30]!r} is no variation id, which is a number")
            if _IS_OLD(significance := record[4][0][2]):
                raise _no_clinvar(
                    source, number, f"its classification is the number {significance[:20]}", _GIVE_CLINVAR_OF_TODAY
                )
            yield record


_IS_SEQUENCE = re.compile("[ACGT]+").fullmatch
_IS_ID = re.compile("[0-9]{1,15}").fullmatch
# Releases before 2017 have numbers for words: 5 for pathogenic, 2 for benign.
_IS_OLD = re.compile("[0-9]+(?:[|,/][0-9]+)*").fullmatch
_GIVE_CLINVAR_OF_TODAY = "give a release of today: those before 2017 have numbers for classifications"


_GIVE_CLINVAR = "give ClinVar's VCF release, or a table with the columns of engine/annotate/clinvar.py"
# Of the classifications of germline, oncogenicity and somatic impact, a record has one at least.
_IS_CLINVAR = re.compile(r"(?:^|;)(?:CLN|ONC|SCI)[A-Z]+=").search


def _vcf_rows(source: Path) -> Iterator[tuple[int, list[str]]]:
    return variant_records(source, error=KnowledgeError)


def _table_rows(source: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and values by column of each row of a table."""
    columns: list[str] = []
    for number, line in enumerate(text_lines(source), start=1):
        values = line.rstrip("\n").split("\t")
        if line.startswith("#") or not line.strip():
            continue
        if not columns:
            columns = values
            if missing := _COLUMNS - set(columns):
                problem = f"the file is neither ClinVar's VCF nor a table with the columns {', '.join(sorted(missing))}"
                raise KnowledgeError(problem, file=source, place=f"line {number:,}", remedy=_GIVE_CLINVAR)
            continue
        if len(values) != len(columns):
            raise _no_clinvar(source, number, f"it has {len(values)} columns, the header {len(columns)}")
        yield number, dict(zip(columns, values, strict=True))
    if not columns:
        raise KnowledgeError("the file has no header", file=source, remedy=_GIVE_CLINVAR)


def _no_clinvar(source: Path, number: int, problem: str, remedy: str = COPY_AGAIN) -> KnowledgeError:
    return KnowledgeError(
        f"this is no record of ClinVar: {problem}", file=source, place=f"line {number:,}", remedy=remedy
    )


def _require_one_alternate(source: Path, number: int, alt: str) -> None:
    """ClinVar's id and classification are those of one allele: of several nobody could say which is meant."""
    if "," in alt:
        raise _no_clinvar(
            source,
            number,
            f"it has {alt.count(',') + 1} alternate alleles ({alt[:40]}), and one classification",
            "give the release as ClinVar publishes it, one allele in each record",
        )


def _of_vcf(fields: list[str]) -> _Record:
    if not _IS_CLINVAR(fields[7]):
        raise ValueError("its INFO holds no classification")
    tags = dict(item.partition("=")[::2] for item in fields[7].split(";"))
    significance, status = tags.get("CLNSIG", ""), tags.get("CLNREVSTAT", "")
    conditions, paired = _conditions(tags.get("CLNDN", ""), tags.get("CLNDISDB", ""))
    facts: tuple[Any, ...] = (
        fields[2],
        tags.get("ALLELEID"),
        significance,
        classify_significance(significance),
        other_terms(significance),
        status,
        stars(status),
        *_columns(conditions),
        [gene.partition(":")[0] for gene in _list(tags, "GENEINFO")],
        [term.partition("|")[0] for term in _list(tags, "MC", ",")],
        f"rs{tags['RS'].partition('|')[0]}" if tags.get("RS") else None,
        _list(tags, "CLNSIGSCV"),
    )
    return bare_contig(fields[0]), int(fields[1]) - 1, fields[3].upper(), fields[4].upper(), (facts, paired)


def _of_table(row: dict[str, str]) -> _Record:
    significance, status = row["clinical_significance"], row["review_status"]
    conditions, paired = _conditions(row["conditions"], row["mondo_ids"])
    facts: tuple[Any, ...] = (
        row["variation_id"],
        None,
        significance,
        classify_significance(significance),
        other_terms(significance),
        status,
        stars(status),
        *_columns(conditions),
        _list(row, "gene"),
        [term for term in _list(row, "consequence") if term.startswith("SO:")],
        row["rsid"] or None,
        [],
    )
    if not (row["chrom"] and row["pos"].isdigit() and row["pos"].isascii()):
        raise ValueError(f"chrom {row['chrom']!r} and pos {row['pos']!r} are no place")
    return bare_contig(row["chrom"]), int(row["pos"]) - 1, row["ref"].upper(), row["alt"].upper(), (facts, paired)


_Condition = tuple[str, str]
"""Name, and ids joined by comma; no ids where the source has none."""


@lru_cache(maxsize=4096)
def _conditions(names: str, ids: str) -> tuple[list[_Condition], bool]:
    """ClinVar's conditions, each with its own ids, and whether the source tells which ids are whose.

    The n-th name has the n-th ids; ``.`` stands where a name has none.
    """
    told, listed = names.split("|"), ids.split("|")
    paired = len(told) == len(listed) or set(listed) <= {"", "."}
    pairs = zip(told, listed if len(told) == len(listed) else [""] * len(told), strict=True)
    kept = [(_plain(name).replace("_", " "), _plain(own)) for name, own in pairs]
    return [(name or "condition without a name", own) for name, own in kept if name or own], paired


def _plain(text: str) -> str:
    return "" if text == "." else text


def _columns(conditions: list[_Condition]) -> tuple[list[str], list[str]]:
    return [name for name, _ in conditions], [ids for _, ids in conditions]


def _list(tags: dict[str, str], tag: str, separator: str = "|") -> list[str]:
    return [item for item in tags.get(tag, "").split(separator) if item not in ("", ".")]


def _write(rows: list[tuple[Any, ...]], release: str, order: dict[str, int], folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = arrow_schema(CLINVAR_COLUMNS)
    rows.sort(key=lambda row: order[row[0]])
    with pq.ParquetWriter(folder / "clinvar.parquet", schema, compression="zstd") as writer:
        for first in range(0, max(len(rows), 1), _BATCH):
            columns = list(zip(*(row for row in rows[first : first + _BATCH]), strict=True)) or [()] * (len(schema) - 1)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=False)]
            arrays.append(pa.array([release] * len(columns[0]), pa.string()))
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


@dataclass(frozen=True)
class ClinvarMatch:
    """What ClinVar says of one allele; attributes are the columns of :data:`CLINVAR_COLUMNS`."""

    variation_id: str
    allele_id: str | None
    significance: str
    classification: str
    other_terms: list[str]
    review_status: str
    stars: int
    conditions: list[str]
    condition_ids: list[str]
    scv: list[str]
    rs: str | None


Allele = tuple[str, int, str, str]
