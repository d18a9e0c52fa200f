"""The log on standard output: lines for people or mozlog JSON, with every known secret masked."""

import json
import logging
import math
import os
import re
import socket
import sys
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any, Self, TextIO
from urllib.parse import quote, quote_plus

from dogdriver.log_throttle import Throttle
from dogdriver.model.text import ELLIPSIS
from dogdriver.settings import Secret, Settings

AWS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")  # read by its own library, and shown by nobody
MASK = "***"
SHORTEST = 6
"""Characters of a secret; a shorter one may be an ordinary word."""
SHORTEST_BEGINNING = 3
"""Characters before a cut that are taken for the beginning of a secret."""
TELLING = re.compile("PASS|SECRET|TOKEN|KEY|AUTH|CREDENTIAL", re.IGNORECASE)
"""The name of a variable that says itself that its value is a secret."""

_USERINFO = re.compile(r"""(https?://)[^/\s'"<>?#]*@|([a-z][\w+.-]*://)[^/\s:'"<>@?#]*:[^/\s'"<>?#]*@""", re.IGNORECASE)
_CUT_USERINFO = re.compile(r"""([a-z][\w+.-]*://)[^/\s:'"<>@?#]*:(?!\d*…)[^/\s'"<>@?#]*…""", re.IGNORECASE)


class Masker:
    """Replaces the secrets that it knows, wherever they stand in a text, and user and password in any address.

    What stands before an ellipsis, where a text was cut, and may be the beginning of a secret is one.
    """

    def __init__(self, known: Iterable[Secret | None] = ()) -> None:
        self._known: list[str] = []  # the longest first, for one may hold another
        self._pattern: re.Pattern[str] | None = None
        for secret in known:
            self.add(secret)

    @classmethod
    def of(cls, settings: Settings, environ: Mapping[str, str], token: Secret | None) -> Self:
        """Knows what the settings and the environment hold; what tests are given comes later."""
        mask = cls((token, settings.api_key, settings.app_key, *(Secret(environ.get(name, "")) for name in AWS)))
        mask.add_telling({name: value for name, value in environ.items() if name.startswith("UV_")})  # private indexes
        return mask

    def add(self, secret: Secret | None) -> None:
        """From now on *secret* is masked, also as an address, JSON or Python's repr would write it, and by lines."""
        spellings = _spellings(secret.reveal()) if secret else set()
        if spellings <= set(self._known):
            return
        self._known = sorted({*self._known, *spellings}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, self._known)))

    def add_telling(self, env: Mapping[str, str], *, but: Collection[str] = ()) -> None:
        """Mask those values of *env* whose name says that they are secrets, *but* not what is none."""
        for name, value in env.items():
            if TELLING.search(name) and value not in but:
                self.add(Secret(value))

    def __call__(self, text: str) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        if "://" in text:
            text = _CUT_USERINFO.sub(rf"\1{MASK}{ELLIPSIS}", _USERINFO.sub(rf"\1\2{MASK}@", text))
        if ELLIPSIS in text and self._known:
            *parts, last = text.split(ELLIPSIS)
            text = ELLIPSIS.join([*map(self._without_beginning, parts), last])
        return text

    def _without_beginning(self, text: str) -> str:
        """*text* goes on with what was cut off."""
        for secret in self._known:
            for length in range(min(len(secret) - 1, len(text)), SHORTEST_BEGINNING - 1, -1):
                if text.endswith(secret[:length]):
                    return text[:-length] + MASK
        return text


def _spellings(secret: str) -> set[str]:
    """Nothing is masked for a secret that is short enough to be an ordinary word."""
    written = {secret, " ".join(secret.split()), *(line.strip() for line in secret.splitlines())}
    for one in tuple(written):
        written |= {quote(one), quote(one, safe=""), quote_plus(one), json.dumps(one)[1:-1], repr(one)[1:-1]}
    return {one for one in written if len(one) >= SHORTEST}


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
        fields: dict[str, Any] = {"msg": self._mask(record.getMessage())}
        if record.exc_info:
            fields["traceback"] = self._mask(self.formatException(record.exc_info))
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


class _ThrottledHandler(logging.StreamHandler[TextIO]):
    """Says a line that repeats itself some times, and then how often it came."""

    def __init__(self, out: TextIO) -> None:
        super().__init__(out)
        self._throttle = Throttle()

    def emit(self, record: logging.LogRecord) -> None:
        for late in self._throttle.over(record.created):
            super().emit(late)
        if self._throttle.passes(record):
            super().emit(record)

    def close(self) -> None:
        with suppress(ValueError):  # the stream may be closed already
            for late in self._throttle.over(math.inf):
                super().emit(late)
        super().close()


def configure(form: str, mask: Masker, *, out: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send everything from *level* up to *out* (None: standard output), as *form* (text or json) says."""
    handler = _ThrottledHandler(out or sys.stdout)
    handler.setFormatter(_MozlogFormatter(mask) if form == "json" else _LineFormatter(mask))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for verbose in ("apscheduler", "aiobotocore", "botocore", "aiohttp.access"):
        logging.getLogger(verbose).setLevel(logging.WARNING)
