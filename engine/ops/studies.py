"""Studies' cohorts: who fulfils a definition among the samples of the cohort as it is now.

A selection is made from the Delta tables in one moment, from what the registry knows of persons, and from the parts of
the knowledge that the definition needs; the version of each is told with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from engine.code_version import code_version
from engine.cohort.columns import STUDY_COHORT_COLUMNS, STUDY_MEMBER_COLUMNS, typed_table
from engine.cohort.study import Candidate, Selection, StudyDefinition, StudyError, StudyVersion, select
from engine.duckdb_paths import as_pattern
from engine.errors import KnowledgeError, LakeError
from engine.ops.cohort import PutAside
from engine.ops.services import Services
from engine.reanalysis.carried import TABLE as CARRIED
from engine.receipt import Receipt, Recipe, canonical_json, digest_text

if TYPE_CHECKING:
    from engine.phenotype.model import PhenotypeModel

ASSET = "study_cohorts"
MEMBERS = "study_members"
"""The Delta table of all versions' members, for whoever joins it with the cohort's other tables."""
PLATFORM = "system"
_SELECTED_FROM = ("calls", "samples", "measures")


def look(services: Services, asked: StudyDefinition) -> tuple[Selection, dict[str, str]]:
    """Who fulfils a definition now, and the versions of what that was selected from.

    Raises:
        StudyError: a term, gene or measure is asked for that is not known.
        KnowledgeError: a part of the knowledge is needed that the reference does not declare.
        LakeError: nobody has contributed to the cohort, or what is needed is damaged.
    """
    if services.warehouse.version("samples") < 0:
        raise LakeError("no sample has contributed to the cohort", remedy="let a sample come to its end first")
    listing = services.warehouse.listing()
    candidates = _candidates(services, listing)
    versions = {name: _digest_of(listing[name]) for name in _SELECTED_FROM}
    told = {sample: [list(one.person.phenotype), *_asked_of(one)] for sample, one in candidates.items()}
    versions["persons"] = digest_text(canonical_json(told))
    kinds: Mapping[str, Collection[str]] = {}
    if asked.phenotypes or asked.without:
        receipt, folder = _part(services, "phenotypes")
        versions["phenotypes"] = receipt.data_version
        kinds = _kinds(folder, (*asked.phenotypes, *asked.without))
    carriers: Collection[str] = ()
    if asked.asks_genotypes:
        carriers = _carriers(services, asked, listing["calls"], versions)
    today = datetime.now(UTC).date().isoformat()
    return select(asked, candidates, on=today, kinds=kinds, carriers=carriers), versions


def refresh(services: Services, log: Callable[[str], None] = lambda _: None) -> tuple[Receipt, list[StudyVersion]]:
    """Select every cohort anew, keep a new version of each whose members changed, and publish the tables.

    Returns:
        The receipt of the table of cohorts, and the versions that are new.
    """
    made: list[StudyVersion] = []
    for name, last in services.studies.current().items():
        selection, versions = look(services, last.definition)
        kept = services.studies.keep(selection, versions, person=PLATFORM, reason="the data changed since")
        if kept.version != last.version:
            log(f"{name}: version {kept.version} has {kept.member_count:,} members, {last.member_count:,} before")
            made.append(kept)
    return publish(services), made


def publish(services: Services) -> Receipt:
    """The table of cohorts as an artifact, and the members of every version as a Delta table."""
    import pyarrow.parquet as pq

    every = services.studies.every()
    members = [(sample, one.name, one.version) for one in every for sample in services.studies.members(one)]
    services.warehouse.restate(MEMBERS, typed_table(members, STUDY_MEMBER_COLUMNS))
    for gone in sorted({sample for sample, *_ in members} & set(services.registry.withdrawn())):
        services.warehouse.remove(gone)  # withdrawn meanwhile
    rows = [_row(one) for one in every]
    with services.lake.work(ASSET) as work:
        recipe = Recipe(
            inputs={"study versions": digest_text(canonical_json(rows))},
            tools=code_version("engine.ops.studies:publish").tools(ASSET),
        )
        receipt = work.fresh(recipe)
        if receipt is None:
            pq.write_table(
                typed_table(rows, STUDY_COHORT_COLUMNS), work.folder / f"{ASSET}.parquet", compression="zstd"
            )
            cohorts = len({one.name for one in every})
            receipt = work.publish(records=len(every), recipe=recipe, measures={"cohorts": cohorts})
    return receipt


def _row(one: StudyVersion) -> tuple[object, ...]:
    return (
        *(one.name, one.version, one.definition.purpose, canonical_json(one.definition.criteria)),
        *(canonical_json(dict(one.data_versions)), one.member_count, one.members_digest, one.recorded),
    )


def _candidates(services: Services, listing: Mapping[str, Sequence[str]]) -> dict[str, Candidate]:
    """Every sample that contributed, takes part and is not left out of the cohort's tables."""
    from engine.cohort.tables import contributors

    left_out = {one.sample for one in PutAside.noted(services.lake.previous("cohort_tables"))}
    there = set(contributors(listing)) - left_out
    measures = _measures(listing["measures"])
    return {
        one.sample_id: Candidate(one.person, measures.get(one.sample_id, {}))
        for one in services.registry.samples()
        if one.sample_id in there and not one.withdrawn
    }


def _measures(files: Sequence[str]) -> dict[str, dict[str, float]]:
    import duckdb

    found: dict[str, dict[str, float]] = {}
    if files:
        with duckdb.connect() as db:
            rows = db.execute(
                "SELECT sample_id, asset || '.' || measure, value FROM read_parquet($1)",
                [[as_pattern(Path(file)) for file in files]],
            )
            for sample, measure, value in rows.fetchall():
                found.setdefault(sample, {})[measure] = value
    return found


def _asked_of(one: Candidate) -> list[object]:
    return [str(one.person.sex), one.person.ancestry, list(one.person.research_consent)]


def _digest_of(files: Sequence[str]) -> str:
    return digest_text("\n".join(Path(file).name for file in files))


def _part(services: Services, part: str) -> tuple[Receipt, Path]:
    """A part of the knowledge that a definition cannot do without."""
    if part not in services.knowledge.parts:
        raise KnowledgeError(
            f"the reference declares no {part}, by which the cohort would be selected",
            remedy=f"declare {part} in its YAML, or leave the criterion out",
        )
    path = getattr(services.knowledge.bundle(part), part)
    assert path is not None  # the part is there
    return services.knowledge.require(part), path


def _kinds(folder: Path, terms: Sequence[str]) -> dict[str, frozenset[str]]:
    """Of each term its kinds, earlier ids of them included; StudyError where the ontology has no such sign."""
    from engine.phenotype.knowledge import read_phenotypes

    model = read_phenotypes(folder)
    return {term: _kinds_of(model, term) for term in terms}


def _kinds_of(model: PhenotypeModel, term: str) -> frozenset[str]:
    number = model.term_number(term)
    if number is None:
        raise StudyError(
            f"HPO {model.release} has no sign {term}", remedy="look the term up at https://hpo.jax.org, or correct it"
        )
    kinds = {model.terms[kind] for kind in model.descendants[number]}
    return frozenset(kinds | {earlier for earlier, now in model.ontology.replaced.items() if now in kinds})


def _carriers(
    services: Services, asked: StudyDefinition, calls: Sequence[str], versions: dict[str, str]
) -> frozenset[str]:
    from engine.cohort.carrying import Sources, carriers_of

    carried = services.warehouse.files(CARRIED)
    versions[CARRIED] = _digest_of(carried)
    clinvar, decided = None, {}
    if asked.classes:
        decided = {allele: one.classification for allele, one in services.catalogue.current().items()}
        versions["decisions"] = digest_text(canonical_json(decided))
        receipt, clinvar = _part(services, "clinvar")
        versions["clinvar"] = receipt.data_version
    if asked.genes:
        receipt, gff3 = _part(services, "gene_model")
        versions["gene_model"] = receipt.data_version
        _require_genes(asked.genes, gff3)
    return carriers_of(asked, Sources(calls, carried, clinvar, decided))


def _require_genes(genes: Sequence[str], gff3: Path) -> None:
    """StudyError where the gene model does not have one: nobody would carry anything in it."""
    from engine.reference.gene_model_source import gene_symbols

    known = gene_symbols(gff3)
    for gene in genes:
        if gene not in known:
            near = get_close_matches(gene, known, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise StudyError(f"the gene model has no gene {gene!r}", remedy=f"{meant}give the symbol that it has")
