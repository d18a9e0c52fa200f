"""The least that speaks S3: objects in memory that can be listed and read; `python -m bench.lean_s3 PORT FILE DELAY`.

FILE holds the objects as JSON, by key. Each answer comes after DELAY seconds: a real S3 takes 10 to 30 ms, and
answers many at a time. What a client takes for an object shows here; moto takes longer for one than any client.
"""

import asyncio
import hashlib
import json
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from aiohttp import web

from tests.archive.shelf import Shelf

PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>{more}</IsTruncated>{objects}{folders}\
</ListBucketResult>"""
OBJECT = "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>&quot;{etag}&quot;</ETag></Contents>"
FOLDER = "<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>"
MISSING = "<Error><Code>NoSuchKey</Code><Message>There is no such object.</Message></Error>"


class LeanS3:
    """One bucket, whatever it is called."""

    def __init__(self, objects: dict[str, bytes], delay: float) -> None:
        self._shelf = Shelf()
        self._objects, self._delay = objects, delay
        for key, body in objects.items():
            self._shelf[key] = body

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/{bucket}", self._list)
        app.router.add_get("/{bucket}/{key:.+}", self._get)
        return app

    async def _list(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self._delay)
        query = request.query
        found = await self._shelf.list(
            query.get("prefix", ""), after=query.get("start-after", ""), folders="delimiter" in query
        )
        objects = (
            OBJECT.format(key=escape(one.key), size=one.size, etag=_etag(self._objects[one.key]))
            for one in found.objects
        )
        folders = (FOLDER.format(prefix=escape(prefix)) for prefix in found.folders)
        text = PAGE.format(more=str(found.more).lower(), objects="".join(objects), folders="".join(folders))
        return web.Response(text=text, content_type="application/xml")

    async def _get(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self._delay)
        body = self._objects.get(request.match_info["key"])
        if body is None:
            return web.Response(status=404, text=MISSING, content_type="application/xml")
        return web.Response(body=body, headers={"ETag": f'"{_etag(body)}"'})


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def main(port: int, file: Path, delay: float) -> None:
    objects = {key: json.dumps(document).encode() for key, document in json.loads(file.read_text()).items()}
    web.run_app(LeanS3(objects, delay).app(), host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
