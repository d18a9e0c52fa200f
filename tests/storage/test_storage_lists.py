"""Runs in pages, and what there is to choose from."""

from dataclasses import replace

import pytest

from dogdriver.errors import Invalid
from dogdriver.model import Filter, Known, MetricState, MetricValue, Run, Status
from dogdriver.storage import Store
from tests.storage.made import WHERE, at, reading, run, settled


async def _ids(store: Store, **wanted: object) -> list[str]:
    return [one.id for one in (await store.runs.list(Filter(**wanted))).runs]  # type: ignore[arg-type] # passed through


async def _pages(store: Store, limit: int, wanted: Filter) -> list[list[Run]]:
    pages, cursor = [], None
    while True:
        page = await store.runs.list(wanted, limit=limit, cursor=cursor)
        pages.append(list(page.runs))
        cursor = page.next
        if cursor is None:
            return pages


async def test_the_newest_comes_first_with_metrics_but_without_readings(store: Store) -> None:
    await store.transitions.add(
        run("old", status=Status.DONE, metrics={"cpu": settled(1, reading=reading()), "rps": settled(2)})
    )
    await store.transitions.add(run("new", status=Status.DONE, minute=1))
    page = await store.runs.list(Filter())
    assert [one.id for one in page.runs] == ["new", "old"]
    assert page.runs[1].metrics == {"cpu": settled(1), "rps": settled(2)}
    assert page.next is None


async def test_runs_are_filtered_by_each_word(store: Store) -> None:
    await store.transitions.add(run("a", status=Status.DONE, minute=1))
    await store.transitions.add(run("b", status=Status.DONE, minute=2, project="other", source="tokyo"))
    await store.transitions.add(
        run("c", status=Status.FAILED, minute=3, deployment="prod", test="t", release="2", version=None)
    )
    await store.transitions.add(run("d", minute=4))
    assert await _ids(store) == ["d", "c", "b", "a"]
    assert await _ids(store, project="kintowe") == ["d", "c", "a"]
    assert await _ids(store, source="tokyo") == ["b"]
    assert await _ids(store, deployment="prod") == ["c"]
    assert await _ids(store, test="t") == ["c"]
    assert await _ids(store, release="2") == ["c"]
    assert await _ids(store, statuses=frozenset({Status.DONE})) == ["b", "a"]
    assert await _ids(store, statuses=frozenset({Status.QUEUED, Status.FAILED})) == ["d", "c"]
    assert await _ids(store, since=at(2)) == ["d", "c", "b"], "from then on"
    assert await _ids(store, until=at(3)) == ["b", "a"], "before then"
    assert await _ids(store, project="kintowe", statuses=frozenset({Status.DONE}), since=at(2)) == []
    assert await _ids(store, project="' OR 1=1 --") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 50])
async def test_pages_hold_every_run_once(store: Store, limit: int) -> None:
    bad = [Status.FAILED, Status.ABORTED]
    for number in range(7):
        await store.transitions.add(run(f"r{number}", status=Status.DONE, minute=number // 3))
        await store.transitions.add(run(f"bad{number}", status=bad[number % 2], minute=number // 3))
    for name, wanted in (("r", {Status.DONE}), ("bad", {Status.QUEUED, *bad})):
        pages = await _pages(store, limit, Filter(statuses=frozenset(wanted)))
        assert [one.id for page in pages for one in page] == [f"{name}{number}" for number in reversed(range(7))]
        assert all(len(page) == limit for page in pages[:-1])
        assert pages[-1], "no page is empty"


async def test_a_cursor_holds_its_place_while_runs_come(store: Store) -> None:
    for number in range(6):
        await store.transitions.add(run(f"r{number}", status=Status.DONE, minute=number))
    first = await store.runs.list(Filter(), limit=2)
    await store.transitions.add(run("newer", status=Status.DONE, minute=99))
    await store.transitions.add(run("same time", status=Status.DONE, minute=4))
    second = await store.runs.list(Filter(), limit=2, cursor=first.next)
    assert [one.id for one in second.runs] == ["r3", "r2"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "ä", "MQ", "MS4y!!", "Li4u", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OS4x", "MTIzNA.NQ", "bmFuLjE"]
)
async def test_a_bad_cursor_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        await store.runs.list(Filter(), cursor=cursor)


async def test_a_page_of_none_is_refused(store: Store) -> None:
    with pytest.raises(Invalid, match="limit"):
        await store.runs.list(Filter(), limit=0)


async def test_known_says_where_runs_are(store: Store) -> None:
    assert list(await store.runs.known()) == []
    await store.transitions.add(run("a", status=Status.DONE, minute=1))
    await store.transitions.add(run("b", status=Status.FAILED, minute=2))
    await store.transitions.add(run("c", status=Status.DONE, source="tokyo", minute=3))
    await store.transitions.add(run("d", status=Status.DONE, source="tokyo", minute=2))
    await store.transitions.add(run("e", status=Status.DONE, project="other", minute=9))
    await store.transitions.add(run("f", project="new", minute=0))
    project, deployment, test, source = WHERE
    tokyo = Known(project, deployment, test, "tokyo", 2, at(3))
    paris = Known(project, deployment, test, source, 1, at(2))
    other = replace(paris, project="other", last=at(9))
    new = replace(paris, project="new", runs=0, last=at(0))
    assert list(await store.runs.known()) == [tokyo, other, paris, new]
    assert list(await store.runs.known("kintowe")) == [tokyo, paris]
    assert list(await store.runs.known("nobody")) == []


async def test_metrics_are_those_that_have_a_row(store: Store) -> None:
    waiting = MetricValue(MetricState.WAITING)
    await store.transitions.add(run("a", status=Status.DONE, metrics={"rps": settled(1), "cpu": settled(None)}))
    await store.transitions.add(run("b", status=Status.PENDING, metrics={"rps": settled(1), "art": waiting}))
    await store.transitions.add(run("c", status=Status.DONE, project="other", metrics={"x": settled(1)}))
    assert list(await store.values.metrics("kintowe")) == ["art", "cpu", "rps"]
    assert list(await store.values.metrics("other")) == ["x"]
    assert list(await store.values.metrics("nobody")) == []


async def test_data_is_a_value_not_a_row(store: Store) -> None:
    await store.transitions.add(run("a", status=Status.DONE, metrics={"zero": settled(0.0), "cpu": settled(None)}))
    assert await store.values.ever_had_data("kintowe", "zero")
    assert not await store.values.ever_had_data("kintowe", "cpu")
    assert not await store.values.ever_had_data("other", "zero")
    assert await store.transitions.save(run("a", status=Status.DONE), expect=Status.DONE, values={"cpu": settled(1)})
    assert await store.values.ever_had_data("kintowe", "cpu")
