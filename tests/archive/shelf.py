"""A bucket in memory that lists as S3 does, for more objects than the server of the tests could list in time."""

from bisect import bisect_left, bisect_right, insort

from dogdriver.model.archive import Fetched, Listing, StoredObject

PAGE = 1000


class Shelf:
    """Counts requests; *read* are those for an object."""

    name = "shelf"

    def __init__(self) -> None:
        self.requests = self.read = 0
        self._keys: list[str] = []
        self._bodies: dict[str, bytes] = {}

    def __setitem__(self, key: str, body: bytes) -> None:
        if key not in self._bodies:
            insort(self._keys, key)
        self._bodies[key] = body

    async def list(self, prefix: str, *, after: str = "", folders: bool = False) -> Listing:
        self.requests += 1
        place = max(bisect_left(self._keys, prefix), bisect_right(self._keys, after))
        objects: list[StoredObject] = []
        found: list[str] = []
        while place < len(self._keys) and self._keys[place].startswith(prefix):
            if len(objects) + len(found) == PAGE:
                return Listing(objects, found, more=True)
            key = self._keys[place]
            head, slash, _ = key.removeprefix(prefix).partition("/")
            if folders and slash:
                found.append(f"{prefix}{head}/")
                place = bisect_right(self._keys, found[-1] + "\U0010ffff")
            else:
                body = self._bodies[key]
                objects.append(StoredObject(key, len(body), str(hash(body))))
                place += 1
        return Listing(objects, found, more=False)

    async def get(self, key: str, *, most: int) -> Fetched | None:
        self.requests += 1
        self.read += 1
        return Fetched(self._bodies[key], str(hash(self._bodies[key])))

    async def put(self, key: str, body: bytes, *, new: bool = False, match: str | None = None) -> bool:
        self.requests += 1
        self[key] = body
        return True

    async def copy(self, key: str, to: str) -> bool:
        raise AssertionError

    async def remove(self, *keys: str) -> None:
        raise AssertionError
