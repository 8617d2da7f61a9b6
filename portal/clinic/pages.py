"""The pages of the portal that show: work list, cases, findings, variants, reports, deliveries, re-analysis, rights."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from engine.acmg.combination import combine
from engine.acmg.criteria import parse_criteria
from engine.classify.decision import CLASSES, Decision
from engine.phenotype.knowledge import term_names
from engine.report.case import UNCALLED_SUFFIX
from portal.clinic import cases
from portal.clinic.access import REPORT_STAGES
from portal.clinic.admission import ROOT, Admitted
from portal.clinic.filters import Filters, chosen_filters
from portal.clinic.house import Row
from portal.clinic.may import (
    MayClassify,
    MayEnter,
    MayList,
    MayReadDraft,
    MayReadReport,
    MaySeeCase,
    MaySeeDeliveries,
    MaySeeFindings,
    MaySeeIdentity,
    MaySeeInbox,
    MaySeeRights,
)
from portal.clinic.pedigree import draw
from portal.clinic.rendering import page, policy
from portal.clinic.rights import MAY, Action
from resources.comments import LONGEST, Comments, depths
from resources.environment import Resources
from resources.signing import Draft, Reports
from resources.work_list import State, sample_stages

router = APIRouter(prefix=ROOT, include_in_schema=False)
ROWS_ON_A_PAGE = 50
_MOST_EXONS, _MOST_GENES, _MOST_DELIVERIES = 12, 8, 200


@router.get("/home")
def home(admitted: MayEnter) -> Response:
    """The first page that somebody may see."""
    may = MAY[admitted.visit.person.role]
    first = "cases" if Action.LIST in may else "audit" if Action.AUDIT in may else "deliveries"
    return RedirectResponse(f"{ROOT}/{first}", 303)


@router.get("/cases")
def work_list(
    request: Request,
    admitted: MayList,
    state: str = "",
    report: str = "",
    stage: str = "",
    q: str = "",
    locked: str = "",
    first: int = 1,
) -> Response:
    """The work list of somebody's cases, by filters that stand in the address or a locked one, fifty a page."""
    house = admitted.house
    chosen = chosen_filters(admitted, Filters(state, report, stage, q.strip()), locked)
    own = house.rows(admitted.visit.person, at_once=True)
    rows = [row for row in own if chosen.leave(row)]
    start = max(0, min(first, len(rows)) - 1)
    shown = rows[start : start + ROWS_ON_A_PAGE]

    def at(number: int) -> str:
        asked = {"locked": locked} if locked else vars(chosen)
        return f"{ROOT}/cases?{urlencode(asked | {'first': number})}" if 0 < number <= len(rows) else ""

    return page(
        request,
        "cases.html.j2",
        admitted.visit,
        rows=shown,
        first=start + 1,
        total=len(rows),
        before=at(max(1, start + 1 - ROWS_ON_A_PAGE)) if start else "",
        after=at(start + 1 + ROWS_ON_A_PAGE),
        chosen=chosen,
        locked=locked,
        filters=house.access.filters,
        file=f"{ROOT}/cases.csv?{urlencode({'locked': locked} if locked else vars(chosen))}",
        counts=_counts(own),
        states=list(State),
        reports=REPORT_STAGES,
        stages=sorted({row.item.stage for row in own} | set(sample_stages(house.platform))),
        read=house.read,
        again=at(start + 1) or f"{ROOT}/cases" if house.is_being_read else "",
    )


@router.get("/cases/{case}")
def overview(request: Request, admitted: MaySeeCase, case: str) -> Response:
    """One case: result, patient and order, phenotype, pedigree, quality, coverage."""
    return _overview(request, admitted)


@router.post("/cases/{case}/identity")
def identity(request: Request, admitted: MaySeeIdentity, case: str) -> Response:
    """The same with who the person is; that it was asked for is written down."""
    sample = admitted.case
    found = admitted.house.platform.identities.look_up(
        sample.person.subject_id, who=admitted.name, purpose="the case in the portal", sample=sample.sample_id
    )
    return _overview(request, admitted, identity=found)


@router.get("/cases/{case}/findings")
def findings(request: Request, admitted: MaySeeFindings, case: str, gene: str = "", first: int = 1) -> Response:
    """The findings as the report has them, and what was called, asked about and is not reported."""
    platform = admitted.house.platform
    draft = cases.answered(lambda: cases.draft_of(platform, case))
    unreported = cases.answered(lambda: cases.unreported_of(platform, case, gene=gene.strip(), first=first))
    total, shown = unreported.value or (0, [])
    first = max(1, min(first, total))

    def at(number: int) -> str:
        asked = urlencode({"gene": gene.strip(), "first": number})
        return f"{ROOT}/cases/{quote(case)}/findings?{asked}" if 0 < number <= total else ""

    decided = cases.answered(lambda: _decided(platform))
    rows = [one.row for one in draft.value.statement.findings] if draft.value else []
    seen = cases.answered(lambda: cases.frequencies_of(platform, case, rows))
    return _of_a_case(
        request,
        admitted,
        "findings.html.j2",
        draft,
        problem=draft.problem,
        gene=gene.strip(),
        unreported=shown,
        unreported_total=total,
        first=first,
        before=at(max(1, first - cases.ROWS_AT_ONCE)) if first > 1 else "",
        after=at(first + cases.ROWS_AT_ONCE),
        unreported_problem=unreported.problem,
        seen=seen.value or {},
        seen_problem=seen.problem,
        decided=decided.value or {},
        decided_problem=decided.problem,
    )


@router.get("/cases/{case}/variants/{allele}")
def variant(request: Request, admitted: MaySeeFindings, case: str, allele: str) -> Response:
    """One call: why it is or is not reported, how often it is seen, its criteria, and the reads of the family."""
    return variant_page(request, admitted, allele)


@router.get("/cases/{case}/weigh")
def weigh(request: Request, admitted: MayClassify, case: str, criteria: str = "") -> Response:
    """What criteria add up to, by points and by the rules of 2015."""
    return page(request, "weighed.html.j2", admitted.visit, **_weighed(criteria))


def variant_page(
    request: Request, admitted: Admitted, allele: str, *, problem: str = "", told: str = "", status: int = 200
) -> Response:
    """The page of one call, after what was decided or could not be."""
    platform, case = admitted.house.platform, admitted.case.sample_id
    asked = cases.answered(lambda: cases.variant_of(platform, case, allele))
    if asked.problem or not asked.value[0]:
        said = asked.problem or f"{allele}: {asked.value[1].outcome}. {asked.value[1].explanation}"
        return _why_page(request, admitted, allele, problem=said)
    row, answer = asked.value
    draft = cases.answered(lambda: cases.draft_of(platform, case))
    stands = draft.value.statement if draft.value else None
    stated = [one.row for one in stands.findings if one.row["allele"] == answer.variant] if stands else []
    may_see_reads = Action.READS in MAY[admitted.visit.person.role]
    decided = cases.answered(lambda: [one for one in platform.catalogue.every() if one.allele == answer.variant])
    met = ",".join(f"{one['code']}={one['strength']}" for one in stated[0]["acmg_criteria"] or ()) if stated else ""
    return _of_a_case(
        request,
        admitted,
        "variant.html.j2",
        draft,
        status=status,
        problem=problem or decided.problem,
        told=told,
        decided=list(reversed(decided.value or [])),
        **_commented(admitted, answer.variant),
        classes=CLASSES,
        criteria=met,
        **_weighed(met),
        csp=_viewer_policy(platform),
        row=row,
        answer=answer,
        finding=stated[0] if stated else None,
        cohort=cases.answered(lambda: cases.cohort_frequency(platform, row)).value,
        knowledge=stands.lineage.knowledge if stands else {},
        reads=_reads(admitted, row) if may_see_reads else "",
    )


@router.get("/cases/{case}/why")
def why(request: Request, admitted: MaySeeFindings, case: str, variant: str = "") -> Response:
    """Why a variant is or is not reported."""
    return _why_page(request, admitted, variant.strip())


@router.get("/cases/{case}/report")
def report(request: Request, admitted: MayReadDraft, case: str) -> Response:
    """How far the report has come, what it says, and its versions."""
    return report_page(request, admitted)


@router.get("/cases/{case}/signed")
def signed(request: Request, admitted: MayReadReport, case: str) -> Response:
    """The signed versions of the report, the last one shown."""
    asked = cases.answered(lambda: admitted.house.platform.gate.sign_outs(case))
    steps = [step for step in asked.value or () if step.signs]
    numbered = list(reversed(list(enumerate(steps, 1))))
    return _of_a_case(
        request, admitted, "signed.html.j2", cases.Answered(), steps=numbered, problem=asked.problem
    )  # fmt: skip


@router.get("/inbox")
def inbox(request: Request, admitted: MaySeeInbox) -> Response:
    """What was signed and is said otherwise since."""
    platform = admitted.house.platform
    entries = []
    for row in admitted.house.rows(admitted.visit.person, at_once=True):
        if row.awaits_amendment:
            asked = cases.answered(lambda row=row: _changes(platform, row.item.sample))  # type: ignore[misc]
            entries.append(
                {"sample": row.item.sample, "version": row.version, "changes": asked.value, "problem": asked.problem}
            )
    house = admitted.house
    again = f"{ROOT}/inbox" if house.is_being_read else ""
    return page(request, "inbox.html.j2", admitted.visit, entries=entries, read=house.read, again=again)


@router.get("/deliveries")
def deliveries(request: Request, admitted: MaySeeDeliveries) -> Response:
    """What was sent to the hospital's systems, the newest first; of cases that are the person's, or of all."""
    platform, person = admitted.house.platform, admitted.visit.person
    rows = platform.hospital.ledger.reports()
    if Action.CASE in MAY[person.role]:
        own = {row.item.sample for row in admitted.house.rows(person, at_once=True)}
        rows = tuple(row for row in rows if row.sample in own)
    return page(
        request,
        "deliveries.html.j2",
        admitted.visit,
        fhir=platform.hospital.destination,
        hl7=platform.interface_engine.destination,
        total=len(rows),
        rows=list(reversed(rows))[:_MOST_DELIVERIES],
    )


@router.get("/rights")
def rights(request: Request, admitted: MaySeeRights) -> Response:
    """Who may do what, as the deployment and the portal have it."""
    access = admitted.house.access
    provider = access.provider.issuer if access.provider else ""
    return page(
        request, "rights.html.j2", admitted.visit, table=MAY, actions=list(Action), access=access, provider=provider
    )


def report_page(
    request: Request, admitted: Admitted, *, told: str = "", problem: str = "", status: int = 200
) -> Response:
    """The page of sign-out, after what was done or could not be."""
    platform, sample = admitted.house.platform, admitted.case.sample_id
    draft = cases.answered(lambda: cases.draft_of(platform, sample))
    versions = Reports(platform).versions(draft.value) if draft.value else ()
    return _of_a_case(
        request,
        admitted,
        "report.html.j2",
        draft,
        status=status,
        told=told,
        problem=problem or draft.problem,
        versions=versions,
        changes=versions[-1].changes if versions else (),
        page=bool(cases.answered(lambda: cases.page_file(platform, sample, ".html")).value),
        pdf=_has(".pdf", platform, sample),
        uncalled_genes=_has(UNCALLED_SUFFIX, platform, sample),
    )


def _overview(request: Request, admitted: Admitted, **more: Any) -> Response:
    platform, sample = admitted.house.platform, admitted.case
    draft = cases.answered(lambda: cases.draft_of(platform, sample.sample_id))
    exons = cases.answered(lambda: cases.exons_of(platform, sample.sample_id))
    in_full = Action.DRAFT in MAY[admitted.visit.person.role]
    may_be_told = bool(draft.value) and (in_full or draft.value.issue.is_signed)
    return _of_a_case(
        request,
        admitted,
        "case.html.j2",
        draft,
        may_be_told=may_be_told,
        said_problem=draft.problem if in_full else "",
        item=admitted.house.standing(sample.sample_id),
        who=sample.person,
        signs=_signs(platform, sample.person.phenotype),
        identified=platform.identities.identified(sample.person.subject_id),
        pedigree=_markup(draw(platform.registry.family_of(sample.sample_id))),
        artifacts=_checks(platform, sample.sample_id) if in_full else [],
        overridden=draft.value.statement.failed_checks if draft.value and in_full else (),
        exons=exons.value or [],
        exons_problem=exons.problem,
        poor=[row for row in exons.value or [] if row["below_20x"] or row["uncalled"]][:_MOST_EXONS],
        genes=(cases.answered(lambda: cases.candidates_of(platform, sample.sample_id)).value or [])[:_MOST_GENES],
        deliveries=platform.hospital.ledger.reports(sample=sample.sample_id),
        **{"identity": None} | more,
    )


def comments_page(request: Request, admitted: Admitted, *, problem: str = "", status: int = 200) -> Response:
    """The page with everything that was said of a case, after something was said or could not be."""
    return _of_a_case(
        request,
        admitted,
        "comments.html.j2",
        cases.Answered(),
        status=status,
        problem=problem,
        **_commented(admitted, None),
    )


def _commented(admitted: Admitted, allele: str | None) -> dict[str, Any]:
    """What was said of a variant, or of the case and all its variants."""
    said = Comments(admitted.house.platform.audit).of(admitted.case.sample_id, allele)
    return {"comments": said, "depths": depths(said), "longest_comment": LONGEST}


def _of_a_case(
    request: Request,
    admitted: Admitted,
    template: str,
    draft: cases.Answered,
    *,
    may_be_told: bool = True,
    status: int = 200,
    csp: str | None = None,
    **said: Any,
) -> Response:
    value: Draft | None = draft.value if may_be_told else None
    return page(
        request,
        template,
        admitted.visit,
        status=status,
        csp=csp,
        sample=admitted.case,
        said=value.statement if value else None,
        issue=value.issue if value else None,
        glass=admitted.decision.by_broken_glass,
        warnings=cases.warnings_of(admitted.house.platform, admitted.case),
        **said,
    )


def _why_page(request: Request, admitted: Admitted, variant: str, *, problem: str = "") -> Response:
    platform, sample = admitted.house.platform, admitted.case.sample_id
    asked = cases.answered(lambda: cases.variant_of(platform, sample, variant)) if variant and not problem else None
    row, answer = asked.value if asked and asked.value else ({}, None)
    return _of_a_case(
        request,
        admitted,
        "why.html.j2",
        cases.Answered(),
        variant=variant,
        answer=answer,
        problem=problem or (asked.problem if asked else ""),
        linked=cases.allele_of(row) if row else "",
    )


def _decided(platform: Resources) -> dict[str, list[Decision]]:
    """What the laboratory decided, by allele, the last decision last."""
    told = defaultdict[str, list[Decision]](list)
    for one in platform.catalogue.every():
        told[one.allele].append(one)
    return told


def _weighed(criteria: str) -> dict[str, Any]:
    """Points and both classes of criteria as people write them, or what is wrong with one."""
    asked = cases.answered(lambda: combine(parse_criteria(criteria)))
    return {"weighed": asked.value, "weighed_problem": asked.problem}


def _counts(rows: Iterable[Row]) -> dict[str, int]:
    counted = Counter(row.item.state for row in rows)
    return {state: counted[state] for state in State if counted[state]}


def _changes(platform: Resources, sample: str) -> tuple[str, ...]:
    return Reports(platform).versions(cases.draft_of(platform, sample))[-1].changes or ()


def _signs(platform: Resources, terms: tuple[str, ...]) -> dict[str, str]:
    """Names of HPO terms, as far as the deployment's knowledge has them."""
    receipt = cases.answered(lambda: platform.lake.receipt("phenotypes")).value
    if not terms or receipt is None:
        return {}
    return dict(cases.answered(lambda: term_names(platform.lake.folder(receipt), terms)).value or {})


def _checks(platform: Resources, sample: str) -> list[dict[str, Any]]:
    from resources.checked import artifacts_of

    return [one for one in artifacts_of(platform, sample) if one.get("checks") or "problem" in one]


def _has(suffix: str, platform: Resources, sample: str) -> bool:
    """Whether the report as it stands has such a file."""
    receipt = cases.answered(lambda: platform.lake.receipt("clinical_report", sample)).value
    return receipt is not None and any(file.name.endswith(suffix) for file in receipt.files)


def _reads(admitted: Admitted, row: Any) -> str:
    """What the viewer is to show, as JSON; empty where there are no reads."""
    platform, sample = admitted.house.platform, admitted.case
    tracks, reference = cases.tracks_of(platform, sample), cases.reference_files(platform)
    if not tracks or not reference:
        return ""
    at = f"{ROOT}/cases/{quote(sample.sample_id)}/reads"
    fasta = f"{ROOT}/reference/{quote(reference[0])}"
    told = {
        "locus": cases.locus_of(row),
        "variant": str(row["hgvs_c"] or row["allele"]),
        "region": {
            "chr": row["contig"],
            "start": row["position"] - 1,
            "end": row["position"] - 1 + len(row["ref"]),
        },
        "format": platform.settings.alignment_format,
        "reference": {"id": platform.knowledge.declaration.name, "fastaURL": fasta, "indexURL": f"{fasta}.fai"}
        | ({"compressedIndexURL": f"{fasta}.gzi"} if fasta.endswith(".gz") else {}),
        "tracks": [
            {
                "name": one.sample if one.member == "own" else f"{one.member}: {one.sample}",
                "url": f"{at}/{one.member}/{quote(one.file)}",
                "indexURL": f"{at}/{one.member}/{quote(one.index)}",
            }
            for one in tracks
        ],
    }
    return json.dumps(told)


def _viewer_policy(platform: Resources) -> str:
    """That of a page with igv.js: its two style sheets, and of CRAM alone its decoder of WebAssembly."""
    from portal.clinic.rendering import IGV_STYLES

    script = "'self' 'wasm-unsafe-eval'" if platform.settings.alignment_format == "cram" else "'self'"
    return policy(script=script, style=" ".join(("'self'", *IGV_STYLES)))


def _markup(svg: str) -> Any:
    from markupsafe import Markup

    return Markup(svg)
