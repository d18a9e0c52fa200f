import heapq
import json
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.datadog import Datadog
from dogdriver.datadog_api.ratelimit import Budget, RateLimit
from dogdriver.demo.standin import Limit, serve_standin
from dogdriver.errors import RateLimited
from dogdriver.model import Reading, Window
from dogdriver.model.health import Endpoint
from dogdriver.settings import Secret
from tests.datadog.fixtures import API_KEY, APP_KEY, START, Clock


def headers(limit: Any = 600, period: Any = 3600, remaining: Any = 599, reset: Any = 3600) -> dict[str, str]:
    given_ones = {"Limit": limit, "Period": period, "Remaining": remaining, "Reset": reset}
    return {f"X-RateLimit-{name}": str(value) for name, value in given_ones.items() if value is not None}


@pytest.mark.parametrize("style", [str.lower, str.upper, str.title, str])
def test_headers_are_read_in_any_case(style: Any) -> None:
    rate = RateLimit.read({style(name): value for name, value in headers(reset=2462).items()})
    assert rate == RateLimit(limit=600, period=3600.0, remaining=599, reset=2462.0)


@pytest.mark.parametrize("value", ["", "soon", "-1", "nan", "inf", "1772370000", "1e20"])
def test_a_number_that_is_none_is_not_there(value: str) -> None:
    assert RateLimit.read({"x-ratelimit-reset": value}).reset is None


def test_while_there_is_plenty_nothing_waits(clock: Clock) -> None:
    budget = Budget(clock)
    assert budget.take() == 0
    budget.update(200, headers(remaining=599))
    assert [budget.take() for _ in range(250)] == [0.0] * 250
    assert budget.remaining == 349
    assert not budget.scarce


def test_below_half_queries_are_spread_over_the_rest_of_the_period(clock: Clock) -> None:
    budget = Budget(clock)
    budget.update(200, headers(remaining=300, reset=1500))
    assert budget.take() == 0
    gap = 1500 / 150  # half of what is left is ours
    assert budget.take() == pytest.approx(gap, rel=0.01)
    clock.forward(seconds=gap)
    assert budget.take() == 0
    assert budget.take() > 0


def test_others_find_half_of_what_is_left_at_any_time(clock: Clock) -> None:
    budget = Budget(clock)
    budget.update(200, headers(remaining=300, reset=3600))
    for minute in range(1, 60):
        for _ in range(60):
            clock.forward(seconds=1)
            budget.take()
        assert budget.remaining is not None
        assert budget.remaining >= 300 * ((60 - minute) / 60) ** 0.5 - 2


def test_those_who_are_turned_away_get_different_turns(clock: Clock) -> None:
    budget = Budget(clock)
    budget.update(200, headers(remaining=300, reset=2400))
    assert budget.take() == 0
    waits = [budget.take() for _ in range(200)]
    assert waits == sorted(set(waits))
    clock.forward(seconds=waits[0])
    assert budget.take() == 0


def test_with_nothing_left_nothing_is_asked_before_the_period_ends(clock: Clock) -> None:
    budget = Budget(clock)
    budget.update(200, headers(remaining=0, reset=1000))
    assert budget.take() == pytest.approx(1000)
    clock.forward(seconds=1000)
    assert budget.remaining == 600
    assert budget.take() == 0


def test_somebody_alone_with_a_small_budget_is_not_starved(clock: Clock) -> None:
    """The others use 550 of 600 an hour; a query every two and a half minutes goes on."""
    budget = Budget(clock)
    for n in range(24):
        assert budget.take() == 0
        budget.update(200, headers(remaining=50 - n, reset=3600 - 150 * n))
        clock.forward(seconds=150)


@pytest.mark.parametrize(
    ("given_headers", "wait"),
    [
        (headers(remaining=0, reset=2462), 2463),
        (headers(remaining=9, reset=3, limit=10, period=10), 4),
        (headers(remaining=0, reset=0), 1),
        (headers(remaining=0, reset=None), 3601),
        (headers(limit=None, period=None, remaining=None, reset=None), 16),
        ({"Content-Type": "text/html"}, 16),
    ],
)
def test_a_429_blocks_for_as_long_as_it_says(clock: Clock, given_headers: dict[str, str], wait: float) -> None:
    budget = Budget(clock)
    budget.update(429, given_headers)
    assert budget.wait() >= wait
    assert budget.wait() <= max(wait, 3601)
    if "X-RateLimit-Limit" not in given_headers or given_headers.get("X-RateLimit-Limit") == "10":
        assert budget.wait() == wait


def test_a_block_holds_however_long_the_gap_is(clock: Clock) -> None:
    budget = Budget(clock)
    budget.update(200, headers(remaining=10, reset=2000))
    assert budget.take() == 0
    clock.forward(seconds=399)
    budget.update(429, {"X-RateLimit-Reset": "3"})
    assert budget.take() > 0
    clock.forward(seconds=4)
    assert budget.take() == 0


def test_429s_that_do_not_say_how_long_wait_twice_as_long_each_time(clock: Clock) -> None:
    budget = Budget(clock)
    waits = []
    for _ in range(12):
        budget.update(429, {})
        waits.append(budget.wait())
        clock.forward(seconds=waits[-1])
    assert waits[:4] == [16, 31, 61, 121]
    assert waits[-1] == 3601
    budget.update(200, {})
    budget.update(429, {})
    assert budget.wait() == 16


def test_a_reset_of_zero_said_again_is_not_believed_again(clock: Clock) -> None:
    budget = Budget(clock)
    budget.update(429, {"X-RateLimit-Reset": "0"})
    first = budget.wait()
    budget.update(429, {"X-RateLimit-Reset": "0"})
    assert (first, budget.wait()) == (1, 31)


def test_an_answer_without_headers_changes_nothing(clock: Clock) -> None:
    budget = Budget(clock)
    budget.update(200, headers(remaining=100))
    budget.update(403, {})
    assert budget.remaining == 100


def test_the_wait_survives_a_restart(clock: Clock) -> None:
    budget = Budget(clock)
    budget.update(429, headers(remaining=0, reset=2462))
    kept = json.loads(json.dumps(budget.dump()))
    clock.forward(seconds=62)
    other = Budget(clock)
    other.load(kept)
    assert other.wait() == 2401
    clock.forward(seconds=2401)
    assert other.take() == 0


@pytest.mark.parametrize("state", [None, {}, [], "x", {"at": "yesterday"}, {"at": START.isoformat()}])
def test_a_state_that_is_none_is_not_used(clock: Clock, state: Any) -> None:
    budget = Budget(clock)
    budget.load(state)
    assert budget.take() == 0


def test_a_state_from_a_clock_ahead_is_not_used(clock: Clock) -> None:
    ahead = Budget(Clock(clock() + timedelta(days=300)))
    ahead.update(429, headers(remaining=0))
    budget = Budget(clock)
    budget.load(ahead.dump())
    assert budget.take() == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from([200, 403, 429, 500]),
            st.dictionaries(
                st.sampled_from([f"x-ratelimit-{n}" for n in ("limit", "period", "remaining", "reset")]),
                st.sampled_from(["0", "1", "3", "10", "600", "3600", "2462", "1772370000", "x", ""]),
            ),
            st.floats(0, 5000),
        ),
        max_size=15,
    )
)
def test_whatever_is_learned_no_wait_is_for_ever(answers: list[tuple[int, dict[str, str], float]]) -> None:
    clock = Clock(START)
    budget = Budget(clock)
    for status, given_headers, pause in answers:
        budget.update(status, given_headers)
        assert 0 <= budget.take() <= 86401
        json.dumps(budget.dump())
        clock.forward(seconds=pause)
    clock.forward(seconds=86402)
    assert budget.take() == 0


async def test_a_client_keeps_its_wait_in_the_store(
    session: aiohttp.ClientSession, clock: Clock, window: Window
) -> None:
    kept: dict[str, Any] = {}

    class Kept:
        async def get(self, name: str) -> Any:
            return kept.get(name)

        async def set(self, name: str, value: Any) -> None:
            kept[name] = json.loads(json.dumps(value))

    async with serve_standin(clock, api_key=API_KEY, app_key=APP_KEY) as standin:

        def client() -> Datadog:
            return Datadog(
                session,
                clock=clock,
                api_key=Secret(API_KEY),
                app_key=Secret(APP_KEY),
                address=standin.url,
                state=Kept(),
            )

        standin.mode("limited", reset=2462, times=1)
        with pytest.raises(RateLimited):
            await client().read("avg:a.b{*}", window)
        restarted = client()
        with pytest.raises(RateLimited) as caught:
            await restarted.read("avg:a.b{*}", window)
        assert caught.value.retry_after == pytest.approx(2463)
        assert len(standin.requests) == 1
        clock.forward(seconds=2463)
        await restarted.read("avg:a.b{*}", window)


@pytest.mark.parametrize(
    ("apart", "others", "longest"), [(432, 400, 60), (432, 550, 60), (0, 0, 3600), (0, 400, 21600)]
)
async def test_two_hundred_projects_with_six_metrics_share_six_hundred_queries_an_hour(
    session: aiohttp.ClientSession, clock: Clock, apart: int, others: int, longest: float
) -> None:
    """A day: a run of each project, *apart* seconds after the one before, each read three times, while *others* are
    asked by the customer's other tools each hour. How long the last one waits."""
    async with serve_standin(
        clock, api_key=API_KEY, app_key=APP_KEY, limits={"query": Limit(600, 3600, named=False)}
    ) as standin:
        datadog = Datadog(session, clock=clock, api_key=Secret(API_KEY), app_key=Secret(APP_KEY), address=standin.url)
        day, hour = clock(), -1
        reads = [(day + timedelta(seconds=n * apart + read), n) for n in range(200) for read in (600, 900, 1200)]
        waiting = [(at, at, project) for at, project in reads]
        heapq.heapify(waiting)
        waits: list[float] = []
        while waiting:
            due, wanted, project = heapq.heappop(waiting)
            clock.now = max(clock(), due)
            if (now := int((clock() - day).total_seconds() // 3600)) != hour:
                hour = now
                standin.budget.spend("query", standin.now, others)
            window = Window(wanted - timedelta(hours=1), wanted - timedelta(minutes=50))
            answers = await datadog.read_many([f"avg:m.{n}{{app:p{project}}}" for n in range(6)], window)
            if isinstance(answers[0], RateLimited):
                assert answers[0].retry_after is not None
                later = clock() + timedelta(seconds=answers[0].retry_after)
                heapq.heappush(waiting, (later, wanted, project))
                continue
            assert all(isinstance(one, Reading) for one in answers)
            waits.append((clock() - wanted).total_seconds())
        assert len(waits) == 600
        # The others may take the last one between two of ours; that is heard once, and waited for.
        assert sum(seen.status == 429 for seen in standin.requests) <= 5
        assert sum(seen.status == 200 for seen in standin.requests) == 600
        assert max(waits) <= longest
        assert datadog.health[Endpoint.QUERY].ok
