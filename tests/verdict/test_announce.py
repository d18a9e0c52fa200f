"""The sequential rule."""

from dataclasses import replace

import pytest

from dogdriver.verdict import Better, Outcome, Standing, Verdict, announce, judge
from tests.verdict.history import history, noisy, with_change

CALLED = {Outcome.REGRESSED, Outcome.IMPROVED}
MODEL = judge(history(noisy(1, 60)), "r011", better=Better.LOWER)


def look(runs: int, outcome: Outcome, p: float = 0.0001) -> Verdict:
    return replace(MODEL, outcome=outcome, runs=runs, p=p, effect=0.06, reason=f"Look at {runs}.")


def test_no_look_is_provisional() -> None:
    nothing = announce([])
    assert (nothing.outcome, nothing.standing, nothing.look) == (Outcome.TOO_FEW_RUNS, Standing.PROVISIONAL, None)


def test_one_look_is_not_enough() -> None:
    said = announce([look(3, Outcome.REGRESSED)])
    assert (said.outcome, said.standing) == (Outcome.UNDECIDED, Standing.PROVISIONAL)
    assert "One more look" in said.reason


def test_two_sure_looks_in_a_row_announce() -> None:
    said = announce([look(3, Outcome.UNDECIDED, 0.2), look(4, Outcome.REGRESSED), look(5, Outcome.REGRESSED)])
    assert (said.outcome, said.standing, said.look) == (Outcome.REGRESSED, Standing.ANNOUNCED, 2)


def test_the_same_runs_looked_at_again_are_one_look() -> None:
    assert announce([look(4, Outcome.REGRESSED)] * 3).standing is Standing.PROVISIONAL


def test_looks_that_are_not_sure_enough_do_not_announce() -> None:
    looks = [look(i, Outcome.REGRESSED, 0.008) for i in range(3, 20)]
    assert announce(looks).standing is Standing.PROVISIONAL


def test_looks_that_disagree_do_not_announce() -> None:
    looks = [look(3 + i, Outcome.REGRESSED if i % 2 else Outcome.IMPROVED) for i in range(8)]
    assert announce(looks).standing is Standing.PROVISIONAL


def test_unchanged_is_announced_by_two_looks_too() -> None:
    said = announce([look(3, Outcome.UNCHANGED, 0.9), look(4, Outcome.UNCHANGED, 0.9)])
    assert (said.outcome, said.standing) == (Outcome.UNCHANGED, Standing.ANNOUNCED)


def test_an_announcement_outlives_a_doubtful_look() -> None:
    looks = [look(3, Outcome.REGRESSED), look(4, Outcome.REGRESSED), look(5, Outcome.UNDECIDED, 0.03)]
    said = announce(looks)
    assert (said.outcome, said.standing, said.look) == (Outcome.REGRESSED, Standing.ANNOUNCED, 1)


@pytest.mark.parametrize(
    "contrary", [look(9, Outcome.UNCHANGED, 0.5), look(9, Outcome.IMPROVED), look(9, Outcome.UNDECIDED, 0.5)]
)
def test_a_contradicted_announcement_is_withdrawn_with_its_reason(contrary: Verdict) -> None:
    said = announce([look(3, Outcome.REGRESSED), look(4, Outcome.REGRESSED), contrary])
    assert (said.outcome, said.standing, said.look) == (Outcome.UNDECIDED, Standing.WITHDRAWN, 2)
    assert "Withdrawn, it was called regressed" in said.reason
    assert "Look at 9." in said.reason


def test_runs_taken_away_withdraw_what_rested_on_them() -> None:
    said = announce([look(5, Outcome.REGRESSED), look(6, Outcome.REGRESSED), look(4, Outcome.REGRESSED)])
    assert said.standing is Standing.WITHDRAWN
    assert "2 runs it rested on no longer counts" in said.reason


def test_after_a_withdrawal_two_looks_may_announce_again() -> None:
    looks = [look(3, Outcome.REGRESSED), look(4, Outcome.REGRESSED), look(5, Outcome.UNCHANGED, 0.9)]
    said = announce([*looks, look(6, Outcome.UNCHANGED, 0.9)])
    assert (said.outcome, said.standing) == (Outcome.UNCHANGED, Standing.ANNOUNCED)
    assert "Withdrawn" in said.reason


def test_an_announcement_never_changes_without_a_withdrawal_between() -> None:
    looks = [look(3 + i, o) for i, o in enumerate([Outcome.REGRESSED] * 2 + [Outcome.IMPROVED] * 3)]
    stands = [announce(looks[:i]) for i in range(1, 6)]
    assert [s.standing for s in stands][1:4] == [Standing.ANNOUNCED, Standing.WITHDRAWN, Standing.ANNOUNCED]


def test_looking_after_every_run_is_no_licence_for_false_verdicts() -> None:
    announced = 0
    for seed in range(40):
        samples = history(noisy(500 + seed, 120), 20)
        looks = [judge(samples[: 100 + i], "r005", better=Better.LOWER) for i in range(1, 21)]
        announced += any(announce(looks[:i]).outcome in CALLED for i in range(1, 21))
    assert announced <= 2


def test_a_clear_regression_is_announced_soon() -> None:
    samples = history(with_change(noisy(9, 120), 20, 0.12), 20)
    looks = [judge(samples[: 100 + i], "r005", better=Better.LOWER) for i in range(1, 13)]
    said = announce(looks)
    assert (said.outcome, said.standing) == (Outcome.REGRESSED, Standing.ANNOUNCED)


def test_what_a_look_may_spend_falls_with_what_is_known_and_not_with_the_number_of_looks() -> None:
    def standing(runs: int, p: float) -> Standing:
        return announce([look(runs - 1, Outcome.REGRESSED, p), look(runs, Outcome.REGRESSED, p)]).standing

    assert standing(4, 0.002) is Standing.ANNOUNCED
    assert standing(40, 0.002) is Standing.PROVISIONAL
    assert standing(40, 0.0009) is Standing.ANNOUNCED
    assert standing(400, 0.0007) is standing(4000, 0.0007) is Standing.ANNOUNCED


def test_a_called_look_that_is_not_sure_enough_contradicts_no_unchanged() -> None:
    calm = [look(3, Outcome.UNCHANGED, 0.9), look(4, Outcome.UNCHANGED, 0.9)]
    assert announce([*calm, look(5, Outcome.REGRESSED, 0.008)]).standing is Standing.ANNOUNCED
    assert announce([*calm, look(5, Outcome.REGRESSED, 0.0001)]).standing is Standing.WITHDRAWN


def test_a_called_look_says_whether_agreement_or_more_runs_are_missing() -> None:
    assert "One more look has to agree" in announce([look(3, Outcome.REGRESSED)]).reason
    assert "More runs have to make it surer" in announce([look(3, Outcome.REGRESSED, 0.008)]).reason


def newer(found: Verdict) -> Verdict:
    return replace(found, method="another-method/1")


def test_one_look_by_another_method_neither_withdraws_nor_announces() -> None:
    called = [look(3, Outcome.REGRESSED), look(4, Outcome.REGRESSED)]
    for contrary in (look(5, Outcome.UNCHANGED, 0.9), look(5, Outcome.IMPROVED), look(3, Outcome.REGRESSED)):
        said = announce([*called, newer(contrary)])
        assert (said.outcome, said.standing, said.look) == (Outcome.REGRESSED, Standing.ANNOUNCED, 1)
    assert announce([look(3, Outcome.REGRESSED), newer(look(4, Outcome.REGRESSED))]).standing is Standing.PROVISIONAL


def test_a_look_by_another_method_at_the_same_runs_again_is_no_second_look() -> None:
    called = [look(3, Outcome.REGRESSED), look(4, Outcome.REGRESSED)]
    assert announce([*called, *[newer(look(5, Outcome.UNCHANGED, 0.9))] * 4]).standing is Standing.ANNOUNCED


def test_another_method_withdraws_by_two_looks_or_once_it_has_agreed() -> None:
    called = [look(3, Outcome.REGRESSED), look(4, Outcome.REGRESSED)]
    contrary = [newer(look(runs, Outcome.UNCHANGED, 0.9)) for runs in (6, 7)]
    assert announce([*called, *contrary]).standing is Standing.WITHDRAWN
    assert announce([*called, newer(look(5, Outcome.REGRESSED)), contrary[0]]).standing is Standing.WITHDRAWN
