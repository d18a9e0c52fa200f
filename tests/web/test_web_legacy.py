"""The first dogDriver's clients find their documents where they were."""

from msgspec.structs import replace

from dogdriver.model import Filter, MetricState, MetricValue
from dogdriver.web.api.legacy import arrow
from tests.web.conftest import Client, read
from tests.web.seeded import OWN, SeededSite, ended_run


async def test_the_first_dogdrivers_clients_get_its_documents(seeded: SeededSite, reader: Client) -> None:
    made = list(reversed((await seeded.store.runs.list(Filter())).runs))
    empty = replace(ended_run("0" * 32, "kintowe", seeded.clock.now, "1.2.0"), client=None)
    await seeded.keep(empty, {"cpu": MetricValue(MetricState.NO_DATA)}, judge=False)
    for root in ("/api", "/dogdriver/api"):
        listed = await read(reader, f"{root}/projects")
        assert listed == {"projects": [{"name": "kintowe", "sources": [OWN], "best_source": OWN}]}
        runs = await read(reader, f"{root}/runs/kintowe/CPU?source={OWN}")
        assert set(runs) == {"data", "trend"}
        first = runs["data"][0]
        assert set(first) == {"value", "label", "release"}
        assert made[0].started is not None
        assert first["label"] == str(int(made[0].started.timestamp()))
        assert [d["release"] for d in runs["data"] if d["release"]] == ["1.0.0", "1.1.0", "1.2.0"]
        assert runs["data"][-1]["value"] is None
        assert (await read(reader, f"{root}/runs/kintowe/art?source=None"))["trend"] in ARROWS
        assert (await read(reader, f"{root}/trend/kintowe"))["trend"] in ARROWS
        assert (await reader.get(f"{root}/runs/kintowe/<script>")).status == 404


ARROWS = {arrow(way, up_is_bad=bad) for way in ("up", "down", "flat", None) for bad in (False, True)}


def test_the_first_dogdrivers_arrows_are_good_or_bad_by_metric() -> None:
    assert arrow("up", up_is_bad=True) == '<span class="trendBad">⇧</span>'
    assert arrow("up", up_is_bad=False) == '<span class="trendGood">⇧</span>'
    assert arrow("down", up_is_bad=True) == '<span class="trendGood">⬇</span>'
    assert arrow("down", up_is_bad=False) == '<span class="trendBad">⬇</span>'
    assert arrow("flat", up_is_bad=True) == arrow(None, up_is_bad=False) == '<span class="trendEq">≈</span>'
