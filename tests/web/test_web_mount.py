"""Under a path: behind a proxy that takes it away and behind one that does not, every address leads back under it."""

import re

import pytest
from aiohttp import hdrs, web
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.errors import SettingsError
from dogdriver.settings import load
from tests.web.conftest import Client
from tests.web.seeded import TOKEN, SeededSite, ended_run

RUN = "1" * 32
ADDRESS = re.compile(r'(?:href|src|action|data-series|data-live|data-follow)="(/[^"]*)"')
HOST = {"Host": "ops.example.org"}


@pytest.fixture(name="mount", params=["/dogdriver", "/tools/perf"])
def _mount(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(name="under", params=["stripped", "kept"])
async def _under(request: pytest.FixtureRequest, mount: str) -> str:
    """What the daemon sees of the mount."""
    return "" if request.param == "stripped" else mount


def mounted(site: SeededSite, mount: str) -> Client:
    return TestClient(TestServer(site.app(public_url=f"https://ops.example.org{mount}")), headers=HOST)


async def test_every_address_on_every_page_leads_back(seeded: SeededSite, mount: str, under: str) -> None:
    async with mounted(seeded, mount) as client:
        found, wanted = set[str](), {f"{mount}/", f"{mount}/status", f"{mount}/login"}
        while wanted:
            address = wanted.pop()
            found.add(address)
            answer = await client.get(under + address.removeprefix(mount), allow_redirects=False)
            assert answer.status in {200, 405}, address
            if answer.content_type == "text/html":
                told = {one.replace("&amp;", "&") for one in ADDRESS.findall(await answer.text())}
                assert all(one.startswith(f"{mount}/") for one in told), address
                wanted |= {one for one in told if "/live" not in one and "/login?" not in one} - found
        assert {one.removeprefix(mount).split("/")[1] for one in found} >= {
            "p",
            "r",
            "api",
            "static",
            "status",
            "login",
        }
        static = next(one for one in found if "site.css?v=" in one)
        answer = await client.get(under + static.removeprefix(mount))
        assert answer.headers[hdrs.CACHE_CONTROL] == "public, max-age=31536000, immutable"


async def test_signing_in_a_command_and_a_stream_stay_under_it(site: SeededSite, mount: str, under: str) -> None:
    await site.keep(ended_run(RUN, "kintowe", site.clock(), "1.0.0"))
    own = {"Origin": "https://ops.example.org"}
    async with mounted(site, mount) as client:

        async def post(path: str, **data: str) -> web.Response:
            answer = await client.post(under + path, data=data, headers=own | cookie, allow_redirects=False)
            assert answer.status == 303, await answer.text()
            return answer  # type: ignore[return-value]  # it has headers, too

        cookie: dict[str, str] = {}
        answer = await post("/login", token=TOKEN, next="/p/kintowe")
        assert answer.headers["Location"] == f"{mount}/p/kintowe"
        told = answer.headers["Set-Cookie"]
        assert f"Path={mount};" in told
        cookie = {"Cookie": told.partition(";")[0]}
        assert (await post("/p/kintowe/run")).headers["Location"].startswith(f"{mount}/r/")
        assert (await post(f"/r/{RUN}/exclude", reason="x")).headers["Location"] == f"{mount}/r/{RUN}"
        body, bearer = {"project": "kintowe"}, {"Authorization": f"Bearer {TOKEN}"}
        answer = await client.post(f"{under}/api/v1/runs", json=body, headers=bearer)  # type: ignore[assignment]
        assert answer.headers["Location"].startswith(f"{mount}/api/v1/runs/")
        stream = await client.get(f"{under}/api/v1/runs/{RUN}/live")
        assert "event: end" in await stream.text()
        changes = (await (await client.get(f"{under}/api/v1/audit", headers=bearer)).json())["changes"]
        assert "POST /api/v1/runs" in {one["what"] for one in changes}
        metrics = await (await client.get("/metrics")).text()
        assert 'route="/p/{project}/run"' in metrics
        assert f'route="{mount}/' not in metrics
        answer = await post("/logout")
        assert answer.headers["Location"] == f"{mount}/"
        assert f"Path={mount}" in answer.headers["Set-Cookie"]


async def test_a_private_one_leads_to_its_own_login(site: SeededSite, mount: str, under: str) -> None:
    app = site.app(public_url=f"https://ops.example.org{mount}", private=True)
    async with TestClient(TestServer(app), headers=HOST) as client:
        answer = await client.get(f"{under}/p/kintowe?runs=20", allow_redirects=False)
        assert answer.headers["Location"] == f"{mount}/login?next=/p/kintowe?runs%3D20"
        assert (await client.get(f"{under}/api/v1/projects")).status == 401
        assert (await client.get(f"{under}/login")).status == 200
        for path in ("/__lbheartbeat__", "/__version__"):
            assert (await client.get(path, headers={"Host": "127.0.0.1"})).status == 200
        if under:
            assert (await client.get(mount, allow_redirects=False)).status == 303


@pytest.mark.parametrize(
    "path", ["/api", "/p/x", "/static", "/status/", "/__heartbeat__", "/a//b", "/..", "/a?b=c", "/ä"]
)
def test_a_path_that_cannot_be_served_is_refused(path: str) -> None:
    with pytest.raises(SettingsError, match=r"DOGDRIVER_PUBLIC_URL is .*must be .*path"):
        load({"DOGDRIVER_PUBLIC_URL": f"https://ops.example.org{path}"})


@pytest.mark.parametrize("path", ["", "/", "/dogdriver", "/dogdriver/", "/tools/perf.d", "/pages", "/api-2"])
def test_any_other_is_taken(path: str) -> None:
    assert load({"DOGDRIVER_PUBLIC_URL": f"https://ops.example.org{path}"}).public_url == (
        f"https://ops.example.org{path}".rstrip("/")
    )
