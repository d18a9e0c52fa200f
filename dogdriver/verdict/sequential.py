"""The sequential rule: looking after every run must not make a false verdict more likely than one look would."""

from collections.abc import Sequence

from dogdriver.model.verdict import CALLED, Announcement, Outcome, Standing, Verdict
from dogdriver.verdict.sizes import short
from dogdriver.verdict.wording import count, plain

SPENT = 4.0
"""A called difference of FEWEST_RUNS has to be this many times less likely by chance than a single look asks for,"""
DECAY = 1 / 3
"""and the further the more is known: by this power of the information."""
FEWEST_RUNS = 3
AGREEING = 2
"""So many looks in a row, each with a new run, have to say the same."""
DOUBT = 0.1
"""An announced difference that chance would make as often as this is not there any more."""


def announce(looks: Sequence[Verdict], *, alpha: float = 0.01) -> Announcement:
    """What stands after successive *looks* (oldest first) at one metric of one release.

    A difference is announced when AGREEING looks in a row call it and the last has a p that is `sure`; "unchanged" when
    AGREEING looks in a row say it. What has been announced stands, whatever single looks say, until a look contradicts
    it: then it is withdrawn, and the reason says what contradicted it. Looks by one method announce, and one alone of
    another method contradicts nothing: AGREEING of them have to. *look* is the place of the look that decided.
    """
    standing, outcome, decided = Standing.PROVISIONAL, Outcome.TOO_FEW_RUNS, None
    reason = "No look yet."
    streak: list[Verdict] = []
    methods: set[str] = set()
    against: list[Verdict] = []
    for place, look in enumerate(looks):
        streak = continued(streak, look)
        if standing is Standing.ANNOUNCED:
            doubt = contradiction(outcome, looks[decided or 0], look, alpha)
            against = [] if doubt is None else same_method(against, look)
            if doubt is None and look.outcome is outcome:
                methods.add(look.method)
            if doubt is None or (look.method not in methods and len(against) < AGREEING):
                continue
            standing, decided = Standing.WITHDRAWN, place
            reason = f"Withdrawn, it was called {plain(outcome)}: {doubt}"
            outcome, streak = Outcome.UNDECIDED, [look]
        if ripe(streak, alpha):
            again = f" ({reason})" if standing is Standing.WITHDRAWN else ""
            standing, outcome, decided, reason = Standing.ANNOUNCED, look.outcome, place, look.reason + again
            methods, against = {look.method}, []
        elif standing is Standing.PROVISIONAL:
            outcome, reason = provisional(look, alpha)
    return Announcement(outcome=outcome, standing=standing, look=decided, reason=reason)


def continued(streak: list[Verdict], look: Verdict) -> list[Verdict]:
    """The looks in a row that say the same as this one."""
    return same_method(streak, look) if streak and streak[-1].outcome is look.outcome else [look]


def same_method(looks: list[Verdict], look: Verdict) -> list[Verdict]:
    """*looks* and this one; one by another method starts anew, one without a new run is the same look again."""
    if not looks or looks[-1].method != look.method:
        return [look]
    return [*looks, look] if look.runs > looks[-1].runs else [*looks[:-1], look]


def ripe(streak: list[Verdict], alpha: float) -> bool:
    if len(streak) < AGREEING:
        return False
    look = streak[-1]
    return sure(look, alpha) if look.outcome in CALLED else look.outcome is Outcome.UNCHANGED


def sure(look: Verdict, alpha: float) -> bool:
    """Whether its p is small enough however often was looked before: alpha is spent over information, not looks.

    p <= alpha / SPENT (I(FEWEST_RUNS) / I(runs))^DECAY with I(n) = n b / (n + b) for b runs before, in runs. I never
    passes b: looks without end learn no more than that, and what they are allowed shrinks with every doubling of it.
    """
    known, least = (information(runs, look.baseline_runs) for runs in (look.runs, FEWEST_RUNS))
    allowed = alpha / SPENT * (least / max(known, least)) ** DECAY
    return look.p is not None and look.p <= allowed


def information(runs: int, before: int) -> float:
    """How many runs tell as much of a level as *runs* against *before* do of a difference."""
    return runs * max(before, 1) / (runs + max(before, 1))


def contradiction(announced: Outcome, then: Verdict, look: Verdict, alpha: float) -> str | None:
    """Why *announced* cannot stand after this look; None where it can."""
    if look.runs < then.runs:
        return f"{count(then.runs - look.runs, 'run')} it rested on no longer counts; {look.reason}"
    if look.outcome is announced:
        return None
    if announced is Outcome.UNCHANGED:
        return look.reason if look.outcome in CALLED and sure(look, alpha) else None
    if look.outcome is Outcome.UNDECIDED and look.p is not None and look.p < DOUBT:
        return None
    return f"with {count(look.runs, 'run')} it is {short(look)}: {look.reason}"


def provisional(look: Verdict, alpha: float) -> tuple[Outcome, str]:
    if look.outcome in CALLED and not sure(look, alpha):
        return Outcome.UNDECIDED, f"More runs have to make it surer: {look.reason}"
    if look.outcome in CALLED or look.outcome is Outcome.UNCHANGED:
        return Outcome.UNDECIDED, f"One more look has to agree: {look.reason}"
    return look.outcome, look.reason
