"""Comments on a case and its variants: in threads, by name, for those who see findings, and never gone."""

from pathlib import Path

import pytest

from engine.errors import GateError
from portal.clinic.admission import ROOT
from portal.clinic.rights import Role
from resources.audit import AuditLog
from resources.comments import COMMENTED, LONGEST, TAKEN_BACK, Comments, depths
from tests.builders.clinic import ACCESS, CHILD, OTHER_WARD, WARD, Clinic, clinic_of, platform_of
from tests.builders.deployment import Deployment

ALLELE = "20-3084620-C-T"
AT, API = f"{ROOT}/cases/{CHILD}/comments", f"{ROOT}/api/cases/{CHILD}/comments"


@pytest.fixture(scope="module")
def clinic(made_case: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    return clinic_of(platform_of(made_case, tmp_path_factory.mktemp("comments")), ACCESS)


def test_answers_stand_behind_what_they_answer(tmp_path: Path) -> None:
    comments = Comments(AuditLog(tmp_path / "audit.jsonl"))
    first = comments.add("S1", "Is this in cis?", person="Dr A", allele="20-1-C-T")
    comments.add("S2", "another case", person="Dr A")
    second = comments.add("S1", "Ask the mother", person="Dr B")
    answer = comments.add("S1", " Phased in trans ", person="Dr B", answers=first.number)
    last = comments.add("S1", "Good", person="Dr A", answers=answer.number)
    said = comments.of("S1")
    assert said == (first, answer, last, second)
    assert [depths(said)[one.number] for one in said] == [0, 1, 2, 0]
    assert (answer.text, answer.allele) == ("Phased in trans", "20-1-C-T"), (
        "an answer is about what its thread is about"
    )
    assert comments.of("S1", "20-1-C-T") == (first, answer, last) and comments.of("S1", "") == (second,)


def test_a_comment_is_taken_back_by_its_author_alone_and_stays(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    comments = Comments(log)
    said = comments.add("S1", "Benign, I think", person="Dr A")
    with pytest.raises(GateError, match="is Dr A's"):
        comments.take_back("S1", said.number, person="Dr B", reason="I do not think so")
    with pytest.raises(GateError, match="needs a person and a reason"):
        comments.take_back("S1", said.number, person="Dr A", reason="no")
    taken = comments.take_back("S1", said.number, person="Dr A", reason="the wrong case's")
    assert comments.of("S1") == (taken,) and taken.text == "Benign, I think" and taken.taken_back
    with pytest.raises(GateError, match="was taken back before"):
        comments.take_back("S1", said.number, person="Dr A", reason="the wrong case's")
    assert [one.event.what for one in log.entries()] == [COMMENTED, TAKEN_BACK] and log.verify() == 2


@pytest.mark.parametrize(
    ("text", "answers", "problem"),
    [
        ("  ", None, "1 to 2,000 characters"),
        ("x" * (LONGEST + 1), None, "1 to 2,000 characters"),
        ("yes", 1, "has no comment 1"),
        ("yes", 99, "has no comment 99"),
    ],
)
def test_what_is_no_comment_is_refused_in_words(tmp_path: Path, text: str, answers: int | None, problem: str) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    Comments(log).add("S2", "of another case", person="Dr A")
    with pytest.raises(GateError, match=problem):
        Comments(log).add("S1", text, person="Dr A", answers=answers)
    assert log.head().entries == 1


def test_people_talk_on_the_pages_and_every_word_is_escaped(clinic: Clinic) -> None:
    curie, _ = clinic.visit(Role.GENETICIST, WARD, name="Dr Curie")
    franklin, _ = clinic.visit(Role.BIOINFORMATICIAN, WARD, name="Dr Franklin")
    told = curie.post(AT, data={"text": "<b>Strand bias?</b>", "allele": ALLELE})
    number = int(told.headers["location"].rpartition("-")[2])
    assert told.status_code == 303 and told.headers["location"] == (
        f"{ROOT}/cases/{CHILD}/variants/{ALLELE}#comment-{number}"
    )
    answered = franklin.post(AT, data={"text": "None: 15 of 30", "answers": str(number), "page": "yes"})
    assert answered.headers["location"].startswith(f"{AT}#comment-")
    for page in (curie.get(AT).text, curie.get(f"{ROOT}/cases/{CHILD}/variants/{ALLELE}").text):
        assert "&lt;b&gt;Strand bias?&lt;/b&gt;" in page and "<b>Strand" not in page
        assert page.index("Strand bias") < page.index("None: 15 of 30") and f"comment {number}" in page
    refused = franklin.post(f"{AT}/{number}/take-back", data={"reason": "not mine to take"})
    assert refused.status_code == 409 and "is Dr Curie&#39;s" in refused.text
    assert curie.post(f"{AT}/{number}/take-back", data={"reason": "asked of the wrong call"}).status_code == 303
    after = curie.get(AT).text
    assert "<del>&lt;b&gt;Strand bias?" in after and "asked of the wrong call" in after


def test_a_program_says_the_same_with_the_same_rights(clinic: Clinic) -> None:
    curie, _ = clinic.visit(Role.GENETICIST, WARD, name="Dr Curie")
    said = curie.post(API, json={"text": "by program"}).json()
    assert curie.get(API).json()[-1] == said and said["person"] == "Dr Curie"
    answered = curie.post(API, json={"text": "yes", "answers": str(said["number"])}).json()
    assert answered["answers"] == said["number"]
    taken = curie.post(f"{API}/{said['number']}/take-back", json={"reason": "said too much"}).json()
    assert taken["reason"] == "said too much"
    for wrong in ({"text": ""}, {"text": "x", "answers": "none"}, {"text": "x", "allele": "20-1-A-C"}):
        refused = curie.post(API, json=wrong)
        assert refused.status_code == 409 and refused.json()["error"]


@pytest.mark.parametrize(
    ("role", "ward"),
    [(Role.CLINICIAN, WARD), (Role.SECURITY_OFFICER, WARD), (Role.ADMIN, WARD), (Role.GENETICIST, OTHER_WARD)],
)
def test_nobody_else_reads_or_writes_them(clinic: Clinic, role: Role, ward: str) -> None:
    client, _ = clinic.visit(role, ward)
    before = len(Comments(clinic.platform.audit).of(CHILD))
    assert {client.get(AT).status_code, client.get(API).status_code} == {403}
    assert {client.post(at, data={"text": "x"}).status_code for at in (AT, API)} == {403}
    assert len(Comments(clinic.platform.audit).of(CHILD)) == before


def test_the_security_officer_sees_who_commented_and_not_what(clinic: Clinic) -> None:
    curie, _ = clinic.visit(Role.GENETICIST, WARD, name="Dr Curie")
    curie.post(AT, data={"text": "a word for colleagues"})
    officer, _ = clinic.visit(Role.SECURITY_OFFICER)
    page = officer.get(f"{ROOT}/audit", params={"what": COMMENTED}).text
    assert "Dr Curie" in page and "a word for colleagues" not in page
