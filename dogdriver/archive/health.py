"""How the bucket did: last success, last error."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from dogdriver.errors import ExternalError
from dogdriver.model import Clock


@dataclass(slots=True)
class Health:
    """*error* is None while the newest attempt went well."""

    last_success: datetime | None = None
    last_error: datetime | None = None
    error: str | None = None

    def well(self, at: datetime) -> None:
        self.last_success, self.error = at, None

    def failed(self, error: ExternalError, at: datetime) -> None:
        self.last_error, self.error = at, error.message


@contextmanager
def noted(health: Health, clock: Clock) -> Iterator[None]:
    """Keep in *health* how what is done inside ends."""
    try:
        yield
    except ExternalError as error:
        health.failed(error, clock())
        raise
    health.well(clock())
