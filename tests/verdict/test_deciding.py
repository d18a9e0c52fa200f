"""Which metrics a headline rests on, and what the others do to it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dogdriver.metrics.units import CONVERTED
from dogdriver.model import (
    CLIENT_METRICS,
    Judged,
    Kind,
    Metric,
    Noise,
    Reference,
    ReferenceKind,
    SeriesKey,
    Step,
    deciding,
)
from dogdriver.model.project import TIME_UNITS
from dogdriver.verdict import About, Better, Headline, Outcome, Standing, Summary, Verdict, headline, standing
from dogdriver.verdict import judge_release as judge_all
from tests.verdict.history import history, noisy, with_change

AT = datetime(2026, 11, 14, 12, tzinfo=UTC)
LATENCY = Metric("latency", "Latency", "ms", Better.LOWER, query="avg:latency{*}")
CPU = Metric("cpu", "CPU", "%", Better.LOWER, query="avg:cpu{*}")
OK = Metric("ok", "Success", "ratio", Better.HIGHER, query="avg:ok{*}", kind=Kind.RATIO)
ALL = (LATENCY, CPU, OK, *CLIENT_METRICS)
MEASURED = {metric.name for metric in ALL}


@pytest.mark.parametrize(
    ("metrics", "measured", "decide"),
    [
        (ALL, MEASURED, {"latency", "ok", "client.error_ratio"}),
        ((CPU, *CLIENT_METRICS), MEASURED, {"client.p50", "client.error_ratio"}),
        (ALL, MEASURED - {"latency"}, {"client.p50", "ok", "client.error_ratio"}),
        ((replace(CPU, decides=True), LATENCY, *CLIENT_METRICS), MEASURED, {"cpu"}),
        ((replace(LATENCY, decides=False), *CLIENT_METRICS), MEASURED, {"client.p50", "client.error_ratio"}),
        ((replace(OK, decides=False), LATENCY, *CLIENT_METRICS), MEASURED, {"latency", "client.error_ratio"}),
    ],
)  # fmt: skip
def test_what_decides(metrics: tuple[Metric, ...], measured: set[str], decide: set[str]) -> None:
    assert deciding(metrics, measured) == decide


def test_a_time_is_what_datadog_gives_times_in() -> None:
    assert {unit for unit, (family, _) in CONVERTED.items() if family == "time"} == TIME_UNITS


def verdict(outcome: Outcome, effect: float | None = 0.0, **others: object) -> Verdict:
    noise = Noise(sd=0.02, autocorrelation=0.0, wobble=0.0)
    p = 1e-6 if outcome in {Outcome.REGRESSED, Outcome.IMPROVED} else 0.5
    made = Verdict(outcome, effect, -0.1, 0.1, p, 6, 30, ("1.2.8",), None, 0.05, noise, 0.03, "m", 0, "Because.")
    return replace(made, **others)  # type: ignore[arg-type]


def judged(metric: str, found: Verdict, stands: Outcome | None = None) -> Judged:
    """*stands* None: what *found* says is announced."""
    state = Standing.PROVISIONAL if stands else Standing.ANNOUNCED
    key = SeriesKey("shop", "stage", "load", "paris", metric)
    return Judged(key, "2.0.1", 4, AT, found, state, stands or found.outcome, "Because.", {"step": "run-7"})


def said(*looks: Judged, expected: tuple[Metric, ...] = (LATENCY, CPU)) -> Summary:
    about = About.of(ALL, expected, {one.key.metric for one in looks})
    found = standing(looks, about)
    assert found is not None
    return found


SAME, ERRORS = verdict(Outcome.UNCHANGED), judged("client.error_ratio", verdict(Outcome.UNCHANGED))


def test_a_metric_that_does_not_decide_stands_beside_the_headline_and_asks_for_attention() -> None:
    found = said(judged("latency", SAME), ERRORS, judged("cpu", verdict(Outcome.REGRESSED, 0.5)))
    assert (found.headline, found.attention) == (Headline.NO_CHANGE, True)
    assert found.sentence == "No change; CPU +50.0 %, worse."
    better = said(judged("latency", SAME), ERRORS, judged("cpu", verdict(Outcome.IMPROVED, -0.5)))
    assert (better.headline, better.attention) == (Headline.NO_CHANGE, False)
    waiting = said(
        judged("latency", SAME), ERRORS, judged("cpu", verdict(Outcome.REGRESSED, 0.5), stands=Outcome.UNDECIDED)
    )
    assert (waiting.headline, waiting.attention) == (Headline.NO_CHANGE, False)
    assert waiting.sentence == "Nothing that matters changed: Latency and Failed scenarios within the margin."


def test_what_is_open_and_does_not_decide_keeps_no_headline_open() -> None:
    found = said(judged("latency", SAME), ERRORS, judged("cpu", verdict(Outcome.UNDECIDED)))
    assert found.headline is Headline.NO_CHANGE
    assert (found.judged, found.of) == (2, 3)
    assert [(one.metric, one.reason) for one in found.reasons] == [("CPU", "Because.")]


def test_a_metric_of_the_project_without_a_value_is_counted_and_said() -> None:
    found = said(judged("latency", SAME), ERRORS)
    assert (found.judged, found.of) == (2, 3)
    assert [(one.metric, one.reason) for one in found.reasons] == [("CPU", "It has no value of this release.")]


@pytest.mark.parametrize(
    ("outcome", "word", "sentence"),
    [
        (Outcome.REGRESSED, Headline.PROBABLY_SLOWER, "Probably worse: Latency +10.0 % (120 → 132 ms); "),
        (Outcome.IMPROVED, Headline.PROBABLY_FASTER, "Probably better: Latency +10.0 % (120 → 132 ms); "),
    ],
)
def test_what_one_more_look_has_to_agree_with_is_probable(outcome: Outcome, word: Headline, sentence: str) -> None:
    waiting = judged("latency", verdict(outcome, 0.1, before=120.0, after=132.0), stands=Outcome.UNDECIDED)
    found = said(waiting, ERRORS)
    assert (found.headline, found.attention) == (word, False)
    assert found.sentence == f"{sentence}one more run has to agree."
    both = said(waiting, judged("client.error_ratio", verdict(Outcome.REGRESSED, 0.3)))
    assert both.headline is Headline.SLOWER, "what stands comes first"


def test_a_release_that_is_as_good_again_says_so() -> None:
    references = (
        Reference("1.2.8", ReferenceKind.LAST_GOOD, Outcome.UNCHANGED, 0.001, -0.01, 0.01),
        Reference("2.0.0", ReferenceKind.PREVIOUS, Outcome.IMPROVED, -0.17, -0.2, -0.14),
    )
    again = verdict(Outcome.UNCHANGED, 0.001, references=references, recovered=True)
    assert said(judged("latency", again), ERRORS).sentence == "No change; 17.0 % faster than 2.0.0, as 1.2.8 was."
    unsure = said(judged("latency", replace(again, outcome=Outcome.UNDECIDED)), ERRORS)
    assert "17.0 % faster than 2.0.0." in unsure.sentence


def test_a_step_inside_the_release_is_told_whatever_else_is_unchanged() -> None:
    stepped = verdict(Outcome.UNCHANGED, step=Step(AT, 6, 0.1))
    found = said(judged("latency", stepped), ERRORS)
    assert found.headline is Headline.NO_CHANGE
    assert found.sentence == "No change; the level of Latency stepped +10.0 % at run 7, on 14 Nov 12:00 UTC."
    assert found.step is not None
    assert (found.step.run, found.step.metric, found.step.at, found.step.effect) == ("run-7", "latency", AT, 0.1)


def test_the_first_release_has_nothing_to_compare_with_and_no_run_is_promised() -> None:
    first = judge_all(
        {name: history(noisy(3, 5)) for name in ("latency", "client.error_ratio")}, "r000",
        better={"latency": Better.LOWER, "client.error_ratio": Better.LOWER},
    )  # fmt: skip
    found = headline(first)
    assert found.headline is Headline.UNDECIDED
    assert found.sentence == (
        "Can't tell yet: Release r000 is the first one with a run that counts: there is nothing to compare it with."
    )


def test_runs_ahead_are_told_with_the_time_by_which_the_schedule_has_made_them() -> None:
    open_ = judged("latency", verdict(Outcome.UNDECIDED, runs_needed=6))
    about = replace(About.of(ALL, (LATENCY,), {"latency"}), due=lambda runs: AT.replace(hour=12 + runs))
    found = standing([open_, ERRORS], about)
    assert found is not None
    assert found.sentence == (
        "Can't tell yet: Latency undecided, 1 unchanged; about 6 more runs should settle it, until 14 Nov 18:00 UTC by "
        "its schedule."
    )


def test_false_discoveries_are_counted_among_what_decides_and_among_the_others() -> None:
    """The p-values of forty metrics that do not decide take nothing from one that does, and it gives them nothing."""
    series = {f"m{i}": history(noisy(i, 60)) for i in range(40)}
    series["slow"] = history(with_change(noisy(3, 60), 5, 0.07))
    better = dict.fromkeys(series, Better.LOWER)
    strict = {"q": 1e-3}
    together = judge_all(series, "r011", better=better, **strict)  # type: ignore[arg-type]
    apart = judge_all(series, "r011", better=better, deciding={"slow"}, **strict)  # type: ignore[arg-type]
    assert together["slow"].outcome is Outcome.UNDECIDED
    assert apart["slow"].outcome is Outcome.REGRESSED
    assert list(apart) == list(series)
