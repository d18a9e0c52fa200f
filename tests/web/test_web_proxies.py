"""What a proxy says of who asks: believed of those that are trusted, and of nobody else."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.tokens import Keyring
from dogdriver.web.auth import ATTEMPTS
from dogdriver.web.proxies import Proxies
from tests.web.conftest import Client
from tests.web.seeded import TOKEN, SeededSite
from tests.web.test_web_access import home, sign_in

BEARER = {"Authorization": f"Bearer {TOKEN}"}
BODY = {"project": "kintowe"}


def behind(site: SeededSite, *networks: str, user_header: str | None = None, private: bool = False) -> Client:
    trusted = [ip_network(one) for one in networks]
    return TestClient(TestServer(site.app(proxies=Proxies(trusted, user_header), private=private)))


async def address_of(client: Client, forwarded: list[str], **headers: str) -> str:
    """From where a change came, as the list of changes has it."""
    sent = [*BEARER.items(), *headers.items(), *(("X-Forwarded-For", one) for one in forwarded)]
    assert (await client.post("/api/v1/runs", json=BODY, headers=sent)).status == 202
    answer = await client.get("/api/v1/audit?limit=1", headers=BEARER)
    return str((await answer.json())["changes"][0]["address"])


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ([], "127.0.0.1"),
        (["203.0.113.7"], "203.0.113.7"),
        (["6.6.6.6, 203.0.113.7"], "203.0.113.7"),  # the first one is what the client itself has sent
        (["6.6.6.6", "203.0.113.7, 10.1.2.3"], "203.0.113.7"),  # through two that are trusted
        (["10.9.9.9, 10.1.2.3"], "10.9.9.9"),  # all are: the farthest
        (["203.0.113.7:5123"], "203.0.113.7"),
        (["[2001:db8::7]:443"], "2001:db8::7"),
        (["2001:db8::7"], "2001:db8::7"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["unknown"], "127.0.0.1"),
        (["203.0.113.7, unknown, 10.1.2.3"], "10.1.2.3"),
        (["<script>"], "127.0.0.1"),
        ([","], "127.0.0.1"),
    ],
)
async def test_an_address_is_what_trusted_proxies_say(site: SeededSite, forwarded: list[str], address: str) -> None:
    async with behind(site, "127.0.0.0/8", "10.0.0.0/8") as client:
        assert await address_of(client, forwarded) == address


async def test_nobody_else_is_believed(site: SeededSite) -> None:
    told = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-User": "alice"}
    async with behind(site, "192.0.2.0/24", "::1", user_header="X-Forwarded-User") as client:
        assert await address_of(client, ["203.0.113.7"], Forwarded="for=203.0.113.8") == "127.0.0.1"
        assert "Secure" not in await sign_in(client, **told)
        client.session.cookie_jar.clear()
        assert (await client.post("/api/v1/runs", json=BODY, headers={**home(client), **told})).status == 401
        assert "alice" not in await (await client.get("/", headers=told)).text()


async def test_guesses_count_for_who_guesses_and_not_for_the_proxy(site: SeededSite) -> None:
    async with behind(site, "127.0.0.1") as client:
        wrong = {"Authorization": "Bearer guess", "X-Forwarded-For": "203.0.113.7"}
        for status in [401] * ATTEMPTS + [429]:
            assert (await client.post("/api/v1/runs", json=BODY, headers=wrong)).status == status
        other = wrong | {"X-Forwarded-For": "203.0.113.8"}
        assert (await client.post("/api/v1/runs", json=BODY, headers=other)).status == 401


@pytest.mark.parametrize(("scheme", "secure"), [("https", True), ("HTTPS, http", True), ("http", False), ("x", False)])
async def test_a_cookie_is_secure_where_a_trusted_proxy_ends_tls(site: SeededSite, scheme: str, secure: bool) -> None:
    async with behind(site, "127.0.0.1") as client:
        assert ("Secure" in await sign_in(client, **{"X-Forwarded-Proto": scheme})) is secure


async def test_who_has_signed_in_at_the_proxy_may_do_what_the_token_may(site: SeededSite) -> None:
    alice = {"X-Forwarded-User": "alice@example.com", "X-Forwarded-For": "203.0.113.7"}
    async with behind(site, "127.0.0.1", user_header="X-Forwarded-User", private=True) as client:
        assert (await client.get("/api/v1/projects")).status == 401
        assert (await client.get("/api/v1/projects", headers=alice)).status == 200
        page = await (await client.get("/p/kintowe", headers=alice)).text()
        assert "alice@example.com" in page
        assert "Run now" in page
        assert "Sign out" not in page
        other = await (await client.get("/p/kintowe", headers={"X-Forwarded-User": "bob"})).text()
        assert "alice" not in other
        from_here, from_elsewhere = {**alice, **home(client)}, {**alice, "Origin": "https://evil.example.com"}
        assert (await client.post("/api/v1/runs", json=BODY, headers=from_elsewhere)).status == 403
        assert (await client.post("/api/v1/runs", json=BODY, headers=alice)).status == 403, "the proxy is in every tab"
        assert (await client.post("/api/v1/runs", json=BODY, headers=from_here)).status == 202
        [change] = (await (await client.get("/api/v1/audit", headers=alice)).json())["changes"]
        assert (change["who"], change["address"]) == ("alice@example.com", "203.0.113.7")


@pytest.mark.parametrize("names", [[""], [" "], ["a" * 101], ["alice", "bob"]])
async def test_what_is_no_name_is_nobody(site: SeededSite, names: list[str]) -> None:
    async with behind(site, "127.0.0.1", user_header="X-Forwarded-User", private=True) as client:
        headers = [("X-Forwarded-User", name) for name in names]
        assert (await client.get("/api/v1/projects", headers=headers)).status == 401


async def test_a_name_that_a_token_has_is_told_apart(site: SeededSite, tmp_path: Path) -> None:
    keyring = Keyring(tmp_path, site.clock)
    keyring.create("ci", read_only=True)
    proxies = Proxies([ip_network("127.0.0.1")], "X-Forwarded-User")
    async with TestClient(TestServer(site.app(proxies=proxies, keyring=keyring))) as client:
        for name in ("owner", "ci"):
            headers = {**home(client), "X-Forwarded-User": name}
            assert (await client.post("/api/v1/runs", json=BODY, headers=headers)).status == 202
        changes = (await (await client.get("/api/v1/audit", headers=BEARER)).json())["changes"]
    assert [one["who"] for one in changes] == ["ci (at the proxy)", "owner (at the proxy)"]


async def test_an_authorization_of_the_proxys_own_is_left_aside(site: SeededSite) -> None:
    """Basic of a proxy with a password; of one with single sign-on its own bearer token, beside the name."""
    async with TestClient(TestServer(site.app())) as client:
        basic = {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}
        for path in ("/", "/p/kintowe", "/status", "/api/v1/projects", "/api/projects", "/metrics", "/__version__"):
            for scheme in ("Basic dXNlcjpwYXNzd29yZA==", "Negotiate YIIZ", "Digest username=x", "Basic"):
                assert (await client.get(path, headers={"Authorization": scheme})).status == 200, path
        refused = await client.post("/api/v1/runs", json=BODY, headers=basic)
        assert refused.status == 401
        refused = await client.post("/api/v1/runs", json=BODY, headers={**basic, **home(client)})
        assert refused.status == 401
        assert "send `Authorization: Bearer TOKEN`" in await refused.text()
        await sign_in(client, **basic)
        signed_in = await client.post("/api/v1/runs", json=BODY, headers={**basic, **home(client)})
        assert signed_in.status == 202
        unsaid = await client.post("/api/v1/runs", json=BODY, headers=basic)
        assert unsaid.status == 403, "a form of another site would come with it, too"
    async with behind(site, "127.0.0.1", user_header="X-Forwarded-User") as client:
        sso = {"Authorization": "Bearer eyJhbGciOi.of.theirs", "X-Forwarded-User": "alice"}
        for _ in range(2 * ATTEMPTS):
            assert (await client.get("/", headers=sso)).status == 200
        assert (await client.post("/api/v1/runs", json=BODY, headers=sso)).status == 403
        assert (await client.post("/api/v1/runs", json=BODY, headers={**sso, **home(client)})).status in {200, 202}
        program = {**BEARER, "X-Forwarded-User": "alice"}
        assert (await client.post("/api/v1/runs", json=BODY, headers=program)).status in {200, 202}
