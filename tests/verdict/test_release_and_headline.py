"""All the metrics of a release together."""

import json
from dataclasses import replace

import pytest

from dogdriver.verdict import Better, Headline, Outcome, Verdict, headline, judge, judge_release
from dogdriver.verdict.decision import benjamini_hochberg
from tests.verdict.history import history, noisy, with_change

LAST = "r011"


def verdict(outcome: Outcome, effect: float | None = 0.05, runs: int = 5, needed: int | None = None) -> Verdict:
    made = judge(history(noisy(1, 60)), LAST, better=Better.LOWER)
    return replace(made, outcome=outcome, effect=effect, before=None, after=None, runs=runs, runs_needed=needed)


def test_the_false_discoveries_of_many_metrics_are_controlled() -> None:
    alone = together = 0
    for release in range(6):
        series = {f"m{i}": history(noisy(100 * release + i, 60)) for i in range(20)}
        better = dict.fromkeys(series, Better.LOWER)
        verdicts = judge_release(series, LAST, better=better, alpha=0.05)
        together += sum(v.outcome in {Outcome.REGRESSED, Outcome.IMPROVED} for v in verdicts.values())
        alone += sum((v.p or 1) < 0.05 for v in verdicts.values())
    assert alone > together
    assert together <= 2


def test_a_real_change_among_many_metrics_is_still_found() -> None:
    series = {f"m{i}": history(noisy(i, 120), 10) for i in range(20)}
    series["slow"] = history(with_change(noisy(77, 120), 10, 0.08), 10)
    verdicts = judge_release(series, LAST, better=dict.fromkeys(series, Better.LOWER))
    assert verdicts["slow"].outcome is Outcome.REGRESSED
    assert set(verdicts) == set(series)


def test_each_metric_has_its_own_margin_and_direction() -> None:
    series = {
        "rps": history(with_change(noisy(5, 120), 10, 0.10), 10),
        "p99": history(with_change(noisy(5, 120), 10, 0.10), 10),
    }
    verdicts = judge_release(series, LAST, better={"rps": Better.HIGHER, "p99": Better.LOWER}, margins={"p99": 0.5})
    assert verdicts["rps"].outcome is Outcome.IMPROVED
    assert verdicts["p99"].outcome is Outcome.UNCHANGED
    assert verdicts["p99"].margin == 0.5


def test_the_discovery_rule_is_benjamini_and_hochbergs() -> None:
    assert benjamini_hochberg([], 0.05) == -1
    assert benjamini_hochberg([0.2, 0.9], 0.05) == -1
    assert benjamini_hochberg([0.01, 0.02, 0.9, 0.03], 0.05) == 0.03
    assert benjamini_hochberg([0.04, 0.04], 0.05) == 0.04


def test_what_chance_may_have_made_among_many_says_so() -> None:
    series = {f"m{i}": history(noisy(i, 60)) for i in range(40)}
    verdicts = judge_release(series, LAST, better=dict.fromkeys(series, Better.LOWER), q=1e-9)
    series["slow"] = history(with_change(noisy(3, 60), 5, 0.07))
    alone = judge(series["slow"], LAST, better=Better.LOWER)
    assert alone.outcome is Outcome.REGRESSED
    strict = judge_release(series, LAST, better=dict.fromkeys(series, Better.LOWER), q=1e-9)["slow"]
    assert strict.outcome is Outcome.UNDECIDED
    assert "41 series" in strict.reason
    assert strict.p == alone.p
    assert all(v.outcome not in {Outcome.REGRESSED, Outcome.IMPROVED} for v in verdicts.values())


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        ([Outcome.REGRESSED, Outcome.UNCHANGED, Outcome.UNDECIDED], "slower"),
        ([Outcome.IMPROVED, Outcome.UNCHANGED], "faster"),
        ([Outcome.IMPROVED, Outcome.REGRESSED], "mixed"),
        ([Outcome.UNCHANGED, Outcome.UNCHANGED], "no_change"),
        ([Outcome.UNCHANGED, Outcome.UNDECIDED], "undecided"),
        ([Outcome.TOO_FEW_RUNS], "undecided"),
        ([], "undecided"),
    ],
)
def test_the_headline_is_its_word_and_has_a_sentence(outcomes: list[Outcome], word: str) -> None:
    said = headline({f"m{i}": verdict(o) for i, o in enumerate(outcomes)})
    assert said.headline is Headline(word)
    assert said.sentence.endswith(".")
    assert json.dumps({"headline": said.headline}) == json.dumps({"headline": word})
    assert headline([verdict(o) for o in outcomes]).headline is said.headline


def test_a_metric_that_was_never_measured_does_not_keep_the_headline_open() -> None:
    said = headline({"a": verdict(Outcome.UNCHANGED), "b": verdict(Outcome.TOO_FEW_RUNS, runs=0)})
    assert said.headline is Headline.NO_CHANGE


def test_the_worst_metrics_are_named_first() -> None:
    said = headline({"cpu": verdict(Outcome.REGRESSED, 0.04), "p99": verdict(Outcome.REGRESSED, 0.4)})
    assert said.sentence == "Worse: p99 +40.0 %, cpu +4.0 %."


def test_the_wait_is_that_of_the_slowest_metric() -> None:
    said = headline([verdict(Outcome.UNDECIDED, needed=4), verdict(Outcome.UNDECIDED, needed=9)])
    assert "9 more runs" in said.sentence


@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        ([(Outcome.TOO_FEW_RUNS, 1), (Outcome.TOO_FEW_RUNS, 2)], "2 undecided; 2 more runs before it can be judged."),
        (
            [(Outcome.UNDECIDED, 3), (Outcome.TOO_FEW_RUNS, 2)],
            "2 undecided; about 3 more runs should settle some of it.",
        ),
        (
            [(Outcome.UNDECIDED, 3), (Outcome.UNDECIDED, None)],
            "2 undecided; about 3 more runs should settle some of it.",
        ),
        ([(Outcome.UNDECIDED, 3), (Outcome.UNDECIDED, 1)], "2 undecided; about 3 more runs should settle it."),
        ([(Outcome.UNDECIDED, 0), (Outcome.UNDECIDED, None)], "2 undecided; more runs have to agree."),
        ([(Outcome.UNDECIDED, None)], "1 undecided; more runs are not likely to settle it."),
    ],
)
def test_what_would_settle_it_is_promised_only_where_it_would(
    waiting: list[tuple[Outcome, int | None]], said: str
) -> None:
    assert (
        headline([verdict(outcome, needed=needed) for outcome, needed in waiting]).sentence == f"Can't tell yet: {said}"
    )


def test_a_headline_is_one_of_seven_words() -> None:
    assert [word.value for word in Headline] == [
        "slower",
        "faster",
        "mixed",
        "no_change",
        "probably_slower",
        "probably_faster",
        "undecided",
    ]
    with pytest.raises(ValueError, match="sideways"):
        Headline("sideways")


def test_where_nothing_compares_the_headline_says_why() -> None:
    why = "the infrastructure changed with the release (not comparable: 3 → 5 hosts with 2.0)"
    alone = replace(verdict(Outcome.UNDECIDED), baseline_runs=0, reason=why)
    assert headline([alone, alone]).sentence == f"Can't tell yet: {why}."
    assert "3 → 5" not in headline([alone, verdict(Outcome.UNDECIDED, needed=4)]).sentence
