"""How the sample was examined: genomic study and analysis (guide, section Genomic Study).

The study says what was ordered; the analysis says on which build, how deep, on which genes, from which files and by
which tools.
"""

from __future__ import annotations

from engine.fhir.actors import Actors
from engine.fhir.codes import (
    BUILDS,
    DATA_FORMAT,
    GERMLINE,
    HGNC,
    LABORATORY,
    METHOD_TYPE,
    SEQUENCE_ONTOLOGY,
    STUDY_TYPE,
    JsonObject,
    concept,
    extension,
    quantity,
)
from engine.fhir.documents import data_format, documents
from engine.fhir.provenance import Files
from engine.fhir.resources import Entries
from engine.report.case import CaseFacts, Gene, Regions
from engine.report.lineage import Lineage
from engine.report.statement import Statement

_ANALYSIS = "genomic-study-analysis"
_CHANGES = (("SO:0001483", "SNV"), ("SO:1000032", "delins"), ("SO:0000667", "insertion"), ("SO:0000159", "deletion"))


def add_study(
    entries: Entries, statement: Statement, files: Files, devices: dict[str, JsonObject], actors: Actors
) -> JsonObject:
    """Add study and analysis; the reference is to the study."""
    case = statement.case
    analysis = entries.add(
        "Procedure",
        f"analysis|{case.sample}",
        {
            "extension": _analysis_extensions(case, statement.build, statement.lineage, files, devices, actors),
            "status": "completed",
            "category": LABORATORY,
            "subject": actors.patient,
        },
        profile=_ANALYSIS,
    )
    study: JsonObject = {
        "extension": [extension("genomic-study-analysis-ext", valueReference=analysis)],
        "status": "completed",
        "category": LABORATORY,
        "code": concept(STUDY_TYPE, "snp", "SNP Detection"),
        "subject": actors.patient,
    }
    if actors.order:
        study["basedOn"] = [actors.order]
    if actors.interpreter:
        study["asserter"] = actors.interpreter
    return entries.add("Procedure", f"study|{case.sample}", study, profile="genomic-study")


def _analysis_extensions(
    case: CaseFacts,
    build: str,
    lineage: Lineage,
    files: Files,
    devices: dict[str, JsonObject],
    actors: Actors,
) -> list[JsonObject]:
    method = concept(METHOD_TYPE, "ngs-mps", "Next-Generation (NGS)/Massively parallel sequencing (MPS)")
    extensions = [
        extension(f"{_ANALYSIS}-method-type", valueCodeableConcept=method),
        *(
            extension(f"{_ANALYSIS}-change-type", valueCodeableConcept=concept(SEQUENCE_ONTOLOGY, code, name))
            for code, name in _CHANGES
        ),
        extension(f"{_ANALYSIS}-genome-build", valueCodeableConcept=BUILDS[build]),
        extension(f"{_ANALYSIS}-genomic-source-class", valueCodeableConcept=GERMLINE),
        extension(f"{_ANALYSIS}-title", valueString=f"Germline small variants of sample {case.sample}"),
        extension(f"{_ANALYSIS}-specimen", valueReference=actors.specimen),
        _regions(case),
    ]
    if metrics := _metrics(case.regions):
        extensions.append(metrics)
    extensions += [_file("input", reference, None) for reference in files.by_asset["raw_reads"]]
    for receipt in lineage.receipts:
        for file, reference in zip(documents(receipt), files.by_asset.get(receipt.asset, []), strict=False):
            extensions.append(_file("output", reference, file.name))
    for name, device in devices.items():
        function = {"url": "function", "valueCodeableConcept": {"text": name}}
        used = [{"url": "device", "valueReference": device}, function]
        extensions.append(extension(f"{_ANALYSIS}-device", extension=used))
    return extensions


def _regions(case: CaseFacts) -> JsonObject:
    """What was studied; of many genes that could not be called throughout as many as the page names."""
    regions = case.regions
    parts: list[JsonObject] = [{"url": "description", "valueString": _described(case)}]
    parts += [{"url": "studied", "valueCodeableConcept": gene_concept(gene)} for gene in regions.studied]
    if regions.uncalled_bases is not None:
        called = (gene for gene in regions.studied if gene not in regions.uncalled)
        parts += [{"url": "called", "valueCodeableConcept": gene_concept(gene)} for gene in called]
    parts += [{"url": "uncalled", "valueCodeableConcept": gene_concept(gene)} for gene in case.uncalled_named]
    return extension(f"{_ANALYSIS}-regions", extension=parts)


def _described(case: CaseFacts) -> str:
    if case.uncalled_file is None:
        return case.regions.description
    return (
        f"{case.regions.description}; {len(case.regions.uncalled):,} genes were not fully called, of which "
        f"{len(case.uncalled_named):,} are listed here and all in the report's file {case.uncalled_file}"
    )


def gene_concept(gene: Gene) -> JsonObject:
    """A gene by HGNC id; by symbol alone where the id is not known."""
    return concept(HGNC, gene.hgnc_id, gene.symbol) if gene.hgnc_id else {"text": gene.symbol}


def _metrics(regions: Regions) -> JsonObject | None:
    parts: list[JsonObject] = []
    if regions.mean_coverage is not None:
        depth = quantity(round(regions.mean_coverage, 1), "reads per base pair", "1")
        parts.append({"url": "read-depth", "valueQuantity": depth})
    if regions.fraction_20x is not None:
        share = quantity(round(100 * regions.fraction_20x, 2), "%", "%")
        parts.append({"url": "sequencing-coverage", "valueQuantity": share})
        parts.append({"url": "metrics-description", "valueString": "Share of target bases covered 20 times or more"})
    return extension(f"{_ANALYSIS}-metrics", extension=parts) if parts else None


def _file(direction: str, reference: JsonObject, name: str | None) -> JsonObject:
    parts: list[JsonObject] = [{"url": "file", "valueReference": reference}]
    if code := data_format(name or ""):
        parts.append({"url": "type", "valueCodeableConcept": concept(DATA_FORMAT, code)})
    return extension(f"{_ANALYSIS}-{direction}", extension=parts)
