"""Helper of the scenario: what to write, from the file beside it (a path relative to the repository)."""

import json
import random

import shortuuid

with open("records.json", encoding="utf-8") as file:
    RECORDS = json.load(file)


def new_record():
    return {"data": {**random.choice(RECORDS), "key": shortuuid.uuid()}}
