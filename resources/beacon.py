"""A question after GA4GH's Beacon v2 about the cohort, whoever brings it: read, written down, counted, answered.

Counted are those alone who agreed to the purpose and were not withdrawn; the question is written to the audit log
first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.cohort.beacon import BeaconQuestion, answer, id_below
from engine.cohort.study import define
from engine.ops.studies import look
from resources.environment import Resources

PURPOSE = "GRU"
"""Of a question that names none: general research."""


@dataclass(frozen=True)
class BeaconRequest:
    """What is asked, as it was brought.

    Attributes:
        parameters: of the request, by name.
        filters: the HPO term that people must have, with its kinds; empty for all people.
        granularity: ``boolean`` or ``count``.
        purpose: who agreed to it is counted.
        beacon: id of the Beacon, a reversed domain name; empty for the laboratory's own.
    """

    parameters: Mapping[str, str]
    filters: Sequence[str] = ()
    granularity: str = "count"
    purpose: str = PURPOSE
    beacon: str = ""


def ask(platform: Resources, request: BeaconRequest, *, person: str) -> dict[str, Any]:
    """The answer as it may leave.

    Args:
        platform: the services of the deployment.
        request: the question.
        person: who asks.

    Raises:
        StudyError: the question has no meaning, or is about what is not held here.
        ConsentError: the purpose is none.
        KnowledgeError: a term is asked for, and the reference declares no ontology.
        LakeError: nobody has contributed to the cohort, or what is needed is damaged.
    """
    build = platform.knowledge.declaration.build
    question = BeaconQuestion.of(request.parameters, request.filters, request.granularity, build)
    asked = define("beacon", request.purpose, variants=[question.allele], phenotypes=question.filters)
    details = {"parameters": question.parameters, "filters": list(question.filters), "purpose": asked.purpose}
    platform.studies.asked(person, "beacon", details)
    selection, _ = look(platform, asked)
    *_, looked_at, carriers = (step.left for step in selection.steps)
    return answer(question, carriers, looked_at, request.beacon or id_below(platform.settings.laboratory.system))
