"""`dogdriver check`: everything that a run would need, asked once, without running anything; one line for each."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from dogdriver.catalog import ProjectCatalog
from dogdriver.checkout import TestCheckouts
from dogdriver.datadog import Datadog
from dogdriver.errors import DogdriverError, ExternalError, RateLimited
from dogdriver.metrics.hosts import count_hosts, host_kinds
from dogdriver.metrics.points import usual_gap
from dogdriver.metrics.query import metric_query, run_query
from dogdriver.metrics.settle import assess
from dogdriver.metrics.units import unit_warnings
from dogdriver.model import (
    UNKNOWN,
    Clock,
    Deployment,
    Metric,
    MetricState,
    Project,
    Reading,
    Release,
    Run,
    Status,
    Trigger,
    Window,
)
from dogdriver.model.health import Endpoint
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
            datadog = Datadog.from_settings(self._settings, session, self._clock)
            keys = await _keys(datadog, self._settings.site)
            yield keys
            try:
                catalog = await ProjectCatalog.from_settings(self._settings, session, self._clock).refresh()
            except DogdriverError as error:
                yield Line(Mark.BAD, "projects", error.message)
                return
            if catalog.stale:
                yield Line(Mark.BAD, "ServiceBook", catalog.stale)
            elif self._settings.servicebook:
                yield Line(Mark.FINE, "ServiceBook", f"{self._settings.servicebook} answers")
            for problem in catalog.problems:
                yield Line(Mark.DOUBT, problem.subject, problem.message)
            chosen = [p for p in catalog.projects.values() if self._wanted(p)]
            yield _known(len(catalog.projects), len(chosen))
            for name in sorted(set(self._names) - set(catalog.projects)):
                yield Line(
                    Mark.BAD, name, f"there is no such project; there are: {', '.join(sorted(catalog.projects))}"
                )
            for project in chosen:
                reads = datadog if keys.mark is Mark.FINE else None
                async for line in self._project(project, reads, DockerflowTarget(session)):
                    yield line

    def _wanted(self, project: Project) -> bool:
        return project.name in self._names if self._names else project.allowed and project.test is not None

    async def _project(
        self, project: Project, datadog: Datadog | None, target: DockerflowTarget
    ) -> AsyncIterator[Line]:
        """Without *datadog*, which has been told of already, its metrics are named and not asked."""
        yield await self._checkout(project)
        for deployment in project.deployments:
            release, line = await _target(project, deployment, target)
            yield line
            run = Run(
                id="check", project=project.name, deployment=deployment.name, test="",
                source=self._settings.source or "check", status=Status.QUEUED, trigger=Trigger.REQUEST,
                created=self._clock(), endpoint=deployment.endpoint,
            ).with_release(release)  # fmt: skip
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

    async def _metrics(self, project: Project, run: Run, datadog: Datadog | None) -> list[Line]:
        """One query a metric over the last hour, and that of the hosts."""
        subject = f"{project.name} {run.deployment}"
        if datadog is None:
            said = "not asked: see Datadog above"
            return [Line(Mark.DOUBT, f"{subject} {metric.name}", said) for metric in project.metrics]
        hour = Window(self._clock() - HOUR, self._clock())
        queries = [metric_query(metric, run) for metric in project.metrics]
        hosts = [run_query(project.fingerprint, run)] if project.fingerprint else []
        answers = dict(zip([*queries, *hosts], await datadog.read_many([*queries, *hosts], hour), strict=True))
        return [
            *(
                asked(f"{subject} {metric.name}", metric, query, answers[query], hour)
                for metric, query in zip(project.metrics, queries, strict=True)
            ),
            *(hosts_seen(f"{subject} hosts", query, answers[query], hour) for query in hosts),
        ]


def _known(projects: int, chosen: int) -> Line:
    if not projects:
        said = "none is known; set DOGDRIVER_PROJECTS to a projects file, or DOGDRIVER_SERVICEBOOK"
        return Line(Mark.DOUBT, "projects", said)
    said = f"{projects} known, {chosen} looked at"
    return Line(Mark.FINE, "projects", said if chosen else f"{said}: none of them may run (give a name to look at it)")


async def _keys(datadog: Datadog, site: str) -> Line:
    if not datadog.sends:
        said = "no keys are set (DD_API_KEY, DD_APP_KEY): nothing is marked there, no metric is read"
        return Line(Mark.DOUBT, "Datadog", said)
    if await datadog.check_keys():
        return Line(Mark.FINE, "Datadog", "takes both keys")
    validate, query = datadog.health[Endpoint.VALIDATE], datadog.health[Endpoint.QUERY]
    if validate.refused:
        said = f"DD_API_KEY is not taken at {site}; check the key, and that DD_SITE is the site that it belongs to"
    elif query.refused:
        said = "takes DD_API_KEY, not DD_APP_KEY; check that key, and that its scopes hold timeseries_query"
    else:
        said = validate.error or query.error or "DD_APP_KEY is not set: runs are marked, no metric is read"
    return Line(Mark.BAD, "Datadog", said)


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


def asked(subject: str, metric: Metric, query: str, answer: Reading | ExternalError, hour: Window) -> Line:
    """What one answer says of a metric's query: points, unit, how far apart they are, and what that would come to."""
    if isinstance(answer, ExternalError):
        return _unanswered(subject, query, answer)
    points = sum(value is not None for series in answer.series for _, value in series.points)
    if not points:
        why = "nothing was reported, or under another name or other tags; try it in Datadog's metrics explorer"
        return Line(Mark.DOUBT, subject, f"no points in the last hour: {why} (asked: {query})")
    value = assess(answer, answer, metric=metric, window=hour, last=True)
    if value.state is MetricState.REFUSED:
        return Line(Mark.BAD, subject, f"{value.note} (asked: {query})")
    gap = usual_gap([answer]) or metric.every
    warnings = unit_warnings(answer, metric, max(answer.interval or 0.0, gap))
    if gap > metric.every:
        warnings.append(f'its points come every {gap:g} s: set every = "{gap:g}s"')
    said = f"{points} points in {len(answer.series)} series, {answer.unit or 'no unit'}, interval {answer.interval:g} s"
    if value.value is not None:
        said += f"; {metric.reduce} of the hour {value.value:.4g} {metric.unit}".rstrip()
    return Line(Mark.DOUBT if warnings else Mark.FINE, subject, "; ".join([said, *warnings]))


def hosts_seen(subject: str, query: str, answer: Reading | ExternalError, hour: Window) -> Line:
    """What the fingerprint's query says: runs are compared where it says the same."""
    if isinstance(answer, ExternalError):
        return _unanswered(subject, query, answer)
    found = count_hosts(answer, hour)
    if found is None:
        said = "none seen in the last hour, so runs are compared whatever runs behind them; correct `fingerprint`"
        return Line(Mark.DOUBT, subject, f"{said} (asked: {query})")
    of = host_kinds(answer, hour)
    return Line(Mark.FINE, subject, f"{found:g} seen" + (f", {of}" if of else ""))


def _unanswered(subject: str, query: str, error: ExternalError) -> Line:
    wait = f"; try again in {error.retry_after:.0f} s" if isinstance(error, RateLimited) and error.retry_after else ""
    return Line(Mark.BAD, subject, f"{error.message.rstrip('.')}{wait} (asked: {query})")
