"""What the first dogDriver leaves in a bucket: `<project>-<start>.json` are results, `job-<uuid>.json` its inbox."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from msgspec.structs import replace

from dogdriver.archive.objects import json_object
from dogdriver.errors import Invalid
from dogdriver.model import UNKNOWN, MetricState, MetricValue, Project, Release, Run, Status, Trigger
from dogdriver.model.fields import LONGEST_NAME

JOBS = "job-"
METRICS = {"cpu": ("CPU", "%"), "rps": ("RPS", "1/s"), "art": ("ART", "ms")}
DEFAULT_DEPLOYMENT, DEFAULT_TEST = "stage", "dogdriver"  # of a project that the catalog does not know
NO_END = "imported from the first dogDriver, which does not say when the load ended"
ZERO = "the first dogDriver wrote 0, which is what it wrote where Datadog had nothing"
_RESULT = re.compile(r"([^/]+)-(\d{1,11})\.json", re.DOTALL)
_JOB = re.compile(r"job-(?!\d{1,11}\.json)[^/]+\.json", re.DOTALL)
CLOCK_SKEW = timedelta(days=1)  # that another machine's clock may be
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LegacyResult:
    """What the key of a result says."""

    project: str
    start: datetime


def parse_result_key(key: str) -> LegacyResult | None:
    """None: the key is not a result's. The project may hold hyphens; the start is what follows the last one."""
    match = _RESULT.fullmatch(key)
    if match is None:
        return None
    start = datetime.fromtimestamp(int(match[2]), UTC)
    return LegacyResult(match[1], start) if start < LATEST else None


def is_job(key: str) -> bool:
    return _JOB.fullmatch(key) is not None


def result_run(result: LegacyResult, body: bytes, run_id: str, place: tuple[str, str]) -> Run:
    """A run that is done, with what was measured. Raises Invalid with a sentence that names what is wrong."""
    document = json_object(body)
    name = _name(result.project, "the project in its key")
    deployment, test = place
    return Run(
        id=run_id, project=name, deployment=deployment, test=test, source=_source(document), status=Status.DONE,
        trigger=Trigger.ELSEWHERE, created=result.start, started=result.start, ended=result.start,
        notes=(NO_END,),
        metrics=_values(document),
    ).with_release(_release(document))  # fmt: skip


def job_run(body: bytes, run_id: str, now: datetime, place: Callable[[str], tuple[str, str]]) -> Run:
    """A run that waits for its metrics; *place* gives deployment and test of a project. Raises Invalid."""
    document = json_object(body)
    project = _name(document.get("project"), "project")
    start, end = _time(document, "start"), _time(document, "end")
    if end < start:
        raise Invalid(f"end ({document['end']}) is before start ({document['start']})")
    if end > now + CLOCK_SKEW:
        raise Invalid(f"end ({document['end']}) lies in the future")
    deployment, test = place(project)
    return Run(
        id=run_id, project=project, deployment=deployment, test=test, source=_source(document), status=Status.PENDING,
        trigger=Trigger.ELSEWHERE, created=start, started=start, ended=end, due=end,
    ).with_release(_release(document))  # fmt: skip


def of_unknown_project(run: Run) -> Run:
    """A job of a project that nobody here knows: its metrics cannot be asked for."""
    note = "the project is not in the catalog, so its metrics could not be asked for"
    metrics = {name: MetricValue(MetricState.NO_DATA, unit=unit, note=note) for name, (_, unit) in METRICS.items()}
    return replace(run, metrics=metrics)


def default_place(project: Project | None) -> tuple[str, str]:
    """The default deployment and test of a project."""
    deployment = project.deployment(None) if project else None
    test = project.test if project else None
    return (deployment.name if deployment else DEFAULT_DEPLOYMENT, test.name if test else DEFAULT_TEST)


def _values(document: Mapping[str, Any]) -> dict[str, MetricValue]:
    """What was measured. The first dogDriver's worker wrote 0 where Datadog had nothing.

    A service under load answers in no time and never not at all: a rate or a time of 0 was not measured, and neither
    was a processor that did nothing beside it.
    """
    values = {metric: _value(document, field, unit) for metric, (field, unit) in METRICS.items()}
    lacking = {name for name in ("rps", "art") if values[name].value == 0}
    if (lacking or values["rps"].value is None or values["art"].value is None) and values["cpu"].value == 0:
        lacking.add("cpu")
    missing = {name: MetricValue(MetricState.NO_DATA, unit=METRICS[name][1], note=ZERO) for name in lacking}
    return {**values, **missing}


def _value(document: Mapping[str, Any], field: str, unit: str) -> MetricValue:
    number = document.get(field)
    if number is None:
        return MetricValue(MetricState.NO_DATA, unit=unit)
    if isinstance(number, bool) or not isinstance(number, int | float) or not isfinite(number) or number < 0:
        raise Invalid(f"{field} is {number!r:.50}; it must be a number of 0 or more")
    return MetricValue(MetricState.SETTLED, float(number), unit=unit)


def _time(document: Mapping[str, Any], field: str) -> datetime:
    seconds = document.get(field)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < LATEST.timestamp():
        raise Invalid(f"{field} is {seconds!r:.50}; it must be a time in unix seconds")
    return datetime.fromtimestamp(seconds, UTC)


def _release(document: Mapping[str, Any]) -> Release:
    version = document.get("version")
    if version is not None and not isinstance(version, str | int | float):
        raise Invalid(f"version is {version!r:.50}; it must be text")
    text = "" if version is None else str(version).strip()
    return Release(_name(text, "version"), text) if text and text.lower() != UNKNOWN else Release(UNKNOWN)


def _source(document: Mapping[str, Any]) -> str:
    source = document.get("source")
    return UNKNOWN if source is None or source == "" else _name(source, "source")


def _name(value: Any, field: str) -> str:
    if (
        not isinstance(value, str) or not value or value != value.strip() or len(value) > LONGEST_NAME
        or not value.isprintable()
    ):  # fmt: skip
        raise Invalid(f"{field} is {value!r:.50}; it must be 1 to {LONGEST_NAME} printable characters")
    return value
