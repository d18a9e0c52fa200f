"""`dogdriver check`: everything that a run would need, asked once, without running anything; one line for each."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from dogdriver.catalog import ProjectCatalogue
from dogdriver.checkout import TestCheckouts
from dogdriver.datadog import DEFAULT_FINGERPRINT, DEFAULT_METRICS, Datadog
from dogdriver.errors import DogdriverError, ExternalError
from dogdriver.model import UNKNOWN, Clock, Deployment, Metric, Project, Reading, Release, Run, Status, Trigger, Window
from dogdriver.settings import Settings
from dogdriver.target import DockerflowTarget

HOUR = timedelta(hours=1)


class Mark(StrEnum):
    """How one thing stands."""

    FINE = "ok"
    DOUBT = "warn"
    BAD = "FAIL"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at."""

    mark: Mark
    subject: str
    said: str

    def __str__(self) -> str:
        return f"{self.mark:<4}  {self.subject}: {self.said}"


class Check:
    """Looks at the settings' neighbours and at each project; *names* limits the projects."""

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], clock: Clock, names: tuple[str, ...] = ()
    ) -> None:
        self._settings, self._environ, self._clock, self._names = settings, environ, clock, names

    async def lines(self) -> AsyncIterator[Line]:
        for warning in self._settings.warnings:
            yield Line(Mark.DOUBT, "settings", warning)
        yield Line(Mark.FINE, "settings", f"data in {self._settings.data}")
        async with aiohttp.ClientSession() as session:
            datadog = Datadog(
                session,
                clock=self._clock,
                api_key=self._settings.api_key,
                app_key=self._settings.app_key,
                site=self._settings.site,
                address=self._settings.datadog_url,
            )
            yield await _keys(datadog)
            catalogue = self._catalogue(session)
            try:
                catalog = await catalogue.refresh()
            except DogdriverError as error:
                yield Line(Mark.BAD, "projects", error.message)
                return
            if catalog.stale:
                yield Line(Mark.BAD, "ServiceBook", catalog.stale)
            for problem in catalog.problems:
                yield Line(Mark.DOUBT, problem.subject, problem.message)
            chosen = [p for p in catalog.projects.values() if self._wanted(p)]
            yield Line(Mark.FINE, "projects", f"{len(catalog.projects)} known, {len(chosen)} looked at")
            for name in sorted(set(self._names) - set(catalog.projects)):
                yield Line(
                    Mark.BAD, name, f"there is no such project; there are: {', '.join(sorted(catalog.projects))}"
                )
            for project in chosen:
                async for line in self._project(project, datadog, DockerflowTarget(session)):
                    yield line

    def _wanted(self, project: Project) -> bool:
        return project.name in self._names if self._names else project.allowed and project.test is not None

    def _catalogue(self, session: aiohttp.ClientSession) -> ProjectCatalogue:
        async def recall(_: str) -> Any:
            return None

        async def remember(_: str, __: Any) -> None:
            return

        return ProjectCatalogue(
            self._settings.projects,
            self._settings.servicebook,
            session,
            clock=self._clock,
            default_metrics=DEFAULT_METRICS,
            default_fingerprint=DEFAULT_FINGERPRINT,
            remember=remember,
            recall=recall,
        )

    async def _project(self, project: Project, datadog: Datadog, target: DockerflowTarget) -> AsyncIterator[Line]:
        yield await self._checkout(project)
        for deployment in project.deployments:
            release, line = await _target(project, deployment, target)
            yield line
            run = Run("check", project.name, deployment.name, "", self._settings.source or "check", Status.QUEUED,
                      Trigger.REQUEST, self._clock(), endpoint=deployment.endpoint, release=release)  # fmt: skip
            for line in await self._metrics(project, run, datadog):
                yield line

    async def _checkout(self, project: Project) -> Line:
        subject = f"{project.name} test"
        if project.test is None:
            return Line(Mark.BAD, subject, "; ".join(project.problems) or "it has none that can be run")
        if not project.allowed:
            return Line(Mark.BAD, subject, f"{project.test.url} is not among allowed_tests")
        with await asyncio.to_thread(TemporaryDirectory, prefix="dogdriver-check-") as folder:
            try:
                prepared = await TestCheckouts(Path(folder), environ=self._environ).prepare(project.test)
            except DogdriverError as error:
                return Line(Mark.BAD, subject, error.message)
        notes = "".join(f"; {note}" for note in prepared.notes)
        return Line(
            Mark.FINE, subject, f"entry {prepared.name} of {project.test.url} at {prepared.commit or 'a folder'}{notes}"
        )

    async def _metrics(self, project: Project, run: Run, datadog: Datadog) -> list[Line]:
        """One query a metric over the last hour."""
        if not datadog.configured:
            return []
        now = self._clock()
        queries = [datadog.render(metric, run) for metric in project.metrics]
        answers = await datadog.read_many(queries, Window(now - HOUR, now))
        return [
            _metric(f"{project.name} {run.deployment} {metric.name}", metric, query, answer, datadog)
            for metric, query, answer in zip(project.metrics, queries, answers, strict=True)
        ]


async def _keys(datadog: Datadog) -> Line:
    if not datadog.sends:
        return Line(Mark.DOUBT, "Datadog", "no keys are set (DD_API_KEY, DD_APP_KEY): nothing is marked or read there")
    if await datadog.check_keys():
        return Line(Mark.FINE, "Datadog", "takes both keys")
    said = "; ".join(health.error for health in datadog.status.values() if health.error)
    return Line(Mark.BAD, "Datadog", said or "DD_APP_KEY is not set, so no metric can be read")


async def _target(project: Project, deployment: Deployment, target: DockerflowTarget) -> tuple[Release, Line]:
    subject = f"{project.name} {deployment.name}"
    try:
        await target.check(deployment)
        version, commit = await target.version(deployment)
    except DogdriverError as error:
        return Release(UNKNOWN), Line(Mark.BAD, subject, error.message)
    if version is None and commit is None:
        said = f"{deployment.endpoint}/__version__ says nothing usable, so its runs will not be judged"
        return Release(UNKNOWN), Line(Mark.DOUBT, subject, said)
    label = version or (commit or "")[:12]
    return Release(label, version, commit), Line(Mark.FINE, subject, f"healthy, runs {label}")


def _metric(subject: str, metric: Metric, query: str, answer: Reading | ExternalError, datadog: Datadog) -> Line:
    if isinstance(answer, ExternalError):
        return Line(Mark.BAD, subject, f"{answer.message} (asked: {query})")
    points = sum(value is not None for series in answer.series for _, value in series.points)
    if not points:
        return Line(Mark.DOUBT, subject, f"no points in the last hour (asked: {query})")
    gap = datadog.usual_gap([answer])
    unit = answer.unit or "no unit"
    said = f"{points} points in {len(answer.series)} series, {unit}, interval {answer.interval:g} s"
    if gap is not None and gap > metric.every:
        return Line(Mark.DOUBT, subject, f'{said}; its points come every {gap:g} s: set every = "{gap:g}s"')
    return Line(Mark.FINE, subject, said)
