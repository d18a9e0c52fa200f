"""A company's proxy and its certificate authority reach every client that the daemon is or starts."""

import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dogdriver.checkout import TestCheckouts
from dogdriver.checkout.process import environment
from dogdriver.datadog import Datadog
from dogdriver.errors import CheckoutError, SettingsError, TargetError, Unavailable
from dogdriver.model import Deployment, Test
from dogdriver.network import CA_FILES, certificates, http_client
from dogdriver.settings import load
from dogdriver.target import DockerflowTarget
from tests.world import START

ASKED = web.AppKey("asked", list[web.BaseRequest])


@pytest.fixture(name="proxy")
async def _proxy() -> AsyncIterator[TestServer]:
    """It answers by itself what it is asked to pass on."""

    async def answer(request: web.Request) -> web.Response:
        request.app[ASKED].append(request)
        return web.json_response({"valid": True})

    app = web.Application()
    app[ASKED] = []
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app)
    async with server:
        yield server


def asked(proxy: TestServer) -> list[web.BaseRequest]:
    assert proxy.app is not None
    return proxy.app[ASKED]


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
async def test_datadog_is_asked_through_the_proxy_without_anybodys_netrc(
    proxy: TestServer, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine datadog.test login me password hidden\ndefault login me password hidden")
    monkeypatch.setenv("HOME", str(tmp_path))
    address = f"user:pass@127.0.0.1:{proxy.port}"  # without a scheme, as many write it
    settings = load({"DD_API_KEY": "k" * 32, "DD_APP_KEY": "a" * 40, "DOGDRIVER_DATADOG_URL": "http://datadog.test"})
    async with http_client({name: address}) as session:
        await Datadog.from_settings(settings, session, lambda: START).check_keys()
    assert asked(proxy)
    for request in asked(proxy):
        assert request.headers["Host"] == "datadog.test"
        assert "Authorization" not in request.headers
        assert request.headers["Proxy-Authorization"] == "Basic dXNlcjpwYXNz"


@pytest.mark.parametrize("without", ["datadog.test", ".test", "other, datadog.test:80", "*"])
async def test_no_proxy_is_heeded(proxy: TestServer, without: str) -> None:
    environ = {"HTTP_PROXY": str(proxy.make_url("")), "no_proxy": without}
    async with http_client(environ) as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get("http://datadog.test:80/x")
    assert not asked(proxy)


async def test_targets_and_what_is_on_this_machine_are_asked_directly(proxy: TestServer) -> None:
    environ = {"HTTP_PROXY": str(proxy.make_url(""))}
    async with http_client(environ) as session, TestServer(web.Application()) as here:
        assert (await session.get(here.make_url("/"))).status == 404
        with pytest.raises(TargetError):
            await DockerflowTarget(session, sleep=_no_sleep).version(Deployment("stage", "http://service.invalid"))
    assert not asked(proxy)


async def _no_sleep(seconds: float) -> None:
    del seconds


async def test_a_proxy_that_cannot_be_used_is_said(caplog: pytest.LogCaptureFixture) -> None:
    async with http_client({"ALL_PROXY": "socks5://127.0.0.1:1"}):
        assert "ALL_PROXY is no http:// proxy" in caplog.text


@pytest.fixture(name="authority", scope="module")
def _authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody else knows, and its key."""
    file = tmp_path_factory.mktemp("ca") / "own.pem"
    subprocess.run(
        ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", file.with_suffix(".key"), "-out", file),
        check=True, capture_output=True,
    )  # fmt: skip
    return file


@pytest.fixture(name="company")
async def _company(authority: Path) -> AsyncIterator[TestServer]:
    async def version(_: web.Request) -> web.Response:
        return web.json_response({"version": "1.0.0"})

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority, authority.with_suffix(".key"))
    app = web.Application()
    app.router.add_get("/__version__", version)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=context)
    yield server
    await server.close()


@pytest.mark.parametrize("name", CA_FILES)
async def test_an_authority_by_any_clients_name_is_trusted_by_all(
    company: TestServer, authority: Path, name: str, starts_processes: None, tmp_path: Path
) -> None:
    del starts_processes
    stage = Deployment("stage", f"https://127.0.0.1:{company.port}")
    test = Test(url=f"https://127.0.0.1:{company.port}/load.git", ref="main", name="dogdriver")
    told = {name: str(authority)}
    assert set(certificates(told)) == set(CA_FILES)
    assert environment(told)["GIT_SSL_CAINFO"] == environment(told)["SSL_CERT_FILE"] == str(authority)
    async with http_client(told) as session:
        assert await DockerflowTarget(session).version(stage) == ("1.0.0", None)
    with pytest.raises(CheckoutError) as caught:
        await TestCheckouts(tmp_path, environ=told).prepare(test)
    assert "certificate" not in caught.value.message, "there is no repository, and that is what is said"


async def test_a_certificate_that_is_not_trusted_is_called_that(
    company: TestServer, starts_processes: None, tmp_path: Path
) -> None:
    del starts_processes
    url = f"https://127.0.0.1:{company.port}"
    settings = load({"DD_API_KEY": "k" * 32, "DD_APP_KEY": "a" * 40, "DOGDRIVER_DATADOG_URL": url})
    sentence = r"its certificate is not trusted.*give the file of the authority that signs it as SSL_CERT_FILE"
    async with http_client() as session:
        with pytest.raises(TargetError, match=sentence):
            await DockerflowTarget(session, sleep=_no_sleep).version(Deployment("stage", url))
        datadog = Datadog.from_settings(settings, session, lambda: START)
        with pytest.raises(Unavailable, match=sentence):
            await datadog.send_event({"title": "t", "text": "t"})
    with pytest.raises(CheckoutError, match=sentence):
        await TestCheckouts(tmp_path, environ={}).prepare(Test(url=f"{url}/load.git", ref="main", name="dogdriver"))


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(SettingsError, match=r"REQUESTS_CA_BUNDLE names /no/such\.pem, which is not there"):
        certificates({"REQUESTS_CA_BUNDLE": "/no/such.pem"})
    assert certificates({"PATH": "/bin", "SSL_CERT_FILE": ""}) == {}
