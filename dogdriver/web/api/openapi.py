"""The API's description, made of the table that the routes are made of."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from aiohttp import web

from dogdriver.web.api.operations import OPERATIONS, Operation
from dogdriver.web.api.schemas import ERROR, SCHEMAS
from dogdriver.web.cache import json_response
from dogdriver.web.keys import ROOT

MEANINGS = {
    200: "Done.",
    201: "Kept; it is new.",
    202: "Queued.",
    304: "What you have is still true.",
    400: "A parameter, or the body, cannot be read.",
    401: "The token is missing or wrong.",
    403: "The write comes from another site's page.",
    404: "There is no such thing.",
    409: "Not possible as things are.",
    413: "The body is too large.",
    415: "The body is not JSON by its Content-Type.",
    422: "Understood, and still not acceptable.",
    429: "Too many wrong tokens; wait.",
    500: "A defect of dogDriver.",
    503: "Not just now.",
}
IN_PATH = re.compile(r"{(\w+)}")


async def describe(request: web.Request) -> web.StreamResponse:
    """`/api/v1/openapi.json`."""
    del request
    return json_response(document(), headers={"Cache-Control": "no-cache"})


@cache
def document() -> Mapping[str, Any]:
    """OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(ROOT + operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dogDriver",
            "version": "1",
            "description": "Is service X getting slower or faster with this new release?",
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "parameters": [_in_path(name) for name in IN_PATH.findall(operation.path)]
        + [
            {"name": p.name, "in": "query", "required": False, "schema": dict(p.schema), "description": p.help}
            for p in operation.parameters
        ],
        "responses": _responses(operation),
    }
    if operation.handler.__name__ == "trigger":
        described["parameters"].append(
            {"name": "Idempotency-Key", "in": "header", "required": False,
             "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
             "description": "The same key gives the same run again."}
        )  # fmt: skip
    if operation.body:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": _ref(operation.body)}},
        }
    if operation.write:
        described["security"] = [{"token": []}]
    return described


def _responses(operation: Operation) -> dict[str, Any]:
    if operation.answer == "text/event-stream":
        good: Any = {"text/event-stream": {"schema": {"type": "string"}}}
    else:
        good = {"application/json": {"schema": _ref(operation.answer)}}
    responses: dict[str, Any] = {
        str(status): {"description": MEANINGS[status], "content": good} for status in operation.status
    }
    if operation.cached:
        responses["304"] = {"description": MEANINGS[304]}
    bad = {"application/json": {"schema": ERROR}}
    for status in sorted({*operation.fails, 401, 429, 500, 503}):
        responses[str(status)] = {"description": MEANINGS[status], "content": bad}
    return responses


def _in_path(name: str) -> dict[str, Any]:
    # A path segment can be neither empty nor one of the two that URLs resolve away.
    schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[^/.{}][^/{}]*$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
