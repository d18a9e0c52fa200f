"""A webhook, signed as Standard Webhooks (https://www.standardwebhooks.com) say, so that a program can check it."""

import base64
import binascii
import hashlib
import hmac

import msgspec

from dogdriver.errors import Refused
from dogdriver.notify.delivery import Delivery, Sender, World
from dogdriver.notify.http import post
from dogdriver.settings import Secret

PREFIX = "whsec_"
SHORTEST = 24  # bytes of a key


async def send(delivery: Delivery, world: World) -> dict[str, object]:
    body = msgspec.json.encode(delivery.document)
    at = str(int(world.clock().timestamp()))  # of this attempt: receivers refuse what is old
    headers = {"webhook-id": delivery.identity, "webhook-timestamp": at}
    if delivery.secret is not None:
        headers["webhook-signature"] = sign(delivery.secret, delivery.identity, at, body)
    return dict(await post(world, delivery.url or "", body, headers))


def sign(secret: Secret, identity: str, at: str, body: bytes) -> str:
    """`v1,BASE64(HMAC-SHA256(key, id.timestamp.body))`. Raises Refused for a secret that is none."""
    text = secret.reveal()
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or len(key) < SHORTEST:
        raise Refused(
            f"the secret of the webhook is none: it must be {PREFIX} and {SHORTEST} bytes or more in base64, as "
            f"`echo {PREFIX}$(openssl rand -base64 32)` makes one"
        )
    digest = hmac.new(key, b".".join((identity.encode(), at.encode(), body)), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


SENDER = Sender("webhook", send, needs=(("url", "url_from"),), may=("secret_from",))
