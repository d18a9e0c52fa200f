"""Bodies as they go over the wire: compressed for who takes that, and not at all for who has them already."""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from http import HTTPStatus

from aiohttp import hdrs, web

SMALLEST = 1024  # bytes: below, compressing saves no packet
LEVEL = 6


@dataclass(slots=True)
class Body:
    """What is answered, its *kind* of content, and its compressed form once somebody has asked for that."""

    content: bytes
    kind: str
    etag: str = field(init=False)
    packed: bytes | None = None

    def __post_init__(self) -> None:
        self.etag = blake2b(self.content, digest_size=12).hexdigest()

    async def respond(self, request: web.Request, given: Mapping[str, str]) -> web.Response:
        """With the headers *given*; a 304 where the client has it. Each form has an ETag of its own."""
        pack = len(self.content) >= SMALLEST and accepts_gzip(request)
        tag = f'"{self.etag}-gzip"' if pack else f'"{self.etag}"'
        vary = ", ".join(filter(None, [given.get(hdrs.VARY), hdrs.ACCEPT_ENCODING]))
        headers = {**given, hdrs.ETAG: tag, hdrs.VARY: vary}
        if _matches(request.headers.get(hdrs.IF_NONE_MATCH, ""), tag):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        charset = None if self.kind.startswith("image/") else "utf-8"
        if not pack:
            return web.Response(body=self.content, content_type=self.kind, charset=charset, headers=headers)
        if self.packed is None:  # beside the loop: zlib lets go of the interpreter
            self.packed = await asyncio.to_thread(gzip.compress, self.content, LEVEL, mtime=0)
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=self.packed, content_type=self.kind, charset=charset, headers=headers)


def accepts_gzip(request: web.Request) -> bool:
    """Whether the client says so, and not with a weight of 0."""
    for coding in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


def _matches(wanted: str, etag: str) -> bool:
    return wanted.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in wanted.split(","))
