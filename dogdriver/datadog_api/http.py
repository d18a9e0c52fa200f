"""HTTP to Datadog: its own client for addresses, authentication and models, over the application's aiohttp session.

The client's own transport is not used: after a time-out it can hand out the previous request's answer as the next
one's.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
import msgspec
from datadog_api_client.api_client import AsyncApiClient
from datadog_api_client.configuration import Configuration
from datadog_api_client.exceptions import OpenApiException

from dogdriver.datadog_api.ratelimit import Rate
from dogdriver.errors import ExternalError, RateLimited, Refused, SettingsError, Unavailable
from dogdriver.settings import Secret

T = TypeVar("T")

LONGEST_ANSWER = 64 * 2**20
_LONGEST_WORDS = 500
_TRANSIENT = re.compile(r"time[d\s-]*out|try again|temporar|internal|unavailable|overload", re.IGNORECASE)
_UNREADABLE = re.compile(r"error parsing|unable to parse", re.IGNORECASE)  # it repeats the query, whatever is in that


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class SessionRest:
    """The client's transport as datadog-api-client calls it. Never raises for a status: `check` does."""

    def __init__(self, session: aiohttp.ClientSession, timeout: float) -> None:
        self._session = session
        self._timeout = timeout

    def close(self) -> None:
        """The session is the application's."""

    async def request(
        self,
        method: str,
        url: str,
        query_params: Any = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        **_: Any,
    ) -> Answer:
        if self._session.closed:
            raise aiohttp.ClientConnectionError("the session is closed")
        headers = dict(headers or {})
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        async with self._session.request(
            method,
            url,
            params=[(name, _written(value)) for name, value in query_params or ()],
            headers=headers,
            data=None if body is None else json.dumps(body),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            # A redirect to another host would take the keys along.
            allow_redirects=False,
        ) as response:
            parts, size = [], 0
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > LONGEST_ANSWER:
                    raise aiohttp.ClientPayloadError(f"more than {LONGEST_ANSWER} bytes")
                parts.append(chunk)
            return Answer(response.status, response.headers, b"".join(parts))


class SessionApiClient(AsyncApiClient):
    """datadog-api-client over *session*. The overridden method is not public: the version is pinned, tests hold it."""

    def __init__(self, configuration: Configuration, session: aiohttp.ClientSession, timeout: float) -> None:
        self._rest = SessionRest(session, timeout)
        super().__init__(configuration)

    def _build_rest_client(self) -> SessionRest:
        return self._rest


class Transport:
    """One call at a time to one Datadog, every failure of which is an ExternalError.

    *timeout* is in seconds and bounds a whole call, its body included. Raises SettingsError for keys that cannot be
    sent.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: str,
        *,
        api_key: Secret | None,
        app_key: Secret | None,
        timeout: float,
    ) -> None:
        self._timeout = timeout
        self._secrets = [key.reveal() for key in (api_key, app_key) if key]
        for name, key in (("DD_API_KEY", api_key), ("DD_APP_KEY", app_key)):
            if key and not re.fullmatch(r"[!-~]+", key.reveal()):
                raise SettingsError(f"{name} holds a character that is in no key; copy the key again.")
        configuration = Configuration(host=address, preload_content=False)  # type: ignore[no-untyped-call]  # no annotations there
        # Set, not given: the configuration would look for what is missing in the environment.
        configuration.api_key = {
            "apiKeyAuth": api_key.reveal() if api_key else None,
            "appKeyAuth": app_key.reveal() if app_key else None,
        }
        self.client = SessionApiClient(configuration, session, timeout)

    async def call(
        self,
        endpoint: str,
        request: Callable[[], Awaitable[Any]],
        read: Callable[[Mapping[str, Any]], T],
        learn: Callable[[Answer], None],
    ) -> T:
        """What *read* makes, in a thread of its own, of the JSON document that *request* is answered.

        *endpoint* names it in errors; *learn* sees every answer.
        """
        try:
            answer = await request()
        except OpenApiException as error:
            raise self._refused(
                endpoint, f"the request was not sent, it is not valid: {self._words(str(error))}"
            ) from None
        # None of these is kept as the cause: some carry the request, and with it the keys.
        except TimeoutError:
            raise Unavailable(f"Datadog ({endpoint}) did not answer within {self._timeout:g} seconds") from None
        except (aiohttp.ClientError, OSError) as error:
            words = self._words(str(error)) or type(error).__name__
            raise Unavailable(f"Datadog ({endpoint}) cannot be reached: {words}") from None
        learn(answer)
        # An answer may be megabytes long: not in the loop that answers the dashboard.
        return await asyncio.to_thread(lambda: read(self._check(endpoint, answer)))

    def _check(self, endpoint: str, answer: Answer) -> Mapping[str, Any]:
        document, sound = _decode(answer.body)
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - the range of success
            raise self._failure(endpoint, answer, document if sound else None)
        if not sound or not isinstance(document, dict):
            kind = answer.headers.get("Content-Type", "no content type")
            raise Unavailable(f"Datadog ({endpoint}) answered {answer.status} with something that is not JSON ({kind})")
        if document.get("status") == "error":
            words = self._words(_said(document)) or "status error"
            if _TRANSIENT.search(words) and not _UNREADABLE.search(words):
                raise Unavailable(f"Datadog ({endpoint}) says: {words}")
            raise self._refused(endpoint, f"Datadog says: {words}", code="bad_query")
        return document

    def _failure(self, endpoint: str, answer: Answer, document: Any) -> ExternalError:
        status, words = answer.status, self._words(_said(document))
        says = f": {words}" if words else ""
        if status == 429:  # noqa: PLR2004 - too many requests
            rate = Rate.read(answer.headers)
            wait = rate.reset if rate.reset is not None else rate.period
            return RateLimited(f"Datadog's limit of calls to {endpoint} is reached{says}", retry_after=wait)
        if status == 408 or status >= 500:  # noqa: PLR2004 - theirs to fix
            return Unavailable(
                f"Datadog ({endpoint}) answered {status}{says}", retry_after=_retry_after(answer.headers)
            )
        if status in {401, 403}:
            text = (
                f"Datadog refuses the keys for {endpoint} ({status}{says}); check DD_API_KEY, DD_APP_KEY, DD_SITE and "
                "the application key's scopes"
            )
            return self._refused(endpoint, text, code="forbidden", status=status)
        if 300 <= status < 400:  # noqa: PLR2004 - the range of redirects
            text = f"Datadog ({endpoint}) answered with a redirect ({status}); check DD_SITE and DOGDRIVER_DATADOG_URL"
            return self._refused(endpoint, text, status=status)
        code = "refused"
        if "too far in the past" in words.lower():
            code = "too_old"
        elif status == 400 and words and endpoint == "query":  # noqa: PLR2004 - a proxy's own 400 has no words
            code = "bad_query"
        elif status == 413:  # noqa: PLR2004 - content too large
            code = "too_large"
        return self._refused(endpoint, f"Datadog ({endpoint}) answered {status}{says}", code=code, status=status)

    def _refused(self, endpoint: str, message: str, *, code: str | None = None, status: int | None = None) -> Refused:
        return Refused(message, code=code, details={"endpoint": endpoint, "status": status})

    def _words(self, text: str) -> str:
        """*text* on one line, bounded, without the keys."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())[:_LONGEST_WORDS]


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _decode(body: bytes) -> tuple[Any, bool]:
    try:
        return msgspec.json.decode(body), True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, False


def _said(document: Any) -> str:
    """Datadog's own words in one of the shapes that its errors have."""
    if not isinstance(document, dict):
        return ""
    errors = document.get("errors") or document.get("error") or document.get("message") or []
    parts = []
    for error in errors if isinstance(errors, list) else [errors]:
        if isinstance(error, dict):
            parts.append(" ".join(str(error[key]) for key in ("title", "detail") if error.get(key)))
        else:
            parts.append(str(error))
    return "; ".join(part for part in parts if part)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() and len(text) < 7 else None  # noqa: PLR2004 - under twelve days
