"""Starts the demo's world and says how to reach it; the daemon itself is started as anywhere else."""

import asyncio
import contextlib
import glob
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dogdriver.demo import process, repository
from dogdriver.demo.standin import Delay, Limit, serve_standin
from dogdriver.metrics.query import default_metrics
from dogdriver.model import Clock

SOURCE = "demo"
SETTLE = 2.0  # seconds; what the stand-in holds back can be seen a little earlier
KEEP = 3600.0  # seconds; far longer than the product goes on asking after a run when settle is that short
DELAYS = {"": Delay(0.1), "system.": Delay(0.3), "aws.": Delay(0.5, trickle=0.3)}
LIMITS = {"query": Limit(20_000, 3600, named=False)}  # several runs a minute ask more than an organisation usually may


@dataclass(frozen=True, slots=True)
class Sample:
    """A service of the demo: its *train* of releases, the load tests on each, and how often it is tested."""

    name: str
    train: str
    every: int
    schedule: str


SAMPLES = (
    Sample("parcels", train="changing", every=4, schedule="every 12s"),
    Sample("letters", train="steady", every=4, schedule="every 24s"),
)


@contextlib.asynccontextmanager
async def demo_world(data: Path, clock: Clock) -> AsyncIterator[Mapping[str, str]]:
    """Two services, a Datadog stand-in that they feed, and a sample test, as long as the context lasts.

    Gives the environment (DOGDRIVER_PROJECTS, DD_API_KEY, …) for settings.load. What must survive a restart lies under
    *data*/demo. Raises DogdriverError where something does not start.
    """
    home = _home(data)
    api_key, app_key = secrets.token_hex(16), secrets.token_hex(20)
    async with contextlib.AsyncExitStack() as stack:
        standin = await stack.enter_async_context(
            serve_standin(
                clock,
                api_key=api_key,
                app_key=app_key,
                delays=DELAYS,
                limits=LIMITS,
                readable_after=1.0,
                keep=KEEP,
                kept_requests=100,
            )
        )
        test = await repository.write(home / "loadtest")
        started = [
            stack.enter_async_context(
                process.start(
                    sample.name,
                    train=sample.train,
                    every=sample.every,
                    shipped=home / f"{sample.name}.releases",
                    datadog=standin.url,
                    api_key=api_key,
                )
            )
            for sample in SAMPLES
        ]
        endpoints = [await one for one in started]
        projects = home / "projects.toml"
        await asyncio.to_thread(projects.write_text, document(endpoints, test), encoding="utf-8")
        yield {
            "DOGDRIVER_DATA": str(home.parent),
            "DOGDRIVER_PROJECTS": str(projects),
            "DOGDRIVER_SOURCE": SOURCE,
            "DOGDRIVER_SETTLE": f"{SETTLE:g}",
            "DOGDRIVER_DATADOG_URL": standin.url,
            "DD_API_KEY": api_key,
            "DD_APP_KEY": app_key,
        }


def _home(data: Path) -> Path:
    home = data.absolute() / "demo"
    home.mkdir(parents=True, exist_ok=True)
    return home


def document(endpoints: Sequence[str], test: str) -> str:
    """projects.toml: every sample at its endpoint, with the sample *test* and the default metrics each second."""
    lines = [
        "# Written by `dogdriver demo` at each start.",
        "[defaults]",
        f"allowed_tests = [{_text(glob.escape(test))}]",
    ]
    for sample, endpoint in zip(SAMPLES, endpoints, strict=True):
        lines += [
            "",
            "[[project]]",
            f"name = {_text(sample.name)}",
            f"schedule = {_text(sample.schedule)}",
            f"deployments = {{ {process.ENVIRONMENT} = {_text(endpoint)} }}",
            f'test = {{ url = {_text(test)}, name = "dogdriver", env = {{ RECORDS_SERVER = "{{endpoint}}" }} }}',
        ]
        for metric in default_metrics(every=1):
            lines += [
                "[[project.metric]]",
                f"name = {_text(metric.name)}",
                f"title = {_text(metric.title)}",
                f"query = {_text(metric.query or '')}",
                f"reduce = {_text(metric.reduce)}",
                f"unit = {_text(metric.unit)}",
                f"better = {_text(metric.better)}",
                f'every = "{metric.every:g}s"',
            ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """*value* as TOML; its basic strings are written as JSON's are."""
    return json.dumps(value)
