"""The points that were submitted, and from when on each of them can be seen."""

import bisect
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Unit = Mapping[str, Any]


def _unit(family: str, scale: float, name: str, short: str, number: int) -> Unit:
    plural = name if name == "percent" else f"{name}s"
    return {
        "family": family,
        "scale_factor": scale,
        "name": name,
        "short_name": short,
        "plural": plural,
        "id": number,
    }


UNITS: Mapping[str, Unit] = {
    unit["name"]: unit
    for unit in (
        _unit("percentage", 1.0, "percent", "%", 17),
        _unit("time", 1e-9, "nanosecond", "ns", 7),
        _unit("time", 1e-6, "microsecond", "μs", 8),
        _unit("time", 1e-3, "millisecond", "ms", 9),
        _unit("time", 1.0, "second", "s", 11),
        _unit("time", 60.0, "minute", "min", 12),
        _unit("network", 1.0, "request", "req", 19),
    )
}


class Kind(StrEnum):
    """What a metric's values are."""

    GAUGE = "gauge"  # a state
    COUNT = "count"  # how many since the submission before
    RATE = "rate"  # how many a second


@dataclass(frozen=True, slots=True)
class Delay:
    """A point can be seen *seconds* after it was made, each point up to *trickle* seconds later than that."""

    seconds: float
    trickle: float = 0.0


DELAYS: Mapping[str, Delay] = {"": Delay(10), "system.": Delay(15), "aws.": Delay(720)}


@dataclass(slots=True)
class Metric:
    """What is known of a metric beside its points. *interval*: seconds between two submissions, for a rate."""

    kind: Kind = Kind.GAUGE
    unit: Unit | None = None
    interval: float | None = None


@dataclass(slots=True)
class Timeline:
    """The points of one metric under one set of tags."""

    tags: frozenset[str]
    _times: list[float] = field(default_factory=list)
    _versions: dict[float, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, at: float, value: float, visible_at: float) -> None:
        if at not in self._versions:
            bisect.insort(self._times, at)
            self._versions[at] = []
        self._versions[at].append((visible_at, value))

    def forget(self, before: float) -> None:
        """Drop the points older than *before*."""
        old = bisect.bisect_left(self._times, before)
        for at in self._times[:old]:
            del self._versions[at]
        del self._times[:old]

    @property
    def newest(self) -> float:
        return self._times[-1] if self._times else 0.0

    def between(self, start: float, end: float, now: float) -> Iterator[tuple[float, float]]:
        """(time, value) with start <= time < end, as they can be seen at *now*; of two values the later submitted."""
        first, last = bisect.bisect_left(self._times, start), bisect.bisect_left(self._times, end)
        for at in self._times[first:last]:
            seen = [value for visible_at, value in self._versions[at] if visible_at <= now]
            if seen:
                yield at, seen[-1]

    def values(self, key: str) -> tuple[str, ...]:
        """The values of the tag *key*, in order."""
        return tuple(sorted(tag[len(key) + 1 :] for tag in self.tags if tag.startswith(f"{key}:")))


class PointStore:
    """Points by metric and tags. *delays* maps a metric's prefix to its Delay; the longest prefix counts. *keep*:
    seconds before the newest point of a timeline for which its points are kept; None: for ever."""

    def __init__(self, delays: Mapping[str, Delay] | None = None, *, keep: float | None = None) -> None:
        self.keep = keep
        self.delays: dict[str, Delay] = dict(DELAYS if delays is None else delays)
        self._metrics: dict[str, Metric] = {}
        self._timelines: dict[str, dict[frozenset[str], Timeline]] = {}

    def add(
        self,
        metric: str,
        points: Iterable[tuple[float, float]],
        *,
        tags: Iterable[str] = (),
        host: str | None = None,
        received: float | None = None,
        visible_at: float | None = None,
        kind: str | None = None,
        unit: str | Unit | None = None,
        interval: float | None = None,
    ) -> None:
        """Keep *points*, (unix seconds, value). They can be seen from *visible_at* on, else after the metric's delay,
        counted from the point's own time or from *received*, whichever is later. Adding a time again replaces its
        value once the new one can be seen. *kind*, *unit* (a name of UNITS or Datadog's own object) and *interval*
        describe the metric, for all its points."""
        self.describe(metric, kind=kind, unit=unit, interval=interval)
        wanted = {clean_tag(tag) for tag in tags}
        if host is not None:
            wanted.add(clean_tag(f"host:{host}"))
        key = frozenset(wanted)
        timeline = self._timelines.setdefault(metric, {}).setdefault(key, Timeline(key))
        for at, value in points:
            seen = visible_at if visible_at is not None else self._visible(metric, key, at, received)
            timeline.add(float(at), float(value), seen)
        if self.keep is not None:
            timeline.forget(timeline.newest - self.keep)

    def describe(
        self,
        metric: str,
        *,
        kind: str | None = None,
        unit: str | Unit | None = None,
        interval: float | None = None,
    ) -> None:
        """Say what *metric* is, whether it has points or not. A unit that is not known leaves it without one."""
        described = self._metrics.setdefault(metric, Metric())
        if kind is not None:
            described.kind = Kind(kind)
        if unit is not None:
            described.unit = UNITS.get(unit) if isinstance(unit, str) else unit
        if interval:
            described.interval = interval

    def metric(self, name: str) -> Metric:
        return self._metrics.get(name, Metric())

    def timelines(self, metric: str, scope: Iterable[tuple[str, bool]] = ()) -> list[Timeline]:
        """Those under all wanted tags of *scope* and none of the unwanted ones; tags compare as they are stored."""
        wanted = tuple(scope)
        found = self._timelines.get(metric, {}).values()
        return [one for one in found if all((tag in one.tags) is here for tag, here in wanted)]

    def clear(self) -> None:
        """Forget all points and what is known of metrics; delays stay."""
        self._metrics.clear()
        self._timelines.clear()

    def _visible(self, metric: str, tags: frozenset[str], at: float, received: float | None) -> float:
        prefixes = [prefix for prefix in self.delays if metric.startswith(prefix)]
        delay = self.delays[max(prefixes, key=len)] if prefixes else Delay(0)
        share = zlib.crc32(repr((metric, sorted(tags), at)).encode()) / 2**32
        made = at if received is None else max(at, received)
        return made + delay.seconds + delay.trickle * share


_UNCLEAN = re.compile(r"[^\w.:/-]")


def clean_tag(tag: str) -> str:
    """As Datadog keeps tags: lower case, what is not allowed becomes `_`, at most 200 characters."""
    return _UNCLEAN.sub("_", tag.lower())[:200].rstrip(":")
