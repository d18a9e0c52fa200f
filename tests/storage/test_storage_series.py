"""What charts are drawn from and verdicts judge."""

from typing import Any

import pytest
from msgspec.structs import replace

from dogdriver.model import Load, MetricState, MetricValue, Point, Status
from dogdriver.storage import Store
from tests.storage.made import at, key, reading, run, settled


async def _series(store: Store, metric: str = "cpu") -> list[tuple[str, float | None]]:
    return [(point.run, point.value) for point in await store.series.points(key(metric))]


async def test_points_are_in_the_order_of_time_whenever_they_came(store: Store) -> None:
    for minute in [30, 10, 20]:
        await store.transitions.add(
            run(f"m{minute}", status=Status.DONE, minute=minute, metrics={"cpu": settled(minute)})
        )
    assert await _series(store) == [("m10", 10), ("m20", 20), ("m30", 30)]


async def test_a_point_says_what_the_run_says(store: Store) -> None:
    await store.transitions.add(
        run(
            "a",
            status=Status.DONE,
            load=Load(1, 1, 60),
            content="tree",
            fingerprint=3.0,
            excluded="noisy",
            metrics={"cpu": settled(1.5)},
        )
    )
    (point,) = await store.series.points(key())
    assert point == Point(
        "a", at(0), 1.5, "1.0", Status.DONE, point.comparable, MetricState.SETTLED, excluded=True, fingerprint=3.0
    )


@pytest.mark.parametrize("status", [Status.FAILED, Status.ABORTED, Status.INVALID])
async def test_what_ended_without_a_value_is_there_without_one(store: Store, status: Status) -> None:
    await store.transitions.add(run("a", status=status, release=None, metrics={"rps": settled(1)}))
    (point,) = await store.series.points(key("cpu"))
    assert (point.value, point.state, point.status, point.release) == (None, MetricState.NO_DATA, status, "unknown")
    assert await _series(store, "rps") == [("a", 1)]


async def test_what_is_done_is_in_the_series_of_the_metrics_that_it_has(store: Store) -> None:
    await store.transitions.add(run("a", status=Status.DONE, metrics={"rps": settled(1), "art": settled(None)}))
    await store.transitions.add(run("b", status=Status.DONE, minute=1))
    assert await _series(store, "rps") == [("a", 1), ("b", None)], "one that has none is in all"
    assert await _series(store, "art") == [("a", None), ("b", None)]
    assert await _series(store, "added later") == [("b", None)]
    assert await store.transitions.save(
        run("b", minute=1, status=Status.DONE), expect=Status.DONE, values={"rps": settled(2)}
    )
    assert await _series(store, "added later") == []


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
async def test_what_has_not_ended_is_not_there(store: Store, status: Status) -> None:
    await store.transitions.add(run("a", status=status, started=at(0), metrics={"client.rps": settled(1)}))
    assert await _series(store, "client.rps") == []


async def test_what_never_started_is_not_there(store: Store) -> None:
    await store.transitions.add(
        run("a", status=Status.FAILED, started=None, ended=None, metrics={"cpu": settled(None)})
    )
    assert await _series(store) == []


async def test_a_pending_run_is_charted_metric_by_metric(store: Store) -> None:
    waiting = {"cpu": MetricValue(MetricState.WAITING), "rps": MetricValue(MetricState.WAITING)}
    pending, _ = await store.transitions.add(
        run("a", status=Status.PENDING, metrics={**waiting, "client.p50": settled(7)})
    )
    assert [await _series(store, name) for name in ("cpu", "rps", "client.p50")] == [[], [], [("a", 7)]]
    assert await store.transitions.save(pending, expect=Status.PENDING, values={"cpu": settled(5)})
    assert [await _series(store, name) for name in ("cpu", "rps")] == [[("a", 5)], []]
    done = replace(pending, status=Status.DONE, due=None)
    assert await store.transitions.save(done, expect=Status.PENDING, values={"rps": MetricValue(MetricState.NO_DATA)})
    assert [await _series(store, name) for name in ("cpu", "rps")] == [[("a", 5)], [("a", None)]]


async def test_points_follow_their_run(store: Store) -> None:
    first, _ = await store.transitions.add(run("a", status=Status.DONE, metrics={"cpu": settled(1)}))
    moved = replace(first, started=at(-10), release="9", version=None, status=Status.INVALID)
    assert await store.transitions.save(moved, expect=Status.DONE, values={"cpu": replace(settled(2), earlier=1.0)})
    assert await store.transitions.set_excluded("a", "because")
    (point,) = await store.series.points(key())
    assert (point.at, point.value, point.release, point.excluded, point.status) == (
        at(-10),
        2,
        "9",
        True,
        Status.INVALID,
    )
    assert await store.transitions.save(moved, expect=Status.INVALID)
    assert (await store.series.points(key()))[0].excluded, "only `flag` takes an exclusion back"
    assert await store.transitions.set_excluded("a", None)
    assert not (await store.series.points(key()))[0].excluded
    assert await store.transitions.save(replace(moved, started=None), expect=Status.INVALID)
    assert await _series(store) == []


async def test_since_until_and_limit(store: Store) -> None:
    for minute in range(10):
        status = Status.FAILED if minute % 3 == 0 else Status.DONE
        metrics = {} if status is Status.FAILED else {"cpu": settled(minute)}
        await store.transitions.add(run(f"m{minute}", status=status, minute=minute, metrics=metrics))

    async def ids(**wanted: object) -> list[str]:
        return [point.run for point in await store.series.points(key(), **wanted)]  # type: ignore[arg-type] # passed through

    assert await ids() == [f"m{minute}" for minute in range(10)]
    assert await ids(since=at(7)) == ["m7", "m8", "m9"]
    assert await ids(until=at(2)) == ["m0", "m1"]
    assert await ids(since=at(2), until=at(5)) == ["m2", "m3", "m4"]
    assert await ids(limit=3) == ["m7", "m8", "m9"], "the newest, those without a value too"
    assert await ids(until=at(4), limit=2) == ["m2", "m3"]
    assert await ids(limit=0) == []
    assert await ids(since=at(9), until=at(1)) == []


async def test_series_are_not_mixed(store: Store) -> None:
    await store.transitions.add(run("a", status=Status.DONE, metrics={"cpu": settled(1)}))
    for word in ("project", "deployment", "test", "source"):
        other = replace(run(word, status=Status.DONE, metrics={"cpu": settled(9)}), **{word: "another"})
        await store.transitions.add(other)
    assert await _series(store) == [("a", 1)]


async def test_comparable_is_equal_for_equal_load_and_content(store: Store) -> None:
    load = Load(5, 1, 60.0, {"a": 1, "b": [2]})
    same: list[dict[str, Any]] = [
        {"load": load, "content": "tree"},
        {"load": Load(5, 1, 60, {"b": [2], "a": 1}), "content": "tree", "fingerprint": 4.0, "test_commit": "other"},
    ]
    others: list[dict[str, Any]] = [
        {"load": load, "content": "another"},
        {"load": load, "content": None},
        {"load": None, "content": "tree"},
        {"load": replace(load, workers=6), "content": "tree"},
        {"load": replace(load, processes=2), "content": "tree"},
        {"load": replace(load, duration=61.0), "content": "tree"},
        {"load": replace(load, options={}), "content": "tree"},
    ]
    for number, one in enumerate([*same, *others]):
        await store.transitions.add(run(f"r{number}", status=Status.DONE, minute=number, **one))
    first, second, *rest = [point.comparable for point in await store.series.points(key())]
    assert first == second
    assert len({first, *rest}) == 1 + len(others)
    assert first == "b4682b7004794ea1", "stored for ever: the same in every version"


async def test_readings_are_those_of_the_newest_settled_values(store: Store) -> None:
    for minute in range(4):
        await store.transitions.add(
            run(
                f"m{minute}",
                status=Status.DONE,
                minute=minute,
                metrics={"cpu": settled(1, reading=reading(f"q{minute}")), "client.p50": settled(1)},
            )
        )
    partial = MetricValue(MetricState.PARTIAL, 1.0, reading=reading("partial"))
    await store.transitions.add(run("p", status=Status.DONE, minute=9, metrics={"cpu": partial}))
    assert [one.query for one in await store.series.readings(key(), limit=3)] == ["q3", "q2", "q1"]
    assert (await store.series.readings(key(), limit=1))[0] == reading("q3")
    assert list(await store.series.readings(key("client.p50"), limit=3)) == []
