"""Sends a notification by the route that it is for, as the projects file has that route now."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dogdriver.errors import ExternalError, Refused, SettingsError, Unavailable
from dogdriver.given_secrets import GivenSecrets
from dogdriver.model import Catalog, Failures, Project
from dogdriver.model.notify import Route
from dogdriver.model.quiet import quiet_until
from dogdriver.notify import senders
from dogdriver.notify.delivery import Delivery, World
from dogdriver.settings import Secret

GIVEN_UP = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of trying a route: what the receiver answered, or why it did not take it."""

    route: str
    taken: bool
    answer: str


class Notifier:
    """*given* has the secrets that routes name; *learn* is told each of them, to mask it from then on."""

    def __init__(
        self,
        world: World,
        catalog: Callable[[], Catalog],
        given: GivenSecrets,
        failures: Failures,
        learn: Callable[[Secret], None] = lambda _: None,
    ) -> None:
        self._world, self._catalog, self._given = world, catalog, given
        self._failures, self._learn = failures, learn

    async def send(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """A message's sender. What fails stands at the project until one to that receiver succeeds."""
        name = payload["project"]
        catalog = self._catalog()
        project = catalog.projects.get(name)
        route = next((one for one in (project.notify if project else ()) if one.name == payload["route"]), None)
        if route is None and not catalog.complete:
            raise Unavailable(f"{name} is not known yet: {catalog.stale}")
        if route is None:
            raise Refused(f"{name} has no receiver {payload['route']} in the projects file any more")
        now = self._world.clock()
        if until := quiet_until(route.quiet, now):
            raise Unavailable(f"quiet hours until {until:%H:%M} UTC", retry_after=(until - now).total_seconds())
        with self._failures.of(f"telling {route.name} about {name}", project=name):
            return await self._bounded(payload, route, now)

    def learn_all(self) -> None:
        """At a start: know the secrets of all routes, and take them out of the environment that tests see."""
        for project in self._catalog().projects.values():
            for route in project.notify:
                for name, key in ((route.secret_from, "secret_from"), (route.url_from, "url_from")):
                    with suppress(SettingsError):  # said when it is needed
                        self._secret(name, key)

    async def test(self, project: Project, payload: Mapping[str, Any]) -> list[Tried]:
        """Send *payload* to each receiver of *project* at once, in quiet hours too."""
        found = []
        for route in project.notify:
            try:
                answer = await self._deliver(payload, route)
                found.append(Tried(route.name, taken=True, answer=str(answer.get("status"))))
            except (ExternalError, SettingsError) as error:
                found.append(Tried(route.name, taken=False, answer=error.message))
        return found

    async def _bounded(self, payload: Mapping[str, Any], route: Route, now: datetime) -> Mapping[str, Any]:
        try:
            return await self._deliver(payload, route)
        except SettingsError as error:
            raise self._given_up(payload, now, Unavailable(error.message)) from None
        except Unavailable as error:
            raise self._given_up(payload, now, error) from None

    def _given_up(self, payload: Mapping[str, Any], now: datetime, error: Unavailable) -> ExternalError:
        waited = now - datetime.fromisoformat(payload["document"]["at"])
        return Refused(f"given up after {GIVEN_UP.days} days: {error.message}") if waited > GIVEN_UP else error

    async def _deliver(self, payload: Mapping[str, Any], route: Route) -> Mapping[str, Any]:
        sender = senders().get(route.kind)
        if sender is None:
            raise Refused(f"nothing here sends {route.kind}")
        secret = self._secret(route.secret_from, "secret_from")
        url = self._secret(route.url_from, "url_from")
        delivery = Delivery(
            route,
            payload["document"],
            changes=payload["changes"],
            commit=payload.get("commit"),
            repository=payload.get("repository"),
            url=url.reveal() if url else route.url,
            secret=secret,
        )
        return await sender.send(delivery, self._world)

    def _secret(self, name: str | None, key: str) -> Secret | None:
        if name is None:
            return None
        secret = self._given.get(name, key)
        self._learn(secret)
        self._given.withhold([name])
        return secret
