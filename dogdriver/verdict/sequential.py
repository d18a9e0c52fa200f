"""The sequential rule: looking after every run must not make a false verdict more likely than one look would."""

from collections.abc import Sequence

from dogdriver.model.verdict import CALLED, Announcement, Outcome, Standing, Verdict
from dogdriver.verdict.wording import count, percent, plain

SPENT = 5.0
"""A called difference has to be this many times less likely by chance than a single look asks for."""
AGREEING = 2
"""So many looks in a row, each with a new run, have to say the same."""
DOUBT = 0.1
"""An announced difference that chance would make as often as this is not there any more."""


def announce(looks: Sequence[Verdict], *, alpha: float = 0.01) -> Announcement:
    """What stands after successive *looks* (oldest first) at one metric of one release.

    A difference is announced when AGREEING looks in a row call it and the last has p <= alpha / SPENT; "unchanged" when
    AGREEING looks in a row say it. What has been announced stands, whatever single looks say, until a look contradicts
    it: then it is withdrawn, and the reason says what contradicted it. *look* is the place of the look that decided.
    """
    standing, outcome, decided = Standing.PROVISIONAL, Outcome.TOO_FEW_RUNS, None
    reason = "No look yet."
    streak: list[Verdict] = []
    for place, look in enumerate(looks):
        streak = continued(streak, look)
        if standing is Standing.ANNOUNCED:
            doubt = contradiction(outcome, looks[decided or 0], look)
            if doubt is None:
                continue
            standing, decided = Standing.WITHDRAWN, place
            reason = f"Withdrawn, it was called {plain(outcome)}: {doubt}"
            outcome, streak = Outcome.UNDECIDED, [look]
        if ripe(streak, alpha):
            again = f" ({reason})" if standing is Standing.WITHDRAWN else ""
            standing, outcome, decided, reason = Standing.ANNOUNCED, look.outcome, place, look.reason + again
        elif standing is Standing.PROVISIONAL:
            outcome, reason = provisional(look)
    return Announcement(outcome=outcome, standing=standing, look=decided, reason=reason)


def continued(streak: list[Verdict], look: Verdict) -> list[Verdict]:
    """The looks in a row that say the same as this one. A look without a new run is the same look again."""
    if streak and streak[-1].outcome is look.outcome:
        if look.runs > streak[-1].runs:
            return [*streak, look]
        return [*streak[:-1], look]
    return [look]


def ripe(streak: list[Verdict], alpha: float) -> bool:
    if len(streak) < AGREEING:
        return False
    look = streak[-1]
    if look.outcome in CALLED:
        return look.p is not None and look.p <= alpha / SPENT
    return look.outcome is Outcome.UNCHANGED


def contradiction(announced: Outcome, then: Verdict, look: Verdict) -> str | None:
    """Why *announced* cannot stand after this look; None where it can."""
    if look.runs < then.runs:
        return f"{count(then.runs - look.runs, 'run')} it rested on no longer counts; {look.reason}"
    if look.outcome is announced:
        return None
    if announced is Outcome.UNCHANGED:
        return look.reason if look.outcome in CALLED else None
    if look.outcome is Outcome.UNDECIDED and look.p is not None and look.p < DOUBT:
        return None
    return f"with {count(look.runs, 'run')} it is {percent(look.effect)}: {look.reason}"


def provisional(look: Verdict) -> tuple[Outcome, str]:
    if look.outcome in CALLED or look.outcome is Outcome.UNCHANGED:
        return Outcome.UNDECIDED, f"One more look has to agree: {look.reason}"
    return look.outcome, look.reason
