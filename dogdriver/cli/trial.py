"""`dogdriver try URL`: the built-in test for ten seconds against one address; nothing of it is kept."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self
from urllib.parse import urlsplit

from dogdriver.catalog import toml_values as values
from dogdriver.cli.report import Report
from dogdriver.cli.session import open_session
from dogdriver.errors import RunError, SettingsError
from dogdriver.logs import Masker
from dogdriver.model import UNKNOWN, Clock, Run, Status
from dogdriver.network import http_client
from dogdriver.settings import load

SECONDS = 10
SOURCE = "try"


@dataclass(frozen=True, slots=True)
class Trial:
    """*path*, with its query, of the service at *endpoint*."""

    name: str
    endpoint: str
    path: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises SettingsError for what is no address."""
        try:
            parts = urlsplit(url.strip())
            endpoint = values.endpoint(f"{parts.scheme}://{parts.netloc}")
        except ValueError:
            raise SettingsError(f"{url!r} is no address; give one such as https://host/path") from None
        query = f"?{parts.query}" if parts.query else ""
        return cls(parts.hostname or "service", endpoint, f"{parts.path or '/'}{query}")

    def document(self, *more: str) -> str:
        """The projects file that puts it under watch, with *more* lines for its test."""
        return "\n".join([
            "[[project]]",
            f"name = {json.dumps(self.name)}",
            f"deployments = {{ stage = {json.dumps(self.endpoint)} }}",
            "[project.test]",
            f"requests = [{json.dumps(self.path)}]",
            *more,
            "",
        ])  # fmt: skip

    async def run(self, environ: Mapping[str, str], clock: Clock, report: Report, mask: Masker) -> Run:
        """Made as any other run. Raises RunError where it did not come to a good end, and SettingsError."""
        with await asyncio.to_thread(TemporaryDirectory, prefix="dogdriver-try-") as folder:
            projects = Path(folder) / "projects.toml"
            await asyncio.to_thread(projects.write_text, self.document(f'duration = "{SECONDS}s"'), encoding="utf-8")
            settings = load({
                "DOGDRIVER_DATA": folder, "DOGDRIVER_PROJECTS": str(projects), "DOGDRIVER_SOURCE": SOURCE,
            })  # fmt: skip
            async with (
                http_client(environ) as http,
                open_session(
                    settings, environ, http, clock, source=SOURCE, destination=None, lookup=None, project=None,
                    report=report, mask=mask,
                ) as session,
            ):  # fmt: skip
                await session.context.catalog.refresh()
                run = await session.pipeline.trigger(self.name)
                while run.status is Status.QUEUED:
                    await session.pipeline.launch_next()
                    run = await session.store.runs.get(run.id) or run
        if run.reason is not None:
            raise RunError(run.reason)
        return run


def outcome(trial: Trial, run: Run) -> str:
    """What it came to, and how to go on."""
    tally, client = run.tally, run.client
    if tally is None or client is None:
        raise RunError("nothing was measured; try again")
    figures = [
        f"{value:.4g} {unit}".join((before, after))
        for value, unit, before, after in (
            (client.rps, "requests/s", "", ""),
            (client.p50, "ms", "median ", ""),
            (client.p95, "ms", "", " for 95 % of them or less"),
        )
        if value is not None
    ]
    release = f"It runs release {run.release}."
    if run.release in {None, UNKNOWN}:
        release = (
            f"Its release is not known: {trial.endpoint}/__version__ says nothing usable. Its runs would be kept and "
            "charted, and not judged until it says a version."
        )
    return "\n".join([
        f"{trial.endpoint}{trial.path}: {', '.join(figures)}; {tally.failed} of {tally.ok + tally.failed} failed.",
        release,
        *(f"{reason}." for reason in client.reasons),
        "",
        "To keep it under watch, put this into projects.toml:",
        "",
        trial.document(),
    ]).rstrip()  # fmt: skip
