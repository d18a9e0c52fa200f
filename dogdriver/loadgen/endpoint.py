"""What counts as one endpoint: a method and a path in which identifiers are folded."""

import re

_ID = re.compile(
    r"\d+"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|(?=[^/]*\d)[0-9a-fA-F]{12,}"
    r"|(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_-]{20,}"
)
_LONGEST = 120


def endpoint(method: str, path: str) -> str:
    """`GET /users/{id}/posts` for `/users/17/posts`: numbers, UUIDs, hashes and tokens are folded; no query string."""
    path = path.partition("?")[0]
    folded = "/".join("{id}" if _ID.fullmatch(part) else part for part in path.split("/"))
    name = f"{method} {folded or '/'}"
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
