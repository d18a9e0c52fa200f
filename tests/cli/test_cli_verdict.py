"""The verdict that a client waits for: what the own store says is what a daemon says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from msgspec.structs import replace

from dogdriver.cli.arguments import ExitCode
from dogdriver.cli.destinations import DaemonClient
from dogdriver.cli.verdict import DaemonVerdicts, OwnVerdicts, VerdictSource, verdict_lines
from dogdriver.errors import NotFound
from dogdriver.settings import Secret
from dogdriver.storage import open_store
from tests.web.seeded import TOKEN, SeededSite, ended_run

RELEASES = (("1.0.0", 1.0), ("1.1.0", 1.0), ("1.2.0", 1.3))


@pytest.fixture(name="site")
async def _bench(tmp_path: Path) -> AsyncIterator[SeededSite]:
    async with open_store(tmp_path) as store:
        yield SeededSite(store)


@asynccontextmanager
async def sources(site: SeededSite, baseline: str | None) -> AsyncIterator[tuple[VerdictSource, ...]]:
    """A daemon that is asked, and the own store: both over *site*."""
    async with TestServer(site.app(), host="127.0.0.1") as server, aiohttp.ClientSession() as http:
        daemon = DaemonClient(http, str(server.make_url("")).rstrip("/"), Secret(TOKEN))
        own = OwnVerdicts(site.pipeline, site.store, site.catalog, site.clock, baseline=baseline)
        yield DaemonVerdicts(daemon, baseline=baseline), own


async def test_the_verdict_is_against_the_releases_before_or_the_baseline_alone(site: SeededSite) -> None:
    *_, run = await site.history(releases=RELEASES)
    for baseline, against in ((None, {"1.0.0", "1.1.0"}), ("1.0.0", {"1.0.0"}), ("1.1.0", {"1.1.0"})):
        async with sources(site, baseline) as (daemon, own):
            asked, judged = await daemon.wait(run), await own.wait(run)
        assert (judged.headline, judged.sentence) == (asked.headline, asked.sentence)
        assert verdict_lines(judged.verdicts) == verdict_lines(asked.verdicts)
        assert judged.exit_code is asked.exit_code is ExitCode.REGRESSED
        assert {one["metric"] for one in judged.verdicts} >= {"cpu", "rps", "art", "client.p50"}
        assert {label for one in judged.verdicts for label in one["baseline_releases"]} == against


async def test_a_baseline_that_there_is_not_is_named(site: SeededSite) -> None:
    run = await site.keep(ended_run("1" * 32, "kintowe", site.clock(), "1.0.0"))
    async with sources(site, "0.9") as both:
        for one in both:
            with pytest.raises(NotFound, match=r"no baseline 0\.9 here; the newest are 1\.0\.0"):
                await one.wait(run)


async def test_a_release_that_nobody_judges_is_undecided(site: SeededSite) -> None:
    nameless = replace(ended_run("1" * 32, "kintowe", site.clock(), "unknown"), version=None, commit=None)
    run = await site.keep(nameless)
    async with sources(site, None) as both:
        for one in both:
            judged = await one.wait(run)
            assert (judged.headline, judged.verdicts, judged.exit_code) == (None, (), ExitCode.UNDECIDED)
