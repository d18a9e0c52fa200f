"""The calls that dogDriver makes to Datadog, each with its endpoint's health kept."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

# Never `….models` or `….apis`: the whole of v2 takes seconds to import and 60 MB.
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from datadog_api_client.v1.api.events_api import EventsApi
from datadog_api_client.v1.api.metrics_api import MetricsApi as MetricsV1Api
from datadog_api_client.v1.model.event_create_request import EventCreateRequest
from datadog_api_client.v2.api.metrics_api import MetricsApi as MetricsV2Api
from datadog_api_client.v2.model.metric_intake_type import MetricIntakeType
from datadog_api_client.v2.model.metric_payload import MetricPayload
from datadog_api_client.v2.model.metric_point import MetricPoint
from datadog_api_client.v2.model.metric_series import MetricSeries

from dogdriver.datadog_api import replies
from dogdriver.datadog_api.http import Response, Transport
from dogdriver.errors import KeysRefused, Refused
from dogdriver.model import Clock, Reading
from dogdriver.model.health import Endpoint, Health

T = TypeVar("T")


def _nothing(_: Response) -> None:
    """Observe nothing."""


class Endpoints:
    """Everything raises Unavailable (RateLimited, without its wait) or Refused; *health* remembers how it went."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._authentication = AuthenticationApi(transport.client)  # type: ignore[no-untyped-call]  # no annotations there
        self._events = EventsApi(transport.client)  # type: ignore[no-untyped-call]  # no annotations there
        self._queries = MetricsV1Api(transport.client)  # type: ignore[no-untyped-call]  # no annotations there
        self._series = MetricsV2Api(transport.client)  # type: ignore[no-untyped-call]  # no annotations there
        self.health = {endpoint: Health() for endpoint in Endpoint}

    async def validate(self) -> None:
        """Whether Datadog knows the API key; it says nothing of the application key."""

        def read(document: Mapping[str, Any]) -> None:
            if document.get("valid") is not True:
                raise KeysRefused("Datadog does not know DD_API_KEY; check it and DD_SITE")

        await self._call(Endpoint.VALIDATE, self._authentication.validate, read)

    async def query(
        self, queries: Sequence[str], start: int, end: int, observe: Callable[[Response], None]
    ) -> list[Reading]:
        """One Reading for each of *queries* from *start* to *end*, in unix seconds; *observe* sees the raw response."""

        def read(document: Mapping[str, Any]) -> list[Reading]:
            replies.check_window(document, start, end)
            return replies.readings(document, queries)

        return await self._call(
            Endpoint.QUERY,
            lambda: self._queries.query_metrics(_from=start, to=end, query=",".join(queries)),
            read,
            observe,
        )

    async def event(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """The event as Datadog gives it back."""

        def read(document: Mapping[str, Any]) -> Mapping[str, Any]:
            event = document.get("event")
            return event if isinstance(event, dict) else {}

        return await self._call(Endpoint.EVENTS, lambda: self._events.create_event(body=_event(payload)), read)

    async def listed_events(self, start: int, end: int, tags: Sequence[str]) -> list[Mapping[str, Any]]:
        """The events between *start* and *end* (unix seconds) that have all *tags*; new ones take half a minute."""

        def read(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
            listed = document.get("events")
            return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []

        return await self._call(
            Endpoint.EVENT_LIST,
            lambda: self._events.list_events(start=start, end=end, tags=",".join(tags), unaggregated=True),
            read,
        )

    async def series(self, payload: Mapping[str, Any]) -> None:
        """Datadog takes them all or none."""
        await self._call(Endpoint.SERIES, lambda: self._series.submit_metrics(body=_payload(payload)), lambda _: None)

    async def _call(
        self,
        endpoint: Endpoint,
        request: Callable[[], Awaitable[Any]],
        read: Callable[[Mapping[str, Any]], T],
        observe: Callable[[Response], None] = _nothing,
    ) -> T:
        with self.health[endpoint].recorded(self._clock):
            return await self._transport.call(endpoint, request, read, observe)


def _event(payload: Mapping[str, Any]) -> EventCreateRequest:
    try:
        return EventCreateRequest(**payload)
    except TypeError:
        raise Refused("this is not an event for Datadog: its title or text is missing") from None


def _payload(payload: Mapping[str, Any]) -> MetricPayload:
    try:
        return MetricPayload(series=[_series(one) for one in payload["series"]])
    except (KeyError, TypeError):
        raise Refused("these are not series for Datadog: a part of one is missing") from None


def _series(one: Mapping[str, Any]) -> MetricSeries:
    kind = MetricIntakeType(one["type"])  # type: ignore[no-untyped-call]  # no annotations there
    points = [MetricPoint(**point) for point in one["points"]]
    return MetricSeries(**{**one, "type": kind, "points": points})
