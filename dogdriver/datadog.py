"""Datadog as the rest of dogDriver sees it: answers to queries in, events and gauges out, and how that goes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import ceil, floor
from typing import Any
from urllib.parse import quote

import aiohttp

from dogdriver.datadog_api import payloads
from dogdriver.datadog_api.endpoints import Endpoints
from dogdriver.datadog_api.http import Response, Transport
from dogdriver.datadog_api.ratelimit import Budget
from dogdriver.errors import ExternalError, KeysRefused, Mismatch, RateLimited, Refused, Unavailable
from dogdriver.metrics.query import is_list
from dogdriver.model import Clock, EventStep, Reading, Run, Summary, Window
from dogdriver.model.health import Endpoint, Health
from dogdriver.model.state import State
from dogdriver.settings import Secret, Settings

TIMEOUT = 10.0
PADDING = (60.0, 300.0)  # seconds asked for around a run: half its length, within these
FINDABLE = 60.0  # seconds until an event can surely be listed; 24 were seen
BLIND = 12 * 3600.0  # seconds after which an event whose answer was lost is sent again unseen; 18 h are too late
BATCH_SIZE = 10  # queries in one request
BATCH_LENGTH = 6000  # of the joined queries as they are sent
_BUDGET_KEPT_AS = "datadog.budget"
_CHEAP_QUERY = "avg:datadog.estimated_usage.hosts{*}"


class Datadog:
    """Implements the pipeline's Protocol of this name.

    Without an application key nothing can be read: *configured* is False. Without an API key nothing is sent, either.
    *address* is for another host than the site's; *link_templates* take the place of the usual ones where they are not
    None; *state* carries the rate budget over a restart. Raises SettingsError for a key that cannot be one.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        clock: Clock,
        api_key: Secret | None,
        app_key: Secret | None,
        site: str = "datadoghq.com",
        address: str | None = None,
        timeout: float = TIMEOUT,
        link_templates: Mapping[str, str | None] | None = None,
        state: State | None = None,
    ) -> None:
        self._clock = clock
        self._sends = bool(api_key)
        self._reads = bool(api_key and app_key)
        self._site = site
        given = {name: one for name, one in (link_templates or {}).items() if one is not None}
        self._link_templates = {**payloads.LINK_TEMPLATES, **given}
        self._state = state
        self._restored = state is None
        transport = Transport(
            session, address or f"https://api.{site}", api_key=api_key, app_key=app_key, timeout=timeout
        )
        self._api = Endpoints(transport, clock)
        self.budget = Budget(clock)

    @classmethod
    def from_settings(
        cls, settings: Settings, session: aiohttp.ClientSession, clock: Clock, state: State | None = None
    ) -> "Datadog":
        """With the keys, the site and the links of *settings*."""
        return cls(
            session,
            clock=clock,
            api_key=settings.api_key,
            app_key=settings.app_key,
            site=settings.site,
            address=settings.datadog_url,
            link_templates={"events": settings.link_events, "metric": settings.link_metric},
            state=state,
        )

    @property
    def configured(self) -> bool:
        return self._reads

    @property
    def sends(self) -> bool:
        """Whether events and gauges can be sent, which needs the API key only."""
        return self._sends

    # Reading

    async def read(self, query: str, window: Window) -> Reading:
        """One query over *window* and a little more on both sides. Raises Unavailable (RateLimited) or Refused."""
        return (await self._query([query], window))[0]

    async def read_many(self, queries: Sequence[str], window: Window) -> list[Reading | ExternalError]:
        """The same for several queries, in their order, in as few requests as will do. Raises nothing of its own.

        A query that spoils the answer to the others is found by asking each alone.
        """
        answers: dict[str, Reading | ExternalError] = {}
        for batch in _batches(list(dict.fromkeys(queries))):
            try:
                answers.update(zip(batch, await self._query(batch, window), strict=True))
            except (Mismatch, Refused) as error:
                if len(batch) == 1 or isinstance(error, KeysRefused):
                    answers.update(dict.fromkeys(batch, error))
                else:
                    answers.update({one: await self._read_alone(one, window) for one in batch})
            except ExternalError as error:
                answers.update(dict.fromkeys(batch, error))
        return [answers[one] for one in queries]

    async def _read_alone(self, query: str, window: Window) -> Reading | ExternalError:
        try:
            return await self.read(query, window)
        except ExternalError as error:
            return error

    async def _query(self, queries: Sequence[str], window: Window) -> list[Reading]:
        _require_keys(self._reads, "DD_API_KEY and DD_APP_KEY")
        await self._restore()
        if (wait := self.budget.take()) > 0:
            raise RateLimited("the budget of queries to Datadog is spent for now", retry_after=wait)

        def observe(response: Response) -> None:
            self.budget.update(response.status, response.headers)

        try:
            found = await self._api.query(queries, *padded(window), observe)
        except RateLimited as error:
            await self._keep()
            raise RateLimited(error.message, retry_after=self.budget.wait()) from None
        if self.budget.scarce:
            await self._keep()
        return found

    async def _restore(self) -> None:
        if self._state is not None and not self._restored:
            self.budget.load(await self._state.get(_BUDGET_KEPT_AS))
            self._restored = True

    async def _keep(self) -> None:
        if self._state is not None:
            await self._state.set(_BUDGET_KEPT_AS, self.budget.dump())

    # Sending

    def run_event(self, run: Run, step: EventStep, *, at: datetime, link: str | None) -> Mapping[str, Any]:
        """The payload for `send_event` that marks the start or the stop of *run*."""
        return payloads.run_event(run, step, at=at, link=link)

    def verdict_event(self, run: Run, summary: Summary, *, at: datetime, link: str | None) -> Mapping[str, Any]:
        """The payload for `send_event` that says what became of the release of *run*."""
        return payloads.verdict_event(run, summary, at=at, link=link)

    def gauges(self, run: Run, *, at: datetime) -> Mapping[str, Any]:
        """The payload for `send_series`: what *run* measured."""
        return payloads.gauges(run, at=at)

    def links(self, run: Run) -> Mapping[str, str]:
        """Addresses in Datadog's pages for the run's window."""
        return payloads.links(run, site=self._site, templates=self._link_templates)

    async def send_event(self, payload: Mapping[str, Any]) -> Mapping[str, str]:
        """Send what `run_event` or `verdict_event` gave. Returns `{"id", "url"}`, as far as Datadog told them.

        Datadog takes the same event twice. So what happened a while ago is looked for first: it may have arrived while
        only its answer was lost, to an earlier daemon even. Raises Unavailable, not to be tried again before such an
        event could be found, or Refused (code `too_old` for what happened more than 18 hours ago).
        """
        return await self.send_event_again(payload, 0)

    async def send_event_again(self, payload: Mapping[str, Any], unsure: int) -> Mapping[str, str]:
        """The same for one that was sent *unsure* times before without that it is known whether it arrived.

        It is sent again when Datadog has told that it has none. Where it cannot be asked for BLIND seconds, one more is
        sent all the same, so that there are two at the most. Raises Unavailable until then.
        """
        _require_keys(self._sends, "DD_API_KEY")
        event = await self._already_sent(payload, unsure)
        if event is None:
            try:
                event = await self._api.event(payload)
            except Unavailable as error:
                if not error.unsure:
                    raise
                wait = max(error.retry_after or 0.0, FINDABLE)
                raise Unavailable(error.message, retry_after=wait, unsure=True) from None
        # `id` is more than a JSON number holds; id_str is exact.
        receipt = {"id": event.get("id_str"), "url": event.get("url")}
        found = {name: value for name, value in receipt.items() if isinstance(value, str)}
        if found.get("url", "").startswith("/"):
            found["url"] = payloads.app_address(self._site) + found["url"]
        return found

    async def _already_sent(self, payload: Mapping[str, Any], unsure: int) -> Mapping[str, Any] | None:
        """The event as Datadog has it already; None: it is to be sent. Raises Unavailable where that is too early."""
        at, tags = payload.get("date_happened"), payload.get("tags") or []
        age = self._clock().timestamp() - at if isinstance(at, int) else 0.0
        if not isinstance(at, int) or (not unsure and age < FINDABLE):
            return None
        try:
            _require_keys(self._reads, "DD_APP_KEY")
            listed = await self._api.listed_events(at - 1, at + 1, tags)
        except ExternalError as error:
            if not unsure or (unsure == 1 and age >= BLIND):
                return None  # twice is better than never
            raise Unavailable(
                f"whether the event has arrived already cannot be found out: {error.message}", retry_after=FINDABLE
            ) from None
        return next((one for one in listed if set(tags) <= set(one.get("tags") or ())), None)

    async def send_series(self, payload: Mapping[str, Any]) -> None:
        """Send what `gauges` gave, however long ago. Raises Unavailable or Refused."""
        _require_keys(self._sends, "DD_API_KEY")
        if payload.get("series"):
            await self._api.series(payloads.redated(payload, self._clock()))

    # How it goes

    async def check_keys(self) -> bool:
        """Ask whether Datadog takes the keys: `validate` for the API key, one cheap query for the application key.

        Raises nothing; what was wrong is in `health`. A limit that is reached says nothing against the keys.
        """
        if not self._sends:
            return False
        try:
            await self._api.validate()
            if self._reads:
                now = self._clock()
                await self.read(_CHEAP_QUERY, Window(now, now))
        except RateLimited:
            return self._reads
        except ExternalError:
            return False
        return self._reads

    @property
    def health(self) -> Mapping[Endpoint, Health]:
        """Of each endpoint; a refusal at one says nothing of the others."""
        return self._api.health


def padded(window: Window) -> tuple[int, int]:
    """From and to in whole unix seconds, with room for buckets that reach over the window's edges."""
    room = min(max(PADDING[0], window.seconds / 2), PADDING[1])
    return floor(window.start.timestamp() - room), ceil(window.end.timestamp() + room)


def _batches(queries: Sequence[str]) -> list[list[str]]:
    """*queries* in groups that go into one request each; a list of queries goes alone."""
    groups: list[list[str]] = []
    length = BATCH_LENGTH
    for one in queries:
        size = len(quote(one)) + 3
        alone = is_list(one)
        if alone or length + size > BATCH_LENGTH or len(groups[-1]) == BATCH_SIZE:
            groups.append([])
            length = 0
        groups[-1].append(one)
        length = BATCH_LENGTH if alone else length + size
    return groups


def _require_keys(given: bool, names: str) -> None:
    if not given:
        raise Refused(f"no Datadog keys are set for this; set {names}", code="not_configured")
