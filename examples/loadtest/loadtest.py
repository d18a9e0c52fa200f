"""A Molotov test: people look at the list of items, and some of them at one. By hand, in this folder:

SHOP_SERVER=https://shop.stage.example.org molotov --config molotov.json dogdriver
"""

import os

import molotov

SERVER = os.environ["SHOP_SERVER"]


@molotov.scenario(weight=3)
async def list_items(session):
    async with session.get(f"{SERVER}/api/items") as answer:
        assert answer.status == 200, answer.status
        assert isinstance(await answer.json(), list)


@molotov.scenario(weight=1)
async def read_item(session):
    async with session.get(f"{SERVER}/api/items/1") as answer:
        assert answer.status == 200, answer.status
