"""Values as Datadog keeps them in tags: what it would rewrite is rewritten here, so that queries find it again."""

import re
from collections.abc import Mapping

LONGEST = 200
_FOREIGN = re.compile(r"[^\w.:/-]+")
_RUNS = re.compile(r"__+")


def value(text: str) -> str:
    """*text* in lower case, everything that no tag can hold turned into an underscore; `unknown` for nothing.

    Letters of any script, digits, `_ - . : /` stay; underscores in a row become one, those at the end go. What comes
    out can be written into a query's scope: it holds no brace, comma, space, quote, star or bracket.
    """
    clean = _RUNS.sub("_", _FOREIGN.sub("_", text.strip().lower()))
    return clean[:LONGEST].rstrip("_:") or "unknown"


def word(text: str) -> str:
    """*text* as a part of a metric's name: letters of ASCII, digits, `_` and `.`."""
    return re.sub(r"[^a-z0-9_.]+", "_", value(text)).strip("_.") or "unknown"


def listed(pairs: Mapping[str, str]) -> list[str]:
    """`key:value`, each at most 200 characters, in the order given."""
    return [f"{key}:{value(text)}"[:LONGEST].rstrip("_:") for key, text in pairs.items()]
