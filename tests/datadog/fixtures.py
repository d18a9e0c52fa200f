from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest

from dogdriver.datadog import Datadog
from dogdriver.demo.standin import Standin, serve_standin
from dogdriver.model import Better, Metric, Run, Status, Trigger, Window
from dogdriver.settings import Secret

API_KEY, APP_KEY = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210fedcba98"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class CompatResponse(aiohttp.ClientResponse):
    """aioresponses does not know this argument of aiohttp 3.14 yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **kwargs)


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@pytest.fixture(autouse=True)
def aioresponses_for_aiohttp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioresponses.core, "ClientResponse", CompatResponse)


@pytest.fixture
def window() -> Window:
    """Ten minutes."""
    return Window(START, START + timedelta(minutes=10))


@pytest.fixture
def clock(window: Window) -> Clock:
    """An hour after the run."""
    return Clock(window.end + timedelta(hours=1))


@pytest.fixture
async def standin(clock: Clock) -> AsyncIterator[Standin]:
    async with serve_standin(clock, api_key=API_KEY, app_key=APP_KEY) as standin:
        yield standin
        assert standin.leaks == []


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def datadog(session: aiohttp.ClientSession, clock: Clock, standin: Standin) -> Datadog:
    return Datadog(
        session, clock=clock, api_key=Secret(API_KEY), app_key=Secret(APP_KEY), address=standin.url, timeout=60.0
    )


@pytest.fixture
def impatient(session: aiohttp.ClientSession, clock: Clock, standin: Standin) -> Datadog:
    """Waits a tenth of a second only."""
    return Datadog(
        session, clock=clock, api_key=Secret(API_KEY), app_key=Secret(APP_KEY), address=standin.url, timeout=0.1
    )


@pytest.fixture
def run(window: Window) -> Run:
    return Run(
        id="01J0000000RUN",
        project="kintowe",
        deployment="stage",
        test="dogdriver",
        source="Office 3",
        status=Status.PENDING,
        trigger=Trigger.SCHEDULE,
        created=START,
        endpoint="https://kinto.example.org",
        release="21.1.0",
        version="21.1.0",
        started=window.start,
        ended=window.end,
    )


@pytest.fixture
def latency() -> Metric:
    return Metric("art", "Response time", "ms", Better.LOWER, query="avg:aws.elb.latency{app:{project}}", every=60.0)


@pytest.fixture
def secrets_stay_out(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[object], None]]:
    """Call it with anything that may be shown; the log is looked at in the end."""
    caplog.set_level("DEBUG")

    def check(shown: object) -> None:
        for form in (str(shown), repr(shown), repr(getattr(shown, "__dict__", ""))):
            assert API_KEY not in form
            assert APP_KEY not in form

    yield check
    check(caplog.text)
