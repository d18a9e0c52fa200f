from itertools import islice, pairwise

import pytest

from dogdriver.demo.releases import FAST, SLOW, TRAINS, USUAL, Cost, release, train


def test_a_change_of_pace_is_a_minor_version_and_the_same_pace_a_patch() -> None:
    first = [(r.version, r.cost) for r in islice(train((USUAL, SLOW, SLOW, FAST)), 6)]

    assert first == [
        ("1.0.0", USUAL), ("1.1.0", SLOW), ("1.1.1", SLOW), ("1.2.0", FAST), ("1.3.0", USUAL), ("1.4.0", SLOW),
    ]  # fmt: skip


@pytest.mark.parametrize("costs", TRAINS.values(), ids=TRAINS)
def test_the_train_never_ends_and_never_repeats_a_release(costs: tuple[Cost, ...]) -> None:
    many = list(islice(train(costs), 500))

    assert len({r.version for r in many}) == len({r.commit for r in many}) == 500
    assert release(costs, 321) == many[321]


def test_the_steady_service_has_releases_and_one_pace() -> None:
    assert {r.cost for r in islice(train(TRAINS["steady"]), 20)} == {USUAL}


def test_the_changing_service_gets_slower_then_stays_then_gets_faster() -> None:
    costs = [r.cost for r in islice(train(TRAINS["changing"]), 13)]
    assert costs[:3] == [USUAL, SLOW, SLOW]
    assert FAST in costs
    changes = sum(one != other for one, other in pairwise(costs))
    assert changes <= len(costs) / 4  # most releases change nothing
