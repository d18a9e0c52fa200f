"""Who is told what: the routes of notifications."""

from dataclasses import dataclass
from enum import StrEnum

from dogdriver.model.quiet import QuietHours


class Occasion(StrEnum):
    """Why somebody is told."""

    ANNOUNCED = "announced"  # a release's headline stands
    WITHDRAWN = "withdrawn"  # what was announced does not stand any more
    RECOVERED = "recovered"  # a release is as good again as the last good one was


class NoticeType(StrEnum):
    """The `type` of a notification's document."""

    ANNOUNCED = "verdict.announced"  # a release is slower or faster
    WITHDRAWN = "verdict.withdrawn"  # what was announced does not stand any more
    RECOVERED = "verdict.recovered"  # what was worse is as before
    TEST = "test"  # somebody tries whether it arrives

    @property
    def occasion(self) -> Occasion | None:
        """Which of a route's `on` lets it pass; None: it always does."""
        return None if self is NoticeType.TEST else Occasion(self.value.removeprefix("verdict."))


@dataclass(frozen=True, slots=True)
class Route:
    """One receiver of a project's notifications.

    *name* tells it from the project's others. *url*, or the variable *url_from* that holds it; *to* is an address, of
    mail or within the receiver; *secret_from* the variable that holds the secret. Nothing is sent in *quiet* hours.
    """

    kind: str
    name: str
    url: str | None = None
    url_from: str | None = None
    to: str | None = None
    secret_from: str | None = None
    on: frozenset[Occasion] = frozenset(Occasion)
    quiet: tuple[QuietHours, ...] = ()
