"""A bucket that is down, hangs, refuses or talks nonsense: nothing is lost, nothing else waits, no secret is shown."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dogdriver.errors import ExternalError, Refused, SettingsError, TooLarge, Unavailable
from dogdriver.model import Status
from dogdriver.model.archive import Fetched
from dogdriver.storage import s3
from dogdriver.storage.s3 import open_bucket
from tests.archive.conftest import Start
from tests.archive.made import deliver, made_elsewhere
from tests.archive.s3 import S3Server
from tests.archive.shared import SYNC, Daemon


async def test_a_server_killed_in_the_middle_loses_nothing(own_s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris"), await start("oslo")
    runs = [await paris.done() for _ in range(6)]
    delivered = [made_elsewhere(paris.clock(), name=str(n)) for n in range(3)]
    for run in delivered:
        await deliver(paris, run)
        paris.feed(run)
    await oslo.sync()
    for _ in range(2):
        assert await paris.archive.upload_next()
    own_s3.kill()
    assert not await paris.archive.upload_next()
    await oslo.sync()
    runs.append(await paris.done())  # life goes on
    for daemon in (paris, oslo):
        status = await daemon.status()
        assert status["state"] == "failing"
        assert "cannot be reached" in status["last_error"]
    assert (await paris.status())["waiting"] == 5
    await oslo.collect_all()
    own_s3.start()
    for _ in range(3):
        for daemon in (paris, oslo):
            await daemon.sync()
            await daemon.collect_all()
            await daemon.upload()
    wanted = {run.id for run in (*runs, *delivered)}
    for daemon in (paris, oslo):
        found = await daemon.all()
        assert {run.id for run in found} == wanted
        assert len(found) == len(wanted)
        assert {run.status for run in found} == {Status.DONE}
        assert (await daemon.status())["state"] == "ok"
    assert len(await paris.listed()) == len(wanted)


async def test_while_it_is_down_one_attempt_an_interval_is_made(own_s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    for _ in range(3):
        await paris.done()
    own_s3.kill()
    before = paris.bucket.requests
    for _ in range(5):
        assert not await paris.archive.upload_next()
    assert paris.bucket.requests - before == 1
    assert await paris.archive.next_upload() is not None
    paris.clock.forward(SYNC)
    assert not await paris.archive.upload_next()
    assert paris.bucket.requests - before == 2


async def test_a_server_that_hangs_is_given_up(own_s3: S3Server, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "READ", 2.0)
    paris = await start("paris", data="other")
    await paris.done()
    own_s3.hang()
    assert not await paris.archive.upload_next()
    status = await paris.status()
    assert "cannot be reached" in status["last_error"]
    assert (status["waiting"], status["archived"]) == (1, 0), "what was not taken does not stand in the bucket"
    own_s3.go_on()
    async with asyncio.timeout(180):
        while (await paris.status())["waiting"]:  # a busy server may take longer than two seconds, too
            paris.clock.forward(SYNC)
            await paris.upload()


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(name="says")
async def _says(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[[Answer], None]]:
    """A server that answers as it is told."""
    answers: list[Answer] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        return await answers[-1](request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", str(server.make_url("/")))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-tests")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield answers.append


def error(status: int, code: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        body = (
            f"<Error><Code>{code}</Code><Message>AKIATESTTESTTEST may not</Message>"
            "<AWSAccessKeyId>AKIATESTTESTTEST</AWSAccessKeyId></Error>"
        )
        return web.Response(status=status, body=body.encode(), content_type="application/xml")

    return answer


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (503, "SlowDown", Unavailable, "cannot answer now (SlowDown)"),
        (500, "InternalError", Unavailable, "InternalError"),
        (403, "AccessDenied", Refused, "fix AWS' credentials"),
        (403, "InvalidAccessKeyId", Refused, "fix AWS' credentials"),
        (404, "NoSuchBucket", Refused, "create it, or fix DOGDRIVER_BUCKET"),
        (400, "Whatever", Refused, "refused a request (Whatever)"),
    ],
)
async def test_each_answer_becomes_a_sentence_without_a_secret(
    says: Callable[[Answer], None], status: int, code: str, kind: type[ExternalError], words: str
) -> None:
    says(error(status, code))
    async with open_bucket("shared") as bucket:
        for ask in (
            bucket.list(""), bucket.get("key", most=10), bucket.put("key", b""), bucket.put("key", b"", new=True),
            bucket.copy("key", "to"), bucket.remove("key"),
        ):  # fmt: skip
            with pytest.raises(kind) as raised:
                await ask
            assert words in raised.value.message
            assert "shared" in raised.value.message
            assert "AKIA" not in str(raised.value)


async def test_nonsense_and_cut_answers_are_an_outage(says: Callable[[Answer], None]) -> None:
    async def nonsense(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>a proxy's login page")

    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with open_bucket("shared") as bucket:
        says(nonsense)
        with pytest.raises(Unavailable):
            await bucket.list("")
        says(cut)
        with pytest.raises(Unavailable):
            await bucket.get("key", most=10_000)


PAGE = "<html><head><title>Sign in</title></head><body>please</body></html>"


@pytest.mark.parametrize(
    "answer",
    [
        web.Response, lambda: web.Response(text=PAGE, content_type="text/html"),
        lambda: web.Response(text=PAGE, content_type="text/html", headers={"ETag": '"5f2-1"'}),
        lambda: web.Response(text=PAGE, content_type="application/xml"),
        lambda: web.Response(text="<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"),
        lambda: web.json_response({"ok": True}),
    ],
    ids=["nothing", "page", "page with an etag", "page as xml", "another answer of s3", "json"],
)  # fmt: skip
async def test_what_is_no_bucket_acknowledges_nothing(
    says: Callable[[Answer], None], answer: Callable[[], web.Response]
) -> None:
    async def portal(request: web.Request) -> web.StreamResponse:
        return answer()

    says(portal)
    async with open_bucket("shared") as bucket:
        for ask in (
            bucket.list(""),
            bucket.put("key", b"{}"),
            bucket.put("key", b"{}", new=True),
            bucket.copy("a", "b"),
        ):
            with pytest.raises(Unavailable):
                await ask


async def test_a_run_goes_up_again_when_it_is_not_where_it_was_put(s3: S3Server, start: Start) -> None:
    paris, oslo = await start("paris", page=2), await start("oslo")
    for daemon in (paris, oslo):
        for _ in range(3):
            await daemon.done()
        await daemon.upload()
    keys = await paris.listed()
    assert len(keys) == 6
    for key in (keys[0], keys[4]):  # one of each
        await paris.bucket.remove(key)
    for _ in range(4):
        for daemon in (paris, oslo):
            await daemon.sync()
            await daemon.upload()
    assert await paris.listed() == keys
    assert {len(await daemon.all()) for daemon in (paris, oslo)} == {6}


async def test_a_run_that_a_portal_took_is_not_archived(
    s3: S3Server, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    paris = await start("paris")
    await paris.done()
    send = paris.bucket._send

    async def portal(operation: str, **_: object) -> dict[str, object]:
        return {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}}

    monkeypatch.setattr(paris.bucket, "_send", portal)
    await paris.upload()
    status = await paris.status()
    assert (status["archived"], status["waiting"], status["state"]) == (0, 1, "failing")
    assert "is no bucket" in status["last_error"]
    monkeypatch.setattr(paris.bucket, "_send", send)
    await _attempts(paris)
    assert len(await paris.listed()) == 1
    assert (await paris.status())["state"] == "ok"


async def test_a_server_that_knows_no_conditions_takes_plain_writes(says: Callable[[Answer], None]) -> None:
    async def old(request: web.Request) -> web.StreamResponse:
        if "If-None-Match" in request.headers:
            return await error(501, "NotImplemented")(request)
        return web.Response(headers={"ETag": '"1"'})

    says(old)
    async with open_bucket("shared") as bucket:
        assert await bucket.put("key", b"", new=True)


async def test_more_than_was_asked_for_is_not_read(says: Callable[[Answer], None]) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 200_000, headers={"ETag": '"1"'})

    says(endless)
    async with open_bucket("shared") as bucket:
        with pytest.raises(TooLarge):
            await bucket.get("key", most=100_000)


@pytest.mark.parametrize("refused", [403, 501, None], ids=["refused", "unknown", "cut"])
async def test_where_a_signed_address_is_of_no_use_the_client_asks_in_its_own_way(
    says: Callable[[Answer], None], refused: int | None
) -> None:
    asked: list[bool] = []

    async def choosy(request: web.Request) -> web.StreamResponse:
        asked.append("X-Amz-Signature" in request.query)
        if "Authorization" in request.headers:
            return web.Response(body=b"content", headers={"ETag": '"1"'})
        if refused is None:
            assert request.transport is not None
            request.transport.abort()
        return await error(refused or 500, "AccessDenied")(request)

    says(choosy)
    async with open_bucket("shared") as bucket:
        assert await bucket.get("a key", most=10) == Fetched(b"content", "1")
    assert (asked[0], asked[-1]) == (True, False)


async def test_an_object_is_read_with_one_request(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    key = "a/key with é, ' and %2F"
    await paris.bucket.put(key, b"content")
    before = paris.bucket.requests
    fetched = await paris.bucket.get(key, most=10)
    assert paris.bucket.requests - before == 1
    assert fetched == Fetched(b"content", (await paris.objects())[0].etag)
    assert await paris.bucket.get("another", most=10) is None


async def test_without_credentials_it_says_so(says: Callable[[Answer], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    async with open_bucket("shared") as bucket:
        with pytest.raises(Refused, match="no AWS credentials"):
            await bucket.list("")


async def test_one_run_that_cannot_be_sent_does_not_hold_up_the_others(
    s3: S3Server, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    paris = await start("paris")
    bad, good = await paris.done(), await paris.done()
    put = paris.bucket.put

    async def choosy(key: str, body: bytes, **more: object) -> bool:
        if bad.id in key:
            raise Refused("the bucket shared refused a request (EntityTooLarge)")
        return await put(key, body)

    monkeypatch.setattr(paris.bucket, "put", choosy)
    await _attempts(paris)
    assert [good.id in key for key in await paris.listed()] == [True]
    monkeypatch.setattr(paris.bucket, "put", put)
    await _attempts(paris)
    assert len(await paris.listed()) == 2


async def _attempts(paris: Daemon) -> None:
    for _ in range(4):
        paris.clock.forward(SYNC)
        await paris.upload()


@pytest.mark.parametrize(("name", "value"), [("AWS_PROFILE", "nobody"), ("AWS_ENDPOINT_URL_S3", "not an address")])
async def test_settings_of_aws_that_cannot_be_used_stop_the_start_with_a_sentence(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="cannot be opened"):
        async with open_bucket("shared"):
            pass
