"""Where the runs of `dogdriver run` may go: a bucket, or the data directory itself; and several projects at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiobotocore.session import get_session

from dogdriver.demo.standin import Standin
from tests.archive.s3 import S3Server
from tests.cli.conftest import Cli, sources, steps
from tests.end_to_end.parts import Daemon
from tests.end_to_end.service import LOADTEST, Service

SECOND = """
[[project]]
name = "another"
[project.deployments]
stage = "{endpoint}"
[project.test]
url = "{url}"
name = "short"
env = {{ SERVER = "{{endpoint}}" }}

[[project]]
name = "forbidden"
[project.deployments]
stage = "{endpoint}"
[project.test]
url = "https://somewhere.example/test"
"""


def add_projects(file: str, endpoint: str) -> None:
    """One more that may run, and one that may not."""
    with Path(file).open("a") as projects:
        projects.write(SECOND.format(endpoint=endpoint, url=LOADTEST))


@pytest.fixture(name="s3")
def _s3(tmp_path: Path) -> Iterator[S3Server]:
    server = S3Server(tmp_path / "s3")
    server.start()
    yield server
    server.kill()


async def make_bucket(s3: S3Server, name: str) -> None:
    """As an operator does."""
    keys = {"aws_access_key_id": "AKIATESTTESTTEST", "aws_secret_access_key": "a-secret-of-the-tests"}
    async with get_session().create_client("s3", endpoint_url=s3.url, region_name="us-east-1", **keys) as client:
        await client.create_bucket(Bucket=name)


async def test_through_a_bucket_a_daemon_gets_the_run_and_gives_the_verdict(
    cli: Cli, daemon: Daemon, s3: S3Server, standin: Standin
) -> None:
    await make_bucket(s3, "runs")
    cli.environ = {**cli.environ, **s3.variables}
    daemon.environ = {**daemon.environ, **s3.variables, "DOGDRIVER_BUCKET": "runs", "DOGDRIVER_SYNC": "1"}
    await daemon.start()
    said = await cli("run", "thing", "--to", "s3://runs", "--ask", daemon.url, "--wait", "--json")
    assert said.code == 2, (said.out, said.err)
    (kept,) = await daemon.runs("thing")
    assert (kept["id"], kept["source"], kept["status"]) == (said.run["id"], "ci", "done")
    assert kept["metrics"]["art"]["value"] == pytest.approx(200.0)
    assert steps(standin, kept["id"]) == ["step:start", "step:stop"]


async def test_a_bucket_that_is_not_there_keeps_the_run_for_the_next_call(
    cli: Cli, daemon: Daemon, s3: S3Server
) -> None:
    cli.environ = {**cli.environ, **s3.variables, "DOGDRIVER_BUCKET": "later"}
    first = await cli("run", "thing", "--json")
    assert first.code == 5, (first.out, first.err)
    assert "there is no bucket later" in first.event("kept")["error"]
    await make_bucket(s3, "later")
    second = await cli("run", "thing", "--json")
    assert second.code == 0, (second.out, second.err)
    daemon.environ = {**daemon.environ, **s3.variables, "DOGDRIVER_BUCKET": "later", "DOGDRIVER_SYNC": "1"}
    await daemon.start()
    third = await cli("run", "thing", "--ask", daemon.url, "--wait", "--json")
    assert third.code == 2, (third.out, third.err)
    ids = [run["id"] for run in await daemon.runs("thing")]
    assert sorted(ids) == sorted(said.run["id"] for said in (first, second, third))


async def test_without_a_destination_the_run_is_in_the_data_directory_for_a_daemon_to_show(
    cli: Cli, standin: Standin
) -> None:
    said = await cli("run", "thing", "--wait", "--json", DOGDRIVER_SOURCE="")
    assert said.code == 2, (said.out, said.err)
    assert steps(standin, said.run["id"]) == ["step:start", "step:stop"]
    daemon = Daemon(cli.data, {**cli.environ, "DOGDRIVER_SOURCE": ""})
    await daemon.start()
    try:
        (kept,) = await daemon.runs("thing")
        busy = await cli("run", "thing", "--json", DOGDRIVER_SOURCE="")
    finally:
        await daemon.end()
    assert (kept["id"], kept["status"], kept["trigger"]) == (said.run["id"], "done", "request")
    assert kept["metrics"]["art"]["value"] == pytest.approx(200.0)
    assert sources(standin) == {said.event("started")["source"]}
    assert busy.code == 4
    assert "name it with --to" in busy.event("impossible")["message"]


async def test_without_keys_a_run_has_what_the_load_generator_measured(cli: Cli) -> None:
    said = await cli("run", "thing", "--wait", "--json", DD_API_KEY="", DD_APP_KEY="")
    assert said.code == 2, (said.out, said.err)
    assert {one["metric"] for one in said.event("verdict")["verdicts"]} >= {"client.p50", "client.rps"}
    again = await cli("run", "thing", "--wait", "--baseline", "0.9", "--json", DD_API_KEY="", DD_APP_KEY="")
    assert again.code == 2, (again.out, again.err)
    assert "there is no baseline 0.9 here; the newest are 1.0.0" in again.event("unjudged")["message"]


async def test_a_client_without_keys_leaves_the_metrics_to_the_daemon(
    cli: Cli, daemon: Daemon, standin: Standin
) -> None:
    await daemon.start()
    said = await cli("run", "thing", "--to", daemon.url, "--wait", "--json", DD_API_KEY="", DD_APP_KEY="")
    assert said.code == 2, (said.out, said.err)
    (kept,) = await daemon.runs("thing")
    assert kept["metrics"]["art"]["value"] == pytest.approx(200.0)
    assert steps(standin, kept["id"]) == []


async def test_all_projects_that_may_run(cli: Cli, daemon: Daemon, service: Service, tmp_path: Path) -> None:
    add_projects(service.projects(tmp_path, "short"), service.url)
    await daemon.start()
    said = await cli("run", "--all", "--to", daemon.url, "--json")
    assert said.code == 0, (said.out, said.err)
    ended = [line["run"]["project"] for line in said.lines if line["event"] == "ended"]
    assert ended == ["another", "thing"]
    assert {run["project"] for run in (await daemon.get("/api/v1/runs"))["runs"]} == {"another", "thing"}


async def test_all_where_one_fails_runs_the_others_and_says_so(
    cli: Cli, daemon: Daemon, service: Service, tmp_path: Path
) -> None:
    add_projects(service.projects(tmp_path, "short"), "http://127.0.0.1:1")
    await daemon.start()
    said = await cli("run", "--all", "--to", daemon.url, "--json")
    assert said.code == 3, (said.out, said.err)
    ended = {line["run"]["project"]: line["run"]["status"] for line in said.lines if line["event"] == "ended"}
    assert ended == {"another": "failed", "thing": "pending"}


async def test_all_of_nothing(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "projects.toml").write_text("")
    said = await cli("run", "--all")
    assert (said.code, "no project with a test that may run" in said.out) == (4, True), (said.out, said.err)


async def test_without_a_projects_file_the_daemon_says_what_there_is(
    cli: Cli, daemon: Daemon, service: Service, tmp_path: Path
) -> None:
    add_projects(service.projects(tmp_path, "short"), service.url)
    await daemon.start()
    bare = {"DOGDRIVER_PROJECTS": ""}
    said = await cli("run", "thing", "--to", daemon.url, "--json", **bare)
    assert said.code == 0, (said.out, said.err)
    assert said.run["tally"]["ok"] > 0  # its variables came along: the service was found
    everything = await cli("run", "--all", "--to", daemon.url, "--json", **bare)
    assert everything.code == 0, (everything.out, everything.err)
    assert [one["run"]["project"] for one in everything.lines if one["event"] == "ended"] == ["another", "thing"]
    assert "not among the allowed ones" in everything.event("problem")["message"]
    for project, why in ("nothing", "there is no project nothing"), ("forbidden", "not among the allowed ones"):
        refused = await cli("run", project, "--to", daemon.url, "--json", **bare)
        assert (refused.code, why in refused.event("impossible")["message"]) == (4, True), refused.out
