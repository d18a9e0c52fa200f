"""Lists, creates and reads records of a Kinto server."""

import os

from molotov import get_var, global_setup, json_request, scenario, set_var, setup
from records import new_record

SERVER = os.environ["KINTO_SERVER"]
BUCKET = os.environ["KINTO_BUCKET"]
COLLECTION = f"{SERVER}/buckets/{BUCKET}/collections/items"


@global_setup()
def make_collection(args):
    import urllib.request

    for url in (f"{SERVER}/buckets/{BUCKET}", COLLECTION):
        request = urllib.request.Request(url, method="PUT", data=b"{}", headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status in (200, 201)
    hello = json_request(f"{SERVER}/")
    set_var("version", hello["content"]["http_api_version"])


@setup()
async def headers(worker_id, args):
    return {"headers": {"X-Api-Version": str(get_var("version"))}}


@scenario(weight=5)
async def list_records(session):
    async with session.get(f"{COLLECTION}/records", params={"_limit": "10"}) as answer:
        assert answer.status == 200


@scenario(weight=3)
async def create_and_read(session):
    async with session.post(f"{COLLECTION}/records", json=new_record()) as answer:
        assert answer.status == 201, await answer.text()
        record = (await answer.json())["data"]["id"]
    async with session.get(f"{COLLECTION}/records/{record}") as answer:
        assert answer.status == 200


@scenario(weight=0)
async def never(session):
    raise AssertionError("a weight of 0 is never run")
