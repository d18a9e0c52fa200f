"""The built-in test as a folder like any other: a molotov.json, and a scenario file that registers its requests."""

import json
from pathlib import Path

import msgspec

from dogdriver.checkout.files import FILE, SCENARIO
from dogdriver.errors import CheckoutError
from dogdriver.model import Test

REQUESTS = "requests.json"
CODE = f'''\
"""dogDriver's own test: each request in {REQUESTS} is a scenario."""
import os
from pathlib import Path

import molotov

from dogdriver.loadgen.requests import register

register(molotov.scenario, Path(__file__).with_name("{REQUESTS}"), dict(os.environ))
'''


def write(test: Test, folder: Path) -> str:
    """Put the built-in *test* into *folder*; gives its content."""
    own = test.built_in
    if own is None:
        raise CheckoutError("this is no built-in test; give it `requests`")
    entry = {"scenario": SCENARIO, "workers": own.workers, "duration": own.duration, "delay": own.delay}
    (folder / FILE).write_text(json.dumps({"molotov": {"tests": {test.name: entry}}}), encoding="utf-8")
    requests = {"variables": [*test.env, *test.env_from], "requests": own.requests}
    (folder / REQUESTS).write_bytes(msgspec.json.encode(requests))
    (folder / SCENARIO).write_text(CODE, encoding="utf-8")
    return own.content
