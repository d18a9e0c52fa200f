from dogdriver.demo.rollout import Rollout


def load_test(rollout: Rollout, start: float, *, requests: int = 100, seconds: float = 4) -> float:
    """A load test as the service sees it: the daemon asks for the version, smokes, loads, asks again."""
    rollout.request(start, load=False)
    for number in range(3):
        rollout.request(start + 0.1 + number / 100, load=True)
    for number in range(requests):
        rollout.request(start + 1 + seconds * number / requests, load=True)
    rollout.request(start + 1 + seconds, load=False)
    return start + 1 + seconds


def watch(rollout: Rollout, start: float, end: float) -> list[float]:
    """When it was due, looked at four times a second."""
    times = (start + step / 4 for step in range(int((end - start) * 4)))
    return [at for at in times if rollout.due(at)]


def test_it_moves_on_after_every_so_many_load_tests_and_only_when_it_is_quiet() -> None:
    rollout = Rollout(every=2)

    first = load_test(rollout, 0)
    assert watch(rollout, first, first + 5) == []
    second = load_test(rollout, 20)
    assert not rollout.due(second + 1)
    assert len(watch(rollout, second + 1, second + 20)) == 1
    third = load_test(rollout, 60)
    assert watch(rollout, third, third + 5) == []
    fourth = load_test(rollout, 80)
    assert len(watch(rollout, fourth, fourth + 5)) == 1


def test_it_never_moves_on_inside_a_load_test() -> None:
    rollout = Rollout(every=1)
    rollout.request(0, load=False)

    for tenth in range(100):
        rollout.request(tenth / 10, load=True)
        assert not rollout.due(tenth / 10 + 0.05)


def test_health_checks_and_a_few_requests_by_hand_are_no_load_test() -> None:
    rollout = Rollout(every=1)

    for minute in range(100):
        for number in range(10):
            rollout.request(minute * 60 + number, load=number < 3)
        assert watch(rollout, minute * 60 + 9, minute * 60 + 59) == []


def test_a_pause_between_smoke_and_load_does_not_count_twice() -> None:
    rollout = Rollout(every=2)
    for number in range(3):
        rollout.request(number / 10, load=True)
    assert watch(rollout, 1, 10) == []

    end = load_test(rollout, 10)
    assert watch(rollout, end, end + 10) == []
    assert rollout.loads == 1
