"""How a neighbour (an endpoint of Datadog, ServiceBook, the bucket) has answered of late, for the status page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dogdriver.errors import ExternalError, KeysRefused


class Endpoint(StrEnum):
    """The calls that dogDriver makes to Datadog."""

    VALIDATE = "validate"  # whether it knows the API key
    QUERY = "query"  # the values of metrics
    EVENTS = "events"  # a new event
    EVENT_LIST = "event list"  # the events that it has
    SERIES = "series"  # gauges


class Condition(StrEnum):
    """How a part of the daemon, or a neighbour of it, stands."""

    OK = "ok"  # the newest attempt went well
    FAILING = "failing"  # it did not
    UNKNOWN = "unknown"  # there was none yet
    OFF = "off"  # it is not configured


@dataclass(slots=True)
class Health:
    """Kept by the one who asks, with `recorded` around every attempt. *error* is None while the newest went well.

    *refused*: the last thing that it said was that the keys or their scopes will not do.
    """

    last_success: datetime | None = None
    last_error: datetime | None = None
    error: str | None = None
    refused: bool = False

    @property
    def ok(self) -> bool | None:
        """Whether the newest attempt went well; None: there was none."""
        if self.last_success is None and self.last_error is None:
            return None
        return self.error is None

    @contextmanager
    def recorded(self, clock: Callable[[], datetime]) -> Iterator[None]:
        """Keep here how ends what is done inside; an ExternalError is raised again, any other says nothing."""
        try:
            yield
        except ExternalError as error:
            self.last_error, self.error, self.refused = clock(), error.message, isinstance(error, KeysRefused)
            raise
        self.last_success, self.error, self.refused = clock(), None, False
