"""The words of dogDriver as values: no I/O, no clock, no behaviour beyond what a value knows of itself."""

from collections.abc import Callable
from datetime import datetime

from dogdriver.model.filters import Filter, Known, Outstanding, Seen
from dogdriver.model.judged import Judged
from dogdriver.model.load import (
    ClientMeasures,
    Grade,
    Job,
    Latency,
    Load,
    Measured,
    Prepared,
    Snapshot,
    Tally,
    Window,
)
from dogdriver.model.project import (
    CLIENT_METRICS,
    CLIENT_PREFIX,
    Catalog,
    Deployment,
    Metric,
    Problem,
    Project,
    Schedule,
    Test,
)
from dogdriver.model.reading import (
    MetricState,
    MetricValue,
    Reading,
    Series,
)
from dogdriver.model.run import (
    UNKNOWN,
    Errand,
    Page,
    Point,
    Release,
    Run,
    Scope,
    SeriesKey,
    Status,
    Trigger,
)
from dogdriver.model.verdict import (
    Announcement,
    Better,
    Change,
    Headline,
    Noise,
    Outcome,
    Sample,
    Standing,
    Trend,
    Verdict,
)

Clock = Callable[[], datetime]
"""Gives the time now, aware, UTC."""

__all__ = [
    "CLIENT_METRICS",
    "CLIENT_PREFIX",
    "UNKNOWN",
    "Announcement",
    "Better",
    "Catalog",
    "Change",
    "ClientMeasures",
    "Clock",
    "Deployment",
    "Errand",
    "Filter",
    "Grade",
    "Headline",
    "Job",
    "Judged",
    "Known",
    "Latency",
    "Load",
    "Measured",
    "Metric",
    "MetricState",
    "MetricValue",
    "Noise",
    "Outcome",
    "Outstanding",
    "Page",
    "Point",
    "Prepared",
    "Problem",
    "Project",
    "Reading",
    "Release",
    "Run",
    "Sample",
    "Schedule",
    "Scope",
    "Seen",
    "Series",
    "SeriesKey",
    "Snapshot",
    "Standing",
    "Status",
    "Tally",
    "Test",
    "Trend",
    "Trigger",
    "Verdict",
    "Window",
]
