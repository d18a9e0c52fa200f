"""Asks the service under test for one thing, again and again."""

import os

from molotov import scenario


@scenario()
async def ask(session):
    async with session.get(os.environ["SERVER"] + "/thing") as answer:
        assert answer.status == 200
