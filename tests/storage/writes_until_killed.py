"""A daemon's store that writes until it is killed; it prints a number only after that number is kept."""

import asyncio
import sys
from itertools import count
from pathlib import Path

from dogdriver.model import Status
from dogdriver.storage import open_store
from tests.storage.made import at, judged, message, run, settled


async def main(data: Path) -> None:
    async with open_store(data) as store:
        first = int(await store.state.get("next") or 0)
        for number in count(first):
            name = f"r{number}"
            await store.transitions.add(run(name, minute=number))
            claimed = await store.transitions.claim(at(number))
            assert claimed, "the run that was added is there"
            pending = run(name, minute=number, status=Status.PENDING)
            await store.transitions.save(
                pending,
                expect=Status.RUNNING,
                values={"cpu": settled(number), "rps": settled(number)},
                judged=[judged("cpu", "1.0", number)],
                messages=[message(f"{name}:stop", run=name)],
            )
            await store.state.set("next", number + 1)
            print(number, flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
