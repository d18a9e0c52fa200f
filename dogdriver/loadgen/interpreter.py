"""What a test may change of the interpreter that it runs in: remembered before, put back after.

What cannot be put back (patched libraries, atexit, threads that the test started) is what `isolation = "process"` is
for.
"""

import asyncio
import gc
import importlib
import logging
import os
import random  # noqa: TID251 - its state is kept for the daemon, none is drawn
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from dogdriver.loadgen import molotov
from dogdriver.loadgen.interception import Interception
from dogdriver.loadgen.leftovers import end_threads, kill_children
from dogdriver.loadgen.patches import Patches

SHOWN = 5
"""Names of replaced functions that are told."""

ENVIRON = os.environ  # noqa: TID251 - tests read it, so theirs is put there; what the daemon has left there is put back


class InterpreterState:
    """`enter` makes this process the test's, `restore` makes it the daemon's again.

    *directory* is the test's, *site* where its requirements are installed.
    """

    def __init__(self, directory: str, site: str | None) -> None:
        self._tests_places = tuple(os.path.realpath(place) + os.sep for place in (directory, site) if place)
        self._directory = directory
        self._site = site
        self._lock = threading.Lock()
        self._undo: list[Callable[[], Any]] = []
        self._modules: dict[str, ModuleType] = {}
        self.daemons: set[threading.Thread] = set()
        """The threads that are not the test's."""
        self._load: threading.Thread | None = None
        self._harmed: list[str] = []
        self._patches: Patches | None = None
        self._interception: Interception | None = None

    def enter(self, env: Mapping[str, str], scenario_folder: str, *, shared: bool = False) -> None:
        """Remember what there is, then change directory, path and environment (*env* is added to it).

        *shared*: the process is the daemon's, and is guarded against its test.
        """
        with self._lock:
            self._load = threading.current_thread()
            self.daemons.update(set(threading.enumerate()) - {self._load})
            if shared:
                self._guard()
            self._modules = dict(sys.modules)
            self._undo = _undo_steps()
            sys.dont_write_bytecode = True
            ENVIRON.update(env)
            ahead = dict.fromkeys(p for p in (scenario_folder, self._directory, self._site) if p)
            sys.path[:0] = list(ahead)
            importlib.invalidate_caches()
            os.chdir(self._directory)

    def restore(self) -> list[str]:
        """Once, from any thread; says in sentences what stayed behind."""
        with self._lock:
            if not self._undo:
                return []
            while self._undo:
                self._undo.pop(0)()
            said = self._forget_modules()
            if self._interception:
                self._interception.end()
                if pids := kill_children(self._interception.children):
                    self._harmed.append(f"left {len(pids)} child processes of the daemon, which were killed")
            if self._patches and (names := self._patches.undo()):
                self._harmed.append(f"replaced {', '.join(names[:SHOWN])}{' and more' if names[SHOWN:] else ''}")
            if left := self._left_threads():
                self._harmed.append(f"left threads running in the daemon: {', '.join(left)}")
            return said

    def harms(self) -> list[str]:
        """What the test has done to the daemon's process, each as a sentence without its subject, once."""
        harms, self._harmed = self._harmed, []
        return list(dict.fromkeys(harms))

    def _guard(self) -> None:
        self._patches = Patches(sys.modules.copy())
        self._interception = Interception(self.daemons, self._harmed.append)
        self._interception.begin()

    def _forget_modules(self) -> list[str]:
        """Drop what was imported from the test's places; packages with C extensions cannot be imported twice."""
        for name in molotov.modules():
            del sys.modules[name]
        imported = sys.modules.copy()  # in one go, as all that the daemon's own thread changes meanwhile
        theirs = {name for name, module in imported.items() if name not in self._modules and self._is_tests(module)}
        compiled = {name.partition(".")[0] for name in theirs if _is_compiled(imported[name])}
        for name in theirs:
            if name.partition(".")[0] not in compiled:
                del sys.modules[name]
        sys.modules.update({name: module for name, module in self._modules.items() if name not in sys.modules})
        for path in [path for path in list(sys.path_importer_cache) if self._within(path)]:
            sys.path_importer_cache.pop(path, None)
        if not compiled:
            return []
        return [f"{', '.join(sorted(compiled))} stays loaded; another version of it needs isolation = process"]

    def _left_threads(self) -> list[str]:
        """Their names. They are told to end, which those do that come to execute Python again."""
        left = set(threading.enumerate()) - self.daemons - {self._load}
        tests = [each for each in left if each.is_alive() and not each.name.startswith(("asyncio_", "waitpid-"))]
        if self._interception:
            end_threads(tests)
        return sorted(each.name for each in tests)

    def _is_tests(self, module: ModuleType) -> bool:
        file = getattr(module, "__file__", None)
        files: Sequence[str] = [file] if file else [str(p) for p in getattr(module, "__path__", ())]
        return any(self._within(place) for place in files)

    def _within(self, path: str) -> bool:
        return (os.path.realpath(path) + os.sep).startswith(self._tests_places)


def _is_compiled(module: ModuleType) -> bool:
    return str(getattr(module, "__file__", "") or "").endswith(tuple(EXTENSION_SUFFIXES))


def _undo_steps() -> list[Callable[[], Any]]:
    """What puts everything back that is there now, in the order in which to do it."""
    root = logging.getLogger()
    environ, here = dict(ENVIRON), Path.cwd()
    randomness, timeout = random.getstate(), socket.getdefaulttimeout()
    policy = asyncio.get_event_loop_policy()
    bytecode, switch_interval, recursion = sys.dont_write_bytecode, sys.getswitchinterval(), sys.getrecursionlimit()
    collecting, thresholds, umask = gc.isenabled(), gc.get_threshold(), os.umask(0o077)
    os.umask(umask)
    loggers = _loggers()
    attributes = [
        *((sys, name, getattr(sys, name)) for name in ("stdout", "stderr", "stdin", "excepthook", "unraisablehook")),
        (sys, "argv", sys.argv),
        (threading, "excepthook", threading.excepthook),
        (warnings, "showwarning", warnings.showwarning),
        (root.manager, "disable", root.manager.disable),
    ]
    lists = [(kept, list(kept)) for kept in (sys.path, sys.meta_path, sys.path_hooks, root.filters, _filters())]

    def restore_environ() -> None:
        for name in set(ENVIRON) - set(environ):
            del ENVIRON[name]
        ENVIRON.update({name: value for name, value in environ.items() if ENVIRON.get(name) != value})
        time.tzset()

    def restore_attributes() -> None:
        logging.captureWarnings(capture=False)
        for owner, name, value in attributes:
            setattr(owner, name, value)
        sys.dont_write_bytecode = bytecode

    def restore_lists() -> None:
        for kept, items in lists:
            if kept != items:
                kept[:] = items

    def restore_memory() -> None:
        gc.set_threshold(*thresholds)
        (gc.enable if collecting else gc.disable)()

    return [
        restore_attributes,
        lambda: _restore_loggers(loggers),
        restore_memory,
        restore_lists,
        restore_environ,
        lambda: os.chdir(here),
        lambda: sys.setswitchinterval(switch_interval),
        lambda: sys.setrecursionlimit(recursion),
        lambda: os.umask(umask),
        lambda: random.setstate(randomness),
        lambda: socket.setdefaulttimeout(timeout),
        lambda: asyncio.set_event_loop_policy(policy),
    ]


_LoggerState = tuple[int, list[logging.Handler], bool, bool]
_NEW_LOGGER: _LoggerState = (logging.NOTSET, [], False, True)


def _loggers() -> dict[logging.Logger, _LoggerState]:
    """Of all loggers level, handlers, and whether they are disabled and propagate."""
    root = logging.getLogger()
    there = [root, *(entry for entry in list(root.manager.loggerDict.values()) if isinstance(entry, logging.Logger))]
    return {one: (one.level, list(one.handlers), one.disabled, one.propagate) for one in there}


def _restore_loggers(before: Mapping[logging.Logger, _LoggerState]) -> None:
    """A test's dictConfig disables all that it does not name; its own loggers may stand above the daemon's."""
    for logger in _loggers():
        level, handlers, logger.disabled, logger.propagate = before.get(logger, _NEW_LOGGER)
        logger.setLevel(level)
        logger.handlers[:] = handlers


def _filters() -> list[Any]:
    return cast("list[Any]", warnings.filters)
