"""Rows of metric values, one per run and metric."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from dogdriver.model import MetricValue
from dogdriver.model.fields import RAW, marked
from dogdriver.storage.codec import to_row, to_time, upsert
from dogdriver.storage.columns import Columns
from dogdriver.storage.database import Part, read, write

_COLUMNS = Columns("value", MetricValue)
_RAW = marked(MetricValue, RAW)
_KEY = ("run", "metric")


def keep(database: sqlite3.Connection, run: str, project: str, metrics: Mapping[str, MetricValue]) -> None:
    """Keep the values of some of a run's metrics in place of those kept so far."""
    rows = [
        to_row({"run": run, "metric": name, "project": project}) | _COLUMNS.row(one) for name, one in metrics.items()
    ]
    database.executemany(upsert("value", (*_KEY, "project", *_COLUMNS.names), key=_KEY), rows)


def of_run(database: sqlite3.Connection, run: str) -> dict[str, MetricValue]:
    """All of one run, with their readings."""
    rows = database.execute("SELECT * FROM value WHERE run = ? ORDER BY rowid", (run,))
    return {row["metric"]: _COLUMNS.value(row) for row in rows}


def of_runs(database: sqlite3.Connection, runs: Sequence[str]) -> Mapping[str, Mapping[str, MetricValue]]:
    """By run and metric, without their readings."""
    found: defaultdict[str, dict[str, MetricValue]] = defaultdict(dict)
    light = ", ".join((*_KEY, *(name for name in _COLUMNS.names if name not in _RAW)))
    for row in database.execute(
        f"SELECT {light} FROM value WHERE run IN (SELECT one.value FROM json_each(?) AS one) ORDER BY rowid",  # noqa: S608 - ours
        (json.dumps(runs),),
    ):
        found[row["run"]][row["metric"]] = _COLUMNS.value(row)
    return found


class Values(Part):
    """The values of all metrics, and the raw series that they were reduced from, which are not kept for ever."""

    @read
    def metrics(self, database: sqlite3.Connection, project: str) -> Sequence[str]:
        """Names of all metrics that have a value row for this project, sorted."""
        # From one name to the next through the index: the table is long, the names are few.
        rows = database.execute(
            "WITH RECURSIVE name (metric) AS (SELECT min(metric) FROM value WHERE project = :project UNION ALL"
            " SELECT (SELECT min(value.metric) FROM value WHERE project = :project AND value.metric > name.metric)"
            " FROM name WHERE name.metric IS NOT NULL) SELECT metric FROM name WHERE metric IS NOT NULL",
            {"project": project},
        )
        return [metric for (metric,) in rows]

    @read
    def ever_had_data(self, database: sqlite3.Connection, project: str, metric: str) -> bool:
        """Whether any run of this project has a value of this metric."""
        row = database.execute(
            "SELECT 1 FROM value WHERE project = ? AND metric = ? AND value IS NOT NULL LIMIT 1", (project, metric)
        )
        return row.fetchone() is not None

    @read
    def raw_before(self, database: sqlite3.Connection, at: datetime) -> Sequence[str]:
        """The runs created before *at* that wait for nothing and have raw series."""
        rows = database.execute(
            "SELECT DISTINCT value.run FROM value JOIN run ON run.id = value.run WHERE value.reading IS NOT NULL"
            " AND run.created < ? AND run.status <> 'pending' ORDER BY run.created",
            (to_time(at),),
        )
        return [run for (run,) in rows]

    @write
    def drop_raw(self, database: sqlite3.Connection, runs: Sequence[str]) -> int:
        """Drop the raw series of these runs; gives how many there were. Everything else stays."""
        return database.execute(
            "UPDATE value SET reading = NULL WHERE reading IS NOT NULL"
            " AND run IN (SELECT one.value FROM json_each(?) AS one)",
            (json.dumps(list(runs)),),
        ).rowcount
