"""The test that ships with dogDriver: the requests that the projects file names, made again and again."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

SCHEMA = 1
"""Of what `content` is made from: another number means that the same options make another load."""
ENDPOINT = "DOGDRIVER_ENDPOINT"
"""The variable in which the test finds the address that the paths belong to."""
SUCCESS = range(200, 300)
"""What a request is answered with that does not say what it expects."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. In *path*, *headers* and *body* `{NAME}` stands for the variable NAME of the test.

    *weight*: how often it is made, beside the others. *expect*: the statuses that are right; none: SUCCESS.
    """

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    weight: float = 1.0
    expect: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"

    def expects(self, status: int) -> bool:
        return status in (self.expect or SUCCESS)


@dataclass(frozen=True, slots=True)
class BuiltInTest:
    """*workers* make the *requests* for *duration* seconds; each rests *delay* seconds after every one."""

    requests: tuple[HttpRequest, ...]
    workers: int = 5
    duration: float = 180.0  # three points of a metric that is reported every minute
    delay: float = 0.05  # a service that answers at once gets 20 requests a second from each worker

    @property
    def content(self) -> str:
        """What makes two loads comparable beside their shape: the requests in whatever order, and SCHEMA."""
        requests = sorted(json.dumps(_canonical(one), sort_keys=True) for one in self.requests)
        return hashlib.sha256(json.dumps([SCHEMA, requests]).encode()).hexdigest()[:40]

    def __str__(self) -> str:
        return f"built in: {', '.join(one.label for one in self.requests)}"


def _canonical(request: HttpRequest) -> dict[str, object]:
    headers = sorted((name.lower(), value) for name, value in request.headers.items())
    return {**asdict(request), "headers": headers, "expect": sorted(set(request.expect))}


def named(requests: Sequence[HttpRequest]) -> dict[str, HttpRequest]:
    """*requests* by names that differ: the label, with a number from the second one on."""
    found: dict[str, HttpRequest] = {}
    for request in requests:
        same = sum(one.label == request.label for one in found.values())
        found[f"{request.label} ({same + 1})" if same else request.label] = request
    return found
