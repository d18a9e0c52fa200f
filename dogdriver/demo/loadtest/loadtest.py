"""The sample test: list, create and read the records of a demo service.

By hand, in this folder: `RECORDS_SERVER=http://127.0.0.1:PORT molotov --config molotov.json by-hand`
"""

import argparse
import json
import os
from pathlib import Path

import aiohttp
from molotov import get_var, global_setup, scenario, set_var
from records import Records

_SERVER = os.environ["RECORDS_SERVER"]  # noqa: TID251 - dogDriver sets it to the deployment's endpoint


@global_setup()
def read_samples(_args: argparse.Namespace) -> None:
    """The file is relative to this folder: that is where a test runs."""
    path = Path(os.environ.get("RECORDS_FILE", "data/records.json"))  # noqa: TID251 - from the `env` of molotov.json
    set_var("samples", json.loads(path.read_text(encoding="utf-8")))


@scenario(weight=60)
async def list_records(session: aiohttp.ClientSession) -> None:
    await Records(_SERVER, session).newest()


@scenario(weight=15)
async def create_record(session: aiohttp.ClientSession) -> None:
    records = Records(_SERVER, session)
    samples = get_var("samples")
    created = await records.create(samples[len(await records.newest()) % len(samples)])
    if created["state"] != "accepted":
        raise AssertionError(created)


@scenario(weight=25)
async def read_record(session: aiohttp.ClientSession) -> None:
    records = Records(_SERVER, session)
    for record in (await records.newest())[:1]:
        read = await records.read(record["number"])
        if read["to"] != record["to"]:
            raise AssertionError(read)
