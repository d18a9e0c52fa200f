"""The sample test as a user would keep it: in a git repository; where there is no git, in a folder."""

import os
import shutil
from pathlib import Path

from dogdriver.checkout import process
from dogdriver.errors import DogdriverError

SAMPLE = Path(__file__).parent / "loadtest"
SECONDS = 20.0

# Nobody's own git settings, and the same commit for the same content.
_IDENTITY = {
    **process.environment({}),
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "dogDriver demo"), ("EMAIL", "demo@localhost"), ("DATE", "2026-01-01T00:00:00Z"))
    },
}
_STEPS = (
    ("init", "--quiet", "--initial-branch=main"),
    ("add", "--all"),
    ("commit", "--quiet", "--message=A load test of the records service"),
)


async def write(place: Path) -> str:
    """Write the sample test to *place*, what was there is replaced; returns the address for projects.toml."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(SAMPLE, place, ignore=shutil.ignore_patterns("__pycache__"))
    try:
        for step in _STEPS:
            done = await process.run(["git", *step], env=_IDENTITY, cwd=place, seconds=SECONDS)
            if not done.ok:
                why = done.err.strip() or "its time was up"
                raise DogdriverError(f"git {step[0]} failed in {place} ({why}); fix git, or choose another place.")
    except FileNotFoundError:  # no git here
        return str(place)
    return f"file://{place}"
