"""What a field of a document may hold, and what is special about it: annotations, which the type checker, the reader
(dogdriver.model.parse), the writer (dogdriver.model.document) and the API's description all follow.

A field has its meaning as `Meta(description=…)`. Rules are kept at the door, not by every Struct: what stands in a
database was let in already.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, get_type_hints

from msgspec import Meta, Struct

LONGEST_NAME = 200
LONGEST_TEXT = 10_000
LARGEST_NUMBER = 2**53  # what a JSON reader may take for exact, and far below what SQLite holds
ID_LETTERS = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-")
LONGEST_ID = 64
MOST_METRICS = 200
MOST_NOTES = 100
MOST_PARTS = 1000
"""Of a list whose length follows from the test: its scenarios, its endpoints, its kinds of failure."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value from elsewhere must keep to. *sentence* goes on after the field's name where it does not."""

    holds: Callable[[Any], bool]
    sentence: str


def rule(holds: Callable[[Any], bool], sentence: str, **schema: Any) -> Meta:
    """A rule as an annotation; *schema* is as much of it as JSON Schema can say."""
    return Meta(extra={"rule": Rule(holds, sentence)}, extra_json_schema=schema)


def _is_id(text: str) -> bool:
    return 0 < len(text) <= LONGEST_ID and set(text) <= ID_LETTERS


def _is_name(text: str) -> bool:
    return 0 < len(text) <= LONGEST_NAME and text == text.strip() and text.isprintable()


Id = Annotated[
    str,
    rule(
        _is_id,
        f"must be 1 to {LONGEST_ID} letters, digits, - or _; a UUID's hex digits are best",
        minLength=1,
        maxLength=LONGEST_ID,
        pattern="^[A-Za-z0-9_-]+$",
    ),
]
Name = Annotated[
    str,
    rule(
        _is_name,
        f"must be 1 to {LONGEST_NAME} printable characters without spaces around them",
        minLength=1,
        maxLength=LONGEST_NAME,
        pattern="^[!-~]+$",  # of the printable ones those that every reader of the schema takes for printable
    ),
]
Text = Annotated[
    str,
    rule(
        lambda text: len(text) <= LONGEST_TEXT,
        f"is longer than {LONGEST_TEXT} characters; shorten it",
        maxLength=LONGEST_TEXT,
    ),
]


def at_most(most: int, what: str) -> Meta:
    """The rule of a list, or of a mapping."""
    return Meta(extra={"rule": Rule(lambda many: len(many) <= most, f"holds more than {most} {what}; send fewer")})


Moment = Annotated[
    datetime,
    rule(lambda at: at.tzinfo is not None, "has no offset; write it in UTC with a Z at the end", format="date-time"),
]
"""RFC 3339 in a document; aware, UTC in a Struct."""

_POSITIVE = rule(
    lambda number: number >= 0, "is negative; it must be 0 or more", minimum=0, maximum=LARGEST_NUMBER
)  # fmt: skip
Count = Annotated[int, _POSITIVE]
Amount = Annotated[float, _POSITIVE]

FIXED = Meta(extra={"fixed": True})
"""Never changes: what a run is from its first moment on."""
DELIVERED = Meta(extra={"delivered": True})
"""A delivered run has it."""
MEASURED = Meta(extra={"measured": True})
"""A delivered run has it, unless it failed or was aborted before there was a load."""
SENT = Meta(extra={"sent": True})
"""Said by who made the run, as what DELIVERED and MEASURED stand for is: nobody changes it, so that a run that is sent
again says the same."""
SERVER = Meta(extra_json_schema={"readOnly": True})
"""The daemon that keeps a run says it; a delivered document's own words on it are not looked at."""
RAW = Meta(extra_json_schema={"writeOnly": True})
"""As large as all the rest, and as it came: kept and passed on with a run, and no part of what the API answers."""


@cache
def marked(kind: type[Struct], mark: Meta) -> tuple[str, ...]:
    """The names of the fields of *kind* that have *mark*, in their order."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(name for name in kind.__struct_fields__ if mark in getattr(hints[name], "__metadata__", ()))
