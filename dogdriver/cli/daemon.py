"""A daemon somewhere else, over its API: what it knows of projects, and where runs are delivered."""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from dogdriver.errors import NotFound, Refused, Unauthenticated, Unavailable
from dogdriver.settings import Secret

TIMEOUT = 15.0
ATTEMPTS = 3
PAUSE = 1.0  # seconds after the first failure; doubled after the second
UNFIT = frozenset({400, 409, 413, 415, 422})  # sending the same again cannot help


class Daemon:
    """*url* has no trailing slash. Every call is tried *attempts* times, with *pause* and then twice that between.

    Raises Unavailable where that was not enough, Unauthenticated where the token is not taken.
    """

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: Secret | None,
        *, timeout: float = TIMEOUT, attempts: int = ATTEMPTS, pause: float = PAUSE,
    ) -> None:  # fmt: skip
        self.url = self.name = url
        self._session, self._token = session, token
        self._timeout, self._attempts, self._pause = aiohttp.ClientTimeout(total=timeout), attempts, pause

    async def admits(self, source: str) -> None:
        """Raises Unauthenticated where this token may not deliver, Refused where *source* is the daemon's own."""
        if self._token is None:
            raise Unauthenticated(
                f"delivering to {self.url} needs its token; set DOGDRIVER_TOKEN (`dogdriver token` shows it there)"
            )
        # Including a run that there is not changes nothing, and is refused with 404 to who may write.
        await self._ask("POST", f"/api/v1/runs/{'0' * 32}/include", body={})
        _, status = await self._ask("GET", "/api/v1/status")
        if isinstance(status, Mapping) and status.get("source") == source:
            raise Refused(f"{source} is the source of {self.url} itself; name where this load comes from with --source")

    async def deliver(self, document: Mapping[str, Any]) -> None:
        """Hand a run over, in one attempt; again is as good as once. Raises Refused where it will never be taken."""
        path = f"/api/v1/runs/{quote(str(document['id']), safe='')}"
        try:
            status, answer = await self._once("PUT", path, document)
        except Unauthenticated as error:  # the run must not be lost for a token that can be fixed
            raise Unavailable(error.message) from None
        if status in {HTTPStatus.OK, HTTPStatus.CREATED}:
            return
        said = f"{self.url} does not take the run: {_message(status, answer)}"
        raise Refused(said) if status in UNFIT else Unavailable(said)

    def link(self, run: str, /) -> str | None:
        """Where the run will be seen."""
        return f"{self.url}/r/{run}"

    async def names(self) -> list[str]:
        """Of all projects."""
        answer = await self._found("/api/v1/projects", "projects")
        return [str(one["name"]) for one in answer]

    async def test(self, project: str) -> Any:
        """What it takes to run the project's test elsewhere. Raises NotFound, Refused (it may not be run, and why)."""
        return await self._found(f"/api/v1/projects/{quote(project, safe='')}/test", "project")

    async def run(self, run_id: str) -> Any:
        """The document of a run. Raises NotFound."""
        return await self._found(f"/api/v1/runs/{quote(run_id, safe='')}", "run")

    async def verdicts(self, project: str, **scope: str) -> Any:
        """The document of the verdicts in *scope*: deployment, test, source, release. Raises NotFound."""
        return await self._found(f"/api/v1/verdicts/{quote(project, safe='')}?{urlencode(scope)}", None)

    async def _found(self, path: str, part: str | None) -> Any:
        status, answer = await self._ask("GET", path)
        if status == HTTPStatus.NOT_FOUND:
            raise NotFound(_message(status, answer))
        if status != HTTPStatus.OK:
            raise Refused(_message(status, answer))
        if not isinstance(answer, Mapping) or (part and part not in answer):
            raise Refused(f"{self.url}{path} does not answer as a dogDriver does; check the address")
        return answer[part] if part else answer

    async def _ask(self, method: str, path: str, *, body: Any = None) -> tuple[int, Any]:
        for attempt in range(1, self._attempts + 1):
            try:
                return await self._once(method, path, body)
            except Unavailable:
                if attempt == self._attempts:
                    raise
                await asyncio.sleep(self._pause * 2 ** (attempt - 1))
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    async def _once(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._token.reveal()}"} if self._token else {}
        try:
            async with self._session.request(
                method, self.url + path, json=body, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as answer:
                status, text = answer.status, await answer.read()
        except TimeoutError:
            raise Unavailable(f"{self.url} did not answer within {self._timeout.total:g} s") from None
        except aiohttp.ClientError as error:
            raise Unavailable(f"{self.url} cannot be reached ({str(error) or type(error).__name__})") from None
        document = _parsed(text)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} or _code(document) == "too_many_attempts":
            raise Unauthenticated(
                f"{self.url} does not take this token; set DOGDRIVER_TOKEN to what `dogdriver token` shows there"
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            raise Unavailable(f"{self.url} cannot answer now: {_message(status, document)}", retry_after=None)
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            raise Refused(f"{self.url} redirects to another address; give that one")
        return status, document


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _error(document: Any) -> Mapping[str, Any]:
    error = document.get("error") if isinstance(document, Mapping) else None
    return error if isinstance(error, Mapping) else {}


def _code(document: Any) -> Any:
    return _error(document).get("code")


def _message(status: int, document: Any) -> str:
    return str(_error(document).get("message") or f"status {status}")
