"""How numbers and sentences are said to people, and the small drawings beside them."""

import re

import pytest

from dogdriver.model import Noise, Outcome, Verdict
from dogdriver.web.pages.format import amount, as_sentence, duration, number, percent, without_badge_words
from dogdriver.web.pages.svg import interval, scale_of, sparkline


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (float("nan"), "–"), (0, "0"), (0.0, "0"), (1234567, "1\u202f234\u202f567"), (41.25, "41.2"),
        (0.01234, "0.0123"), (-3.14159, "−3.14"), (1e-9, "1e−09"), (5e15, "5e+15"), (100.4, "100"), (20.0, "20"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits_that_matter(value: float | None, text: str) -> None:
    assert number(value) == text


def test_sentences_begin_and_end_as_such_and_do_not_repeat_their_badge() -> None:
    said = [as_sentence(text) for text in ("cancelled", "Done.", "the disk is full", "molotov.json has no entry x")]
    assert said == ["Cancelled.", "Done.", "The disk is full.", "molotov.json has no entry x."]
    assert without_badge_words("Can't tell yet: 8 undecided; 2 more runs should settle it.") == (
        "8 undecided; 2 more runs should settle it."
    )
    assert without_badge_words("Worse: CPU +9.0 %.") == "Worse: CPU +9.0 %."


def test_amounts_and_changes_carry_unit_and_sign() -> None:
    assert amount(0.0123, "ratio") == "1.23 %"
    assert amount(420, "1/s") == "420 /s"
    assert amount(None, "ms") == "–"
    assert [percent(x) for x in (0.0421, -0.2, 0, 12.3, None)] == ["+4.2 %", "−20.0 %", "0.0 %", "+1,230 %", "–"]
    assert [duration(x) for x in (4.23, 125, 3725, None)] == ["4.2 s", "2 min 5 s", "1 h 2 min", "–"]


def verdict(effect: float | None, low: float | None, high: float | None, margin: float = 0.03) -> Verdict:
    noise = Noise(sd=None, autocorrelation=None, wobble=None)
    return Verdict(Outcome.UNDECIDED, effect, low, high, 0.5, 5, 5, ("1",), None, None, noise, margin, "m", 0, "")


@pytest.mark.parametrize(
    ("others", "scale"),
    [((), 0.02), ((0.01,), 0.05), ((-0.3,), 0.5), ((7.0,), 1.0)],
)
def test_intervals_are_drawn_on_one_round_scale_and_stay_in_their_box(others: tuple[float, ...], scale: float) -> None:
    verdicts = [verdict(end / 2, min(0.0, end), max(0.0, end)) for end in others]
    assert scale_of(verdicts) == scale
    for one in verdicts:
        drawn = interval(one, scale)
        assert drawn is not None
        assert 0 <= drawn.left <= drawn.at <= drawn.right <= 200
        assert drawn.inner < 100 < drawn.outer
    assert interval(verdict(None, None, None), scale) is None


def test_what_goes_beyond_the_scale_has_no_end_there() -> None:
    drawn = interval(verdict(0.2, -3.0, 4.0), 1.0)
    assert drawn is not None
    assert (drawn.left, drawn.right, drawn.cut_left, drawn.cut_right) == (0.0, 200.0, True, True)


@pytest.mark.parametrize("values", [[1.0, 2.0], [0.0, 0.0], [-1e300, 1e300], [1e308, -1e308, 0.0], [5.0] * 500])
def test_a_sparkline_stays_in_its_box(values: list[float]) -> None:
    drawn = sparkline(values)
    assert drawn is not None
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", drawn.path)]
    assert all(0 <= x <= 160 for x in numbers[::2])
    assert all(0 <= y <= 36 for y in numbers[1::2])
    assert sparkline(values[:1]) is None
