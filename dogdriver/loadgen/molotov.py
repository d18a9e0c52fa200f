"""Molotov itself: a private import for each run, because it keeps its scenarios, fixtures and stop flag in globals."""

import importlib
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Self

NAME = "molotov"


def modules() -> dict[str, ModuleType]:
    """What is imported of Molotov now."""
    imported = sys.modules.copy()  # in one go: the daemon's own thread imports things meanwhile
    return {name: module for name, module in imported.items() if name == NAME or name.startswith(f"{NAME}.")}


@dataclass(frozen=True, slots=True)
class Library:
    """The modules of one import. The test imports them, too, from sys.modules, until the surroundings are restored."""

    api: Any
    listeners: Any
    session: Any
    util: Any
    worker: Any
    run: Any

    @classmethod
    def fresh(cls) -> Self:
        for name in modules():
            del sys.modules[name]
        parts = ("api", "listeners", "session", "util", "worker", "run")
        return cls(**{part: importlib.import_module(f"{NAME}.{part}") for part in parts})

    def args(self, options: Mapping[str, Any], console: Any) -> Namespace:
        """What the fixtures get as `args`: the command line's, with the entry's options."""
        args: Namespace = self.run._parser().parse_args([])  # noqa: SLF001 - the only list of its defaults; molotov is pinned
        for name, value in options.items():
            setattr(args, name, value)
        args.shared_console = console
        return args


class Console:
    """Stands in for Molotov's: no terminal, prints to wherever the test's own prints go."""

    def __init__(self, util: Any) -> None:
        self._printable = util.printable_error

    def print(self, data: str) -> None:
        print(data)  # noqa: T201 - the test's output is caught as it is printed

    def print_error(self, error: BaseException | str, tb: Any = None) -> None:
        lines = [error] if isinstance(error, str) else self._printable(error, tb)
        print("\n".join(lines))  # noqa: T201 - see above

    def print_block(self, start: str, callable: Any, end: str = "OK") -> Any:  # noqa: A002 - Molotov's signature
        self.print(f"{start}...")
        try:
            return callable()
        finally:
            self.print(end)


class Counter:
    """Stands in for Molotov's, which lives in shared memory: one loop, one process."""

    __slots__ = ("value",)
    __hash__ = None  # type: ignore[assignment]  # it changes

    def __init__(self) -> None:
        self.value = 0

    def __iadd__(self, other: int) -> Self:
        self.value += other
        return self

    def __isub__(self, other: int) -> Self:
        self.value -= other
        return self

    def __eq__(self, other: object) -> bool:
        return self.value == (other.value if isinstance(other, Counter) else other)


def counters() -> dict[str, Counter]:
    names = (
        "WORKER", "REACHED", "RATIO", "OK", "FAILED", "MINUTE_OK", "MINUTE_FAILED", "MAX_WORKERS",
        "SETUP_FAILED", "SESSION_SETUP_FAILED", "PROCESS",
    )  # fmt: skip
    return {name: Counter() for name in names}
