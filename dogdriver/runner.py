"""The pipeline's Runner: one load at a time, in a thread or in child processes, of an entry of molotov.json."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.orphans import Orphans
from dogdriver.loadgen.output import LogBuffer
from dogdriver.loadgen.process import ProcessExecutor
from dogdriver.loadgen.protocol import LoadSpec
from dogdriver.loadgen.supervisor import Executor, Limits, Supervisor
from dogdriver.loadgen.thread import ThreadExecutor
from dogdriver.model import Clock, Isolation, Job, Load, Measured, Prepared, Snapshot

LOG = logging.getLogger(__name__)


def _unmasked(text: str) -> str:
    return text


class MolotovRunner:
    """*data* is the daemon's data directory. *grace*: seconds that a load has to end in once it is told to.

    *mask* takes the known secrets out of a text; all that a test says goes through it.
    """

    def __init__(
        self,
        data: Path,
        clock: Clock,
        *,
        grace: float = 10.0,
        mask: Callable[[str], str] = _unmasked,
        limits: Limits | None = None,
    ) -> None:
        self._clock = clock
        self._grace = grace
        self._mask = mask
        self._limits = limits or Limits()
        self._one_load = asyncio.Lock()
        self._orphans = Orphans(data / "load.json")
        self._thread: ThreadExecutor | None = None

    def describe(self, prepared: Prepared) -> Load:
        """The load that the entry asks for; *options* of it are those that differ from Molotov's defaults.

        Raises LoadTestError where it asks for nonsense.
        """
        chosen = _options(prepared)
        differing = {
            name: chosen[name]
            for name, (default, _, _) in OPTIONS.items()
            if name not in _OF_EVERY_LOAD and chosen[name] != default
        }
        return Load(
            workers=chosen["workers"],
            processes=chosen["processes"],
            duration=float(chosen["duration"]),
            options={**differing, "scenario": chosen["scenario"]},
        )

    async def smoke(self, job: Job, *, cancelled: asyncio.Event) -> Measured:
        """Each scenario once, one after the other, by one worker. Raises LoadTestError."""

        def log(snapshot: Snapshot) -> None:
            for line in snapshot.lines:
                LOG.info("smoke of run %s: %s", job.run, line)

        return await self._run(job, cancelled, log, smoke=True)

    async def load(self, job: Job, *, cancelled: asyncio.Event, watch: Callable[[Snapshot], None]) -> Measured:
        """The whole load; *watch* is called in this loop about once a second. Raises LoadTestError."""
        return await self._run(job, cancelled, watch, smoke=False)

    async def recover(self) -> None:
        """End what an earlier daemon left running."""
        killed = await asyncio.to_thread(self._orphans.kill)
        if killed:
            LOG.warning("ended the load that an earlier daemon had left running (processes %s)", killed)

    async def _run(
        self, job: Job, cancelled: asyncio.Event, watch: Callable[[Snapshot], None], *, smoke: bool
    ) -> Measured:
        load = self.describe(job.prepared)
        spec = self._spec(job, load, smoke=smoke)
        log = LogBuffer()
        async with self._one_load:
            executor = self._executor(job, spec, load, log)
            supervisor = Supervisor(
                spec, load, executor, guard=job.guard, stall=job.stall, log=log, limits=self._limits,
                clock=self._clock, mask=self._mask, watch=watch, harmed=job.harmed,
            )  # fmt: skip
            return await supervisor.run(cancelled)

    def _spec(self, job: Job, load: Load, *, smoke: bool) -> LoadSpec:
        prepared, chosen = job.prepared, _options(job.prepared)
        limit = self._limits.smoke if smoke else load.duration + 1 + chosen["ramp_up"] + self._grace
        return LoadSpec(
            name=prepared.name, directory=prepared.directory, site=prepared.site, options=chosen,
            env=_environment(prepared, job.env), smoke=smoke, grace=self._grace, limit=limit,
        )  # fmt: skip

    def _executor(self, job: Job, spec: LoadSpec, load: Load, log: LogBuffer) -> Executor:
        """A thread, unless the job, the load, or a thread that an earlier test left behind want processes."""
        members = 1 if spec.smoke else load.processes
        if self._thread is not None and self._thread.alive:
            log.append("a thread of an earlier test is still blocked in the daemon, so this test runs in a process")
        elif job.isolation is Isolation.THREAD and members == 1:
            self._thread = ThreadExecutor(spec, log, job.harmed)
            return self._thread
        return ProcessExecutor(spec, log, self._orphans, members)


def _flag(value: Any) -> bool:
    return isinstance(value, bool) or value in {0, 1}


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _modules(value: Any) -> bool:
    return _text(value) or (isinstance(value, list) and all(_text(item) for item in value))


# Of each option: Molotov's default, what is accepted, and how that is said.
OPTIONS: dict[str, tuple[Any, Callable[[Any], bool], str]] = {
    "workers": (1, _whole(1), "a whole number from 1"),
    "processes": (1, _whole(1), "a whole number from 1"),
    "duration": (86400, _number, "a number of seconds"),
    "scenario": ("loadtest.py", _text, "a file or a module"),
    "max_runs": (None, _whole(0), "a whole number"),
    "ramp_up": (0.0, _number, "a number of seconds"),
    "delay": (0.0, _number, "a number of seconds"),
    "sizing": (False, _flag, "true or false"),
    "sizing_tolerance": (5.0, _number, "a percentage"),
    "single_mode": (None, _text, "the name of a scenario"),
    "single_run": (False, _flag, "true or false"),
    "exception": (False, _flag, "true or false"),
    "fail": (None, _whole(0), "a whole number"),
    "use_extension": (None, _modules, "a list of files or modules"),
    "uvloop": (False, _flag, "true or false"),
}
"""What shapes the load or its outcome."""

IGNORED: dict[str, Any] = {
    "verbose": 0,
    "console": False,
    "console_update": 0.2,
    "quiet": False,
    "debug": False,
    "statsd": False,
    "statsd_address": "udp://localhost:8125",
    "force_shutdown": False,
    "config": None,
    "version": False,
}
"""Accepted, and Molotov's default used whatever they say: they are about a terminal that is not there."""

SIZING_RAMP_UP = 300
"""Molotov's own, in seconds, where sizing is asked for and no ramp_up; as is the number of workers."""
SIZING_WORKERS = 500

_NO_OPTIONS = frozenset({"env", "requirements"})
_OF_EVERY_LOAD = frozenset({"workers", "processes", "duration", "scenario"})


def _options(prepared: Prepared) -> dict[str, Any]:
    """All options of the entry, defaults included, as Molotov's `args` wants them. Raises LoadTestError."""
    entry, name = prepared.entry, prepared.name
    known = {*OPTIONS, *IGNORED, *_NO_OPTIONS}
    if unknown := sorted(set(entry) - known):
        raise LoadTestError(
            f"entry {name} of molotov.json has the unknown option {', '.join(unknown)};"
            f" the known ones are {', '.join(sorted(known))}"
        )
    chosen: dict[str, Any] = dict(IGNORED)
    for option, (default, accepted, wanted) in OPTIONS.items():
        value = entry.get(option)
        if value is None:
            chosen[option] = default
        elif accepted(value):
            chosen[option] = value
        else:
            raise LoadTestError(f"{option} of entry {name} of molotov.json must be {wanted}, not {value!r}; correct it")
    if chosen["single_mode"] and chosen["single_run"]:
        raise LoadTestError(f"entry {name} of molotov.json has both single_mode and single_run; remove one of them")
    if isinstance(chosen["use_extension"], str):
        chosen["use_extension"] = [chosen["use_extension"]]
    if chosen["sizing"]:
        chosen["ramp_up"] = chosen["ramp_up"] or SIZING_RAMP_UP
        chosen["workers"] = chosen["workers"] if chosen["workers"] != 1 else SIZING_WORKERS
    return chosen


def _environment(prepared: Prepared, env: Mapping[str, str]) -> dict[str, str]:
    """The variables that the test gets: the entry's own, *env* wins. Raises LoadTestError."""
    own = prepared.entry.get("env") or {}
    if not isinstance(own, Mapping):
        raise LoadTestError(f"env of entry {prepared.name} of molotov.json must be an object of texts; correct it")
    return {**{name: value if isinstance(value, str) else str(value) for name, value in own.items()}, **env}
