"""Where the runs of a client go, a daemon over its API or a bucket's inbox; and what a daemon says when it is asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import aiohttp

from dogdriver.archive import Bucket, inbox_object
from dogdriver.errors import Invalid, NotFound, Refused, Unauthenticated, Unavailable
from dogdriver.model.parse import run_from_document
from dogdriver.settings import Secret

TIMEOUT = 15.0
ATTEMPTS = 3
PAUSE = 1.0  # seconds after the first failure; doubled after the second
NEVER_TAKEN = frozenset({400, 409, 413, 415, 422})  # sending the same again cannot help


class Destination(Protocol):
    """Where runs go. *name* as the user wrote it."""

    name: str

    async def preflight(self, source: str) -> None:
        """Raises where a run of *source* would not be taken."""

    async def deliver(self, document: Mapping[str, Any]) -> None:
        """Again is as good as once. Raises Unavailable (kept and tried again) or Refused (never)."""

    def link(self, run: str, /) -> str | None:
        """Where the run will be seen."""


class BucketInbox:
    """A bucket's inbox: any daemon on the bucket takes the run from there."""

    def __init__(self, bucket: Bucket) -> None:
        self.name = f"s3://{bucket.name}"
        self._bucket = bucket

    async def preflight(self, source: str) -> None:
        """A bucket takes every source; whether it can be written shows when there is something to write."""

    async def deliver(self, document: Mapping[str, Any]) -> None:
        """The key comes from the run, so that again is as good as once. Raises Unavailable."""
        try:
            key, body = inbox_object(run_from_document(document))
        except Invalid as error:  # no daemon would take it
            raise Refused(error.message) from None
        try:
            await self._bucket.put(key, body)
        except Refused as error:  # credentials and rights can be fixed: the run stays here until then
            raise Unavailable(error.message) from None

    def link(self, _run: str, /) -> str | None:
        return None


@asynccontextmanager
async def open_bucket_inbox(name: str) -> AsyncIterator[BucketInbox]:
    """The inbox of the bucket *name*; AWS' own variables say the rest."""
    from dogdriver.storage.s3 import open_bucket  # noqa: PLC0415 - 60 MB and a second, for those who have a bucket

    async with open_bucket(name) as bucket:
        yield BucketInbox(bucket)


class DaemonClient:
    """A daemon over its API; *url* has no trailing slash.

    Every call is tried *attempts* times, with *pause* and then twice that between. Raises Unavailable where that was
    not enough, Unauthenticated where the token is not taken.
    """

    def __init__(
        self, http: aiohttp.ClientSession, url: str, token: Secret | None,
        *, timeout: float = TIMEOUT, attempts: int = ATTEMPTS, pause: float = PAUSE,
    ) -> None:  # fmt: skip
        self.url = self.name = url
        self._http, self._token = http, token
        self._timeout, self._attempts, self._pause = aiohttp.ClientTimeout(total=timeout), attempts, pause

    async def preflight(self, source: str) -> None:
        """Raises Unauthenticated where this token may not deliver, Refused where *source* is the daemon's own."""
        if self._token is None:
            raise Unauthenticated(
                f"delivering to {self.url} needs its token; set DOGDRIVER_TOKEN (`dogdriver token` shows it there)"
            )
        # Including a run that there is not changes nothing, and is refused with 404 to who may write.
        await self._retried("POST", f"/api/v1/runs/{'0' * 32}/include", body={})
        _, status = await self._retried("GET", "/api/v1/status")
        if isinstance(status, Mapping) and status.get("source") == source:
            raise Refused(f"{source} is the source of {self.url} itself; name where this load comes from with --source")

    async def deliver(self, document: Mapping[str, Any]) -> None:
        """Hand a run over, in one attempt; again is as good as once. Raises Refused where it will never be taken."""
        path = f"/api/v1/runs/{quote(str(document['id']), safe='')}"
        try:
            status, answer = await self._request("PUT", path, document)
        except (Unauthenticated, Refused) as error:  # the run must not be lost for what can be fixed
            raise Unavailable(error.message) from None
        if status in {HTTPStatus.OK, HTTPStatus.CREATED}:
            if _acknowledged(answer, document["id"]):
                return
            raise Unavailable(f"what answers at {self.url} is no dogDriver (a proxy, a login page?); check the address")
        said = f"{self.url} does not take the run: {_message(status, answer)}"
        # A page that is not there says nothing of the run: only a dogDriver can refuse one.
        raise Refused(said) if status in NEVER_TAKEN and _code(answer) else Unavailable(said)

    def link(self, run: str, /) -> str | None:
        """Where the run will be seen."""
        return f"{self.url}/r/{run}"

    async def project_names(self) -> list[str]:
        """Of all projects."""
        answer = await self._get("/api/v1/projects", "projects")
        return [str(one["name"]) for one in answer]

    async def project_test(self, project: str) -> Any:
        """What it takes to run the project's test elsewhere. Raises NotFound, Refused (it may not be run, and why)."""
        return await self._get(f"/api/v1/projects/{quote(project, safe='')}/test", "project")

    async def run(self, run_id: str) -> Any:
        """The document of a run. Raises NotFound."""
        return await self._get(f"/api/v1/runs/{quote(run_id, safe='')}", "run")

    async def verdicts(self, project: str, **scope: str) -> Any:
        """The document of the verdicts in *scope*: deployment, test, source, release, baseline. Raises NotFound."""
        return await self._get(f"/api/v1/verdicts/{quote(project, safe='')}?{urlencode(scope)}", None)

    async def _get(self, path: str, part: str | None) -> Any:
        status, answer = await self._retried("GET", path)
        if status == HTTPStatus.NOT_FOUND:
            raise NotFound(_message(status, answer), code=_code(answer) or None)
        if status != HTTPStatus.OK:
            raise Refused(_message(status, answer))
        if not isinstance(answer, Mapping) or (part and part not in answer):
            raise Refused(f"{self.url}{path} does not answer as a dogDriver does; check the address")
        return answer[part] if part else answer

    async def _retried(self, method: str, path: str, *, body: Any = None) -> tuple[int, Any]:
        for attempt in range(1, self._attempts + 1):
            try:
                return await self._request(method, path, body)
            except Unavailable:
                if attempt == self._attempts:
                    raise
                await asyncio.sleep(self._pause * 2 ** (attempt - 1))
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    async def _request(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._token.reveal()}"} if self._token else {}
        try:
            async with self._http.request(
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


def _acknowledged(answer: Any, run: Any) -> bool:
    """Whether it is the run that was delivered: a 200 alone may come from anybody."""
    kept = answer.get("run") if isinstance(answer, Mapping) else None
    return isinstance(kept, Mapping) and kept.get("id") == run


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
