"""The records service as a client sees it."""

from typing import Any

import aiohttp


class Records:
    def __init__(self, server: str, session: aiohttp.ClientSession) -> None:
        self._records = server.rstrip("/") + "/records"
        self._session = session

    async def newest(self) -> list[dict[str, Any]]:
        async with self._session.get(self._records, raise_for_status=True) as answer:
            document = await answer.json()
            return list(document["records"])

    async def create(self, record: dict[str, str]) -> dict[str, Any]:
        async with self._session.post(self._records, json=record, raise_for_status=True) as answer:
            return dict(await answer.json())

    async def read(self, number: int) -> dict[str, Any]:
        async with self._session.get(f"{self._records}/{number}", raise_for_status=True) as answer:
            return dict(await answer.json())
