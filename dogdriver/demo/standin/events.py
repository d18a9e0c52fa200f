"""Events: what may be posted, and when and how it can be read again."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from dogdriver.demo.standin.errors import EventError

OLDEST, NEWEST = 18 * 3600, 2 * 3600  # seconds before and after now
TEXT, TITLE, AGGREGATION_KEY, HOST, TAGS = 4000, 500, 100, 255, 100
ALERT_TYPES = ("error", "warning", "info", "success", "user_update", "recommendation", "snapshot")
PRIORITIES = ("normal", "low")
READABLE_AFTER = 24.0  # seconds, as recorded
FIRST_ID = 6327818702635911562


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it was posted; *fields* is the request's body. *posted* and *happened* in unix seconds."""

    id: int
    posted: float
    happened: int
    fields: Mapping[str, Any]

    @property
    def title(self) -> str:
        return str(self.fields["title"])

    @property
    def text(self) -> str:
        return str(self.fields["text"])

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self.fields.get("tags") or ())

    @property
    def aggregation_key(self) -> str | None:
        return self.fields.get("aggregation_key")

    @property
    def _rounded(self) -> int:
        """As a number that went through a double: only `id_str` can be relied on."""
        return int(Decimal(repr(float(self.id))))

    @property
    def uid(self) -> str:
        """What API v2 calls it."""
        return base64.urlsafe_b64encode(hashlib.sha256(str(self.id).encode()).digest()[:18]).decode()

    def receipt(self) -> dict[str, Any]:
        """The answer to posting it."""
        return {
            "id": self._rounded,
            "id_str": str(self.id),
            "title": self.title,
            "text": self.text,
            "date_happened": self.happened,
            "handle": None,
            "priority": self.fields.get("priority"),
            "related_event_id": self.fields.get("related_event_id"),
            "tags": list(self.tags),
            "url": f"https://app.datadoghq.com/event/event?id={self.id}",
        }

    def receipt_v2(self) -> dict[str, Any]:
        """The answer to posting it through API v2."""
        told = {"attributes": {"evt": {"id": str(self.id), "uid": self.uid}}}
        return {
            "data": {"type": "event", "id": "_", "attributes": told},
            "links": {"self": f"https://app.datadoghq.com/event/event?uid={self.uid}"},
        }

    def details(self) -> dict[str, Any]:
        """As GET /api/v1/events/{id} shows it."""
        return {
            "date_happened": self.happened,
            "alert_type": self.fields.get("alert_type") or "info",
            "resource": f"/api/v1/events/{self.id}",
            "title": self.title,
            "url": f"/event/event?event_id={self.id}",
            "text": self.text,
            "tags": self.stored_tags,
            "device_name": self.fields.get("device_name"),
            "priority": self.priority,
            "monitor_id": None,
            "host": self.fields.get("host"),
            "id_str": str(self.id),
            "monitor_groups": [],
            "id": self._rounded,
        }

    def listed(self) -> dict[str, Any]:
        """As GET /api/v1/events shows it."""
        return self.details() | {
            "is_aggregate": False,
            "comments": [],
            "source": self.source.replace("_", " ").title(),
            "monitor_group_status": None,
        }

    @property
    def source(self) -> str:
        return str(self.fields.get("source_type_name") or "my_apps")

    @property
    def priority(self) -> str:
        return str(self.fields.get("priority") or "normal")

    @property
    def stored_tags(self) -> list[str]:
        return sorted({*self.tags, f"source:{self.source}"})


class EventLog:
    """All events in the order in which they were posted; the same one posted twice is there twice."""

    def __init__(self, *, readable_after: float = READABLE_AFTER, first_id: int = FIRST_ID) -> None:
        self.readable_after = readable_after
        self._next_id = first_id
        self._events: list[Event] = []

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def __getitem__(self, index: int) -> Event:
        return self._events[index]

    def post(self, body: Any, now: float) -> Event:
        """Keep the event of a request. Raises EventError."""
        fields = _checked(body)
        happened = fields.get("date_happened")
        happened = int(now) if happened is None else happened
        if happened < now - OLDEST:
            raise EventError("Event too far in the past")
        if happened > now + NEWEST:
            raise EventError("Event too far in the future")
        event = Event(self._next_id, now, happened, fields)
        self._next_id += 1000003
        self._events.append(event)
        return event

    def post_v2(self, body: Any, now: float) -> Event:
        """Keep the event of an API v2 request: a change or an alert. Raises EventError, at the first thing wrong."""
        return self.post(_from_v2(body), now)

    def find(self, event_id: str, now: float) -> Event | None:
        return next((event for event in self._readable(now) if str(event.id) == event_id), None)

    def between(
        self, start: int, end: int, now: float, *, tags: Iterable[str] = (), priority: str | None = None
    ) -> list[Event]:
        """Newest first, all of *tags* on each."""
        wanted = set(tags)
        found = [
            event
            for event in self._readable(now)
            if start <= event.happened <= end
            and wanted <= set(event.stored_tags)
            and priority in {None, "all", event.priority}
        ]
        return sorted(found, key=lambda event: event.happened, reverse=True)

    def clear(self) -> None:
        self._events.clear()

    def _readable(self, now: float) -> list[Event]:
        return [event for event in self._events if event.posted + self.readable_after <= now]


def _checked(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise EventError("The body must be an object")
    for name, longest in (("title", TITLE), ("text", TEXT)):
        if not isinstance(body.get(name), str) or not body[name]:
            raise EventError(f"Parameter {name} is required")
        _short(name, body[name], longest)
    for name, longest in (("aggregation_key", AGGREGATION_KEY), ("host", HOST)):
        if body.get(name) is not None:
            _short(name, body[name], longest)
    for name, known in (("alert_type", ALERT_TYPES), ("priority", PRIORITIES)):
        if body.get(name) is not None and body[name] not in known:
            raise EventError(f"Parameter {name} must be one of {', '.join(known)}")
    _integer("date_happened", body.get("date_happened"))
    _few_tags(body.get("tags"))
    return dict(json.loads(json.dumps(body)))


def _integer(name: str, value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise EventError(f"Parameter {name} must be an integer")


def _few_tags(tags: Any) -> None:
    if tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        raise EventError("Parameter tags must be a list of strings")
    if tags is not None and len(tags) > TAGS:
        raise EventError(f"Parameter tags may have at most {TAGS} entries")


def _short(name: str, value: Any, longest: int) -> None:
    if not isinstance(value, str) or len(value) > longest:
        raise EventError(f"Parameter {name} must be a string of at most {longest} characters")


def _from_v2(body: Any) -> dict[str, Any]:
    data = body.get("data") if isinstance(body, dict) else None
    given = data.get("attributes") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(given, dict):
        raise EventError("JSON validation failed at $.data.attributes: value must be an object.")
    _one_of("$.data.type", data.get("type"), ("event",))
    _one_of("$.data.attributes.category", given.get("category"), ("alert", "change"))
    for name, longest in (("title", TITLE), ("message", TEXT), ("aggregation_key", AGGREGATION_KEY), ("host", HOST)):
        value = given.get(name)
        if (value is None and name == "title") or (value is not None and not isinstance(value, str)):
            raise EventError(f"JSON validation failed at $.data.attributes.{name}: value must be a string.")
        if value is not None and len(value) > longest:
            raise EventError(
                f"JSON validation failed at $.data.attributes.{name}: value must be at most {longest} long."
            )
    if not isinstance(given.get("attributes"), dict):
        raise EventError("JSON validation failed at $.data.attributes.attributes: value must be an object.")
    fields = {name: given[name] for name in ("title", "tags", "aggregation_key", "host") if given.get(name) is not None}
    fields["text"] = given.get("message") or given["title"]
    if given.get("timestamp") is not None:
        fields["date_happened"] = _instant(given["timestamp"])
    return fields


def _one_of(where: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise EventError(f"JSON validation failed at {where}: value must be one of: {json.dumps(known)}.")


def _instant(text: Any) -> int:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise EventError("JSON validation failed at $.data.attributes.timestamp: value must be a date-time.")
    return int(at.timestamp())
