"""Runs a case by the command line and by MolotovRunner, and says whether they agree."""

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dogdriver.errors import LoadTestError
from dogdriver.loadgen.interpreter import ENVIRON
from dogdriver.model import Isolation, Job, Prepared, Stopped
from dogdriver.runner import MolotovRunner
from tests.loadgen.conformance.cases import HEADER, Case, Kind

_COUNTS = re.compile(r"SUCCESSES: (\d+) \| FAILURES: (\d+)")
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Did:
    """*good* is the exit code 0, or no failure by the test's own rule; *said* the last line, or the refusal."""

    ok: int | None
    failed: int | None
    good: bool
    said: str
    stopped: Stopped | None = None

    def __str__(self) -> str:
        counts = "-" if self.ok is None else f"{self.ok}/{self.failed}"
        return f"{counts} {'good' if self.good else 'bad'}"


def lay_out(case: Case, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"loadtest.py": HEADER + case.code, **case.files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    entry = {"scenario": "loadtest.py", **case.entry, "console": True}
    (folder / "molotov.json").write_text(json.dumps({"molotov": {"tests": {"case": entry}}}))


def by_command_line(case: Case, folder: Path, url: str) -> Did:
    """`molotov --config molotov.json case`, where it is installed."""
    lay_out(case, folder)
    command = Path(sys.executable).with_name("molotov")
    done = subprocess.run(
        [command, "--config", "molotov.json", "case"],
        cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False,
        env={"PATH": ENVIRON.get("PATH", os.defpath), "HOME": str(folder), "URL": url, "PYTHONPATH": "."},
    )  # fmt: skip
    # Sizing has a report of its own, with OVERALL before its counts.
    found = _COUNTS.findall(done.stdout)
    lines = (done.stderr or done.stdout).strip().splitlines()
    ok, failed = map(int, found[0]) if found else (None, None)
    return Did(ok, failed, done.returncode == 0, lines[-1] if lines else "")


async def by_runner(case: Case, folder: Path, url: str) -> Did:
    lay_out(case, folder)
    entry = json.loads((folder / "molotov.json").read_text())["molotov"]["tests"]["case"]
    prepared = Prepared(str(folder), None, entry, "case", "0" * 40, None)
    runner = MolotovRunner(folder / ".data", lambda: datetime.now(UTC), grace=60.0)  # noqa: TID251 - real loads
    try:
        measured = await runner.load(
            Job("r", prepared, {"URL": url}, 1.0, Isolation.THREAD), cancelled=asyncio.Event(), watch=lambda _: None
        )
    except LoadTestError as error:
        return Did(None, None, good=False, said=error.message)
    tally = measured.tally
    return Did(tally.ok, tally.failed, not measured.failed, measured.reason or "", measured.stopped)


def agree(case: Case, theirs: Did, ours: Did) -> bool:
    match case.kind:
        case Kind.COUNTS:
            return (theirs.ok, theirs.failed, theirs.good) == (ours.ok, ours.failed, ours.good)
        case Kind.TIMED:
            return (bool(theirs.ok), bool(theirs.failed), theirs.good) == (bool(ours.ok), bool(ours.failed), ours.good)
        case Kind.REFUSED:
            return not theirs.ok and not theirs.failed and ours.ok is None
        case Kind.EXIT:
            return not theirs.good and ours.stopped is Stopped.EXIT
