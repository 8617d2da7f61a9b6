"""Plots are drawn when they are looked at, for those whom the door lets in."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from engine.ops.shown import figures, plot_address
from engine.receipt import Receipt, Recipe
from tests.builders.web import Web, web_of

TITLE = "Insert size"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with web_of(tmp_path_factory.mktemp("web")) as web:
        yield web


def publish(web: Web, *sizes: float) -> Receipt:
    with web.platform.lake.work("aligned_reads", "S1") as work:
        (work.folder / "file").write_text(str(sizes))
        return work.publish(
            records=1,
            recipe=Recipe(parameters={"sizes": list(sizes)}),
            measures={"insert_size_histogram": list(sizes)},
        )


def test_a_plot_is_served_to_a_visitor_and_to_nobody_else(web: Web) -> None:
    address = plot_address(publish(web, 1.0, 2.0, 3.0), TITLE)
    told = web.person().get(address)
    assert told.status_code == 200 and told.headers["content-type"].startswith("image/svg+xml")
    assert TITLE in told.text and "script" not in told.text
    assert web.client().get(address).status_code == 401


def test_a_figure_that_an_artifact_holds_is_served_as_it_is(web: Web) -> None:
    with web.platform.lake.work("aligned_reads", "S1") as work:
        (work.folder / "Call rate of sites.png").write_bytes(b"\x89PNG drawn")
        made = work.publish(records=1, recipe=Recipe(parameters={"drawn": True}), measures={})
    assert figures(made) == ("Call rate of sites",)
    address = plot_address(made, "Call rate of sites")
    told = web.person().get(address)
    assert (told.content, told.headers["content-type"]) == (b"\x89PNG drawn", "image/png")
    assert web.client().get(address).status_code == 401
    for other in ("Nothing.png", "file.png", "Call%20rate%20of%20sites.svg", "..%2Freceipt.json"):
        assert web.person().get(address.rpartition("/")[0] + f"/{other}?sample=S1").status_code == 404


def test_a_plot_of_an_earlier_version_stays_as_it_was(web: Web) -> None:
    first, second = publish(web, 1.0, 2.0, 4.0), publish(web, 4.0, 2.0, 1.0)
    assert first.data_version != second.data_version
    drawn = {web.person().get(plot_address(one, TITLE)).text for one in (first, second)}
    assert len(drawn) == 2 and all(TITLE in one for one in drawn)


@pytest.mark.parametrize(
    "address",
    [
        "/plots/aligned_reads/0000/Insert%20size.svg?sample=S1",
        "/plots/aligned_reads/VERSION/Nothing.svg?sample=S1",
        "/plots/aligned_reads/VERSION/Insert%20size.svg?sample=S2",
        "/plots/aligned_reads/VERSION/Insert%20size.svg?sample=../S1",
        "/plots/aligned_reads/VERSION/Insert%20size.svg",
        f"/plots/{quote('../samples/S1/aligned_reads', safe='')}/VERSION/Insert%20size.svg",
        "/plots/%2e%2e/VERSION/Insert%20size.svg?sample=S1",
    ],
)
def test_what_there_is_no_plot_of_is_said_so(web: Web, address: str) -> None:
    version = publish(web, 1.0, 2.0, 3.0).data_version
    told = web.person().get(address.replace("VERSION", version))
    assert "<svg" not in told.text
