"""projects.toml: what the operator says of the projects. Every mistake is found at once, with its line and its key."""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dogdriver.catalog import toml_values as values
from dogdriver.catalog.allowlist import AllowList
from dogdriver.catalog.evidence import evidence
from dogdriver.catalog.load_limits import longest
from dogdriver.catalog.release_source import release_source
from dogdriver.catalog.requests import requests
from dogdriver.catalog.schedule import cron, schedule
from dogdriver.catalog.toml_values import Key, line_of
from dogdriver.checkout.address import Address
from dogdriver.errors import SettingsError
from dogdriver.model import Deployment, Isolation, Kind, Metric, Schedule
from dogdriver.model.built_in import BuiltInTest
from dogdriver.model.evidence import EvidenceBudget
from dogdriver.model.notify import Route
from dogdriver.model.release_source import ReleaseSource
from dogdriver.notify import routes

LARGEST = 1024 * 1024  # bytes
SHOWN = 10  # mistakes in one message
MOST = 150  # metrics of a project: with those of the load generator a run stays below what is taken of one

_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")

Parse = Callable[[Any], Any]
"""Gives a TOML value in its own type; raises ValueError where it cannot stand there."""


@dataclass(frozen=True, slots=True)
class TestEntry:
    """[project.test]; None: not said here."""

    address: Address | None = None
    ref: str | None = None
    name: str | None = None
    path: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    env_from: tuple[str, ...] = ()
    built_in: BuiltInTest | None = None


@dataclass(frozen=True, slots=True)
class ProjectOptions:
    """What may stand in [defaults] and in [[project]]; None: not said here."""

    schedule: Schedule | None = None
    on_release: bool | None = None
    guard: float | None = None
    stall: float | None = None
    isolation: Isolation | None = None
    fingerprint: str | None = None
    fingerprint_tolerance: float | None = None
    notify: tuple[Route, ...] | None = None
    evidence: EvidenceBudget | None = None
    load: float | None = None  # seconds, its `longest`


@dataclass(frozen=True, slots=True)
class ProjectEntry:
    """[[project]]; *metrics* is empty where none is given."""

    name: str
    options: ProjectOptions = ProjectOptions()
    deployments: tuple[Deployment, ...] = ()
    release: ReleaseSource | None = None
    test: TestEntry = TestEntry()
    metrics: tuple[Metric, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectsFile:
    """The whole file. *margin* is the one that [defaults] gives to all metrics, None where it does not."""

    options: ProjectOptions = ProjectOptions()
    allowed: AllowList = field(default_factory=lambda: AllowList(None))
    margin: float | None = None
    projects: tuple[ProjectEntry, ...] = ()


OPTIONS: Mapping[str, Parse] = {
    "schedule": lambda value: schedule(values.text(value)),
    "cron": lambda value: cron(values.text(value)),
    "on_release": values.flag,
    "guard": values.number(0, 1),
    "stall": values.seconds,
    "isolation": lambda value: Isolation(values.one_of(*Isolation)(value)),
    "fingerprint": values.text,
    "fingerprint_tolerance": values.number(0, 1000),
    "notify": routes.read,
    "evidence": evidence,
    "load": longest,
}
METRIC: Mapping[str, Parse] = {
    "name": values.metric_name,
    "title": values.text,
    "query": values.text,
    "reduce": values.reduce,
    "unit": values.text,
    "better": values.better,
    "every": values.seconds,
    "margin": values.number(0.0001, 10),
    "decides": values.flag,
    "kind": lambda value: Kind(values.one_of(*Kind)(value)),
}
REQUIRED = ("name", "query", "unit", "better")


def read(path: Path, *, margin: float) -> ProjectsFile:
    """The file at *path*; metrics without a margin get *margin*. Raises SettingsError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"The projects file {path} cannot be read ({error.strerror}); correct DOGDRIVER_PROJECTS or the file."
        ) from None
    if len(data) > LARGEST:
        raise SettingsError(f"The projects file {path} is larger than {LARGEST // 1024} KiB; make it smaller.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}:{line}: this is not UTF-8; save the file as UTF-8.") from None
    return parse(text, path, margin=margin)


def parse(text: str, path: Path, *, margin: float) -> ProjectsFile:
    """The file that *text* is; *path* is for messages and for tests given by a relative path. Raises SettingsError."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        line = _LINE.search(str(error))
        at = int(line[1]) if line and line[1] else len(text.rstrip().split("\n"))
        raise SettingsError(f"{path}:{at}: this is not TOML: {_LINE.sub('', str(error))}; correct it there.") from None
    return _Reader(text, path, margin).file(document)


class _Reader:
    """Turns tables into values and collects what is wrong with them."""

    def __init__(self, text: str, path: Path, margin: float) -> None:
        self._text = text
        self._path = path
        self._margin = margin
        self._mistakes: list[str] = []

    def file(self, document: Mapping[str, Any]) -> ProjectsFile:
        top = self._table(document, (), {"defaults": _as_table, "project": _as_tables})
        parsers = {**OPTIONS, "allowed_tests": _allowed, "margin": METRIC["margin"]}
        defaults = self._table(top.get("defaults", {}), ("defaults",), parsers)
        self._margin = defaults.get("margin", self._margin)
        projects = [self._project(table, ("project", i)) for i, table in enumerate(top.get("project", ()))]
        self._unique([(p.name, ("project", i, "name")) for i, p in enumerate(projects)], "a project")
        options = self._options(defaults, ("defaults",))
        if self._mistakes:
            more = len(self._mistakes) - SHOWN
            shown = [*self._mistakes[:SHOWN], *([f"{more} more"] if more > 0 else [])]
            raise SettingsError(". ".join(shown) + ".", details={"mistakes": self._mistakes})
        return ProjectsFile(
            options=options,
            allowed=defaults.get("allowed_tests") or AllowList(None),
            margin=defaults.get("margin"),
            projects=tuple(projects),
        )

    def _project(self, table: Mapping[str, Any], key: Key) -> ProjectEntry:
        parsers = {
            **OPTIONS, "name": values.name, "deployments": _as_table, "release": release_source, "test": _as_table,
            "metric": _as_tables,
        }  # fmt: skip
        read = self._table(table, key, parsers, required=("name",))
        places = self._deployments(read.get("deployments", {}), (*key, "deployments"))
        metrics = [self._metric(t, (*key, "metric", i)) for i, t in enumerate(read.get("metric", ()))]
        self._unique([(m.name, (*key, "metric", i, "name")) for i, m in enumerate(metrics) if m], "a metric")
        if len(metrics) > MOST:
            self._mistake(
                (*key, "metric"), f"stands there {len(metrics)} times; {MOST} metrics are the most of a project"
            )
        return ProjectEntry(
            name=read.get("name", ""),
            options=self._options(read, key),
            deployments=places,
            release=read.get("release"),
            test=self._test(read.get("test", {}), (*key, "test")),
            metrics=tuple(m for m in metrics if m),
        )

    def _test(self, table: Mapping[str, Any], key: Key) -> TestEntry:
        parsers = {
            "url": values.address(self._path.parent), "ref": values.ref, "name": values.text, "path": values.folder,
            "env": values.environment, "env_from": values.variables, "requests": requests,
            "workers": values.whole(1, 1000), "duration": values.seconds,
        }  # fmt: skip
        read = self._table(table, key, parsers)
        if twice := sorted(set(read.get("env", {})) & set(read.get("env_from", ()))):
            self._mistake((*key, "env_from"), f"names {', '.join(twice)}, which `env` sets; keep one of them")
        for name in ("url", "ref", "path") if "requests" in table else ("workers", "duration"):
            if name in table and "requests" in table:
                self._mistake((*key, name), "stands beside `requests`, which need no repository; keep one of them")
            elif name in table:
                self._mistake((*key, name), "goes with `requests`; other tests say it in their molotov.json")
        built_in = None
        if "requests" in read:
            shape = {name: read[name] for name in ("workers", "duration") if name in read}
            built_in = BuiltInTest(read["requests"], **shape)
        return TestEntry(
            address=read.get("url"),
            built_in=built_in,
            env=read.get("env", {}),
            env_from=read.get("env_from", ()),
            **{name: read.get(name) for name in ("ref", "name", "path")},
        )

    def _options(self, read: Mapping[str, Any], key: Key) -> ProjectOptions:
        if "schedule" in read and "cron" in read:
            self._mistake((*key, "cron"), "stands beside `schedule`; keep one of them")
        return ProjectOptions(
            schedule=read.get("cron") or read.get("schedule"),
            **{name: read.get(name) for name in OPTIONS if name not in {"cron", "schedule"}},
        )

    def _deployments(self, table: Mapping[str, Any], key: Key) -> tuple[Deployment, ...]:
        found = []
        for name, value in table.items():
            try:
                found.append(Deployment(values.name(name), values.endpoint(value)))
            except ValueError as error:
                self._mistake((*key, name), str(error))
        self._unique([(d.name, (*key, d.name)) for d in found], "a deployment", fold=True)
        return tuple(found)

    def _metric(self, table: Mapping[str, Any], key: Key) -> Metric | None:
        read = self._table(table, key, METRIC, required=REQUIRED)
        if any(name not in read for name in REQUIRED):
            return None
        return Metric(**{"title": read["name"], "margin": self._margin, **read})

    def _table(
        self, table: Mapping[str, Any], key: Key, parsers: Mapping[str, Parse], *, required: Sequence[str] = ()
    ) -> dict[str, Any]:
        """*table* as *parsers* give it; keys that are missing, unknown or bad are mistakes and left out."""
        read: dict[str, Any] = {}
        for name, value in table.items():
            parse_value = parsers.get(name)
            try:
                if parse_value is None:
                    raise ValueError(_unknown(name, parsers))
                read[name] = parse_value(value)
            except ValueError as error:
                self._mistake((*key, name), str(error))
        for name in required:
            if name not in table:
                self._mistake((*key, name), "is missing; add it")
        return read

    def _unique(self, names: Sequence[tuple[str, Key]], what: str, *, fold: bool = False) -> None:
        seen: dict[str, Key] = {}
        for name, key in names:
            plain = name.lower() if fold else name
            if name and plain in seen:
                line = line_of(self._text, seen[plain])
                self._mistake(key, f"names {what} that stands in line {line} already ({name}); keep one of them")
            seen.setdefault(plain, key)

    def _mistake(self, key: Key, why: str) -> None:
        line = line_of(self._text, key)
        where = f"{self._path}:{line}" if line else str(self._path)
        dotted = ".".join(str(part) for part in key if isinstance(part, str))
        self._mistakes.append(f"{where}: `{dotted}` {why.rstrip('.')}")


def _as_table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a table")  # noqa: TRY004 - one kind of error for all values
    return value


def _as_tables(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError("must be tables, each under a [[heading]] of its own")
    return value


def _allowed(value: Any) -> AllowList:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('must be a list of patterns such as ["https://github.com/owner/*"]')
    return AllowList(value)


def _unknown(name: str, parsers: Mapping[str, Parse]) -> str:
    if name in {"allowed_tests", "margin"} and "deployments" in parsers:
        return (
            "belongs under [defaults]" if name == "allowed_tests" else "belongs under [defaults] or [[project.metric]]"
        )
    near = difflib.get_close_matches(name, parsers, n=1)
    if near:
        return f"is not known here; did you mean `{near[0]}`?"
    return f"is not known here; known are {', '.join(parsers)}"


__all__ = ["ProjectEntry", "ProjectOptions", "ProjectsFile", "TestEntry", "parse", "read"]
