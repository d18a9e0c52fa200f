"""How a neighbour has answered of late: kept around every attempt, whoever it is."""

from datetime import UTC, datetime, timedelta

import pytest

from dogdriver.errors import KeysRefused, Unavailable
from dogdriver.model.health import Health

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)


def test_what_was_never_tried_is_neither_well_nor_failing() -> None:
    assert Health().ok is None


def test_an_error_is_kept_and_raised_again_until_an_attempt_goes_well() -> None:
    health = Health()
    with pytest.raises(Unavailable), health.recorded(lambda: NOON):
        raise Unavailable("away")
    assert (health.ok, health.error, health.last_error, health.refused) == (False, "away", NOON, False)
    with health.recorded(lambda: LATER):
        pass
    assert (health.ok, health.error, health.last_error, health.last_success) == (True, None, NOON, LATER)


def test_keys_that_are_refused_are_told_from_other_errors() -> None:
    health = Health()
    with pytest.raises(KeysRefused), health.recorded(lambda: NOON):
        raise KeysRefused("not these")
    assert health.refused
    with pytest.raises(Unavailable), health.recorded(lambda: LATER):
        raise Unavailable("away")
    assert not health.refused


def test_a_mistake_of_our_own_says_nothing_of_the_neighbour() -> None:
    health = Health()
    with pytest.raises(ZeroDivisionError), health.recorded(lambda: NOON):
        raise ZeroDivisionError
    assert health == Health()
