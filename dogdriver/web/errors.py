"""Every error becomes one shape: JSON under /api, a page elsewhere. One table says which status."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from dogdriver.connections import UNREADABLE
from dogdriver.errors import (
    BadInput,
    Conflict,
    DogdriverError,
    ExternalError,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    RunError,
    StoreError,
    TooLarge,
    TooManyAttempts,
    TooManyRequests,
    TooSlow,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from dogdriver.web.cache import json_response

LOG = logging.getLogger(__name__)

STATUS: Mapping[type[DogdriverError], HTTPStatus] = {
    BadInput: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    TooSlow: HTTPStatus.REQUEST_TIMEOUT,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    RunError: HTTPStatus.CONFLICT,
    ExternalError: HTTPStatus.BAD_GATEWAY,
    Refused: HTTPStatus.BAD_GATEWAY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    DogdriverError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

HTTP_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def status_of(error: DogdriverError) -> HTTPStatus:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def error_document(code: str, message: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The one shape: `{"error": {"code", "message", "details"?}}`."""
    shown = "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in message
    )
    error: dict[str, Any] = {"code": code, "message": shown}
    if details:
        error["details"] = dict(details)
    return {"error": error}


def is_api(path: str) -> bool:
    return path.startswith(("/api/", "/dogdriver/api/")) or path in {"/api", "/dogdriver/api"}


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it goes out: its *status*, the one *document*, and *headers*."""

    status: HTTPStatus
    document: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def message(self) -> str:
        return str(self.document["error"]["message"])


def failure(request: web.Request, error: Exception) -> Failure:
    """The answer to *error*; one that was not raised on purpose goes to the log, and no word of it goes out."""
    if isinstance(error, UNREADABLE):
        error = BadInput("the request broke off, or its body is not what its headers say; send it whole")
    if isinstance(error, DogdriverError):
        status = status_of(error)
        if status is HTTPStatus.INTERNAL_SERVER_ERROR:
            LOG.error("%s %s failed", request.method, request.path, exc_info=error)
        document = error_document(error.code, error.message, error.details)
        return Failure(status, document, _headers(error, status))
    if isinstance(error, web.HTTPException):
        document = error_document(HTTP_CODES.get(error.status, "http_error"), _sentence(request, error))
        return Failure(
            HTTPStatus(error.status), document, {n: v for n, v in error.headers.items() if n.lower() == "allow"}
        )
    LOG.error("%s %s failed", request.method, request.path, exc_info=error)
    message = "dogDriver itself failed on this request; its log has the details"
    return Failure(HTTPStatus.INTERNAL_SERVER_ERROR, error_document("internal", message))


@web.middleware
async def api_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not is_api(request.path):
        return await handler(request)
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        failed = failure(request, error)
    except Exception as error:  # noqa: BLE001 - the last stop: failure() logs what nobody expected
        failed = failure(request, error)
    return json_response(failed.document, status=failed.status, headers=failed.headers)


def _headers(error: DogdriverError, status: HTTPStatus) -> dict[str, str]:
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="dogDriver"'
    if isinstance(error, Unavailable | TooManyAttempts | TooManyRequests) and error.retry_after:
        headers["Retry-After"] = str(int(error.retry_after + 0.999))
    return headers


def _sentence(request: web.Request, error: web.HTTPException) -> str:
    if isinstance(error, web.HTTPNotFound):
        return f"there is nothing at {request.path}; the API is described at /api/v1/openapi.json"
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return f"{request.method} is not possible at {request.path}; use {allowed}"
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return "the body is larger than dogDriver takes; send less"
    return f"{error.reason}; fix the request and send it again"
