"""`[[project.notify]]`: tables of the projects file become routes, or a sentence that says what is wrong."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from dogdriver.model import quiet
from dogdriver.model.notify import Occasion, Route
from dogdriver.notify import senders
from dogdriver.notify.delivery import Sender

TEXTS = ("url", "url_from", "to", "secret_from")
KEYS = ("kind", *TEXTS, "on", "quiet")


def read(value: Any) -> tuple[Route, ...]:
    """The routes in *value*; raises ValueError for the first that cannot stand there."""
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise ValueError("must be tables, each under a [[heading]] of its own")
    counts: Counter[str] = Counter()
    routes = []
    for place, table in enumerate(value, 1):
        try:
            routes.append(_route(table, counts))
        except ValueError as error:
            raise ValueError(f"no. {place}: {error}") from None
    return tuple(routes)


def _route(table: Mapping[str, Any], counts: Counter[str]) -> Route:
    for key in table:
        if key not in KEYS:
            raise ValueError(f"`{key}` is not known here; known are {', '.join(KEYS)}")
    kind = table.get("kind")
    sender = senders().get(kind) if isinstance(kind, str) else None
    if sender is None:
        raise ValueError(f"`kind` must be one of {', '.join(sorted(senders()))}")
    for key in TEXTS:
        if key in table and (not isinstance(table[key], str) or not table[key].strip()):
            raise ValueError(f"`{key}` must be a text that is not empty")
    _check_keys(sender, table)
    if "url" in table and not _is_address(table["url"]):
        raise ValueError("`url` must be an address such as https://host/path")
    counts[sender.kind] += 1
    number = counts[sender.kind]
    route = Route(
        kind=sender.kind,
        name=sender.kind if number == 1 else f"{sender.kind}-{number}",
        **{key: table.get(key) for key in TEXTS},
        on=_occasions(table["on"]) if "on" in table else frozenset(Occasion),
        quiet=_quiet(table.get("quiet", [])),
    )
    sender.check(route)
    return route


def _check_keys(sender: Sender, table: Mapping[str, Any]) -> None:
    known = {"kind", "on", "quiet", *sender.may, *(key for keys in sender.needs for key in keys)}
    if alien := sorted(set(table) - known):
        raise ValueError(f"`{alien[0]}` means nothing to kind {sender.kind}; leave it out")
    for keys in sender.needs:
        given = [key for key in keys if key in table]
        if len(given) != 1:
            words = " or ".join(f"`{key}`" for key in keys)
            raise ValueError(f"kind {sender.kind} needs {words}{', and not both' if given else ''}")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and text.isprintable()
    except ValueError:
        return False


def _occasions(value: Any) -> frozenset[Occasion]:
    try:
        found = frozenset(Occasion(word) for word in value) if isinstance(value, list) else frozenset()
    except ValueError:
        found = frozenset()
    if not found:
        raise ValueError(f"`on` must be a list of {', '.join(Occasion)}")
    return found


def _quiet(value: Any) -> tuple[quiet.QuietHours, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError('`quiet` must be a list such as ["22:00-06:00 Europe/Berlin"]')
    try:
        return quiet.read_all(value)
    except ValueError as error:
        raise ValueError(f"`quiet` {error}") from None
