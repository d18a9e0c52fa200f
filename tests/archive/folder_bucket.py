"""A whole bucket in memory, filled from the files of a folder."""

import hashlib
from dataclasses import replace
from pathlib import Path

from dogdriver.model.archive import Fetched, Listing
from tests.archive.shelf import Shelf


class FolderBucket(Shelf):
    """Holds what stood in *folder*, by key; nothing is written there. Its ETags are those of S3."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__()
        self.name = name
        for file in folder.rglob("*.*"):
            self[file.relative_to(folder).as_posix()] = file.read_bytes()

    @property
    def keys(self) -> list[str]:
        return list(self._keys)

    def _etag(self, key: str) -> str:
        return hashlib.md5(self._bodies[key], usedforsecurity=False).hexdigest()

    async def list(self, prefix: str, *, after: str = "", folders: bool = False) -> Listing:
        found = await super().list(prefix, after=after, folders=folders)
        return replace(found, objects=[replace(one, etag=self._etag(one.key)) for one in found.objects])

    async def get(self, key: str, *, most: int) -> Fetched | None:
        found = await super().get(key, most=most) if key in self._bodies else None
        return found and replace(found, etag=self._etag(key))

    async def put(self, key: str, body: bytes, *, new: bool = False, match: str | None = None) -> bool:
        there = self._etag(key) if key in self._bodies else None
        if (new and there) or (match and match != there):
            return False
        return await super().put(key, body)

    async def copy(self, key: str, to: str) -> bool:
        return key in self._bodies and await super().put(to, self._bodies[key])

    async def remove(self, *keys: str) -> None:
        for key in keys:
            if self._bodies.pop(key, None) is not None:
                self._keys.remove(key)
