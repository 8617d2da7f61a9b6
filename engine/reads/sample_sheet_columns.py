"""The columns of a sample sheet as data: what each means, what it may hold, what its absence means.

The parser, the template for a new sheet and the reference in ``docs/sample-sheet.md`` all read this one table.
How a sheet is read and judged is in :mod:`engine.reads.sample_sheet`.

>>> print(template().splitlines()[0].split(",")[:4])
['sample_id', 'subject_id', 'sex', 'read1']
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.consent import CONSENT
from engine.reads.conventions import QualityEncoding

REMARKS = ("comment", "comments", "note", "notes", "remark", "remarks")
"""Columns that are the laboratory's own, as are those whose names begin with ``#``: they are not read."""

_IDENTIFIER = r"[A-Za-z0-9][A-Za-z0-9_.:/#-]{0,63}"
_IDENTIFIER_MEANING = "1 to 64 letters, digits or _ . : / # -, starting with a letter or digit"
_ORDER = r"[A-Za-z0-9][A-Za-z0-9_.:/# -]{0,63}"
_SAMPLE_ID = r"[^\x00-\x1f\x7f]{1,64}"
_SAMPLE_ID_MEANING = "1 to 64 letters, digits, _ or -; otherwise at most 64 letters with a digit among them"
_MONTH = r"(?:jan|feb|mar|mrz|apr|may|mai|jun|jul|aug|sep|sept|oct|okt|nov|dec|dez)"
_GENE = (
    rf"(?!(?i:{_MONTH}-\d+|\d+-{_MONTH}(?:-\d+)?|[\d.]+) *(?:;|$))"  # what Excel makes of SEPT2 or MARCH1
    r"[A-Za-z0-9][A-Za-z0-9._@-]{0,30}"
)
_YES_NO = {"y": "yes", "true": "yes", "n": "no", "false": "no"}
_MD5_MEANING = "the 32 hexadecimal digits of an md5 digest"
_PATH = r"[^\x00-\x1f\x7f]+"


@dataclass(frozen=True)
class SheetColumn:
    """One column of the sheet.

    Attributes:
        name: as in the header; case, surrounding space, and space or hyphen for ``_`` do not matter there.
        per: whether all rows of a sample share the value (``sample``) or each lane has its own (``lane``).
        required: whether every row must fill it.
        meaning: for the person who fills in the sheet.
        default: what an empty or absent cell means, in words.
        example: a cell that is accepted.
        pattern: regular expression that a filled cell matches as a whole.
        expected: the pattern in words, for errors.
        fold: whether letter case is ignored, the value being kept in lower (``lower``) or upper (``upper``) case.
        aliases: other ways to write a value.
    """

    name: str
    per: Literal["sample", "lane"]
    required: bool
    meaning: str
    default: str
    example: str
    pattern: str
    expected: str
    fold: Literal["lower", "upper"] | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)


COLUMNS: tuple[SheetColumn, ...] = (
    SheetColumn(
        "sample_id", "sample", True,
        "Pseudonym of the sample; it names the partition, the folders and the read group, so never a patient's name",
        "", "S0001", _SAMPLE_ID, _SAMPLE_ID_MEANING,
    ),
    SheetColumn(
        "subject_id", "sample", False,
        "Pseudonym of the person the sample was taken from; several samples may share it",
        "the sample id", "P0001", _IDENTIFIER, _IDENTIFIER_MEANING,
    ),
    SheetColumn(
        "sex", "sample", False,
        "Sex of the person (f and m for short), compared with the reads and used for the ploidy of X and Y",
        "unknown", "female", "female|male|unknown", "female, male or unknown", "lower",
        {"f": "female", "m": "male", "u": "unknown"},
    ),
    SheetColumn(
        "read1", "lane", True,
        "FASTQ of read 1, plain or gzip, relative to the sheet's folder and inside the landing zone",
        "", "S0001_L001_R1.fastq.gz", _PATH, "a path without control characters",
    ),
    SheetColumn(
        "read2", "lane", True,
        "FASTQ of read 2, in the same order as read 1",
        "", "S0001_L001_R2.fastq.gz", _PATH, "a path without control characters",
    ),
    SheetColumn(
        "lane", "lane", False,
        "Name of the lane, one row each; it becomes part of the read group",
        "L001, L002, ... in the order of the sample's rows", "L001",
        r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}", "1 to 32 letters, digits, _ . or -, starting with a letter or digit",
    ),
    SheetColumn(
        "quality_encoding", "lane", False,
        "How the lane's files write qualities, where it is not Phred+33: phred64 (Illumina 1.3 to 1.7), solexa64; or "
        "phred33, to have qualities of 61 and more taken as they are",
        "Phred+33, and anything else refused", "phred64",
        "|".join(kind for kind in QualityEncoding if kind is not QualityEncoding.DETECT),
        "phred33, phred64 or solexa64", "lower", {"phred+33": "phred33", "phred+64": "phred64"},
    ),
    SheetColumn(
        "read1_md5", "lane", False,
        "md5 of the read 1 file as it lies on disk, verified before any work",
        "not verified", "9e107d9d372bb6826bd81d3542a419d6", "[0-9a-f]{32}", _MD5_MEANING, "lower",
    ),
    SheetColumn(
        "read2_md5", "lane", False,
        "md5 of the read 2 file as it lies on disk, verified before any work",
        "not verified", "e4d909c290d0fb1ca068ffaddf22cbd0", "[0-9a-f]{32}", _MD5_MEANING, "lower",
    ),
    SheetColumn(
        "family_id", "sample", False,
        "Family that the person belongs to",
        "no family", "F01", _IDENTIFIER, _IDENTIFIER_MEANING,
    ),
    SheetColumn(
        "father_id", "sample", False,
        "Sample id of the father, in this sheet or registered before",
        "not sequenced", "S0002", _SAMPLE_ID, _SAMPLE_ID_MEANING,
    ),
    SheetColumn(
        "mother_id", "sample", False,
        "Sample id of the mother, in this sheet or registered before",
        "not sequenced", "S0003", _SAMPLE_ID, _SAMPLE_ID_MEANING,
    ),
    SheetColumn(
        "phenotype_hpo", "sample", False,
        "Observed phenotype as HPO terms, separated by semicolons",
        "none stated", "HP:0001250;HP:0001263",
        r"HP:[0-9]{7}( *; *HP:[0-9]{7})* *;?", "HPO terms such as HP:0001250, separated by semicolons", "upper",
    ),
    SheetColumn(
        "order_id", "sample", False,
        "The order or service request that the report answers",
        "no order", "ORD-2024-0001", _ORDER, "1 to 64 letters, digits, spaces or _ . : / # -",
    ),
    SheetColumn(
        "genes", "sample", False,
        "Symbols of the genes that the order asks about, separated by semicolons: what is found in them is always told",
        "none named", "PANK2;TP53", rf"{_GENE}( *; *{_GENE})* *;?", "gene symbols separated by semicolons",
    ),
    SheetColumn(
        "panel", "sample", False,
        "Name of the gene panel that the order asks about, as the laboratory's table of panels has it; several "
        "separated by semicolons",
        "no panel", "epilepsy", r"[^\x00-\x1f\x7f]{1,250}", "names of at most 250 letters",
    ),
    SheetColumn(
        "secondary_findings_consent", "sample", False,
        "Whether the person agreed to hear of secondary (ACMG SF) findings",
        "no", "yes", "yes|no", "yes or no", "lower", _YES_NO,
    ),
    SheetColumn(
        "drug_response", "sample", False,
        "Whether the response to drugs (pharmacogenes) was ordered, or the person agreed to hear of it",
        "no", "yes", "yes|no", "yes or no", "lower", _YES_NO,
    ),
    SheetColumn(
        "research_consent", "sample", False,
        "What the data may be used for in research: purposes of the Data Use Ontology (NRES, GRU, HMB, or DS with a "
        "MONDO id), each with the days since and until when it holds where these are limited, separated by semicolons",
        "no research", "HMB 2026-01-15/2031-01-14", rf"{CONSENT}( *; *{CONSENT})* *;?",
        "purposes such as HMB or HMB 2026-01-15/2031-01-14, separated by semicolons", "upper",
    ),
    SheetColumn(
        "ancestry", "sample", False,
        "Population that the person belongs to, in the laboratory's own words; studies ask for it",
        "not stated", "EUR", _IDENTIFIER, _IDENTIFIER_MEANING,
    ),
    SheetColumn(
        "polygenic_scores", "sample", False,
        "Whether polygenic scores were ordered, or the person agreed to hear of them",
        "no", "yes", "yes|no", "yes or no", "lower", _YES_NO,
    ),
    SheetColumn(
        "change", "sample", False,
        "add where these lanes and facts come to those that an earlier sheet gave of the same sample; replace where "
        "they take the place of all of them, lanes included",
        "no", "add", "no|add|replace", "add, replace or no", "lower", _YES_NO | {"yes": "replace", "y": "replace"}
        | {"true": "replace"},
    ),
)  # fmt: skip


def template() -> str:
    """A sheet with the header and one example row, for a lab to start from."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in COLUMNS)
    writer.writerow(column.example for column in COLUMNS)
    return text.getvalue()


def markdown_table() -> str:
    """The column reference as it stands in ``docs/sample-sheet.md``."""
    lines = ["| column | per | required | meaning | when empty | example |", "|---|---|---|---|---|---|"]
    for column in COLUMNS:
        required = "yes" if column.required else "no"
        default = column.default or "refused"
        lines.append(
            f"| `{column.name}` | {column.per} | {required} | {column.meaning} | {default} | `{column.example}` |"
        )
    return "\n".join(lines) + "\n"
