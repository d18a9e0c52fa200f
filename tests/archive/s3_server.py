"""moto as an S3 server that keeps what it was given: `python s3_server.py PORT JOURNAL`.

moto forgets everything when it ends; here what was answered with success is in the journal before the answer goes
out, and is done again at the next start, so that the server can be killed at any moment like a real one.
"""

import base64
import json
import sys
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
from werkzeug.wrappers import Response

CHANGES = frozenset({"PUT", "POST", "DELETE"})
KEPT = ("PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "RAW_URI", "REQUEST_URI", "SERVER_NAME", "SERVER_PORT",
        "SERVER_PROTOCOL", "SCRIPT_NAME", "CONTENT_TYPE", "wsgi.url_scheme")  # fmt: skip


class Journaled:
    """One change after the other; reads as they come."""

    def __init__(self, journal: Path) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._lock = Lock()
        lines = journal.read_text().splitlines() if journal.exists() else []
        for line in lines:
            if line.endswith("}"):  # else it was cut off by the kill, and never answered
                entry = json.loads(line)
                self._answer({**entry["environ"], **self._body(base64.b64decode(entry["body"]))})
        self._journal = journal.open("a")

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in CHANGES:
            return self._answer(environ)(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self._lock:
            response = self._answer({**environ, **self._body(body)})
            if response.status_code < 300:
                kept = {k: v for k, v in environ.items() if k in KEPT or k.startswith("HTTP_")}
                entry = {"environ": kept, "body": base64.b64encode(body).decode()}
                self._journal.write(json.dumps(entry) + "\n")
                self._journal.flush()
        return response(environ, start_response)

    def _answer(self, environ: dict[str, Any]) -> Response:
        return Response.from_app(self._app, environ, buffered=True)

    @staticmethod
    def _body(body: bytes) -> dict[str, Any]:
        return {"wsgi.input": BytesIO(body), "wsgi.errors": sys.stderr, "CONTENT_LENGTH": str(len(body))}


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), Journaled(Path(sys.argv[2])), threaded=True)
