"""The pages in a real browser: nothing is refused by the policy, nothing fails, nothing sticks out on a phone."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from dogdriver.model import Filter, Phase, Snapshot, Status
from tests.web.seeded import TOKEN, SeededSite, ended_run

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))  # noqa: TID251 - where the machine has it
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed: the group `browser`")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}: install chromium"),
]


@pytest.fixture
async def browser(starts_processes: None) -> AsyncIterator[Any]:
    async with playwright.async_playwright() as started:
        found = await started.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield found
        await found.close()


@pytest.fixture
async def server(seeded: SeededSite) -> AsyncIterator[TestServer]:
    started = TestServer(seeded.app(demo=True))
    async with started:
        yield started


async def open_page(browser: Any, server: TestServer, **options: Any) -> tuple[Any, list[str]]:
    """A page of its own, and the list in which everything that goes wrong in it will stand."""
    context = await browser.new_context(base_url=str(server.make_url("/")), **options)
    page = await context.new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    home = str(server.make_url("/"))
    # A stream that a page leaves behind is not a failure.
    page.on("requestfailed", lambda sent: None if sent.url.endswith("/live") else faults.append(sent.url))
    page.on("request", lambda sent: None if sent.url.startswith(home) else faults.append(sent.url))
    return page, faults


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
async def test_pages_are_drawn_without_fault_and_fit(
    seeded: SeededSite, browser: Any, server: TestServer, width: int, scheme: str
) -> None:
    (newest,) = (await seeded.store.runs.list(Filter(), limit=1)).runs
    failed = ended_run("f" * 32, "kintowe", seeded.clock(), "1.2.0", status=Status.FAILED, reason="x" * 300)
    await seeded.keep(failed)
    endpoints = {"query": {"error": "z" * 99}}
    seeded.parts = {"datadog": {"state": "failing", "last_error": "y" * 300, "endpoints": endpoints}}
    page, faults = await open_page(browser, server, viewport={"width": width, "height": 900}, color_scheme=scheme)
    for path in ("/", "/p/kintowe", f"/r/{newest.id}", f"/r/{failed.id}", "/status", "/login"):
        await page.goto(path, wait_until="networkidle")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
    await page.goto("/p/kintowe", wait_until="networkidle")
    assert await page.locator(".plot canvas").count() == 8
    assert faults == []


async def test_a_chart_tells_its_points_by_mouse_and_by_keyboard_and_opens_runs(
    seeded: SeededSite, browser: Any, server: TestServer
) -> None:
    runs = (await seeded.store.runs.list(Filter())).runs
    page, faults = await open_page(browser, server, viewport={"width": 1280, "height": 900})
    await page.goto("/p/kintowe", wait_until="networkidle")
    plot = page.locator('.plot[data-title="Average response time"]')
    await plot.scroll_into_view_if_needed()
    box = await plot.locator(".u-over").bounding_box()
    await page.mouse.move(box["x"] + box["width"] - 14, box["y"] + 40)
    tip = plot.locator(".tip")
    assert "ms" in await tip.inner_text()
    assert "1.2.0" in await tip.inner_text()
    await plot.focus()
    await page.keyboard.press("Home")
    assert "1.0.0" in await tip.inner_text()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/r/*")
    assert page.url.endswith(runs[-2].id)
    assert faults == []


async def test_somebody_signs_in_starts_a_run_and_watches_it(
    seeded: SeededSite, browser: Any, server: TestServer
) -> None:
    page, faults = await open_page(browser, server)
    await page.goto("/p/kintowe", wait_until="networkidle")
    await page.click("text=Sign in")
    await page.fill("#token", TOKEN)
    await page.click("main button")
    await page.wait_for_url("**/p/kintowe", wait_until="networkidle")
    await page.click("text=Run now")
    await page.wait_for_url("**/r/*")
    assert "Waiting its turn" in await page.inner_text("main")
    run = await seeded.store.transitions.claim(seeded.clock())
    assert run is not None
    seeded.context.live.open(run.id)
    await page.wait_for_selector("text=Now")
    step = Snapshot(Phase.LOADING, 0.5, 150.0, 20, 418.2, 18.3, 43.1, 20_000, 3, 63_000, 3, ("GET /v1/records 200",))
    seeded.context.live.push(run.id, step)
    await page.wait_for_selector("text=418 /s")
    await page.wait_for_selector("text=GET /v1/records 200")
    ended = ended_run(run.id, "kintowe", run.created, "1.2.0", status=Status.PENDING, due=seeded.clock())
    await seeded.store.transitions.save(ended, expect=Status.RUNNING)
    seeded.context.live.close(run.id)
    await page.wait_for_selector("text=Waiting for data")
    await page.click("text=Cancel")
    await page.wait_for_selector("text=Aborted")
    await page.click("text=Sign out")
    await page.wait_for_selector("text=Sign in")
    assert faults == []


async def test_what_is_picked_leads_to_an_address_that_keeps_only_what_can_be_there(
    seeded: SeededSite, browser: Any, server: TestServer
) -> None:
    await seeded.history(deployment="prod", releases=(("0.9", 1.0),), runs=2, seed=2, source="oregon")
    page, faults = await open_page(browser, server)
    await page.goto("/p/kintowe?source=paris&runs=50", wait_until="networkidle")
    await page.select_option("[name=release]", "1.1.0")
    await page.wait_for_url("**/p/kintowe?deployment=stage&release=1.1.0&runs=50", wait_until="networkidle")
    assert "This is not the newest release" in await page.inner_text("main")
    await page.select_option("[name=baseline]", "1.0.0")
    await page.wait_for_url(
        "**/p/kintowe?deployment=stage&release=1.1.0&baseline=1.0.0&runs=50", wait_until="networkidle"
    )
    await page.select_option("[name=deployment]", "prod")
    await page.wait_for_url("**/p/kintowe?deployment=prod&runs=50", wait_until="networkidle")
    assert "0.9" in await page.inner_text("main")
    assert faults == []


async def test_a_lone_run_stands_in_the_middle_of_its_hour(browser: Any, server: TestServer) -> None:
    page, faults = await open_page(browser, server)
    await page.goto("/")
    spread = "([low, high]) => import('/static/scales.js').then(({ spread }) => spread(low, high))"
    assert await page.evaluate(spread, [7200, 7200]) == [5400, 9000]
    assert await page.evaluate(spread, [0, 1000]) == [-30, 1030]
    assert faults == []


async def test_a_chart_says_a_value_per_host_where_it_means_something(
    site: SeededSite, browser: Any, tmp_path: Path
) -> None:
    await site.history(releases=(("1.3.0", 1.0), ("1.4.0", 1.2)), runs=4, hosts={"1.4.0": 5.0})
    server = TestServer(site.app())
    async with server:
        page, faults = await open_page(browser, server, viewport={"width": 1280, "height": 900})
        await page.goto("/p/kintowe", wait_until="networkidle")
        for name, said in (("rps", True), ("art", False)):
            await page.locator(f".plot[data-series*='/{name}?']").focus()
            await page.keyboard.press("End")
            tip = await page.locator(f".plot[data-series*='/{name}?'] .tip").inner_text()
            assert "5 hosts" in tip
            assert ("per host" in tip) is said
        assert len(await page.screenshot(path=str(tmp_path / "page.png"), full_page=True)) > 50_000
    assert faults == []


async def test_without_scripts_everything_is_still_said(seeded: SeededSite, browser: Any, server: TestServer) -> None:
    page, _ = await open_page(browser, server, java_script_enabled=False)
    await page.goto("/p/kintowe?source=paris")
    await page.click("text=In sentences")
    text = await page.inner_text("main")
    assert "so this is worse" in text
    assert "Show" in text
    await page.click("text=In words and numbers >> nth=2")
    assert await page.locator("details[open] tbody tr").count() == 10
