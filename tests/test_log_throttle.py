"""A log that repeats itself: some lines, and how many more there were."""

import io
import logging
from collections.abc import Iterator

import pytest

from dogdriver import logs
from dogdriver.log_throttle import MOST, MOST_QUIET, WINDOW


@pytest.fixture(name="out", autouse=True)
def _out() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    logs.configure("text", logs.Masker(), out=out)
    yield out
    root.handlers[:], root.level = handlers, level


def say(text: str, *, at: float = 1000.0, level: int = logging.ERROR, times: int = 1) -> None:
    for _ in range(times):
        record = logging.LogRecord("asyncio", level, "", 0, text, (), None)
        record.created = at
        logging.getLogger().handle(record)


def test_what_repeats_itself_is_said_some_times_and_then_how_often(out: io.StringIO) -> None:
    for number in range(5000):
        say(f"socket.accept() out of system resource, fd={number}, id {number:032x}")
    assert out.getvalue().count("\n") == MOST
    say("something else", at=1000 + WINDOW)
    *_, told, other = out.getvalue().splitlines()
    assert f"{5000 - MOST} more line(s) like this one were left out within a minute: socket.accept()" in told
    assert "something else" in other
    say("socket.accept() out of system resource, fd=1, id 0", at=1001 + WINDOW)
    assert out.getvalue().count("\n") == MOST + 3, "and it is said again"


def test_what_is_left_out_is_said_at_the_end_at_the_latest(out: io.StringIO) -> None:
    say("again", level=logging.INFO, times=MOST_QUIET + 7)
    logging.getLogger().handlers[0].close()
    assert "7 more line(s) like this one" in out.getvalue().splitlines()[-1]


def test_lines_that_differ_are_all_said(out: io.StringIO) -> None:
    words = [f"{first}{second}" for first in "abcdefghij" for second in "klmnopqrst"]
    for word in words:
        say(f"the project {word} is unknown")
    assert out.getvalue().count("\n") == len(words)


def test_a_clock_that_is_set_back_keeps_nothing_silent(out: io.StringIO) -> None:
    say("again", at=1e9, times=MOST + 1)
    say("again", at=1000.0)
    assert out.getvalue().count("\n") == MOST + 2
