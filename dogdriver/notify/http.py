"""POST to a receiver. It is never followed elsewhere, and its address, which may be a secret, is never shown."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from dogdriver.errors import Refused, Unavailable
from dogdriver.model.text import shortened
from dogdriver.notify.delivery import World

TIMEOUT = 10.0  # seconds
LARGEST = 4096  # bytes of an answer that are read
FINAL = frozenset({HTTPStatus.GONE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})
"""Answers after which sending again is of no use."""


async def post(world: World, url: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, Any]:
    """`{"status": …}` where it is taken. Raises Unavailable (try again) or Refused."""
    host = urlsplit(url).netloc.rpartition("@")[2] or "the receiver"
    try:
        async with world.session.post(
            url,
            data=body,
            headers={"Content-Type": "application/json", "User-Agent": "dogDriver", **headers},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
        ) as answer:
            status = answer.status
            said = await answer.content.read(LARGEST)
            wait = answer.headers.get("Retry-After", "")
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        raise Refused("the receiver's address is not one; correct it") from None
    except TimeoutError:
        raise Unavailable(f"{host} did not answer within {TIMEOUT:g} s", unsure=True) from None
    except aiohttp.ClientConnectorError as error:
        raise Unavailable(f"{host} cannot be reached: {error.os_error.strerror or 'no connection'}") from None
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"{host} broke off ({type(error).__name__})", unsure=True) from None
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return {"status": status}
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise Unavailable(f"{host} answered {status}, a redirect, which is not followed; give its final address")
    words = shortened(" ".join(said.decode(errors="replace").split()), 200)
    sentence = f"{host} answered {status}{f': {words}' if words and '<' not in words else ''}"
    if status in FINAL:
        raise Refused(sentence)
    raise Unavailable(sentence, retry_after=float(wait) if wait.isdecimal() and len(wait) <= len("86400") else None)
