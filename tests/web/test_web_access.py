"""Who may do what: the token, the session, where a write comes from, what a private daemon shows."""

from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dogdriver.errors import TooManyAttempts
from dogdriver.tokens import Keyring
from dogdriver.web.auth import ATTEMPTS, ATTEMPTS_IN_ALL, COOKIE, SESSION, WINDOW, Guesses
from tests.web.conftest import Client
from tests.web.seeded import TOKEN, SeededSite, ended_run

RUN = "1" * 32
WRITES = [
    ("POST", "/api/v1/runs"), ("PUT", "/api/v1/runs/x"), ("POST", f"/api/v1/runs/{RUN}/cancel"),
    ("POST", f"/api/v1/runs/{RUN}/exclude"), ("POST", f"/api/v1/runs/{RUN}/include"),
    ("POST", "/p/kintowe/run"), ("POST", f"/r/{RUN}/cancel"), ("POST", f"/r/{RUN}/exclude"),
]  # fmt: skip


def home(client: Client) -> dict[str, str]:
    return {"Origin": str(client.make_url("/")).rstrip("/")}


async def sign_in(client: Client, **headers: str) -> str:
    answer = await client.post(
        "/login", data={"token": TOKEN}, headers={**home(client), **headers}, allow_redirects=False
    )
    assert answer.status == 303
    return answer.headers["Set-Cookie"]


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_write_needs_the_token(client: Client, method: str, path: str) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic eA=="},
        {"Authorization": "Bearer"},
    ):
        answer = await client.request(method, path, headers={**home(client), **headers})
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_write_from_another_sites_page_is_refused_whoever_sends_it(
    client: Client, method: str, path: str
) -> None:
    await sign_in(client)
    for headers in (
        {"Origin": "https://evil.example.com"}, {"Origin": "null"}, {},
        {"Origin": "https://evil.example.com", "Authorization": f"Bearer {TOKEN}"},
    ):  # fmt: skip
        answer = await client.request(method, path, headers=headers)
        assert answer.status == 403, headers


async def test_a_session_can_do_what_the_token_can(site: SeededSite, client: Client) -> None:
    await site.keep(ended_run(RUN, "kintowe", site.clock(), "1.0.0"))
    assert "Run now" not in await (await client.get("/p/kintowe")).text()
    cookie = await sign_in(client)
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    assert "Run now" in await (await client.get("/p/kintowe")).text()
    queued = await client.post("/p/kintowe/run", data={"deployment": "prod"}, headers=home(client))
    assert queued.status == 200
    assert queued.url.path.startswith("/r/")
    excluded = await client.post(f"/r/{RUN}/exclude", data={"reason": "the disk was full"}, headers=home(client))
    assert "Left out of verdicts: the disk was full" in await excluded.text()
    for command in ("include", "cancel"):
        done = await client.post(f"/r/{RUN}/{command}", headers=home(client))
        assert done.status == (200 if command == "include" else 409)
    assert (await client.post(f"/r/{RUN}/explode", headers=home(client))).status == 404
    assert (await client.post(f"/r/{RUN}/exclude", data={"reason": " "}, headers=home(client))).status == 400
    out = await client.post("/logout", headers=home(client))
    assert "Sign in" in await out.text()
    assert (await client.post("/p/kintowe/run", headers=home(client))).status == 401


async def test_a_session_ends_and_cannot_be_made_up(site: SeededSite, client: Client) -> None:
    await sign_in(client)
    assert "Sign out" in await (await client.get("/")).text()
    site.clock.forward(SESSION.total_seconds() + 2)
    assert "Sign in" in await (await client.get("/")).text()
    for made_up in ("session", "session.x.y", TOKEN, "", "ü"):
        async with TestClient(TestServer(site.app()), cookies={COOKIE: made_up}) as other:
            assert "Sign in" in await (await other.get("/")).text()


async def test_a_cookie_goes_over_tls_alone_where_the_page_came_so(site: SeededSite, client: Client) -> None:
    assert "Secure" not in await sign_in(client, **{"X-Forwarded-Proto": "https"}), "no proxy is trusted"
    app = site.app(public_url="https://dog.example.com")
    async with TestClient(TestServer(app)) as behind:
        headers = {"Host": "dog.example.com", "Origin": "https://dog.example.com"}
        assert "Secure" in await sign_in(behind, **headers)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("/p/kintowe?source=x", "/p/kintowe?source=x"),
        ("https://evil.example.com", "/"),
        ("//evil.example.com", "/"),
        ("/\\evil.example.com", "/"),
        ("/%0d%0aSet-Cookie:x=1", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
async def test_signing_in_leads_back_and_nowhere_else(client: Client, wanted: str, given: str) -> None:
    answer = await client.post(
        "/login", data={"token": TOKEN, "next": wanted}, headers=home(client), allow_redirects=False
    )
    assert answer.headers["Location"] == given


async def test_guessing_is_slowed_down_for_whoever_guesses(site: SeededSite, client: Client) -> None:
    for _ in range(ATTEMPTS):
        answer = await client.post("/login", data={"token": "guess"}, headers=home(client))
        assert answer.status == 401
        assert "That is not the token" in await answer.text()
    blocked = await client.post("/login", data={"token": "guess"}, headers=home(client))
    assert blocked.status == 429
    assert 0 < int(blocked.headers["Retry-After"]) <= WINDOW.total_seconds()
    bearer = await client.post("/api/v1/runs", headers={"Authorization": "Bearer guess"})
    assert bearer.status == 429
    assert (await bearer.json())["error"]["code"] == "too_many_attempts"
    site.clock.now += WINDOW + timedelta(seconds=1)
    assert (await client.post("/login", data={"token": "guess"}, headers=home(client))).status == 401


async def test_guessing_locks_out_nobody_who_knows_the_token(client: Client) -> None:
    wrong, right = {"Authorization": "Bearer guess"}, {"Authorization": f"Bearer {TOKEN}"}
    body = {"project": "kintowe"}
    statuses = [(await client.post("/api/v1/runs", json=body, headers=wrong)).status for _ in range(2 * ATTEMPTS)]
    assert statuses == [401] * ATTEMPTS + [429] * ATTEMPTS
    assert (await client.post("/api/v1/runs", json=body, headers=right)).status in {200, 201, 202}
    assert (await client.post("/api/v1/runs", json=body, headers=wrong)).status == 429, "it is still counted"
    await sign_in(client)
    assert "Sign out" in await (await client.get("/")).text()
    assert (await client.post("/login", data={"token": "guess"}, headers=home(client))).status == 429


@pytest.fixture(name="keyring")
def _keyring(site: SeededSite, tmp_path: Path) -> Keyring:
    return Keyring(tmp_path, site.clock)


async def test_a_named_token_writes_and_a_read_only_one_reads(site: SeededSite, keyring: Keyring) -> None:
    writer, reader = (keyring.create(name, read_only=name == "reader").reveal() for name in ("writer", "reader"))
    async with TestClient(TestServer(site.app(private=True, keyring=keyring))) as client:
        for token, status in ((writer, 202), (reader, 403), (f"{reader}x", 401)):
            headers = {"Authorization": f"Bearer {token}"}
            answer = await client.post("/api/v1/runs", json={"project": "kintowe"}, headers=headers)
            assert answer.status == status
        headers = {"Authorization": f"Bearer {reader}"}
        assert (
            "the token reader is for reading alone"
            in await (await client.post("/api/v1/runs", json={"project": "kintowe"}, headers=headers)).text()
        )
        assert (await client.get("/api/v1/projects", headers=headers)).status == 200
        assert (await client.get("/api/v1/projects/kintowe/test", headers=headers)).status == 403, "it holds secrets"
        await client.post("/login", data={"token": reader}, headers=home(client))
        assert (await client.get("/")).status == 200
        assert (await client.post("/p/kintowe/run", headers=home(client))).status == 403
        keyring.revoke("reader")
        assert (await client.get("/api/v1/projects", headers=headers)).status == 401
        assert (await client.get("/", allow_redirects=False)).status == 303, "its sessions have ended with it"


async def test_what_changes_something_is_kept_with_who_did_it(
    site: SeededSite, keyring: Keyring, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dogdriver.web.audit")
    writer, reader = (keyring.create(name, read_only=name == "reader").reveal() for name in ("writer", "reader"))
    async with TestClient(TestServer(site.app(keyring=keyring))) as client:
        headers = {"Authorization": f"Bearer {writer}"}
        queued = await client.post("/api/v1/runs", json={"project": "kintowe", "deployment": "prod"}, headers=headers)
        run = (await queued.json())["run"]["id"]
        await client.post(f"/api/v1/runs/{run}/cancel", headers=headers)
        await client.post(f"/api/v1/runs/{run}/cancel", headers=headers)  # 409
        await client.post("/api/v1/runs", json={"project": "no such"}, headers=headers)  # 404
        await client.post("/api/v1/runs", headers={"Authorization": f"Bearer {reader}"})  # 403
        await client.get("/api/v1/projects/kintowe/test", headers=headers)
        assert (await client.get("/api/v1/audit")).status == 401
        assert "Changes" not in await (await client.get("/status")).text()
        await sign_in(client)
        await client.post("/p/kintowe/run", data={"deployment": "stage"}, headers=home(client))
        page = await (await client.get("/status")).text()
        await client.post("/logout", headers=home(client))
        answer = await client.get("/api/v1/audit?limit=10", headers={"Authorization": f"Bearer {reader}"})
        changes = (await answer.json())["changes"]
    assert [(one["who"], one["what"], one["subject"]) for one in changes] == [
        ("owner", "POST /logout", ""), ("owner", "POST /p/{project}/run", "kintowe"), ("owner", "POST /login", ""),
        ("writer", "POST /api/v1/runs/{id}/cancel", run), ("writer", "POST /api/v1/runs", run),
    ]  # fmt: skip
    assert {one["address"] for one in changes} == {"127.0.0.1"}
    assert len(caplog.records) == len(changes)
    assert f"writer changed something: POST /api/v1/runs/{{id}}/cancel {run}, from 127.0.0.1" in caplog.text
    assert "POST /p/{project}/run" in page


async def test_signing_out_ends_the_session_and_not_only_the_cookie(site: SeededSite, keyring: Keyring) -> None:
    async with TestClient(TestServer(site.app(keyring=keyring))) as client:
        cookie = (await sign_in(client)).partition(";")[0]
        other = (await sign_in(client)).partition(";")[0]
        client.session.cookie_jar.clear()
        await client.post("/logout", headers={**home(client), "Cookie": cookie})
    for app in (site.app(keyring=keyring), site.app(keyring=keyring)):  # the second one is a restart
        async with TestClient(TestServer(app)) as client:
            assert "Sign in" in await (await client.get("/", headers={"Cookie": cookie})).text()
            assert "Sign out" in await (await client.get("/", headers={"Cookie": other})).text()


def test_guessing_is_slowed_down_in_all(site: SeededSite, caplog: pytest.LogCaptureFixture) -> None:
    guesses = Guesses(site.clock)
    for number in range(ATTEMPTS_IN_ALL):
        guesses.count(f"10.0.0.{number}")
    for _ in range(3):
        with pytest.raises(TooManyAttempts, match="from everywhere"):
            guesses.count("10.0.1.1")
    assert [record.getMessage() for record in caplog.records] == [
        "too many wrong tokens: those from 10.0.1.1 are refused for a while"
    ]
    site.clock.now += WINDOW + timedelta(seconds=1)
    guesses.count("10.0.1.1")


PUBLIC = "https://dog.example.com"


@pytest.mark.parametrize("host", ["dog.example.com", "dog.example.com:443", "DOG.example.com"])
async def test_where_a_public_address_is_set_pages_are_there(site: SeededSite, host: str) -> None:
    async with TestClient(TestServer(site.app(public_url=PUBLIC))) as client:
        assert (await client.get("/", headers={"Host": host})).status == 200
        answer = await client.post(
            "/login", data={"token": TOKEN}, headers={"Host": host, "Origin": PUBLIC}, allow_redirects=False
        )
        assert answer.status == 303


async def test_where_a_public_address_is_set_pages_and_writes_are_nowhere_else(site: SeededSite) -> None:
    async with TestClient(TestServer(site.app(public_url=PUBLIC))) as client:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        for host in ("evil.example.com", "127.0.0.1:8080", "dog.example.com.evil.org", "dog.example.com:8443"):
            for path in ("/", "/login", "/p/kintowe", "/status"):
                answer = await client.get(path, headers={"Host": host})
                assert answer.status == 403, path
                assert "this dogDriver is at https://dog.example.com" in await answer.text()
            writes = await client.post("/api/v1/runs", json={"project": "kintowe"}, headers={"Host": host, **bearer})
            assert writes.status == 403
            login = {"Host": host, "Origin": f"https://{host}"}
            assert (await client.post("/login", data={"token": TOKEN}, headers=login)).status == 403
            cookie = {"Host": host, "Cookie": f"{COOKIE}=x"}
            assert (await client.get("/api/v1/projects", headers=cookie)).status == 403
            for path in ("/__heartbeat__", "/__lbheartbeat__", "/__version__", "/metrics", "/api/v1/projects"):
                assert (await client.get(path, headers={"Host": host})).status == 200, path


async def test_a_login_form_is_small_and_has_two_fields(client: Client) -> None:
    assert (await client.post("/login", data={"x": "1"}, headers=home(client))).status == 400
    assert (await client.post("/login", data={"token": "x" * 20_000}, headers=home(client))).status == 413
    assert (await client.post("/login", data={"token": TOKEN})).status == 403


OPEN = ("/__version__", "/__heartbeat__", "/__lbheartbeat__", "/login", "/static/site.css")
CLOSED = (
    "/api/v1/projects", "/api/v1/runs", "/api/v1/status", "/api/v1/openapi.json", "/api/projects", "/metrics",
    f"/api/v1/runs/{RUN}/live", "/dogdriver/api/projects",
)  # fmt: skip


async def test_a_private_daemon_shows_strangers_its_heartbeat_and_no_more(site: SeededSite) -> None:
    async with TestClient(TestServer(site.app(private=True))) as stranger:
        for path in OPEN:
            assert (await stranger.get(path)).status == 200, path
        for path in CLOSED:
            assert (await stranger.get(path)).status == 401, path
            assert (await stranger.get(path, headers={"Authorization": "Bearer wrong"})).status == 401, path
        for path in ("/", "/p/kintowe", f"/r/{RUN}", "/status", "/kintowe", "/nothing"):
            answer = await stranger.get(path, allow_redirects=False)
            assert answer.status == 303, path
            assert answer.headers["Location"].startswith("/login?next=/")


async def test_a_private_daemon_shows_everything_to_who_has_the_token(site: SeededSite) -> None:
    await site.keep(ended_run(RUN, "kintowe", site.clock(), "1.0.0"))
    async with TestClient(TestServer(site.app(private=True))) as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        for path in (*CLOSED, "/", "/p/kintowe", f"/r/{RUN}", "/status"):
            assert (await client.get(path, headers=headers)).status == 200, path
        await sign_in(client)
        for path in (*CLOSED, "/", "/p/kintowe", f"/r/{RUN}", "/status"):
            assert (await client.get(path)).status == 200, path


@pytest.mark.parametrize(
    "path",
    ["/", "/p/kintowe", "/status", "/login", "/nothing", "/static/site.js", "/api/v1/projects", "/api/v1/nothing",
     f"/api/v1/runs/{RUN}/live", "/metrics", "/dogdriver"],
)  # fmt: skip
async def test_every_answer_is_hardened(site: SeededSite, client: Client, path: str) -> None:
    await site.keep(ended_run(RUN, "kintowe", site.clock(), "1.0.0"))
    answer = await client.get(path, allow_redirects=False)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
