"""A release that comes with other hosts is not judged, and that is the reason."""

from dogdriver.model import Catalog, Run, Scope
from tests.world import SETTLE, World, shop

HOSTS = "avg:system.cpu.idle{app:{project},env:{deployment}} by {host}"


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
