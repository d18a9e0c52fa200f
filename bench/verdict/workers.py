"""Cells in processes of one BLAS thread each, on all cores, under our package and under those of other commits.

A cell is a function of plain values, named "module:function", that is given plain values and returns such: it is called
by a process whose `dogdriver` is that of the commit, and whose `bench` is ours. So the commits are given equal seeds.
"""

import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib import import_module
from io import BytesIO
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

ROOT = Path(__file__).parents[2]
THIS = "this"
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

Cells = dict[str, list[Any]]
"""Side (THIS or a commit) -> one result for each of the arguments, in their order."""


class Process:
    """One process that calls cells, started when first needed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, function: str, arguments: Sequence[Any]) -> Any:
        process = self._process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            send(process.stdin, (function, arguments))
            return pickle.load(process.stdout)  # noqa: S301  # our own process
        except (EOFError, BrokenPipeError) as error:
            raise RuntimeError(f"{function}{tuple(arguments)} failed; what it said is above") from error

    def _started(self) -> "subprocess.Popen[bytes]":
        environ = os.environ | dict.fromkeys(ONE_THREAD, "1") | {"PYTHONPATH": str(self._root)}
        command = [sys.executable, "-m", __spec__.name]
        return subprocess.Popen(command, cwd=self._root, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()


class Workers:
    """*roots*: side -> the folder that holds its `dogdriver` and our `bench`."""

    def __init__(self, roots: dict[str, Path], processes: int) -> None:
        self.sides = tuple(roots)
        self._slots: SimpleQueue[dict[str, Process]] = SimpleQueue()
        self._processes = [{side: Process(root) for side, root in roots.items()} for _ in range(processes)]
        for slot in self._processes:
            self._slots.put(slot)
        self._threads = ThreadPoolExecutor(processes)

    @property
    def commits(self) -> tuple[str, ...]:
        """The sides that are not ours."""
        return tuple(side for side in self.sides if side != THIS)

    def map(self, function: str, arguments: Sequence[Sequence[Any]], sides: Sequence[str] | None = None) -> Cells:
        """*function* of each of the *arguments* on each of the *sides* (all of them)."""
        chosen = self.sides if sides is None else sides
        waiting = {side: [self._threads.submit(self._call, side, function, given) for given in arguments]
                   for side in chosen}  # fmt: skip
        return {side: [one.result() for one in calls] for side, calls in waiting.items()}

    def _call(self, side: str, function: str, arguments: Sequence[Any]) -> Any:
        slot = self._slots.get()
        try:
            return slot[side].call(function, arguments)
        finally:
            self._slots.put(slot)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        for slot in self._processes:
            for process in slot.values():
                process.close()


@contextmanager
def workers(against: Sequence[str], processes: int) -> Iterator[Workers]:
    """Of our package and of that of each commit in *against*."""
    with ExitStack() as stack:
        roots = {THIS: ROOT}
        for commit in against:
            roots[commit] = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-verdict-")))
            unpack(commit, roots[commit])
        found = Workers(roots, processes)
        stack.callback(found.close)
        yield found


def unpack(commit: str, folder: Path) -> None:
    """The `dogdriver` of *commit*, and what the bench is here, into *folder*."""
    packed = subprocess.run(["git", "archive", commit, "dogdriver"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    shutil.copytree(ROOT / "bench", folder / "bench", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tests").mkdir()
    (folder / "tests" / "data").symlink_to(ROOT / "tests" / "data")


def chunks(replicates: int, size: int = 50) -> list[tuple[int, int]]:
    """(first, end) of so many replicates at a time."""
    return [(first, min(first + size, replicates)) for first in range(0, replicates, size)]


def send(pipe: IO[bytes], value: Any) -> None:
    pickle.dump(value, pipe)
    pipe.flush()


def serve() -> None:
    """Call what is asked for on standard input until that is closed; what cells print goes to standard error."""
    found = str(import_module("dogdriver").__file__)
    if not Path(found).is_relative_to(Path.cwd()):
        raise RuntimeError(f"this process is to use the package in {Path.cwd()}, but imports {found}")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr
    while True:
        try:
            function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301  # our own process
        except EOFError:
            return
        module, name = function.split(":")
        send(answers, getattr(import_module(module), name)(*arguments))


if __name__ == "__main__":
    serve()
