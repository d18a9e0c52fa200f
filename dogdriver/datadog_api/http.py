"""HTTP to Datadog: its own client for addresses, authentication and models, over the application's aiohttp session.

The client's own transport is not used: after a time-out it can hand out the previous request's answer as the next
one's.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
import msgspec
from datadog_api_client.api_client import AsyncApiClient
from datadog_api_client.configuration import Configuration
from datadog_api_client.exceptions import OpenApiException

from dogdriver.datadog_api.ratelimit import RateLimit
from dogdriver.errors import BadQuery, ExternalError, KeysRefused, RateLimited, Refused, SettingsError, Unavailable
from dogdriver.model.health import Endpoint
from dogdriver.model.text import shortened
from dogdriver.network import untrusted
from dogdriver.settings import Secret

T = TypeVar("T")

LONGEST_RESPONSE = 64 * 2**20
_LONGEST_TEXT = 500
_TRANSIENT = re.compile(r"time[d\s-]*out|try again|temporar|internal|unavailable|overload", re.IGNORECASE)
_TOO_OLD = re.compile(r"too far in the past", re.IGNORECASE)
_NOT_PARSED = re.compile(r"error parsing|unable to parse", re.IGNORECASE)  # it repeats the query, whatever is in that


@dataclass(frozen=True, slots=True)
class Response:
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
    ) -> Response:
        if self._session.closed:
            raise aiohttp.ClientConnectionError("the session is closed")
        headers = dict(headers or {})
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        async with self._session.request(
            method,
            url,
            params=[(name, _query_value(value)) for name, value in query_params or ()],
            headers=headers,
            data=None if body is None else json.dumps(body),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            # A redirect to another host would take the keys along.
            allow_redirects=False,
        ) as response:
            parts, size = [], 0
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > LONGEST_RESPONSE:
                    raise aiohttp.ClientPayloadError(f"more than {LONGEST_RESPONSE} bytes")
                parts.append(chunk)
            return Response(response.status, response.headers, b"".join(parts))


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
        endpoint: Endpoint,
        request: Callable[[], Awaitable[Any]],
        read: Callable[[Mapping[str, Any]], T],
        observe: Callable[[Response], None],
    ) -> T:
        """What *read* makes, in a thread of its own, of the JSON document that *request* is answered.

        *endpoint* names it in errors; *observe* sees every response.
        """
        try:
            response = await request()
        except OpenApiException as error:
            text = f"the request was not sent, it is not valid: {self._redacted(str(error))}"
            raise Refused(text, details=_details(endpoint)) from None
        # None of these is kept as the cause: some carry the request, and with it the keys.
        except TimeoutError:
            raise Unavailable(
                f"Datadog ({endpoint}) did not answer within {self._timeout:g} seconds", unsure=True
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            words = untrusted(error) or self._redacted(str(error)) or type(error).__name__
            unsure = not isinstance(error, aiohttp.ClientConnectorError)  # there was no connection
            raise Unavailable(f"Datadog ({endpoint}) cannot be reached: {words}", unsure=unsure) from None
        observe(response)
        # An answer may be megabytes long: not in the loop that answers the dashboard.
        return await asyncio.to_thread(lambda: read(self._document(endpoint, response)))

    def _document(self, endpoint: Endpoint, response: Response) -> Mapping[str, Any]:
        document, sound = _decode(response.body)
        if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            raise self._failure(endpoint, response, document if sound else None)
        if not sound or not isinstance(document, dict):
            kind = response.headers.get("Content-Type", "no content type")
            raise Unavailable(
                f"Datadog ({endpoint}) answered {response.status} with something that is not JSON ({kind})", unsure=True
            )
        if document.get("status") == "error":
            words = self._redacted(_error_text(document)) or "status error"
            if _TRANSIENT.search(words) and not _NOT_PARSED.search(words):
                raise Unavailable(f"Datadog ({endpoint}) says: {words}", unsure=True)
            raise BadQuery(f"Datadog says: {words}", details=_details(endpoint))
        return document

    def _failure(self, endpoint: Endpoint, response: Response, document: Any) -> ExternalError:
        """What a status that is no success means; *document* is the body where it was JSON."""
        status, words = response.status, self._redacted(_error_text(document))
        says = f": {words}" if words else ""
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            rate = RateLimit.read(response.headers)
            wait = rate.reset if rate.reset is not None else rate.period
            return RateLimited(f"Datadog's limit of calls to {endpoint} is reached{says}", retry_after=wait)
        text, details = f"Datadog ({endpoint}) answered {status}{says}", _details(endpoint, status)
        if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Unavailable(text, retry_after=_retry_after(response.headers), unsure=True)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            text = (
                f"Datadog refuses the keys for {endpoint} ({status}{says}); check DD_API_KEY, DD_APP_KEY, DD_SITE and "
                "the application key's scopes"
            )
            return KeysRefused(text, details=details)
        if status == HTTPStatus.BAD_REQUEST and endpoint is Endpoint.QUERY and words and not _TOO_OLD.search(words):
            return BadQuery(text, details=details)  # a proxy's own 400 has no words
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            text = f"Datadog ({endpoint}) answered with a redirect ({status}); check DD_SITE and DOGDRIVER_DATADOG_URL"
        if not words and endpoint is not Endpoint.QUERY:  # Datadog says why; what does not is a proxy, a login page
            return Unavailable(text)
        too_large = "too_large" if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else None
        return Refused(text, code="too_old" if _TOO_OLD.search(words) else too_large, details=details)

    def _redacted(self, text: str) -> str:
        """*text* on one line, bounded, without the keys."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return shortened(" ".join(text.split()), _LONGEST_TEXT)


def _details(endpoint: Endpoint, status: int | None = None) -> dict[str, Any]:
    return {"endpoint": endpoint, "status": status}


def _query_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _decode(body: bytes) -> tuple[Any, bool]:
    try:
        return msgspec.json.decode(body), True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, False


def _error_text(document: Any) -> str:
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
