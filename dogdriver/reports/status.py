"""What the daemon says of its parts on the status page: for each its last success, its last error, what is left."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from dogdriver.model import Failures, MessageState, Problem
from dogdriver.model.health import Condition, Endpoint, Health
from dogdriver.model.pause import Pause
from dogdriver.pipeline.ports import CatalogSource
from dogdriver.reports.ports import Store

MESSAGES = 20  # refused ones that are shown


class Catalog(CatalogSource, Protocol):
    """The projects, and how ServiceBook answers."""

    @property
    def status(self) -> Mapping[str, Any]: ...


class Budget(Protocol):
    """How many queries may still be sent, as far as Datadog has told."""

    @property
    def limit(self) -> int | None: ...

    @property
    def remaining(self) -> int | None: ...

    @property
    def resets(self) -> datetime | None: ...


class Datadog(Protocol):
    """How Datadog's endpoints answer; *configured* without keys is False, *sends* without an API key."""

    @property
    def configured(self) -> bool: ...

    @property
    def sends(self) -> bool: ...

    @property
    def health(self) -> Mapping[Endpoint, Health]: ...

    @property
    def budget(self) -> Budget: ...


class Timers(Protocol):
    """When projects are due."""

    def next_run(self, project: str) -> datetime | None: ...


class Bucket(Protocol):
    """How the bucket answers, and what stands in it."""

    async def status(self) -> dict[str, Any]: ...


class Status:
    """Called, it gives `{part: {"state", "last_success", "last_error", "last_error_at", …}}`; times aware or None.

    `state` is a Condition. *archive* is None without a bucket.
    """

    def __init__(
        self,
        *,
        store: Store,
        catalog: Catalog,
        datadog: Datadog,
        scheduler: Timers,
        failures: Failures,
        servicebook: bool,
        archive: Bucket | None = None,
        warnings: tuple[Problem, ...] = (),
        pauses: Callable[[], Awaitable[Sequence[Pause]]],
    ) -> None:
        self._pauses = pauses
        self._store, self._catalog, self._datadog = store, catalog, datadog
        self._scheduler, self._failures, self._warnings = scheduler, failures, warnings
        self._servicebook, self._archive = servicebook, archive

    async def __call__(self) -> dict[str, Any]:
        return {
            "datadog": self._of_datadog(),
            "servicebook": self._of_servicebook(),
            "bucket": await self._of_bucket(),
            "scheduler": await self._of_scheduler(),
            "outbox": await self._of_outbox(),
            "settings": {
                "state": Condition.FAILING if self._warnings else Condition.OK,
                "problems": [{"subject": w.subject, "message": w.message} for w in self._warnings],
            },
        }

    def _of_datadog(self) -> dict[str, Any]:
        endpoints = self._datadog.health
        if not self._datadog.sends:
            kept = "runs are kept with what the load generator measured"
            return {"state": Condition.OFF, "message": f"no Datadog keys are set (DD_API_KEY, DD_APP_KEY): {kept}"}
        known = [health.ok for health in endpoints.values() if health.ok is not None]
        worst = next((h for h in endpoints.values() if h.ok is False), None)
        budget = self._datadog.budget
        return {
            "state": Condition.UNKNOWN if not known else Condition.OK if all(known) else Condition.FAILING,
            "message": None if self._datadog.configured else "DD_APP_KEY is not set: events are sent, nothing is read",
            "last_success": max((h.last_success for h in endpoints.values() if h.last_success), default=None),
            "last_error": worst.error if worst else None,
            "last_error_at": worst.last_error if worst else None,
            "budget": {"limit": budget.limit, "remaining": budget.remaining, "resets": budget.resets},
            "endpoints": {
                name.value: {
                    "ok": h.ok,
                    "last_success": h.last_success,
                    "last_error": h.error,
                    "last_error_at": h.last_error,
                }
                for name, h in endpoints.items()
            },
        }

    def _of_servicebook(self) -> Mapping[str, Any]:
        if not self._servicebook:
            return {"state": Condition.OFF, "message": "no ServiceBook is set (DOGDRIVER_SERVICEBOOK)"}
        return self._catalog.status

    async def _of_bucket(self) -> dict[str, Any]:
        if self._archive is None:
            return {"state": Condition.OFF, "message": "no bucket is set (DOGDRIVER_BUCKET)"}
        return await self._archive.status()

    async def _of_scheduler(self) -> dict[str, Any]:
        """*last_error* keeps the daemon from its work; a project's own failure is among *failures*."""
        failed = self._failures.all()
        own = next((one for one in failed if one.project is None), None)
        projects = self._catalog.current.projects
        return {
            "state": Condition.FAILING if failed else Condition.OK,
            "last_error": own.message if own else None,
            "last_error_at": own.at if own else None,
            "failures": [{"subject": one.subject, "message": one.message, "at": one.at} for one in failed],
            "paused": [msgspec.structs.asdict(one) for one in await self._pauses()],
            "next": {name: at for name in sorted(projects) if (at := self._scheduler.next_run(name))},
        }

    async def _of_outbox(self) -> dict[str, Any]:
        found = await self._store.outbox.outstanding()
        refused = await self._store.outbox.list(state=MessageState.REFUSED, limit=MESSAGES)
        return {
            "state": Condition.FAILING if found.failing else Condition.OK,
            "waiting": found.waiting,
            "failing": found.failing,
            "refused": [{"kind": e.kind, "run": e.run, "error": e.error, "at": e.created} for e in refused],
            "last_error": found.error,
        }
