"""`dogdriver try URL`: ten seconds of the built-in test, in a real process against a real service."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dogdriver.catalog.projects_file import parse
from dogdriver.cli.trial import Trial
from dogdriver.errors import SettingsError
from tests.cli.conftest import Cli


@pytest.fixture(name="pages")
async def _pages() -> AsyncIterator[TestServer]:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def version(_: web.Request) -> web.Response:
        return web.json_response({"version": "1.4.0", "commit": "abc"})

    app = web.Application()
    app.add_routes([web.get("/page", page), web.get("/__version__", version)])
    server = TestServer(app)
    async with server:
        yield server


async def test_an_address_is_loaded_and_the_figures_are_shown(cli: Cli, pages: TestServer) -> None:
    said = await cli("try", str(pages.make_url("/page?x=1")))
    assert said.code == 0, (said.out, said.err)
    assert " requests/s, median " in said.out
    assert " ms" in said.out
    assert "; 0 of " in said.out
    assert "It runs release 1.4.0." in said.out
    assert 'requests = ["/page?x=1"]' in said.out
    assert not cli.data.exists(), "nothing is left"


async def test_a_path_that_is_not_there_is_named(cli: Cli, pages: TestServer) -> None:
    said = await cli("try", str(pages.make_url("/nope")))
    assert said.code != 0
    assert "GET /nope answered 404, where 2xx is expected" in said.err
    assert "requests/s" not in said.out


async def test_a_dead_address_is_one_sentence(cli: Cli) -> None:
    said = await cli("try", "http://127.0.0.1:9/")
    assert said.code != 0
    assert "cannot be reached: the connection is refused" in said.err
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("url", ["example.org", "ftp://example.org/", "http://", "http://u:p@example.org/", "x y"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="is no address; give one such as"):
        Trial.of(url)


def test_what_it_proposes_is_taken() -> None:
    trial = Trial.of("https://Shop.example.org:8443/api/items?q=%C3%A4")
    [project] = parse(trial.document(), Path("projects.toml"), margin=0.03).projects
    assert [place.endpoint for place in project.deployments] == ["https://Shop.example.org:8443"]
    assert project.test.built_in
    assert [one.path for one in project.test.built_in.requests] == ["/api/items?q=%C3%A4"]
