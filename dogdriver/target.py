"""The service under test, as far as Dockerflow describes it: which release it runs, and whether it is well."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp

from dogdriver.errors import NOT_NOW, TargetError
from dogdriver.model import Deployment
from dogdriver.model.own_trouble import OWN_TROUBLE, own_trouble
from dogdriver.model.release_source import ReleaseSource, pointed
from dogdriver.model.text import shortened
from dogdriver.network import DIRECT, untrusted

LARGEST = 256 * 1024  # bytes of an answer that are read
LONGEST = 200  # characters of a version
ATTEMPTS = 3
PAUSE = 0.5  # seconds before the second attempt, twice as many before the third
NO = frozenset({"no", "false", "0"})
FAILING = frozenset({"error", "critical", "fail", "failed", "unhealthy", "down"})

Sleep = Callable[[float], Awaitable[None]]


class Answer(NamedTuple):
    """*document* is the JSON in the body, or None."""

    status: int
    document: Any
    headers: Mapping[str, str]


class DockerflowTarget:
    """Asks deployments over *session*; an answer that takes longer than *seconds* is none."""

    def __init__(self, session: aiohttp.ClientSession, *, seconds: float = 10.0, sleep: Sleep = asyncio.sleep) -> None:
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=seconds)
        self._seconds = seconds
        self._sleep = sleep

    async def version(self, deployment: Deployment) -> tuple[str | None, str | None]:
        """(version, commit) as `/__version__` says; (None, None) where it says nothing usable.

        A redirect, an error page, HTML or JSON of another shape is nothing usable. Where another place than
        `/__version__` is set for it, that has to say it. Raises TargetError where the service cannot be reached at all.
        """
        if deployment.release is not None:
            return await self._version_at(deployment, deployment.release)
        status, document, _ = await self._get(deployment, "__version__")
        if status != HTTPStatus.OK or not isinstance(document, dict):
            return None, None
        return _text(document.get("version")), _text(document.get("commit"))

    async def repository(self, deployment: Deployment) -> str | None:
        """The address of its source, as `/__version__` says; None where it does not. Raises TargetError."""
        status, document, _ = await self._get(deployment, "__version__")
        return _text(document.get("source")) if status == HTTPStatus.OK and isinstance(document, dict) else None

    async def check(self, deployment: Deployment) -> None:
        """Raises TargetError where the service cannot be reached, or says that it is unhealthy.

        Unhealthy is a 5xx, a status `error`, or a check that is false or in error in an answer with 200. `warning` is
        well enough; so is a service without a heartbeat (a 404 or a redirect), if its `__lbheartbeat__` is no 5xx.
        """
        for page in ("__heartbeat__", "__lbheartbeat__"):
            status, document, headers = await self._get(deployment, page)
            if headers.get("X-Load-Test", "").strip().lower() in NO or (
                isinstance(document, dict) and document.get("load_test") is False
            ):
                raise TargetError(
                    f"{_described(deployment)} asks by its {page} not to be loaded now; try again later.",
                    code=NOT_NOW,
                )
            failing = ", ".join(_failing_checks(document))
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR or (status == HTTPStatus.OK and failing):
                raise TargetError(
                    f"{_described(deployment)} is unhealthy: {page} answers {status}"
                    f"{f' and names {failing}' if failing else ''}; fix the service, then run again."
                )
            if status < HTTPStatus.MULTIPLE_CHOICES:  # it has this one
                return

    async def _version_at(self, deployment: Deployment, source: ReleaseSource) -> tuple[str | None, str | None]:
        answer = await self._get(deployment, source.path.removeprefix("/"))
        found: object = None
        if source.header is not None:
            found = answer.headers.get(source.header)
        elif answer.status == HTTPStatus.OK and source.pointer is not None:
            found = pointed(answer.document, source.pointer)
        elif answer.status == HTTPStatus.OK and isinstance(answer.document, dict):
            version, commit = _text(answer.document.get("version")), _text(answer.document.get("commit"))
            if version or commit:
                return version, commit
        if (version := _text(found)) is None:
            kind = {dict: "an object", list: "a list", bool: "true or false", type(None): "nothing"}.get(type(found))
            raise TargetError(
                f"{_described(deployment)} says no release: {source} answers {answer.status} and has "
                f"{kind or 'no short text'} there; correct [project.release], or the service."
            )
        return version, None

    async def _get(self, deployment: Deployment, page: str) -> Answer:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._ask(f"{deployment.endpoint}/{page}")
            except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
                raise TargetError(f"{_described(deployment)} has no usable endpoint; correct it.") from None
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                trouble = own_trouble(error)
                if attempt == ATTEMPTS and trouble and not _unknown(error):
                    raise TargetError(
                        f"{_described(deployment)} cannot be asked by this machine: {trouble}; look at its network, "
                        "its DNS and its limits.",
                        code=OWN_TROUBLE,
                    ) from None
                if attempt == ATTEMPTS:
                    why = _reason(error, self._seconds)
                    raise TargetError(
                        f"{_described(deployment)} cannot be reached: {why}; start the service or correct the endpoint."
                    ) from None
            await self._sleep(PAUSE * attempt)
        raise AssertionError

    async def _ask(self, url: str) -> Answer:
        async with self._session.get(
            url,
            allow_redirects=False,
            timeout=self._timeout,
            headers={"Accept": "application/json, */*"},
            middlewares=DIRECT,
        ) as answer:
            body = bytearray()
            async for chunk in answer.content.iter_chunked(LARGEST):
                body += chunk
                if len(body) > LARGEST:
                    return Answer(answer.status, None, answer.headers)
            try:
                return Answer(answer.status, json.loads(body), answer.headers)
            except (ValueError, RecursionError):
                return Answer(answer.status, None, answer.headers)


def _unknown(error: BaseException) -> bool:
    """Whether the DNS itself has answered that there is no such name."""
    cause = getattr(error, "os_error", None) or error
    return isinstance(cause, socket.gaierror) and cause.errno in {socket.EAI_NONAME, socket.EAI_NODATA}


def _text(value: object) -> str | None:
    """*value* as a version or a commit; None for what is blank, no text, or no such thing by its length."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    return text if text and text.isprintable() and len(text) <= LONGEST else None


def _failing_checks(document: object) -> Iterator[str]:
    """What a heartbeat complains of. Where it has a status, that decides; its checks say why."""
    if not isinstance(document, dict):
        return
    status = document.get("status")
    checks = document.get("checks")
    if isinstance(status, str) and not _is_failing(status):
        return
    if _is_failing(status):
        yield f"status {shortened(str(status), 40)}"
    for group in (document, checks if isinstance(checks, dict) else {}):
        for name, value in group.items():
            if name not in {"status", "load_test"} and _is_failing(value):
                yield shortened("".join(c for c in str(name) if c.isprintable()), 60)


def _is_failing(value: object) -> bool:
    return value is False or (isinstance(value, str) and value.lower() in FAILING)


def _described(deployment: Deployment) -> str:
    return f"Deployment {deployment.name} at {deployment.endpoint}"


def _reason(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:g} s"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return untrusted(error) or "its certificate is not valid"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its host name is not known"
    if isinstance(error, aiohttp.ClientConnectorError):
        refused = isinstance(error.os_error, ConnectionRefusedError)
        return "the connection is refused" if refused else (error.os_error.strerror or "there is no connection").lower()
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it closes the connection without an answer"
    return f"its answer is not HTTP ({type(error).__name__})"
