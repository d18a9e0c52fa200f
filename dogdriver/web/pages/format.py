"""How things are said to people: words, arrows and numbers. JSON has its own lower-case names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import floor, isfinite, log10

from dogdriver.model import Better, Headline, Metric, MetricState, Outcome, Status, Summary, Trend
from dogdriver.reports.project import direction

NOTHING = "–"
UNITS: Mapping[str, str] = {"1/s": "/s", "ratio": "%"}
LEADING = frozenset({"a", "an", "it", "its", "no", "the", "there", "this"})
MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Saying:
    """A judgement in *word*s, with an *arrow* and a *tone* (worse, better, same, open, none): never colour alone."""

    word: str
    arrow: str
    tone: str


NO_VERDICT = Saying("No verdict yet", "○", "none")
HEADLINES: Mapping[Headline, Saying] = {
    Headline.SLOWER: Saying("Slower", "↘", "worse"),
    Headline.FASTER: Saying("Faster", "↗", "better"),
    Headline.MIXED: Saying("Mixed", "⇅", "mixed"),
    Headline.NO_CHANGE: Saying("No change", "→", "same"),
    Headline.UNDECIDED: Saying("Can’t tell yet", "?", "open"),
}
OUTCOMES: Mapping[Outcome, Saying] = {
    Outcome.REGRESSED: Saying("Worse", "↘", "worse"),
    Outcome.IMPROVED: Saying("Better", "↗", "better"),
    Outcome.UNCHANGED: Saying("Unchanged", "→", "same"),
    Outcome.UNDECIDED: Saying("Can’t tell yet", "?", "open"),
    Outcome.TOO_FEW_RUNS: Saying("Too few runs", "…", "open"),
}
STATUSES: Mapping[Status, Saying] = {
    Status.QUEUED: Saying("Queued", "◌", "open"),
    Status.RUNNING: Saying("Running", "▶", "busy"),
    Status.PENDING: Saying("Waiting for data", "◔", "busy"),
    Status.DONE: Saying("Done", "●", "same"),
    Status.FAILED: Saying("Failed", "✕", "worse"),
    Status.ABORTED: Saying("Aborted", "■", "none"),
    Status.INVALID: Saying("Invalid", "⊘", "mixed"),
}

STATES: Mapping[MetricState, str] = {
    MetricState.WAITING: "waiting for Datadog",
    MetricState.SETTLED: "final",
    MetricState.PARTIAL: "final, with gaps",
    MetricState.NO_DATA: "no data",
    MetricState.NOT_CONFIGURED: "no Datadog keys",
    MetricState.REFUSED: "refused by Datadog",
}


def headline_badge(headline: Headline | None) -> Saying:
    return HEADLINES[headline] if headline else NO_VERDICT


def headline_saying(summary: Summary | None) -> Saying:
    return headline_badge(summary.headline if summary else None)


def trend_saying(trend: Trend | None) -> Saying:
    """The trend's direction by its arrow, whether that is good by its tone and word."""
    if trend is None:
        return Saying("no trend yet", "○", "none")
    way = direction(trend)
    if way is None:
        return Saying("no clear trend", "~", "open")
    if way == "flat":
        return Saying("steady", "→", "same")
    tone = "worse" if trend.outcome is Outcome.REGRESSED else "better"
    return Saying(f"{percent(trend.effect)}, {tone}", "↑" if way == "up" else "↓", tone)


def percent(share: float | None) -> str:
    """A relative change with its sign: +4.2 %."""
    if share is None or not isfinite(share):
        return NOTHING
    value = share * 100
    text = f"{abs(value):.1f}" if abs(value) < 100 else f"{abs(value):,.0f}"  # noqa: PLR2004 - as the sentences have it
    sign = "" if float(text.replace(",", "")) == 0 else "+" if value > 0 else "−"
    return f"{sign}{text} %"


def share(value: float | None) -> str:
    """A share without a sign: 14 %."""
    return NOTHING if value is None else percent(abs(value)).lstrip("+")


def number(value: float | None) -> str:
    """Three digits that matter, thousands apart; never an exponent below a million million."""
    if value is None or not isfinite(value):
        return NOTHING
    size = abs(value)
    if size >= 1e12 or 0 < size < 1e-4:  # noqa: PLR2004 - where digits stop to help
        return f"{value:.3g}".replace("-", "−")
    places = 0 if size >= 100 or size == 0 else min(6, 2 - floor(log10(size)))  # noqa: PLR2004 - three digits
    text = f"{value:,.{places}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−").replace(",", "\u202f")


def amount(value: float | None, unit: str) -> str:
    """A number in its unit: 12.3 ms, 840 /s, 1.2 %."""
    if value is None:
        return NOTHING
    shown = number(value * 100 if unit == "ratio" else value)
    return f"{shown} {UNITS.get(unit, unit)}".strip()


def duration(seconds: float | None) -> str:
    """1 h 5 min, 2 min 3 s, 4.2 s."""
    if seconds is None:
        return NOTHING
    if seconds < MINUTE:
        return f"{number(round(seconds, 1))} s"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min {int(seconds % MINUTE)} s"
    return f"{int(seconds // HOUR)} h {int(seconds % HOUR // MINUTE)} min"


def clock_time(at: datetime | None) -> str:
    """In UTC, to the minute; the page's script makes it the reader's own."""
    return NOTHING if at is None else at.strftime("%Y-%m-%d %H:%M UTC")


def better_is(metric: Metric) -> str:
    return "lower is better" if metric.better is Better.LOWER else "higher is better"


def sentence(text: str) -> str:
    """With a capital and a full stop; a text that may begin with a name keeps its first letter."""
    text = text.strip()
    if text.partition(" ")[0] in LEADING or text.isalpha():
        text = text[:1].upper() + text[1:]
    return text + ("" if text.endswith((".", "!", "?", "…")) else ".")


def beside_badge(text: str) -> str:
    """A headline's sentence where its badge says the first words already."""
    lead, colon, rest = text.partition(": ")
    return sentence(rest) if colon and lead == "Can't tell yet" else text


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
