"""`python -m bench.conformance`: the table of cases in which dogDriver and the molotov command line are compared."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.loadgen.conformance.cases import CASES
from tests.loadgen.conformance.compare import agree, by_command_line, by_runner
from tests.loadgen.service import Service


async def main() -> int:
    different = 0
    print(f"{'case':<50} {'compared':<9} {'molotov':<14} {'dogdriver':<14} equal")
    with Service() as service, tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(CASES):
            theirs = await asyncio.to_thread(by_command_line, case, Path(folder) / f"{number}a", service.url)
            ours = await by_runner(case, Path(folder) / f"{number}b", service.url)
            equal = agree(case, theirs, ours)
            different += not equal
            shown = ours.stopped or str(ours)
            print(f"{case.name:<50} {case.kind:<9} {theirs!s:<14} {shown:<14} {'yes' if equal else 'NO'}", flush=True)
    print(f"{len(CASES)} cases, {different} different (ok/failed executions; good: exit code 0)")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
