"""The built-in test's scenarios: one for each request of the projects file."""

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from dogdriver.model.built_in import ENDPOINT, HttpRequest, named

FIRST_REDIRECT, FIRST_ERROR = 300, 400
_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")

Scenario = Callable[[aiohttp.ClientSession], Awaitable[None]]


class RequestsFile(msgspec.Struct):
    """What the checkout leaves: the requests, and the names of the variables that may stand in them."""

    requests: tuple[HttpRequest, ...]
    variables: tuple[str, ...] = ()


class UnexpectedAnswer(Exception):
    """An answer with another status than the request expects."""


def register(scenario: Callable[..., Callable[[Scenario], Any]], file: Path, environ: Mapping[str, str]) -> None:
    """Make each request of *file* a scenario of its own, by Molotov's decorator *scenario*."""
    given = msgspec.json.decode(file.read_bytes(), type=RequestsFile)
    variables = {name: environ[name] for name in given.variables if name in environ}
    for name, request in named(given.requests).items():
        scenario(weight=request.weight, name=name)(_scenario(request, environ[ENDPOINT], variables))


def _scenario(request: HttpRequest, endpoint: str, variables: Mapping[str, str]) -> Scenario:
    def filled(text: str) -> str:
        return _VARIABLE.sub(lambda found: variables.get(found[1], found[0]), text)

    url = endpoint + filled(request.path)
    headers = {name: filled(value) for name, value in request.headers.items()}
    body = None if request.body is None else filled(request.body).encode()

    async def make(session: aiohttp.ClientSession) -> None:
        # A redirect is not followed: what would be measured then is another address.
        async with session.request(request.method, url, headers=headers, data=body, allow_redirects=False) as answer:
            await answer.read()
            if not request.expects(answer.status):
                raise UnexpectedAnswer(_said(request, answer))

    return make


def _said(request: HttpRequest, answer: aiohttp.ClientResponse) -> str:
    expected = " or ".join(map(str, request.expect)) or "2xx"
    to = answer.headers.get("Location")
    if to and FIRST_REDIRECT <= answer.status < FIRST_ERROR:
        return (
            f"{request.label} answered {answer.status}, a redirect to {to}, where {expected} is expected; give the "
            f"address that it leads to, or say `expect = {answer.status}`"
        )
    return f"{request.label} answered {answer.status}, where {expected} is expected; correct the path, or say `expect`"
