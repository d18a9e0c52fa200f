"""Events: what may be posted, and when and how it can be read again."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

OLDEST, NEWEST = 18 * 3600, 2 * 3600  # seconds before and after now
TEXT, TITLE, AGGREGATION_KEY, HOST, TAGS = 4000, 500, 100, 255, 100
ALERT_TYPES = frozenset({"error", "warning", "info", "success", "user_update", "recommendation", "snapshot"})
PRIORITIES = frozenset({"normal", "low"})
READABLE_AFTER = 24.0  # seconds, as recorded
FIRST_ID = 6327818702635911562


class EventError(ValueError):
    """The event is refused; str() is the sentence of the answer."""


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
            raise EventError(f"Parameter {name} must be one of {', '.join(sorted(known))}")
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
