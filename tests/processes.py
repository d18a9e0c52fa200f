"""No test starts a process unless it says so: `make quick` runs those that start none.

A fixture that starts processes asks for the fixture `starts_processes`, and so does a test that starts one itself;
whatever asks for it, over however many fixtures, has the marker `processes`.
"""

from typing import Any

STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"})
"""The interpreter's own names of these events."""


class Guard:
    """An audit hook that refuses every process while *test*, which may start none, runs."""

    def __init__(self) -> None:
        self.test: str | None = None
        self.refused: str | None = None

    def __call__(self, event: str, words: tuple[Any, ...]) -> None:
        if self.test is not None and event in STARTS:
            self.refused = (
                f"{self.test} starts a process ({event} {words[0] if words else ''}): let the test, or its fixture that"
                " starts it, ask for the fixture `starts_processes`"
            )
            raise AssertionError(self.refused)
