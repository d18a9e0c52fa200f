"""From the unit that Datadog answers in to the one that the metric is declared in."""

from dataclasses import dataclass

from dogdriver.metrics import query, units
from dogdriver.model import Metric, Reading


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a value is multiplied with. *factor* None: it cannot be, and *doubt* says why and what to do; else *doubt*
    is what a person should know of the result.
    """

    factor: float | None
    doubt: str | None = None


def conversion(reading: Reading, metric: Metric, size: float) -> Conversion:
    """*size*: the seconds that one point of *reading* stands for; a count over them becomes a rate."""
    wanted = metric.unit
    if wanted in units.RATES and (reading.family is None or not reading.family.endswith("/time")):
        return _rate(reading, wanted, size)
    factor = units.factor(reading.family, reading.scale, wanted)
    if reading.unit_in_part and factor != 1:
        said = f"some series come in {reading.unit}, others without a unit, so that they cannot be taken together"
        return Conversion(None, f"{said}; ask for one metric")
    if factor is None:
        return Conversion(None, _foreign(reading, wanted))
    if reading.unit is None and wanted in units.OURS and not reading.empty:
        return Conversion(factor, f"Datadog gives no unit, taken to be {wanted}")
    if reading.unit_in_part:
        return Conversion(factor, f"some series come without a unit, taken to be {reading.unit} as the others")
    return Conversion(factor)


def query_doubts(reading: Reading, metric: Metric, size: float) -> list[str]:
    """What a person should know of values of *metric* that come from such an answer."""
    return [doubt for doubt in (conversion(reading, metric, size).doubt, sparse_rates(reading, size)) if doubt]


def sparse_rates(reading: Reading, size: float) -> str | None:
    """What a person should know of rates whose buckets are shorter than the time between two points."""
    if not query.rates(reading.query) or size <= (reading.interval or 0.0):
        return None
    return (
        f"rates over {reading.interval:g} s with a point every {size:g} s only, perhaps too high: "
        f"put .rollup(sum, {size:g}) into the query"
    )


def _rate(reading: Reading, wanted: str, size: float) -> Conversion:
    """Of an answer that does not say itself that it is one."""
    if reading.family in units.MEASURED:
        return Conversion(None, _foreign(reading, wanted))
    if query.counts(reading.query):
        if not query.single(reading.query):
            said = f"the query gives counts, the metric is declared in {wanted}; write .as_rate() for .as_count() in it"
            return Conversion(None, said)
        return Conversion(1 / size if size else 1.0)
    if query.rates(reading.query) or reading.unit is None:
        return Conversion(1.0)
    return Conversion(1.0, f"Datadog gives {reading.unit}, taken to be {wanted}; with .as_rate() it would be sure")


def _foreign(reading: Reading, wanted: str) -> str:
    return (
        f"Datadog gives {reading.unit}, the metric is declared in {wanted}, and neither becomes the other; "
        "declare the metric in the unit of its query"
    )
