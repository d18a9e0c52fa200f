"""Metrics that are submitted: from API v1 and v2 bodies into the point store."""

import sys
from collections.abc import Callable
from typing import Any

from dogdriver.demo.standin.errors import IntakeError
from dogdriver.demo.standin.points import Kind, PointStore

OLDEST, NEWEST = 3600, 600  # seconds before and after now; what is outside is accepted and dropped
V1_BYTES, V2_BYTES, UNPACKED_BYTES = 3_200_000, 512_000, 5_242_880
_V2_KINDS = (None, Kind.COUNT, Kind.RATE, Kind.GAUGE)

Point = tuple[float, float]


def submit_v1(store: PointStore, body: Any, now: float) -> None:
    """`{"series": [{metric, points: [[seconds, value]], type?, tags?, host?, interval?}]}`. Raises IntakeError, and
    then keeps nothing."""
    _submit(store, body, now, _one_v1)


def submit_v2(store: PointStore, body: Any, now: float) -> None:
    """`{"series": [{metric, points: [{timestamp, value}], type?, tags?, resources?, unit?, interval?}]}`. Raises
    IntakeError, and then keeps nothing."""
    _submit(store, body, now, _one_v2)


def _submit(store: PointStore, body: Any, now: float, read: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    series = body.get("series") if isinstance(body, dict) else None
    if not isinstance(series, list) or not all(isinstance(one, dict) for one in series):
        raise IntakeError("Payload is not in the expected format: series must be a list of objects")
    for one in [read(one) for one in series]:
        points: list[Point] = one.pop("points")
        kept = [point for point in points if now - OLDEST <= point[0] <= now + NEWEST]
        store.add(one.pop("metric"), kept, received=now, **one)


def _one_v1(one: dict[str, Any]) -> dict[str, Any]:
    points = _list(one, "points")
    if not all(isinstance(point, list) and len(point) == 2 for point in points):  # noqa: PLR2004 - a pair
        raise IntakeError("points must be pairs of a timestamp and a value")
    kind = one.get("type")
    if kind not in (None, *Kind):
        raise IntakeError(f"type must be one of {', '.join(Kind)}")
    host = one.get("host")
    return {
        "metric": _text(one, "metric"),
        "points": [(_number(at), _number(value)) for at, value in points],
        "tags": _tags(one),
        "host": None if host is None else str(host),
        "kind": kind,
        "interval": _interval(one),
    }


def _one_v2(one: dict[str, Any]) -> dict[str, Any]:
    points = _list(one, "points")
    if not all(isinstance(point, dict) for point in points):
        raise IntakeError("points must be objects with a timestamp and a value")
    kind = one.get("type", 0)
    if isinstance(kind, bool) or not isinstance(kind, int) or kind not in range(len(_V2_KINDS)):
        raise IntakeError("type must be 0 (unspecified), 1 (count), 2 (rate) or 3 (gauge)")
    resources = one.get("resources") or []
    if not isinstance(resources, list) or not all(isinstance(resource, dict) for resource in resources):
        raise IntakeError("resources must be a list of objects")
    hosts = [str(resource.get("name")) for resource in resources if resource.get("type") == "host"]
    others = [
        f"{resource.get('type')}:{resource.get('name')}" for resource in resources if resource.get("type") != "host"
    ]
    unit = one.get("unit")
    return {
        "metric": _text(one, "metric"),
        "points": [(_number(point.get("timestamp")), _number(point.get("value"))) for point in points],
        "tags": [*_tags(one), *others],
        "host": hosts[0] if hosts else None,
        "kind": _V2_KINDS[kind],
        "unit": unit if isinstance(unit, str) and unit else None,
        "interval": _interval(one),
    }


def _text(one: dict[str, Any], name: str) -> str:
    value = one.get(name)
    if not isinstance(value, str) or not value:
        raise IntakeError(f"{name} must be a string")
    return value


def _list(one: dict[str, Any], name: str) -> list[Any]:
    value = one.get(name)
    if not isinstance(value, list):
        raise IntakeError(f"{name} must be a list")
    return value


def _tags(one: dict[str, Any]) -> list[str]:
    tags = one.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise IntakeError("tags must be a list of strings")
    return tags


def _number(value: Any) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if not known:  # also where it is NaN
        raise IntakeError("a point needs a timestamp and a value that are finite numbers")
    return float(value)


def _interval(one: dict[str, Any]) -> float | None:
    interval = one.get("interval")
    return None if interval is None else _number(interval)
