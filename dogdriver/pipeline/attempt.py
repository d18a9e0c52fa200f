"""One reading of everything that a run still waits for, and what each answer amounts to."""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from dogdriver.errors import BadQuery, ExternalError, RateLimited, Refused, Unavailable
from dogdriver.metrics.hosts import count_hosts, host_kinds
from dogdriver.metrics.points import usual_gap
from dogdriver.metrics.query import is_same, metric_query, run_query
from dogdriver.metrics.settle import assess
from dogdriver.model import Metric, MetricState, MetricValue, Project, Reading, Run, SeriesKey, Window
from dogdriver.pipeline.backoff import FACTORS, gives_up, next_look
from dogdriver.pipeline.context import Context

GAPS_FROM = 5  # readings that the usual gap of a metric is taken from
UNREACHABLE = 7 * FACTORS[-1]  # × settle: how long a Datadog that cannot be asked is asked again


class Attempt:
    """Of one run, at one time."""

    def __init__(self, context: Context, run: Run, project: Project | None, now: datetime) -> None:
        self._context, self._run, self._project, self._now = context, run, project, now
        self._ended = run.ended or now
        self._wait: datetime | None = None  # until when Datadog wants to be left alone
        self._regular = next_look(self._ended, context.settle, now)  # None: the deadline is over

    async def read(self) -> tuple[Run, dict[str, MetricValue]]:
        """The run as it is after this attempt, and the values that are new in it."""
        run, window = self._run, self._run.window
        waiting = [name for name, value in run.metrics.items() if not value.state.final]
        metrics = self._metrics(waiting)
        values = {name: _gone(run.metrics[name]) for name in waiting if name not in metrics}
        if waiting and window is not None:
            queries = {name: metric_query(metric, run) for name, metric in metrics.items()}
            answers = await self._ask([*queries.values(), *self._hosts_query()], window)
            for name, metric in metrics.items():
                values[name] = await self._value(metric, run.metrics[name], answers[queries[name]], window)
            run = replace(await self._with_hosts(run, answers, window), attempts=run.attempts + 1)
        return replace(run, metrics={**run.metrics, **values}), values

    async def changed(self) -> dict[str, MetricValue]:
        """Final values that Datadog now says differently, and partial ones that a second reading has settled.

        Raises Unavailable.
        """
        run, window = self._run, self._run.window
        metrics = self._metrics(name for name, value in run.metrics.items() if read_back(value))
        if window is None or not metrics:
            return {}
        queries = {name: metric_query(metric, run) for name, metric in metrics.items()}
        answers = await self._ask(list(queries.values()), window)
        changed = {}
        for name, metric in metrics.items():
            before, answer = run.metrics[name], answers[queries[name]]
            if isinstance(answer, Unavailable):
                raise answer
            if not isinstance(answer, ExternalError) and not _asked_otherwise(metric, before, queries[name]):
                changed[name] = await self._changed(metric, before, answer, window)
        return {name: value for name, value in changed.items() if value is not None}

    async def _changed(
        self, metric: Metric, before: MetricValue, answer: Reading, window: Window
    ) -> MetricValue | None:
        """What a final value is by this later *answer*; None where that is what it was."""
        partial = before.state is MetricState.PARTIAL
        if before.reading is not None and before.reading.series == answer.series and not partial:
            return None
        now = await self._assess(metric, before, answer, window, last=True)
        if now.value is None:
            return None
        if not _equal(now.value, before.value):
            note = "; ".join(n for n in (now.note, "read again a day later, it had changed") if n)
            return replace(now, earlier=before.value, note=note)
        if partial and now.state is MetricState.SETTLED:
            return replace(now, value=before.value, earlier=before.earlier)
        return None

    def _metrics(self, names: Iterable[str]) -> dict[str, Metric]:
        """Those of *names* that the project still has."""
        found = {name: self._project.metric(name) if self._project else None for name in names}
        return {name: metric for name, metric in found.items() if metric is not None}

    def due(self, run: Run) -> datetime | None:
        """When to try again; None: all is final."""
        if all(value.state.final for value in run.metrics.values()):
            return None
        regular = self._regular or self._now + timedelta(seconds=6 * self._context.settle)
        return max(regular, self._wait) if self._wait else regular

    async def _ask(self, queries: Sequence[str], window: Window) -> dict[str, Reading | ExternalError]:
        answers = await self._context.datadog.read_many(queries, window)
        for error in answers:
            if isinstance(error, RateLimited):
                self._wait = self._now + timedelta(seconds=error.retry_after or self._context.settle)
        return dict(zip(queries, answers, strict=True))

    async def _value(
        self, metric: Metric, before: MetricValue, answer: Reading | ExternalError, window: Window
    ) -> MetricValue:
        # Only what is said of the query itself is final at once; keys, proxies and settings can be corrected meanwhile.
        if isinstance(answer, BadQuery) or (isinstance(answer, Refused) and self._regular is None):
            what = "; correct its query in the projects file, `dogdriver check` tries it"
            note = answer.message + (what if isinstance(answer, BadQuery) else "")
            return replace(before, state=MetricState.REFUSED, query=self._query(metric), note=note)
        if isinstance(answer, ExternalError):
            return self._later(before, answer.message)
        run, store = self._run, self._context.store
        hopeless = (
            answer.empty
            and gives_up(self._ended, self._context.settle, self._now)
            and not await store.values.ever_had_data(run.project, metric.name)
        )
        last = self._regular is None or hopeless
        return await self._assess(metric, before, answer, window, last=last)

    async def _assess(
        self, metric: Metric, before: MetricValue, answer: Reading, window: Window, *, last: bool
    ) -> MetricValue:
        run = self._run
        key = SeriesKey(run.project, run.deployment, run.test, run.source, metric.name)
        earlier = await self._context.store.series.readings(key, limit=GAPS_FROM)

        def work() -> MetricValue:
            return assess(
                answer,
                before.reading,
                metric=metric,
                window=window,
                ramp_up=float(run.load.options.get("ramp_up") or 0.0) if run.load else 0.0,
                usual_gap=usual_gap(earlier),
                last=last,
                late=gives_up(self._ended, self._context.settle, self._now),
            )

        # Hundreds of hosts have hundreds of thousands of points: not in the loop that answers the dashboard.
        return await asyncio.to_thread(work)

    def _query(self, metric: Metric) -> str:
        return metric_query(metric, self._run)

    def _later(self, before: MetricValue, note: str) -> MetricValue:
        """Still waiting: an answer that could not be had says nothing about the data, even at the deadline."""
        over = self._now >= self._ended + timedelta(seconds=UNREACHABLE * self._context.settle)
        return replace(before, state=MetricState.NO_DATA if over else MetricState.WAITING, note=note)

    def _hosts_query(self) -> list[str]:
        template = self._project.fingerprint if self._project else None
        return [run_query(template, self._run)] if template else []

    async def _with_hosts(self, run: Run, answers: Mapping[str, Reading | ExternalError], window: Window) -> Run:
        """With the hosts behind the deployment as the newest answer shows them; one that failed changes nothing."""
        for query in self._hosts_query():
            answer = answers[query]
            if not isinstance(answer, ExternalError):
                hosts = await asyncio.to_thread(count_hosts, answer, window)
                kinds = await asyncio.to_thread(host_kinds, answer, window)
                run = replace(run, fingerprint=hosts, kinds=kinds)
        return run


def read_back(value: MetricValue) -> bool:
    """Whether Datadog gave an answer for it, data or none."""
    return value.query is not None and value.state in {MetricState.SETTLED, MetricState.PARTIAL, MetricState.NO_DATA}


def _asked_otherwise(metric: Metric, before: MetricValue, query: str) -> bool:
    """Whether the projects file has changed the question since: another answer would be another metric's."""
    return not is_same(query, before.query or "") or metric.unit != before.unit


def _equal(one: float, other: float | None) -> bool:
    return other is not None and math.isclose(one, other, rel_tol=1e-6)


def _gone(before: MetricValue) -> MetricValue:
    note = "the metric was removed from the projects file before it had settled"
    return replace(before, state=MetricState.NO_DATA, note=note)
