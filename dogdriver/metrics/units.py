"""Datadog's units and ours: a family (`time`), and what turns a value into the family's base unit (`s`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dogdriver.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Unit:
    """*name* as a person reads it; value × *scale* is in the base unit of *family*; a rate's family ends in `/time`."""

    name: str
    family: str
    scale: float


_KI = 1024.0
OURS: Mapping[str, tuple[str, float]] = {
    "ns": ("time", 1e-9),
    "us": ("time", 1e-6),
    "µs": ("time", 1e-6),
    "ms": ("time", 1e-3),
    "s": ("time", 1.0),
    "min": ("time", 60.0),
    "h": ("time", 3600.0),
    "%": ("percentage", 1.0),
    "ratio": ("percentage", 100.0),
    "B": ("bytes", 1.0),
    "bytes": ("bytes", 1.0),
    "KiB": ("bytes", _KI),
    "MiB": ("bytes", _KI**2),
    "GiB": ("bytes", _KI**3),
    "B/s": ("bytes/time", 1.0),
    "bytes/s": ("bytes/time", 1.0),
    "KiB/s": ("bytes/time", _KI),
    "MiB/s": ("bytes/time", _KI**2),
}
"""The units that a metric may be declared in and that are converted to; any other is shown as it is written."""

RATES = frozenset({"1/s", "/s", "rps", "req/s", "requests/s"})
MEASURED = frozenset(family for family, _ in OURS.values())
"""Families that nothing is counted in, so that a value in them is no rate."""

_DATADOG_NAMES = {"ms": "millisecond", "s": "second", "us": "microsecond", "%": "percent", "B": "byte", "bytes": "byte"}


def parse(pair: Any) -> Unit | None:
    """The unit of one series as the API gives it: null, or [primary or null, per or null]. Raises Unavailable."""
    if pair is None:
        return None
    if not isinstance(pair, list) or not pair:
        raise Unavailable("Datadog's answer has a unit in a form that is not known")
    primary, per = pair[0], pair[1] if len(pair) > 1 else None
    if primary is None:
        return None
    name, family, scale = _one(primary)
    if per is None:
        return Unit(name, family, scale)
    per_name, per_family, per_scale = _one(per)
    return Unit(f"{name}/{per_name}", f"{family}/{per_family}", scale / per_scale)


def _one(unit: Any) -> tuple[str, str, float]:
    try:
        name, family, scale = unit["name"], unit["family"], unit["scale_factor"]
    except (KeyError, TypeError):
        name = family = scale = None
    if not isinstance(name, str) or not isinstance(family, str) or not isinstance(scale, (int, float)) or not scale > 0:
        raise Unavailable("Datadog's answer has a unit in a form that is not known")
    return name, family, float(scale)


def factor(family: str | None, scale: float | None, wanted: str) -> float | None:
    """What a value in Datadog's unit is multiplied with to be in *wanted*; None: the two have nothing in common.

    An answer without a unit, and a unit of ours that is not known here, are not converted: 1.
    """
    if family is None or scale is None:
        return 1.0
    if wanted in RATES:
        return scale if family.endswith("/time") and family not in MEASURED else None
    if wanted not in OURS:
        return 1.0
    own_family, own_scale = OURS[wanted]
    return scale / own_scale if family == own_family else None


def datadog_name(unit: str) -> str | None:
    """Datadog's word for one of our units, for the gauges that are sent."""
    return _DATADOG_NAMES.get(unit)
