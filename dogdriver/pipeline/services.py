"""What the steps of a run share: the world behind its ports, and the few numbers that are policy."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from dogdriver.model import Clock, Errand, Project, Run
from dogdriver.pipeline.live import Live
from dogdriver.pipeline.ports import Catalogue, Checkouts, Datadog, Runner, Store, Target

LEASE = timedelta(minutes=5)  # longer than any attempt at collecting one run may take


@dataclass(slots=True)
class Wake:
    """Set when there is something new to do, so that no worker has to poll."""

    launch: asyncio.Event = field(default_factory=asyncio.Event)
    collect: asyncio.Event = field(default_factory=asyncio.Event)
    errands: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Services:
    """*settle* in seconds; *link* gives the address of a run on this dashboard; *ids* makes new run ids."""

    store: Store
    catalogue: Catalogue
    target: Target
    checkouts: Checkouts
    runner: Runner
    datadog: Datadog
    clock: Clock
    ids: Callable[[], str]
    source: str
    settle: float
    isolation: str
    link: Callable[[str], str | None]
    live: Live = field(default_factory=Live)
    wake: Wake = field(default_factory=Wake)

    def project(self, run: Run) -> Project | None:
        return self.catalogue.current.projects.get(run.project)

    def event(self, run: Run, step: str) -> Errand:
        """The errand that marks the start or the stop of *run* in Datadog, one of each for a run."""
        now = self.clock()
        payload = self.datadog.events(run, step, at=now, link=self.link(run.id))
        return self.errand("datadog.event", f"{run.id}:{step}", run, payload)

    def errand(self, kind: str, key: str, run: Run, payload: Mapping[str, Any]) -> Errand:
        now = self.clock()
        return Errand(kind=kind, key=key, run=run.id, payload=payload, due=now, created=now)
