"""Every deliberate error stands in the one tree, and the tree is the one that is drawn."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import dogdriver
from dogdriver import errors
from dogdriver.errors import DogdriverError, Refused
from dogdriver.web.errors import STATUS, status_of

OUTSIDE = {"dogdriver.pipeline.launch._Cancelled", "dogdriver.loadgen.requests.UnexpectedAnswer"}
"""How a launch leaves its function, and how a built-in scenario fails in Molotov: nobody else meets them."""
STANDIN = "dogdriver.demo.standin."
"""A product of its own, whose refusals are Datadog's sentences and not ours."""


def exceptions() -> Iterator[type[BaseException]]:
    """All exception classes that the package defines."""
    for module in pkgutil.walk_packages(dogdriver.__path__, "dogdriver."):
        if module.name.endswith("__main__"):
            continue  # what it would do is run
        for _, found in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(found, BaseException) and found.__module__ == module.name:
                yield found


def drawn(kind: type[DogdriverError], indent: str = "") -> list[str]:
    """The names below *kind* as the docstring draws them, a line each."""
    lines = []
    below = [one for one in kind.__subclasses__() if one.__module__ == errors.__name__]
    for one in below:
        branch, more = ("└── ", "    ") if one is below[-1] else ("├── ", "│   ")
        lines += [f"{indent}{branch}{one.__name__}", *drawn(one, indent + more)]
    return lines


def test_every_exception_of_the_package_stands_in_the_tree() -> None:
    found = {f"{one.__module__}.{one.__qualname__}" for one in exceptions() if one.__module__ != errors.__name__}
    assert {name for name in found if not name.startswith(STANDIN)} == OUTSIDE


def test_the_tree_is_as_it_is_drawn() -> None:
    shown = re.findall(r"^[│├└─ ]+── \w+", errors.__doc__ or "", re.MULTILINE)
    assert shown == drawn(DogdriverError)


def test_an_error_has_one_code_its_kinds_or_its_own() -> None:
    codes = [Refused("no", code="forbidden").code, Refused("no").code, Refused.code]
    assert codes == ["forbidden", "refused", "refused"]


def test_every_error_has_a_status_in_the_one_table() -> None:
    assert set(STATUS) <= set(exceptions())
    assert all(status_of(kind.__new__(kind)) for kind in exceptions() if issubclass(kind, DogdriverError))
