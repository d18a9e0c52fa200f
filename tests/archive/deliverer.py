"""A client as a process of its own: `python -m tests.archive.deliverer COUNT BEGAN`.

Leaves COUNT runs, which ended at the unix time BEGAN, in the inbox of the bucket that DOGDRIVER_BUCKET names; what the
bucket does not take is sent again.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta

from dogdriver.archive import inbox_object
from dogdriver.errors import Unavailable
from dogdriver.storage.s3 import open_bucket
from tests.archive.made import made_elsewhere


async def main(count: int, began: float) -> None:
    first = datetime.fromtimestamp(began, UTC) - timedelta(seconds=60)
    async with open_bucket(os.environ["DOGDRIVER_BUCKET"]) as bucket:  # noqa: TID251 - a process of its own
        for number in range(count):
            run = made_elsewhere(
                first + timedelta(milliseconds=number), name=str(number), project="thing", test="short",
                ended=first + timedelta(seconds=30),
            )  # fmt: skip
            while True:
                try:
                    await bucket.put(*inbox_object(run))
                    break
                except Unavailable:
                    await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
