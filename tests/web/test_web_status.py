"""The status page says what has failed, in the failure's own sentence, until that same thing succeeds."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import cast

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.errors import CatalogError, Unavailable
from dogdriver.model import Failures
from dogdriver.model.pause import Pause
from dogdriver.reports.status import Catalog, Datadog, Status
from dogdriver.web.pages.format import as_sentence
from tests.web.conftest import Client, page
from tests.web.seeded import START, SeededSite

WHY = "the checkout of alpha's test took longer than 120 s; look at its repository"


async def nobody() -> list[Pause]:
    """Who has paused something."""
    return []


class Timers:
    def next_run(self, project: str) -> datetime | None:
        return None if project else START


@pytest.fixture(name="failures")
def _failures(site: SeededSite) -> Failures:
    return site.context.failures


@pytest.fixture(name="visitor")
async def _visitor(site: SeededSite, failures: Failures) -> AsyncIterator[Client]:
    """Somebody who looks at a site that has the status of a daemon."""
    status = Status(
        store=site.store, catalog=cast("Catalog", site.catalog), datadog=cast("Datadog", site.context.datadog),
        scheduler=Timers(), failures=failures, servicebook=False, pauses=nobody,
    )  # fmt: skip
    async with TestClient(TestServer(site.app(status=status))) as found:
        yield found


def fail(failures: Failures, subject: str, project: str | None, error: Exception) -> None:
    with pytest.raises(type(error)), failures.of(subject, project=project):
        raise error


def succeed(failures: Failures, subject: str, project: str) -> None:
    with failures.of(subject, project=project):
        pass


def scheduler(text: str) -> str:
    """What the page says of the scheduler, without its markup."""
    (part,) = re.findall(r"<h2>Scheduler</h2>(.*?)</li>\s*(?:<li>\s*<h2>|</ul>)", text, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part)).replace("&#39;", "'")


async def test_one_projects_failure_survives_the_others_success(
    site: SeededSite, failures: Failures, visitor: Client
) -> None:
    fail(failures, "running the test of alpha", "alpha", Unavailable(WHY))
    succeed(failures, "running the test of beta", "beta")
    said = scheduler(await page(visitor, "/status"))
    assert "failing" in said
    assert f"Running the test of alpha {site.clock():%Y-%m-%d %H:%M} UTC {as_sentence(WHY)}" in said
    succeed(failures, "running the test of alpha", "alpha")
    said = scheduler(await page(visitor, "/status"))
    assert "ok" in said
    assert "alpha" not in said


@pytest.mark.parametrize(
    ("end", "left"),
    [
        (lambda failures: succeed(failures, "the schedule of beta", "beta"), ["alpha"]),
        (lambda failures: failures.forget("alpha"), ["beta"]),
    ],
)
async def test_each_failure_ends_by_itself_and_the_api_says_the_same(
    failures: Failures, visitor: Client, end: Callable[[Failures], None], left: list[str]
) -> None:
    for name in ("alpha", "beta"):
        fail(failures, f"the schedule of {name}", name, CatalogError(f"{name} has no deployment; give it one"))
    end(failures)
    said = scheduler(await page(visitor, "/status"))
    document = await (await visitor.get("/api/v1/status")).json()
    messages = [one["message"] for one in document["scheduler"]["failures"]]
    assert messages == [f"{name} has no deployment; give it one" for name in left]
    assert re.findall(r"The schedule of (\w+)", said) == left
    heartbeat = await (await visitor.get("/__heartbeat__")).json()
    assert heartbeat["checks"].get("scheduler", "ok") == "ok"  # a project's own failure leaves the daemon at work
