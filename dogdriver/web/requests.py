"""What comes in: query parameters and JSON bodies, read strictly, with sentences that name the mistake."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from dogdriver.errors import BadInput, Invalid, TooLarge, TooSlow, UnsupportedMedia
from dogdriver.model import Status
from dogdriver.model.text import shortened

MOST_BYTES = 8 * 1024 * 1024  # of a delivered run
MOST_COMMAND = 64 * 1024  # of a command
MOST_FORM = 16 * 1024
LONGEST = 500
BODY = 60.0  # seconds that a body may take


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: how its text is *read* (ValueError: why not), its JSON *schema*, and what it is for."""

    name: str
    read: Callable[[str], Any]
    schema: Mapping[str, Any]
    help: str


def _text(text: str) -> str:
    if not text or len(text) > LONGEST or not text.isprintable():
        raise ValueError(f"1 to {LONGEST} printable characters")
    return text


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or len(text) > len(str(high)) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def _time(text: str) -> datetime:
    try:
        # A + that was not quoted arrives as a space.
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return (at.replace(tzinfo=UTC) if "T" not in text and at.tzinfo is None else _aware(at)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a time like 2026-01-31T12:00:00Z, or a day like 2026-01-31") from None


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError
    return at


def _statuses(text: str) -> frozenset[Status]:
    try:
        return frozenset(Status(word) for word in text.split(","))
    except ValueError:
        raise ValueError("one or more of " + ", ".join(Status) + ", with commas between") from None


def text_parameter(name: str, help: str) -> Parameter:  # noqa: A002 - the field's name
    return Parameter(name, _text, {"type": "string", "minLength": 1, "maxLength": LONGEST}, help)


def optional_parameter(name: str, help: str) -> Parameter:  # noqa: A002 - the field's name
    """A text, or nothing where a form's selector was left alone."""
    return Parameter(name, lambda text: _text(text) if text else None, {"type": "string", "maxLength": LONGEST}, help)


def integer_parameter(name: str, low: int, high: int, default: int, help: str) -> Parameter:  # noqa: A002 - the field's name
    schema = {"type": "integer", "minimum": low, "maximum": high, "default": default}
    return Parameter(name, _integer(low, high), schema, help)


def time_parameter(name: str, help: str) -> Parameter:  # noqa: A002 - the field's name
    schema = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
    return Parameter(name, _time, schema, help)


def statuses_parameter(name: str, help: str) -> Parameter:  # noqa: A002 - the field's name
    words = "|".join(Status)
    return Parameter(name, _statuses, {"type": "string", "pattern": f"^({words})(,({words}))*$"}, help)


def read_query(request: web.Request, parameters: Iterable[Parameter]) -> dict[str, Any]:
    """The values given, by name. Raises BadInput for an unknown name, one given twice, or a bad value."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    for name, text in request.query.items():
        if name not in known:
            raise BadInput(f"{name!r} is not a parameter here; {_offer(known)}", details={"known": sorted(known)})
        if name in values:
            raise BadInput(f"{name} is given twice; give it once")
        try:
            values[name] = known[name].read(text)
        except ValueError as error:
            raise BadInput(
                f"{name} must be {error}, not {shortened(text, 80)!r}", details={"parameter": name}
            ) from None
    return values


def _offer(known: Mapping[str, Parameter]) -> str:
    return f"there are {', '.join(sorted(known))}" if known else "there are none"


async def read_body(request: web.Request, fields: Iterable[str] | None, *, required: Iterable[str] = ()) -> Any:
    """The JSON object in the body, {} for no body where nothing is *required*.

    With *fields* every value must be a string in one of them, or null. Raises BadInput (not readable), Invalid (not
    acceptable), TooLarge, UnsupportedMedia.
    """
    raw = await _read(request, MOST_BYTES if fields is None else MOST_COMMAND)
    if not raw and not tuple(required) and fields is not None:
        return {}
    if request.content_type != "application/json":
        raise UnsupportedMedia(f"the body is {request.content_type}; send JSON with Content-Type: application/json")
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(f"the body is not JSON ({error}); send a JSON object") from None
    if not isinstance(body, dict):
        raise BadInput("the body must be a JSON object, in braces")
    if fields is not None:
        _check(body, tuple(fields), tuple(required))
    return body


def _check(body: Mapping[str, Any], fields: tuple[str, ...], required: tuple[str, ...]) -> None:
    if unknown := sorted(set(body) - set(fields)):
        offer = f"there are {', '.join(fields)}" if fields else "there are none"
        raise Invalid(f"the body has no field {', '.join(unknown)}; {offer}", details={"known": list(fields)})
    for name in fields:
        value = body.get(name)
        if value is None:
            if name in required:
                raise Invalid(f"the body lacks {name}; add it", details={"missing": [name]})
        elif not isinstance(value, str):
            raise Invalid(f"{name} must be a string; put it in quotes")
        elif not value.strip() or len(value) > LONGEST or not value.isprintable():
            raise Invalid(f"{name} must be 1 to {LONGEST} printable characters")


async def _read(request: web.Request, most: int) -> bytes:
    sentence = f"the body is larger than the {most // 1024} kB that this call takes; send less"
    if (request.content_length or 0) > most:
        raise TooLarge(sentence)
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY):
            async for chunk in request.content.iter_chunked(65536):
                raw += chunk
                if len(raw) > most:
                    raise TooLarge(sentence)
    except TimeoutError:
        raise TooSlow(f"the body did not come within {BODY:g} seconds; send it whole") from None
    return bytes(raw)


async def read_form(request: web.Request, fields: Iterable[str]) -> Mapping[str, str]:
    """The form in the body, as a browser sends it. Raises BadInput, TooLarge, TooSlow, UnsupportedMedia."""
    raw = await _read(request, MOST_FORM)
    if raw and request.content_type != "application/x-www-form-urlencoded":
        raise UnsupportedMedia(f"the form is {request.content_type}; send it as application/x-www-form-urlencoded")
    try:
        form = dict(parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=bool(raw), errors="strict"))
    except ValueError:
        raise BadInput("the form cannot be read; send it in UTF-8, as application/x-www-form-urlencoded") from None
    if unknown := sorted(set(form) - set(fields)):
        raise BadInput(f"the form has no field {shortened(', '.join(unknown), 80)}")
    return form


def idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and (not key.strip() or len(key) > 255 or not key.isprintable()):  # noqa: PLR2004 - our limit
        raise BadInput("Idempotency-Key must be 1 to 255 printable characters; a UUID is best")
    return key
