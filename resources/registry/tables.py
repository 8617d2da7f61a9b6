"""The tables of the registry, declared once: what a row is, what each column holds.

How a database of an earlier release becomes one of these tables is in :mod:`resources.registry.migrations`, and a test
compares the two. Times are UTC, ISO 8601 with microseconds, where a column does not say otherwise. Orders and panels
are room for what comes: their meaning is settled here before anything writes them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, MetaData, Table
from sqlalchemy.types import TypeEngine

from engine.person import Sex
from engine.reads.conventions import QualityEncoding
from engine.reads.registration import SampleStatus
from engine.tables import Column as Described
from resources.registry.column_types import NUMBER, SECONDS, TEXT, Choice, Flag, Json, Terms

METADATA = MetaData()
_IN_DUCKDB = ((Flag, "BOOLEAN"), (Terms, "VARCHAR[]"), (Integer, "BIGINT"), (Float, "DOUBLE"))
"""What a value is once it is read; all else is text."""


def _key(name: str, meaning: str, *reference: ForeignKey, type_: TypeEngine[Any] = TEXT, unit: str = "") -> Column[Any]:
    return Column(name, type_, *reference, primary_key=True, doc=meaning, info={"unit": unit})


def _number(meaning: str) -> Column[Any]:
    return Column("number", NUMBER, primary_key=True, autoincrement=True, doc=meaning, info={"unit": "rows"})


def _stated(
    name: str, meaning: str, *reference: ForeignKey, type_: TypeEngine[Any] = TEXT, unit: str = ""
) -> Column[Any]:
    return Column(name, type_, *reference, nullable=False, doc=meaning, info={"unit": unit})


def _maybe(
    name: str, meaning: str, *reference: ForeignKey, type_: TypeEngine[Any] = TEXT, unit: str = ""
) -> Column[Any]:
    return Column(name, type_, *reference, nullable=True, doc=meaning, info={"unit": unit})


def _table(name: str, meaning: str, *columns: Column[Any] | Index, keyed: bool = False) -> Table:
    """``keyed``: in SQLite the rows lie in the order of the key, without a row number beside it."""
    return Table(
        name, METADATA, *columns, info={"meaning": meaning}, sqlite_strict=True, sqlite_with_rowid=not keyed
    )  # fmt: skip


def _sample() -> ForeignKey:
    return ForeignKey("samples.sample_id")


def _subject() -> ForeignKey:
    return ForeignKey("subjects.subject_id")


subjects = _table(
    "subjects",
    "Who a person is: the only place of the platform that knows.",
    _key("subject_id", "Pseudonym of the person."),
    _stated("sex", "As all sheets state it together.", type_=Choice(Sex)),
    _maybe("mrn", "Medical record number."),
    _maybe("name", "The whole name as it is to be shown."),
    _maybe("birth_date", "ISO 8601 date."),
    _maybe("family", "Family name."),
    _stated("given", "Given names in order.", type_=Json()),
    _maybe("mrn_system", "URI of who assigned the medical record number."),
    _maybe("identified", "When it was last said who the person is."),
    _maybe("sealed", "Record number, name and birth date, sealed with the person's key; then those columns are empty."),
)

person_keys = _table(
    "person_keys",
    "A person's data key, as a key-encryption key wraps it; without it nothing that it sealed is read again.",
    _key("subject_id", "The person.", _subject()),
    _maybe("wrapped", "The wrapped key, Base64; absent once it was destroyed."),
    _maybe("wrapped_by", "Full id of the key-encryption key, version included."),
    _maybe("algorithm", "By which it is wrapped: AES-KW-256 or RSA-OAEP-256."),
    _stated("made", "When."),
    _maybe("erased", "When it was destroyed."),
    keyed=True,
)

samples = _table(
    "samples",
    "A sample as the sheet that spoke last has it, and how far it has come.",
    _key("sample_id", "Pseudonym and partition key."),
    _stated("subject_id", "The person.", _subject()),
    _stated("sex", "As the sheet states it.", type_=Choice(Sex)),
    _maybe("family_id", "Pseudonym of the family."),
    _maybe("father_id", "Sample id of the father; he may not be registered yet."),
    _maybe("mother_id", "Sample id of the mother; she may not be registered yet."),
    _stated("phenotype", "HPO terms.", type_=Terms()),
    _maybe("order_id", "The order that the report answers."),
    _stated("secondary_findings_consent", "Whether the person agreed to hear of them.", type_=Flag()),
    _stated("sheet", "The sheet that spoke last, relative to the landing zone."),
    _stated("sheet_digest", "sha256 of that sheet."),
    _stated("content", "Digest of all that was said and of the files' fingerprints."),
    _stated("attempt", "Runs asked for, from 1.", type_=NUMBER, unit="runs"),
    _stated("status", "How far the current attempt has come.", type_=Choice(SampleStatus)),
    _maybe("requested", "When the run was last requested, or may be, since 1970.", type_=SECONDS, unit="seconds"),
    _stated("registered", "When the sheet's word was last taken."),
    _maybe("withdrawn", "When the sample was withdrawn."),
    _stated("ordered_genes", "Genes that the order asks about.", type_=Terms()),
    _maybe("panel", "Gene panel that the order asks about."),
    _stated("drug_response", "Whether the response to drugs was ordered or agreed to.", type_=Flag()),
    _stated("polygenic_scores", "Whether polygenic scores were ordered or agreed to.", type_=Flag()),
    _maybe("name", "The id as the laboratory writes it, where that is not the sample id."),
    _stated("research_consent", "What the data may be used for in research, and when.", type_=Terms()),
    _maybe("ancestry", "Population that the person belongs to, as stated."),
)
Index("samples_of_subject", samples.c.subject_id)
for _kin in ("family", "father", "mother"):
    _column = samples.c[f"{_kin}_id"]
    _only = _column.is_not(None)
    Index(f"samples_of_{_kin}", _column, sqlite_where=_only, postgresql_where=_only)
Index("samples_waiting", samples.c.status, samples.c.registered)

reads = _table(
    "reads",
    "A FASTQ file of a sample, as it was when the sheet's word was taken.",
    _key("sample_id", "The sample.", _sample()),
    _key("position", "Place of the lane in the sheet, from 0.", type_=NUMBER, unit="lanes"),
    _key("mate", "1 or 2.", type_=NUMBER, unit="mates"),
    _stated("lane", "Name of the lane."),
    _stated("path", "Absolute path."),
    _maybe("md5", "As the sheet states it."),
    _stated("bytes", "Size.", type_=NUMBER, unit="bytes"),
    _stated("modified", "Time of change, since 1970.", type_=NUMBER, unit="nanoseconds"),
    _stated("fingerprint", "As of engine.reads.fingerprint."),
    _maybe("sha256", "Of the whole file, once it was verified."),
    _maybe("quality_encoding", "As the sheet states it.", type_=Choice(QualityEncoding)),
    keyed=True,
)

contents = _table(
    "contents",
    "Every content that a sample ever had, so that an outdated sheet does not bring an old one back.",
    _key("sample_id", "The sample.", _sample()),
    _key("content", "As in samples; with add: before it, what a sheet alone said that added, so that it does so once."),
    keyed=True,
)

digests = _table(
    "digests",
    "Whose a verified FASTQ file is, so that no file is taken for two samples.",
    _key("sha256", "Of the whole file."),
    _stated("sample_id", "The sample.", _sample()),
    _stated("lane", "Name of the lane."),
    _stated("mate", "1 or 2.", type_=NUMBER, unit="mates"),
    _stated("recorded", "When it was verified."),
    keyed=True,
)

overrides = _table(
    "overrides",
    "A person's word that one version of an artifact may pass one failed check.",
    _number("In the order given."),
    _stated("sample_id", "The sample.", _sample()),
    _stated("asset", "Name of the asset."),
    _stated("check_name", "Name of the check."),
    _stated("data_version", "The version that it holds for, and no other."),
    _stated("person", "Who gave it."),
    _stated("reason", "Why."),
    _stated("recorded", "When."),
)
Index("overrides_of_sample", overrides.c.sample_id)

refusals = _table(
    "refusals",
    "What stands against a sample of a sheet.",
    _key("sheet", "Relative to the landing zone."),
    _key("sample_id", "As the sheet has it; it may not be registered."),
    _stated("line", "In the sheet, from 1.", type_=NUMBER, unit="lines"),
    _stated("problem", "In words."),
    _stated("remedy", "In words."),
    keyed=True,
)

history = _table(
    "history",
    "What happened to a sample.",
    _number("In the order in which it happened."),
    _stated("recorded", "When."),
    _stated("sample_id", "The sample."),
    _stated("event", "In words."),
    _stated("details", "By name.", type_=Json()),
)
Index("history_of_sample", history.c.sample_id)

orders = _table(
    "orders",
    "What a clinician ordered. A sample names its order; what the sheet says beside it must agree.",
    _key("order_id", "As the hospital numbers it."),
    _stated("subject_id", "The person it is about.", _subject()),
    _stated("ordered_genes", "Symbols of the genes asked about; none where the panel says them.", type_=Terms()),
    _maybe("panel", "Name of the panel asked about."),
    _stated("phenotype", "HPO terms given as reasons.", type_=Terms()),
    _stated("recorded", "When it was taken in."),
    keyed=True,
)
Index("orders_of_subject", orders.c.subject_id)

panels = _table(
    "panels",
    "A gene panel in one version; a version is never changed.",
    _key("name", "As orders name it."),
    _key("version", "As its publisher numbers it."),
    _stated("genes", "Symbols in the publisher's order.", type_=Terms()),
    _stated("recorded", "When it was taken in."),
    keyed=True,
)

sign_outs = _table(
    "sign_outs",
    "A step of a report towards its signature; the last row of a sample is where it stands.",
    _number("In the order in which they were taken."),
    _stated("sample_id", "The sample.", _sample()),
    _stated("report_digest", "sha256 of what the report says: a report that says something else is not signed by it."),
    _stated(
        "state",
        "FHIR's report status that it takes: preliminary for a review; final, amended or corrected for a signature.",
    ),
    _stated("person", "Who took it."),
    _stated("recorded", "When."),
    _maybe("reason", "Why a signed report was changed."),
)
Index("sign_outs_of_sample", sign_outs.c.sample_id)

deliveries = _table(
    "deliveries",
    "A report on its way to a hospital: one row for each content and destination, however often it is tried.",
    _number("In the order in which they were asked for."),
    _stated("sample_id", "The sample.", _sample()),
    _stated("document", "What is delivered, such as fhir_bundle."),
    _stated("destination", "To where, as the deployment names it."),
    _stated("content", "sha256 of what is sent, so that the same is not sent twice."),
    _stated("state", "waiting, sent, refused or failed."),
    _stated("attempts", "Tries so far.", type_=NUMBER, unit="tries"),
    _maybe("response", "What the destination last answered."),
    _stated("recorded", "When the state last changed."),
)
Index("deliveries_once", deliveries.c.document, deliveries.c.destination, deliveries.c.content, unique=True)
Index("deliveries_by_state", deliveries.c.state)

decisions = _table(
    "decisions",
    "A person's classification of a variant, for every sample that carries it; a later one supersedes it by name.",
    _number("Names the decision."),
    _stated("build", "GRCh37 or GRCh38."),
    _stated("allele", "CHROM-POS-REF-ALT, normalised, position 1-based."),
    _stated("classification", "pathogenic, likely_pathogenic, uncertain_significance, likely_benign or benign."),
    _stated("criteria", "ACMG criteria that were applied, such as PM2.", type_=Terms()),
    _maybe("comment", "Why, in words."),
    _stated("person", "Who decided."),
    _stated("recorded", "When."),
    _maybe("sample_id", "In whose report the question came up.", _sample()),
    _maybe(
        "supersedes", "The decision that no longer holds.", ForeignKey("decisions.number"), type_=NUMBER, unit="rows"
    ),
)
Index("decisions_of_allele", decisions.c.build, decisions.c.allele)
Index("decisions_superseded_once", decisions.c.supersedes, unique=True)


study_cohorts = _table(
    "study_cohorts",
    "A named cohort of a study in one version: what it asks for, of which data, and how many fulfil it.",
    _key("name", "Of the cohort."),
    _key("version", "From 1; a version is never changed.", type_=NUMBER, unit="versions"),
    _stated("definition", "What is asked for, by criterion.", type_=Json()),
    _stated("purpose", "What for, as a purpose of the Data Use Ontology."),
    _stated("data_versions", "Digest of each table and part of the knowledge that it was selected from.", type_=Json()),
    _stated("steps", "Criteria in the order applied, each with how many samples were left.", type_=Json()),
    _stated("members_digest", "sha256 over the members' ids in order, so that the list can be proven later."),
    _stated("member_count", "Members when it was made.", type_=NUMBER, unit="samples"),
    _stated("person", "Who defined it, or asked for it again."),
    _stated("reason", "Why."),
    _stated("recorded", "When."),
    keyed=True,
)

study_members = _table(
    "study_members",
    "A member of a study's cohort in one version; one that is withdrawn later is taken out.",
    _key("name", "Of the cohort."),
    _key("version", "Of the cohort.", type_=NUMBER, unit="versions"),
    _key("sample_id", "The member.", _sample()),
    keyed=True,
)
Index("study_members_of_sample", study_members.c.sample_id)


def described(table: Table) -> tuple[str, tuple[Described, ...]]:
    """Where a table's rows are and what they say, and its columns in the words in which every table is described."""
    return f"the sample registry. {table.info['meaning']}", tuple(map(_described, table.columns))


def _described(column: Column[Any]) -> Described:
    references = {key.column.table.name for key in column.foreign_keys if key.column.name == column.name}
    return Described(
        column.name,
        next((name for kind, name in _IN_DUCKDB if isinstance(column.type, kind)), "VARCHAR"),
        str(column.doc).rstrip("."),
        column.info["unit"],
        required=not column.nullable,
        unique=column.primary_key and len(column.table.primary_key) == 1,
        values=column.type.texts if isinstance(column.type, Choice) else (),
        refers_to="".join(references),
    )
