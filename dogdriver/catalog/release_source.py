"""[project.release]: where a service says which release it is, if not at `/__version__`."""

import re
from typing import Any

from dogdriver.catalog import toml_values as values
from dogdriver.model.release_source import ReleaseSource

KEYS = ("path", "pointer", "header")
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_PATH = re.compile(r"/[!-\"$-~]*")  # what goes into an address, without a fragment


def release_source(value: Any) -> ReleaseSource:
    """Raises ValueError with what may stand there."""
    if not isinstance(value, dict) or not value or set(value) - set(KEYS):
        raise ValueError(
            'must be a table of path, pointer and header, such as { path = "/info", pointer = "/version" }'
        )
    texts = {name: values.text(one) for name, one in value.items()}
    path, pointer, header = texts.get("path", "/__version__"), texts.get("pointer"), texts.get("header")
    if pointer and header:
        raise ValueError("has `pointer` and `header`; keep one of them")
    if not _PATH.fullmatch(path) or path.startswith("//"):
        raise ValueError("must have a `path` below the endpoint, such as /info, that begins with one /")
    if pointer is not None and (not pointer.startswith("/") or re.search(r"~(?![01])", pointer)):
        raise ValueError("must have a JSON `pointer` that begins with /, such as /build/version")
    if header is not None and not _HEADER.fullmatch(header):
        raise ValueError("must have the name of a `header`, such as X-Version")
    return ReleaseSource(path, pointer, header)
