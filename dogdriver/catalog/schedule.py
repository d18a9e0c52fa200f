"""When a project runs by itself, as people write it: `every 1h`, `off`, or a cron line."""

import re
from datetime import UTC, datetime

from apscheduler.triggers.cron import CronTrigger

from dogdriver.model import Schedule

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST = 366 * 86400
ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)  # the calendar repeats itself: what fires after one moment fires after all
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 7, DAYS),
)

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_PART = re.compile(r"(?:(?P<all>\*)|(?P<first>[a-z]+|\d+)(?:-(?P<last>[a-z]+|\d+))?)(?:/(?P<step>\d+))?")


def duration(text: str) -> float:
    """Seconds: `90s`, `5m`, `1h`, `1d`. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a duration such as 90s, 5m, 1h or 1d")
    seconds = float(match[1]) * UNITS[match[2]]
    if not 1 <= seconds <= LONGEST:
        raise ValueError(f"{text!r} is not between 1s and 366d")
    return seconds


def schedule(text: str) -> Schedule:
    """`every 1h` or `off`. Raises ValueError."""
    words = text.split(maxsplit=1)
    if words == ["off"]:
        return Schedule()
    if len(words) == 2 and words[0] == "every":  # noqa: PLR2004 - the word and the duration
        return Schedule(every=duration(words[1]))
    if len(text.split()) == len(FIELDS):
        raise ValueError('a cron line belongs under the key `cron`: cron = "7 * * * *"')
    raise ValueError(f'{text!r} must be "every 1h" (or another duration) or "off"')


def cron(text: str) -> Schedule:
    """Five fields: minute, hour, day, month, day of the week (0 and 7 are Sunday), in UTC. Raises ValueError.

    Days of the week come out as names, for numbers mean different days to different readers.
    """
    fields = text.lower().split()
    if len(fields) != len(FIELDS):
        raise ValueError(f"{text!r} has {len(fields)} fields where a cron line has five, such as 7 * * * *")
    numbers = [_numbers(field, *meaning) for field, meaning in zip(fields, FIELDS, strict=True)]
    if fields[4] != "*":
        fields[4] = ",".join(DAYS[day] for day in sorted({day % 7 for day in numbers[4]}))
    line = " ".join(fields)
    _check_fires(text, line)
    return Schedule(cron=line)


def _check_fires(text: str, line: str) -> None:
    """What the timers refuse, or would wait for in vain, is a mistake of the file and not of the timers."""
    try:
        first = CronTrigger.from_crontab(line, timezone=UTC).get_next_fire_time(None, ANY_TIME)
    except ValueError as error:
        raise ValueError(f"{text!r} is not understood ({error}); write numbers, such as 0 0 1 1-6 *") from None
    if first is None:
        raise ValueError(f"{text!r} names a date that never comes; correct its day or its month")


def _numbers(field: str, name: str, low: int, high: int, words: tuple[str, ...]) -> set[int]:
    """All that one field of a cron line stands for."""
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if not match:
            raise ValueError(f"{field!r} is not a cron field ({name})")
        step = int(match["step"] or 1)
        first = low if match["all"] else _number(match["first"], low, words)
        last = high - (words is DAYS) if match["all"] else first
        if match["last"]:
            last = _number(match["last"], low, words)
        elif match["step"] and not match["all"]:
            last = high
        if not (low <= first <= last <= high and step):
            raise ValueError(f"{part!r} is not within {low}-{high} ({name})")
        found.update(range(first, last + 1, step))
    return found


def _number(text: str, low: int, words: tuple[str, ...]) -> int:
    if text.isdecimal() and len(text) <= 2:  # noqa: PLR2004 - no field has three digits
        return int(text)
    if text in words:
        return words.index(text) + low
    raise ValueError(f"{text!r} is neither a number nor a name that is known there")
