"""Whatever a run or a value holds comes back as it was."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dogdriver.model import (
    Judged,
    MetricValue,
    Noise,
    Outcome,
    Run,
    SeriesKey,
    Standing,
    Status,
    Trigger,
    Verdict,
)
from dogdriver.model.fields import Id
from dogdriver.storage import outbox
from dogdriver.storage.runs import Runs
from dogdriver.storage.transitions import Transitions
from dogdriver.storage.verdicts import Verdicts
from tests.storage.made import Direct, done, fresh, message
from tests.structs import structs

text = st.text(st.characters(codec="utf-8"), max_size=20)
words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
numbers = st.floats(allow_nan=False, allow_infinity=False)
integers = st.integers(-(2**63), 2**63 - 1)
times = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds
json = st.recursive(
    st.none() | st.booleans() | integers | numbers | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(text, json, max_size=3)


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


def several(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


leaves = {
    Id: words, str: text, int: integers, float: numbers, bool: st.booleans(), datetime: times, Any: json,
}  # fmt: skip
whole_runs = structs(
    Run,
    leaves,
    status=st.sampled_from(sorted(set(Status) - {Status.PENDING})),
    attempts=st.integers(0, 1000),
    metrics=st.dictionaries(words, structs(MetricValue, leaves), max_size=3),
)
looks = st.builds(
    Judged,
    st.builds(SeriesKey, text, text, text, text, text),
    text,
    st.integers(1, 99),
    times,
    st.builds(
        Verdict,
        outcome=st.sampled_from(Outcome),
        **{name: maybe(numbers) for name in ("effect", "low", "high", "p", "smallest_visible")},
        runs=integers,
        baseline_runs=integers,
        baseline_releases=several(text),
        runs_needed=maybe(integers),
        noise=st.builds(Noise, maybe(numbers)),
        margin=numbers,
        method=text,
        seed=integers,
        reason=text,
    ),
    st.sampled_from(Standing),
    st.sampled_from(Outcome),
    text,
    objects,
)


@given(whole_runs)
@settings(max_examples=200)
def test_a_run_comes_back_as_it_was(new: Run) -> None:
    assume(new.trigger is not Trigger.ELSEWHERE)  # those get the label that their release has here
    with fresh() as database:
        transitions = Transitions(Direct(database))
        assert done(transitions.add(new)) == (new, True)
        changed = Run(
            **{name: getattr(new, name) for name in ("id", "project", "deployment", "test", "source", "created")},
            status=Status.ABORTED,
            trigger=new.trigger,
            links=new.links,
            metrics=new.metrics,
        )
        assert done(transitions.save(changed, expect=new.status))
        assert done(transitions.save(new, expect=Status.ABORTED, values=new.metrics))
        assert done(Runs(Direct(database)).get(new.id)) == new


@given(looks)
def test_a_look_comes_back_as_it_was(look: Judged) -> None:
    with fresh() as database:
        done(Verdicts(Direct(database)).save([look]))
        assert done(Verdicts(Direct(database)).looks(look.key, look.release)) == [look]


@given(objects, objects | st.none())
def test_a_message_comes_back_as_it_was(payload: dict[str, object], result: dict[str, object] | None) -> None:
    kept = message("x", payload=payload, result=result)
    with fresh() as database:
        outbox.add(database, kept)
        assert done(outbox.Outbox(Direct(database)).list()) == [kept]
