"""What arrives at each kind of receiver, and what is made of its answers."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiosmtpd.controller import Controller

from dogdriver.errors import Refused, Unavailable
from dogdriver.model.notify import Route
from dogdriver.notify import senders
from dogdriver.notify.delivery import Delivery, World
from dogdriver.settings import Secret
from tests.notify.receivers import Receiver, receiver
from tests.ports import free_port

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
KEY = b"k" * 32
SECRET = Secret("whsec_" + base64.b64encode(KEY).decode())
COMMIT = "c" * 40


def document(**others: Any) -> dict[str, Any]:
    return {
        "version": "1", "type": "verdict.announced", "id": "n1", "at": "2026-05-04T11:59:00Z", "project": "shop",
        "deployment": "stage", "test": "dogdriver", "source": "here", "release": "1.4.0", "headline": "slower",
        "sentence": "Worse: ART +22 % (17.4 → 21.3 ms).", "verdicts": [], "link": "https://dog.example.org/p/shop",
        **others,
    }  # fmt: skip


def delivery(kind: str, **others: Any) -> Delivery:
    fields: dict[str, Any] = {
        "document": document(), "changes": ["ART: 17.4 ms → 21.3 ms (+22 %, regressed)"], "commit": COMMIT,
        "repository": "https://github.com/acme/shop",
    }  # fmt: skip
    return Delivery(Route(kind, kind, to="team@example.org"), **(fields | others))


@pytest.fixture(name="there")
async def _there() -> AsyncIterator[Receiver]:
    async with receiver() as there:
        yield there


@pytest.fixture(name="world")
async def _world() -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as session:
        yield World(session, lambda: NOW)


async def test_a_webhook_is_signed_as_standard_webhooks_say(there: Receiver, world: World) -> None:
    await senders()["webhook"].send(delivery("webhook", url=f"{there.url}/hook", secret=SECRET), world)
    [got] = there.got
    headers = {name.lower(): value for name, value in got.headers.items()}
    at = str(int(NOW.timestamp()))
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("n1", at)
    digest = hmac.new(KEY, f"n1.{at}.".encode() + got.body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    assert json.loads(got.body) == document()
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("secret", ["hunter2-hunter2-hunter2", "whsec_!!!", "whsec_aGk=", "whsec_", "d2hzZWM="])
async def test_a_secret_that_is_none_is_said_and_not_shown(there: Receiver, world: World, secret: str) -> None:
    with pytest.raises(Refused, match="openssl rand") as refused:
        await senders()["webhook"].send(delivery("webhook", url=there.url, secret=Secret(secret)), world)
    assert not there.got
    assert secret == "whsec_" or secret not in refused.value.message


async def test_slack_gets_the_sentence_the_levels_and_the_link(there: Receiver, world: World) -> None:
    await senders()["slack"].send(delivery("slack", url=f"{there.url}/services/T0/B0/XYZ"), world)
    sent = json.loads(there.got[0].body)
    first, second, third = (block["text"]["text"] for block in sent["blocks"])
    assert first == "*shop 1.4.0 (stage): slower*\nWorse: ART +22 % (17.4 → 21.3 ms)."
    assert second == "• ART: 17.4 ms → 21.3 ms (+22 %, regressed)"
    assert third == "<https://dog.example.org/p/shop|Look at it in dogDriver>"
    assert sent["text"].startswith("shop 1.4.0 (stage): slower. Worse: ART")


async def test_a_release_that_is_called_like_a_command_of_slack_is_words(there: Receiver, world: World) -> None:
    await senders()["slack"].send(delivery("slack", url=there.url, document=document(release="<!channel>")), world)
    assert b"<!channel>" not in there.got[0].body
    assert b"&lt;!channel&gt;" in there.got[0].body


@pytest.mark.parametrize(
    ("headline", "kind", "state"),
    [
        ("slower", "announced", "failure"), ("mixed", "announced", "failure"), ("faster", "announced", "success"),
        ("no_change", "recovered", "success"), (None, "withdrawn", "pending"),
    ],
)  # fmt: skip
async def test_github_gets_a_status_of_the_commit(
    there: Receiver, world: World, headline: str | None, kind: str, state: str
) -> None:
    doc = document(headline=headline, type=f"verdict.{kind}", sentence="s" * 500)
    await senders()["github"].send(delivery("github", url=there.url, secret=Secret("ghp_1"), document=doc), world)
    [got] = there.got
    assert got.path == f"/repos/acme/shop/statuses/{COMMIT}"
    assert got.headers["Authorization"] == "Bearer ghp_1"
    sent = json.loads(got.body)
    assert (sent["state"], sent["context"]) == (state, "dogdriver/shop/stage")
    assert sent["target_url"] == "https://dog.example.org/p/shop"
    assert len(sent["description"]) == 140


@pytest.mark.parametrize(
    "source", ["https://github.com/acme/shop.git", "git@github.com:acme/shop.git", "https://github.com/acme/shop/"]
)
async def test_github_repositories_are_known_in_every_spelling(there: Receiver, world: World, source: str) -> None:
    await senders()["github"].send(delivery("github", url=there.url, secret=Secret("t"), repository=source), world)
    assert there.got[0].path == f"/repos/acme/shop/statuses/{COMMIT}"


@pytest.mark.parametrize(
    ("missing", "said"),
    [({"repository": None}, "names no `source`"), ({"commit": None}, "commit"), ({"commit": "abc"}, "commit")],
)
async def test_a_status_without_a_place_is_refused_with_a_sentence(
    there: Receiver, world: World, missing: dict[str, Any], said: str
) -> None:
    with pytest.raises(Refused, match=said):
        await senders()["github"].send(delivery("github", url=there.url, secret=Secret("t"), **missing), world)
    assert not there.got


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 503])
async def test_what_a_person_may_correct_is_tried_again(there: Receiver, world: World, status: int) -> None:
    there.answers = [status]
    with pytest.raises(Unavailable, match=f"127.0.0.1:.* answered {status}"):
        await senders()["webhook"].send(delivery("webhook", url=there.url, secret=SECRET), world)


@pytest.mark.parametrize("status", [410, 413, 422])
async def test_what_no_second_time_changes_is_final(there: Receiver, world: World, status: int) -> None:
    there.answers = [status]
    with pytest.raises(Refused, match=f"answered {status}"):
        await senders()["webhook"].send(delivery("webhook", url=there.url, secret=SECRET), world)


async def test_the_wait_that_a_receiver_asks_for_is_kept(there: Receiver, world: World) -> None:
    there.answers = [web.Response(status=429, headers={"Retry-After": "321"}, text="slow down")]
    with pytest.raises(Unavailable, match="slow down") as asked:
        await senders()["slack"].send(delivery("slack", url=there.url), world)
    assert asked.value.retry_after == 321.0


async def test_a_redirect_is_never_followed(there: Receiver, world: World) -> None:
    there.answers = [web.Response(status=307, headers={"Location": f"{there.url}/latest/meta-data"})]
    with pytest.raises(Unavailable, match="redirect"):
        await senders()["slack"].send(delivery("slack", url=there.url), world)
    assert [got.path for got in there.got] == ["/"]


async def test_an_address_that_is_a_secret_is_in_no_error(world: World) -> None:
    url = f"http://127.0.0.1:{free_port()}/services/T0/B0/very-secret"
    with pytest.raises(Unavailable, match="cannot be reached") as error:
        await senders()["slack"].send(delivery("slack", url=url), world)
    assert "very-secret" not in error.value.message


class Mailbox:
    """Takes mail, or answers as it is told."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.answer, self.mails = answer, list[bytes]()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope.content)
        return self.answer


async def _mail(mailbox: Mailbox, world: World) -> None:
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        smtp = Secret(f"smtp://127.0.0.1:{server.port}")
        there = World(world.session, world.clock, smtp, "dogdriver@example.org")
        await senders()["email"].send(delivery("email"), there)
    finally:
        server.stop()


async def test_mail_arrives_and_is_known_again(world: World) -> None:
    mailbox = Mailbox()
    await _mail(mailbox, world)
    mail = message_from_bytes(mailbox.mails[0])
    assert (mail["Subject"], mail["To"]) == ("shop 1.4.0 (stage): slower", "team@example.org")
    assert mail["From"] == "dogdriver@example.org"
    assert mail["Message-ID"] == "<n1@example.org>"
    body = mail.get_payload(decode=True)
    assert isinstance(body, bytes)
    text = body.decode()
    assert "Worse: ART +22 % (17.4 → 21.3 ms)." in text
    assert "https://dog.example.org/p/shop" in text


@pytest.mark.parametrize(("answer", "error"), [("451 later", Unavailable), ("554 never", Refused)])
async def test_a_mail_server_says_whether_to_try_again(world: World, answer: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=answer[:3]):
        await _mail(Mailbox(answer), world)


async def test_mail_without_a_server_or_without_tls_is_not_sent(world: World) -> None:
    with pytest.raises(Unavailable, match="DOGDRIVER_SMTP"):
        await senders()["email"].send(delivery("email"), world)
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    try:  # by a name that is not one of this machine's
        smtp = Secret(f"smtp://127.0.0.1.:{server.port}")
        there = World(world.session, world.clock, smtp, "dogdriver@example.org")
        with pytest.raises(Unavailable):
            await senders()["email"].send(delivery("email"), there)
    finally:
        server.stop()
    assert not mailbox.mails


def test_every_kind_of_receiver_is_found() -> None:
    assert set(senders()) == {"slack", "webhook", "email", "github"}
