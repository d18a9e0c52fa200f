"""How things are said to people: words, arrows and numbers. JSON has its own lower-case names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import floor, isfinite, log10

from dogdriver.model import Better, Headline, Metric, MetricState, Outcome, Status, Summary, Trend
from dogdriver.reports.project import direction

DASH = "–"
UNITS: Mapping[str, str] = {"1/s": "/s", "ratio": "%"}
COMMON_FIRST_WORDS = frozenset({"a", "an", "it", "its", "no", "the", "there", "this"})
MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Badge:
    """A judgement in *word*s, with an *arrow* and a *tone* (worse, better, same, open, none): never colour alone."""

    word: str
    arrow: str
    tone: str


NO_VERDICT = Badge("No verdict yet", "○", "none")
HEADLINES: Mapping[Headline, Badge] = {
    Headline.SLOWER: Badge("Slower", "↘", "worse"),
    Headline.FASTER: Badge("Faster", "↗", "better"),
    Headline.MIXED: Badge("Mixed", "⇅", "mixed"),
    Headline.NO_CHANGE: Badge("No change", "→", "same"),
    Headline.PROBABLY_SLOWER: Badge("Probably slower", "↘", "probably-worse"),
    Headline.PROBABLY_FASTER: Badge("Probably faster", "↗", "probably-better"),
    Headline.UNDECIDED: Badge("Can’t tell yet", "?", "open"),
}
OUTCOMES: Mapping[Outcome, Badge] = {
    Outcome.REGRESSED: Badge("Worse", "↘", "worse"),
    Outcome.IMPROVED: Badge("Better", "↗", "better"),
    Outcome.UNCHANGED: Badge("Unchanged", "→", "same"),
    Outcome.UNDECIDED: Badge("Can’t tell yet", "?", "open"),
    Outcome.TOO_FEW_RUNS: Badge("Too few runs", "…", "open"),
}
NOTHING_BEFORE = Badge("Nothing to compare with", "…", "open")
PROBABLE: Mapping[Outcome, Badge] = {
    Outcome.REGRESSED: Badge("Probably worse", "↘", "probably-worse"),
    Outcome.IMPROVED: Badge("Probably better", "↗", "probably-better"),
}
"""Outcomes that one more look has to agree with."""
STATUSES: Mapping[Status, Badge] = {
    Status.QUEUED: Badge("Queued", "◌", "open"),
    Status.RUNNING: Badge("Running", "▶", "busy"),
    Status.PENDING: Badge("Waiting for data", "◔", "busy"),
    Status.DONE: Badge("Done", "●", "same"),
    Status.FAILED: Badge("Failed", "✕", "worse"),
    Status.ABORTED: Badge("Aborted", "■", "none"),
    Status.INVALID: Badge("Invalid", "⊘", "mixed"),
}

STATES: Mapping[MetricState, str] = {
    MetricState.WAITING: "waiting for Datadog",
    MetricState.SETTLED: "final",
    MetricState.PARTIAL: "final, with gaps",
    MetricState.NO_DATA: "no data",
    MetricState.NOT_CONFIGURED: "no Datadog keys",
    MetricState.REFUSED: "refused by Datadog",
}


def headline_badge(headline: Headline | None) -> Badge:
    return HEADLINES[headline] if headline else NO_VERDICT


def summary_badge(summary: Summary | None) -> Badge:
    return headline_badge(summary.headline if summary else None)


def trend_badge(trend: Trend | None) -> Badge:
    """The trend's direction by its arrow, whether that is good by its tone and word."""
    if trend is None:
        return Badge("no trend yet", "○", "none")
    up_or_down = direction(trend)
    if up_or_down is None:
        return Badge("no clear trend", "~", "open")
    if up_or_down == "flat":
        return Badge("steady", "→", "same")
    tone = "worse" if trend.outcome is Outcome.REGRESSED else "better"
    return Badge(f"{percent(trend.effect)}, {tone}", "↑" if up_or_down == "up" else "↓", tone)


def percent(share: float | None) -> str:
    """A relative change with its sign: +4.2 %."""
    if share is None or not isfinite(share):
        return DASH
    value = share * 100
    text = f"{abs(value):.1f}" if abs(value) < 100 else f"{abs(value):,.0f}"  # noqa: PLR2004 - as the sentences have it
    sign = "" if float(text.replace(",", "")) == 0 else "+" if value > 0 else "−"
    return f"{sign}{text} %"


def share(value: float | None) -> str:
    """A share without a sign: 14 %."""
    return DASH if value is None else percent(abs(value)).lstrip("+")


def number(value: float | None) -> str:
    """Three digits that matter, thousands apart; never an exponent below a million million."""
    if value is None or not isfinite(value):
        return DASH
    size = abs(value)
    if size >= 1e12 or 0 < size < 1e-4:  # noqa: PLR2004 - where digits stop to help
        return f"{value:.3g}".replace("-", "−")
    places = 0 if size >= 100 or size == 0 else min(6, 2 - floor(log10(size)))  # noqa: PLR2004 - three digits
    text = f"{value:,.{places}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−").replace(",", "\u202f")


def amount(value: float | None, unit: str) -> str:
    """A number in its unit: 12.3 ms, 840 /s, 1.2 %."""
    if value is None:
        return DASH
    shown = number(value * 100 if unit == "ratio" else value)
    return f"{shown} {UNITS.get(unit, unit)}".strip()


def duration(seconds: float | None) -> str:
    """1 h 5 min, 2 min 3 s, 4.2 s."""
    if seconds is None:
        return DASH
    if seconds < MINUTE:
        return f"{number(round(seconds, 1))} s"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min {int(seconds % MINUTE)} s"
    return f"{int(seconds // HOUR)} h {int(seconds % HOUR // MINUTE)} min"


def clock_time(at: datetime | None) -> str:
    """In UTC, to the minute; the page's script makes it the reader's own."""
    return DASH if at is None else at.strftime("%Y-%m-%d %H:%M UTC")


def better_is(metric: Metric) -> str:
    return "lower is better" if metric.better is Better.LOWER else "higher is better"


def as_sentence(text: str) -> str:
    """With a capital and a full stop; a text that may begin with a name keeps its first letter."""
    text = text.strip()
    if text.partition(" ")[0] in COMMON_FIRST_WORDS or text.isalpha():
        text = text[:1].upper() + text[1:]
    return text + ("" if text.endswith((".", "!", "?", "…")) else ".")


PROBABLY = "Probably "
SAID_BY_BADGE = ("Can't tell yet: ", "No change; ", PROBABLY)
"""First words of a headline's sentence that its badge says already."""


def without_badge_words(text: str) -> str:
    """A headline's sentence where its badge says the first words already."""
    lead = next((words for words in SAID_BY_BADGE if text.startswith(words)), None)
    if lead is None:
        return text
    rest = text[len(lead) :]
    return as_sentence(rest[:1].upper() + rest[1:] if lead == PROBABLY else rest)


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
