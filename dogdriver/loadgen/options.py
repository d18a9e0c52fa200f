"""The entry of molotov.json: its options as Molotov's command line knows them, checked."""

from collections.abc import Callable, Mapping
from typing import Any

from dogdriver.errors import LoadTestError
from dogdriver.model import Load, Prepared

Check = Callable[[Any], bool]


def _flag(value: Any) -> bool:
    return isinstance(value, bool) or value in {0, 1}


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _whole(low: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _modules(value: Any) -> bool:
    return _text(value) or (isinstance(value, list) and all(_text(item) for item in value))


# Of each option: Molotov's default, what is accepted, and how that is said.
LOAD: dict[str, tuple[Any, Check, str]] = {
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

BESIDE = frozenset({"env", "requirements"})
SIZING_RAMP_UP = 300
SIZING_WORKERS = 500
_APART = frozenset({"workers", "processes", "duration"})


def options(prepared: Prepared) -> dict[str, Any]:
    """All options of the entry, defaults included, as Molotov's `args` wants them. Raises LoadTestError."""
    entry, name = prepared.entry, prepared.name
    unknown = sorted(set(entry) - set(LOAD) - set(IGNORED) - BESIDE)
    if unknown:
        raise LoadTestError(
            f"entry {name} of molotov.json has the unknown option {', '.join(unknown)};"
            f" the known ones are {', '.join(sorted({*LOAD, *IGNORED, *BESIDE}))}"
        )
    chosen: dict[str, Any] = dict(IGNORED)
    for option, (default, accepted, wanted) in LOAD.items():
        value = entry.get(option)
        if value is None:
            chosen[option] = default
        elif accepted(value):
            chosen[option] = value
        else:
            raise LoadTestError(f"{option} of entry {name} of molotov.json must be {wanted}, not {value!r}; correct it")
    if chosen["single_mode"] and chosen["single_run"]:
        raise LoadTestError(f"entry {name} of molotov.json has both single_mode and single_run; take one of them out")
    if isinstance(chosen["use_extension"], str):
        chosen["use_extension"] = [chosen["use_extension"]]
    if chosen["sizing"]:
        chosen["ramp_up"] = chosen["ramp_up"] or SIZING_RAMP_UP
        chosen["workers"] = chosen["workers"] if chosen["workers"] != 1 else SIZING_WORKERS
    return chosen


def describe(prepared: Prepared) -> Load:
    """The load that the entry asks for; *options* of it are those that differ from Molotov's defaults."""
    chosen = options(prepared)
    return Load(
        workers=chosen["workers"],
        processes=chosen["processes"],
        duration=float(chosen["duration"]),
        options={
            name: chosen[name]
            for name, (default, _, _) in LOAD.items()
            if name not in _APART and chosen[name] != default and name != "scenario"
        }
        | {"scenario": chosen["scenario"]},
    )


def environment(prepared: Prepared, env: Mapping[str, str]) -> dict[str, str]:
    """The variables that the test gets: the entry's own, *env* wins. Raises LoadTestError."""
    own = prepared.entry.get("env") or {}
    if not isinstance(own, Mapping):
        raise LoadTestError(f"env of entry {prepared.name} of molotov.json must be an object of texts; correct it")
    return {**{name: value if isinstance(value, str) else str(value) for name, value in own.items()}, **env}
