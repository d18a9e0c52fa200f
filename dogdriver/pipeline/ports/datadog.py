"""Datadog, as the pipeline needs it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from dogdriver.errors import ExternalError
from dogdriver.model import Headline, Metric, MetricValue, Reading, Run, Window


class Datadog(Protocol):
    """Reading metrics back. *configured* is False without keys."""

    @property
    def configured(self) -> bool: ...

    @property
    def sends(self) -> bool:
        """Whether events and gauges can be sent, for which the API key is enough."""

    def render(self, metric: Metric, run: Run) -> str:
        """The query of *metric* with its template tokens replaced by the run's project, deployment, …"""

    def render_template(self, template: str, run: Run) -> str:
        """Any other query with the same tokens."""

    async def read_many(self, queries: Sequence[str], window: Window) -> Sequence[Reading | ExternalError]:
        """The answers over *window* in the order of *queries*, in as few requests as will do: a Reading, or what came
        instead of it: Unavailable (RateLimited) or Refused.
        """

    def assess(
        self,
        reading: Reading,
        previous: Reading | None,
        *,
        metric: Metric,
        window: Window,
        ramp_up: float,
        usual_gap: float | None,
        last: bool,
    ) -> MetricValue:
        """What the reading amounts to: waiting, settled, and with *last* (the deadline) partial or no_data."""

    def usual_gap(self, readings: Sequence[Reading]) -> float | None:
        """The gap in seconds usually seen between two points of this metric."""

    def fingerprint(self, reading: Reading, window: Window) -> float | None:
        """How many hosts a reading of the fingerprint's query speaks of; None where it says nothing."""

    def kinds(self, reading: Reading, window: Window) -> str | None:
        """What these hosts are (instance type, zone), where the query groups by that; None where it does not."""

    def events(self, run: Run, step: str, *, at: datetime, link: str | None) -> Mapping[str, Any]:
        """The payload of the `start` or `stop` event of *run*."""

    def results(self, run: Run, *, at: datetime) -> Mapping[str, Any]:
        """The payload of the gauges of a run that is done."""

    def verdict_event(self, run: Run, headline: Headline, *, at: datetime, link: str | None) -> Mapping[str, Any]:
        """The payload of the event that says what became of the release of *run*."""

    def links(self, run: Run) -> Mapping[str, str]:
        """Addresses in Datadog for the run's window."""
