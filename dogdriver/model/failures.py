"""What has failed and not succeeded since, for the status page; nothing here outlives the process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from dogdriver.errors import DogdriverError
from dogdriver.model.clock import Clock


@dataclass(frozen=True, slots=True)
class Failure:
    """*subject* says what failed, *message* why, in the error's own sentence; *project* is None where it is of none."""

    subject: str
    message: str
    at: datetime
    project: str | None = None


class Failures:
    """The newest failure of each subject. The success of one subject says nothing of another."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: dict[str, Failure] = {}

    @contextmanager
    def of(self, subject: str, *, project: str | None = None) -> Iterator[None]:
        """What is done inside belongs to *subject*: kept if it fails (and raised), forgotten once it succeeds."""
        try:
            yield
        except Exception as error:
            self._failed[subject] = Failure(subject, sentence(error), self._clock(), project)
            raise
        self._failed.pop(subject, None)

    def forget(self, project: str) -> None:
        """*project* is gone, and will never succeed."""
        self._failed = {name: one for name, one in self._failed.items() if one.project != project}

    def all(self) -> list[Failure]:
        """The newest first."""
        return sorted(self._failed.values(), key=lambda one: one.at, reverse=True)


def sentence(error: Exception) -> str:
    """What a person is told: the error's own words where it was raised on purpose."""
    if isinstance(error, DogdriverError):
        return error.message
    return f"dogDriver itself failed ({type(error).__name__}); its log has the details"
