"""Which runs may be compared: equal load and test, the infrastructure the same as far as it is known."""

from dataclasses import replace
from datetime import timedelta

from dogdriver.model import Catalog, MetricState, Point, Run, Scope, Status
from dogdriver.verdict.comparability import comparable
from tests.world import SETTLE, START, World, shop

HOSTS = "avg:system.cpu.idle{app:{project},env:{deployment}} by {host}"


def point(n: int, release: str, *, load: str = "k", hosts: float | None = None, kinds: str | None = None) -> Point:
    at = START + timedelta(hours=n)
    return Point(str(n), at, 1.0, release, Status.DONE, load, MetricState.SETTLED, fingerprint=hosts, kinds=kinds)


def chosen(points: list[Point], tolerance: float = 0.0) -> tuple[list[str], str | None]:
    found = comparable(points, "b", tolerance)
    return [p.run for p in found.points], found.obstacle


def test_runs_on_as_many_hosts_compare_contiguous_or_not() -> None:
    points = [point(n, "a", hosts=h) for n, h in enumerate((3, 4, 4, 3))] + [point(4, "b", hosts=3)]
    assert chosen(points) == (["0", "3", "4"], None)


def test_the_tolerance_is_relative() -> None:
    points = [point(0, "a", hosts=20), point(1, "b", hosts=21)]
    assert chosen(points) == (["1"], "the infrastructure")
    assert chosen(points, 0.05) == (["0", "1"], None)


def test_other_kinds_of_hosts_do_not_compare() -> None:
    points = [point(0, "a", hosts=3, kinds="m5"), point(1, "b", hosts=3, kinds="c6")]
    assert chosen(points) == (["1"], "the infrastructure")


def test_what_is_unknown_compares() -> None:
    points = [point(0, "a"), point(1, "b", hosts=3, kinds="m5")]
    assert chosen(points) == (["0", "1"], None)


def test_another_load_or_test_does_not_compare_and_that_is_said() -> None:
    points = [point(0, "a", load="x"), point(1, "b")]
    assert chosen(points) == (["1"], "the load or the test")


def test_excluded_and_bad_runs_count_for_nothing() -> None:
    bad = replace(point(0, "a"), status=Status.INVALID)
    out = replace(point(1, "a"), excluded=True)
    assert chosen([bad, out, point(2, "b")]) == (["2"], None)
    assert chosen([point(0, "a")]) == (["0"], None)  # nothing of its own: too few runs


async def _done(world: World, hosts: int) -> Run:
    pending = await world.launched()
    world.feed(pending)
    assert pending.ended is not None
    at = pending.ended.timestamp()
    for host in range(2, hosts):  # `feed` has two
        points = [(at - 290 + 15 * n, 60.0) for n in range(19)]
        world.standin.points.add(
            "system.cpu.idle", points, tags=["app:shop", "env:stage"], host=f"more-{host}", visible_at=0
        )
    return await world.collect_until(pending, 2 * SETTLE)


async def test_hosts_that_come_with_a_release_leave_it_undecided_and_that_is_the_reason(world: World) -> None:
    world.catalog.current = Catalog({"shop": shop(fingerprint=HOSTS)})
    for _ in range(3):
        assert (await _done(world, 2)).fingerprint == 2.0
    world.target.versions = [("1.1.0", None)]
    for _ in range(3):
        assert (await _done(world, 4)).fingerprint == 4.0
    verdicts = await world.store.verdicts.newest(Scope("shop", "stage", "dogdriver", "here"))
    [art] = [j for j in verdicts if j.release == "1.1.0" and j.key.metric == "art"]
    assert art.verdict.outcome == "undecided"
    assert art.verdict.reason.startswith("the infrastructure changed with the release")
