"""Units: what Datadog answers in, what a metric is declared in, and what turns a value of the one into the other.

Every unit belongs to a family (`time`) and has a scale: value × scale is in the family's base unit (seconds). A rate's
family ends in `/time`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from dogdriver.errors import Invalid, Unavailable
from dogdriver.metrics import query
from dogdriver.model import Metric, MetricValue, Reading

_KI = 1024.0
CONVERTED: Mapping[str, tuple[str, float]] = {
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
"""(family, scale) of the units that a metric may be declared in and that are converted to.

Any other is shown as it is written, and its values are taken as they come.
"""

RATES = frozenset({"1/s", "/s", "rps", "req/s", "requests/s"})
"""The spellings of "so many a second", of whatever is counted."""

_NEVER_COUNTED = frozenset(family for family, _ in CONVERTED.values())
"""Families of what is measured and not counted, so that a value in them is no rate of anything."""

_DATADOG_NAMES = {"ms": "millisecond", "s": "second", "us": "microsecond", "%": "percent", "B": "byte", "bytes": "byte"}

_SPELLED = {name: unit for unit, name in _DATADOG_NAMES.items()} | {"seconds": "s", "milliseconds": "ms", "us": "µs"}
"""Other spellings of a unit."""


# Datadog's units


@dataclass(frozen=True, slots=True)
class Unit:
    """*name* as a person reads it; value × *scale* is in the base unit of *family*."""

    name: str
    family: str
    scale: float


def parse_unit(pair: Any) -> Unit | None:
    """The unit of one series as the API gives it: null, or [primary or null, per or null]. Raises Unavailable."""
    if pair is None:
        return None
    if not isinstance(pair, list) or not pair:
        raise Unavailable("Datadog's answer has a unit in a form that is not known")
    primary, per = pair[0], pair[1] if len(pair) > 1 else None
    if primary is None:
        return None
    unit = _part(primary)
    if per is None:
        return unit
    divisor = _part(per)
    return Unit(f"{unit.name}/{divisor.name}", f"{unit.family}/{divisor.family}", unit.scale / divisor.scale)


def _part(unit: Any) -> Unit:
    try:
        name, family, scale = unit["name"], unit["family"], unit["scale_factor"]
    except (KeyError, TypeError):
        name = family = scale = None
    if not isinstance(name, str) or not isinstance(family, str) or not isinstance(scale, (int, float)) or not scale > 0:
        raise Unavailable("Datadog's answer has a unit in a form that is not known")
    return Unit(name, family, float(scale))


def datadog_name(unit: str) -> str | None:
    """Datadog's word for one of our units, for the gauges that are sent."""
    return _DATADOG_NAMES.get(unit)


# From one to the other


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a value is multiplied with.

    *factor* None: there is no such number, and *warning* says why and what to do; else *warning* is what a person
    should know of the result.
    """

    factor: float | None
    warning: str | None = None


def conversion(reading: Reading, metric: Metric, width: float) -> Conversion:
    """From the unit of *reading* to that of *metric*; *width*: the seconds that one point of *reading* stands for.

    value in the metric's unit = value as answered × scale of its unit / scale of the metric's unit, both of one
    family. Counts over *width* seconds become a rate: × 1 / *width*.
    """
    wanted = metric.unit
    if wanted in RATES and (reading.family is None or not reading.family.endswith("/time")):
        return _to_rate(reading, wanted, width)
    factor = scale_factor(reading.family, reading.scale, wanted)
    if reading.unit_in_part and factor != 1:
        why = f"some series come in {reading.unit}, others without a unit, so that they cannot be taken together"
        return Conversion(None, f"{why}; ask for one metric")
    if factor is None:
        return Conversion(None, _incompatible(reading, wanted))
    if reading.unit is None and wanted in CONVERTED and not reading.empty:
        return Conversion(factor, f"Datadog gives no unit, taken to be {wanted}")
    if reading.unit_in_part:
        return Conversion(factor, f"some series come without a unit, taken to be {reading.unit} as the others")
    return Conversion(factor)


def scale_factor(family: str | None, scale: float | None, wanted: str) -> float | None:
    """What a value of a unit in *family* with *scale* is multiplied with to be in *wanted*; None: another family.

    An answer without a unit, and a unit of ours that is not known here, are not converted: 1.
    """
    if family is None or scale is None:
        return 1.0
    if wanted in RATES:
        return scale if family.endswith("/time") and family not in _NEVER_COUNTED else None
    if wanted not in CONVERTED:
        return 1.0
    own_family, own_scale = CONVERTED[wanted]
    return scale / own_scale if family == own_family else None


def delivered_in(value: MetricValue, metric: Metric) -> MetricValue:
    """*value*, which somebody else has measured, in the unit of *metric*; one without a unit is taken to be in it.

    Raises Invalid where its unit is of another family, or one of the two is not known.
    """
    given, wanted = _SPELLED.get(value.unit or "", value.unit or ""), metric.unit
    if value.value is None or not given or not wanted or given == wanted or {given, wanted} <= RATES:
        return value
    (family, scale), (wanted_family, wanted_scale) = (CONVERTED.get(unit, (unit, 1.0)) for unit in (given, wanted))
    if family != wanted_family:
        raise Invalid(
            f"{metric.name} is delivered in {given}, and the project has it in {wanted}; deliver it in {wanted}"
        )
    return replace(value, value=value.value * scale / wanted_scale, unit=wanted)


def unit_warnings(reading: Reading, metric: Metric, width: float) -> list[str]:
    """What a person should know of values of *metric* that come from such an answer; *width* as in `conversion`."""
    found = (conversion(reading, metric, width).warning, sparse_rates(reading, width))
    return [warning for warning in found if warning]


def sparse_rates(reading: Reading, width: float) -> str | None:
    """A warning for rates over buckets that are shorter than *width*, the seconds between two points."""
    if not query.gives_rates(reading.query) or width <= (reading.interval or 0.0):
        return None
    return (
        f"rates over {reading.interval:g} s with a point every {width:g} s only, perhaps too high: "
        f"put .rollup(sum, {width:g}) into the query"
    )


def _to_rate(reading: Reading, wanted: str, width: float) -> Conversion:
    """Of an answer that does not say itself that it is one."""
    if reading.family in _NEVER_COUNTED:
        return Conversion(None, _incompatible(reading, wanted))
    if query.gives_counts(reading.query):
        if not query.is_plain(reading.query):
            why = f"the query gives counts, the metric is declared in {wanted}; write .as_rate() for .as_count() in it"
            return Conversion(None, why)
        return Conversion(1 / width if width else 1.0)
    if query.gives_rates(reading.query) or reading.unit is None:
        return Conversion(1.0)
    return Conversion(1.0, f"Datadog gives {reading.unit}, taken to be {wanted}; with .as_rate() it would be sure")


def _incompatible(reading: Reading, wanted: str) -> str:
    return (
        f"Datadog gives {reading.unit}, the metric is declared in {wanted}, and neither becomes the other; "
        "declare the metric in the unit of its query"
    )
