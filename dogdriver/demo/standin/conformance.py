"""How the stand-in compares to the recordings: `python -m dogdriver.demo.standin.conformance tests/data/datadog`.

Each recorded request is sent to a stand-in set up for it; status, content type, rate headers, keys and types must be
those of the recorded answer, and where the recording says enough, the values too.
"""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp

from dogdriver.demo.standin.app import serve_standin
from dogdriver.demo.standin.budget import QUERY
from dogdriver.demo.standin.routes import API_HEADER, APP_HEADER
from dogdriver.demo.standin.state import Gaps, Standin

Record = Mapping[str, Any]

NOT_SERVED: Mapping[str, str] = {
    "event_v2_search_bad_cursor_400": "dogDriver posts events and does not search them",
    "notebook_create_ok": "dogDriver makes no notebooks",
    "server_error_500": "an endpoint of logs; the answer is outage mode 500",
    "rate_limited_429_0": "an endpoint of logs; the stand-in's own 429 is compared with rate_limited_429_body",
    "rate_limited_429_1": "an endpoint of logs; the stand-in's own 429 is compared with rate_limited_429_body",
}
# Keys that answers have got since an older recording was made: newer recordings of the same endpoint have them.
ADDED_LATER: Mapping[str, frozenset[str]] = {
    "datadogpy_metrics_simple.1": frozenset({"$.times", "$.values", "$.series[].tag_set"}),
}
# What the recording cannot fix: made by Datadog at that moment, or left open by a derived record.
LIFECYCLE_ID = 6618108885455469409
DEFAULT_MOMENT = 1641430252
OPEN_VALUES = frozenset({"id", "id_str", "uid", "url", "self", "resource", "org_id", "creator", "created", "modified"})


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. *differences* is empty where the answers are equal in shape; *values* says whether they
    are equal altogether, but for what Datadog makes up itself."""

    name: str
    endpoint: str
    derived: bool
    differences: tuple[str, ...] = ()
    values: bool = False
    skipped: str | None = None

    @property
    def equal(self) -> bool:
        return self.skipped is None and not self.differences

    def __str__(self) -> str:
        outcome = f"not served: {self.skipped}" if self.skipped else "; ".join(self.differences) or "equal"
        return f"{self.name:34} {self.endpoint:34} {outcome}{', values too' if self.equal and self.values else ''}" + (
            " (derived, not a recording)" if self.derived else ""
        )


@dataclass(slots=True)
class Scene:
    """What must have happened before a record's request is sent. *at* in unix seconds; keys as they are sent."""

    at: float
    prepare: Callable[[Standin], None] = lambda _standin: None
    options: dict[str, Any] = field(default_factory=dict)
    api_key: str | None = "api-key"
    app_key: str | None = "app-key"
    body: bytes | None = None


def load(folder: Path) -> list[Record]:
    """All records of the JSON files in *folder*. Raises OSError, ValueError."""
    return [record for path in sorted(folder.glob("*.json")) for record in json.loads(path.read_text())]


def scene(record: Record) -> Scene:
    """The stand-in and the keys that *record* needs."""
    name, path, body = record["name"], record["request"]["path"], record["response"]["body"]
    made = Scene(_moment(record))
    if path == "/api/v1/query" and body.get("series"):
        made.prepare = lambda standin: _refill(standin, body["series"])
    elif path.startswith("/api/v2/query/") and "data" in body:
        asked = record["request"]["body"]["data"]["attributes"]
        made.prepare = lambda standin: _refill_v2(standin, asked, body["data"]["attributes"])
    elif name.startswith("event_lifecycle."):
        made.options["first_event_id"] = LIFECYCLE_ID
        made.prepare = _post_lifecycle_event if record["request"]["method"] == "GET" else made.prepare
    _set(made, name)
    return made


def _set(made: Scene, name: str) -> None:
    """What the record says by its name alone."""
    match name:
        case "validate_403":
            made.api_key = None
        case "events_list_403":
            made.app_key = "wrong"
        case "series_413":
            made.body = b"{" + b" " * 600_000 + b"}"
        case "query_v2_scalar_retention_400":
            made.at = 1711394880
        case "query_v1_parse_error_400":
            made.options["parse_error_status"] = 400
        case "query_v1_null_points":
            made.options["gaps"] = Gaps.NULL
        case "rate_limited_429_body":
            made.prepare = lambda standin: _spend_all(standin, made.at)


def _moment(record: Record) -> float:
    """When *record* was made: its Date, else the latest time that its request mentions."""
    date = record["response"]["headers"].get("date")
    if date is not None:
        return parsedate_to_datetime(date).timestamp()
    named = re.findall(r"(?<!\d)(1[56789]\d{8})(?:000)?(?!\d)", json.dumps(record["request"]))
    return max((float(second) for second in named), default=DEFAULT_MOMENT)


def _refill(standin: Standin, series: Sequence[Mapping[str, Any]]) -> None:
    """Submit again what a query was answered from."""
    for one in series:
        points = [(at / 1000, value) for at, value in one["pointlist"] if value is not None]
        tags = [] if one["scope"] == "*" else one["scope"].split(",")
        unit = one["unit"][0] if one["unit"] else None
        standin.points.add(one["metric"], points, tags=tags, unit=unit, visible_at=0)


def _refill_v2(standin: Standin, asked: Mapping[str, Any], recorded: Mapping[str, Any]) -> None:
    metric = asked["queries"][0]["query"].removeprefix("avg:").removesuffix("{*}")
    if "columns" in recorded:
        column = recorded["columns"][0]
        standin.points.add(
            metric, [(asked["from"] / 1000, column["values"][0])], unit=column["meta"]["unit"][0], visible_at=0
        )
    else:
        points = [(at / 1000, value) for at, value in zip(recorded["times"], recorded["values"][0], strict=True)]
        standin.points.add(metric, points, visible_at=0)


def _post_lifecycle_event(standin: Standin) -> None:
    body = {"title": "Test-TestEventLifecycle-1658732894", "text": "example text", "priority": "normal"}
    standin.events.post(body | {"tags": ["test", "client:go"]}, 1658732895)


def _spend_all(standin: Standin, at: float) -> None:
    standin.budget.spend(QUERY, at, standin.budget.limits[QUERY].calls)


async def replay(record: Record) -> Row:
    """Send what was sent, compare what comes."""
    request, name = record["request"], record["name"]
    endpoint, derived = f"{request['method']} {request['path']}", record["source"]["kind"] == "derived"
    if name in NOT_SERVED:
        return Row(name, endpoint, derived, skipped=NOT_SERVED[name])
    made = scene(record)
    at = datetime.fromtimestamp(made.at, UTC)
    async with serve_standin(lambda: at, **made.options) as standin:
        made.prepare(standin)
        keys = {API_HEADER: made.api_key, APP_HEADER: made.app_key}
        data = made.body if made.body is not None else json.dumps(request["body"]).encode() if request["body"] else None
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.request(
                request["method"],
                standin.url + request["path"],
                params=request["query"],
                data=data,
                headers={key: value for key, value in keys.items() if value is not None},
            ) as answer,
        ):
            body = json.loads(await answer.read())
            differences = [
                *_heads(record, answer.status, answer.headers),
                *_shapes(record, body),
            ]
    return Row(name, endpoint, derived, tuple(differences), values=_same(record["response"]["body"], body))


def _heads(record: Record, status: int, headers: Mapping[str, str]) -> Iterator[str]:
    recorded = record["response"]
    if status != recorded["status"]:
        yield f"status {status}, recorded {recorded['status']}"
    if headers.get("Content-Type") != recorded["headers"]["content-type"]:
        yield f"content type {headers.get('Content-Type')}, recorded {recorded['headers']['content-type']}"
    for name, value in recorded["headers"].items():
        if not name.startswith("x-ratelimit-"):
            continue
        given = headers.get(name)
        if given is None:
            yield f"no {name}"
        elif given != value and not _changes_with_time(record, name, given, value):
            yield f"{name} {given}, recorded {value}"


def _changes_with_time(record: Record, name: str, given: str, recorded: str) -> bool:
    """Whether the header says how far a counter or a clock had come, and may differ: a clock by a second, since a Date
    has no fractions; all of it where no Date is known."""
    if name.endswith("-reset"):
        return "date" not in record["response"]["headers"] or abs(int(given) - int(recorded)) <= 1
    return name.endswith("-remaining")


def _shapes(record: Record, body: Any) -> Iterator[str]:
    recorded, given = _shape(record["response"]["body"]), _shape(body)
    for path in sorted({*recorded, *given}):
        if path in ADDED_LATER.get(record["name"], ()) and path not in recorded:
            continue
        if recorded.get(path) != given.get(path):
            yield f"{path} is {_kinds(given.get(path))}, recorded {_kinds(recorded.get(path))}"


def _shape(value: Any, path: str = "$") -> dict[str, set[str]]:
    """The types at each place; all members of a list are one place."""
    shape: dict[str, set[str]] = {path: {_kind(value)}}
    members = value.items() if isinstance(value, dict) else ()
    inner = [(f"{path}.{key}", one) for key, one in members] or [
        (f"{path}[]", one) for one in (value if isinstance(value, list) else ())
    ]
    for place, one in inner:
        for deeper, kinds in _shape(one, place).items():
            shape.setdefault(deeper, set()).update(kinds)
    return shape


def _kind(value: Any) -> str:
    """JSON's types: it has one for numbers."""
    known = {dict: "object", list: "list", str: "string", bool: "boolean", int: "number", float: "number"}
    return known.get(type(value), "null")


def _kinds(kinds: set[str] | None) -> str:
    return " or ".join(sorted(kinds)) if kinds else "missing"


def _same(recorded: Any, given: Any) -> bool:
    if isinstance(recorded, dict) and isinstance(given, dict):
        return all(key in given and (key in OPEN_VALUES or _same(value, given[key])) for key, value in recorded.items())
    if isinstance(recorded, list) and isinstance(given, list):
        return len(recorded) == len(given) and all(
            _same(one, other) for one, other in zip(recorded, given, strict=True)
        )
    return bool(recorded == given)


async def table(records: Sequence[Record]) -> list[Row]:
    return [await replay(record) for record in records]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dogdriver.demo.standin.conformance", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the recordings are")
    rows = asyncio.run(table(load(parser.parse_args(arguments).folder)))
    served = [row for row in rows if row.skipped is None]
    equal = sum(row.equal for row in served)
    lines = [
        *map(str, rows),
        "",
        f"{equal} of {len(served)} served are equal; {len(rows) - len(served)} are not served",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if equal == len(served) else 1


if __name__ == "__main__":
    sys.exit(main())
