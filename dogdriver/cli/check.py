"""`dogdriver check`: everything that a run would need, asked once, without running anything; one line for each."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from dogdriver.catalog import ProjectCatalog
from dogdriver.checkout import TestCheckouts
from dogdriver.datadog import Datadog
from dogdriver.errors import DogdriverError, ExternalError, RateLimited
from dogdriver.given_secrets import GivenSecrets
from dogdriver.logs import Masker
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
from dogdriver.network import http_client
from dogdriver.settings import Settings
from dogdriver.target import DockerflowTarget

HOUR = timedelta(hours=1)


class Mark(StrEnum):
    """How one thing stands."""

    OK = "ok"  # as a run needs it
    WARN = "warn"  # a run can do without it, and will say less
    FAIL = "FAIL"  # no run can be made, or its metrics cannot be read


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    mark: Mark
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.mark:<4}  {self.subject}: {self.text}"


class Check:
    """Looks at the settings' neighbours and at each project; *names* limits the projects."""

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], clock: Clock, names: tuple[str, ...] = ()
    ) -> None:
        self._settings, self._environ, self._clock, self._names = settings, environ, clock, names

    async def findings(self) -> AsyncIterator[Finding]:
        for warning in self._settings.warnings:
            yield Finding(Mark.WARN, "settings", warning)
        yield Finding(Mark.OK, "settings", f"data in {self._settings.data}")
        async with http_client(self._environ) as session:
            datadog = Datadog.from_settings(self._settings, session, self._clock)
            keys = await _check_keys(datadog, self._settings.site)
            yield keys
            try:
                catalog = await ProjectCatalog.from_settings(self._settings, session, self._clock).refresh()
            except DogdriverError as error:
                yield Finding(Mark.FAIL, "projects", error.message)
                return
            if catalog.stale:
                yield Finding(Mark.FAIL, "ServiceBook", catalog.stale)
            elif self._settings.servicebook:
                yield Finding(Mark.OK, "ServiceBook", f"{self._settings.servicebook} answers")
            for problem in catalog.problems:
                yield Finding(Mark.WARN, problem.subject, problem.message)
            chosen = [p for p in catalog.projects.values() if self._chosen(p)]
            yield _count_projects(len(catalog.projects), len(chosen))
            for name in sorted(set(self._names) - set(catalog.projects)):
                yield Finding(
                    Mark.FAIL, name, f"there is no such project; there are: {', '.join(sorted(catalog.projects))}"
                )
            for project in chosen:
                reads = datadog if keys.mark is Mark.OK else None
                async for finding in self._check_project(project, reads, DockerflowTarget(session)):
                    yield finding

    def _chosen(self, project: Project) -> bool:
        return project.name in self._names if self._names else project.allowed and project.test is not None

    async def _check_project(
        self, project: Project, datadog: Datadog | None, target: DockerflowTarget
    ) -> AsyncIterator[Finding]:
        """Without *datadog*, which has been told of already, its metrics are named and not asked."""
        yield await self._check_test(project)
        yield _evidence(project)
        for deployment in project.deployments:
            release, finding = await _check_deployment(project, deployment, target)
            yield finding
            run = Run(
                id="check", project=project.name, deployment=deployment.name, test="",
                source=self._settings.source or "check", status=Status.QUEUED, trigger=Trigger.REQUEST,
                created=self._clock(), endpoint=deployment.endpoint,
            ).with_release(release)  # fmt: skip
            for finding in await self._check_metrics(project, run, datadog):
                yield finding

    async def _check_test(self, project: Project) -> Finding:
        subject = f"{project.name} test"
        if project.test is None:
            return Finding(Mark.FAIL, subject, "; ".join(project.problems) or "it has none that can be run")
        if not project.allowed:
            return Finding(Mark.FAIL, subject, f"{project.test.url} is not among allowed_tests")
        with await asyncio.to_thread(TemporaryDirectory, prefix="dogdriver-check-") as folder:
            try:
                given = GivenSecrets(self._environ, str)
                mask = Masker(map(given.get, project.test.env_from))
                prepared = await TestCheckouts(Path(folder), environ=self._environ, mask=mask).prepare(project.test)
            except DogdriverError as error:
                return Finding(Mark.FAIL, subject, error.message)
        duration = prepared.entry.get("duration")
        lasts = duration if isinstance(duration, int | float) else None
        if (lasts is None or lasts > project.longest) and not prepared.entry.get("single_run"):
            return Finding(
                Mark.WARN,
                subject,
                f"entry {prepared.name} has {'no duration' if lasts is None else f'a duration of {lasts:g} s'}: its "
                f"load is cut after {project.longest:g} s, and its run is invalid; give it a shorter one",
            )
        notes = "".join(f"; {note}" for note in prepared.notes)
        return Finding(
            Mark.OK,
            subject,
            f"entry {prepared.name} of {project.test.url} at {prepared.commit or 'a folder'}{notes}"
            if project.test.built_in is None
            else project.test.shown,
        )

    async def _check_metrics(self, project: Project, run: Run, datadog: Datadog | None) -> list[Finding]:
        """One query a metric over the last hour, and that of the hosts."""
        subject = f"{project.name} {run.deployment}"
        if datadog is None:
            text = "not asked: see Datadog above"
            return [Finding(Mark.WARN, f"{subject} {metric.name}", text) for metric in project.metrics]
        hour = Window(self._clock() - HOUR, self._clock())
        queries = [metric_query(metric, run) for metric in project.metrics]
        hosts = [run_query(project.fingerprint, run)] if project.fingerprint else []
        answers = dict(zip([*queries, *hosts], await datadog.read_many([*queries, *hosts], hour), strict=True))
        return [
            *(
                _judge_metric(f"{subject} {metric.name}", metric, query, answers[query], hour)
                for metric, query in zip(project.metrics, queries, strict=True)
            ),
            *(_judge_hosts(f"{subject} hosts", query, answers[query], hour) for query in hosts),
        ]


def _evidence(project: Project) -> Finding:
    """Whether a new release gets runs of its own."""
    subject, budget = f"{project.name} evidence", project.evidence
    if budget is None:
        text = f"none: a new release waits for the schedule ({project.schedule}); [project.evidence] gives it its runs"
        return Finding(Mark.OK, subject, text)
    return Finding(Mark.OK, subject, f"at most {budget.most} runs a release, {budget.runs_per_day} a day")


def _count_projects(projects: int, chosen: int) -> Finding:
    if not projects:
        text = "none is known; set DOGDRIVER_PROJECTS to a projects file, or DOGDRIVER_SERVICEBOOK"
        return Finding(Mark.WARN, "projects", text)
    text = f"{projects} known, {chosen} checked"
    return Finding(Mark.OK, "projects", text if chosen else f"{text}: none of them may run (give a name to check it)")


async def _check_keys(datadog: Datadog, site: str) -> Finding:
    if not datadog.sends:
        text = "no keys are set (DD_API_KEY, DD_APP_KEY): nothing is marked there, no metric is read"
        return Finding(Mark.WARN, "Datadog", text)
    if await datadog.check_keys():
        return Finding(Mark.OK, "Datadog", "takes both keys")
    validate, query = datadog.health[Endpoint.VALIDATE], datadog.health[Endpoint.QUERY]
    if validate.refused:
        text = f"DD_API_KEY is not taken at {site}; check the key, and that DD_SITE is the site that it belongs to"
    elif query.refused:
        text = "takes DD_API_KEY, not DD_APP_KEY; check that key, and that its scopes hold timeseries_query"
    else:
        text = validate.error or query.error or "DD_APP_KEY is not set: runs are marked, no metric is read"
    return Finding(Mark.FAIL, "Datadog", text)


async def _check_deployment(
    project: Project, deployment: Deployment, target: DockerflowTarget
) -> tuple[Release, Finding]:
    subject = f"{project.name} {deployment.name}"
    try:
        await target.check(deployment)
        version, commit = await target.version(deployment)
    except DogdriverError as error:
        return Release(UNKNOWN), Finding(Mark.FAIL, subject, error.message)
    if version is None and commit is None:
        text = f"{deployment.endpoint}/__version__ says nothing usable, so its runs will not be judged"
        return Release(UNKNOWN), Finding(Mark.WARN, subject, text)
    label = version or (commit or "")[:12]
    return Release(label, version, commit), Finding(Mark.OK, subject, f"healthy, runs {label}")


def _judge_metric(subject: str, metric: Metric, query: str, answer: Reading | ExternalError, hour: Window) -> Finding:
    """What one answer says of a metric's query: points, unit, how far apart they are, and what that would come to."""
    if isinstance(answer, ExternalError):
        return _unanswered(subject, query, answer)
    points = sum(value is not None for series in answer.series for _, value in series.points)
    if not points:
        why = "nothing was reported, or under another name or other tags; try it in Datadog's metrics explorer"
        return Finding(Mark.WARN, subject, f"no points in the last hour: {why} (asked: {query})")
    value = assess(answer, answer, metric=metric, window=hour, last=True)
    if value.state is MetricState.REFUSED:
        return Finding(Mark.FAIL, subject, f"{value.note} (asked: {query})")
    gap = usual_gap([answer]) or metric.every
    warnings = unit_warnings(answer, metric, max(answer.interval or 0.0, gap))
    if gap > metric.every:
        warnings.append(f'its points come every {gap:g} s: set every = "{gap:g}s"')
    text = f"{points} points in {len(answer.series)} series, {answer.unit or 'no unit'}, interval {answer.interval:g} s"
    if value.value is not None:
        text += f"; {metric.reduce} of the hour {value.value:.4g} {metric.unit}".rstrip()
    return Finding(Mark.WARN if warnings else Mark.OK, subject, "; ".join([text, *warnings]))


def _judge_hosts(subject: str, query: str, answer: Reading | ExternalError, hour: Window) -> Finding:
    """What the fingerprint's query says: runs are compared where it says the same."""
    if isinstance(answer, ExternalError):
        return _unanswered(subject, query, answer)
    found = count_hosts(answer, hour)
    if found is None:
        text = "none seen in the last hour, so runs are compared whatever hosts are behind them; correct `fingerprint`"
        return Finding(Mark.WARN, subject, f"{text} (asked: {query})")
    of = host_kinds(answer, hour)
    return Finding(Mark.OK, subject, f"{found:g} seen" + (f", {of}" if of else ""))


def _unanswered(subject: str, query: str, error: ExternalError) -> Finding:
    wait = f"; try again in {error.retry_after:.0f} s" if isinstance(error, RateLimited) and error.retry_after else ""
    return Finding(Mark.FAIL, subject, f"{error.message.rstrip('.')}{wait} (asked: {query})")
