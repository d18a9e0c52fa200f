"""The pages: what they say, what they never do, and that their contexts and routes are documented."""

import html
import re
from dataclasses import fields, is_dataclass
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from msgspec.structs import replace

from dogdriver.model import Better, Filter, Metric, MetricState, MetricValue, Problem, Status
from dogdriver.web.api.operations import OPERATIONS
from dogdriver.web.pages import contexts
from dogdriver.web.pages.format import STATUSES
from dogdriver.web.routes import FILES, STATIC
from tests.web.conftest import Client, page
from tests.web.seeded import START, TOKEN, FixedCatalog, SeededSite, ended_run, project

DOCS = Path(__file__).parents[2] / "docs" / "api.md"
EVIL = '<script>alert("x")</script>'


async def test_the_home_page_says_in_words_what_is_slower(reader: Client) -> None:
    text = await page(reader, "/")
    assert "1 project: 1 slower." in text
    assert "Slower" in text
    assert "1.2.0" in text
    assert "every 1h" in text
    assert '<svg class="spark"' in text


async def test_an_empty_daemon_says_what_is_missing_and_what_to_do(site: SeededSite) -> None:
    again = SeededSite(site.store, catalog=FixedCatalog(problems=(Problem("projects.toml", "line 3: fix it"),)))
    async with TestClient(TestServer(again.app())) as client:
        text = await page(client, "/")
    assert "DOGDRIVER_PROJECTS" in text
    assert "line 3: fix it" in text
    assert "Nothing runs or waits" in text


async def test_what_is_slower_stands_first_and_what_never_ran_last(site: SeededSite) -> None:
    again = SeededSite(site.store, catalog=FixedCatalog(project("alpha"), project("beta"), project("zulu")))
    await again.history("beta", releases=(("1", 1.0),), runs=1, seed=2)
    await again.history("zulu")
    async with TestClient(TestServer(again.app())) as client:
        text = await page(client, "/")
    assert text.index("/p/zulu") < text.index("/p/beta") < text.index("Never run</h2>") < text.index("/p/alpha")


async def test_what_datadog_refuses_is_said_at_the_project_in_its_own_words(site: SeededSite) -> None:
    words = "Datadog says: Error parsing query: Rule 'scope_expr' didn't match"
    refused = MetricValue(MetricState.REFUSED, query="avg:system.cpu.idle{", note=words)
    for hour in range(2):
        await site.keep(ended_run(f"{hour:032x}", "kintowe", START + timedelta(hours=hour), "1.0.0"), {"cpu": refused})
    async with TestClient(TestServer(site.app())) as client:
        for path in ("/", "/p/kintowe"):
            text = html.unescape(await page(client, path))
            assert text.count(words) == 1, path
            assert "(asked: avg:system.cpu.idle{)" in text
        told = await (await client.get("/api/v1/projects/kintowe")).json()
        [said] = told["problems"]
        assert words in said
        settled = replace(refused, state=MetricState.SETTLED, value=1.0, note=None)
        newer = ended_run(f"{2:032x}", "kintowe", START + timedelta(hours=2), "1.0.0")
        await site.keep(newer, {"cpu": settled})
        assert words not in html.unescape(await page(client, "/p/kintowe"))


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({}, "Its first run starts by its schedule"),
        ({"test": None}, "it has no test"),
        ({"allowed": False}, "matches nothing in allowed_tests"),
        ({"deployments": ()}, "it has no deployment"),
    ],
)
async def test_a_project_that_never_ran_says_why(site: SeededSite, others: dict[str, object], said: str) -> None:
    again = SeededSite(site.store, catalog=FixedCatalog(project("new", **others)))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with TestClient(TestServer(again.app()), headers=headers) as client:
        assert said in await page(client, "/")
        text = await page(client, "/p/new")
    assert said in text
    assert ("Run now" in text) is (others == {})


async def test_a_share_of_scenarios_is_not_called_one_of_requests(seeded: SeededSite, reader: Client) -> None:
    (newest,) = (await seeded.store.runs.list(Filter(), limit=1)).runs
    text = await page(reader, f"/r/{newest.id}")
    assert "<dt>Scenarios failed</dt><dd>0.002 %</dd>" in text
    assert "<dt>Requests failed</dt><dd>0.002 %</dd>" not in text


async def test_links_have_words(site: SeededSite, client: Client) -> None:
    links = {"datadog.event.start": "https://app.datadoghq.com/event/1", "datadog.art": "https://app.datadoghq.com/m",
             "other": "https://example.com/x"}  # fmt: skip
    await site.keep(ended_run("1" * 32, "kintowe", site.clock(), "1.0.0", links=links))
    text = await page(client, f"/r/{'1' * 32}")
    for said in ("Start event in Datadog", "Average response time in Datadog", ">Other<"):
        assert said in text


async def test_the_run_page_tells_everything(seeded: SeededSite, reader: Client) -> None:
    (newest,) = (await seeded.store.runs.list(Filter(), limit=1)).runs
    text = await page(reader, f"/r/{newest.id}")
    for said in (
        "Scenarios succeeded", "41\u202f000", "max:system.cpu.user", "5 of 5", "list_records", "503 Service",
        "https://app.datadoghq.com/metric/explorer?start=1", "20 workers for 5 min 0 s", "The verdicts on 1.2.0",
    ):  # fmt: skip
        assert said in text, said
    for button in ("Exclude", "Cancel", "Include"):
        assert f"<button>{button}" not in text


@pytest.mark.parametrize("status", [Status.FAILED, Status.ABORTED, Status.INVALID])
async def test_a_run_that_ended_badly_says_why(site: SeededSite, client: Client, status: Status) -> None:
    run = ended_run("1" * 32, "kintowe", site.clock(), "1.0.0", status=status, reason="the service answered 503",
                    client=None, tally=None, load=None, started=None, ended=None)  # fmt: skip
    await site.keep(run)
    for path in ("/", "/p/kintowe", f"/r/{run.id}"):
        text = await page(client, path)
        assert STATUSES[status].word in text
        assert "The service answered 503." in text or path == "/"


async def test_a_missing_value_is_never_a_zero(site: SeededSite, client: Client) -> None:
    run = ended_run("1" * 32, "kintowe", site.clock(), "1.0.0", client=None)
    await site.keep(run, {"cpu": MetricValue(MetricState.NO_DATA, note="Datadog had no points", expected=5, points=0)})
    text = await page(client, f"/r/{run.id}")
    assert "no data" in text
    assert "Datadog had no points" in text
    assert "0 %" not in text


async def test_the_status_page_shows_whatever_the_parts_say(site: SeededSite, client: Client) -> None:
    site.parts = {
        "datadog": {"state": "failing", "last_success": site.clock(), "last_error": "403 <Forbidden>", "ok": False,
                    "budget": {"limit": 600, "remaining": None}, "list": [{"a": 1}, "b"], "none": []},
        "bucket": {"state": "off", "message": "no bucket is set"},
    }  # fmt: skip
    text = await page(client, "/status")
    assert "403 &lt;Forbidden&gt;" in text
    assert "No bucket is set." in text
    assert "failing" in text


async def test_no_name_can_become_markup(site: SeededSite) -> None:
    metric = Metric(EVIL, EVIL, EVIL, Better.LOWER, query=EVIL)
    catalog = FixedCatalog(project(EVIL, metrics=(metric,), problems=(EVIL,)), problems=(Problem(EVIL, EVIL),))
    evil = SeededSite(site.store, catalog=catalog)
    run = ended_run("1" * 32, EVIL, site.clock(), EVIL, source=EVIL, reason=EVIL, notes=(EVIL,),
                    links={EVIL: "javascript:alert(1)"})  # fmt: skip
    await evil.keep(run, {EVIL: MetricValue(MetricState.SETTLED, 1.0, 5, 5, EVIL, EVIL, note=EVIL)}, judge=False)
    evil.parts = {"datadog": {"last_error": EVIL}}
    async with TestClient(TestServer(evil.app())) as client:
        for path in (
            "/",
            "/p/%3Cscript%3Ealert(%22x%22)%3C%2Fscript%3E",
            f"/r/{run.id}",
            "/status",
            f"/login?next={EVIL}",
        ):
            text = await page(client, path)
            assert "<script>alert" not in text, path
            assert "javascript:" not in text
            assert "<script>alert" not in text.replace("&#34;", '"')
        text = await (await client.get("/p/%3Cscript%3E")).text()
        assert "<script>" not in text


class Audit(HTMLParser):
    """What a strict Content-Security-Policy would refuse, and what a screen reader would miss."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.inputs: list[str] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.faults += [f"{tag} {name}" for name in found if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in found):
            self.faults.append(tag)
        for name in ("src", "href"):
            address = found.get(name) or ""
            if tag in {"script", "link", "img", "iframe"} and not address.startswith(("/", "")):
                self.faults.append(f"{tag} {address}")
            if tag in {"script", "link", "img"} and "//" in address:
                self.faults.append(f"{tag} {address}")
        if "id" in found:
            self.ids.append(found["id"] or "")
        if tag == "label" and found.get("for"):
            self.labelled.add(found["for"] or "")
        if tag == "input" and found.get("type") != "hidden":
            self.inputs.append(found.get("id") or "")
        if re.fullmatch(r"h\d", tag):
            self.headings.append(tag)


@pytest.mark.parametrize("path", ["/", "/p/kintowe", "/status", "/login", "/r/{}"])
async def test_pages_are_sound(seeded: SeededSite, path: str) -> None:
    (newest,) = (await seeded.store.runs.list(Filter(), limit=1)).runs
    async with TestClient(TestServer(seeded.app(demo=True)), headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        text = await page(client, path.format(newest.id))
    audit = Audit()
    audit.feed(text)
    assert audit.faults == []
    assert len(audit.ids) == len(set(audit.ids))
    assert set(audit.inputs) <= audit.labelled
    assert audit.headings.count("h1") == 1
    assert audit.headings[0] == "h1"
    assert '<html lang="en">' in text
    assert "<strong>Demo</strong>" in text


async def test_the_demo_banner_is_the_demos_alone(client: Client) -> None:
    assert "<strong>Demo</strong>" not in await page(client, "/")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/kintowe", "/p/kintowe"), ("/kintowe?source=paris", "/p/kintowe?source=paris"),
        ("/kintowe?source=None", "/p/kintowe"), ("/dogdriver", "/"), ("/dogdriver/", "/"),
        ("/dogdriver/kintowe", "/p/kintowe"), ("/favicon.ico", "/static/icon.svg"),
    ],
)  # fmt: skip
async def test_the_first_dogdrivers_addresses_lead_on(client: Client, old: str, new: str) -> None:
    answer = await client.get(old, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (301, new)


async def test_fixed_addresses_win_over_projects_of_the_same_name(site: SeededSite) -> None:
    again = SeededSite(site.store, catalog=FixedCatalog(project("status"), project("metrics"), project("login")))
    async with TestClient(TestServer(again.app())) as client:
        assert "<h1>Status</h1>" in await page(client, "/status")
        assert "<h1>status</h1>" in await page(client, "/p/status")
        assert "<h1>login</h1>" in await page(client, "/p/login")


async def test_files_are_marked_by_their_content_and_kept(client: Client) -> None:
    text = await page(client, "/p/kintowe")
    (address,) = re.findall(r'href="(/static/site\.css\?v=[0-9a-f]{12})"', text)
    answer = await client.get(address)
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.content_type == "text/css"
    plain = await client.get("/static/charts.js")
    assert plain.headers["Cache-Control"] == "no-cache"
    assert plain.content_type in {"text/javascript", "application/javascript"}
    for name in FILES:
        assert (await client.get(f"/static/{name}")).status == 200


def test_what_is_vendored_has_its_version_and_licence_beside_it() -> None:
    said = (STATIC / "vendor" / "README.md").read_text(encoding="utf-8")
    (version,) = re.findall(r"\(v(\d+\.\d+\.\d+)\)", (STATIC / "vendor" / "uPlot.js").read_text(encoding="utf-8")[:500])
    assert f"| {version} |" in said
    assert "MIT License" in (STATIC / "vendor" / "LICENSE.uPlot").read_text(encoding="utf-8")


def test_every_field_of_a_page_is_described() -> None:
    kinds: list[type[Any]] = [
        kind
        for kind in vars(contexts).values()
        if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == contexts.__name__
    ]
    assert len(kinds) > 8
    for kind in kinds:
        for field in fields(kind):
            assert f"*{field.name}*" in (kind.__doc__ or ""), f"{kind.__name__}.{field.name}"


def test_every_route_is_documented(site: SeededSite) -> None:
    text = DOCS.read_text(encoding="utf-8")
    routed = {
        f"{route.method} {route.resource.canonical}"
        for route in site.app().router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    documented = set(re.findall(r"`((?:GET|POST|PUT|DELETE) /[^`?]*)`", text))
    assert routed == documented


def test_every_parameter_and_every_error_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for operation in OPERATIONS:
        part = text.split(f"### `{operation.method} /api/v1{operation.path}`")[1].split("###")[0]
        for parameter in operation.parameters:
            assert f"{parameter.name}=" in part, f"{operation.path} {parameter.name}"
        for status in operation.fails:
            assert f"| {status} |" in text
