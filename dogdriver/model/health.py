"""How each of Datadog's endpoints has answered of late, for the status page."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from dogdriver.errors import ExternalError, KeysRefused


class Endpoint(StrEnum):
    """The calls that dogDriver makes."""

    VALIDATE = "validate"
    QUERY = "query"
    EVENTS = "events"
    EVENT_LIST = "event list"
    SERIES = "series"


@dataclass(frozen=True, slots=True)
class Health:
    """Of one endpoint. *refused*: the last thing it said was that the keys or their scopes will not do.

    *limit*, *remaining*, *resets* are its rate budget as last heard, None where the endpoint never told.
    """

    endpoint: Endpoint
    last_success: datetime | None = None
    last_error: datetime | None = None
    error: str | None = None
    refused: bool = False
    limit: int | None = None
    remaining: int | None = None
    resets: datetime | None = None

    @property
    def ok(self) -> bool | None:
        """Whether the last call went well; None: there was none."""
        if self.last_success is None and self.last_error is None:
            return None
        return self.error is None

    def succeeded(self, at: datetime) -> "Health":
        return replace(self, last_success=at, error=None, refused=False)

    def failed(self, at: datetime, error: ExternalError) -> "Health":
        return replace(self, last_error=at, error=error.message, refused=isinstance(error, KeysRefused))
