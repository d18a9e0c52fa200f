"""A bucket of the first dogDriver: its results are history, its jobs are work, and nothing of its own is touched."""

import json
from datetime import UTC, datetime

import pytest

from dogdriver.archive.legacy import is_job, parse_result_key, result_run
from dogdriver.archive.objects import identity
from dogdriver.model import UNKNOWN, MetricState, Scope, SeriesKey, Status
from dogdriver.model.document import run_document
from dogdriver.model.parse import run_from_document
from tests.archive.conftest import Start
from tests.archive.made import job, put_job, put_result
from tests.archive.s3 import S3Server

RESULT = {"CPU": 41.5, "RPS": 120.25, "ART": 87, "version": "1.2.0", "source": "marseille"}


async def test_results_are_history(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    key = await put_result(paris, "shop", 1462000000, RESULT)
    await put_result(paris, "a-b-c", 1462000001, {k: v for k, v in RESULT.items() if k != "source"})
    before = await paris.objects()
    await paris.sync()
    [run] = await paris.all(project="shop")
    assert run.id == identity(paris.bucket.name, key)
    assert (run.status, run.source, run.deployment, run.test) == (Status.DONE, "marseille", "stage", "dogdriver")
    assert run.started == datetime.fromtimestamp(1462000000, UTC)
    assert (run.release, run.version) == ("1.2.0", "1.2.0")
    assert {n: (v.value, v.unit, v.state) for n, v in run.metrics.items()} == {
        "cpu": (41.5, "%", MetricState.SETTLED),
        "rps": (120.25, "1/s", MetricState.SETTLED),
        "art": (87.0, "ms", MetricState.SETTLED),
    }
    assert run_from_document(run_document(run)).metrics == run.metrics, "it is a run like any other"
    [other] = await paris.all(project="a-b-c")
    assert other.source == "unknown"
    assert {known.project for known in await paris.store.runs.known()} == {"shop", "a-b-c"}
    await paris.upload()
    assert await paris.objects() == before, "never rewritten, never deleted, and not there twice"
    requests = paris.bucket.requests
    await paris.sync()
    assert len(await paris.all()) == 2
    assert paris.bucket.requests - requests == 5, "nothing is read again"


@pytest.mark.parametrize(
    ("written", "measured"),
    [
        ({"CPU": 0, "RPS": 0, "ART": 0}, {"cpu": None, "rps": None, "art": None}),
        ({"CPU": 0, "RPS": 0, "ART": 87}, {"cpu": None, "rps": None, "art": 87.0}),
        ({"CPU": 0.0, "RPS": 12, "ART": 0.0}, {"cpu": None, "rps": 12.0, "art": None}),
        ({"CPU": 41.5, "RPS": 0, "ART": 0}, {"cpu": 41.5, "rps": None, "art": None}),
        ({"CPU": 0, "RPS": 12, "ART": 87}, {"cpu": 0.0, "rps": 12.0, "art": 87.0}),
        ({"CPU": 0, "RPS": None, "ART": None}, {"cpu": None, "rps": None, "art": None}),
    ],
)
def test_the_zeros_of_the_first_worker_are_no_data(
    written: dict[str, float | None], measured: dict[str, float | None]
) -> None:
    result = parse_result_key("shop-1462000000.json")
    assert result is not None
    run = result_run(result, json.dumps(written).encode(), "r1", ("stage", "dogdriver"))
    assert {name: value.value for name, value in run.metrics.items()} == measured
    assert all((v.state is MetricState.NO_DATA) == (v.value is None) for v in run.metrics.values())


async def test_a_new_result_of_a_server_that_still_runs_comes_in(s3: S3Server, start: Start) -> None:
    paris = await start("paris", page=5)
    for n in range(12):
        await put_result(paris, "shop", 1462000000 + n, RESULT)
    await paris.sync()
    assert len(await paris.all()) == 12
    await put_result(paris, "shop", 1461000000, RESULT)
    await put_result(paris, "zoo", 1461000000, RESULT)
    for _ in range(3):
        await paris.sync()
    assert len(await paris.all()) == 14


async def test_the_series_of_a_result_is_judged_like_any_other(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    for n in range(30):
        slow = n >= 20
        await put_result(
            paris, "shop", 1462000000 + 3600 * n,
            {**RESULT, "ART": (130 if slow else 87) + n % 3, "version": "2.0" if slow else "1.0"},
        )  # fmt: skip
    await paris.sync()
    verdicts = await paris.store.verdicts.newest(Scope("shop", "stage", "dogdriver", "marseille"))
    assert {(v.key.metric, v.release): v.verdict.outcome for v in verdicts}["art", "2.0"] == "regressed"
    points = await paris.store.series.points(SeriesKey("shop", "stage", "dogdriver", "marseille", "art"))
    assert len(points) == 30


async def test_a_job_past_its_deadline_gets_one_read_and_goes(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    began = int(paris.clock().timestamp())
    key = await put_job(paris, job(began, began + 300))
    await paris.sync()
    [run] = await paris.all()
    assert run.id == identity(paris.bucket.name, key)
    paris.feed(run)
    paris.clock.forward(3 * 86400)
    asked = len(paris.standin.requests)
    assert await paris.pipeline.collect_next()
    done = await paris.now(run)
    assert (done.status, done.source) == (Status.DONE, "marseille")
    assert done.metrics["cpu"].value == pytest.approx(40.0)
    assert len([r for r in list(paris.standin.requests)[asked:] if "query" in r.path]) <= 1
    await paris.upload()
    assert key not in await paris.listed()
    assert [k.startswith("dogdriver/v1/runs/paris/") for k in await paris.listed()] == [True]


async def test_a_job_of_a_project_that_nobody_knows_is_listed_without_data(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    began = int(paris.clock().timestamp())
    await put_job(paris, job(began, began + 300, project="fjord-api"))
    await paris.sync()
    await paris.collect_all()
    [run] = await paris.all(project="fjord-api")
    assert (run.status, run.metrics["cpu"].state) == (Status.DONE, MetricState.NO_DATA)
    assert "not in the catalog" in (run.metrics["cpu"].note or "")


@pytest.mark.parametrize(
    "document",
    [
        b"", b"not json", b"\xff\xfe", b"[]", b"null", b'{"start": 1', b"[" * 100_000,
        {}, job(-5, 10), job(100, 50), job(1, 2, project=7), job(1, 2, project=""), job(1, 2, project="x" * 1000),
        job(1, 2, project=" a"), job(1, 2, version=["1"]), job(1, 2, source={"a": 1}), job(1, 2, version="v\0x"),
        {**job(1, 2), "start": "1"}, {**job(1, 2), "end": None}, {**job(1, 2), "end": True}, job(1, 4e18), job(1, 2e9),
    ],
)  # fmt: skip
async def test_a_malformed_job_is_set_aside_with_its_reason(s3: S3Server, start: Start, document: object) -> None:
    paris = await start("paris")
    key = await put_job(paris, document)
    await paris.sync()
    assert await paris.all() == []
    [shown] = (await paris.status())["rejected"]
    assert shown["key"] == key
    keys = await paris.listed()
    assert shown["moved"] in keys
    assert key not in keys
    [beside] = [k for k in keys if k.endswith(".reason.json")]
    fetched = await paris.bucket.get(beside, most=10_000)
    assert fetched is not None
    assert json.loads(fetched.body)["reason"] == shown["reason"]
    requests = paris.bucket.requests
    await paris.sync()
    assert paris.bucket.requests - requests == 5, "never again"
    good = job(1, 2)
    await put_job(paris, good)
    await paris.sync()
    assert len(await paris.all()) == 1, "the same key, fixed"


@pytest.mark.parametrize(
    "document",
    [b"", b"{", {"CPU": "many"}, {"RPS": -1}, {"ART": True}, {"CPU": 1e999}, {"version": {}}, {"source": "x" * 300}],
)
async def test_a_malformed_result_stays_where_it_is_and_is_read_once(
    s3: S3Server, start: Start, document: object
) -> None:
    paris = await start("paris")
    body = document if isinstance(document, bytes) else json.dumps({**RESULT, **document}).encode()  # type: ignore[dict-item] # a case
    await paris.bucket.put("shop-1462000000.json", body)
    before = await paris.objects()
    await paris.sync()
    assert await paris.all() == []
    assert [one["key"] for one in (await paris.status())["rejected"]] == ["shop-1462000000.json"]
    requests = paris.bucket.requests
    await paris.sync()
    assert paris.bucket.requests - requests == 5
    assert await paris.objects() == before


async def test_missing_numbers_are_missing_not_zero(s3: S3Server, start: Start) -> None:
    paris = await start("paris")
    await put_result(paris, "shop", 1462000000, {"CPU": None, "RPS": 0, "version": "", "source": None})
    await paris.sync()
    [run] = await paris.all()
    values = {name: (value.value, value.state) for name, value in run.metrics.items()}
    assert values["cpu"] == (None, MetricState.NO_DATA)
    assert values["rps"] == (None, MetricState.NO_DATA)
    assert run.release == UNKNOWN


def test_what_is_whose() -> None:
    assert is_job("job-6f1f2a5c-3a11-4a64-8d5f-0d3c5b8a9e01.json")
    assert not is_job("job-1462000000.json")
    assert parse_result_key("job-1462000000.json") is not None
    found = parse_result_key("a-b-1462000000.json")
    assert found is not None
    assert found.project == "a-b"
    for key in ("a.json", "a-1.txt", "a-b.json", "-1.json", "a/b-1.json", "a--1.json", "a-99999999999.json"):
        found = parse_result_key(key)
        assert found is None or found.project == "a-", key
