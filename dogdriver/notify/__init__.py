"""How people and programs are told; a new kind of receiver is one file here, with a SENDER."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from dogdriver.notify.delivery import Sender


@cache
def senders() -> Mapping[str, Sender]:
    """By the `kind` of a route."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    found = (getattr(module, "SENDER", None) for module in modules)
    return {sender.kind: sender for sender in found if isinstance(sender, Sender)}
