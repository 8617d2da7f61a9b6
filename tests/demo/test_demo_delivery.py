"""The end of the demo: reports in a hospital, and queries that find them."""

import httpx
import pytest

from demo.delivery import deliver, tell_delivered
from demo.hospital import free_port, serving
from demo.outcome import SAMPLE_ASSETS
from demo.people import PEOPLE
from engine.ops import report
from engine.receipt import Recipe
from engine.report.statement_file import PILEUPS_SUFFIX, SUFFIX, write_pileups, write_statement
from resources.environment import Settings, build_resources
from tests.builders.report_bundle import report_statement
from tests.builders.sheets import entry

CHILD = next(person.sample for person in PEOPLE if person.parents)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A deployment in which everybody has a bundle."""
    folder = tmp_path_factory.mktemp("demo")
    made = Settings.from_environment({"GENOMICS_DATA": str(folder / "data"), "GENOMICS_REFERENCE": "demo"})
    platform = build_resources(made)
    entries = [entry(folder / "reads", person.sample) for person in PEOPLE]
    platform.registry.register(entries, sheet="run.csv", sheet_digest="0")
    after_statement = SAMPLE_ASSETS[SAMPLE_ASSETS.index("statement") + 1 : SAMPLE_ASSETS.index("fhir_bundle") + 1]
    for person in PEOPLE:
        said = report_statement(folder / "r", sample=person.sample, subject_id=f"P-{person.sample}")
        with platform.lake.work("statement", person.sample) as work:
            write_statement(said, work.folder / f"{person.sample}{SUFFIX}")
            write_pileups((), work.folder / f"{person.sample}{PILEUPS_SUFFIX}")
            work.publish(records=1, recipe=Recipe({}), measures={"statement_digest": said.digest})
        for name in after_statement:
            getattr(report, name).make(platform, person.sample, log=lambda line: None)
    return made


def test_everybodys_report_is_in_the_hospital_once_and_found(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    done = deliver(settings, free_port())
    assert done.problems == []
    assert set(done.sent) == {person.sample for person in PEOPLE} and min(done.sent.values()) > 20
    assert (done.again, done.reports) == (0, len(PEOPLE))
    assert [found for _, found in done.queries.values()] == [1, 2, 2 * len(PEOPLE), 2 * len(PEOPLE)]
    tell_delivered(done, {CHILD: "/somewhere/child.html"})
    told = capsys.readouterr().out
    assert "6 reports at http://127.0.0.1:" in told and "delivered again: 0 resources sent, no second copy" in told
    assert "curl -G 'http://127.0.0.1:" in told and "/somewhere/child.html" in told


def test_the_demo_again_sends_nothing_and_its_hospital_keeps_what_it_has(settings: Settings) -> None:
    port = free_port()
    first = deliver(settings, port)
    again = deliver(settings, port)
    assert (again.url, again.sent, again.reports) == (first.url, dict.fromkeys(first.sent, 0), len(PEOPLE))
    with serving(settings.data / "hospital") as url:
        for query, found in again.queries.values():
            assert httpx.get(f"{url}/{query}").json()["total"] == found
