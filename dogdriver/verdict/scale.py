"""What an effect is counted in: a ratio, a difference in the metric's own unit, or a ratio of failures.

docs/verdict.md, "Scale".
"""

from dataclasses import dataclass
from math import inf

import numpy as np

from dogdriver.model.project import Kind
from dogdriver.model.verdict import Better, EffectScale
from dogdriver.verdict.series import Flags, Floats

LARGEST_EXPONENT = 700.0
"""exp of more than this is no float any more."""
LARGEST_RATIO = 1e300
"""An effect is no larger than this: JSON has no infinity."""
MOST_SPREAD = 1e6
"""A typical magnitude smaller than the largest by more than this is no unit to measure by."""
ROUNDING = 1e-12
"""What is missing from a whole by less than this share is not missing."""
PERCENT = frozenset({"%", "percent"})
"""Units in which a whole is 100; in all others it is 1."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What the values of a metric are: their *kind*, their *unit*, and which way is *better*."""

    better: Better
    kind: Kind = Kind.VALUE
    unit: str = ""

    @property
    def whole(self) -> float | None:
        """What failures are missing from, where the values are a share of successes; else None."""
        if self.kind is not Kind.RATIO or self.better is Better.LOWER:
            return None
        return 100.0 if self.unit in PERCENT else 1.0

    def events(self, values: Floats) -> Floats:
        """The failures of a share of successes, else the *values* (runs,) themselves, (runs,)."""
        if self.whole is None:
            return values
        missing: Floats = self.whole - values
        missing[np.abs(missing) < ROUNDING * self.whole] = 0.0
        return missing


@dataclass(frozen=True, slots=True)
class Scale:
    """How a value (in the metric's unit) becomes a coordinate, and a difference of coordinates an effect.

    *logarithmic*: natural logarithms of the values, or of what is missing from *whole* (failures), so that a change is
    a ratio. Otherwise values divided by *top*, so that nothing overflows, and by *unit*: the margin is shares of it.
    *effects*: what an effect is counted in.
    """

    logarithmic: bool
    top: float = 1.0
    unit: float = 1.0
    effects: EffectScale = EffectScale.RATIO
    whole: float | None = None

    @classmethod
    def of(cls, values: Floats, base: Flags | None = None) -> "Scale":
        """The scale of *values* (runs,) on which effects are relative.

        *base* (runs,) marks what a change is relative to: all of them, where it is None or they are all zero.
        """
        if values.size == 0 or values.min() > 0:
            return cls(logarithmic=True)
        top, sizes = _magnitudes(values)
        if base is not None and np.any(sizes[base] * MOST_SPREAD >= 1.0):
            sizes = sizes[base]
        unit = float(np.median(sizes))
        if unit * MOST_SPREAD < 1.0:
            unit = float(sizes.mean()) or 1.0
        return cls(logarithmic=False, top=top, unit=unit)

    @classmethod
    def of_measure(cls, values: Floats, base: Flags, measure: Measure) -> "Scale":
        """The scale of a verdict on *values* (runs,), of which *base* (runs,) are what is compared with.

        Failures where the values are a ratio; the metric's own unit where the level before is near zero, with the usual
        magnitude of what is not zero as the *unit*: of all runs, so that it does not matter which of them was odd.
        """
        whole, events = measure.whole, measure.events(values)
        ratio = measure.kind is Kind.RATIO and bool(events.min() >= 0)
        if events.min() > 0 and (ratio or whole is None):
            return cls(
                logarithmic=True,
                effects=EffectScale.FAILURES if ratio else EffectScale.RATIO,
                whole=whole if ratio else None,
            )
        if not ratio and not near_zero(values[base], counted=measure.kind is Kind.COUNT):
            return cls.of(values, base)
        top, sizes = _magnitudes(events if ratio else values)
        usual = sizes[sizes * MOST_SPREAD >= 1.0]
        unit = float(np.median(usual)) if usual.size else 1.0
        return cls(logarithmic=False, top=top, unit=unit, effects=EffectScale.DIFFERENCE)

    @property
    def hundred_percent(self) -> float | None:
        """The value, in the metric's unit, that counts as 100 %; None where that need not be said."""
        return None if self.logarithmic or self.effects is not EffectScale.RATIO else self.top * self.unit

    def coordinates(self, values: Floats) -> Floats:
        """The logarithms of *values* (runs,), or their multiples of the unit; (runs,)."""
        if not self.logarithmic:
            return values / self.top / self.unit
        return np.log(values if self.whole is None else self.whole - values)

    def level(self, coordinate: float) -> float:
        """The value, in the metric's unit, at *coordinate*; finite."""
        if not self.logarithmic:
            return _finite(coordinate * self.unit * self.top)
        found = _finite(float(np.exp(min(coordinate, LARGEST_EXPONENT))))
        return found if self.whole is None else self.whole - found

    def relative(self, difference: float) -> float:
        """The effect that *difference* of coordinates is, in what effects are counted in; finite."""
        if self.logarithmic:
            return float(np.expm1(max(-LARGEST_EXPONENT, min(LARGEST_EXPONENT, difference))))
        return _finite(difference * self.own_unit)

    @property
    def own_unit(self) -> float:
        """An effect of one coordinate."""
        return self.top * self.unit if self.effects is EffectScale.DIFFERENCE else 1.0

    def margin(self, margin: float) -> float:
        """The smallest effect that matters, where *margin* is the relative one."""
        return margin * self.own_unit

    def thresholds(self, margin: float) -> tuple[float, float]:
        """The differences (down, up) of coordinates that a relative change of -margin, +margin is."""
        if not self.logarithmic:
            return -margin, margin
        return (float(np.log1p(-margin)) if margin < 1 else -inf), float(np.log1p(margin))

    def better(self, better: Better) -> Better:
        """Which way coordinates are better, where *better* is which way values are: of failures, fewer."""
        return better if self.whole is None else Better.LOWER


def near_zero(base: Floats, *, counted: bool) -> bool:
    """Whether the usual one of *base* (runs,) is no further from zero than they scatter: no level to be relative to.

    *counted*: or one of them is zero.
    """
    top = float(np.abs(base).max()) or 1.0
    shares = base / top
    middle = float(np.median(shares))
    scatter = float(np.mean(np.abs(shares - middle)))
    return abs(middle) <= scatter or not middle or (counted and not base.all())


def _magnitudes(values: Floats) -> tuple[float, Floats]:
    """The largest magnitude of *values* (runs,), 1 where all are zero, and all of them in units of it, (runs,)."""
    sizes = np.abs(values)
    top = float(sizes.max()) or 1.0
    return top, sizes / top


def _finite(number: float) -> float:
    return max(-LARGEST_RATIO, min(LARGEST_RATIO, number))
