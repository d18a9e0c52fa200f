"""How large an effect is, in words: of each scale its own, with the levels before and after where they say more."""

from math import floor, log10

from dogdriver.model.project import Kind
from dogdriver.model.verdict import Better, EffectScale, Verdict
from dogdriver.verdict.scale import Measure

BEYOND_WORDS = 1e6
"""Relative changes from here on are told by their power of ten,"""
WITHOUT_DECIMALS = 0.9995
"""from here on in whole percent,"""
INVISIBLE = 0.0005
"""below this as none."""
MOST_DIGITS = 9
NOTHING = 1e-12
"""Levels and differences that are smaller are none."""
PLAIN = Measure(Better.LOWER)
SHARES = frozenset({"ratio", "fraction"})
"""Units of shares of one, which are told in percent."""


def percent(change: float | None, *, sign: bool = True) -> str:
    if change is None:
        return "?"
    size = abs(change)
    if size < INVISIBLE:
        return "0.0 %"
    if size >= BEYOND_WORDS:
        number = f"{change * 100:+.0e}"
    else:
        number = (f"{change:+.0%}" if size >= WITHOUT_DECIMALS else f"{change:+.1%}").rstrip("%")
    return f"{number if sign else number.lstrip('+')} %"


def effect(verdict: Verdict, measure: Measure = PLAIN) -> str:
    """`+5.0 %`, `from 0 to 2.2 errors a run`, `from 99.98 to 99 %: 49 times the failures`."""
    if verdict.effect is None:
        return "?"
    if verdict.scale is EffectScale.RATIO:
        return percent(verdict.effect)
    levels = "" if verdict.before is None or verdict.after is None else between(verdict, measure, " to ")
    levels = f"from {levels}" if " to " in levels else levels
    if verdict.scale is EffectScale.DIFFERENCE:
        return levels or number(verdict.effect, verdict.effect, measure, sign=True)
    return ": ".join(part for part in (levels, times(verdict.effect)) if part)


def short(verdict: Verdict, measure: Measure = PLAIN) -> str:
    """For one line among others: `+5.0 %`, `0 → 2.2`, `49 times the failures`."""
    if verdict.effect is None or verdict.scale is EffectScale.RATIO:
        return percent(verdict.effect)
    if verdict.scale is EffectScale.FAILURES:
        return times(verdict.effect)
    if verdict.before is None or verdict.after is None:
        return number(verdict.effect, verdict.effect, measure, sign=True)
    return between(verdict, measure, " → ")


def interval(verdict: Verdict, measure: Measure = PLAIN) -> str:
    """The effect with its interval."""
    ends = (verdict.low, verdict.high)
    if verdict.scale is EffectScale.DIFFERENCE and None not in ends:
        low, high = (number(end or 0.0, (end or 0.0) * 10, measure, sign=True, unit=False) for end in ends)
        return f"{effect(verdict, measure)} (a difference between {low} and {high})"
    low, high = (bound(end, verdict.scale, measure) for end in ends)
    return f"{effect(verdict, measure)} (between {low} and {high})"


def bound(change: float | None, scale: EffectScale, measure: Measure = PLAIN, *, sign: bool = True) -> str:
    """An effect on *scale* alone, as an end of an interval is told."""
    if change is None or scale is EffectScale.RATIO:
        return percent(change, sign=sign)
    if scale is EffectScale.DIFFERENCE:
        return number(change, change * 10, measure, sign=sign)
    return times(change) if sign else f"{percent(change, sign=False)} of the failures"


def times(change: float) -> str:
    """Of failures that grew by *change*."""
    if change < 1:
        return f"{percent(change)} failures"
    return f"{1 + change:,.{0 if change >= MOST_DIGITS else 1}f} times the failures"


def between(verdict: Verdict, measure: Measure, word: str) -> str:
    """The levels before and after, in as many digits as tell them apart; of failures, as tell these apart from none."""
    before, after = verdict.before or 0.0, verdict.after or 0.0
    step = abs(after - before) or max(abs(before), abs(after))
    if verdict.scale is EffectScale.FAILURES:
        step = max(step, abs(after if measure.whole is None else measure.whole - after))
    first, second = (number(level, step, measure, unit=False) for level in (before, after))
    last = number(after, step, measure)
    return f"{last} as before" if first == second else f"{first}{word}{last}"


def number(value: float, step: float, measure: Measure, *, sign: bool = False, unit: bool = True) -> str:
    """*value* in the metric's unit, in as many digits as show three of a difference of *step*."""
    name = measure.unit
    if abs(value) < NOTHING:
        value = 0.0
    if name in SHARES:
        value, step, name = value * 100, step * 100, "%"
    decimals = 2 - floor(log10(abs(step))) if abs(step) >= NOTHING else 0
    if decimals < -MOST_DIGITS or decimals > MOST_DIGITS:
        digits = f"{value:{'+' if sign else ''}.2g}"
    else:
        digits = f"{value:{'+' if sign else ''},.{max(decimals, 0)}f}"
        digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
        digits = "0" if digits in {"-0", "+0"} else digits
    if not unit:
        return digits
    return f"{digits}{f' {name}' if name else ''}{' a run' if measure.kind is Kind.COUNT else ''}"
