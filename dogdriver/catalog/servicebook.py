"""ServiceBook over HTTP: the projects that it lists, their deployments and tests, and nothing else of its answers."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp

from dogdriver.errors import ExternalError, Refused, Unavailable
from dogdriver.network import untrusted

PAGE = 100  # ServiceBook refuses more
MOST_PAGES = 100
LARGEST = 8 * 1024 * 1024  # bytes of a page
ATTEMPTS = 3
PAUSE = 0.5  # seconds before the second attempt, twice as many before the third
HEADERS = {"Accept": "application/vnd.api+json"}  # application/json alone is answered with 406

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ServiceBookProject:
    """One project as ServiceBook has it, unchecked: *deployments* are (name, endpoint), *tests* are (name, url)."""

    id: int | None
    name: str
    deployments: tuple[tuple[str, str], ...] = ()
    tests: tuple[tuple[str, str], ...] = ()

    def document(self) -> dict[str, Any]:
        """JSON that `read` takes."""
        return {
            "id": self.id,
            "name": self.name,
            "deployments": [{"name": n, "endpoint": e} for n, e in self.deployments],
            "tests": [{"name": n, "url": u} for n, u in self.tests],
        }

    @classmethod
    def read(cls, item: Any) -> "ServiceBookProject":
        """What is wanted of *item*, whatever it holds: people and their addresses are left behind here."""
        item = item if isinstance(item, dict) else {}
        number = item.get("id")
        return cls(
            id=number if isinstance(number, int) else None,
            name=_text(item.get("name")),
            deployments=_pairs(item.get("deployments"), "endpoint"),
            tests=_pairs(item.get("tests"), "url"),
        )


class ServiceBook:
    """The book at *base*, the collection's address such as http://HOST/api. A page may take *seconds*."""

    def __init__(
        self, base: str, session: aiohttp.ClientSession, *, seconds: float = 10.0, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.base = base.rstrip("/")
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=seconds)
        self._seconds = seconds
        self._sleep = sleep

    async def projects(self, *, test: str | None = None) -> Sequence[ServiceBookProject]:
        """All projects, or with *test* those that have a test of that name. Raises Unavailable or Refused."""
        query: dict[str, str] = {"page[size]": str(PAGE)}
        if test is not None:
            named = {"name": "name", "op": "eq", "val": test}
            query["filter[objects]"] = json.dumps([{"name": "tests", "op": "any", "val": named}])
        found: list[ServiceBookProject] = []
        for number in range(1, MOST_PAGES + 1):  # links.next is broken while filtering: the filter comes back twice
            document = await self._page({**query, "page[number]": str(number)})
            items = document.get("data")
            if not isinstance(items, list):
                raise Unavailable(f"{self._name} answers without `data`; {self._hint}")
            found += [ServiceBookProject.read(item) for item in items]
            if not items or _is_last(document, len(found)):
                return found
        raise Unavailable(f"{self._name} has more than {MOST_PAGES} pages of projects; that is not believable.")

    async def _page(self, query: Mapping[str, str]) -> dict[str, Any]:
        failure: ExternalError | None = None
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._ask(query)
            except Unavailable as error:
                failure = error
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                what = (
                    f"gives no answer within {self._seconds:g} s"
                    if isinstance(error, TimeoutError)
                    else "cannot be reached"
                )
                failure = Unavailable(
                    f"{self._name} cannot be reached: {why}."
                    if (why := untrusted(error))
                    else f"{self._name} {what}; start it or correct DOGDRIVER_SERVICEBOOK."
                )
            if attempt < ATTEMPTS:
                await self._sleep(PAUSE * attempt)
        assert failure  # noqa: S101 - the loop ran
        raise failure

    async def _ask(self, query: Mapping[str, str]) -> dict[str, Any]:
        async with self._session.get(
            f"{self.base}/project", params=query, headers=HEADERS, timeout=self._timeout
        ) as answer:
            if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
                raise Unavailable(f"{self._name} answers {answer.status}; look into its log.")
            if answer.status != HTTPStatus.OK:
                raise Refused(f"{self._name} answers {answer.status}; {self._hint}")
            body = bytearray()
            async for chunk in answer.content.iter_chunked(64 * 1024):
                body += chunk
                if len(body) > LARGEST:
                    raise Refused(f"{self._name} answers more than {LARGEST // 1024**2} MiB; {self._hint}")
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise Refused(f"{self._name} answers no JSON object; {self._hint}")
        return document

    @property
    def _name(self) -> str:
        return f"ServiceBook at {self.base}"

    @property
    def _hint(self) -> str:
        return "DOGDRIVER_SERVICEBOOK must be the base of its collections, such as http://HOST/api/."


def _is_last(document: Mapping[str, Any], seen: int) -> bool:
    """Whether there is no page after this one, by the total if it is told, else by the link."""
    meta, links = document.get("meta"), document.get("links")
    total = meta.get("total") if isinstance(meta, dict) else None
    if isinstance(total, int):
        return seen >= total
    return not (isinstance(links, dict) and links.get("next"))


def _pairs(items: Any, key: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(items, list):
        return ()
    return tuple((_text(i.get("name")), _text(i.get(key))) for i in items if isinstance(i, dict))


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
