"""The verdict on the release that a run has loaded: asked of a daemon, or found in the own store."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from dogdriver.cli.arguments import ExitCode
from dogdriver.cli.destinations import DaemonClient
from dogdriver.errors import NotFound, Unavailable
from dogdriver.model import UNKNOWN, Clock, Headline, Run, Status
from dogdriver.model.parse import run_from_document
from dogdriver.pipeline import Pipeline
from dogdriver.pipeline.judge import Judge
from dogdriver.pipeline.ports import CatalogSource
from dogdriver.reports.ports import Store
from dogdriver.reports.release import Releases
from dogdriver.reports.scope import Selections

POLL = 5.0  # seconds between two looks at a run that is not done; the first come sooner
EXIT_CODES: Mapping[str, ExitCode] = {
    Headline.SLOWER.value: ExitCode.REGRESSED,
    Headline.MIXED.value: ExitCode.REGRESSED,
    Headline.FASTER.value: ExitCode.FINE,
    Headline.NO_CHANGE.value: ExitCode.FINE,
}
"""By headline; every other one is undecided."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """*run* as it is when its metrics are final, the *headline* of its release (None: nothing was judged)."""

    run: Run
    headline: str | None
    sentence: str | None
    verdicts: tuple[Mapping[str, Any], ...]

    @property
    def exit_code(self) -> ExitCode:
        if self.run.status is not Status.DONE:
            return ExitCode.FAILED
        return EXIT_CODES.get(self.headline or "", ExitCode.UNDECIDED)


class VerdictSource(Protocol):
    """Somebody who reads the metrics of a run and judges its release."""

    async def wait(self, run: Run) -> Judgement:
        """Waits as long as that takes."""


class DaemonVerdicts:
    """Of a daemon that gets the run, directly or through a bucket; one that is down is asked again.

    *baseline* None: against the releases that the daemon chooses.
    """

    def __init__(self, daemon: DaemonClient, *, baseline: str | None = None, poll: float = POLL) -> None:
        self._daemon, self._baseline, self._poll = daemon, baseline, poll

    async def wait(self, run: Run) -> Judgement:
        pause = min(0.5, self._poll)
        while True:
            with suppress(Unavailable):  # the daemon is away
                done = await self._done(run)
                if done is not None:
                    return await self._judge(done)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._poll)

    async def _done(self, run: Run) -> Run | None:
        """*run* as the daemon has it; None: it is not final there, or has not reached that daemon yet."""
        try:
            document = await self._daemon.run(run.id)
        except NotFound:
            return None
        # Its verdicts are asked for below, whole; they are no part of what a run is made from again.
        kept = run_from_document({**document, "verdicts": []})
        return kept if kept.status.final else None

    async def _judge(self, run: Run) -> Judgement:
        if run.status is not Status.DONE:
            return Judgement(run, None, run.reason, ())
        scope = {
            "deployment": run.deployment, "test": run.test, "source": run.source,
            "release": run.release_name or UNKNOWN,
        }  # fmt: skip
        if self._baseline is not None:
            scope["baseline"] = self._baseline
        try:
            found = await self._daemon.verdicts(run.project, **scope)
        except NotFound:
            if self._baseline is not None:
                raise  # it says which of the two releases is not there
            return Judgement(run, None, None, ())  # a release that nobody judges, as an unknown one
        return Judgement(run, found.get("headline"), found.get("sentence"), tuple(found.get("verdicts") or ()))


class OwnVerdicts:
    """Of this process: it reads the metrics and judges, as a daemon on the same data directory would."""

    def __init__(
        self, pipeline: Pipeline, store: Store, catalog: CatalogSource, clock: Clock, *, baseline: str | None = None
    ) -> None:
        self._pipeline, self._store, self._catalog, self._clock = pipeline, store, catalog, clock
        self._baseline = baseline
        self._releases = Releases(store, Judge(store.series))

    async def wait(self, run: Run) -> Judgement:
        while True:
            kept = await self._store.runs.get(run.id)
            if kept is None or kept.status.final:
                return await self._judge(kept or run)
            if not await self._pipeline.collect_next():
                due = await self._store.runs.next_due()
                rest = (due - self._clock()).total_seconds() if due else POLL
                await asyncio.sleep(min(max(rest, 0.01), POLL))

    async def _judge(self, run: Run) -> Judgement:
        if run.status is not Status.DONE:
            return Judgement(run, None, run.reason, ())
        selections = Selections(self._store, self._catalog, run.source)
        try:
            selection = await selections.find(run.project, deployment=run.deployment, test=run.test, source=run.source)
            view = await self._releases.view(selection, run.release_name or UNKNOWN, self._baseline)
        except NotFound:
            if self._baseline is not None:
                raise
            return Judgement(run, None, None, ())
        summary = view.summary
        return Judgement(
            run, summary.headline.value if summary else None, summary.sentence if summary else None,
            tuple(msgspec.to_builtins(one) for one in view.verdict_documents()),
        )  # fmt: skip


def verdict_lines(verdicts: Iterable[Mapping[str, Any]]) -> list[str]:
    """One a metric, for people."""
    return [
        f"  {one['metric']}: {str(one['outcome']).replace('_', ' ')}. {one['reason'] or ''}".rstrip()
        for one in verdicts
    ]
