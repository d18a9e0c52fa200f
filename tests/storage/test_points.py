"""What charts read follows runs and values, whatever is done to them: compared with what would be computed anew."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dogdriver.model import MetricState, MetricValue, Run, Status
from dogdriver.model.archive import ImportedRun
from dogdriver.model.run import stay_name
from dogdriver.storage import Store
from dogdriver.storage.archive import Archive
from dogdriver.storage.transitions import Transitions
from dogdriver.storage.values import Values
from tests.storage.made import Direct, at, done, fresh, reading, run

BAD = {"failed", "aborted", "invalid"}
IDS, METRICS = ("a", "b", "c"), ("cpu", "rps", "art")


def computed(database: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """The points that runs and values amount to, slowly."""
    for row in database.execute("SELECT * FROM run").fetchall():
        if row["started"] is None or row["status"] in {"queued", "running"}:
            continue
        values = database.execute("SELECT * FROM value WHERE run = ?", (row["id"],)).fetchall()
        shown = [(one["metric"], one["value"], one["state"]) for one in values]
        if row["status"] == "pending":
            shown = [one for one in shown if one[2] != "waiting"]
        if row["status"] in BAD or (row["status"] == "done" and not values):
            shown.append(("", None, "no_data"))
        for metric, value, state in shown:
            yield (
                row["project"], row["deployment"], row["test"], row["source"], metric, row["started"], row["id"], value,
                stay_name(row["release"] or "unknown", row["stay"]), row["status"], row["comparable"], state,
                int(row["excluded"] is not None),
                row["fingerprint"], row["kinds"],
            )  # fmt: skip


def kept(database: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, database.execute("SELECT * FROM point")), key=repr)


numbers = st.none() | st.floats(-9, 9)
values = st.dictionaries(
    st.sampled_from(METRICS),
    st.builds(
        MetricValue, st.sampled_from(MetricState), numbers, reading=st.none() | st.just(reading()), note=st.just("x")
    ),
    max_size=3,
)


def _run(run_id: str, status: Status, minute: int, metrics: dict[str, MetricValue], **others: Any) -> Run:
    if status is Status.RUNNING and minute % 2:
        others["started"] = at(minute)
    return run(run_id, status=status, minute=minute, metrics=metrics, project=f"of-{run_id}", **others)  # one may queue


runs = st.builds(
    _run,
    st.sampled_from(IDS),
    st.sampled_from(Status),
    st.integers(0, 3),
    values,
    release=st.sampled_from([None, "1.0", "1.1"]),
    fingerprint=numbers,
    kinds=st.none() | st.just("m5"),
    content=st.none() | st.just("tree"),
    excluded=st.none() | st.just("loud"),
)


@dataclass(frozen=True)
class Add:
    run: Run


@dataclass(frozen=True)
class Save:
    run: Run
    expect: Status
    values: dict[str, MetricValue]


@dataclass(frozen=True)
class Exclude:
    run: str
    reason: str | None


@dataclass(frozen=True)
class Import:
    run: Run
    etag: str


@dataclass(frozen=True)
class DropRaw:
    run: str


@dataclass(frozen=True)
class Claim:
    pass


@dataclass(frozen=True)
class Delete:
    minute: int


Operation = Add | Save | Exclude | Import | DropRaw | Claim | Delete
operations = st.one_of(
    st.builds(Add, runs),
    st.builds(Save, runs, st.sampled_from(Status), values),
    st.builds(Exclude, st.sampled_from(IDS), st.none() | st.just("loud")),
    st.builds(Import, runs, st.sampled_from(["e1", "e2"])),
    st.builds(DropRaw, st.sampled_from(IDS)),
    st.just(Claim()),
    st.builds(Delete, st.integers(0, 3)),
)


def do(database: sqlite3.Connection, operation: Operation) -> None:
    transitions = Transitions(Direct(database))
    match operation:
        case Add(run):
            done(transitions.add(run))
        case Save(run, expect, values):
            there = database.execute("SELECT status FROM run WHERE id = ?", (run.id,)).fetchone()
            done(transitions.save(run, expect=Status(there["status"]) if there else expect, values=values))
        case Exclude(run_id, reason):
            done(transitions.set_excluded(run_id, reason))
        case Import(run, etag):
            if run.status.final:
                done(Archive(Direct(database)).import_runs([ImportedRun(run, f"runs/{run.id}", etag)], at(9)))
        case DropRaw(run_id):
            done(Values(Direct(database)).drop_raw([run_id]))
        case Claim():
            done(transitions.claim(at(9)))
            done(transitions.claim_due(at(99), at(120)))
        case Delete(minute):
            done(transitions.delete_delivered(at(minute)))


@given(st.lists(operations, max_size=15))
@settings(max_examples=300)
def test_points_are_what_runs_and_values_amount_to(todo: list[Operation]) -> None:
    with fresh() as database:
        for operation in todo:
            do(database, operation)
            assert kept(database) == sorted(computed(database), key=repr)


async def test_a_run_that_is_deleted_takes_its_points_along(store: Store) -> None:
    metrics = {"cpu": MetricValue(MetricState.SETTLED, 1.0)}
    for name, status in (("done", Status.DONE), ("bad", Status.FAILED), ("empty", Status.DONE)):
        await store.transitions.add(run(name, status=status, metrics=metrics if name != "empty" else {}))
    assert len(await store.series.points(run("x").scope.key("cpu"))) == 3
    await store.transitions.delete_delivered(at(1))
    assert await store.series.points(run("x").scope.key("cpu")) == []
