"""Which tests may run: globs over the one spelling that an address has."""

import re
from collections.abc import Sequence

from dogdriver.checkout.address import SCHEMES, Address

_SPECIAL = re.compile(r"(\[.\]|\*)")
_PATTERN = re.compile(r"(?P<scheme>[a-z]+)://(?P<place>[^/]*)(?P<path>/.*)?")


class AllowList:
    """*patterns* as the operator wrote them; None: there is no list, and it allows nothing.

    `*` stands for any characters, in a path `/` too; nothing else is special (`[*]` is a star itself, as glob.escape
    writes it). In the host's part it ends at the `/`, so that no address elsewhere is reached by a path that looks
    like it. Raises ValueError for a pattern that says
    something else than it seems to.
    """

    def __init__(self, patterns: Sequence[str] | None) -> None:
        self.given = patterns is not None
        self._expressions = [re.compile(_expression(pattern)) for pattern in patterns or ()]

    def allows(self, address: Address) -> bool:
        return any(expression.fullmatch(address.canonical) for expression in self._expressions)


def _expression(pattern: str) -> str:
    if pattern == "*":
        return ".*"
    if pattern.startswith("/"):
        return _glob(pattern.rstrip("/"), ".*")
    match = _PATTERN.fullmatch(pattern)
    if not match or match["scheme"] not in SCHEMES:
        raise ValueError(f'{pattern!r} is not a pattern such as "https://github.com/owner/*" or "/folder/*"')
    place, path = match["place"].lower(), match["path"]
    if path is None:
        if place != "*":
            raise ValueError(f'{pattern!r} has no path; write "{match["scheme"]}://{place.rstrip("*")}/*"')
        path = "/*"
    elif place.endswith("*") and place != "*":
        raise ValueError(f"{pattern!r} would match hosts that only begin like it; write the whole host")
    path = path if path.endswith("*") else path.rstrip("/").removesuffix(".git")
    return f"{match['scheme']}://{_glob(place, '[^/@]*')}{_glob(path, '.*')}"


def _glob(text: str, star: str) -> str:
    parts = _SPECIAL.split(text)
    return "".join(
        star if part == "*" else re.escape(part[1] if part[:1] + part[2:] == "[]" else part) for part in parts
    )
