"""The log on standard output: lines for people or mozlog JSON, with every known secret masked."""

import json
import logging
import os
import socket
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from dogdriver.settings import Secret

MASK = "***"


class Masker:
    """Replaces the secrets that it knows, wherever they stand in a text."""

    def __init__(self, known: Iterable[Secret | None] = ()) -> None:
        self._known: list[str] = []
        for secret in known:
            self.add(secret)

    def add(self, secret: Secret | None) -> None:
        # Nothing is masked for a secret that is short enough to be an ordinary word.
        if secret and len(secret) >= 6:  # noqa: PLR2004 - see above
            self._known.append(secret.reveal())

    def __call__(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, MASK)
        return text


class _LineFormatter(logging.Formatter):
    def __init__(self, mask: Masker) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        return self._mask(super().format(record))


class _MozlogFormatter(logging.Formatter):
    """https://wiki.mozilla.org/Firefox/Context/Logging, version 2.0."""

    SEVERITY = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}  # noqa: RUF012 - never changed

    def __init__(self, mask: Masker) -> None:
        super().__init__()
        self._mask, self._host = mask, socket.gethostname()

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {"msg": record.getMessage()}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        line = {
            "Timestamp": int(record.created * 1e9),
            "Type": record.name,
            "Logger": "dogdriver",
            "Hostname": self._host,
            "EnvVersion": "2.0",
            "Severity": self.SEVERITY.get(record.levelname, 7),
            "Pid": os.getpid(),
            "Fields": fields,
        }
        return self._mask(json.dumps(line))


def configure(form: str, mask: Masker, *, out: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send everything from *level* up to *out* (None: standard output), as *form* (text or json) says."""
    handler = logging.StreamHandler(out or sys.stdout)
    handler.setFormatter(_MozlogFormatter(mask) if form == "json" else _LineFormatter(mask))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for verbose in ("apscheduler", "aiobotocore", "botocore", "aiohttp.access"):
        logging.getLogger(verbose).setLevel(logging.WARNING)
