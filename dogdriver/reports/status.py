"""What the daemon says of its parts on the status page: for each its last success, its last error, what is left."""

from collections.abc import Mapping
from typing import Any

from dogdriver.archive import Archive
from dogdriver.catalog import ProjectCatalog
from dogdriver.datadog import Datadog
from dogdriver.model import MessageState, Problem
from dogdriver.reports.ports import Store
from dogdriver.scheduler import Scheduler
from dogdriver.settings import Settings

MESSAGES = 20


class Status:
    """Called, it gives `{part: {"state", "last_success", "last_error", "last_error_at", …}}`; times aware or None.

    State: ok, failing, off (not configured), or unknown (not tried yet).
    """

    def __init__(
        self,
        *,
        store: Store,
        catalog: ProjectCatalog,
        datadog: Datadog,
        scheduler: Scheduler,
        settings: Settings,
        archive: Archive | None = None,
        warnings: tuple[Problem, ...] = (),
    ) -> None:
        self._store, self._catalog, self._datadog = store, catalog, datadog
        self._scheduler, self._settings, self._warnings = scheduler, settings, warnings
        self._archive = archive

    async def __call__(self) -> dict[str, Any]:
        return {
            "datadog": self._of_datadog(),
            "servicebook": self._of_servicebook(),
            "bucket": await self._of_bucket(),
            "scheduler": await self._of_scheduler(),
            "outbox": await self._of_outbox(),
            "settings": {
                "state": "failing" if self._warnings else "ok",
                "problems": [{"subject": w.subject, "message": w.message} for w in self._warnings],
            },
        }

    def _of_datadog(self) -> dict[str, Any]:
        endpoints = self._datadog.health
        if not self._datadog.sends:
            return {"state": "off", "message": "no Datadog keys are set (DD_API_KEY, DD_APP_KEY): runs are kept with "
                    "what the load generator measured"}  # fmt: skip
        known = [health.ok for health in endpoints.values() if health.ok is not None]
        worst = next((h for h in endpoints.values() if h.ok is False), None)
        budget = self._datadog.budget
        return {
            "state": "unknown" if not known else "ok" if all(known) else "failing",
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
        if self._settings.servicebook is None:
            return {"state": "off", "message": "no ServiceBook is set (DOGDRIVER_SERVICEBOOK)"}
        return self._catalog.status

    async def _of_bucket(self) -> dict[str, Any]:
        if self._archive is None:
            return {"state": "off", "message": "no bucket is set (DOGDRIVER_BUCKET)"}
        return await self._archive.status()

    async def _of_scheduler(self) -> dict[str, Any]:
        errors = {w.name: w.last_error for w in self._scheduler.workers if w.last_error} | self._scheduler.errors
        projects = self._catalog.current.projects
        return {
            "state": "failing" if errors else "ok",
            "last_error": next(iter(errors.values()), None),
            "next": {name: at for name in sorted(projects) if (at := self._scheduler.next_run(name))},
        }

    async def _of_outbox(self) -> dict[str, Any]:
        found = await self._store.outbox.outstanding()
        refused = await self._store.outbox.list(state=MessageState.REFUSED, limit=MESSAGES)
        return {
            "state": "failing" if found.failing else "ok",
            "waiting": found.waiting,
            "failing": found.failing,
            "refused": [{"kind": e.kind, "run": e.run, "error": e.error, "at": e.created} for e in refused],
            "last_error": found.error,
        }
