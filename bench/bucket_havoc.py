"""Two daemons and clients on one bucket, 200 runs, six of them loads, everything killed once, again and again.

    .venv/bin/python -m bench.bucket_havoc [first seed] [seeds]

Each seed is another schedule of kills: the S3 server for some seconds, each daemon with -9. Every run must be on both
dashboards, once, and in the archive; the inbox must be empty.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.archive.havoc import havoc
from tests.archive.s3 import S3Server


async def main(first: int, seeds: int) -> None:
    took, lost = [], 0
    for seed in range(first, first + seeds):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            s3 = S3Server(folder / "s3")
            os.environ.update(s3.variables)
            s3.start()
            try:
                outcome = await havoc(folder, s3, seed, delivered=194, loads=2)
                outcome.check()
            except (AssertionError, TimeoutError) as error:
                lost += 1
                print(f"seed {seed}: FAILED: {str(error)[:2000]}", flush=True)
            else:
                failed = sum(run["status"] == "failed" for run in outcome.runs["paris"])
                took.append(outcome.seconds)
                print(f"seed {seed}: {len(outcome.runs['paris'])} runs on both dashboards, {failed} cut off by a kill;"
                      f" {outcome.seconds:.0f} s", flush=True)  # fmt: skip
            finally:
                s3.kill()
    print(f"{seeds - lost} of {seeds} seeds well, median {median(took):.0f} s" if took else "none well")


if __name__ == "__main__":
    asyncio.run(main(*(int(word) for word in (sys.argv[1:] + ["1", "20"][len(sys.argv) - 1 :]))))
