"""Histories as load tests make them: releases of a few runs each, one kind of trouble at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dogdriver.verdict import Sample

Values = NDArray[np.floating[Any]]
Noise = Callable[["Setting", np.random.Generator], Values]

START = datetime(2026, 3, 2, tzinfo=UTC)

CONFOUNDING_STEP, RELEASES_DIFFER = "confounding step", "releases differ"


@dataclass(frozen=True)
class Setting:
    """How a history is made. The standard deviations are of logarithms."""

    releases: int = 12
    per_release: int = 5
    sd: float = 0.03
    every: timedelta = timedelta(hours=1)
    level: float = 100.0
    options: dict[str, float] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        return self.releases * self.per_release

    def option(self, name: str, default: float) -> float:
        return self.options.get(name, default)


def iid(setting: Setting, rng: np.random.Generator) -> Values:
    result: Values = setting.sd * rng.standard_normal(setting.runs)
    return result


def heavy(setting: Setting, rng: np.random.Generator) -> Values:
    freedom = setting.option("freedom", 3)
    result: Values = setting.sd * rng.standard_t(freedom, setting.runs) / np.sqrt(freedom / (freedom - 2))
    return result


def outliers(setting: Setting, rng: np.random.Generator) -> Values:
    outlying = rng.random(setting.runs) < setting.option("share", 0.05)
    return iid(setting, rng) + outlying * rng.uniform(0.15, setting.option("size", 0.6), setting.runs)


def autocorrelated(setting: Setting, rng: np.random.Generator) -> Values:
    phi = setting.option("phi", 0.5)
    values = np.empty(setting.runs)
    shocks = rng.standard_normal(setting.runs)
    values[0] = shocks[0]
    for i in range(1, setting.runs):
        values[i] = phi * values[i - 1] + np.sqrt(1 - phi**2) * shocks[i]
    return setting.sd * values


def daily(setting: Setting, rng: np.random.Generator) -> Values:
    hours = np.arange(setting.runs) * (setting.every.total_seconds() / 3600) + rng.uniform(0, 24)
    wave = np.sin(2 * np.pi * hours / 24)
    if setting.option("square", 0):
        wave = np.where((hours % 24 > 8) & (hours % 24 < 18), 1.0, -0.7)
    week = setting.option("weekly", 0) * np.sin(2 * np.pi * hours / 168)
    rest = iid(replace(setting, sd=setting.option("rest", 0.01)), rng)
    result: Values = setting.option("amplitude", 0.04) * wave + week + rest
    return result


def bimodal(setting: Setting, rng: np.random.Generator) -> Values:
    second = rng.random(setting.runs) < setting.option("share", 0.3)
    result: Values = setting.option("gap", 0.08) * second + iid(replace(setting, sd=setting.option("rest", 0.02)), rng)
    return result


def drift(setting: Setting, rng: np.random.Generator) -> Values:
    return iid(setting, rng) + setting.option("slope", 0.0005) * np.arange(setting.runs)


def confounding_step(setting: Setting, rng: np.random.Generator) -> Values:
    """Anywhere but at the judged release's start: there nothing tells it from that release."""
    last = setting.runs - setting.per_release
    place = rng.choice([i for i in range(1, setting.runs) if i != last])
    size = setting.option("size", 0.08) * rng.choice([-1, 1])
    result: Values = iid(setting, rng) + size * (np.arange(setting.runs) >= place)
    return result


def releases_differ(setting: Setting, rng: np.random.Generator) -> Values:
    levels = setting.option("between_releases", 0.015) * rng.standard_normal(setting.releases)
    return iid(setting, rng) + np.repeat(levels, setting.per_release)


def missing(setting: Setting, rng: np.random.Generator) -> Values:
    values = iid(setting, rng)
    values[rng.random(setting.runs) < setting.option("share", 0.2)] = np.nan
    return values


def mixture(setting: Setting, rng: np.random.Generator) -> Values:
    """Some of everything."""
    small = replace(
        setting, options={"phi": 0.3, "amplitude": 0.02, "rest": 0.0, "between_releases": 0.005, "share": 0.03}
    )
    quiet = replace(small, sd=0.0)
    return (
        autocorrelated(replace(small, sd=0.02), rng)
        + daily(small, rng)
        + releases_differ(quiet, rng)
        + outliers(replace(quiet, options={"share": 0.03}), rng)
    )


def wandering(setting: Setting, rng: np.random.Generator) -> Values:
    """A random walk under the runs' noise."""
    return iid(setting, rng) + setting.option("walk", 0.003) * np.cumsum(rng.standard_normal(setting.runs))


@dataclass(frozen=True)
class Scenario:
    name: str
    noise: Noise
    options: dict[str, float] = field(default_factory=dict)

    def values(self, setting: Setting, rng: np.random.Generator) -> Values:
        return setting.level * np.exp(self.noise(replace(setting, options=self.options | setting.options), rng))


NULLS = (
    Scenario("iid", iid),
    Scenario("t3", heavy),
    Scenario("outliers", outliers),
    Scenario("AR .5", autocorrelated, {"phi": 0.5}),
    Scenario("AR .8", autocorrelated, {"phi": 0.8}),
    Scenario("daily", daily),
    Scenario("bimodal", bimodal),
    Scenario("drift", drift),
    Scenario(CONFOUNDING_STEP, confounding_step),
    Scenario("missing", missing),
    Scenario(RELEASES_DIFFER, releases_differ),
)

HELD_OUT = (
    Scenario("t2.5", heavy, {"freedom": 2.5}),
    Scenario("10 % outliers", outliers, {"share": 0.10, "size": 0.4}),
    Scenario("AR .3", autocorrelated, {"phi": 0.3}),
    Scenario("AR .65", autocorrelated, {"phi": 0.65}),
    Scenario("AR .9", autocorrelated, {"phi": 0.9}),
    Scenario("daily, loud", daily, {"amplitude": 0.08, "rest": 0.03}),
    Scenario("office hours", daily, {"amplitude": 0.04, "rest": 0.015, "square": 1}),
    Scenario("weekly", daily, {"amplitude": 0.02, "weekly": 0.03, "rest": 0.015}),
    Scenario("two modes 50:50", bimodal, {"share": 0.5, "gap": 0.07}),
    Scenario("drift .1 %", drift, {"slope": 0.001}),
    Scenario("drift down", drift, {"slope": -0.0003}),
    Scenario(f"{CONFOUNDING_STEP} 5 %", confounding_step, {"size": 0.05}),
    Scenario(f"{CONFOUNDING_STEP} 20 %", confounding_step, {"size": 0.20}),
    Scenario(f"{RELEASES_DIFFER} .8 %", releases_differ, {"between_releases": 0.008}),
    Scenario(f"{RELEASES_DIFFER} 3 %", releases_differ, {"between_releases": 0.03}),
    Scenario("wandering", wandering),
    Scenario("mixture", mixture),
)


def samples(values: Values, setting: Setting, change: float = 0.0) -> tuple[list[Sample], str]:
    """The history with the last release changed, and that release's name."""
    names = [f"{1 + i // setting.per_release}.0" for i in range(setting.runs)]
    made = [
        Sample(
            START + i * setting.every,
            name,
            None if np.isnan(v) else float(v * (1 + change) if name == names[-1] else v),
        )
        for i, (name, v) in enumerate(zip(names, values, strict=True))
    ]
    return made, names[-1]
