"""A small service under test, and the projects file that names it."""

import asyncio
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

LOADTEST = Path(__file__).parent / "plain_loadtest"

FILE = """
[defaults]
schedule = "off"
stall = "60s"  # the machine of the tests is a busy one
allowed_tests = ["{tests}*"]

[[project]]
name = "thing"
[project.deployments]
stage = "{endpoint}"
[project.test]
url = "{url}"
name = "{entry}"
env = {{ SERVER = "{{endpoint}}" }}
[[project.metric]]
name = "art"
title = "Average response time"
query = "avg:aws.elb.latency{{app:{{project}}}}"
unit = "ms"
better = "lower"
every = "1s"
"""


class Service:
    """Answers, counts what it answered, and says which release it is; every part may be changed."""

    def __init__(self) -> None:
        self.count = 0
        self.asked = asyncio.Event()
        self.version: web.Response | None = None
        self.healthy = True
        app = web.Application()
        app.router.add_get("/thing", self._thing)
        app.router.add_get("/__version__", self._version)
        app.router.add_get("/__heartbeat__", self._heartbeat)
        self.server = TestServer(app, host="127.0.0.1")

    @property
    def url(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    @property
    def connections(self) -> int:
        """How many are open to it."""
        runner = self.server.runner
        assert runner is not None
        assert runner.server is not None
        return len(runner.server.connections)

    def projects(self, folder: Path, entry: str, *, url: str | None = None, tests: str | None = None) -> str:
        """Write the projects file for one entry of the load test; gives its path."""
        file = folder / "projects.toml"
        text = FILE.format(tests=tests or LOADTEST, url=url or LOADTEST, endpoint=self.url, entry=entry)
        file.write_text(text)
        return str(file)

    async def _thing(self, _: web.Request) -> web.Response:
        self.count += 1
        self.asked.set()
        await asyncio.sleep(0.01)
        return web.Response(text="thing")

    async def _version(self, _: web.Request) -> web.Response:
        return self.version or web.json_response({"version": "1.0.0", "commit": "c" * 40})

    async def _heartbeat(self, _: web.Request) -> web.Response:
        return web.json_response({"database": self.healthy})
