import pytest

from dogdriver.metrics.hosts import count_hosts, host_kinds
from dogdriver.model import Reading, Series, Window

HOSTS = "avg:system.cpu.idle{app:x} by {host}"


def reading(query: str, *values: list[float | None], start: float = 0.0) -> Reading:
    series = tuple(
        Series(f"host:{n}", tuple((start + 5.0 * at, value) for at, value in enumerate(one)))
        for n, one in enumerate(values)
    )
    return Reading(query, series, 5.0)


@pytest.mark.parametrize(
    ("query", "values", "found"),
    [
        (HOSTS, ([1.0], [2.0], [3.0]), 3.0),
        (HOSTS, ([1.0], [None, None], [None, 3.0]), 2.0),
        (HOSTS, ([0.0],), 1.0),
        (HOSTS, (), None),
        (HOSTS, ([None],), None),
        ("sum:aws.elb.healthy_host_count{app:x}", ([4.0, 4.0, 5.0],), 4.0),
        (f"count_nonzero({HOSTS})", ([3.0, 3.0],), 3.0),
        ("sum:aws.elb.healthy_host_count{app:x}", ([None],), None),
    ],
)
def test_hosts_are_counted_or_read(query: str, values: tuple[list[float | None], ...], found: float | None) -> None:
    assert count_hosts(reading(query, *values)) == found


def test_hosts_outside_the_run_do_not_count(window: Window) -> None:
    before = reading(HOSTS, [1.0], [1.0], start=window.start.timestamp() - 60)
    inside = reading(HOSTS, [1.0], start=window.start.timestamp())
    assert count_hosts(before, window) is None
    assert count_hosts(inside, window) == 1.0


def test_what_the_hosts_are_is_told_by_the_other_groups() -> None:
    def series(scope: str) -> Series:
        return Series(scope, ((0.0, 1.0),))

    scopes = (
        "app:shop,host:a,instance-type:m5",
        "app:shop,host:b,instance-type:m5",
        "app:shop,host:c,instance-type:c6",
    )
    typed = Reading("avg:m{app:shop} by {host, instance-type}", tuple(map(series, scopes)), 60.0)
    assert host_kinds(typed) == "instance-type:c6; instance-type:m5"
    assert count_hosts(typed) == 3.0
    plain = Reading("avg:m{app:shop} by {host}", tuple(map(series, scopes)), 60.0)
    assert host_kinds(plain) is None
    silent = Reading(typed.query, (Series(scopes[0], ((0.0, None),)),), 60.0)
    assert host_kinds(silent) is None
