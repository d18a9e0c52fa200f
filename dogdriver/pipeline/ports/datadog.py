"""Datadog, as the pipeline needs it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from dogdriver.errors import ExternalError
from dogdriver.model import EventStep, Reading, Run, Summary, Window


class Datadog(Protocol):
    """Queries are answered, events and gauges are worded; what the answers amount to is said in dogdriver.metrics."""

    @property
    def configured(self) -> bool:
        """Whether metrics can be read; False without keys."""

    @property
    def sends(self) -> bool:
        """Whether events and gauges can be sent, for which the API key is enough."""

    async def read_many(self, queries: Sequence[str], window: Window) -> Sequence[Reading | ExternalError]:
        """The answers over *window* in the order of *queries*, in as few requests as will do: a Reading, or what came
        instead of it: Unavailable (RateLimited) or Refused (KeysRefused, BadQuery).
        """

    def run_event(self, run: Run, step: EventStep, *, at: datetime, link: str | None) -> Mapping[str, Any]:
        """The payload of the event that marks the start or the stop of *run*."""

    def verdict_event(self, run: Run, summary: Summary, *, at: datetime, link: str | None) -> Mapping[str, Any]:
        """The payload of the event that says what became of the release of *run*."""

    def gauges(self, run: Run, *, at: datetime) -> Mapping[str, Any]:
        """The payload of the gauges of a run that is done."""

    def links(self, run: Run) -> Mapping[str, str]:
        """Addresses in Datadog for the run's window."""
